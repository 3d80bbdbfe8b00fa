"""The recording rules that an alert depends on, followed from rule to rule across services."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from rules_gen.fixtures.matching import wanted
from rules_gen.model import Policy, RecordingRule, Service
from rules_gen.promql import Analysis, analyse

Found = dict[str, tuple[RecordingRule, ...]]
"""Recording rules by the series that they make."""


class Records:
    """All recording rules of one side."""

    def __init__(self, services: Iterable[Service], policy: Policy) -> None:
        self._target = policy.prometheus
        self._by_name: defaultdict[str, list[tuple[str | None, RecordingRule]]] = defaultdict(list)
        self._read: dict[tuple[str, str | None], tuple[frozenset[str], Found]] = {}
        for service in services:
            for environment, groups in service.groups:
                for group in groups:
                    for rule in group.rules:
                        if isinstance(rule, RecordingRule):
                            self._by_name[rule.record].append((environment, rule))

    def read_by(self, expression: str, environment: str | None) -> tuple[frozenset[str], Found]:
        """The names of all series that an expression reads in the end, and the recording rules among them.

        A service without environments may be evaluated beside any, so its rules are read by all.
        """
        key = (expression, environment)
        if key not in self._read:
            self._read[key] = self._follow(expression, environment)
        return self._read[key]

    def _follow(self, expression: str, environment: str | None) -> tuple[frozenset[str], Found]:
        names: set[str] = set()
        found: dict[str, dict[RecordingRule, None]] = {}
        pending, seen = [expression], {expression}
        while pending:
            for metric, rule in self._sources(pending.pop(), environment):
                names.add(metric)
                if rule is not None:
                    found.setdefault(rule.record, {})[rule] = None
                    if rule.expr not in seen:
                        seen.add(rule.expr)
                        pending.append(rule.expr)
        return frozenset(names), {name: tuple(rules) for name, rules in sorted(found.items())}

    def _sources(self, expression: str, environment: str | None) -> Iterator[tuple[str, RecordingRule | None]]:
        analysis = analyse(expression, self._target)
        for selector in analysis.selectors if isinstance(analysis, Analysis) else ():
            if selector.name is None:
                continue
            yield selector.name, None
            query = wanted(selector)
            for where, rule in self._by_name.get(selector.name, ()):
                beside = environment is None or where in (None, environment)
                if beside and (query is None or query.may_select_labels(dict(rule.labels))):
                    yield selector.name, rule
