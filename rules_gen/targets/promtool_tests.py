"""The promtool fixtures: one per rule file, that prove what the authors' scenarios assert.

A person asserts that an alert is pending, firing or quiet at a time. The labels and annotations that promtool
wants besides are recorded, see docs of `rules_gen.target.Fixture`. Series are written as typed: ending them
with `stale` would change what the author's scenario means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules_gen.fixtures.judge import missing_severities, severities_asserted
from rules_gen.fixtures.layout import Case, Frame, explanation, finished, probe
from rules_gen.fixtures.plan import fixture_plans
from rules_gen.fixtures.recall import recalled
from rules_gen.model import State
from rules_gen.target import GeneratedFile, ProofAssertion, ProofScenario, RecordedAlert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rules_gen.fixtures.output import PrintedAlert
    from rules_gen.model import Policy, RuleGroup, Service
    from rules_gen.target import Output, Recording


def service_files(service: Service, policy: Policy) -> Iterable[Output]:
    """A fixture for each environment that has scenarios."""
    for plan in fixture_plans(service, policy):
        yield PromtoolFixture(plan.frame, plan.rules, plan.groups, plan.cases)


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
