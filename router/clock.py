"""The process's clock: wall time that never runs backwards or leaps by itself, and says so when the machine's did.

Leases, back-offs and deadlines compare times. A step of the machine's clock, such as by NTP after a resume, must not
make every lease look expired at once; so time goes on from the monotonic clock, and a step is taken over at one moment
that others can know of.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from router.model import SECOND, Micros

STEP = 2 * SECOND
"""A difference between the clocks beyond this is a step; slewing stays far below it."""


class Clock:
    """Microseconds since 1970. May be asked in any thread; `check` belongs to one."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], int] = time.monotonic_ns) -> None:
        """`wall` in seconds since 1970, `steady` in nanoseconds."""
        self._wall = wall
        self._steady = steady
        self._offset = 0
        self.stepped_at: Micros = 0
        """When a step was last taken over, in the new time; 0 when never."""
        self._set()
        self._started = self._undisturbed_since = self._steady()

    def _set(self) -> None:
        self._offset = int(self._wall() * 1_000_000) - self._steady() // 1000

    def now(self) -> Micros:
        """The time."""
        return self._steady() // 1000 + self._offset

    def running(self) -> Micros:
        """How long this clock has been running, whatever the wall clock did."""
        return (self._steady() - self._started) // 1000

    def undisturbed(self) -> Micros:
        """How long it has been running since the last step: what was dated before that looks older or younger now."""
        return (self._steady() - self._undisturbed_since) // 1000

    def check(self) -> Micros:
        """Follow the wall clock if it has stepped. By how much it did; 0 when it hasn't."""
        step = int(self._wall() * 1_000_000) - self.now()
        if abs(step) < STEP:
            # Drift is followed in small pieces, so that now() stays within a step of the truth for years.
            self._offset += max(-1000, min(step, 1000)) if step > 0 else 0
            return 0
        self._set()
        self._undisturbed_since = self._steady()
        self.stepped_at = self.now()
        return step
