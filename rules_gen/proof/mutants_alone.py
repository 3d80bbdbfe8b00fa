"""Has promtool judge mutants one by one, each in a rule file of its own, under its own name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rules_gen.fixtures.output import read_output
from rules_gen.mutation.alone import Alone
from rules_gen.mutation.judge import broken_assertion, difference
from rules_gen.mutation.mutant import Mutant, Status, Verdict

if TYPE_CHECKING:
    from rules_gen.mutation.batches import Unplayable
    from rules_gen.promtool import Promtool


def judge_alone(promtool: Promtool, trials: Sequence[Unplayable]) -> dict[Mutant, Verdict]:
    """A verdict for each mutant, beside its original in another file.

    It is what the first scenario says that tells anything: SURVIVED only where none does.
    """
    if not trials:
        return {}
    files: dict[tuple[int, str, int], Alone] = {}
    for one in trials:
        for mutant in (None, one.mutant):
            key = (id(one.trial.file), one.trial.case.key, id(mutant))
            files.setdefault(key, Alone(len(files), one.trial, mutant))
    rules = {alone.stem: alone.rules() for alone in files.values()}
    # What promtool has against a rule comes with its place: anything else is no word on the rule.
    errors = [error for error in promtool.check_rules(list(rules.values())) if error.group is not None]
    refused = {error.path.removesuffix(".rules.yml"): error.message for error in errors}
    runnable = [alone for alone in files.values() if alone.stem not in refused]
    texts = promtool.answers_each([(rules[alone.stem], alone.fixture()) for alone in runnable])
    answers = {alone.stem: text for alone, text in zip(runnable, texts, strict=True)}
    verdicts: dict[Mutant, Verdict] = {}
    for one in trials:
        if verdicts.get(one.mutant, _SURVIVED).status in (Status.KILLED, Status.INVALID):
            continue
        base = (id(one.trial.file), one.trial.case.key)
        verdict = _verdict(files[(*base, id(None))], files[(*base, id(one.mutant))], answers, refused)
        if verdict.status is not Status.SURVIVED or one.mutant not in verdicts:
            verdicts[one.mutant] = verdict
    return verdicts


_SURVIVED = Verdict(Status.SURVIVED)


def _verdict(original: Alone, mine: Alone, answers: Mapping[str, str], refused: Mapping[str, str]) -> Verdict:
    case = original.trial.case
    if original.stem in refused:
        return Verdict(Status.UNJUDGED, f"promtool refuses the original too: {refused[original.stem]}")
    if mine.stem in refused:
        return Verdict(Status.INVALID, f"promtool refuses it: {refused[mine.stem]}")
    before = original.behaviour(answers[original.stem])
    said = "promtool doesn't evaluate it" if before is None else broken_assertion(case, before)
    if before is None or said is not None:
        return Verdict(Status.UNJUDGED, f"the scenario {case.scenario.name!r} doesn't hold for the original: {said}")
    text = answers[mine.stem]
    after = mine.behaviour(text)
    if after is None:
        failed = read_output(text).failed
        if not failed:
            said = " ".join(text.split())[-300:] or "it said nothing"
            return Verdict(Status.UNJUDGED, f"promtool gave no answer: {said}")
        _, why = next(iter(failed.values()))
        return Verdict(Status.KILLED, f"it can't be evaluated: {why}", case.scenario.name)
    seen = difference(case, before, after)
    return _SURVIVED if seen is None else Verdict(Status.KILLED, seen, case.scenario.name)
