"""A mutant in a rule file of its own, under its own name: for what can't be played beside others."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rules_gen.emit.yaml import emit_yaml
from rules_gen.fixtures.layout import entry_name, entry_proof, probe, state_question
from rules_gen.fixtures.output import read_output
from rules_gen.model import State
from rules_gen.mutation.judge import Behaviour
from rules_gen.mutation.mutant import Mutant
from rules_gen.mutation.trials import Trial
from rules_gen.promql import parse_duration
from rules_gen.target import GeneratedFile
from rules_gen.target_support.rules import groups_document


@dataclass(frozen=True, slots=True)
class Alone:
    """A mutant, or the original for None, in a rule file of its own."""

    number: int
    trial: Trial
    mutant: Mutant | None

    @property
    def stem(self) -> str:
        return f"alone{self.number}"

    def rules(self) -> GeneratedFile:
        """The whole rule file, with the mutant's changes made."""
        changes = self.trial.changes(self.mutant) if self.mutant is not None else {}
        groups = []
        number = 0
        for group in self.trial.file.groups:
            made = []
            for rule in group.rules:
                made.append(changes.get(number, rule))
                number += 1
            groups.append(group._replace(rules=tuple(made)))
        return GeneratedFile(f"{self.stem}.rules.yml", emit_yaml(groups_document(groups)).encode())

    def fixture(self) -> GeneratedFile:
        """The scenario with empty expectations."""
        frame = replace(self.trial.file.frame, path=f"{self.stem}.test.yml", rule_file=f"{self.stem}.rules.yml")
        return GeneratedFile(frame.path, probe(frame, [self.trial.case]).encode())

    def behaviour(self, text: str) -> Behaviour | None:
        """What the alert did; None when the scenario was not evaluated to its end."""
        output = read_output(text)
        path, case = f"{self.stem}.test.yml", self.trial.case
        if entry_proof(path, case.entry) not in output.samples:
            return None
        name = entry_name(path, case.entry)
        firing = {at: output.alerts.get((name, case.scenario.alert, parse_duration(at) or 0), ()) for at in case.times}
        pending = {}
        for at in case.times:
            found = output.samples.get(state_question(case.key, case.scenario.alert, at), ())
            states = [dict(sample.labels) for sample in found]
            pending[at] = frozenset(
                labels.get("severity", "") for labels in states if labels.get("alertstate") == State.PENDING.value
            )
        return Behaviour(firing, pending)
