"""A destination's breaker: whether calls may be made to it, and what each answer means for that. Pure.

    ok       calls are made
    limited  the provider asked for a pause: none before `until`
    open     it failed several times in a row: one call at a time, a probe, every PROBE_EVERY
    parked   it refuses us as such, such as by 401: as open, but somebody has to do something about it

The retry table in `faults.py` says which reason leads where. A Breaker is a value, and each function answers with a
new one.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from router import backoff
from router.faults import BREAKER_AFTER, FAULTS, PROBE_EVERY
from router.model import HOUR, MINUTE, SECOND, DestinationStatus, Micros
from router.notifier import Reason

State = Literal["ok", "limited", "open", "parked"]

LONGEST_PAUSE = 1 * HOUR
"""What is believed of a Retry-After. A longer one would silence a destination on one answer's word."""

SHORTEST_PAUSE = 1 * SECOND
"""Retry-After counts in seconds (RFC 9110, 10.2.3); a provider that says 0 is still asked to wait for one."""

PARKED_PROBE_AT_MOST = 1 * MINUTE
"""Probes of a parked destination become rarer up to this: until somebody acts, they are refused."""

PROBED_KEPT = 4
"""How many of the last probes' rows are remembered, so that each probe takes another one."""


class Breaker(NamedTuple):
    """What is known of a destination's health."""

    state: State = "ok"
    reason: Reason | None = None
    detail: str = ""
    since: Micros = 0
    """When it left `ok`."""
    until: Micros = 0
    """No call before this."""
    strikes: tuple[str, ...] = ()
    """The rows that failed in a row, while it isn't open yet."""
    pauses: int = 0
    """How often in a row it was rate limited."""
    probes: int = 0
    """How many probes it has had since it opened."""
    probed: tuple[str, ...] = ()
    """Rows that served as the last probes, the latest last."""

    @property
    def is_open(self) -> bool:
        """Whether calls are only made as probes. While they are, a failure spends no attempt."""
        return self.state in ("open", "parked")

    @property
    def cautious(self) -> bool:
        """Whether one call at a time is enough: the last one failed, or there was a pause."""
        return self.state != "ok" or bool(self.strikes)


CLOSED = Breaker()


def allows(breaker: Breaker, now: Micros) -> bool:
    """Whether a call may be started. While the breaker isn't ok, none may be under way either: see `cautious`."""
    return breaker.state == "ok" or now >= breaker.until


def on_start(breaker: Breaker, row: str, now: Micros) -> Breaker:
    """A call starts, with this row. While the breaker is open it is a probe, and the next one has to wait."""
    if not breaker.is_open:
        return breaker
    pause = PROBE_EVERY
    if breaker.state == "parked":
        pause = min(PROBE_EVERY * 2 ** min(breaker.probes, 8), PARKED_PROBE_AT_MOST)
    kept = tuple(key for key in breaker.probed if key != row)[-(PROBED_KEPT - 1) :]
    return breaker._replace(until=now + pause, probes=breaker.probes + 1, probed=(*kept, row))


def on_success(breaker: Breaker, now: Micros) -> Breaker:
    """A call was answered well. That closes the breaker; only a pause that was asked for is kept to its end."""
    if breaker.state == "limited" and now < breaker.until:
        return breaker._replace(strikes=())
    return CLOSED


def on_failure(
    breaker: Breaker,
    reason: Reason,
    row: str,
    now: Micros,
    *,
    retry_after: float | None = None,
    jitter: float = 0.0,
    detail: str = "",
) -> Breaker:
    """A call with this row failed. `retry_after`: the provider's wish in seconds; `jitter` in [0, 1)."""
    effect = FAULTS[reason].breaker
    if effect == "no":
        return on_refused_message(breaker, now) if reason is Reason.BAD_MESSAGE else breaker
    if effect == "limit":
        return _limited(breaker, now, retry_after, jitter, detail)
    if effect == "park":
        return park(breaker, reason, now, detail)
    known = effect == "count_rows" and row in breaker.strikes
    strikes = breaker.strikes if known else (*breaker.strikes, row)
    if breaker.is_open:
        return breaker._replace(reason=reason, detail=detail) if breaker.state == "open" else breaker
    if len(strikes) < BREAKER_AFTER:
        return breaker._replace(strikes=strikes)
    until = max(now + PROBE_EVERY, breaker.until)
    return Breaker("open", reason, detail, now, until)


def on_refused_message(breaker: Breaker, now: Micros) -> Breaker:
    """The provider judged a message and refused it, so the provider is there. That says nothing about its other
    judgements: a parked destination stays parked.
    """
    return breaker if breaker.state == "parked" else on_success(breaker, now)


def park(breaker: Breaker, reason: Reason, now: Micros, detail: str = "") -> Breaker:
    """The destination refuses us as such."""
    if breaker.state == "parked":
        return breaker._replace(reason=reason, detail=detail)
    until = max(now + PROBE_EVERY, breaker.until)
    return Breaker("parked", reason, detail, now, until, probed=breaker.probed)


def _limited(breaker: Breaker, now: Micros, retry_after: float | None, jitter: float, detail: str) -> Breaker:
    # Answers to calls that were under way together count once.
    again = breaker.state != "limited" or now >= breaker.until
    pauses = breaker.pauses + again
    pause = backoff.delay(pauses, jitter)
    # A number that isn't one fails every comparison, and leaves the back-off as it is.
    if retry_after is not None and retry_after >= 0:
        wished = min(retry_after, LONGEST_PAUSE / SECOND)
        pause = max(int(wished * SECOND), SHORTEST_PAUSE)
    since = breaker.since if breaker.state == "limited" else now
    return Breaker("limited", Reason.RATE_LIMITED, detail, since, max(now + pause, breaker.until), pauses=pauses)


def status_of(breaker: Breaker, destination: str) -> DestinationStatus:
    """What the other replicas, the console and the metrics are told."""
    reason = breaker.reason.value if breaker.reason is not None else ""
    return DestinationStatus(destination, breaker.state, reason, breaker.detail, breaker.since, breaker.until)


def restored(status: DestinationStatus, now: Micros) -> Breaker:
    """The breaker after a restart: a pause is kept, an open breaker may be probed at once, and only probed."""
    reason = Reason(status.reason) if status.reason in set(Reason) else None
    match status.state:
        case "limited" if status.until > now:
            until = min(status.until, now + LONGEST_PAUSE)
            return Breaker("limited", reason, status.detail, status.since, until, pauses=1)
        case "open":
            return Breaker("open", reason, status.detail, status.since, now)
        case "parked":
            return Breaker("parked", reason, status.detail, status.since, now)
        case _:
            return CLOSED
