import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.diagnostics import Place
from rules_gen.emit.yaml import generated_header
from rules_gen.model import Alert, AlertRule, Assertion, RuleGroup, Scenario, Service, State
from rules_gen.promql.durations import parse_duration
from rules_gen.target import RecordedAlert
from rules_gen.targets.promtool_tests import service_files

HERE = Place("alerts/payments/checkout.yaml")


class PolicyStub:
    """The target asks the policy for Prometheus's version only."""

    prometheus = (2, 42)


def rule(name="Down", severity="high", **changes):
    made = AlertRule(
        alert=name,
        expr=f'up{{job="{name}"}} == 0',
        signal=f'up{{job="{name}"}} == 0',
        threshold=None,
        hold="5m",
        keep_firing_for=None,
        severity=severity,
        rung=False,
        environment=None,
        labels=(("severity", severity),),
        annotations=(("summary", "down"),),
        place=HERE,
        expr_place=HERE,
        threshold_place=HERE,
        summary_place=HERE,
    )
    return made._replace(**changes)


def scenario(alert="Down", name="fires", environment=None, **times):
    assertions = [
        Assertion(State(state), at, parse_duration(at), None, HERE)
        for state, asserted in times.items()
        for at in asserted
    ]
    series = ((f'up{{job="{alert}"}}', "0x20"),)
    return Scenario(alert, name, environment, "1m", 60_000, series, tuple(assertions), HERE)


def service(rules, scenarios, environments=(None,), **group):
    fields = {"name": "payments/checkout", "interval": None, "limit": None, "query_offset": None, **group}
    groups = tuple((environment, (RuleGroup(**fields, rules=tuple(rules)),)) for environment in environments)
    alerts = tuple(
        Alert(
            name=name,
            summary="",
            description="",
            runbook=None,
            runbook_url="",
            dashboard_url="",
            rules=tuple(r for r in rules if r.alert == name),
            scenarios=tuple(s for s in scenarios if s.alert == name),
            inhibits=(),
            equal=None,
            notify=None,
            bypass_router=False,
            exemptions=(),
            slo=None,
            place=HERE,
        )
        for name in dict.fromkeys(s.alert for s in scenarios)
    )
    return Service("checkout", "payments", "", tuple(environments), groups, alerts, (), HERE.file, HERE)


def fixture_of(*scenarios, rules=None, **group):
    (fixture,) = service_files(service(rules or [rule()], scenarios, **group), PolicyStub())
    return fixture


FIRING = RecordedAlert((("job", "Down"), ("severity", "high")), (("summary", "down"),))


def recordings_of(fixture, alert=FIRING):
    return {s.key: {a.at: (alert,) if a.state == "firing" else () for a in s.assertions} for s in fixture.scenarios}


FINISHED = """\
rule_files:
  - checkout.rules.yml
evaluation_interval: 1m
group_eval_order:
  - payments/checkout
tests:
  - name: 'Down: fires'
    interval: 1m
    input_series:
      # Down: fires
      - series: up{job="Down"}
        values: '0x20'
    alert_rule_test:
      # scenario: Down: fires [KEY]
      - eval_time: 1m
        alertname: Down
        exp_alerts: []
      - eval_time: 12m
        alertname: Down
        exp_alerts:
          - exp_labels:
              job: Down
              severity: high
            exp_annotations:
              summary: down
      - eval_time: 1h
        alertname: Down
        exp_alerts: []
    promql_expr_test:
      # Down: fires
      - expr: count(ALERTS{alertname="Down", alertstate="pending", severity="high"}) > bool 0
        eval_time: 1m
        exp_samples:
          - labels: '{}'
            value: 1
      - expr: ALERTS{alertname="Down"}
        eval_time: 1h
        exp_samples: []
"""


def test_a_finished_fixture_reads_like_this():
    fixture = fixture_of(scenario(firing=["12m"], quiet=["1h"], pending=["1m"]))
    assert fixture.path == "rules/payments/checkout.test.yml"
    (proof,) = fixture.scenarios
    text = fixture.render(recordings_of(fixture)).decode()
    assert text == generated_header(HERE.file) + FINISHED.replace("KEY", proof.key)


def test_each_environment_has_its_fixture_and_scenarios():
    scenarios = [
        scenario(environment="staging", firing=["12m"]),
        scenario(environment="production", quiet=["1h"]),
    ]
    made = list(service_files(service([rule()], scenarios, ("production", "staging", "empty")), PolicyStub()))
    assert [(f.path, [s.assertions[0].state for s in f.scenarios]) for f in made] == [
        ("rules/payments/checkout.production.test.yml", ["quiet"]),
        ("rules/payments/checkout.staging.test.yml", ["firing"]),
    ]


def test_a_service_without_scenarios_has_no_fixture_that_would_pass():
    assert list(service_files(service([rule()], [scenario()]), PolicyStub())) == []


TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
PAIRS = st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), TEXT, max_size=3)
LABELS = PAIRS.map(lambda labels: tuple(sorted({**labels, "severity": "high"}.items())))
ALERTS = st.lists(
    st.builds(RecordedAlert, LABELS, PAIRS.map(lambda p: tuple(sorted(p.items())))), min_size=1, max_size=3
)


@given(ALERTS, TEXT)
def test_what_was_rendered_is_recalled(alerts, name):
    fixture = fixture_of(scenario(name=name, firing=["12m"]), scenario(name="quiet", quiet=["1h"]))
    fires, quiet = fixture.scenarios
    recordings = {fires.key: {"12m": tuple(alerts)}, quiet.key: {"1h": ()}}
    assert fixture.recall(fixture.render(recordings)) == recordings


def test_a_missing_recording_is_a_key_error():
    fixture = fixture_of(scenario(firing=["12m"]))
    with pytest.raises(KeyError):
        fixture.render({})


def test_a_changed_scenario_alone_is_not_recalled():
    names = ["A", "B"]
    rules = [rule(name) for name in names]
    before = fixture_of(*[scenario(name, firing=["12m"]) for name in names], rules=rules)
    after = fixture_of(scenario("A", firing=["12m"]), scenario("B", firing=["13m"]), rules=rules)
    recordings = recordings_of(before)
    kept = before.scenarios[0].key
    assert after.recall(before.render(recordings)) == {kept: recordings[kept]}


@pytest.mark.parametrize(
    "changed",
    [
        {"rules": [rule(hold="6m")]},
        {"rules": [rule(), rule(severity="low")]},
        {"interval": "30s"},
    ],
)
def test_a_key_follows_the_rule_and_the_interval(changed):
    one = scenario(firing=["12m"])
    assert fixture_of(one, **changed).scenarios[0].key != fixture_of(one).scenarios[0].key


@pytest.mark.parametrize(
    "changed",
    [
        {"series": (('up{job="Down"}', "0x21"),)},
        {"interval": "2m", "interval_ms": 120_000},
        {"assertions": (Assertion(State.QUIET, "12m", 720_000, None, HERE),)},
        {"assertions": (Assertion(State.FIRING, "12m", 720_000, "high", HERE),)},
    ],
)
def test_a_key_follows_the_scenario(changed):
    one = scenario(firing=["12m"])
    assert fixture_of(one._replace(**changed)).scenarios[0].key != fixture_of(one).scenarios[0].key


def test_a_key_does_not_follow_names_places_or_other_alerts():
    one = scenario(firing=["12m"])
    moved = one._replace(name="renamed", place=Place("elsewhere.yaml"))
    other = fixture_of(moved, rules=[rule("Other"), rule()])
    assert other.scenarios[0].key == fixture_of(one).scenarios[0].key


def test_a_recording_that_contradicts_a_person_is_not_recalled():
    fixture = fixture_of(scenario(firing=["12m"]))
    (key,) = recordings_of(fixture)
    assert fixture.recall(fixture.render({key: {"12m": ()}})) == {}
    low = RecordedAlert((("severity", "low"),), ())
    assert fixture.recall(fixture.render({key: {"12m": (low,)}})) == {}


def test_an_incomplete_recording_is_not_recalled():
    fixture = fixture_of(scenario(firing=["12m", "13m"]))
    lines = fixture.render(recordings_of(fixture)).decode().split("\n")
    at = lines.index("      - eval_time: 13m")
    del lines[at : at + 9]
    assert fixture.recall("\n".join(lines).encode()) == {}


@pytest.mark.parametrize(
    "junk", [b"", b"\xff\xfe", b"- 1", b"tests: 3", b"tests: [1, {alert_rule_test: 4}]", b"a: &a [*a]"]
)
def test_junk_recalls_nothing(junk):
    assert fixture_of(scenario(firing=["12m"])).recall(junk) == {}


def test_damage_is_never_fatal():
    fixture = fixture_of(scenario(firing=["12m"]), scenario(name="q", quiet=["1h"]))
    recordings = recordings_of(fixture)
    text = fixture.render(recordings)
    dice = random.Random(7)
    bits = [
        b"\n",
        b"&a ",
        b"*a ",
        b"[",
        b"{",
        b"\t",
        b"  - ",
        b"\xff",
        b": ",
        b"|",
        b"'",
        b'"',
        b"\0",
        b"---\n",
        b"#",
    ]
    for _ in range(400):
        damaged = bytearray(text)
        for _ in range(dice.randint(1, 5)):
            at = dice.randrange(len(damaged))
            damaged[at : at + dice.choice([0, 0, 1, 30])] = dice.choice(bits)
        for key, recording in fixture.recall(bytes(damaged)).items():
            assert set(recording) == set(recordings[key])


def test_a_probe_expects_nothing_and_asks_only_for_what_is_wanted():
    fixture = fixture_of(scenario(firing=["12m"]), scenario(name="quiet", quiet=["1h"]))
    fires, quiet = fixture.scenarios
    probe = fixture.probe(frozenset({quiet.key})).decode()
    assert "exp_alerts: []" in probe
    assert "eval_time: 1h" in probe
    assert "12m" not in probe
    assert fires.key not in probe
    # Entries keep their numbers, so that the answers find their scenario.
    assert f"name: {fixture.path}#{quiet.entry}" in probe


def test_an_explanation_asks_for_signals_and_series():
    fixture = fixture_of(scenario(firing=["12m"]))
    key = fixture.scenarios[0].key
    text = fixture.explain(frozenset({key})).decode()
    assert f"# {key} 12m signal 0" in text
    assert f"# {key} 12m series 0" in text
