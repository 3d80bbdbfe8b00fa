"""The log: one JSON object a line on standard error, or lines for people on a terminal.

Each line has timestamp (RFC 3339, UTC), level, service, environment, request_id, message and metadata. What libraries
log through the standard library goes the same way. Known secrets are masked wherever they stand, in tracebacks too, and
a line that can't be written never disturbs who wanted to write it.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson
import structlog

from router.channels.redaction import MASK, secret_forms
from router.messages.text import UNWANTED

SERVICE = "alert-router"

LONGEST = 16_384
"""Characters of one text in a line. A traceback of some fifty frames fits."""

DEEPEST = 6
"""Levels of metadata."""

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

LOUD = (
    *("aiohttp", "aiosmtplib", "asyncio", "httpcore2", "httpx2"),
    *("pagerduty", "slack_sdk", "sqlalchemy", "urllib3", "uvicorn"),
)
"""Libraries of which only warnings are written, whatever the level: at their debug level they write whole requests,
with their credentials."""

Event = MutableMapping[str, Any]


class Redactor:
    """Masks secrets in all texts of a line. `values` is asked each time, since secrets are rotated."""

    def __init__(self, values: Callable[[], Iterable[str]]) -> None:
        self._values = values
        self._seen: frozenset[str] = frozenset()
        self._forms: tuple[str, ...] = ()

    def text(self, text: str) -> str:
        """The text without secrets, cut to LONGEST."""
        values = frozenset(self._values())
        if values != self._seen:
            self._seen, self._forms = values, secret_forms(values)
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"

    def plain(self, value: object, depth: int = 0) -> object:
        """The value as JSON can say it, without secrets. Anything else than plain data is told by its repr."""
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            # JSON's readers, and orjson, stop at 64 bits.
            return int(value) if -(1 << 63) <= value < 1 << 63 else str(value)
        if isinstance(value, str):
            return self.text(str(value))
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<{len(value)} bytes>"
        if depth < DEEPEST and isinstance(value, Mapping):
            return {self.text(str(key)): self.plain(below, depth + 1) for key, below in value.items()}
        if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
            return [self.plain(below, depth + 1) for below in value]
        return self.text(str(value) if isinstance(value, BaseException) else repr(value))


class Shape:
    """The processor that gives each line its form."""

    def __init__(self, environment: str, redactor: Redactor, now: Callable[[], float] = time.time) -> None:
        self._environment = environment
        self._redactor = redactor
        self._now = now

    def __call__(self, _logger: object, method: str, event: Event) -> Event:
        level = str(event.pop("level", method))
        message = self._redactor.plain(str(event.pop("event", "")))
        request_id = self._redactor.plain(str(event.pop("request_id", "")))
        told = event.pop("exc_info", None)
        if told:
            event["traceback"] = _traceback(told)
        return {
            "timestamp": datetime.fromtimestamp(self._now(), UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": {"exception": "error", "critical": "error", "warn": "warning"}.get(level, level),
            "service": SERVICE,
            "environment": self._environment,
            "request_id": request_id,
            "message": message,
            "metadata": self._redactor.plain(event),
        }


def _traceback(told: object) -> str:
    if isinstance(told, BaseException):
        told = (type(told), told, told.__traceback__)
    if not isinstance(told, tuple):
        told = sys.exc_info()
    # Local variables are never part of it: they hold credentials.
    return "".join(traceback.format_exception(*told)) if told[0] is not None else ""


def as_json(_logger: object, _method: str, event: Event) -> str:
    """A line for machines."""
    try:
        return orjson.dumps(event, default=str).decode()
    except orjson.JSONEncodeError:
        # Half a surrogate pair, from a label or a file's name, is in no UTF-8.
        return orjson.dumps(_encodable(event), default=str).decode()


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_encodable(key): _encodable(below) for key, below in value.items()}
    return [_encodable(below) for below in value] if isinstance(value, list) else value


def as_text(_logger: object, _method: str, event: Event) -> str:
    """A line for people. Control characters are taken out: a label must not be able to steer a terminal."""
    metadata = dict(event["metadata"])
    trace = str(metadata.pop("traceback", ""))
    if event["request_id"]:
        metadata = {"request_id": event["request_id"], **metadata}
    fields = "".join(f"  {key}={value}" for key, value in metadata.items())
    line = _harmless(f"{event['timestamp'][11:23]} {event['level'].upper():<7} {event['message']}{fields}")
    if trace:
        line += "".join(f"\n    {_harmless(part)}" for part in trace.rstrip().split("\n"))
    return line


def _harmless(text: str) -> str:
    return UNWANTED.sub("�", text.replace("\n", "⏎").replace("\t", " "))


class Writer:
    """Writes whole lines, from any thread. A stream that is closed or full loses the line, not the router."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        """Write a line."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = log = msg


class _Handler(logging.Handler):
    """Carries the standard library's records into the same processors and the same stream."""

    def __init__(self, shape: Shape, render: Callable[[object, str, Event], str], writer: Writer) -> None:
        super().__init__()
        self._shape = shape
        self._render = render
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        event: dict[str, Any] = {"event": message, "logger": record.name, **structlog.contextvars.get_contextvars()}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        level = record.levelname.lower()
        self._writer.msg(self._render(None, level, self._shape(None, level, event)))


def configure(
    level: str,
    form: Literal["auto", "json", "console"],
    environment: str,
    secrets: Callable[[], Iterable[str]],
    stream: TextIO | None = None,
) -> None:
    """Set up the log of this process. `secrets` gives all values that must never be written; it has to be quick."""
    out = sys.stderr if stream is None else stream
    writer = Writer(out)
    shape = Shape(environment, Redactor(secrets))
    for_people = form == "console" or (form == "auto" and out.isatty())
    render = as_text if for_people else as_json
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, shape, render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_names: writer,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _Handler):
            root.removeHandler(handler)
    root.addHandler(_Handler(shape, render, writer))
    root.setLevel(LEVELS[level])
    for name in LOUD:
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))
    logging.captureWarnings(True)


def get_logger() -> Any:  # noqa: ANN401 - structlog's loggers have no common type
    """A logger. `log.info("message", key=value)`; the keys become metadata, `exc_info=True` a traceback."""
    return structlog.get_logger()


def bind(**values: str) -> contextlib.AbstractContextManager[None]:
    """Values, such as request_id, of all lines that this task writes within the block."""
    return structlog.contextvars.bound_contextvars(**values)
