"""Every line has one form, holds no secret, and never disturbs who writes it."""

import asyncio
import io
import json
import logging
import re
import threading
import warnings

import pytest
import structlog

from router.channels.redaction import MASK
from router.telemetry import logs

SECRET = "hunter2-hunter2"
URL = "https://hooks.example.com/services/T0/B0/zXcVbNmAsDfG"


@pytest.fixture(autouse=True)
def restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    for name in logs.LOUD:
        logging.getLogger(name).setLevel(logging.NOTSET)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def configured(level="info", form="json", stream=None):
    stream = io.StringIO() if stream is None else stream
    logs.configure(level, form, "production", lambda: {SECRET, URL}, stream)
    # pytest's own handlers raise where a real process would only complain.
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if isinstance(handler, logs._Handler)]
    return stream


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_the_agreed_keys():
    out = configured()

    with logs.bind(request_id="r-1"):
        logs.get_logger().warning("Slack limits us", destination="slack:T/#a", after=3.5)

    (line,) = lines(out)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("timestamp"))
    assert line == {
        "level": "warning",
        "service": "alert-router",
        "environment": "production",
        "request_id": "r-1",
        "message": "Slack limits us",
        "metadata": {"destination": "slack:T/#a", "after": 3.5},
    }


def test_the_request_id_belongs_to_its_task():
    out = configured()

    async def handle(request_id):
        with logs.bind(request_id=request_id):
            await asyncio.sleep(0)
            logs.get_logger().info("handled", expected=request_id)

    async def both():
        await asyncio.gather(handle("a"), handle("b"))
        logs.get_logger().info("handled", expected="")

    asyncio.run(both())

    assert [line["request_id"] == line["metadata"]["expected"] for line in lines(out)] == [True] * 3


def test_less_serious_lines_are_not_written():
    out = configured("warning")

    logs.get_logger().info("no")
    logs.get_logger().error("yes")
    logging.getLogger("some.library").info("no")

    assert [line["message"] for line in lines(out)] == ["yes"]


def raising():
    password = "a-local-variable"
    raise ConnectionError(f"can't reach {URL} with {SECRET}") from ValueError(password[:1])


def test_secrets_are_masked_wherever_they_stand():
    out = configured()
    log = logs.get_logger()
    message = f"with {SECRET}"
    log.info(message, token=SECRET, deep={"list": [SECRET, {SECRET: 1}]}, path="/services/T0/B0/zXcVbNmAsDfG")
    log.info("objects", error=ValueError(SECRET), other=type("X", (), {"__repr__": lambda self: SECRET})())
    try:
        raising()
    except ConnectionError:
        log.exception("failed")
        logging.getLogger("library").exception("failed with %s", SECRET)

    text = out.getvalue()
    assert SECRET not in text
    assert "zXcVbNmAsDfG" not in text
    assert "a-local-variable" not in json.loads(text.splitlines()[1])["metadata"]
    assert MASK in text
    assert ["Traceback" in line["metadata"].get("traceback", "") for line in lines(out)] == [False, False, True, True]
    assert {line["level"] for line in lines(out)[2:]} == {"error"}


def test_a_secret_that_is_rotated_is_masked_from_then_on():
    out = io.StringIO()
    known = {"old-secret"}
    logs.configure("info", "json", "", lambda: known, out)

    logs.get_logger().info("old-secret new-secret")
    known.add("new-secret")
    logs.get_logger().info("old-secret new-secret")

    assert [line["message"] for line in lines(out)] == [f"{MASK} new-secret", f"{MASK} {MASK}"]


@pytest.mark.parametrize(
    "value",
    [b"bytes", {1: 2, None: 3}, {"a"}, 1 << 80, float("nan"), "\ud800", "x" * 100_000, object(), [[[[[[[[[[1]]]]]]]]]]],
    ids=lambda value: type(value).__name__,
)
def test_whatever_is_logged_is_one_line_of_json(value):
    out = configured()

    logs.get_logger().info("odd", value=value)

    (line,) = lines(out)
    assert line["message"] == "odd"
    assert len(out.getvalue()) < 20_000


def test_the_standard_library_s_lines_go_the_same_way():
    out = configured()

    logging.getLogger("aiohttp.client").warning("closed %s", "early")
    logging.getLogger("odd").warning(*("two %s %s", "one"))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", UserWarning, stacklevel=1)

    first, second, third = lines(out)
    assert (first["message"], first["metadata"]["logger"]) == ("closed early", "aiohttp.client")
    assert second["message"] == "two %s %s"
    assert "UserWarning: old" in third["message"]


def test_libraries_that_log_whole_requests_are_kept_quiet():
    out = configured("debug")

    for name in (
        "slack_sdk.web.async_client",
        "aiohttp.access",
        "uvicorn.access",
        "pagerduty",
        "urllib3.connectionpool",
    ):
        logging.getLogger(name).info("Authorization: Bearer x")
    logs.get_logger().debug("ours")

    assert [line["message"] for line in lines(out)] == ["ours"]


def test_configuring_twice_writes_each_line_once():
    configured()
    out = configured()

    logging.getLogger("library").warning("once")

    assert len(lines(out)) == 1


def test_a_person_on_a_terminal_gets_text_that_cannot_steer_it():
    out = configured(form="auto", stream=Terminal())

    logs.get_logger().info("\x1b[2Jcleared\nforged line", label="\x9b31m\u202e")

    (line,) = out.getvalue().splitlines()
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3} INFO    ", line)
    assert not set("\x1b\x9b\u202e") & set(line)


def test_a_terminal_shows_tracebacks_over_several_lines():
    out = configured(form="console")
    try:
        raising()
    except ConnectionError:
        logs.get_logger().error("failed", exc_info=True)

    assert "ConnectionError" in out.getvalue().splitlines()[-1]
    assert SECRET not in out.getvalue()


def test_a_stream_that_fails_disturbs_nobody():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    configured(stream=Full())
    logs.get_logger().error("lost")
    out = configured()
    out.close()
    logging.getLogger("library").error("lost")


def test_lines_of_many_threads_stay_whole():
    out = configured()
    threads = [
        threading.Thread(target=lambda n=n: [logs.get_logger().info("x" * 500, n=n) for _ in range(20)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(lines(out)) == 160
