"""Alertmanager matchers as text (https://prometheus.io/docs/alerting/latest/configuration/#matcher)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Both of Alertmanager's parsers, the classic one and the one for UTF-8 names (0.27 and newer), know these
# three escapes and take every other character as it is.
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})

# What means something in a pattern of Go's regexp package, outside of brackets.
_ACTIVE = re.compile(r"[\\.+*?()|\[\]{}^$]")


def equals(label: str, value: str) -> str:
    """A matcher for exactly this value; an empty value also matches an alert without the label."""
    return f'{label}="{value.translate(_ESCAPES)}"'


def one_of(label: str, values: Iterable[str]) -> str:
    """A matcher for any of these values, which are text and not patterns. At least one is needed."""
    alternatives = tuple(values)
    if len(alternatives) == 1:
        return equals(label, alternatives[0])
    # Alertmanager anchors the pattern at both ends.
    pattern = "|".join(_ACTIVE.sub(r"\\\g<0>", value) for value in alternatives)
    return f'{label}=~"{pattern.translate(_ESCAPES)}"'
