"""Mistakes in an objective: what its author types is the objective itself and the selectors of its events."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from rules_gen.model import Alert, AlertRule, RecordingRule, Service
from rules_gen.mutation.edits import matcher_edits, numbered
from rules_gen.mutation.mutant import Change
from rules_gen.mutation.steps import number_text
from rules_gen.promql.parts import SelectorPlace
from rules_gen.promql.places import find_places
from rules_gen.source.slo_events import TOTAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rules_gen.mutation.mutant import Rule, Spot
_LIMIT = re.compile(r"(?<=> )[0-9][0-9.e+-]*")


def objective_changes(alert: Alert, service: Service, rules: Mapping[Spot, Rule]) -> list[Change]:
    """Mistakes in the objective of this alert. What the compiler makes of them follows: every rule moves at once."""
    return [*_moved_objective(alert, service, rules), *_events(alert, service, rules)]


def _moved_objective(alert: Alert, service: Service, rules: Mapping[Spot, Rule]) -> Iterator[Change]:
    slo = next(slo for slo in service.slos if slo.alert == alert.name)
    objective = Decimal(slo.objective.rstrip("% "))
    for factor in (Decimal(2), Decimal("0.5")):
        other = number_text(100 - (100 - objective) * factor)
        name = f"objective: {number_text(objective)}% to {other}%"
        for spot, rule in rules.items():
            if isinstance(rule, AlertRule) and rule.alert == alert.name and rule.threshold is not None:
                limit = number_text(Decimal(rule.threshold.literal) * factor)
                yield Change("threshold", name, spot, rule._replace(expr=_LIMIT.sub(limit, rule.expr)))


def _events(alert: Alert, service: Service, rules: Mapping[Spot, Rule]) -> Iterator[Change]:
    """Mistakes in a selector of events, made wherever the compiler has put that selector."""
    own = {group.name for _, groups in service.groups for group in groups if _is_of(group.rules, alert)}
    spots = _spots_of_groups(service, own)
    records = {spot: rule for spot, rule in rules.items() if spot in spots and isinstance(rule, RecordingRule)}
    for environment in dict.fromkeys(spot[0] for spot in records):
        mine = {spot: rule for spot, rule in records.items() if spot[0] == environment}
        for selector, where in _selectors(mine).items():
            places = find_places(selector)
            if places is None:
                continue
            for edit in numbered(list(matcher_edits(selector, places))):
                for spot, rule in mine.items():
                    changed = _exchanged(rule.expr, selector, edit.apply(selector))
                    if changed != rule.expr:
                        yield Change(edit.operator, f"{edit.name} in {where}", spot, rule._replace(expr=changed))


def _is_of(group: tuple[Rule, ...], alert: Alert) -> bool:
    return any(isinstance(rule, AlertRule) and rule.alert == alert.name for rule in group)


def _spots_of_groups(service: Service, names: set[str]) -> set[Spot]:
    counts: defaultdict[str | None, int] = defaultdict(int)
    spots: set[Spot] = set()
    for environment, groups in service.groups:
        for group in groups:
            for _ in group.rules:
                if group.name in names:
                    spots.add((environment, counts[environment]))
                counts[environment] += 1
    return spots


def _selectors(records: Mapping[Spot, RecordingRule]) -> dict[str, str]:
    """The selectors that the author typed, which are those of nothing that is recorded here, and what they count."""
    recorded = {rule.record for rule in records.values()}
    found: dict[str, str] = {}
    for rule in records.values():
        for place in _places(rule.expr):
            text = rule.expr[place.start : place.end]
            if place.matchers and place.metric is not None and rule.expr[slice(*place.metric)] not in recorded:
                found.setdefault(text, "all events" if rule.record == TOTAL else "bad events")
    return found


def _exchanged(expr: str, old: str, new: str) -> str:
    """The expression with every selector of that text exchanged."""
    for place in reversed(_places(expr)):
        if expr[place.start : place.end] == old:
            expr = expr[: place.start] + new + expr[place.end :]
    return expr


def _places(expr: str) -> tuple[SelectorPlace, ...]:
    places = find_places(expr)
    return places.selectors if places is not None else ()
