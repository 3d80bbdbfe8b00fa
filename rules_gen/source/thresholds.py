"""Reads a threshold: a comparison in words, a number and a unit, into base units. Exact: decimal, never float."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from rules_gen.model import Threshold

_OPERATORS = {"above": ">", "at least": ">=", "below": "<", "at most": "<=", "equals": "==", "not": "!="}
WORDS = {operator: words for words, operator in _OPERATORS.items()}
"""Each operator in words."""

_UNITS: dict[str, tuple[str, Decimal]] = {
    "": ("", Decimal(1)),
    "%": ("ratio", Decimal("0.01")),
    "ns": ("seconds", Decimal("1e-9")),
    "us": ("seconds", Decimal("1e-6")),
    "µs": ("seconds", Decimal("1e-6")),
    "ms": ("seconds", Decimal("1e-3")),
    "s": ("seconds", Decimal(1)),
    "m": ("seconds", Decimal(60)),
    "min": ("seconds", Decimal(60)),
    "h": ("seconds", Decimal(3600)),
    "d": ("seconds", Decimal(86400)),
    "w": ("seconds", Decimal(604800)),
    "B": ("bytes", Decimal(1)),
    **{f"{p}B": ("bytes", Decimal(1000) ** n) for n, p in enumerate(("k", "M", "G", "T", "P"), 1)},
    "KB": ("bytes", Decimal(1000)),
    **{f"{p}iB": ("bytes", Decimal(1024) ** n) for n, p in enumerate(("K", "M", "G", "T", "P"), 1)},
}
"""What each unit measures, and how many base units (a ratio of one, seconds, bytes) it is."""

_THRESHOLD = re.compile(
    r"\s*(above|at least|below|at most|equals|not|>=|<=|==|!=|>|<)\s*"
    r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?)\s*([A-Za-zµ%]*)\s*"
)


@lru_cache(maxsize=1024)
def parse_threshold(text: str) -> Threshold | None:
    """The threshold that `text` says, None when it says none."""
    match = _THRESHOLD.fullmatch(text)
    if match is None or match.group(3) not in _UNITS:
        return None
    words, number, unit = match.groups()
    dimension, factor = _UNITS[unit]
    value = Decimal(number) * factor
    return Threshold(text.strip(), _OPERATORS.get(words, words), literal(value), float(value), unit, dimension)


def typed_number(text: str) -> Decimal:
    """The number of a threshold as its author typed it, in the author's unit. ValueError for what is no threshold."""
    match = _THRESHOLD.fullmatch(text)
    if match is None:
        raise ValueError(f"no threshold: {text}")
    return Decimal(match.group(2))


def literal(value: Decimal) -> str:
    """The number as PromQL reads it: plain digits, or an exponent where those would be long."""
    value = value.normalize() + Decimal(0)
    if value == 0:
        return "0"
    exponent = value.adjusted()
    return format(value, "f") if -7 <= exponent <= 20 else format(value, "e").replace("e+", "e")


def seconds(text: str) -> Decimal | None:
    """A length of time such as `200ms` in seconds, None when it isn't one."""
    threshold = _THRESHOLD.fullmatch(f"above {text}")
    if threshold is None:
        return None
    dimension, factor = _UNITS.get(threshold.group(3), ("", Decimal(1)))
    return Decimal(threshold.group(2)) * factor if dimension == "seconds" else None
