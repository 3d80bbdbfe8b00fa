"""One rule file with one entry of a fixture, in which many trials are played at once, each under names of its own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from rules_gen.emit.yaml import emit_yaml
from rules_gen.fixtures.layout import entry_name, entry_proof
from rules_gen.model.rules import Pairs
from rules_gen.mutation.trials import Trial
from rules_gen.target import GeneratedFile

_OWNER: Final = re.compile(r"s([0-9]+)(?:_m([0-9]+))?:")


class Owner(NamedTuple):
    """Whose a renamed rule is: the number of the trial, and the position of its mutant, None for the original."""

    trial: int
    mutant: int | None


def owner_of(name: str) -> Owner | None:
    """Whose the rule of that name is; None when it isn't a renamed one."""
    match = _OWNER.match(name)
    return None if match is None else Owner(int(match[1]), None if match[2] is None else int(match[2]))


@dataclass(slots=True)
class Played:
    """A trial in a batch, and its number. `clones` has the names of the alerts by owner and the rule's own number.

    `values` has the expressions of those whose value may be another than the original's, and of the original; `labels`
    those of each that promtool wasn't asked to put on what fires. `asks_in_vain` says that values don't tell whether
    messages are the same.
    """

    number: int
    trial: Trial
    clones: dict[tuple[int | None, int], str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Pairs] = field(default_factory=dict)
    asks_in_vain: bool = False

    def value(self, name: str, at: str) -> str:
        """The question for the value of the rule of that name at a time."""
        return f"{self.values[name]}\n# {name} {at}"


@dataclass(slots=True)
class Batch:
    """One rule file with one entry of a fixture. `path` is the fixture's."""

    name: str
    evaluation_interval: str
    interval: str
    groups: dict[tuple[int, int], list[dict[str, Any]]] = field(default_factory=dict)
    offsets: dict[tuple[int, int], str] = field(default_factory=dict)
    series: list[dict[str, str]] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    rules: int = 0

    @property
    def path(self) -> str:
        """The fixture's path."""
        return f"{self.name}.test.yml"

    @property
    def entry(self) -> str:
        """The name of its one entry, by which promtool's answers are found."""
        return entry_name(self.path, 0)

    @property
    def proof(self) -> str:
        """The expression that is only printed when the entry was evaluated to its end."""
        return entry_proof(self.path, 0)

    def pending(self, played: Played, at: str) -> str:
        """The question for what of a trial is pending at a time.

        Each trial is asked for by itself: promtool gives up on a question that reads more than 10,000 series.
        """
        of = f'alertstate="pending", alertname=~"{_names_of(played)}"'
        return f"count by (alertname, severity) (ALERTS{{{of}}}) # {self.path} {played.number} {at}"

    def states(self, played: Played, at: str) -> str:
        """The question for all of a trial that is pending or firing at a time."""
        return f'ALERTS{{alertname=~"{_names_of(played)}"}} # {self.path} {played.number} {at}'

    def questions(self, played: Played) -> Iterator[tuple[str, str]]:
        """What is asked of a trial beside its firing alerts, and when."""
        for at in played.trial.case.times:
            yield self.pending(played, at), at
            for name in played.values:
                yield played.value(name, at), at

    def files(self, times: Mapping[int, Sequence[str]] | None = None) -> tuple[GeneratedFile, GeneratedFile]:
        """The rule file and the fixture. With `times`, by trial, these are asked about instead of what is asserted."""
        groups = [
            {"name": f"g{number}", **self._offset(key), "rules": rules}
            for number, (key, rules) in enumerate(sorted(self.groups.items()))
        ]
        test: dict[str, Any] = {"name": self.entry, "interval": self.interval, "input_series": self.series}
        if times is None:
            test["alert_rule_test"] = list(self._alert_tests())
        document = {
            "rule_files": [f"{self.name}.rules.yml"],
            "evaluation_interval": self.evaluation_interval,
            "group_eval_order": [group["name"] for group in groups],
            "tests": [{**test, "promql_expr_test": list(self._questions(times))}],
        }
        return (
            GeneratedFile(f"{self.name}.rules.yml", emit_yaml({"groups": groups}).encode()),
            GeneratedFile(self.path, emit_yaml(document).encode()),
        )

    def rule_names(self) -> list[str]:
        """The names of all its rules, group by group."""
        return [name_of(rule) for _, rules in sorted(self.groups.items()) for rule in rules]

    def rule_name(self, group: str | None, rule: int | None) -> str | None:
        """The name of a rule that promtool speaks of by its group and number."""
        if group is None or rule is None or not group[1:].isdigit():
            return None
        rules = [rules for _, rules in sorted(self.groups.items())]
        number = int(group[1:])
        return name_of(rules[number][rule]) if number < len(rules) and rule < len(rules[number]) else None

    def _offset(self, key: tuple[int, int]) -> dict[str, str]:
        return {"query_offset": self.offsets[key]} if key in self.offsets else {}

    def _alert_tests(self) -> Iterator[dict[str, Any]]:
        for played in self.played:
            for at in played.trial.case.times:
                for name in played.clones.values():
                    yield {"eval_time": at, "alertname": name, "exp_alerts": []}

    def _questions(self, times: Mapping[int, Sequence[str]] | None) -> Iterator[dict[str, Any]]:
        for played in self.played:
            if times is not None:
                for at in times[played.number]:
                    yield {"expr": self.states(played, at), "eval_time": at, "exp_samples": []}
                continue
            for expr, at in self.questions(played):
                yield {"expr": expr, "eval_time": at, "exp_samples": []}
        yield {"expr": self.proof, "eval_time": "0s", "exp_samples": []}


def _names_of(played: Played) -> str:
    """The names of a trial's alerts as a regular expression.

    Prometheus looks up alternatives that are plain text, and would try any other pattern on the names of all alerts:
    asked for each trial, that grows with the square of their number.
    """
    return "|".join(played.clones.values())


def name_of(rule: dict[str, Any]) -> str:
    """The name of a rule as printed, an alert's or a recording's."""
    name: str = rule.get("alert") or rule["record"]
    return name


def without(batch: Batch, names: frozenset[str]) -> Batch:
    """The batch less the rules of these names."""
    groups: defaultdict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for key, rules in batch.groups.items():
        groups[key] += [rule for rule in rules if name_of(rule) not in names]
    played = [
        Played(
            one.number,
            one.trial,
            {key: name for key, name in one.clones.items() if name not in names},
            {name: expr for name, expr in one.values.items() if name not in names},
            one.labels,
            one.asks_in_vain,
        )
        for one in batch.played
    ]
    kept = {key: rules for key, rules in groups.items() if rules}
    return Batch(
        batch.name,
        batch.evaluation_interval,
        batch.interval,
        kept,
        batch.offsets,
        batch.series,
        played,
        sum(map(len, kept.values())),
    )
