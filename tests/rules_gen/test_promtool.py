"""Against the real promtool: scenarios are recorded, judged and verified."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rules_gen import promtool as adapter
from rules_gen.diagnostics import Place
from rules_gen.model import (
    Alert,
    AlertRule,
    Assertion,
    RecordingRule,
    RuleGroup,
    Scenario,
    Service,
    State,
    Threshold,
)
from rules_gen.promql.durations import parse_duration
from rules_gen.promtool import Promtool, PromtoolError, rule_problem
from rules_gen.target import GeneratedFile
from rules_gen.targets.promtool_tests import service_files

ROOT = Path(__file__).parents[2]
HERE = Place("alerts/payments/checkout.yaml")


class PolicyStub:
    """The target asks the policy for Prometheus's version only."""

    prometheus = (2, 42)


def rule(name, signal="up", threshold="equals 0", operator="==", literal="0", *, severity="high", **changes):
    place = HERE.at("alerts", name)
    made = AlertRule(
        alert=name,
        expr=f"{signal} {operator} {literal}",
        signal=signal,
        threshold=Threshold(threshold, operator, literal, float(literal), "", ""),
        hold="5m",
        keep_firing_for=None,
        severity=severity,
        rung=False,
        environment=None,
        labels=(("severity", severity), ("team", "payments")),
        annotations=(("summary", "{{ $labels.job }} is at {{ $value }}"),),
        place=place,
        expr_place=place.at("expr"),
        threshold_place=place.at("threshold"),
        summary_place=place.at("summary"),
    )
    return made._replace(**changes)


def scenario(alert, series, name="a scenario", interval="1m", **times):
    """`firing=["12m"]`, or `firing=[("high", "12m")]` for one rung."""
    place = HERE.at("alerts", alert, "tests", name)
    assertions = []
    for state, asserted in times.items():
        for number, time_or_rung in enumerate(asserted):
            severity, at = time_or_rung if isinstance(time_or_rung, tuple) else (None, time_or_rung)
            where = place.at(f"{state}_at", number)
            assertions.append(Assertion(State(state), at, parse_duration(at), severity, where))
    return Scenario(
        alert, name, None, interval, parse_duration(interval), tuple(series.items()), tuple(assertions), place
    )


def service(rules, scenarios, name="checkout"):
    alerts = [
        Alert(
            name=alert,
            summary="",
            description="",
            runbook=None,
            runbook_url="",
            dashboard_url="",
            rules=tuple(r for r in rules if isinstance(r, AlertRule) and r.alert == alert),
            scenarios=tuple(s for s in scenarios if s.alert == alert),
            inhibits=(),
            equal=None,
            notify=None,
            bypass_router=False,
            exemptions=(),
            slo=None,
            place=HERE.at("alerts", alert),
        )
        for alert in dict.fromkeys(s.alert for s in scenarios)
    ]
    group = RuleGroup(f"payments/{name}", None, None, None, tuple(rules))
    return Service(name, "payments", "", (None,), ((None, (group,)),), tuple(alerts), (), HERE.file, HERE)


def fixture_of(rules, *scenarios, name="checkout"):
    (fixture,) = service_files(service(rules, scenarios, name), PolicyStub())
    return fixture


@pytest.fixture(scope="module")
def promtool():
    return Promtool.find(ROOT)


def record(promtool, *fixtures):
    return promtool.record(fixtures, {})


def finished(fixture, result):
    return fixture.rules, GeneratedFile(fixture.path, fixture.render(result.recordings))


def problem_of(promtool, fixture):
    result = record(promtool, fixture)
    (problem,) = result.problems
    assert result.recordings == {}
    return problem


DOWN = {'up{job="api"}': "0x20"}
WELL = {'up{job="api"}': "1x20"}


def test_what_is_asserted_is_recorded_and_passes(promtool):
    fixture = fixture_of(
        [rule("Down")],
        scenario("Down", DOWN, "fires", pending=["4m"], firing=["5m", "12m"]),
        scenario("Down", WELL, "stays quiet", quiet=["15m"]),
    )
    result = record(promtool, fixture)
    assert result.problems == ()
    fires, quiet = fixture.scenarios
    assert result.recordings[fires.key]["4m"] == ()
    (alert,) = result.recordings[fires.key]["12m"]
    assert alert.labels == (("job", "api"), ("severity", "high"), ("team", "payments"))
    assert alert.annotations == (("summary", "api is at 0"),)
    assert result.recordings[quiet.key] == {"15m": ()}
    assert promtool.verify([finished(fixture, result)]) == ()


def test_what_is_known_is_not_recorded_again():
    fixture = fixture_of([rule("Down")], scenario("Down", DOWN, firing=["12m"]))
    known = {fixture.scenarios[0].key: {"12m": ()}}
    assert Promtool("/no/such/program").record([fixture], known).recordings == {}


def test_a_mistyped_threshold_is_an_error_that_shows_the_values(promtool):
    signal = 'rate(errors_total{job="api"}[5m])'
    fixture = fixture_of(
        [rule("Errors", signal, "above 50", ">", "50")],
        scenario("Errors", {'errors_total{job="api"}': "0+60x20"}, firing=["12m"]),
    )
    problem = problem_of(promtool, fixture)
    assert problem.check == "scenario-does-not-fire"
    assert problem.place == fixture.scenarios[0].assertions[0].place
    assert "Errors doesn't fire at 12m, it is neither pending nor firing" in problem.message
    assert '1 for {job="api"}' in problem.message
    assert "'above 50'" in problem.message
    assert 'errors_total{job="api"} is 720' in problem.message


def test_an_alert_that_still_waits_is_said_to_be_pending(promtool):
    problem = problem_of(promtool, fixture_of([rule("Down")], scenario("Down", DOWN, firing=["3m"])))
    assert "doesn't fire at 3m, it is pending" in problem.message
    assert "`for` is 5m" in problem.message
    assert problem.suggestion


def test_a_quiet_alert_that_fires_or_waits_is_found(promtool):
    fixture = fixture_of([rule("Down")], scenario("Down", DOWN, quiet=["3m", "12m"]))
    waits, fires = record(promtool, fixture).problems
    assert {waits.check, fires.check} == {"scenario-not-quiet"}
    assert "at 3m, it is pending" in waits.message
    assert "at 12m, it is firing" in fires.message


def test_an_alert_that_is_not_pending_is_found(promtool):
    fixture = fixture_of([rule("Down")], scenario("Down", {**WELL}, pending=["3m"]))
    problem = problem_of(promtool, fixture)
    assert problem.check == "scenario-not-pending"
    assert 'up{job="api"} is 1' in problem.message
    fixture = fixture_of([rule("Down")], scenario("Down", DOWN, pending=["12m"]))
    assert "isn't pending at 12m, it is firing" in problem_of(promtool, fixture).message


def test_series_that_have_ended_show_no_value(promtool):
    fixture = fixture_of([rule("Down")], scenario("Down", {'up{job="api"}': "0x3"}, firing=["1h"]))
    assert 'up{job="api"} is absent' in problem_of(promtool, fixture).message


LADDER = [
    rule("Lag", "lag", "above 10", ">", "10", severity="high", rung=True, hold="2m"),
    rule("Lag", "lag", "above 5", ">", "5", severity="low", rung=True, hold="2m"),
]


def test_a_ladder_s_rungs_are_told_apart(promtool):
    fixture = fixture_of(
        LADDER,
        scenario("Lag", {"lag": "7x20"}, "low only", firing=[("low", "5m")], quiet=[("high", "5m")]),
        scenario("Lag", {"lag": "11x20"}, "both", firing=["5m"], pending=["1m"]),
        scenario("Lag", {"lag": "1x20"}, "none", quiet=["5m"]),
    )
    result = record(promtool, fixture)
    assert result.problems == ()
    assert len(result.recordings[fixture.scenarios[1].key]["5m"]) == 2
    assert promtool.verify([finished(fixture, result)]) == ()


def test_a_ladder_fires_only_when_every_rung_does(promtool):
    problem = problem_of(promtool, fixture_of(LADDER, scenario("Lag", {"lag": "7x20"}, firing=["5m"])))
    assert "Lag (high) doesn't fire" in problem.message
    assert "'above 10'" in problem.message
    assert "'above 5'" not in problem.message


def test_a_rule_that_changed_no_longer_passes(promtool):
    scenarios = [scenario("Down", DOWN, "fires", pending=["4m"], firing=["12m"])]
    fixture = fixture_of([rule("Down")], *scenarios)
    _, committed = finished(fixture, record(promtool, fixture))
    for mutant in (
        rule("Down", operator="!="),
        rule("Down", hold="1m"),
        rule("Down", hold="15m"),
        rule("Down", severity="low"),
        rule("Down", annotations=(("summary", "other"),)),
        rule("Renamed"),
    ):
        mutated = fixture_of([mutant], scenarios[0]._replace(alert=mutant.alert)).rules
        (failure,) = promtool.verify([(mutated, committed)])
        assert failure.path == committed.path, mutant


def test_a_failure_is_laid_to_the_file_that_has_it(promtool):
    fixtures = [
        fixture_of([rule("Down")], scenario("Down", DOWN, firing=["12m"]), name=name) for name in ("a", "b", "c")
    ]
    result = record(promtool, *fixtures)
    pairs = [finished(fixture, result) for fixture in fixtures]
    spoiled = GeneratedFile(pairs[1][1].path, pairs[1][1].content.replace(b"api is at 0", b"api is at 1"))
    pairs[1] = (pairs[1][0], spoiled)
    (failure,) = promtool.verify(pairs)
    assert failure.path == "rules/payments/b.test.yml"
    assert "api is at 1" in failure.message


HOSTILE = (
    (
        "summary",
        'line\n        got:[\n            0:\n              Labels:{alertname="Down"}\n            ]\n',
    ),
    ("quotes", "\"'\\ `{}[], %s %q"),
    ("unicode", "é 日本 \U0001f600 \u2028 \u200b \x85 \x07"),
    ("yaml", "# scenario: Down: fires [0123456789ab]\n      - eval_time: 1m\n---\n: &a *b !c |\n"),
    ("blank", "\n\n  indented\n\ttab \n\n"),
)


def test_hostile_annotations_come_through_unchanged(promtool):
    fixture = fixture_of(
        [rule("Down", annotations=HOSTILE)], scenario("Down", DOWN, "[#] : fires\n- x", firing=["12m"])
    )
    result = record(promtool, fixture)
    (alert,) = result.recordings[fixture.scenarios[0].key]["12m"]
    assert dict(alert.annotations) == dict(HOSTILE)
    pair = finished(fixture, result)
    assert promtool.verify([pair]) == ()
    assert fixture.recall(pair[1].content) == result.recordings


def test_a_template_that_fails_is_shown_at_its_annotation(promtool):
    annotations = (("summary", "{{ $labels.nope.x }}"), ("mine", "{{ $labels.nope.x }}"))
    fixture = fixture_of([rule("Down", annotations=annotations)], scenario("Down", DOWN, firing=["12m", "13m"]))
    mine, summary = record(promtool, fixture).problems
    assert {mine.check, summary.check} == {"template-error"}
    assert summary.place == HERE.at("alerts", "Down", "summary")
    assert mine.place == HERE.at("alerts", "Down", "annotations", "mine")
    assert "can't evaluate field x" in mine.message


def test_a_rule_that_promtool_refuses_is_shown_at_its_place(promtool):
    fixture = fixture_of(
        [rule("Good"), rule("Bad", expr="up ==="), rule("Worse", annotations=(("summary", "{{ nope }}"),))],
        scenario("Good", DOWN, firing=["12m"]),
    )
    bad, worse = record(promtool, fixture).problems
    assert {bad.check, worse.check} == {"promtool"}
    assert bad.place == HERE.at("alerts", "Bad", "expr")
    assert "unexpected" in bad.message
    assert worse.place == HERE.at("alerts", "Worse", "summary")
    errors = promtool.check_rules([fixture.rules])
    assert [(error.group, error.rule) for error in errors] == [
        ("payments/checkout", 1),
        ("payments/checkout", 2),
    ]
    assert rule_problem(errors[0], fixture.groups) == bad


def test_good_rules_have_no_errors_and_broken_yaml_has(promtool):
    good = GeneratedFile("rules/a.rules.yml", b"groups: []\n")
    assert promtool.check_rules([good]) == ()
    (error,) = promtool.check_rules([good, GeneratedFile("rules/b.rules.yml", b"groups: [{nme: x}]\n")])
    assert (error.path, error.rule) == ("rules/b.rules.yml", None)
    assert "nme" in error.message


def test_one_scenario_that_can_not_be_evaluated_does_not_take_others_with_it(promtool):
    fixture = fixture_of(
        [rule("Down", 'up{job="api"}'), rule("Other", 'up{job="web"}')],
        scenario("Down", DOWN, firing=["12m"]),
        scenario("Other", {'up{job="web"}': "0 zero"}, firing=["12m"]),
    )
    assert {s.entry for s in fixture.scenarios} == {0}
    result = record(promtool, fixture)
    (problem,) = result.problems
    assert (problem.check, problem.place) == ("promtool", fixture.scenarios[1].place)
    assert "parse error" in problem.message
    assert list(result.recordings) == [fixture.scenarios[0].key]


def test_recorded_series_and_their_rules_are_evaluated(promtool):
    record_rule = RecordingRule("job:up:min", "min by (job) (up)", (), HERE.at("alerts", 0))
    fixture = fixture_of([record_rule, rule("Down", "job:up:min")], scenario("Down", DOWN, firing=["12m"]))
    result = record(promtool, fixture)
    assert result.problems == ()
    assert promtool.verify([finished(fixture, result)]) == ()


def test_merged_scenarios_record_what_they_do_alone(promtool):
    names = [f"Job{n}" for n in range(6)]
    rules = [rule(name, f'up{{job="{name}"}}') for name in names]
    scenarios = [scenario(name, {f'up{{job="{name}"}}': "0x20"}, firing=["12m"]) for name in names]
    merged = fixture_of(rules, *scenarios)
    assert {s.entry for s in merged.scenarios} == {0}
    together = record(promtool, merged).recordings
    for name, one in zip(names, scenarios, strict=True):
        alone = record(promtool, fixture_of(rules, one)).recordings
        ((key, recording),) = alone.items()
        assert together[key] == recording, name


def test_a_path_out_of_the_tree_is_refused(promtool):
    for path in ("../x.yml", "/x.yml", "rules/../../x.yml", "-x.yml"):
        with pytest.raises(ValueError, match="within the tree"):
            promtool.check_rules([GeneratedFile(path, b"groups: []\n")])


def test_a_missing_promtool_is_explained(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PromtoolError, match="apt-get install prometheus"):
        Promtool.find(tmp_path)
    with pytest.raises(PromtoolError, match="could not be run"):
        Promtool(str(tmp_path / "gone")).check_rules([GeneratedFile("a.yml", b"")])


def program(path, script):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_promtool_is_found_below_the_root_and_an_old_one_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "/nowhere")
    own = program(tmp_path / ".tools/bin/promtool", "echo 'promtool, version 3.5.1 (branch: x)'")
    found = Promtool.find(tmp_path)
    assert (found.executable, found.version()) == (str(own), (3, 5))
    program(own, "echo 'promtool, version 2.15.2 (branch: x)'")
    with pytest.raises(PromtoolError, match=r"2\.15; 2\.42 is the oldest"):
        Promtool.find(tmp_path)


def test_a_promtool_below_the_folder_where_the_command_runs_is_found_from_any_other(tmp_path, monkeypatch):
    own = program(tmp_path / ".tools/bin/promtool", "echo 'promtool, version 3.5.1 (branch: x)'")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(adapter.shutil, "which", lambda name, path=None: path and f"{path}/{name}")
    monkeypatch.chdir(tmp_path)
    found = Promtool.find(Path())
    assert (found.executable, found.version()) == (str(own), (3, 5))


def test_a_promtool_that_hangs_is_stopped_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(adapter.tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    hanging = program(tmp_path / "promtool", f"echo $$ > {tmp_path}/pid; exec sleep 60")
    with pytest.raises(PromtoolError, match="longer than"):
        Promtool(str(hanging), timeout_seconds=0.3).check_rules([GeneratedFile("a.yml", b"")])
    assert list((tmp_path / "scratch").iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_an_interruption_stops_promtool_and_leaves_nothing(tmp_path):
    hanging = program(tmp_path / "promtool", f"echo $$ > {tmp_path}/pid; exec sleep 60")
    (tmp_path / "scratch").mkdir()
    code = (
        "from rules_gen.promtool import Promtool\nfrom rules_gen.target import GeneratedFile\n"
        f"Promtool({str(hanging)!r}).check_rules([GeneratedFile('a.yml', b'')])"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch"), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 10
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) != 0
    assert list((tmp_path / "scratch").iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
