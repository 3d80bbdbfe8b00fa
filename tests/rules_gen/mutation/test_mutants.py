"""Which mutants a service has: of what is typed once there is one, whatever it compiles to."""

import pytest

HEAD = """\
- alert: Errors
  expr: rate(errors_total{job="a"}[5m])
  summary: "{{ $value }}"
  runbook: https://wiki.example.com/errors
"""
TESTS = """\
  tests:
    - name: fires
      series: {'errors_total{job="a"}': 0+600x30}
      firing_at: [20m]
    - name: stays quiet
      series: {'errors_total{job="a"}': 0+0x30}
      quiet_at: [20m]
"""
SINGLE = HEAD + "  severity: high\n  threshold: above 5\n  for: 5m\n" + TESTS
LADDER = (
    HEAD
    + "  equal: [job]\n  severities:\n"
    + "    high: {threshold: above 5, for: 5m}\n    medium: {threshold: above 1, for: 10m}\n"
    + TESTS
)


def test_what_is_typed_for_an_alert_is_mutated(made):
    assert set(made(SINGLE)) == {
        "comparison: > to >=",
        "comparison: > to <",
        "bool added after >",
        "threshold: 5 to 4",
        "threshold: 5 to 6",
        "for: 5m to 2m",
        "for: 5m to 10m",
        "severity: high to medium",
        "team: payments to platform",
        "matcher dropped: job of errors_total",
        "matcher negated: job of errors_total",
        "range: 5m to 2m30s",
        "range: 5m to 10m",
    }


def test_a_mutant_shows_the_lines_that_differ(made):
    mutant = made(SINGLE)["threshold: 5 to 6"]
    assert (mutant.before, mutant.after) == (
        'expr: rate(errors_total{job="a"}[5m]) > 5',
        'expr: rate(errors_total{job="a"}[5m]) > 6',
    )


def test_the_rungs_of_a_ladder_share_the_mutants_of_their_signal_and_have_their_own_thresholds(made):
    mutants = made(LADDER)
    assert len(mutants["range: 5m to 10m"].changes) == 2
    assert len(mutants["high threshold: 5 to 6"].changes) == 1
    assert mutants["medium for: 10m to 20m"].after == "for: 20m"
    assert mutants["severity: high to medium"].after == "labels.severity: medium"


def test_environments_share_the_mutants_of_one_definition(made):
    head = "environments:\n  production: {}\n  staging: {}\n"
    mutants = made(SINGLE, head=head)
    assert len(mutants) == 13
    assert {where for where, _ in mutants["threshold: 5 to 6"].changes} == {"production", "staging"}


def test_an_environment_with_another_threshold_has_mutants_of_its_own(made):
    head = "environments:\n  production: {}\n  staging: {alerts: {Errors: {threshold: above 50}}}\n"
    mutants = made(SINGLE, head=head)
    assert [where for where, _ in mutants["threshold: 5 to 6"].changes] == ["production"]
    assert [where for where, _ in mutants["threshold: 50 to 55"].changes] == ["staging"]


def test_keep_firing_for_is_mutated(made):
    names = set(made(SINGLE.replace("  for: 5m\n", "  for: 5m\n  keep_firing_for: 4m\n")))
    assert {"keep_firing_for: 4m to 2m", "keep_firing_for: 4m to 8m"} <= names


def test_a_threshold_in_a_unit_is_moved_in_that_unit_and_compiled_to_base_units(made):
    rules = SINGLE.replace('rate(errors_total{job="a"}[5m])', 'errors_total{job="a"}').replace("above 5", "above 500ms")
    mutant = made(rules)["threshold: 500ms to 550ms"]
    assert mutant.after == 'expr: errors_total{job="a"} > 0.55'


@pytest.mark.parametrize("typed", ["above 500 ms", "> 500ms", ">500 ms", "above   5e2 ms"])
def test_a_threshold_may_be_typed_with_blanks(made, typed):
    rules = SINGLE.replace('rate(errors_total{job="a"}[5m])', 'errors_total{job="a"}').replace("above 5", f'"{typed}"')
    assert {name for name in made(rules) if "threshold" in name} == {
        "threshold: 500ms to 450ms",
        "threshold: 500ms to 550ms",
    }


def test_an_alert_without_a_scenario_has_no_mutants(made):
    watchdog = """\
    - alert: Watchdog
      severity: low
      expr: vector(1)
      for: 0m
      summary: Alive
      runbook: https://wiki.example.com/watchdog
    """
    assert made(watchdog) == {}


def test_two_mistakes_that_mean_the_same_are_one_mutant(made):
    # A sum of two equal parts: which of them has the other window makes no difference.
    part = 'rate(errors_total{job="a"}[5m])'
    doubled = SINGLE.replace(part, f"{part} + {part}")
    names = [name for name in made(doubled) if name.startswith("range: 5m to 10m")]
    assert names == ["range: 5m to 10m"]


def test_each_that_means_the_same_as_the_original_is_named(made):
    doubled = SINGLE.replace('errors_total{job="a"}[5m]', 'errors_total{job="a", job=~"a"}[5m]')
    names = [name for name in made(doubled) if name.startswith("matcher dropped")]
    assert names == ["matcher dropped: job of errors_total", "matcher dropped: job of errors_total #2"]


def test_a_threshold_and_its_signal_can_be_mistaken_in_the_same_way(made):
    rules = SINGLE.replace('rate(errors_total{job="a"}[5m])', 'rate(errors_total{job="a"}[5m]) and up > 0')
    mutants = made(rules)
    assert mutants["comparison: > to >="].after.endswith("and up > 0) >= 5")
    assert mutants["comparison: > to >= #2"].after.endswith("and up >= 0) > 5")
    assert {"bool added after >", "bool added after > #2"} <= set(mutants)


SLO = """\
- slo: Availability
  objective: 99.9%
  events:
    bad: http_requests_total{job="a", status=~"5.."}
    total: http_requests_total{job="a"}
  runbook: https://wiki.example.com/slo
  tests:
    - name: pages
      series:
        'http_requests_total{job="a", status="500"}': 0+3x60
        'http_requests_total{job="a", status="200"}': 0+97x60
      firing_at: {critical: [50m], medium: [50m]}
    - name: stays quiet
      series: {'http_requests_total{job="a", status="200"}': 0+97x60}
      quiet_at: [50m]
"""


def test_of_an_objective_what_is_typed_is_mutated_and_not_what_is_compiled(made):
    assert set(made("", slos=SLO)) == {
        "severity: critical to high",
        "severity: medium to low",
        "team: payments to platform",
        "objective: 99.9% to 99.8%",
        "objective: 99.9% to 99.95%",
        "matcher dropped: job of http_requests_total in all events",
        "matcher negated: job of http_requests_total in all events",
        "matcher dropped: job of http_requests_total in bad events",
        "matcher negated: job of http_requests_total in bad events",
        "matcher dropped: status of http_requests_total in bad events",
        "matcher negated: status of http_requests_total in bad events",
    }


def test_a_moved_objective_moves_every_window_at_once(made):
    mutant = made("", slos=SLO)["objective: 99.9% to 99.8%"]
    limits = [
        rule.expr.count(f"> {limit}")
        for rule, limit in zip(mutant.changes.values(), ("0.0288", "0.012", "0.006", "0.002"), strict=True)
    ]
    assert limits == [2, 2, 2, 2]


@pytest.mark.parametrize("unread", [True, False])
def test_a_recording_rule_that_an_alert_reads_is_mutated(made, unread):
    record = '- record: job:errors:rate5m\n  expr: sum by (job) (rate(errors_total{job="a"}[5m]))\n'
    rules = record + (SINGLE if unread else SINGLE.replace('rate(errors_total{job="a"}[5m])', "job:errors:rate5m"))
    mutant = made(rules)["by: job dropped"]
    assert mutant.subject == "job:errors:rate5m"
