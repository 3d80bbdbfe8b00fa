"""How a threshold looks: colours of severities, units of axes, the steps that Grafana draws as lines."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rules_gen.model import SEVERITIES, Threshold

GOOD = "green"
NOTHING = "transparent"
COLOURS = {"critical": "red", "high": "orange", "medium": "yellow", "low": "blue"}
"""Names of Grafana's palette, which its light and its dark theme each give a readable shade."""

_UNITS = {"ratio": "percentunit", "seconds": "s", "bytes": "bytes"}
_BELOW = ("<", "<=")
_EQUALITY = ("==", "!=")


@dataclass(frozen=True, slots=True)
class Line:
    """A threshold on a panel, in the signal's own unit."""

    operator: str
    value: float
    severity: str


@dataclass(frozen=True, slots=True)
class Steps:
    """Grafana's threshold steps: a colour from each value up, None for minus infinity. `area` shades the bad
    side.
    """

    steps: tuple[tuple[float | None, str], ...]
    area: bool


def unit_of(threshold: Threshold | None) -> str:
    """The Grafana unit of a panel with this threshold, whose value is in base units; `short` where it has
    none.
    """
    return _UNITS.get(threshold.dimension, "short") if threshold else "short"


def worst(severities: Iterable[str]) -> str:
    """The worst of some severities. ValueError for none, or for one that doesn't exist."""
    return SEVERITIES[min(SEVERITIES.index(severity) for severity in severities)]


def steps_of(lines: Iterable[Line]) -> Steps:
    """The steps that draw each line in its severity's colour.

    Grafana colours from a value upwards. For "below" the colour therefore belongs to the step before and the
    value ends it with `transparent`, which Grafana takes as the sign to draw the line in the colour
    underneath. Where the sides can't be told apart (an equality, or bounds that cross) only the lines are
    drawn. Two rungs at one value share the worse colour; what isn't finite can't be drawn and is left out.
    """
    below: dict[float, list[str]] = {}
    above: dict[float, list[str]] = {}
    equality = False
    for line in lines:
        if math.isfinite(line.value):
            side = below if line.operator in _BELOW else above
            side.setdefault(line.value, []).append(line.severity)
            equality = equality or line.operator in _EQUALITY
    crossing = bool(below and above) and max(below) >= min(above)
    if equality or crossing:
        both = {value: below.get(value, []) + above.get(value, []) for value in below.keys() | above.keys()}
        return Steps(((None, NOTHING), *_rising(both)), area=False)
    falling = _rising(below)
    # Each colour moves one step down, to where its band begins; the last value opens the good band.
    starts = [None, *(value for value, _ in falling)]
    colours = [*(colour for _, colour in falling), NOTHING]
    return Steps((*zip(starts, colours, strict=True), *_rising(above)), area=bool(below or above))


def _rising(lines: dict[float, list[str]]) -> list[tuple[float, str]]:
    return [(value, COLOURS[worst(lines[value])]) for value in sorted(lines)]
