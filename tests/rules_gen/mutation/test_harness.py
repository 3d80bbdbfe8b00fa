"""What goes wrong with promtool or a scenario is never taken for a kill, nor for a mutant that can't be deployed."""

import pytest

from rules_gen.fixtures.verdicts import RuleError
from rules_gen.mutation.mutant import Status
from rules_gen.promtool import Promtool, PromtoolError
from rules_gen.proof import mutants as runner

from .test_verdicts import DOWN, WEAK


class Broken:
    """A promtool that fails in some way; all else is the real one."""

    def __init__(self, real, **replaced):
        self._real = real
        self._replaced = replaced

    def __getattr__(self, name):
        return self._replaced.get(name) or getattr(self._real, name)


@pytest.fixture
def real(tmp_path):
    return Promtool.find(tmp_path)


def test_a_scenario_that_does_not_hold_kills_nothing(mutate):
    run = mutate(DOWN.replace("firing_at: [12m]", "firing_at: [3m]"))
    assert run.names(Status.KILLED) <= {
        one.mutant.name for one in run.report.judged if one.verdict.scenario == "stays quiet"
    }
    unjudged = run.report.of(Status.UNJUDGED)
    assert unjudged
    assert "doesn't hold for the original" in unjudged[0].verdict.reason
    assert run.report.failed


def test_a_scenario_in_which_the_original_cannot_be_evaluated_kills_nothing(mutate):
    run = mutate("""\
    - alert: Share
      severity: medium
      expr: used / on (instance) total{job="a"}
      threshold: above 50%
      for: 0m
      summary: "{{ $labels.instance }}"
      runbook: https://wiki.example.com/share
      tests:
        - name: fires
          series:
            'used{instance="1"}': 60x10
            'total{job="a", instance="1", kind="all"}': 100x10
            'total{job="a", instance="1", kind="one"}': 90x10
          firing_at: [5m]
    """)
    assert {one.verdict.status for one in run.report.judged} == {Status.UNJUDGED}


def test_a_promtool_that_says_nothing_kills_nothing(mutate, real):
    silent = Broken(real, answers=lambda pairs: "", answers_each=lambda pairs: ["" for _ in pairs])
    run = mutate(DOWN, promtool=silent)
    assert run.names(Status.KILLED) == set()
    assert {one.verdict.status for one in run.report.judged} == {Status.UNJUDGED}
    assert run.report.failed


def test_a_promtool_that_dies_midway_kills_nothing(mutate, real):
    def cut(pairs):
        text = real.answers(pairs)
        return text[: len(text) // 3]

    dying = Broken(real, answers=cut, answers_each=lambda pairs: ["panic: out of memory" for _ in pairs])
    run = mutate(DOWN, promtool=dying)
    assert run.names(Status.KILLED) == set()
    assert "panic: out of memory" in run.report.judged[0].verdict.reason or run.report.of(Status.UNJUDGED)


def test_a_promtool_that_fails_is_an_error_of_the_run(mutate, real):
    def fail(_pairs):
        raise PromtoolError("promtool took longer than 600 s")

    with pytest.raises(PromtoolError):
        mutate(DOWN, promtool=Broken(real, answers=fail))


def test_a_promtool_that_crashes_on_rules_finds_none_of_them_invalid(mutate, real):
    crashing = Broken(
        real,
        answers=lambda pairs: "",
        answers_each=lambda pairs: ["" for _ in pairs],
        check_rules=lambda files: tuple(RuleError(file.path, None, None, "signal: killed") for file in files),
    )
    assert {one.verdict.status for one in mutate(DOWN, promtool=crashing).report.judged} == {Status.UNJUDGED}


def test_what_promtool_refuses_of_the_original_makes_no_mutant_invalid(mutate, real, one_by_one):
    """A promtool that is older than the policy's Prometheus, for one."""

    def refuse(files):
        return tuple(RuleError(file.path, "checkout", 0, "unknown function") for file in files)

    for _ in range(2):
        old = Broken(real, answers=lambda pairs: "", answers_each=lambda pairs: ["" for _ in pairs], check_rules=refuse)
        run = mutate(DOWN, promtool=old)
        assert {one.verdict.status for one in run.report.judged} == {Status.UNJUDGED}
        assert "promtool refuses the original too: unknown function" in run.report.judged[0].verdict.reason
        one_by_one()


def test_what_was_judged_before_an_interruption_is_kept(mutate, real, monkeypatch):
    calls = []

    def interrupted(pairs):
        if calls:
            raise KeyboardInterrupt
        calls.append(pairs)
        return real.answers(pairs)

    with pytest.raises(KeyboardInterrupt):
        mutate(WEAK, promtool=Broken(real, answers=interrupted))
    seen = []
    judge = runner.MutantRun.judge
    monkeypatch.setattr(
        runner.MutantRun, "judge", lambda self, waiting: (seen.append(waiting), judge(self, waiting))[1]
    )
    run = mutate(WEAK)
    assert run.survivors == {"for: 5m to 2m", "for: 5m to 10m"}
    assert 0 < len(seen[0]) < len(run.report.judged)
