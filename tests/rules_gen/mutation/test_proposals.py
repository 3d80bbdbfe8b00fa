"""The scenario that is proposed for a survivor kills it once it is pasted."""

import pytest
import yaml_rs

from rules_gen.emit.yaml import emit_yaml
from rules_gen.mutation.mutant import Status

HEAD = """\
- alert: Errors
  severity: high
  expr: |
    sum by (job) (rate(errors_total{job="a", code!="404"}[5m]))
      / sum by (job) (rate(requests_total{job="a"}[5m]))
  threshold: above 5%
  for: 5m
  summary: "{{ $labels.job }}"
  runbook: https://wiki.example.com/errors
  tests:
    - name: fires
      series:
        'errors_total{job="a", code="500"}': 0+60x40
        'requests_total{job="a"}': 0+600x40
      firing_at: [35m]
    - name: stays quiet
      series:
        'errors_total{job="a", code="500"}': 0+6x40
        'requests_total{job="a"}': 0+600x40
      quiet_at: [35m]
"""


@pytest.fixture(scope="module")
def weak_names():
    return [
        "comparison: > to >=",
        "threshold: 5% to 4.5%",
        "threshold: 5% to 5.5%",
        "for: 5m to 2m",
        "for: 5m to 10m",
        "matcher dropped: code of errors_total",
        "range: 5m to 10m",
    ]


def pasted(rules, proposal):
    """The definition with a proposal in it, as its reader would paste it."""
    data = yaml_rs.loads(rules)
    [alert] = data
    made = yaml_rs.loads(proposal.yaml)
    if proposal.extends is None:
        alert["tests"] += made
    else:
        [scenario] = [one for one in alert["tests"] if one["name"] == proposal.extends]
        for key, times in made.items():
            scenario[key] = [*scenario.get(key, []), *times]
    return emit_yaml(data)


def test_each_proposal_kills_its_survivor(mutate, weak_names):
    run = mutate(HEAD, propose=True)
    assert set(weak_names) <= run.survivors
    for name in weak_names:
        found = run.one(name)
        assert found.proposal is not None, name
        again = mutate(pasted(HEAD, found.proposal))
        assert not again.report.of(Status.UNJUDGED), (name, found.proposal)
        assert again.status(name) is Status.KILLED, (name, found.proposal)


def test_a_missing_time_is_proposed_before_a_new_scenario(mutate):
    found = mutate(HEAD, propose=True).one("for: 5m to 2m").proposal
    assert found.extends == "fires"
    assert found.sees.endswith("the original is pending and the mutant fires")
    assert list(yaml_rs.loads(found.yaml)) == ["pending_at"]


def test_a_new_scenario_says_what_is_new(mutate):
    found = mutate(HEAD, propose=True).one("threshold: 5% to 5.5%").proposal
    assert found.extends is None
    [scenario] = yaml_rs.loads(found.yaml)
    assert scenario["name"] == "fires between 5% and 5.5%"
    assert set(scenario) == {"name", "series", "firing_at"}


def test_a_stranger_is_proposed_for_a_matcher_that_was_dropped(mutate):
    found = mutate(HEAD, propose=True).one("matcher dropped: code of errors_total").proposal
    [scenario] = yaml_rs.loads(found.yaml)
    assert any('code="404"' in series for series in scenario["series"])


def test_a_mutant_that_nothing_tells_has_no_proposal(mutate):
    # The recording rule below it has the matcher already.
    rules = """\
    - record: job:up:min
      expr: min by (job) (up{job="a"})
    - alert: Down
      severity: medium
      expr: job:up:min{job="a"}
      threshold: equals 0
      for: 0m
      summary: Down
      runbook: https://wiki.example.com/down
      tests:
        - name: fires
          series: {'up{job="a"}': 0x10}
          firing_at: [5m]
    """
    one = mutate(rules, propose=True).one("matcher dropped: job of job:up:min")
    assert one.verdict.status is Status.SURVIVED
    assert one.proposal is None


def test_a_metric_that_no_scenario_has_is_brought(mutate):
    rules = """\
    - alert: Full
      severity: medium
      expr: free / size < 0.1 unless on (instance) maintenance{kind="disk"} == 1
      for: 0m
      summary: Full
      runbook: https://wiki.example.com/full
      tests:
        - name: fires
          series: {'free{instance="a"}': 5x20, 'size{instance="a"}': 100x20}
          firing_at: [15m]
    """
    run = mutate(rules, propose=True)
    for name in ("limit: == 1 to 2", "comparison: == to !=", "matcher negated: kind of maintenance"):
        found = run.one(name).proposal
        assert found is not None, name
        assert mutate(pasted(rules, found)).status(name) is Status.KILLED


@pytest.mark.parametrize("quantile", ["+ 0.9", "9/10", "0.9"])
def test_a_quantile_may_be_spelled_in_any_way(mutate, quantile):
    rules = f"""\
    - alert: Slow
      severity: medium
      expr: histogram_quantile({quantile}, rate(seconds_bucket[5m]))
      threshold: above 300ms
      for: 0m
      summary: Slow
      runbook: https://wiki.example.com/slow
      tests:
        - name: fires
          series:
            'seconds_bucket{{le="0.1"}}': 0+6x40
            'seconds_bucket{{le="1"}}': 0+60x40
            'seconds_bucket{{le="+Inf"}}': 0+60x40
          firing_at: [35m]
    """
    found = mutate(rules, propose=True).one("threshold: 300ms to 320ms").proposal
    assert found is not None
    assert mutate(pasted(rules, found)).status("threshold: 300ms to 320ms") is Status.KILLED
