"""Puts trials into batches: rules and series renamed, those that last about as long together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from rules_gen.fixtures.series import parse_series
from rules_gen.model import AlertRule
from rules_gen.mutation.batch import Batch, Played
from rules_gen.mutation.mutant import Mutant, Rule
from rules_gen.mutation.renaming import (
    lightened,
    metric_of,
    queries,
    renamed,
    renamed_series,
    shows_name,
    words_of,
    words_outside_values,
)
from rules_gen.mutation.trials import Located, Trial
from rules_gen.promql import Target, parse_duration
from rules_gen.target_support.rules import rule_document

MOST_RULES: Final = 3_000
"""Rules in one batch. More gains nothing, and progress is only shown between batches."""

# These mistakes change when it fires and what it is called, never what it says of the signal.
_SAME_VALUE: Final = frozenset({"for", "keep_firing_for", "label"})


class Unplayable(NamedTuple):
    """A mutant that can't be played under other names in a trial."""

    trial: Trial
    mutant: Mutant


_Made = tuple[Located, Rule, int | None]
"""The rule that was renamed, what it became, and the position of its mutant."""


class _Maker:
    """Fills batches with trials."""

    def __init__(self, target: Target, stem: str, first: int, *, annotated: bool) -> None:
        self._target = target
        self._stem = stem
        self._annotated = annotated
        self._open: dict[tuple[str, str, int], Batch] = {}
        self._count = first
        self._files: dict[int, int] = {}
        self._brought: frozenset[str] = frozenset()
        self.batches: list[Batch] = []
        self.unplayable: list[Unplayable] = []

    def add(self, trial: Trial) -> None:
        """Put a trial into a batch of its kind."""
        number = self._count
        self._count += 1
        prefix = f"s{number}:"
        series = [(renamed_series(text, {}, prefix), values) for text, values in trial.case.scenario.series]
        needed = [trial.file.rules[number] for number in trial.file.needed_by(trial.case.scenario.alert)]
        bound = any(
            trial.file.groups[located.group].limit is not None
            or queries(located.rule, self._target)
            or shows_name(located.rule)
            for located in needed
        )
        played = Played(number, trial, asks_in_vain=_asks_in_vain(trial, needed))
        self._brought = _brought(trial, needed)
        made = None if bound else self._originals(needed, prefix)
        if made is None or any(text is None for text, _ in series):
            self.unplayable += [Unplayable(trial, mutant) for mutant in trial.mutants]
            return
        batch = self._batch_for(trial)
        for position, mutant in enumerate(trial.mutants):
            names = _names(trial, needed, mutant, f"s{number}_m{position}:")
            clones = self._mutated(trial, needed, position, names, number)
            if clones is None:
                self.unplayable.append(Unplayable(trial, mutant))
                continue
            made += clones
            # A scenario can bring samples of what is recorded, and whoever reads the mutant's reads these too.
            series += [
                (renamed_series(text, names, prefix), values)
                for text, values in trial.case.scenario.series
                if metric_of(text) in names
            ]
        first = self._files.setdefault(id(trial.file), len(self._files))
        # In the order of the file, so that a recording stands before those that read it.
        for located, rule, owner in sorted(made, key=lambda item: item[0].number):
            key = (first, located.group)
            batch.groups.setdefault(key, []).append(rule_document(self._noted(played, located, rule, owner)))
            offset = trial.file.groups[located.group].query_offset
            if offset is not None:
                batch.offsets[key] = offset
            batch.rules += 1
        batch.series += [{"series": text or "", "values": values} for text, values in series]
        batch.played.append(played)

    def _noted(self, played: Played, located: Located, rule: Rule, owner: int | None) -> Rule:
        """The rule as promtool is given it; an alert is noted in its trial."""
        if not isinstance(rule, AlertRule):
            return rule
        light, played.labels[rule.alert] = lightened(rule, self._brought, annotated=self._annotated)
        played.clones[owner, located.number] = rule.alert
        if owner is None or played.trial.mutants[owner].operator not in _SAME_VALUE:
            played.values[rule.alert] = rule.expr
        return light

    def _originals(self, needed: list[Located], prefix: str) -> list[_Made] | None:
        made: list[_Made] = []
        for located in needed:
            rule = self._renamed(located.rule, {}, prefix, f"{prefix}{located.number}")
            if rule is None:
                return None
            made.append((located, rule, None))
        return made

    def _mutated(
        self, trial: Trial, needed: list[Located], position: int, names: dict[str, str], number: int
    ) -> list[_Made] | None:
        """The rules that a mutant changes, and those that read them; None where one can't be renamed."""
        changes = trial.changes(trial.mutants[position])
        affected = trial.file.changed_by(changes)
        made: list[_Made] = []
        for located in needed:
            # Several recordings can have one name, and whoever reads the changed one reads the others too.
            sibling = not isinstance(located.rule, AlertRule) and located.rule.record in names
            if located.number in affected or sibling:
                changed = changes.get(located.number, located.rule)
                alert = f"s{number}_m{position}:{located.number}"
                rule = self._renamed(changed, names, f"s{number}:", alert)
                if rule is None:
                    return None
                made.append((located, rule, position))
        return made

    def _renamed(self, rule: Rule, names: dict[str, str], prefix: str, alert: str) -> Rule | None:
        expr = renamed(rule.expr, names, prefix, self._target)
        if expr is None:
            return None
        if isinstance(rule, AlertRule):
            return rule._replace(alert=alert, expr=expr)
        return rule._replace(record=names.get(rule.record, prefix + rule.record), expr=expr)

    def _batch_for(self, trial: Trial) -> Batch:
        """The batch that is open for scenarios that last about as long and have the same intervals."""
        scenario = trial.case.scenario
        tick = parse_duration(trial.file.frame.evaluation_interval) or 1
        key = (trial.file.frame.evaluation_interval, scenario.interval, (trial.lasts_ms // tick).bit_length())
        batch = self._open.get(key)
        if batch is None or batch.rules >= MOST_RULES:
            batch = Batch(f"{self._stem}{len(self.batches)}", key[0], key[1])
            self._open[key] = batch
            self.batches.append(batch)
        return batch


def _names(trial: Trial, needed: Sequence[Located], mutant: Mutant, mine: str) -> dict[str, str]:
    """What the recordings that a mutant changes are called, itself or through what they read."""
    affected = trial.file.changed_by(trial.changes(mutant))
    return {
        located.rule.record: mine + located.rule.record
        for located in needed
        if located.number in affected and not isinstance(located.rule, AlertRule)
    }


def _brought(trial: Trial, needed: Sequence[Located]) -> frozenset[str]:
    """All words that may be labels of what the alert's expression gives."""
    names: set[str] = set()
    for text, _ in trial.case.scenario.series:
        names |= frozenset(parse_series(text) or words_of([text]))
    for located in needed:
        names |= words_outside_values(located.rule.expr)
        if not isinstance(located.rule, AlertRule):
            names |= words_of(name for name, _ in located.rule.labels)
    return frozenset(names)


def _asks_in_vain(trial: Trial, needed: Sequence[Located]) -> bool:
    """Whether an expression's value at a time may be another than what its alert's message is made of then.

    An alert that is kept firing has the message of an earlier evaluation; a group with an offset is evaluated as of an
    earlier time; and a rule that stands before the recording that it reads sees what was recorded a tick ago.
    """
    numbers = {located.number for located in needed}
    return any(
        (isinstance(located.rule, AlertRule) and located.rule.keep_firing_for is not None)
        or trial.file.groups[located.group].query_offset is not None
        or any(reader in numbers and reader < located.number for reader in trial.file.readers.get(located.number, ()))
        for located in needed
    )


def make_batches(
    trials: Iterable[Trial], target: Target, stem: str, first: int = 0, *, annotated: bool = False
) -> tuple[tuple[Batch, ...], tuple[Unplayable, ...]]:
    """The trials in batches, and the mutants that have to be played one by one under their own names.

    Trials are numbered from `first`, so that several calls of one run share no name. `annotated` keeps the annotations:
    promtool expands their templates at every evaluation, which takes three times as long as all the rest.
    """
    maker = _Maker(target, stem, first, annotated=annotated)
    for trial in trials:
        maker.add(trial)
    return tuple(maker.batches), tuple(maker.unplayable)
