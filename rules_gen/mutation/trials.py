"""Which scenario is played against which mutant: the trials of a service."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from rules_gen.fixtures.layout import Case, Frame
from rules_gen.fixtures.plan import FixturePlan
from rules_gen.model import AlertRule, RecordingRule, RuleGroup, State
from rules_gen.mutation.mutant import Mutant, Rule
from rules_gen.mutation.renaming import OWN, queries
from rules_gen.promql import Target, analyse
from rules_gen.target_support.rules import rule_document


class Located(NamedTuple):
    """A rule of one file: its number in it, from 0, and that of its group."""

    number: int
    group: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The rules of a service in one environment, their scenarios by alert, and who reads whom.

    `readers` has, by the number of a recording rule, the numbers of those rules that may read what it records. `bases`
    has, by alert, a hash of all rules that may have a part in what it does, or in what a mutant of it does: one that
    has lost a matcher reads more than its original.
    """

    environment: str | None
    frame: Frame
    groups: tuple[RuleGroup, ...]
    rules: tuple[Located, ...]
    cases: Mapping[str, tuple[Case, ...]]
    readers: Mapping[int, tuple[int, ...]]
    bases: Mapping[str, str]

    def needed_by(self, alert: str) -> tuple[int, ...]:
        """The rules that an alert is made of, and those that it reads, in the order of the file."""
        return _needed(alert, self.rules, self.readers)

    def changed_by(self, numbers: Iterable[int]) -> frozenset[int]:
        """These rules, and all that read them, however indirectly."""
        found = set(numbers)
        pending = list(found)
        while pending:
            for reader in self.readers.get(pending.pop(), ()):
                if reader not in found:
                    found.add(reader)
                    pending.append(reader)
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Trial:
    """One scenario played against the original and some mutants of what its alert is made of."""

    file: RuleFile
    case: Case
    mutants: tuple[Mutant, ...]

    @property
    def lasts_ms(self) -> int:
        """When the last time is that the scenario asserts anything of."""
        return max(assertion.at_ms for assertion in self.case.scenario.assertions)

    def changes(self, mutant: Mutant) -> dict[int, Rule]:
        """The rules that the mutant changes in this file, by number."""
        return {number: rule for (where, number), rule in mutant.changes.items() if where == self.file.environment}


def rule_file(environment: str | None, plan: FixturePlan, target: Target) -> RuleFile:
    """The rules that a fixture is planned for, with what connects them."""
    groups, cases = plan.groups, sorted(plan.cases, key=likely_to_tell)
    rules: list[Located] = []
    for position, group in enumerate(groups):
        rules += [Located(len(rules) + offset, position, rule) for offset, rule in enumerate(group.rules)]
    reads: dict[int, frozenset[str] | None] = {located.number: _metrics(located.rule, target) for located in rules}
    readers: dict[int, tuple[int, ...]] = {}
    for located in rules:
        if isinstance(located.rule, RecordingRule):
            name = located.rule.record
            readers[located.number] = tuple(n for n, metrics in reads.items() if metrics is None or name in metrics)
    by_name = by_alert(cases)
    # What reads alerts, or nobody knows what, may depend on any rule.
    opaque = {number for number, metrics in reads.items() if metrics is None or not metrics.isdisjoint(OWN)}
    bases: dict[str, str] = {}
    for alert in by_name:
        needed = _needed(alert, rules, readers)
        part = rules if opaque.intersection(needed) else [rules[number] for number in needed]
        bases[alert] = _hash(groups, part)
    return RuleFile(environment, plan.frame, groups, tuple(rules), by_name, readers, bases)


def _needed(alert: str, rules: Iterable[Located], readers: Mapping[int, tuple[int, ...]]) -> tuple[int, ...]:
    found = {rule.number for rule in rules if isinstance(rule.rule, AlertRule) and rule.rule.alert == alert}
    pending = list(found)
    while pending:
        number = pending.pop()
        for source, its_readers in readers.items():
            if number in its_readers and source not in found:
                found.add(source)
                pending.append(source)
    return tuple(sorted(found))


def _hash(groups: Sequence[RuleGroup], rules: Iterable[Located]) -> str:
    """A hash of what promtool is told of these rules; it ignores how often a group is evaluated."""
    texts = []
    for located in rules:
        group = groups[located.group]
        texts.append(repr((group.name, group.limit, group.query_offset, rule_document(located.rule))))
    return blake2b("\0".join(texts).encode(), digest_size=12).hexdigest()


def by_alert(cases: Iterable[Case]) -> dict[str, tuple[Case, ...]]:
    """The scenarios of each alert, in the order given."""
    found: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        found[case.scenario.alert].append(case)
    return {alert: tuple(mine) for alert, mine in found.items()}


def _metrics(rule: Rule, target: Target) -> frozenset[str] | None:
    """The names of the metrics that a rule reads; None where it may read any."""
    analysis = analyse(rule.expr, target)
    if isinstance(analysis, tuple) or "info" in analysis.functions or queries(rule, target):
        return None
    names = [selector.name for selector in analysis.selectors]
    return None if None in names else frozenset(name for name in names if name)


def likely_to_tell(case: Case) -> tuple[bool, int, int]:
    """Sorts scenarios by how likely they tell a mutant: those that fire first, then those that assert most."""
    assertions = case.scenario.assertions
    states = {one.state for one in assertions}
    return (State.FIRING not in states, -len(states), -len(assertions))
