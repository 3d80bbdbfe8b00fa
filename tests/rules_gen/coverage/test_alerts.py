"""What the scenarios show of alerts, with the real promtool, and what the policy makes of it."""

import pytest

_STATES = "[fires, quiet, pending, resolved]"
ALL = f"{{coverage: {{critical: {_STATES}, high: {_STATES}, medium: {_STATES}, low: {_STATES}}}}}"
FIRES = """
    - name: fires
      series: {'up{job="a"}': 1x2 0x17}
      firing_at: [15m]
"""
QUIET = """
    - name: quiet
      series: {'up{job="a"}': 1x20}
      quiet_at: [15m]
"""


def down(*scenarios, severity="high", hold="5m", more=""):
    return (
        f"""
- alert: Down
  severity: {severity}
  expr: up{{job="a"}}
  threshold: equals 0
  for: {hold}
  summary: Down
  runbook: https://wiki.example.com/down
{more}  tests:"""
        + "".join(scenarios).rstrip()
        + "\n"
    )


PENDING = """
    - name: pending
      series: {'up{job="a"}': 1x2 0x17}
      pending_at: [5m]
"""
RESOLVES = """
    - name: resolves
      series: {'up{job="a"}': 0x10 1x10}
      firing_at: [8m]
      quiet_at: [15m]
"""
FIRES_LATER = """
    - name: fires after a while
      series: {'up{job="a"}': 1x5 0x15}
      quiet_at: [3m]
      firing_at: [15m]
"""


@pytest.mark.parametrize(
    ("scenarios", "shown"),
    [
        ([FIRES, QUIET], {"fires", "quiet"}),
        ([FIRES, QUIET, PENDING], {"fires", "quiet", "pending"}),
        ([RESOLVES], {"fires", "quiet", "resolved"}),
    ],
)
def test_what_the_scenarios_show(measure, scenarios, shown):
    found = measure(down(*scenarios), proof=ALL)
    assert not found.problems
    assert found.shown() == shown
    assert set(found.rule().missing) == {"fires", "quiet", "pending", "resolved"} - shown
    assert found.coverage.is_met is (not found.rule().missing)


def test_all_that_is_demanded_is_shown(measure):
    found = measure(down(RESOLVES, PENDING), proof=ALL)
    assert found.coverage.is_met
    assert (found.coverage.demanded, found.coverage.lacking) == (4, 0)


def test_firing_is_missing_where_only_a_low_alert_may_lack_it(measure):
    exempt = """
  disable:
    - {check: scenario-missing, reason: Later., until: "2026-01-16"}
"""
    held = measure(down(QUIET, more=exempt.lstrip("\n")), proof=ALL)
    assert held.shown() == {"quiet"}
    assert held.coverage.is_met, "it is exempt"


def test_quiet_before_it_fires_or_in_another_scenario_is_not_resolved(measure):
    assert measure(down(FIRES_LATER, QUIET)).shown() == {"fires", "quiet"}


def test_the_scenarios_are_named_that_show_it(measure):
    found = measure(down(FIRES, RESOLVES, QUIET))
    assert dict(found.rule().shown) == {
        "fires": ("fires", "resolves"),
        "quiet": ("resolves", "quiet"),
        "pending": (),
        "resolved": ("resolves",),
    }


def test_only_the_states_that_the_severity_demands_are_missing(measure):
    found = measure(down(FIRES, severity="low"), proof="{coverage: {low: [fires], high: [resolved]}}")
    assert found.rule("Down", "low").missing == ()
    assert found.coverage.is_met


def test_an_alert_without_for_is_never_pending_and_does_not_owe_it(measure):
    found = measure(down(RESOLVES, hold="0m"), proof=ALL)
    assert found.rule().demanded == ("fires", "quiet", "resolved")
    assert found.coverage.is_met


LADDER = """
- alert: Slow
  severities:
    critical: {threshold: above 10}
    medium: {threshold: above 5}
  expr: max by (job) (latency)
  for: 5m
  summary: Slow
  runbook: https://wiki.example.com/slow
  tests:
    - name: climbs both rungs
      series: {'latency{job="a"}': 20x10 1x10}
      pending_at: {medium: [3m]}
      firing_at: [8m]
      quiet_at: {critical: [18m]}
    - name: quiet
      series: {'latency{job="a"}': 1x10}
      quiet_at: [8m]
"""


def test_each_rung_of_a_ladder_is_judged_by_what_is_said_of_it(measure):
    found = measure(LADDER, proof=ALL)
    assert found.shown("Slow", "critical") == {"fires", "quiet", "resolved"}
    assert found.shown("Slow", "medium") == {"fires", "quiet", "pending"}
    assert found.rule("Slow", "critical").missing == ("pending",)
    assert found.rule("Slow", "medium").missing == ("resolved",)


def test_each_environment_is_judged_by_its_own_scenarios(measure):
    environments = """
    environments:
      production: {}
      staging: {}
    """
    scenario = """
    - name: fires
      series: {'up{job="a"}': 0x20}
      firing_at: [15m]
    - name: quiet
      series: {'up{job="a"}': 1x20}
      quiet_at: [15m]
    - name: waits
      environment: production
      series: {'up{job="a"}': 0x20}
      pending_at: [2m]
"""
    found = measure(down(scenario), head=environments, proof=ALL)
    assert found.shown("Down", "high", "production") == {"fires", "quiet", "pending"}
    assert found.shown("Down", "high", "staging") == {"fires", "quiet"}
    assert found.rule("Down", "high", "staging").id == "payments/checkout/staging/Down/high"


OBJECTIVE = """
slos:
  - slo: Availability
    description: Requests are answered.
    objective: 99.9%
    window: 30d
    events:
      bad: http_requests_total{job="a", code="500"}
      total: http_requests_total{job="a"}
    runbook: https://wiki.example.com/slo
    tests:
      - name: pages when all fail
        series: {'http_requests_total{job="a", code="500"}': 0+60x90}
        firing_at: [80m]
      - name: stays quiet when none fails
        series: {'http_requests_total{job="a", code="200"}': 0+60x90}
        quiet_at: [80m]
"""


def test_the_windows_of_an_objective_stand_in_for_each_other(measure):
    found = measure(down(FIRES, QUIET), head=OBJECTIVE)
    assert not found.problems
    burning = [rule for rule in found.coverage.rules if rule.alert != "Down"]
    assert len({rule.severity for rule in burning}) == len(burning), "one for each severity, however many windows"
    assert all(rule.shows("fires") and rule.shows("quiet") for rule in burning)
    assert {record.objective for record in found.coverage.records} == {"Availability"}


def test_what_fires_by_construction_owes_no_scenario(measure):
    watchdog = """
- alert: Watchdog
  severity: critical
  expr: vector(1)
  for: 0m
  summary: All is well
  runbook: https://wiki.example.com/watchdog
"""
    found = measure(watchdog, proof=ALL)
    assert found.rule("Watchdog", "critical").exempt == "fires by construction"
    assert (found.coverage.is_met, found.coverage.demanded) == (True, 0)
    assert found.coverage.share("fires") == (0, 0), "nor does it lower a share"


@pytest.mark.parametrize(("today", "met"), [("2026-01-15", True), ("2026-01-16", False)])
def test_a_dated_exemption_holds_until_its_day(measure, today, met):
    # By then the check itself refuses an alert that isn't shown firing, so another state is missing here.
    exempt = """  disable:
    - {check: scenario-missing, reason: The exporter comes later., until: "2026-01-16"}
"""
    found = measure(down(FIRES, QUIET, more=exempt), proof=ALL, today=today)
    assert found.coverage.is_met is met
    assert (found.rule().exempt, found.rule().until) == (
        ("The exporter comes later.", "2026-01-16") if met else (None, None)
    )


def test_an_exemption_from_another_check_exempts_from_nothing_here(measure):
    exempt = """  disable:
    - {check: scenario-vacuous, reason: Some., until: "2026-06-01"}
"""
    assert not measure(down(FIRES, QUIET, more=exempt), proof=ALL).coverage.is_met


def test_a_scenario_that_does_not_hold_is_a_problem_and_covers_nothing(measure):
    wrong = """
    - name: waits
      series: {'up{job="a"}': 0x20}
      pending_at: [15m]
"""
    found = measure(down(FIRES, QUIET, wrong))
    assert [problem.check for problem in found.problems] == ["scenario-not-pending"]
    assert "pending" not in found.shown()


def test_named_alerts_are_played_alone(measure):
    found = measure(LADDER + down(FIRES, QUIET), names=("Slow",))
    assert {rule.alert for rule in found.coverage.rules} == {"Slow"}
    assert found.coverage.narrowed
    assert found.coverage.records == ()
