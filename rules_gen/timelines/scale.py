"""Axes: round numbers along them, and how values and times are written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rules_gen.target_support.condition import unit_text
from rules_gen.timelines.style import text_width

_FACTORS = {
    "%": 0.01,
    **dict(zip(("ns", "us", "µs", "ms", "s", "m", "min"), (1e-9, 1e-6, 1e-6, 1e-3, 1.0, 60.0, 60.0), strict=True)),
    **dict(zip(("h", "d", "w"), (3600.0, 86400.0, 604800.0), strict=True)),
    **{f"{prefix}B": 1000.0**power for power, prefix in enumerate(("", "k", "M", "G", "T", "P"))},
    **{f"{prefix}iB": 1024.0**power for power, prefix in enumerate(("K", "M", "G", "T", "P"), 1)},
    "KB": 1000.0,
}
_SHORT_FROM, _SHORT_TO = 1e4, 1e15
_EXTREME = 1e100
_LONG = 1e6
_MOST_TICKS = 60
_SHORT = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_TIMES = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms"))
_TIME_STEPS = (
    *(1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_200_000),
    *(1_800_000, 3_600_000, 7_200_000, 10_800_000, 14_400_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000),
)


def value_text(value: float, unit: str) -> str:
    """A value in base units as its author would write it: `5 %`, `500 ms`, `12.5k`."""
    scaled = value / _FACTORS.get(unit, 1.0)
    suffix = unit_text(unit)
    short = ""
    if unit in ("", "B") and _SHORT_FROM <= abs(scaled) < _SHORT_TO:
        size, short = next((size, sign) for size, sign in _SHORT if size <= abs(scaled))
        scaled /= size
    text = f"{scaled:.4g}"
    if "e" in text and 1 <= abs(scaled) < _LONG:
        text = f"{scaled:.0f}"
    text = {"-0": "0"}.get(text, text)
    return f"{text} {short}{suffix}" if suffix else f"{text}{short}"


def time_text(milliseconds: int) -> str:
    """A time on the axis: `1 h 30 min`."""
    parts: list[str] = []
    rest = milliseconds
    for size, unit in _TIMES:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0"


def tame(value: float) -> float:
    """A value that can be calculated with: what no axis could show is moved to where one can."""
    if math.isnan(value) or abs(value) < 1 / _EXTREME:
        return 0.0
    return max(-_EXTREME, min(_EXTREME, value))


def value_ticks(values: Iterable[float], unit: str, most: int) -> tuple[float, ...]:
    """At most `most` round values for an axis, the first and the last of them around all of these."""
    factor = _FACTORS.get(unit, 1.0)
    finite = [tame(value) / factor for value in values]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    if 0 <= low <= high * 0.6 or 0 <= low == high:
        low = 0.0
    if 0 > high >= low * 0.6 or low == high < 0:
        high = 0.0
    if high - low <= max(abs(high), abs(low)) * 1e-6:
        high, low = high + (abs(high) * 0.1 or 1.0), low - (abs(low) * 0.1 if low else 0.0)
    step = _round_step((high - low) / max(1, most - 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    while last - first + 1 > most:
        step = _round_step(step * 1.01)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(index * step * factor for index in range(first, last + 1))


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is no less."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((factor * power for factor in (1.0, 2.0, 5.0) if factor * power >= least * (1 - 1e-9)), 10.0 * power)


def time_ticks(start: int, end: int, width: float) -> Sequence[int]:
    """Round times from start to end, on an axis so wide that their labels have room beside each other."""
    for step in (*_TIME_STEPS, *(86_400_000 * days for days in (7, 14, 28, 91, 365, 3650))):
        if (end - start) / step > _MOST_TICKS:
            continue
        ticks = [index * step for index in range(-(-start // step), end // step + 1)]
        if not ticks:
            break
        longest = max(text_width(time_text(tick)) for tick in ticks)
        if len(ticks) < 2 or step * width / (end - start) >= longest + 8:
            return ticks
    return [start]
