"""What the scenarios of all definitions show, asked of promtool in one go: their assertions, the recording rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rules_gen.coverage.values import Evidence
from rules_gen.diagnostics import Place, Problem
from rules_gen.fixtures.dependence import Dependence, read_expression
from rules_gen.fixtures.recorded import RecordQuestion, record_questions, recording_rules, who_fed
from rules_gen.proof.scenarios import BATCH, Progress

if TYPE_CHECKING:
    from rules_gen.model import RuleGroup
    from rules_gen.target import Fixture, GeneratedFile, ProofScenario, Recording


@dataclass(frozen=True, slots=True)
class _Asking:
    """A fixture that also asks about the recording rules; implements `rules_gen.target.Fixture`.

    `alerts` names those whose scenarios are wanted, None for all.
    """

    fixture: Fixture
    questions: tuple[RecordQuestion, ...]
    alerts: frozenset[str] | None

    @property
    def path(self) -> str:
        return self.fixture.path

    @property
    def rules(self) -> GeneratedFile:
        return self.fixture.rules

    @property
    def groups(self) -> tuple[RuleGroup, ...]:
        return self.fixture.groups

    @property
    def scenarios(self) -> tuple[ProofScenario, ...]:
        return tuple(one for one in self.fixture.scenarios if self.alerts is None or one.alert in self.alerts)

    def probe(self, keys: frozenset[str], further: Mapping[int, Sequence[tuple[str, str]]] | None = None) -> bytes:
        asked = {entry: list(questions) for entry, questions in (further or {}).items()}
        for question in self.questions:
            asked.setdefault(question.entry, []).append((question.expression, question.at))
        return self.fixture.probe(keys, asked)

    def explain(self, keys: frozenset[str]) -> bytes:
        return self.fixture.explain(keys)

    def recall(self, committed: bytes) -> dict[str, Recording]:
        return self.fixture.recall(committed)

    def render(self, recordings: Mapping[str, Recording]) -> bytes:
        return self.fixture.render(recordings)


def gather(
    root: Path,
    fixtures: Sequence[Fixture],
    target: tuple[int, int],
    progress: Progress,
    alerts: frozenset[str] | None = None,
) -> tuple[dict[str, Evidence], tuple[Problem, ...]]:
    """The evidence by the path of a rule file, and what is wrong; with a problem, the evidence proves nothing.

    promtool plays every scenario as it is defined now, so nothing that was committed or remembered is trusted. `alerts`
    names those whose scenarios are wanted; the recording rules are left out then. `target` is the Prometheus version
    for which the expressions were written.
    """
    from rules_gen.promtool import Promtool, PromtoolError

    asking = [
        _Asking(fixture, record_questions(fixture, target) if alerts is None else (), alerts) for fixture in fixtures
    ]
    asking = [one for one in asking if one.scenarios]
    evidence: dict[str, Evidence] = {}
    problems: list[Problem] = []
    try:
        promtool = Promtool.find(root)
        for start in range(0, len(asking), BATCH):
            progress("proving", start, len(asking))
            part = asking[start : start + BATCH]
            result = promtool.record(part, {})
            problems += result.problems
            answered = {question for answer in result.answers for question in answer.samples}
            for one in part:
                proved = tuple(scenario for scenario in one.scenarios if scenario.key in result.recordings)
                evidence[one.rules.path] = Evidence(proved, _reached(one, proved, answered, target))
    except PromtoolError as error:
        problems.append(Problem("promtool", str(error), Place("rules")))
    return evidence, tuple(problems)


def _reached(
    asking: _Asking, proved: Sequence[ProofScenario], answered: set[str], target: tuple[int, int]
) -> dict[int, tuple[ProofScenario, ...]]:
    dependence = Dependence(asking.groups, partial(read_expression, target=target))
    rules = recording_rules(asking.groups)
    reached: dict[int, tuple[ProofScenario, ...]] = {}
    for question in asking.questions:
        members = [scenario for scenario in proved if scenario.entry == question.entry]
        if question.expression in answered and members:
            fed = who_fed(rules[question.rule], dependence, members)
            reached[question.rule] = (*reached.get(question.rule, ()), *fed)
    return reached
