"""Has promtool play candidate scenarios for the mutants that have survived."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from rules_gen.emit.yaml import emit_yaml
from rules_gen.fixtures.layout import Case
from rules_gen.fixtures.output import Output, read_output
from rules_gen.fixtures.times import duration_text
from rules_gen.model.rules import Pairs
from rules_gen.mutation.batch import Batch, Played
from rules_gen.mutation.batches import make_batches
from rules_gen.mutation.candidates import Candidate, bases, candidates, compared
from rules_gen.mutation.judge import labelled
from rules_gen.mutation.mutant import Mutant
from rules_gen.mutation.proposals import Moment, played, proposal, telling_time, ticks_ms
from rules_gen.mutation.score import Proposal
from rules_gen.mutation.trials import RuleFile, Trial
from rules_gen.promql import Target, parse_duration
from rules_gen.target import GeneratedFile
from rules_gen.target_support.rules import groups_document

if TYPE_CHECKING:
    from rules_gen.promtool import Promtool
    from rules_gen.proof.mutants import Progress

_AT_A_TIME: Final = 400
"""Candidates that are played before those that are told by then are left out."""


@dataclass(slots=True)
class _Search:
    """A survivor, and the candidates that are still to be tried."""

    mutant: Mutant
    file: RuleFile
    left: list[Candidate]


@dataclass(frozen=True, slots=True)
class ProposalRun:
    """Looks for scenarios that tell survivors from their originals."""

    promtool: Promtool
    target: Target
    progress: Progress

    def propose(self, survivors: Mapping[Mutant, Sequence[tuple[RuleFile, Case]]]) -> dict[Mutant, Proposal]:
        """A proposal for each survivor that one was found for. PromtoolError when promtool can't be run."""
        found: dict[Mutant, Proposal] = {}
        searches = list(self._searches(survivors))
        total = len(searches)
        number = 0
        # The scenarios themselves first: mostly only a time is missing, and that is the better proposal.
        share = 12
        while searches:
            self.progress("looking for scenarios", len(found), total)
            trials: list[tuple[_Search, Candidate]] = []
            for search in searches:
                taken, search.left = search.left[:share], search.left[share:]
                trials += [(search, one) for one in taken]
            for start in range(0, len(trials), _AT_A_TIME):
                part = [(s, one) for s, one in trials[start : start + _AT_A_TIME] if s.mutant not in found]
                self._try(part, number, found)
                number += len(part)
            searches = [search for search in searches if search.left and search.mutant not in found]
            share = 40
        return found

    def _searches(self, survivors: Mapping[Mutant, Sequence[tuple[RuleFile, Case]]]) -> Iterator[_Search]:
        for mutant, scenarios in survivors.items():
            if not scenarios:
                continue
            file = scenarios[0][0]
            cases = [case for where, case in scenarios if where is file]
            number = next(number for where, number in mutant.changes if where == file.environment)
            original, changed = file.rules[number].rule, mutant.changes[file.environment, number]
            comparison = compared(original, changed)
            values = self._values(file, bases(cases), comparison.operand) if comparison is not None else []
            yield _Search(mutant, file, candidates(mutant, original, cases, values))

    def _values(self, file: RuleFile, cases: Sequence[Case], operand: str) -> list[Fraction]:
        """What the compared operand is in these scenarios at the times that are asserted."""
        rules = GeneratedFile("values.rules.yml", emit_yaml(groups_document(file.groups)).encode())
        tests = [
            {
                "name": f"values {number}",
                "interval": case.scenario.interval,
                "input_series": [{"series": name, "values": values} for name, values in case.scenario.series],
                "promql_expr_test": [
                    {"expr": f"{operand}\n# {number} {at}", "eval_time": at, "exp_samples": []} for at in case.times
                ],
            }
            for number, case in enumerate(cases)
        ]
        document = {
            "rule_files": [rules.path],
            "evaluation_interval": file.frame.evaluation_interval,
            "group_eval_order": list(file.frame.groups),
            "tests": tests,
        }
        output = read_output(
            self.promtool.answers([(rules, GeneratedFile("values.test.yml", emit_yaml(document).encode()))])
        )
        values: dict[Fraction, None] = {}
        for samples in output.samples.values():
            for sample in samples:
                # Infinity and NaN are no values that anything could be scaled by.
                with contextlib.suppress(ValueError):
                    values[Fraction(sample.value)] = None
        return list(values)[:4]

    def _try(self, trials: Sequence[tuple[_Search, Candidate]], first: int, found: dict[Mutant, Proposal]) -> None:
        """Play the candidates; the first that tells a mutant becomes its proposal."""
        sources: dict[int, tuple[_Search, Candidate]] = {}
        made: list[Trial] = []
        asked: dict[int, tuple[int, ...]] = {}
        for search, candidate in trials:
            tick = parse_duration(search.file.frame.evaluation_interval) or 60_000
            times = ticks_ms(candidate, tick)
            case = replace(candidate.base, scenario=played(candidate, times), key=f"candidate{first + len(made)}")
            sources[first + len(made)] = (search, candidate)
            asked[first + len(made)] = times
            made.append(Trial(search.file, case, (search.mutant,)))
        batches, _ = make_batches(made, self.target, f"candidates{first}-", first)
        for batch in batches:
            every = {one.number: [duration_text(time) for time in asked[one.number]] for one in batch.played}
            text = self.promtool.answers([batch.files(every)])
            output = read_output(text)
            if batch.proof not in output.samples:
                # A guess that can't be evaluated, such as two series in one: those beside it are tried one by one.
                self._try_singly(batch, asked, sources, found)
                continue
            self._look(batch, asked, sources, output, found)

    def _try_singly(
        self,
        batch: Batch,
        asked: Mapping[int, tuple[int, ...]],
        sources: Mapping[int, tuple[_Search, Candidate]],
        found: dict[Mutant, Proposal],
    ) -> None:
        trials = [(one.number, one.trial) for one in batch.played if sources[one.number][0].mutant not in found]
        pairs = []
        singles = []
        for number, trial in trials:
            made, _ = make_batches([trial], self.target, f"single{number}-", number)
            if made:
                singles.append(made[0])
                pairs.append(made[0].files({number: [duration_text(time) for time in asked[number]]}))
        for single, text in zip(singles, self.promtool.answers_each(pairs), strict=True):
            output = read_output(text)
            if single.proof in output.samples:
                self._look(single, asked, sources, output, found)

    def _look(
        self,
        batch: Batch,
        asked: Mapping[int, tuple[int, ...]],
        sources: Mapping[int, tuple[_Search, Candidate]],
        output: Output,
        found: dict[Mutant, Proposal],
    ) -> None:
        for one in batch.played:
            states = {time: _by_name(output, batch, one, duration_text(time)) for time in asked[one.number]}
            search, candidate = sources[one.number]
            if search.mutant in found or not any(position is not None for position, _ in one.clones):
                continue
            original, changed = (
                {time: _moment(one, position, states[time]) for time in asked[one.number]} for position in (None, 0)
            )
            severities = list(dict.fromkeys(candidate.base.severities))
            at = telling_time(original, changed, severities)
            if at is not None:
                found[search.mutant] = proposal(candidate, at, original[at], changed[at])


def _by_name(output: Output, batch: Batch, played: Played, at: str) -> defaultdict[str, list[Pairs]]:
    """What of a trial is pending or firing at a time, by the renamed alert."""
    found: defaultdict[str, list[Pairs]] = defaultdict(list)
    for sample in output.samples.get(batch.states(played, at), ()):
        found[dict(sample.labels).get("alertname", "")].append(sample.labels)
    return found


def _moment(one: Played, position: int | None, states: Mapping[str, list[Pairs]]) -> Moment:
    firing: list[Pairs] = []
    pending: set[str] = set()
    numbers = dict.fromkeys(number for _, number in one.clones)
    for number in numbers:
        name = one.clones.get((position, number)) or one.clones[None, number]
        for labels in states.get(name, ()):
            state = dict(labels).get("alertstate")
            own = tuple(pair for pair in labels if pair[0] not in ("alertstate", "alertname", "__name__"))
            complete = labelled(own, one.labels[name])
            if state == "firing":
                firing.append(complete)
            else:
                pending.add(dict(complete).get("severity", ""))
    return Moment(tuple(sorted(firing)), frozenset(pending))
