"""What every notifier must be able to stand; each channel takes part with an adapter.

An adapter is a class `ADAPTER` in `tests/support/<channel>_adapter.py`, found by its file's name:

    class ADAPTER(Adapter):
        channel = "pagerduty"
        destination = Destination("pagerduty", "PD_KEY", "")
        secrets = {"PD_KEY": "0123..."}

        async def start(self, fault: Fault) -> None: ...     # the stub server, in that mode for all calls to come
        async def stop(self) -> None: ...
        def settings(self, fault: Fault) -> object: ...      # the channel's Settings; for Kind.REFUSED and Kind.NO_DNS
                                                             # they point to closed_url() and NOWHERE_URL
        def attempts(self) -> int: ...                       # requests that reached the stub since start
        def check_message(self, hostile: bool) -> None: ...  # asserts on what the stub received last

`tests/router/notifiers/test_every_notifier.py` runs each through its `table`, and through the tests on leaks, hostile
labels, limits, cancelled calls and missing secrets. A channel over HTTP takes HTTP_TABLE, with entries of its own where
its provider has other words; a channel over another protocol, such as SMTP, has a table of its own.
"""

from __future__ import annotations

import importlib
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import aiohttp
from http_stub import Fault, Kind
from notifier_jobs import context, make_job

from router.model import Destination
from router.notifier import Delivered, Job, Notifier, Outcome, Reason, Rejected, Retry
from router.notifiers import channels

SHORT = 0.4
"""Seconds that a call to a provider that doesn't answer may take."""
NOWHERE_URL = "http://provider.invalid:9"
"""RFC 6761 says that no name under .invalid ever resolves."""


def closed_url() -> str:
    """An address at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


class Expected(NamedTuple):
    """The outcome that is due. None: any."""

    outcome: type[Outcome]
    reason: Reason | None = None
    scope: Literal["message", "destination"] | None = None
    maybe_shown: bool | None = None
    after: float | None = None


OK = Fault(Kind.OK)
_MESSAGE = Expected(Rejected, Reason.BAD_MESSAGE, "message")
_CREDENTIALS = Expected(Rejected, Reason.BAD_CREDENTIALS, "destination")
_NO_DESTINATION = Expected(Rejected, Reason.NO_SUCH_DESTINATION, "destination")

HTTP_TABLE: dict[Fault, Expected] = {
    OK: Expected(Delivered),
    Fault(Kind.STATUS, 400): _MESSAGE,
    Fault(Kind.STATUS, 401): _CREDENTIALS,
    Fault(Kind.STATUS, 403): _CREDENTIALS,
    Fault(Kind.STATUS, 404): _NO_DESTINATION,
    Fault(Kind.STATUS, 408): Expected(Retry, Reason.TIMEOUT, maybe_shown=False),
    Fault(Kind.STATUS, 413): _MESSAGE,
    Fault(Kind.STATUS, 429): Expected(Retry, Reason.RATE_LIMITED, maybe_shown=False),
    Fault(Kind.STATUS, 429, "7"): Expected(Retry, Reason.RATE_LIMITED, maybe_shown=False, after=7.0),
    Fault(Kind.STATUS, 429, "999999"): Expected(Retry, Reason.RATE_LIMITED, maybe_shown=False, after=3600.0),
    Fault(Kind.STATUS, 500): Expected(Retry, Reason.UNAVAILABLE, maybe_shown=True),
    Fault(Kind.STATUS, 501): Expected(Retry, Reason.UNAVAILABLE),
    Fault(Kind.STATUS, 502): Expected(Retry, Reason.UNAVAILABLE, maybe_shown=True),
    Fault(Kind.STATUS, 503): Expected(Retry, Reason.UNAVAILABLE, maybe_shown=False),
    Fault(Kind.STATUS, 504): Expected(Retry, Reason.UNAVAILABLE, maybe_shown=True),
    Fault(Kind.HTML): Expected(Retry, Reason.BAD_ANSWER, maybe_shown=True),
    Fault(Kind.BROKEN): Expected(Retry, Reason.BAD_ANSWER, maybe_shown=True),
    Fault(Kind.HANG): Expected(Retry, Reason.TIMEOUT, maybe_shown=True),
    Fault(Kind.DRIP_HEADERS): Expected(Retry, Reason.TIMEOUT, maybe_shown=True),
    Fault(Kind.DRIP_BODY): Expected(Retry, Reason.TIMEOUT, maybe_shown=True),
    Fault(Kind.RESET_BEFORE): Expected(Retry, Reason.RESET, maybe_shown=True),
    Fault(Kind.RESET_AFTER): Expected(Retry, Reason.RESET, maybe_shown=True),
    Fault(Kind.REDIRECT): _NO_DESTINATION,
    Fault(Kind.REFUSED): Expected(Retry, Reason.UNREACHABLE, maybe_shown=False),
    Fault(Kind.NO_DNS): Expected(Retry, Reason.UNREACHABLE, maybe_shown=False),
    Fault(Kind.HUGE): Expected(Retry, Reason.UNAVAILABLE),
    Fault(Kind.ECHO): _MESSAGE,
}
"""The retry table of a channel over HTTP. A gateway's 502 and 504, and a 500, don't say how far the request got."""

UNREACHED = frozenset({Kind.REFUSED, Kind.NO_DNS})
SLOW = frozenset({Kind.HANG, Kind.DRIP_HEADERS, Kind.DRIP_BODY})


class Adapter(ABC):
    """One channel's part in the suite."""

    channel: ClassVar[str]
    destination: ClassVar[Destination]
    secrets: ClassVar[Mapping[str, str]]
    """Name to value. No value, and no half of one, may be found in a log, an outcome or a repr."""
    table: ClassVar[Mapping[Fault, Expected]] = HTTP_TABLE
    """What is due for each fault; a channel over another protocol has its own, HTTP channels may override entries."""

    def __init__(self) -> None:
        self.present = dict(self.secrets)
        """The secrets that exist now; a test takes away or replaces some."""

    @abstractmethod
    async def start(self, fault: Fault) -> None:
        """Start the provider's stub in that mode. REFUSED and NO_DNS are `settings`' business."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop it; nothing may be left open."""

    @abstractmethod
    def settings(self, fault: Fault) -> object:
        """The channel's settings: they point to the stub, or for the kinds of UNREACHED to where nothing is."""

    @abstractmethod
    def attempts(self) -> int:
        """How many requests (SMTP: sessions) the stub has met since it started, whatever it did with them."""

    @abstractmethod
    async def recover(self) -> None:
        """From now on the provider does as it should."""

    @abstractmethod
    def check_message(self, *, hostile: bool) -> None:
        """Assert that what the stub accepted last keeps the provider's limits, and, if the job was hostile, that it is
        inert there: nothing pings, nothing is markup, nothing got into a header."""


@asynccontextmanager
async def running(adapter: Adapter, fault: Fault = OK) -> AsyncIterator[Notifier]:
    """The adapter's notifier, with its provider in that mode."""
    await adapter.start(fault)
    try:
        async with aiohttp.ClientSession() as session:
            given = context(adapter.settings(fault), adapter.present, session)
            notifier = channels()[adapter.channel].build(given)
            try:
                yield notifier
            finally:
                await notifier.close()
    finally:
        await adapter.stop()


def job(adapter: Adapter, **changes: object) -> Job:
    """A job for the adapter's destination; `changes` as in notifier_jobs.make_job."""
    return make_job(adapter.destination, **changes)  # type: ignore[arg-type]


def agrees(outcome: Outcome, expected: Expected) -> bool:
    """Whether an outcome is what was due."""
    if type(outcome) is not expected.outcome:
        return False
    return all(
        getattr(outcome, name) == wanted
        for name in ("reason", "scope", "maybe_shown", "after")
        if (wanted := getattr(expected, name)) is not None
    )


def adapters() -> dict[str, type[Adapter]]:
    """The adapters that there are, by channel."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*_adapter.py")):
        adapter = importlib.import_module(path.stem).ADAPTER
        found[adapter.channel] = adapter
    return found
