"""Which panels an alert needs, before any of Grafana's vocabulary."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rules_gen.dashboards.look import Line, unit_of, worst
from rules_gen.dashboards.queries import without_strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rules_gen.model import Alert, AlertRule

Comparison = tuple[str, str, float]
"""A signal, an operator and the number that the signal is compared with."""

_CAN_BE_NEGATIVE = re.compile(r"-|\b(?:predict_linear|i?delta|deriv|ln|log2|log10|sin|cos|sgn)\b|_celsius\b")

_ROOM = 1.1


class Kind(StrEnum):
    """How a panel draws an alert."""

    LINE = "line"
    """The signal over time, with its thresholds."""
    STATE = "state"
    """A signal that is compared for equality with 0 or 1, as bands."""
    CONDITION = "condition"
    """A condition that is no comparison with a number, as bands where it holds."""


@dataclass(frozen=True, slots=True)
class AlertPanel:
    """One panel of an alert: a query and what is drawn over it. `rules` are those that it stands for."""

    kind: Kind
    title: str
    alert: Alert
    query: str
    lines: tuple[Line, ...]
    unit: str
    rules: tuple[AlertRule, ...]

    @property
    def severity(self) -> str:
        """The worst severity that it shows."""
        return worst(rule.severity for rule in self.rules)

    @property
    def from_zero(self) -> bool:
        """Whether the axis can begin at zero without hiding a value or a line."""
        if _CAN_BE_NEGATIVE.search(without_strings(self.query)):
            return False
        return all(line.value >= 0 for line in self.lines)

    @property
    def axis(self) -> tuple[float, float]:
        """What the axis shows at least: zero and every line, with a little room beyond it.

        Grafana fits an axis to the data alone, which would leave the threshold outside while all is well.
        """
        values = [0.0, *(line.value for line in self.lines if math.isfinite(line.value))]
        return round(min(values) * _ROOM, 9), round(max(values) * _ROOM, 9)


@dataclass(frozen=True, slots=True)
class Graph:
    """Several queries on one graph: `targets` are pairs of a legend and PromQL, `description` is Markdown.

    `axis` is what the axis shows at least.
    """

    title: str
    description: str
    targets: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    unit: str
    axis: tuple[float, float]


def alert_panels(alert: Alert, comparison: Callable[[str], Comparison | None]) -> tuple[AlertPanel, ...]:
    """One panel for each thing that the alert looks at.

    The rungs of a ladder and the environments that share a signal share its panel. `comparison` finds the
    comparison with a number at the top of an expression whose author wrote no threshold; None when there is
    none.
    """
    groups: dict[tuple[object, ...], list[tuple[AlertRule, Line | None]]] = {}
    for rule in alert.rules:
        query, line = _signal(rule, comparison)
        unit = unit_of(rule.threshold)
        kind = _kind(line)
        # A band has one meaning for each value, so a state panel shows one comparison only.
        alike = (line.operator, line.value) if line and kind is Kind.STATE else None
        groups.setdefault((kind, query, unit, alike), []).append((rule, line))
    return tuple(_panel(alert, key, members, alone=len(groups) == 1) for key, members in groups.items())


def _signal(rule: AlertRule, comparison: Callable[[str], Comparison | None]) -> tuple[str, Line | None]:
    if rule.threshold:
        return rule.signal, Line(rule.threshold.operator, rule.threshold.value, rule.severity)
    found = comparison(rule.expr)
    if found and math.isfinite(found[2]):
        signal, operator, value = found
        return signal, Line(operator, value, rule.severity)
    return rule.expr, None


def _kind(line: Line | None) -> Kind:
    if line is None:
        return Kind.CONDITION
    return Kind.STATE if line.operator in ("==", "!=") and line.value in (0, 1) else Kind.LINE


def _panel(
    alert: Alert, key: tuple[object, ...], members: list[tuple[AlertRule, Line | None]], *, alone: bool
) -> AlertPanel:
    kind, query, unit, _ = key
    rules = tuple(rule for rule, _ in members)
    lines = tuple(dict.fromkeys(line for _, line in members if line))
    title = alert.name if alone else f"{alert.name} ({_which(alert, rules)})"
    return AlertPanel(Kind(str(kind)), title, alert, str(query), lines, str(unit), rules)


def _which(alert: Alert, rules: Iterable[AlertRule]) -> str:
    """What tells these rules from the alert's other ones: severities, environments, or both."""
    mine = [(rule.severity, rule.environment or "") for rule in rules]
    everyone = [(rule.severity, rule.environment or "") for rule in alert.rules]
    words: list[str] = []
    for part in (0, 1):
        shown = dict.fromkeys(names[part] for names in mine)
        if set(shown) != {names[part] for names in everyone}:
            words += shown
    # Rules of one severity and environment that differ in something else keep their place in the alert as a
    # name.
    return ", ".join(words) or ", ".join(dict.fromkeys(severity for severity, _ in mine))
