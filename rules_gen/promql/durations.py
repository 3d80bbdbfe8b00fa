"""Durations as Prometheus writes them.

The grammar is that of `ParseDuration` in prometheus/common: whole numbers with the units y, w, d, h, m, s
and ms, each at most once, in that order; a bare `0` is the only number without a unit. A day has 24 hours,
a week 7 days and a year 365 days.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_UNITS: Final = (
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
)
_WORDS: Final = (
    ("day", 24 * 3_600_000),
    ("hour", 3_600_000),
    ("minute", 60_000),
    ("second", 1_000),
    ("millisecond", 1),
)
_DURATION: Final = re.compile("".join(f"(?:([0-9]+){unit})?" for unit, _ in _UNITS))
# Prometheus holds a duration in nanoseconds, in 64 bits with a sign.
_LONGEST_MS: Final = (2**63 - 1) // 1_000_000


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> int | None:
    """The milliseconds that a duration such as `1h30m` stands for, or None where Prometheus refuses it."""
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        return None
    milliseconds = sum(int(count) * size for count, (_, size) in zip(match.groups(), _UNITS, strict=True) if count)
    return milliseconds if milliseconds <= _LONGEST_MS else None


def format_duration(milliseconds: int) -> str:
    """A duration in words, `1 hour 30 minutes`; the largest unit is the day, zero is `0 seconds`.

    Raises ValueError for a negative duration.
    """
    if milliseconds < 0:
        raise ValueError(f"a duration is never negative: {milliseconds} ms")
    words: list[str] = []
    for word, size in _WORDS:
        count, milliseconds = divmod(milliseconds, size)
        if count:
            words.append(f"{count} {word}{'' if count == 1 else 's'}")
    return " ".join(words) or "0 seconds"
