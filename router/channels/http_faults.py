"""What a provider's answer over HTTP, or the lack of one, means: docs/reliability.md's retry table as functions. Pure.

Answers are judged by their status, exceptions by the names of their classes: `aiohttp`, `httpx` and `requests` call the
same faults by nearly the same names, and no client has to be imported to judge another's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from router.channels.redaction import redact
from router.model import Micros
from router.notifier import Reason, Rejected, Retry

LONGEST_WAIT = 3_600.0
"""Seconds that a Retry-After may ask for at most: a clock that is wrong there must not keep people uninformed here."""

ANSWER_BYTES = 4_096
"""How much of an answer is worth reading for its error message. A provider's success is shorter still."""


def judge(
    status: int,
    headers: Mapping[str, str],
    body: bytes | str,
    *,
    now: Micros,
    hide: Callable[[str | bytes], str] = redact,
) -> Retry | Rejected | None:
    """What a status means; None for 2xx, whose body the channel has to look at.

    `headers` are looked up by `Retry-After`, so they should ignore case. `body` is the answer's beginning, `hide` cuts
    it and takes the secrets out. A 500, 502 or 504 doesn't say how far the request got, so it may have been shown;
    a 503, 429 or 408 says that it wasn't handled (RFC 9110, 15.6 and 15.5.9; RFC 6585, 4).
    """
    detail = f"{status} {hide(body)}".rstrip()
    after = retry_after(headers.get("Retry-After", ""), now)
    if 200 <= status < 300:
        return None
    if status == 429:
        return Retry(Reason.RATE_LIMITED, after, detail=detail)
    if status == 408:
        return Retry(Reason.TIMEOUT, after, detail=detail)
    if status in {425, 503}:
        return Retry(Reason.UNAVAILABLE, after, detail=detail)
    if status >= 500:
        return Retry(Reason.UNAVAILABLE, after, maybe_shown=True, detail=detail)
    if status in {401, 402, 403, 407}:
        return Rejected(Reason.BAD_CREDENTIALS, "destination", detail)
    if status in {404, 405, 410, 421} or 300 <= status < 400:
        # A redirect isn't followed: it could lead anywhere, and the secret with it.
        return Rejected(Reason.NO_SUCH_DESTINATION, "destination", detail)
    if 400 <= status < 500:
        return Rejected(Reason.BAD_MESSAGE, "message", detail)
    return Retry(Reason.BAD_ANSWER, maybe_shown=True, detail=detail)


def bad_answer(status: int, body: bytes | str, hide: Callable[[str | bytes], str] = redact) -> Retry:
    """A success that isn't the provider's, such as a proxy's page. Whether the message arrived is anybody's guess."""
    return Retry(Reason.BAD_ANSWER, maybe_shown=True, detail=f"{status} {hide(body)}".rstrip())


def retry_after(value: str, now: Micros) -> float | None:
    """The seconds that a Retry-After header asks for, 0 to LONGEST_WAIT; None when it is missing or can't be read.

    It holds seconds or an HTTP date (RFC 9110, 10.2.3); some providers send fractions of seconds.
    """
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{0,12})?", value):
        return min(float(value), LONGEST_WAIT)
    try:
        date = parsedate_to_datetime(value[:64])
        at = date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):  # Whatever text may be in a header.
        return None
    wait = at - datetime.fromtimestamp(now / 1_000_000, UTC).timestamp()
    return min(max(wait, 0.0), LONGEST_WAIT)


class _Meaning(NamedTuple):
    reason: Reason
    maybe_shown: bool


_NOT_SENT = _Meaning(Reason.UNREACHABLE, maybe_shown=False)
_LATE = _Meaning(Reason.TIMEOUT, maybe_shown=True)
_BROKEN = _Meaning(Reason.RESET, maybe_shown=True)
_NONSENSE = _Meaning(Reason.BAD_ANSWER, maybe_shown=True)

EXCEPTIONS: dict[str, _Meaning] = {
    # aiohttp. A connector's errors come before anything is sent; a ConnectionTimeoutError too.
    "ClientConnectorError": _NOT_SENT,
    "ClientSSLError": _NOT_SENT,
    "ServerFingerprintMismatch": _NOT_SENT,
    "ConnectionTimeoutError": _NOT_SENT,
    "ServerTimeoutError": _LATE,
    "ServerDisconnectedError": _BROKEN,
    "ClientOSError": _BROKEN,
    "ClientPayloadError": _BROKEN,
    "ClientConnectionError": _BROKEN,
    "ClientResponseError": _NONSENSE,
    # httpx and what carries it
    "ConnectTimeout": _NOT_SENT,
    "ConnectError": _NOT_SENT,
    "PoolTimeout": _NOT_SENT,
    "ProxyError": _NOT_SENT,
    "ReadTimeout": _LATE,
    "WriteTimeout": _LATE,
    "ReadError": _BROKEN,
    "WriteError": _BROKEN,
    "CloseError": _BROKEN,
    "RemoteProtocolError": _BROKEN,
    "TransportError": _BROKEN,
    "DecodingError": _NONSENSE,
    # requests and urllib3; requests calls a refused connection and a broken one by the same name.
    "NewConnectionError": _NOT_SENT,
    "NameResolutionError": _NOT_SENT,
    "MaxRetryError": _NOT_SENT,
    "SSLError": _NOT_SENT,
    "ChunkedEncodingError": _BROKEN,
    "ContentDecodingError": _NONSENSE,
    "InvalidJSONError": _NONSENSE,
    # Python's own
    "gaierror": _NOT_SENT,
    "ConnectionRefusedError": _NOT_SENT,
    "SSLCertVerificationError": _NOT_SENT,
    "ConnectionError": _BROKEN,
    "IncompleteRead": _BROKEN,
    "TimeoutError": _LATE,
    "HTTPException": _NONSENSE,
    "OSError": _BROKEN,
}
"""By the name of an exception's class, or of the nearest of its bases that is named here."""


def judge_exception(
    error: BaseException, *, sent: bool | None = None, hide: Callable[[str | bytes], str] = redact
) -> Retry:
    """What an exception of an HTTP client means. `sent`: whether anything had left, when the caller knows it.

    What isn't known at all is a BUG that may have been shown.
    """
    meaning = next(
        (EXCEPTIONS[base.__name__] for base in type(error).__mro__ if base.__name__ in EXCEPTIONS),
        _Meaning(Reason.BUG, maybe_shown=True),
    )
    reason, maybe_shown = meaning
    if sent is False:
        maybe_shown = False
        if reason in {Reason.RESET, Reason.TIMEOUT}:
            reason = Reason.UNREACHABLE
    elif sent:
        maybe_shown = True
        if reason is Reason.UNREACHABLE:
            reason = Reason.RESET
    return Retry(reason, maybe_shown=maybe_shown, detail=f"{type(error).__name__}: {hide(str(error))}".rstrip(": "))
