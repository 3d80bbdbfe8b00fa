"""What promtool makes of mutants: each is judged for the right reason, or not at all."""

import pytest

from rules_gen.mutation.mutant import Status
from rules_gen.proof import mutants as runner

DOWN = """\
- alert: Down
  severity: high
  expr: up{job="a"}
  threshold: equals 0
  for: 5m
  summary: "{{ $labels.instance }} is down"
  runbook: https://wiki.example.com/down
  tests:
    - name: fires
      series:
        'up{job="a", instance="1"}': 1x4 0x20
        'up{job="b", instance="2"}': 0x24
      pending_at: [8m]
      firing_at: [12m]
    - name: stays quiet
      series: {'up{job="a", instance="1"}': 1x20}
      quiet_at: [15m]
"""
WEAK = DOWN.replace("      pending_at: [8m]\n", "").replace("firing_at: [12m]", "firing_at: [20m]")


def test_scenarios_near_the_line_kill_every_mutant(mutate):
    run = mutate(DOWN)
    assert run.survivors == set()
    assert run.report.total.share == 1
    assert not run.report.failed


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("comparison: == to !=", "at 8m it isn't pending"),
        ("threshold: 0 to 1", "at 8m it isn't pending"),
        ("for: 5m to 2m", "at 8m it isn't pending"),
        ("for: 5m to 10m", "at 12m it doesn't fire"),
        ("severity: high to medium", "at 8m it isn't pending"),
        ("team: payments to platform", "at 12m it fires with other labels (team)"),
        ("matcher dropped: job of up", "at 8m it fires"),
        ("matcher negated: job of up", "at 8m it isn't pending"),
        ("bool added after ==", "at 8m it isn't pending"),
    ],
)
def test_a_verdict_says_what_the_scenario_sees(mutate, name, reason):
    verdict = mutate(DOWN).one(name).verdict
    assert (verdict.status, verdict.reason, verdict.scenario) == (Status.KILLED, reason, "fires")


def test_scenarios_far_from_the_line_let_mutants_live(mutate):
    run = mutate(WEAK)
    assert run.survivors == {"for: 5m to 2m", "for: 5m to 10m"}
    assert run.report.total.share == pytest.approx(8 / 10)


def test_a_value_in_the_message_kills_what_labels_do_not_show(mutate):
    rules = """\
    - alert: Queue
      severity: medium
      expr: queue_length{job="a"} + queue_waiting{job="a"}
      threshold: above 100
      for: 0m
      summary: "{{ $value }} wait"
      runbook: https://wiki.example.com/queue
      tests:
        - name: fires
          series: {'queue_length{job="a"}': 500x10, 'queue_waiting{job="a"}': 100x10}
          firing_at: [5m]
    """
    verdict = mutate(rules).one("arithmetic: + to -").verdict
    assert (verdict.status, verdict.reason) == (Status.KILLED, "at 5m its message is another (summary)")


def test_a_mutant_that_means_the_same_is_told_without_promtool(mutate):
    rules = DOWN.replace('expr: up{job="a"}', 'expr: sum by (job) (up{job="a"}) or 0 * absent(up{job="a"})')
    rules = rules.replace("{{ $labels.instance }} is down", "It is down")
    assert mutate(rules).status("arithmetic: * to /") is Status.EQUIVALENT


def test_a_mutant_that_promtool_refuses_counts_apart(mutate):
    # Dropping the only matcher of a selector without a name leaves `{}`, which Prometheus refuses.
    rules = DOWN.replace('up{job="a"}\n', 'count({job="a"} == 0) * 0\n')
    rules = rules.replace("{{ $labels.instance }} is down", "It is down")
    run = mutate(rules)
    invalid = run.names(Status.INVALID)
    assert "matcher dropped: job" in invalid
    assert run.one("matcher dropped: job").verdict.reason.startswith("promtool refuses it")
    assert run.report.total.counted == sum(
        run.report.total.counts[status] for status in (Status.KILLED, Status.SURVIVED)
    )


def test_a_mutant_that_cannot_be_evaluated_is_killed_and_takes_no_other_with_it(mutate):
    rules = """\
    - alert: Share
      severity: medium
      expr: used{job="a"} / on (instance) total{job="a", kind="all"}
      threshold: above 50%
      for: 0m
      summary: "{{ $labels.instance }}"
      runbook: https://wiki.example.com/share
      tests:
        - name: fires
          series:
            'used{job="a", instance="1"}': 60x10
            'total{job="a", instance="1", kind="all"}': 100x10
            'total{job="a", instance="1", kind="one"}': 90x10
          firing_at: [5m]
    """
    run = mutate(rules)
    verdict = run.one("matcher dropped: kind of total").verdict
    assert verdict.status is Status.KILLED
    assert verdict.reason.startswith("it can't be evaluated: found duplicate series")
    assert run.status("arithmetic: / to *") is Status.SURVIVED
    assert run.status("threshold: 50% to 45%") is Status.SURVIVED


def test_a_recording_rule_is_judged_through_the_alert_that_reads_it(mutate):
    rules = """\
    - record: job:errors:rate5m
      expr: sum by (job) (rate(errors_total{status="500"}[5m]))
    - record: job:errors:double
      expr: job:errors:rate5m * 2
    - alert: Errors
      severity: medium
      expr: job:errors:double
      threshold: above 10
      for: 0m
      summary: "{{ $labels.job }}"
      runbook: https://wiki.example.com/errors
      tests:
        - name: fires
          series:
            'errors_total{job="a", status="500"}': 0+600x20
            'errors_total{job="b", status="404"}': 0+600x20
          firing_at: [15m]
    """
    run = mutate(rules)
    assert run.one("matcher dropped: status of errors_total", "job:errors:rate5m").verdict.reason == (
        "at 15m it fires for 2 instead of 1"
    )
    assert run.status("arithmetic: * to /", "job:errors:double") is Status.KILLED


def test_of_two_recording_rules_of_one_name_the_other_stays(mutate):
    rules = """\
    - record: bytes:rate5m
      expr: sum by (instance) (rate(in_total{device!="lo"}[5m]))
      labels: {direction: in}
    - record: bytes:rate5m
      expr: sum by (instance) (rate(out_total[5m]))
      labels: {direction: out}
    - alert: Traffic
      severity: medium
      expr: bytes:rate5m
      threshold: above 5
      for: 0m
      summary: "{{ $labels.direction }}"
      runbook: https://wiki.example.com/traffic
      tests:
        - name: fires
          series:
            'in_total{instance="1", device="eth0"}': 0+600x20
            'out_total{instance="1"}': 0+600x20
          firing_at: [15m]
    """
    run = mutate(rules)
    assert run.status("matcher dropped: device of in_total") is Status.SURVIVED
    assert run.one("matcher negated: device of in_total").verdict.reason == "at 15m it fires for 1 instead of 2"


def test_what_reads_the_alerts_themselves_is_judged_in_a_rule_file_of_its_own(mutate):
    rules = (
        DOWN
        + """\
- alert: ManyDown
  severity: medium
  expr: count(ALERTS{alertname="Down", alertstate="firing"})
  threshold: above 1
  for: 0m
  summary: "{{ $value }}"
  runbook: https://wiki.example.com/down
  tests:
    - name: fires
      series: {'up{job="a", instance="1"}': 0x20, 'up{job="a", instance="2"}': 0x20}
      firing_at: [15m]
    - name: stays quiet for one
      series: {'up{job="a", instance="1"}': 0x20, 'up{job="a", instance="2"}': 1x20}
      quiet_at: [15m]
"""
    )
    run = mutate(rules)
    assert run.status("comparison: > to <", "ManyDown") is Status.KILLED
    assert run.status("matcher dropped: alertstate of ALERTS", "ManyDown") is Status.SURVIVED


def test_only_what_has_changed_is_judged_again(mutate, tmp_path, monkeypatch):
    first = mutate(WEAK)
    seen = []
    judge = runner.MutantRun.judge
    monkeypatch.setattr(
        runner.MutantRun,
        "judge",
        lambda self, waiting: (seen.append({m.name for m in waiting}), judge(self, waiting))[1],
    )
    again = mutate(WEAK)
    assert [one.verdict for one in again.report.judged] == [one.verdict for one in first.report.judged]
    assert seen == [set()]
    changed = mutate(WEAK.replace("firing_at: [20m]", "firing_at: [12m]"))
    assert changed.survivors == {"for: 5m to 2m"}
    assert len(seen[1]) == len(changed.report.judged)


def test_an_alert_that_is_named_is_judged_alone(mutate):
    run = mutate(DOWN + DOWN.replace("alert: Down", "alert: Other"), names=["Other"])
    assert {one.mutant.subject for one in run.report.judged} == {"Other"}


def test_a_mark_takes_a_survivor_out_of_the_score(mutate):
    marks = """\
  equivalent_mutants:
    - {mutant: "for: 5m to 2m", reason: Nobody cares.}
    - {mutant: "for: 5m to 10m", reason: Nobody cares.}
"""
    run = mutate(WEAK.replace("  tests:\n", marks + "  tests:\n"))
    assert run.names(Status.MARKED) == {"for: 5m to 2m", "for: 5m to 10m"}
    assert run.report.total.share == 1
    assert not run.report.failed


def test_a_mark_of_one_recording_says_nothing_of_another_of_its_name(mutate):
    rules = """\
    - record: bytes:rate5m
      expr: sum by (instance) (rate(in_total[5m]))
      labels: {direction: in}
      equivalent_mutants:
        - {mutant: "range: 5m to 10m", reason: It grows evenly.}
    - record: bytes:rate5m
      expr: sum by (instance) (rate(out_total[5m]))
      labels: {direction: out}
      equivalent_mutants:
        - {mutant: "range: 5m to 2m30s", reason: It grows evenly.}
    - alert: Traffic
      severity: medium
      expr: bytes:rate5m
      threshold: above 5
      for: 0m
      summary: "{{ $labels.direction }}"
      runbook: https://wiki.example.com/traffic
      tests:
        - name: fires
          series: {'in_total{instance="1"}': 0+600x20, 'out_total{instance="1"}': 0+600x20}
          firing_at: [15m]
    """
    run = mutate(rules)
    assert not run.report.problems
    ranges = [one for one in run.report.judged if one.mutant.operator == "range"]
    assert [(one.mutant.name, one.verdict.status) for one in ranges] == [
        ("range: 5m to 2m30s", Status.SURVIVED),
        ("range: 5m to 10m", Status.MARKED),
        ("range: 5m to 2m30s", Status.MARKED),
        ("range: 5m to 10m", Status.SURVIVED),
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("for: 5m to 2m", "isn't equivalent: the scenario 'fires' tells it apart, at 8m it isn't pending"),
        ("for: 5m to 3m", "Down has no mutant `for: 5m to 3m`"),
    ],
)
def test_a_mark_that_is_wrong_is_an_error(mutate, name, message):
    marks = f'  equivalent_mutants:\n    - {{mutant: "{name}", reason: Nobody cares.}}\n'
    run = mutate(DOWN.replace("  tests:\n", marks + "  tests:\n"))
    [problem] = run.report.problems
    assert message in problem.message
    assert run.report.failed


def test_below_the_demand_of_the_policy_the_run_fails(mutate):
    assert mutate(WEAK, proof='{mutation_score: "100%"}').report.failed
    assert not mutate(WEAK, proof='{mutation_score: "75%"}').report.failed
