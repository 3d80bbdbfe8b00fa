"""One run of mutation testing: mutants made, recalled or judged, and the report of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rules_gen.compiler import Compiled
from rules_gen.definitions import Definitions
from rules_gen.fixtures.layout import Case
from rules_gen.fixtures.plan import fixture_plans
from rules_gen.model import Policy, Service
from rules_gen.mutation.mutant import Mutant, Status, Verdict
from rules_gen.mutation.mutants import is_equivalent, mutants_of, spots_of
from rules_gen.mutation.score import Judged, MutationReport, marked
from rules_gen.mutation.trials import RuleFile, rule_file
from rules_gen.proof.mutant_cache import MutantCache
from rules_gen.proof.mutants import MutantRun, Progress, scenarios_of
from rules_gen.proof.proposals import ProposalRun

if TYPE_CHECKING:
    from rules_gen.promtool import Promtool
    from rules_gen.target import Recording

MOST_PROPOSED = 60
"""Survivors of one run that scenarios are looked for; nobody reads more of them at a time."""

Scenarios = list[tuple[RuleFile, Case]]


@dataclass(frozen=True, slots=True)
class _Bred:
    """The mutants of a service, each with the scenarios that may tell it."""

    service: Service
    mutants: Mapping[Mutant, Scenarios]
    verdicts: dict[Mutant, Verdict]
    unread: tuple[str, ...]


def run_mutation(
    definitions: Definitions,
    names: Sequence[str],
    root: Path,
    promtool: Promtool,
    progress: Progress,
    *,
    use_cache: bool = True,
    most_proposed: int = MOST_PROPOSED,
) -> MutationReport:
    """Judges the mutants of all alerts, or of those that are named and of what they read.

    Scenarios are looked for that would kill the first `most_proposed` survivors.

    A name can also be that of a recording rule. `definitions` must be compiled with the target `promtool-tests`.
    PromtoolError when promtool can't be run.
    """
    policy = definitions.policy
    if policy is None:
        raise ValueError("without a policy nothing is compiled")
    wanted = {(service.key, alert.name) for service, alert in definitions.alerts(names)}
    bred: list[_Bred] = []
    recordings: dict[str, Recording] = {}
    for done, compiled in enumerate(definitions.compiled):
        progress("making mutants", done, len(definitions.compiled))
        if compiled.service is not None:
            bred.append(_breed(compiled.service, policy, wanted if names else None, frozenset(names)))
            recordings.update(_recordings(root, compiled))
    waiting = {mutant: found for one in bred for mutant, found in one.mutants.items() if mutant not in one.verdicts}
    cache = MutantCache.load(root, promtool) if use_cache else MutantCache.empty(root, promtool)
    known = cache.recall(waiting)
    run = MutantRun(promtool, policy.prometheus, recordings, progress)
    try:
        judged = run.judge({mutant: found for mutant, found in waiting.items() if mutant not in known})
    except BaseException:
        # What has been judged until now needn't be judged again, whatever has stopped the run.
        cache.remember(waiting, run.verdicts, whole=False)
        raise
    cache.remember(waiting, judged, whole=not names)
    report = _report(bred, {**known, **judged}, policy)
    survivors = report.of(Status.SURVIVED)[:most_proposed]
    proposals = ProposalRun(promtool, policy.prometheus, progress)
    report = _with_proposals(report, {one.mutant: waiting[one.mutant] for one in survivors}, proposals)
    return replace(report, unread=()) if names else report


def _with_proposals(report: MutationReport, survivors: Mapping[Mutant, Scenarios], run: ProposalRun) -> MutationReport:
    """The report with a scenario for each of these survivors that one is found for."""
    found = run.propose(survivors) if survivors else {}
    return replace(report, judged=tuple(replace(one, proposal=found.get(one.mutant)) for one in report.judged))


def _breed(service: Service, policy: Policy, wanted: set[tuple[str, str]] | None, names: frozenset[str]) -> _Bred:
    target = policy.prometheus
    files = [rule_file(plan.cases[0].scenario.environment, plan, target) for plan in fixture_plans(service, policy)]
    spots = spots_of(service)
    mutants: dict[Mutant, Scenarios] = {}
    verdicts: dict[Mutant, Verdict] = {}
    unread: dict[str, None] = {}
    for mutant in mutants_of(service, policy):
        found = scenarios_of(mutant, files)
        if not found:
            unread[mutant.subject] = None
            continue
        asked = mutant.subject in names or any(
            (service.key, case.scenario.alert) in (wanted or ()) for _, case in found
        )
        if wanted is not None and not asked:
            continue
        mutants[mutant] = found
        if is_equivalent(mutant, spots, target):
            verdicts[mutant] = Verdict(Status.EQUIVALENT, "simplified, both are the same")
    return _Bred(service, mutants, verdicts, tuple(unread))


def _recordings(root: Path, compiled: Compiled) -> dict[str, Recording]:
    """What the committed fixtures have recorded; a fixture that isn't there has nothing."""
    found: dict[str, Recording] = {}
    for fixture in compiled.fixtures:
        path = root / fixture.path
        if path.is_file() and not path.is_symlink():
            found.update(fixture.recall(path.read_bytes()))
    return found


def _report(bred: Iterable[_Bred], verdicts: Mapping[Mutant, Verdict], policy: Policy) -> MutationReport:
    judged: list[Judged] = []
    report = MutationReport((), (), (), policy.proof.mutation_score)
    for one in bred:
        mine = [Judged(one.service.key, mutant, one.verdicts.get(mutant) or verdicts[mutant]) for mutant in one.mutants]
        applied, problems = marked(one.service, mine)
        judged += applied
        unread = tuple(f"{one.service.key}: {name}" for name in one.unread)
        report = replace(report, problems=(*report.problems, *problems), unread=(*report.unread, *unread))
    return replace(report, judged=tuple(judged))
