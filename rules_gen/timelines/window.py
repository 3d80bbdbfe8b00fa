"""Which part of a scenario is drawn, and at which times promtool is asked."""

from __future__ import annotations

import re
from typing import NamedTuple

from rules_gen.model import Scenario, State

# A phone shows about this many points apart.
_MOST_SAMPLES = 120
# Up to four hours of minutes are drawn whole.
_MOST_WHOLE = 240
# Beyond this, a tick is narrower than anything that a screen shows.
_MOST_STATES = 1500
_LEAST_LEAD = 30
_MARGIN = 0.05
# Of a phone's width this is six or seven points.
_LEAST_PART = 0.02

_SEGMENT = re.compile(r"(?:stale|_|[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?(?:[-+][0-9.]+(?:[eE][-+]?[0-9]+)?)?)(?:x([0-9]+))?")


class Window(NamedTuple):
    """What is drawn: from `start` to `end`, `step` milliseconds between ticks.

    `samples` are the times at which values are asked for, `states` those for the alert. Both are ticks, and have
    every asserted time.
    """

    start: int
    end: int
    step: int
    samples: tuple[int, ...]
    states: tuple[int, ...]


def window_of(scenario: Scenario, step: int) -> Window:
    """The whole scenario until shortly after its last assertion; a very long one begins shortly before its first
    assertion, or the change in its series that leads there.

    A change so long ago that what is asserted would be too narrow to see is no such change.
    """
    times = [assertion.at_ms // step for assertion in scenario.assertions]
    last = max(times)
    end = last + max(1, round(last * _MARGIN)) if last <= _MOST_WHOLE else last
    start = 0
    if last > _MOST_WHOLE:
        first = _interesting(scenario, step)
        start = max(0, first - max(_LEAST_LEAD, (last - first) // 3))
        end = last + max(1, round((last - start) * _MARGIN))
    samples = _thinned(start, end, times, _MOST_SAMPLES)
    states = _thinned(start, end, times, _MOST_STATES)
    return Window(
        start * step, end * step, step, tuple(tick * step for tick in samples), tuple(tick * step for tick in states)
    )


def _interesting(scenario: Scenario, step: int) -> int:
    """The tick at which it becomes worth watching."""
    first, last = (pick(assertion.at_ms for assertion in scenario.assertions) for pick in (min, max))
    shown = max(last - first, _LEAST_LEAD * step)
    awake = [assertion.at_ms for assertion in scenario.assertions if assertion.state is not State.QUIET]
    changes = [
        at
        for _, values in scenario.series
        for at in _changes(values, scenario.interval_ms)
        if at <= min(awake, default=first) and (last - at) * _LEAST_PART <= shown
    ]
    return min(first, max(changes, default=first)) // step


def _changes(values: str, interval: int) -> list[int]:
    """The times at which a series in promtool's notation goes on differently; none for one with histograms."""
    found, position = [], 0
    for segment in values.split():
        match = _SEGMENT.fullmatch(segment)
        if match is None:
            return []
        found.append(position * interval)
        repeats = int(match[1] or 0)
        # `1x3` and `1+0x3` are four samples, `_x3` is three.
        position += max(1, repeats) if segment.startswith("_") else repeats + 1
    return found


def _thinned(start: int, end: int, wanted: list[int], most: int) -> list[int]:
    """Ticks from start to end, about `most` of them at even distances, and those that are wanted."""
    stride = -(-(end - start + 1) // most)
    return sorted({*range(start, end + 1, stride), *wanted, end})
