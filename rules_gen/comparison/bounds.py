"""Which of two comparisons with a number holds for more values."""

from __future__ import annotations

import math
from enum import Enum
from itertools import pairwise


class Reach(Enum):
    """What the second comparison lets through, held against the first."""

    SAME = 0
    LESS = -1
    MORE = 1
    NEITHER = None


def reach(old: tuple[str, float], new: tuple[str, float]) -> Reach:
    """How two comparisons (PromQL's operator, and the number on its right) relate.

    Exact: LESS only where each value that passes the new one passes the old one too. NaN, which passes nothing but
    `!=`, is never judged.
    """
    if math.isnan(old[1]) or math.isnan(new[1]):
        return Reach.SAME if old[0] == new[0] and math.isnan(old[1]) and math.isnan(new[1]) else Reach.NEITHER
    # The three kinds of values that a bound can tell apart, and one between each two bounds.
    bounds = sorted({old[1], new[1], -math.inf, math.inf})
    values = [*bounds, *(_between(low, high) for low, high in pairwise(bounds))]
    passing_old, passing_new = ({value for value in values if _passes(value, *bound)} for bound in (old, new))
    if passing_old == passing_new:
        return Reach.SAME
    if passing_new < passing_old:
        return Reach.LESS
    return Reach.MORE if passing_old < passing_new else Reach.NEITHER


def _between(low: float, high: float) -> float:
    if math.isinf(low) and math.isinf(high):
        return 0.0
    if math.isinf(low):
        return math.nextafter(high, -math.inf)
    if math.isinf(high):
        return math.nextafter(low, math.inf)
    # Neighbours have nothing in between; one of them again changes nothing.
    return math.nextafter(low, math.inf)


def _passes(value: float, operator: str, bound: float) -> bool:
    match operator:
        case ">":
            return value > bound
        case ">=":
            return value >= bound
        case "<":
            return value < bound
        case "<=":
            return value <= bound
        case "==":
            return value == bound
        case _:
            return value != bound
