"""Which Prometheus understands what.

The versions are those of the Prometheus CHANGELOG (up to 3.15) and were checked against promtool 2.42 and
3.15. What 2.42, the oldest supported release, already knows has no entry. An experimental function also needs
a feature flag, on the server and for `promtool check rules` alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from rules_gen.promql.errors import PromqlError

Target = tuple[int, int]

_EXPERIMENTAL: Final = "promql-experimental-functions"


class Gate(NamedTuple):
    """First and last release (major, minor) that accept a name or spelling, and the flag it needs, if any."""

    since: Target
    flag: str | None = None
    until: Target | None = None
    instead: str | None = None


FUNCTIONS: Final[dict[str, Gate]] = {
    "histogram_stddev": Gate((2, 47)),
    "histogram_stdvar": Gate((2, 47)),
    "mad_over_time": Gate((2, 49), _EXPERIMENTAL),
    "sort_by_label": Gate((2, 49), _EXPERIMENTAL),
    "sort_by_label_desc": Gate((2, 49), _EXPERIMENTAL),
    "histogram_avg": Gate((2, 51)),
    "limitk": Gate((2, 54), _EXPERIMENTAL),
    "limit_ratio": Gate((2, 54), _EXPERIMENTAL),
    "info": Gate((2, 55), _EXPERIMENTAL),
    "holt_winters": Gate((2, 0), until=(2, 55), instead="double_exponential_smoothing"),
    "double_exponential_smoothing": Gate((3, 0), _EXPERIMENTAL, instead="holt_winters"),
    "ts_of_max_over_time": Gate((3, 5), _EXPERIMENTAL),
    "ts_of_min_over_time": Gate((3, 5), _EXPERIMENTAL),
    "ts_of_last_over_time": Gate((3, 5), _EXPERIMENTAL),
    # Experimental from 3.7 on, stable since 3.14.
    "first_over_time": Gate((3, 7), _EXPERIMENTAL),
    "ts_of_first_over_time": Gate((3, 7), _EXPERIMENTAL),
    "histogram_quantiles": Gate((3, 11), _EXPERIMENTAL),
    "start": Gate((3, 12), _EXPERIMENTAL),
    "end": Gate((3, 12), _EXPERIMENTAL),
    "range": Gate((3, 12), _EXPERIMENTAL),
    "step": Gate((3, 12), _EXPERIMENTAL),
    "min_of": Gate((3, 13), _EXPERIMENTAL),
    "max_of": Gate((3, 13), _EXPERIMENTAL),
    "start_timestamp": Gate((3, 14), _EXPERIMENTAL),
}

SYNTAX: Final[dict[str, Gate]] = {
    "a number with underscores": Gate((2, 54)),
    "a number as a duration": Gate((2, 54), instead="write the unit, as in `5m`"),
    "a plus sign before an offset": Gate((2, 54), instead="leave the sign out"),
    "a duration as a number": Gate((2, 54), instead="write the number of seconds"),
    "a quoted metric or label name": Gate((3, 0)),
    "arithmetic in a duration": Gate((3, 4), "promql-duration-expr"),
    "step() in a duration": Gate((3, 6), "promql-duration-expr"),
    "range() in a duration": Gate((3, 12), "promql-duration-expr"),
    "min_of() or max_of() in a duration": Gate((3, 13), "promql-duration-expr"),
    "the anchored or smoothed modifier": Gate((3, 7), "promql-extended-range-selectors"),
    "a fill modifier": Gate((3, 10), "promql-binop-fill-modifiers"),
    "a histogram trimming operator": Gate((3, 11)),
}

# Flags that a later release made unnecessary.
_STABLE_SINCE: Final[dict[str, Target]] = {"first_over_time": (3, 14), "promql-duration-expr": (3, 14)}


def is_available(name: str, target: Target) -> bool:
    """Whether the target knows a function or aggregation that some Prometheus knows."""
    gate = FUNCTIONS.get(name)
    return gate is None or (target >= gate.since and (gate.until is None or target <= gate.until))


def check_function(name: str, offset: int, target: Target) -> PromqlError | None:
    """The error for a function that the target doesn't know or no longer knows; `offset` is its name's."""
    if is_available(name, target):
        return None
    gate = FUNCTIONS[name]
    instead = f"write `{gate.instead}`" if gate.instead else None
    if target < gate.since:
        message = f"`{name}` needs Prometheus {_version(gate.since)}, the target is {_version(target)}"
        if gate.flag:
            message += f"; it also needs the feature flag {gate.flag}"
    else:
        message = f"`{name}` is gone from Prometheus {_version(target)}: it was renamed in 3.0"
        if (flag := flag_needed(str(gate.instead), target)) is not None:
            message += f", and now needs the feature flag {flag}"
    return PromqlError(offset, len(name), message, instead)


def check_syntax(feature: str, offset: int, length: int, target: Target) -> PromqlError | None:
    """The error for a spelling, one of the keys of SYNTAX, that the target can't read."""
    gate = SYNTAX[feature]
    if target >= gate.since:
        return None
    message = f"{feature} needs Prometheus {_version(gate.since)}, the target is {_version(target)}"
    if gate.flag:
        message += f"; it also needs the feature flag {gate.flag}"
    return PromqlError(offset, length, message, gate.instead)


def flag_needed(name: str, target: Target) -> str | None:
    """The `--enable-feature` value without which the target refuses a function, or None."""
    gate = FUNCTIONS.get(name)
    if gate is None or gate.flag is None or target >= _STABLE_SINCE.get(name, (99, 0)):
        return None
    return gate.flag


def flags_needed(functions: Iterable[str], target: Target) -> frozenset[str]:
    """The `--enable-feature` values that an expression's functions need on the target."""
    return frozenset(flag for name in functions if (flag := flag_needed(name, target)) is not None)


def _version(target: Target) -> str:
    return f"{target[0]}.{target[1]}"
