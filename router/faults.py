"""The retry table: what a failed call means for its delivery and for its destination's breaker. Pure.

The table is closed: every Reason stands in it once, which a test holds.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from router.notifier import Reason


class Fault(NamedTuple):
    """What follows from a reason."""

    spends: bool
    """Whether it counts towards the five attempts while the breaker is closed. Once it is open nothing does."""
    breaker: Literal["no", "limit", "count", "count_rows", "park"]
    """no: nothing; limit: wait for Retry-After or back off; count: opens after 3 in a row; count_rows: after 3 in a row
    on different rows, so that one poison message can't park a destination; park: opens at once."""


FAULTS: dict[Reason, Fault] = {
    Reason.RATE_LIMITED: Fault(spends=False, breaker="limit"),
    Reason.UNREACHABLE: Fault(spends=True, breaker="count"),
    Reason.UNAVAILABLE: Fault(spends=True, breaker="count"),
    Reason.BAD_ANSWER: Fault(spends=True, breaker="count"),
    Reason.TIMEOUT: Fault(spends=True, breaker="count_rows"),
    Reason.RESET: Fault(spends=True, breaker="count_rows"),
    Reason.BUG: Fault(spends=True, breaker="no"),
    Reason.BAD_MESSAGE: Fault(spends=True, breaker="no"),
    Reason.BAD_CREDENTIALS: Fault(spends=False, breaker="park"),
    Reason.NO_SUCH_DESTINATION: Fault(spends=False, breaker="park"),
    Reason.MISCONFIGURED: Fault(spends=False, breaker="park"),
}

BREAKER_AFTER = 3
"""Failures in a row that open a breaker."""

PROBE_EVERY = 5_000_000
"""Microseconds between probes of an open breaker, at least."""
