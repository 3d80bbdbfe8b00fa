"""Durations as Prometheus writes them, as microseconds. Pure."""

from __future__ import annotations

import re

from router.model import DAY, HOUR, MINUTE, SECOND, Micros

PATTERN = "^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$"
"""The grammar of Prometheus's configuration: units from the largest to the smallest, each once. It admits the empty
text, which is no duration."""

LONGEST = 100 * 365 * DAY
"""A hundred years. What is longer is a slip, and would leave the range of a database's integers."""

_GRAMMAR = re.compile(PATTERN)
_PART = re.compile(r"([0-9]+)(ms|[ywdhms])")
# A year is 365 days and a week 7, as in Prometheus.
_UNITS = {
    "y": 365 * DAY,
    "w": 7 * DAY,
    "d": DAY,
    "h": HOUR,
    "m": MINUTE,
    "s": SECOND,
    "ms": SECOND // 1000,
}


def parse_duration(text: str) -> Micros | None:
    """Microseconds, or None for what isn't a duration or is longer than LONGEST."""
    # 32 characters hold every duration of sense; more digits would only cost time. `$` also matches before a final
    # newline, fullmatch doesn't.
    if not text or len(text) > 32 or not _GRAMMAR.fullmatch(text) or not text.isascii():
        return None
    total = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return total if total <= LONGEST else None


def format_duration(time: Micros) -> str:
    """The shortest text that `parse_duration` reads as this time: `90m` is `1h30m`. Rounded down to milliseconds."""
    parts = []
    for unit, size in _UNITS.items():
        # Weeks and years are for people to type; 30d says more than 4w2d.
        if unit in {"y", "w"}:
            continue
        number, time = divmod(time, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"
