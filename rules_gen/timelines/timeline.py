"""What a picture shows, as values. Times are milliseconds from the scenario's start."""

from __future__ import annotations

from typing import NamedTuple

Point = tuple[int, float]
"""A time and a finite value."""


TOGETHER = ("both of these", "all of these")
"""The captions of panels whose lines are parts of one comparison: two of them, or more."""

SIGNAL = "the signal"
PART = "part of the condition"
OURS = (SIGNAL, PART, *TOGETHER)
"""What captions begin with that are words; the others are code."""


class Limit(NamedTuple):
    """A threshold in base units. `words` say it as its author did, `severity` whose it is where there are several."""

    operator: str
    value: float
    words: str
    severity: str


class Line(NamedTuple):
    """A series: what sets it apart from those beside it, and its points. A new run begins after a gap."""

    label: str
    runs: tuple[tuple[Point, ...], ...]


class Panel(NamedTuple):
    """Series over one axis. `unit` is the author's unit of the values, which are in base units.

    `left_out` counts series for which there was no room.
    """

    caption: str
    unit: str
    lines: tuple[Line, ...]
    limits: tuple[Limit, ...]
    left_out: int = 0


class Span(NamedTuple):
    """The alert is in this state (pending or firing) from `start` until before `end`."""

    state: str
    start: int
    end: int


class Band(NamedTuple):
    """What the alert was at one severity, and the times for which somebody asserted it."""

    severity: str
    spans: tuple[Span, ...]
    asserted: tuple[int, ...]


class Timeline(NamedTuple):
    """A scenario as promtool played it. It is drawn from `start`, which is 0 unless it is very long, to `end`."""

    alert: str
    scenario: str
    start: int
    end: int
    panels: tuple[Panel, ...]
    bands: tuple[Band, ...]
