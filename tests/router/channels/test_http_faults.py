"""The retry table of channels over HTTP, answer by answer and exception by exception."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import aiohttp
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.channels.http_faults import LONGEST_WAIT, bad_answer, judge, judge_exception, retry_after
from router.notifier import Reason, Rejected, Retry

NOW = 1_772_331_000_000_000
MOMENT = datetime.fromtimestamp(NOW / 1e6, UTC)


def judged(status: int, **headers: str):
    return judge(status, {name.replace("_", "-").title(): value for name, value in headers.items()}, b"why", now=NOW)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_success_is_for_the_channel_to_look_at(status):
    assert judged(status) is None


@pytest.mark.parametrize(
    ("status", "reason", "maybe_shown"),
    [
        (408, Reason.TIMEOUT, False),
        (425, Reason.UNAVAILABLE, False),
        (429, Reason.RATE_LIMITED, False),
        (500, Reason.UNAVAILABLE, True),
        (501, Reason.UNAVAILABLE, True),
        (502, Reason.UNAVAILABLE, True),
        (503, Reason.UNAVAILABLE, False),
        (504, Reason.UNAVAILABLE, True),
        (599, Reason.UNAVAILABLE, True),
        (100, Reason.BAD_ANSWER, True),
        (0, Reason.BAD_ANSWER, True),
    ],
)
def test_what_may_work_later_is_tried_again(status, reason, maybe_shown):
    assert judged(status) == Retry(reason, None, maybe_shown, f"{status} why")


@pytest.mark.parametrize(
    ("statuses", "reason", "scope"),
    [
        ((400, 406, 409, 411, 413, 414, 415, 418, 422, 431, 451), Reason.BAD_MESSAGE, "message"),
        ((401, 402, 403, 407), Reason.BAD_CREDENTIALS, "destination"),
        ((404, 405, 410, 421, 300, 301, 302, 303, 304, 307, 308), Reason.NO_SUCH_DESTINATION, "destination"),
    ],
)
def test_what_will_not_work_is_rejected(statuses, reason, scope):
    for status in statuses:
        assert judged(status) == Rejected(reason, scope, f"{status} why")


def test_every_status_has_a_meaning():
    for status in range(1000):
        assert (judged(status) is None) == (200 <= status < 300)


@pytest.mark.parametrize("status", [429, 503, 500, 408])
def test_retry_after_is_heeded_wherever_it_comes(status):
    assert judged(status, retry_after="12").after == 12.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("30", 30.0),
        (" 30 ", 30.0),
        ("1.5", 1.5),
        ("3600", 3600.0),
        ("3601", LONGEST_WAIT),
        ("999999999999", LONGEST_WAIT),
        (format_datetime(MOMENT + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(MOMENT + timedelta(days=9), usegmt=True), LONGEST_WAIT),
        (format_datetime(MOMENT - timedelta(days=9), usegmt=True), 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_an_hour_at_most(value, seconds):
    assert retry_after(value, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    ["", "soon", "-5", "1e9", "nan", "inf", "٣", "9" * 50, "Mon, 99 Foo 2026 99:99:99 GMT", "\x00", "1,2", "0x10"],
)
def test_a_retry_after_that_says_nothing_is_none(value):
    assert retry_after(value, NOW) is None


@given(st.text(max_size=80), st.integers(0, 4 * 10**15))
def test_no_retry_after_breaks_the_router(value, now):
    seconds = retry_after(value, now)
    assert seconds is None or 0 <= seconds <= LONGEST_WAIT


KEY = SimpleNamespace(ssl=None, host="h", port=1, is_ssl=False)

NOT_SENT = [
    aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "refused")),
    aiohttp.ClientConnectorDNSError(KEY, OSError("dns")),
    aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "tls")),
    aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError("x")),
    aiohttp.ConnectionTimeoutError(),
    aiohttp.ServerFingerprintMismatch(b"a", b"b", "h", 1),
    httpx2.ConnectError("x"),
    httpx2.ConnectTimeout("x"),
    httpx2.PoolTimeout("x"),
    httpx2.ProxyError("x"),
    ConnectionRefusedError(111, "refused"),
    socket.gaierror(-2, "unknown"),
    ssl.SSLCertVerificationError("x"),
]
LATE = [
    TimeoutError(),
    aiohttp.SocketTimeoutError(),
    aiohttp.ServerTimeoutError(),
    httpx2.ReadTimeout("x"),
    httpx2.WriteTimeout("x"),
]
BROKEN = [
    aiohttp.ServerDisconnectedError(),
    aiohttp.ClientOSError(104, "reset"),
    aiohttp.ClientPayloadError("x"),
    aiohttp.ClientConnectionResetError("x"),
    aiohttp.ClientConnectionError("x"),
    httpx2.ReadError("x"),
    httpx2.WriteError("x"),
    httpx2.CloseError("x"),
    httpx2.RemoteProtocolError("x"),
    ConnectionResetError(104, "reset"),
    BrokenPipeError(32, "pipe"),
]


def name(error: object) -> str:
    return f"{type(error).__module__.partition('.')[0]}-{type(error).__name__}" if isinstance(error, Exception) else ""


@pytest.mark.parametrize("error", NOT_SENT, ids=name)
def test_before_anything_is_sent_nothing_can_have_been_shown(error):
    outcome = judge_exception(error)
    assert (outcome.reason, outcome.maybe_shown) == (Reason.UNREACHABLE, False)


@pytest.mark.parametrize("error", LATE, ids=name)
def test_no_answer_in_time_may_have_been_shown(error):
    outcome = judge_exception(error)
    assert (outcome.reason, outcome.maybe_shown) == (Reason.TIMEOUT, True)


@pytest.mark.parametrize("error", BROKEN, ids=name)
def test_a_broken_connection_may_have_been_shown(error):
    outcome = judge_exception(error)
    assert (outcome.reason, outcome.maybe_shown) == (Reason.RESET, True)


@pytest.mark.parametrize("library", ["requests", "urllib3"])
def test_names_of_other_clients_are_known(library):
    names = {
        "requests": {"ConnectTimeout": False, "ReadTimeout": True, "SSLError": False, "ChunkedEncodingError": True},
        "urllib3": {"NewConnectionError": False, "NameResolutionError": False, "MaxRetryError": False},
    }[library]
    for class_name, maybe_shown in names.items():
        error = type(class_name, (Exception,), {"__module__": library})("x")
        assert judge_exception(error).maybe_shown is maybe_shown, class_name


def test_who_knows_how_far_it_got_is_believed():
    assert judge_exception(httpx2.ReadError("x"), sent=False).reason is Reason.UNREACHABLE
    assert judge_exception(TimeoutError(), sent=False) == Retry(Reason.UNREACHABLE, detail="TimeoutError")
    assert judge_exception(httpx2.ConnectError("x"), sent=True) == Retry(
        Reason.RESET, maybe_shown=True, detail="ConnectError: x"
    )


def test_what_nobody_expected_is_a_bug_that_may_have_been_shown():
    outcome = judge_exception(KeyError("x"))
    assert (outcome.reason, outcome.maybe_shown) == (Reason.BUG, True)
    assert judge_exception(KeyError("x"), sent=False).maybe_shown is False


def test_details_are_cut_and_hidden():
    page = b"<html>\x00\r\n" + b"Bearer abcdef0123456789 " + b"x" * 10_000
    for outcome in (judge(400, {}, page, now=NOW), bad_answer(200, page), judge_exception(OSError(page.decode()))):
        assert len(outcome.detail) < 350
        assert "abcdef0123456789" not in outcome.detail
        assert not {"\x00", "\n", "\r"} & set(outcome.detail)
