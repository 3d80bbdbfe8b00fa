"""What became of all mutants: scores by alert, and what is wrong with the marks in the definitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rules_gen.diagnostics import Place, Problem
from rules_gen.model import EquivalentMutant, RecordingRule, Service
from rules_gen.mutation.mutant import Mutant, Status, Verdict
from rules_gen.source.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Proposal:
    """A scenario that would tell a mutant from its original: its YAML, ready to be pasted, and what to do with it.

    `extends` names a scenario that only needs the times in `yaml`; None for a new scenario.
    """

    yaml: str
    sees: str
    extends: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant with its verdict. `service` is `team/service`."""

    service: str
    mutant: Mutant
    verdict: Verdict
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How the mutants of one alert or recording rule fared; `share` is None where none counts."""

    service: str
    subject: str
    counts: Counter[Status]
    place: Place | None = None

    @property
    def counted(self) -> int:
        """The mutants that count: those that aren't equivalent and could be deployed."""
        return sum(self.counts[status] for status in (Status.KILLED, Status.SURVIVED, Status.UNJUDGED))

    @property
    def share(self) -> float | None:
        """The share of those that are killed."""
        return self.counts[Status.KILLED] / self.counted if self.counted else None


@dataclass(frozen=True, slots=True)
class MutationReport:
    """A whole run. `problems` are marks that are wrong; `unread` recording rules that no alert reads.

    `demand` is the least share of each subject's mutants that must be killed.
    """

    judged: tuple[Judged, ...]
    problems: tuple[Problem, ...]
    unread: tuple[str, ...]
    demand: float

    @property
    def scores(self) -> tuple[Score, ...]:
        """A score for each alert and recording rule, in the order of the definitions."""
        counts: dict[tuple[str, str], Counter[Status]] = {}
        places: dict[tuple[str, str], Place] = {}
        for one in self.judged:
            key = (one.service, one.mutant.subject)
            counts.setdefault(key, Counter())[one.verdict.status] += 1
            places.setdefault(key, one.mutant.place)
        return tuple(Score(*key, found, places[key]) for key, found in counts.items())

    @property
    def total(self) -> Score:
        """The score of all together."""
        return Score("", "", Counter(one.verdict.status for one in self.judged))

    def of(self, status: Status) -> tuple[Judged, ...]:
        """The mutants that this became of."""
        return tuple(one for one in self.judged if one.verdict.status is status)

    @property
    def below(self) -> tuple[Score, ...]:
        """The subjects whose score is below the demand."""
        return tuple(score for score in self.scores if score.share is not None and score.share < self.demand)

    @property
    def failed(self) -> bool:
        """Whether the demand isn't met, a mark is wrong, or a mutant could not be judged."""
        return bool(self.below or self.problems or self.of(Status.UNJUDGED))


def marked(service: Service, judged: Sequence[Judged]) -> tuple[list[Judged], list[Problem]]:
    """The verdicts with the authors' marks applied, and the marks that are wrong."""
    problems: list[Problem] = []
    result = list(judged)
    for subject, defined, marks in _marks(service):
        # By the place too: two recordings may have one name, and a mark of one says nothing of the other.
        mine = [n for n, one in enumerate(result) if (one.mutant.subject, one.mutant.place) == (subject, defined)]
        names = {result[number].mutant.name for number in mine}
        if not mine:
            continue
        for mark in marks:
            place = mark.place.at("mutant")
            if mark.mutant not in names:
                hint = did_you_mean(mark.mutant, names)
                problems.append(Problem("equivalent-mutant", f"{subject} has no mutant `{mark.mutant}`", place, hint))
            for number in mine:
                one = result[number]
                if one.mutant.name == mark.mutant:
                    problem = _wrong(one, place)
                    if problem is not None:
                        problems.append(problem)
                    elif one.verdict.status is Status.SURVIVED:
                        result[number] = Judged(one.service, one.mutant, Verdict(Status.MARKED, mark.reason))
    return result, problems


def _marks(service: Service) -> Iterator[tuple[str, Place, Iterable[EquivalentMutant]]]:
    for alert in service.alerts:
        if alert.equivalents:
            yield alert.name, alert.place, alert.equivalents
    seen: set[Place] = set()
    for _, groups in service.groups:
        for group in groups:
            for rule in group.rules:
                if isinstance(rule, RecordingRule) and rule.equivalents and rule.place not in seen:
                    seen.add(rule.place)
                    yield rule.record, rule.place, rule.equivalents


def _wrong(one: Judged, place: Place) -> Problem | None:
    """What is wrong with the mark of this mutant, if anything."""
    name, verdict = one.mutant.name, one.verdict
    if verdict.status is Status.KILLED:
        message = f"`{name}` isn't equivalent: the scenario {verdict.scenario!r} tells it apart, {verdict.reason}"
        return Problem("equivalent-mutant", message, place, "remove the mark")
    if verdict.status in (Status.EQUIVALENT, Status.INVALID):
        message = f"`{name}` needs no mark: {verdict.reason}"
        return Problem("equivalent-mutant", message, place, "remove the mark")
    return None
