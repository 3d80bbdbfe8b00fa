"""Has promtool judge mutants: batch after batch, and one by one what can't be played in a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from rules_gen.fixtures.layout import Case
from rules_gen.fixtures.output import Output, read_output
from rules_gen.model import AlertRule
from rules_gen.mutation.batch import Batch, Played, owner_of, without
from rules_gen.mutation.batches import Unplayable, make_batches
from rules_gen.mutation.judge import (
    behaviour_in,
    broken_assertion,
    difference,
    differs_from_recording,
    has_same_values,
    is_answered,
)
from rules_gen.mutation.mutant import Mutant, Status, Verdict
from rules_gen.mutation.trials import RuleFile, Trial, likely_to_tell
from rules_gen.promql import Target
from rules_gen.proof.mutants_alone import judge_alone
from rules_gen.target import Recording

if TYPE_CHECKING:
    from rules_gen.promtool import Promtool

Progress = Callable[[str, int, int], None]

_MOST_REPEATS: Final = 40
"""How often a batch is run again without the rules that could not be evaluated. Each time leaves out one at least."""
_AT_A_TIME: Final = 8
"""Batches of one call of promtool: the time limit is a call's, and progress is only shown between calls."""


@dataclass(slots=True)
class _Waiting:
    """A mutant that isn't decided yet, and the scenarios that may still tell it."""

    mutant: Mutant
    scenarios: list[tuple[RuleFile, Case]]
    unjudged: str = ""


@dataclass(slots=True)
class MutantRun:
    """Judges mutants with promtool. `recordings` are those of the committed fixtures, by scenario key."""

    promtool: Promtool
    target: Target
    recordings: Mapping[str, Recording]
    progress: Progress
    verdicts: dict[Mutant, Verdict] = field(default_factory=dict)
    _next: int = 0
    _round: int = 0
    _total: int = 0

    def judge(self, scenarios: Mapping[Mutant, Sequence[tuple[RuleFile, Case]]]) -> dict[Mutant, Verdict]:
        """A verdict for each mutant. Most die in the first scenario, so each further one is played with what is left.

        PromtoolError when promtool can't be run at all.
        """
        waiting = {mutant: _Waiting(mutant, list(found)) for mutant, found in scenarios.items()}
        self._total = len(waiting)
        while True:
            undecided = [one for one in waiting.values() if one.mutant not in self.verdicts]
            trials = self._next_trials(undecided)
            if not trials:
                break
            self._play(trials, waiting)
            self._round += 1
        for one in undecided:
            if one.unjudged:
                self.verdicts[one.mutant] = Verdict(Status.UNJUDGED, one.unjudged)
            else:
                self.verdicts[one.mutant] = Verdict(Status.SURVIVED)
        return self.verdicts

    def _next_trials(self, undecided: Sequence[_Waiting]) -> list[Trial]:
        """One scenario for each mutant in the first two rounds, all that are left in the third."""
        by_case: dict[tuple[int, str], tuple[RuleFile, Case, list[Mutant]]] = {}
        for one in undecided:
            count = 1 if self._round < 2 else len(one.scenarios)
            taken, one.scenarios = one.scenarios[:count], one.scenarios[count:]
            for file, case in taken:
                by_case.setdefault((id(file), case.key), (file, case, []))[2].append(one.mutant)
        return [Trial(file, case, tuple(mutants)) for file, case, mutants in by_case.values()]

    def _play(self, trials: Sequence[Trial], waiting: Mapping[Mutant, _Waiting]) -> None:
        """Play the trials without annotations first, then those with them that differ in values alone."""
        alone: list[Unplayable] = []
        alike = self._play_batches(trials, alone, annotated=False)
        self._play_batches(alike, alone, annotated=True)
        left = [one for one in alone if one.mutant not in self.verdicts]
        for mutant, verdict in judge_alone(self.promtool, left).items():
            if verdict.status is Status.UNJUDGED:
                waiting[mutant].unjudged = verdict.reason
            elif verdict.status is not Status.SURVIVED:
                self.verdicts[mutant] = verdict

    def _play_batches(self, trials: Sequence[Trial], alone: list[Unplayable], *, annotated: bool) -> list[Trial]:
        """Play trials in batches; those whose messages have still to be compared."""
        stem = f"round{self._round}{'b' if annotated else 'a'}-"
        batches, unplayable = make_batches(trials, self.target, stem, self._next, annotated=annotated)
        self._next += len(trials)
        alone += unplayable
        alike: list[Trial] = []
        pending = list(batches)
        for _ in range(_MOST_REPEATS):
            if not pending:
                break
            parts = [pending[start : start + _AT_A_TIME] for start in range(0, len(pending), _AT_A_TIME)]
            pending = []
            for part in parts:
                pending += self._run(part, alone, alike, annotated=annotated)
                self.progress("judging mutants", len(self.verdicts), self._total)
        for batch in pending:
            alone += [Unplayable(one.trial, mutant) for one in batch.played for mutant in one.trial.mutants]
        return alike

    def _run(
        self, batches: Sequence[Batch], alone: list[Unplayable], alike: list[Trial], *, annotated: bool
    ) -> list[Batch]:
        """Run the batches and judge those that were evaluated; the others, less the rules that were at fault."""
        output = read_output(self.promtool.answers([batch.files() for batch in batches]))
        again: list[Batch] = []
        for batch in batches:
            if batch.proof in output.samples:
                for played in batch.played:
                    left = self._judge(batch, played, output, alone)
                    if left and not annotated:
                        alike.append(replace(played.trial, mutants=left))
                continue
            names = set(batch.rule_names())
            at_fault = {name: failure for name, failure in output.failed.items() if name in names}
            refused = {} if at_fault else self._refused(batch)
            rest = self._blame(batch, at_fault, refused, alone)
            if rest is not None and rest.played:
                again.append(rest)
        return again

    def _refused(self, batch: Batch) -> dict[str, str]:
        """The rules of a batch that promtool doesn't load, with what it says."""
        rules, _ = batch.files()
        found: dict[str, str] = {}
        for error in self.promtool.check_rules([rules]):
            name = batch.rule_name(error.group, error.rule)
            if name is not None:
                found[name] = error.message
        return found

    def _blame(
        self,
        batch: Batch,
        at_fault: Mapping[str, tuple[int, str]],
        refused: Mapping[str, str],
        alone: list[Unplayable],
    ) -> Batch | None:
        """Decide on the mutants whose rules are at fault, and give the batch without them.

        None when nobody is found to blame: then every mutant is played by itself.
        """
        trials = {played.number: played.trial for played in batch.played}
        owners = {name: owner for name in batch.rule_names() if (owner := owner_of(name)) is not None}
        guilty = {name: owner for name, owner in owners.items() if name in at_fault or name in refused}
        if not guilty:
            alone += [Unplayable(one.trial, mutant) for one in batch.played for mutant in one.trial.mutants]
            return None
        # Where the original fails too, the mutation isn't to blame.
        gone = {owner.trial for owner in guilty.values() if owner.mutant is None}
        alone += [Unplayable(trials[number], mutant) for number in gone for mutant in trials[number].mutants]
        for name, owner in guilty.items():
            if owner.mutant is None or owner.trial in gone:
                continue
            trial = trials[owner.trial]
            mutant = trial.mutants[owner.mutant]
            if name in refused:
                self.verdicts.setdefault(mutant, Verdict(Status.INVALID, f"promtool refuses it: {refused[name]}"))
            elif at_fault[name][0] <= trial.lasts_ms:
                said = f"it can't be evaluated: {at_fault[name][1]}"
                self.verdicts.setdefault(mutant, Verdict(Status.KILLED, said, trial.case.scenario.name))
            else:
                # It fails when its scenario is over, while others in the batch still go on.
                alone.append(Unplayable(trial, mutant))
        culprits = set(guilty.values())
        left = without(batch, frozenset(n for n, owner in owners.items() if owner.trial in gone or owner in culprits))
        left.played = [played for played in left.played if played.number not in gone]
        return left

    def _judge(self, batch: Batch, played: Played, output: Output, alone: list[Unplayable]) -> tuple[Mutant, ...]:
        """Decide on the trial's mutants; those that do the same but may say something else."""
        trial = played.trial
        original = behaviour_in(batch, played, None, output)
        recording = self.recordings.get(trial.case.key)
        if (
            not is_answered(batch, played, output)
            or broken_assertion(trial.case, original)
            or (recording is not None and differs_from_recording(trial.case, original, recording))
        ):
            alone += [Unplayable(trial, mutant) for mutant in trial.mutants]
            return ()
        left: list[Mutant] = []
        there = {position for position, _ in played.clones if position is not None}
        for position, mutant in enumerate(trial.mutants):
            if position not in there or mutant in self.verdicts:
                continue
            seen = difference(trial.case, original, behaviour_in(batch, played, position, output))
            if seen is not None:
                self.verdicts[mutant] = Verdict(Status.KILLED, seen, trial.case.scenario.name)
            elif not has_same_values(played, position, output):
                left.append(mutant)
        return tuple(left)


def scenarios_of(mutant: Mutant, files: Iterable[RuleFile]) -> list[tuple[RuleFile, Case]]:
    """The scenarios whose alert reads what the mutant changes, in the order in which they are likely to tell."""
    found: list[tuple[RuleFile, Case]] = []
    for file in files:
        numbers = [number for where, number in mutant.changes if where == file.environment]
        alerts = [
            rule.rule.alert
            for number in sorted(file.changed_by(numbers))
            if isinstance((rule := file.rules[number]).rule, AlertRule)
        ]
        found += [(file, case) for alert in dict.fromkeys(alerts) for case in file.cases.get(alert, ())]
    return found if len(found) < 2 else sorted(found, key=lambda item: likely_to_tell(item[1]))
