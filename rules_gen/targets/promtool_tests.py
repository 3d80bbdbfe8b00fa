"""The promtool fixtures: one per rule file, that prove what the authors' scenarios assert.

A person asserts that an alert is pending, firing or quiet at a time. The labels and annotations that promtool
wants besides are recorded, see docs of `rules_gen.target.Fixture`. Series are written as typed: ending them
with `stale` would change what the author's scenario means.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from rules_gen.emit.yaml import generated_header
from rules_gen.fixtures.dependence import Dependence, Subject, read_expression
from rules_gen.fixtures.judge import missing_severities, severities_asserted
from rules_gen.fixtures.layout import Case, Frame, explanation, finished, probe
from rules_gen.fixtures.merging import Candidate, merge
from rules_gen.fixtures.recall import recalled
from rules_gen.fixtures.series import parse_series
from rules_gen.fixtures.times import duration_text, evaluation_interval_ms
from rules_gen.model import State
from rules_gen.promql.durations import parse_duration
from rules_gen.target import GeneratedFile, ProofAssertion, ProofScenario, RecordedAlert
from rules_gen.target_support.rules import rules_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rules_gen.fixtures.output import PrintedAlert
    from rules_gen.model import Policy, RuleGroup, Scenario, Service
    from rules_gen.target import Output, Recording

FORMAT = "1"
"""The version of what a recording means; a new one makes every recording anew."""

_KEY_BYTES = 6  # Keys are compared within one fixture and with its last version only, so 48 bits are plenty.


def service_files(service: Service, policy: Policy) -> Iterable[Output]:
    """A fixture for each environment that has scenarios. One without any would pass and prove nothing."""
    for environment, groups in service.groups:
        scenarios = [
            scenario
            for alert in service.alerts
            for scenario in alert.scenarios
            if scenario.environment == environment and scenario.assertions
        ]
        rules = rules_file(service, environment) if scenarios else None
        if rules is not None:
            yield _fixture(service, policy, rules, groups, scenarios)


@dataclass(frozen=True, slots=True)
class PromtoolFixture:
    """A fixture before its alerts are recorded; implements `rules_gen.target.Fixture`."""

    frame: Frame
    rules: GeneratedFile
    groups: tuple[RuleGroup, ...]
    cases: tuple[Case, ...]

    @property
    def path(self) -> str:
        return self.frame.path

    @property
    def scenarios(self) -> tuple[ProofScenario, ...]:
        return tuple(_proof(case) for case in self.cases)

    def probe(self, keys: frozenset[str], further: Mapping[int, Sequence[tuple[str, str]]] | None = None) -> bytes:
        return probe(self.frame, [case for case in self.cases if case.key in keys], further).encode()

    def explain(self, keys: frozenset[str]) -> bytes:
        return explanation(self.frame, [case for case in self.cases if case.key in keys]).encode()

    def recall(self, committed: bytes) -> dict[str, Recording]:
        cases = {case.key: case for case in self.cases}
        found = recalled(committed.decode("utf-8", "replace"), cases)
        return {
            key: {at: tuple(RecordedAlert(*alert) for alert in alerts) for at, alerts in recording.items()}
            for key, recording in found.items()
            if _holds(cases[key], recording)
        }

    def render(self, recordings: Mapping[str, Recording]) -> bytes:
        def recorded(key: str, at: str) -> Sequence[PrintedAlert]:
            return [(alert.labels, alert.annotations) for alert in recordings[key][at]]

        return finished(self.frame, self.cases, recorded).encode()


def _fixture(
    service: Service,
    policy: Policy,
    rules: GeneratedFile,
    groups: tuple[RuleGroup, ...],
    scenarios: Sequence[Scenario],
) -> PromtoolFixture:
    groups = tuple(group for group in groups if group.rules)
    dependence = Dependence(groups, partial(read_expression, target=policy.prometheus))
    subjects = {alert: dependence.subject(alert) for alert in dict.fromkeys(s.alert for s in scenarios)}
    entries = merge([_candidate(scenario, subjects[scenario.alert]) for scenario in scenarios])
    interval = duration_text(
        evaluation_interval_ms(
            (parse_duration(group.interval) or 0 for group in groups if group.interval is not None),
            (assertion.at_ms for scenario in scenarios for assertion in scenario.assertions),
        )
    )
    bases = {alert: _hash(FORMAT, interval, subject.text) for alert, subject in subjects.items()}
    cases = tuple(
        Case(
            key=_key(bases[scenario.alert], scenario),
            entry=entry,
            scenario=scenario,
            severities=tuple(rule.severity for rule in subjects[scenario.alert].rules),
            signals=tuple(dict.fromkeys((rule.severity, rule.signal) for rule in subjects[scenario.alert].rules)),
        )
        for scenario, entry in zip(scenarios, entries, strict=True)
    )
    frame = Frame(
        path=rules.path.removesuffix(".rules.yml") + ".test.yml",
        rule_file=rules.path.rpartition("/")[2],
        header=generated_header(service.source),
        evaluation_interval=interval,
        groups=tuple(group.name for group in groups),
    )
    return PromtoolFixture(frame, rules, groups, cases)


def _candidate(scenario: Scenario, subject: Subject) -> Candidate:
    series = [parse_series(text) for text, _ in scenario.series]
    known = tuple(labels for labels in series if labels is not None)
    return Candidate(
        alert=scenario.alert,
        interval_ms=scenario.interval_ms,
        selectors=subject.selectors,
        series=known if len(known) == len(series) else None,
        alone=subject.alone,
    )


def _key(base: str, scenario: Scenario) -> str:
    assertions = tuple((a.state.value, a.at, a.severity) for a in scenario.assertions)
    return _hash(base, repr((scenario.interval, scenario.series, assertions)))


def _hash(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=_KEY_BYTES).hexdigest()


def _proof(case: Case) -> ProofScenario:
    scenario = case.scenario
    return ProofScenario(
        key=case.key,
        alert=scenario.alert,
        name=scenario.name,
        entry=case.entry,
        series=scenario.series,
        assertions=tuple(
            ProofAssertion(assertion.state.value, assertion.at, assertion.severity, assertion.place)
            for assertion in scenario.assertions
        ),
        signals=case.signals,
        place=scenario.place,
    )


def _holds(case: Case, recording: Mapping[str, Sequence[PrintedAlert]]) -> bool:
    """Whether a recalled recording is whole and shows what a person asserted; if not, it is made anew and
    judged.
    """
    if set(recording) != set(case.times):
        return False
    return not any(
        missing_severities(severities_asserted(assertion.severity, case.severities), recording[assertion.at])
        for assertion in case.scenario.assertions
        if assertion.state is State.FIRING
    )
