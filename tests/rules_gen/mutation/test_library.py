"""The shipped library's mutants, judged in batches as in rule files of their own."""

import random
from pathlib import Path

import pytest

from rules_gen.commands.definitions import read_definitions
from rules_gen.mutation.batches import Unplayable
from rules_gen.promtool import Promtool
from rules_gen.proof import mutants as runner
from rules_gen.proof.mutation import _breed

ROOT = Path(__file__).parents[3]
SAMPLE = 150
"""Mutants that are judged twice: enough for some of every family."""


@pytest.mark.full
def test_a_batch_says_of_the_library_what_rule_files_of_their_own_say(monkeypatch):
    definitions = read_definitions(ROOT, frozenset({"promtool-tests"}))
    policy, promtool = definitions.policy, Promtool.find(ROOT)
    waiting = {}
    for service in definitions.services:
        bred = _breed(service, policy, None, frozenset())
        waiting |= {mutant: found for mutant, found in bred.mutants.items() if mutant not in bred.verdicts}
    sample = random.Random(247).sample(list(waiting), SAMPLE)
    # Without what the fixtures have recorded, nothing but the batches themselves is asked.
    waiting = {mutant: waiting[mutant] for mutant in sample}
    together = runner.MutantRun(promtool, policy.prometheus, {}, lambda *_: None).judge(waiting)

    def never(trials, *_args, **_options):
        return (), tuple(Unplayable(trial, mutant) for trial in trials for mutant in trial.mutants)

    monkeypatch.setattr(runner, "make_batches", never)
    alone = runner.MutantRun(promtool, policy.prometheus, {}, lambda *_: None).judge(waiting)
    assert [(m.subject, m.name, together[m].status) for m in sample if together[m].status != alone[m].status] == []
    # Two rungs of one severity can't be evaluated in one file. Under names of their own they can, and differ by it.
    others = [mutant for mutant in sample if mutant.operator != "label"]
    assert [(m.subject, m.name, together[m], alone[m]) for m in others if together[m] != alone[m]] == []
