"""Which alert is which: the same one, one that was renamed or moved, one that is new or gone. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from rules_gen.model import Alert, Service
from rules_gen.promql.canonical import Node, meaning

Owned = tuple[Service, Alert]

_ENOUGH = 5
"""So much must speak for it that two alerts are one: an equal condition with an equal scenario or a like name."""

_MOST_COMPARED = 200
"""More alerts than this, gone and come, are only paired by name, condition or page: each is held against each."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The alerts of two sides. `pairs` have both, in the order of the new side; the others are alone."""

    pairs: tuple[tuple[Owned, Owned], ...]
    gone: tuple[Owned, ...]
    come: tuple[Owned, ...]


def pair(old: Sequence[Service], new: Sequence[Service]) -> Pairs:
    """Pairs alerts by team, service and name, and what is left by what it is."""
    before = {(service.key, alert.name): (service, alert) for service in old for alert in service.alerts}
    after = {(service.key, alert.name): (service, alert) for service in new for alert in service.alerts}
    pairs = {key: (before[key], after[key]) for key in after if key in before}
    gone = {key: owned for key, owned in before.items() if key not in pairs}
    come = {key: owned for key, owned in after.items() if key not in pairs}
    scored = sorted(_scores(gone, come), key=lambda found: (-found[0], found[1], found[2]))
    for _, was, now in scored:
        if was in gone and now in come:
            pairs[now] = (gone.pop(was), come.pop(now))
    return Pairs(tuple(pairs[key] for key in after if key in pairs), tuple(gone.values()), tuple(come.values()))


def renamed_services(pairs: Pairs, old: Sequence[Service], new: Sequence[Service]) -> dict[str, str]:
    """The services that are others under a new name, or in another team: the new key, and the old one.

    Most of the alerts of a service that is gone must have moved to one that is new.
    """
    before, after = ({service.key: len(service.alerts) for service in side} for side in (old, new))
    moves = Counter((was.key, now.key) for (was, _), (now, _) in pairs.pairs if was.key != now.key)
    renamed: dict[str, str] = {}
    for (was, now), number in moves.items():
        if was not in after and now not in before and 2 * number > before[was]:
            renamed.setdefault(now, was)
    return renamed


_Key = tuple[str, str]


def _scores(gone: dict[_Key, Owned], come: dict[_Key, Owned]) -> Iterator[tuple[int, _Key, _Key]]:
    before, after = ({key: _Marks.of(alert) for key, (_, alert) in side.items()} for side in (gone, come))
    many = len(gone) * len(come) > _MOST_COMPARED**2
    for was, (old_service, old) in gone.items():
        for now, (new_service, new) in come.items():
            if many and old.name != new.name and old.runbook != new.runbook:
                continue
            here = old_service.key == new_service.key
            score = _likeness(old, new, before[was], after[now], here=here)
            if score >= _ENOUGH:
                yield score, was, now


@dataclass(frozen=True, slots=True)
class _Marks:
    """What an alert is known by: its conditions, the same without numbers, the same without labels' values as well, its
    scenarios.
    """

    conditions: frozenset[Node | str]
    signals: frozenset[object]
    shapes: frozenset[object]
    scenarios: frozenset[str]

    @classmethod
    def of(cls, alert: Alert) -> _Marks:
        conditions = frozenset(meaning(rule.expr) or rule.expr for rule in alert.rules)
        signals, shapes = (
            frozenset(_shape(node, values=values) if isinstance(node, Node) else node for node in conditions)
            for values in (True, False)
        )
        return cls(conditions, signals, shapes, frozenset(scenario.name for scenario in alert.scenarios))


def _shape(node: Node, *, values: bool) -> object:
    if node.kind == "number":
        return "number"
    if node.kind == "select" and not values:
        return (node.head[0], tuple(name for name, _, _ in node.head[1]))
    return (node.kind, node.head, tuple(_shape(part, values=values) for part in node.parts))


def _likeness(old: Alert, new: Alert, mine: _Marks, theirs: _Marks, *, here: bool) -> int:
    """How much speaks for one alert; zero where neither the condition nor the page is alike."""
    score = 0
    if mine.conditions & theirs.conditions:
        score += 4
    elif mine.shapes & theirs.shapes:
        score += 2
    if mine.scenarios & theirs.scenarios:
        score += 2 if 2 * len(mine.scenarios & theirs.scenarios) >= len(mine.scenarios | theirs.scenarios) else 1
    if old.runbook is not None and old.runbook == new.runbook:
        score += 2
    same = mine.conditions & theirs.conditions or (old.name == new.name and mine.signals & theirs.signals)
    if not score or not (here or same):
        # What a template made for one service is no alert of another, however alike they are.
        return 0
    if old.name == new.name:
        score += 2
    elif SequenceMatcher(None, min(old.name, new.name), max(old.name, new.name), autojunk=False).ratio() > 0.6:
        score += 1
    return score + here + (old.summary == new.summary)
