"""A batch says of each mutant what a rule file of its own says, whatever is played in it under other names."""

import textwrap

import pytest

from rules_gen.mutation.mutant import Status
from rules_gen.proof import mutants as runner


def alert(expr, tests, *, name="Down", more="", summary="Down"):
    """An alert, as YAML; `more` are further keys."""
    text = (
        f"- alert: {name}\n  severity: medium\n  expr: {expr}\n  for: 0m\n"
        f"  summary: '{summary}'\n  runbook: https://wiki.example.com/down\n"
    )
    return text + textwrap.indent(textwrap.dedent(more), "  ") + "  tests:\n" + textwrap.indent(tests, "    ")


FIRES = """\
- name: fires
  series: {'up{job="a", instance="1"}': 0x20, 'up{job="b", instance="2"}': 0x20}
  firing_at: [9m]
"""
QUIET = '- name: stays quiet\n  series: {\'up{job="a", instance="1"}\': 1x20}\n  quiet_at: [9m]\n'
RECORD = '- record: job:up:min\n  expr: min by (job) (up{job="a"})\n'


@pytest.mark.parametrize("wait", ["5m", "10m"])
def test_plain_alerts(both_ways, wait):
    rules = alert('up{job="a"} == 0', FIRES + QUIET).replace("for: 0m", f"for: {wait}")
    assert both_ways(rules).names(Status.KILLED)


@pytest.mark.parametrize(
    "expr",
    [
        "max_over_time(rate(up[2m])[10m:1m] @ 300) >= 0 and up offset -1m == 0",
        'up{job=~`a|b\\.c`} == 0 # sum(x{"',
        '{__name__=~"up|down", job="a"} == 0',
        'sum by (__name__) ({job="a"}) == 0',
        'topk(5, up{job="a"} == 0) or absent(down{job="b"})',
    ],
)
def test_unusual_expressions(both_ways, expr):
    both_ways(alert(f"|\n    {expr}", FIRES + QUIET.replace("1x20", "1x8 stale")))


def test_a_scenario_may_bring_samples_of_what_is_recorded(both_ways):
    tests = "- name: fires\n  series: {'job:up:min{job=\"c\"}': 0x20}\n  firing_at: [9m]\n"
    run = both_ways(RECORD + alert("job:up:min == 0", tests))
    assert run.status("matcher negated: job of up") is Status.SURVIVED


def test_what_is_recorded_may_carry_labels_that_the_alert_sets(both_ways):
    records = """\
- record: job:up:min
  expr: min by (job) (up{job="a"})
  labels: {severity: x, team: q}
- record: job:up:min
  expr: min by (job) (up{job="b"})
  labels: {severity: y}
"""
    rules = alert('sum without (job) (job:up:min{severity="x"} == 0)', FIRES + QUIET)
    reason = both_ways(records + rules).one("matcher dropped: severity of job:up:min").verdict.reason
    assert reason.endswith("vector contains metrics with the same labelset after applying alert labels")


@pytest.mark.parametrize(
    "expr",
    [
        'label_replace(up{job="a"} == 0, "team", "$1", "instance", "(.*)")',
        'count_values by (job) ("severity", up{job="a"}) == 2',
        'absent(down{severity="x", job="a"}) or up{job="a"} == 0',
    ],
)
def test_an_expression_may_make_labels_that_the_alert_sets(both_ways, expr):
    both_ways(alert(expr, FIRES + QUIET))


@pytest.mark.parametrize(
    "summary",
    [
        "{{ $labels }}",
        "{{ range $name, $value := .Labels }}{{ $name }}={{ $value }} {{ end }}",
        "{{ . }}",
        '{{ printf "%v" $ }}',
        "{{ $labels.__name__ }}",
    ],
)
def test_a_message_may_show_the_name_of_the_metric(both_ways, summary):
    tests = "- name: fires\n  series: {'up{job=\"a\"}': 0x20}\n  firing_at: [9m]\n"
    run = both_ways(RECORD + alert("job:up:min == 0", tests, summary=summary))
    assert run.status("matcher dropped: job of up") is Status.SURVIVED


@pytest.mark.parametrize(
    "query",
    [
        '{{ query "up" | len }}',
        "{{ with printf \"up{job=''%s''}\" $labels.job | query }}{{ . | first | value }}{{ end }}",
    ],
)
def test_a_template_may_ask_for_series_itself(both_ways, query):
    both_ways(alert('up{job="a"} == 0', FIRES, more=f"labels: {{found: '{query}'}}\n"))


def test_an_alert_that_is_kept_firing_has_its_earlier_message(both_ways):
    tests = "- name: fires\n  series: {a: 500x5 0x10, b: 100x5 0x10}\n  firing_at: [9m]\n"
    rules = alert("a + b > 100", tests, summary="{{ $value }}", more="keep_firing_for: 10m\n")
    run = both_ways(rules)
    assert run.one("arithmetic: + to -").verdict.reason == "at 9m its message is another (summary)"


def test_an_alert_may_stand_before_what_it_reads(both_ways):
    tests = "- name: fires\n  series: {a: 500x5 700x10, b: 100x5 0x10}\n  firing_at: [6m]\n"
    rules = alert("rec > 100", tests, summary="{{ $value }}") + "- record: rec\n  expr: a + b\n"
    assert both_ways(rules).status("arithmetic: + to -") is Status.KILLED


def test_what_fails_after_its_scenario_is_no_kill(both_ways):
    """Another scenario in the batch goes on for longer, and promtool evaluates all rules as long as any."""
    expr = 'used{job="a"} / on (instance) total{kind="all"} > 0.5'
    tests = """\
- name: fires
  series:
    'used{job="a", instance="1"}': 60x20
    'total{instance="1", kind="all"}': 100x20
    'total{instance="1", kind="one"}': _x11 90x10
  firing_at: [9m]
"""
    longer = alert('up{job="a"} == 0', FIRES.replace("9m", "15m"))
    run = both_ways(alert(expr, tests, name="Share") + longer)
    assert run.status("matcher dropped: kind of total") is Status.SURVIVED


def test_more_may_be_pending_than_promtool_reads_for_one_question(mutate, monkeypatch):
    """It gives up on 10,000 series, which the mutants of a few alerts can be together."""
    series = {f'up{{job="a", instance="{number}"}}': "0x20" for number in range(60)}
    tests = f"- name: fires\n  series: {series}\n  pending_at: [9m]\n  firing_at: [12m]\n"
    alerts = [alert('up{job="a"} == 0', tests, name=f"Down{number}") for number in range(25)]
    monkeypatch.setattr(runner, "judge_alone", lambda _, trials: dict.fromkeys([one.mutant for one in trials]))
    run = mutate("".join(alerts).replace("for: 0m", "for: 10m"))
    assert len({one.verdict for one in run.report.judged}) > 3


def test_a_trial_whose_question_promtool_gives_up_on_is_played_alone(both_ways, monkeypatch):
    monkeypatch.setattr(runner, "is_answered", lambda *_: False)
    both_ways(alert('up{job="a"} == 0', FIRES))
