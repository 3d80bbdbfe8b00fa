"""How long to wait before the next attempt. Pure: chance is passed in."""

from __future__ import annotations

from router.model import SECOND, Micros

FIRST = 1 * SECOND
CAP = 60 * SECOND
GROWTH = 5
"""So that four waits, which part five attempts, reach the cap."""

SPREAD = 5
"""A wait is shortened by at most one part in this many, so that what failed together doesn't come back together."""


def delay(attempt: int, jitter: float) -> Micros:
    """Microseconds to wait after failed attempt number `attempt`, counted from 1. `jitter` is in [0, 1).

    Without jitter: 1, 5, 25, 60, 60 ... seconds, each shortened by up to a fifth. The four waits between five attempts
    last between 73 and 91 s, 82 on average; with the time that five failing calls take that is the budget of about
    90 s after which a delivery becomes a dead letter.
    """
    # The exponent is bounded, since a destination can be rate limited any number of times in a row.
    nominal: Micros = min(FIRST * GROWTH ** min(max(attempt, 1) - 1, 8), CAP)
    return nominal - int(nominal * min(max(jitter, 0.0), 1.0) / SPREAD)
