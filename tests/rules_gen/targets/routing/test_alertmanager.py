import dataclasses
import json
import re

import pytest
import yaml

from rules_gen.model import AlertmanagerPolicy, Cluster, Inhibition
from rules_gen.target import CatalogTarget
from rules_gen.target_support.matchers import equals
from rules_gen.targets import alertmanager

LADDER = Inhibition("ErrorRate", "high", "ErrorRate", ("medium", "low"), ("job", "handler"))
CAUSES = tuple(Inhibition("CheckoutDown", "", name, (), ("job",)) for name in ("ErrorRate", "Latency"))


@pytest.fixture
def overlapping(make):
    """A policy whose windows overlap in part: two share their matchers, two can't meet."""
    return make.policy(
        maintenance=(
            make.window("sunday-night"),
            make.window(
                "staging-evenings",
                matchers=(("environment", "staging"),),
                severities=("critical", "high", "medium", "low"),
                weekdays=(),
                start="18:00",
                end="24:00",
                time_zone="Europe/Berlin",
            ),
            make.window("postgres-noon", start="12:00", end="13:00"),
            make.window("redis-low", matchers=(("service", "redis"),), severities=("low",), start="03:00"),
        )
    )


@pytest.fixture
def write(tmp_path):
    """Writes the first configuration of a catalogue and returns its path."""

    def write_first(catalog):
        path = tmp_path / "alertmanager.yml"
        path.write_bytes(_files(catalog)[0].content)
        return path

    return write_first


@pytest.fixture
def overlapping_path(make, overlapping, write):
    return write(make.catalog(overlapping))


@pytest.fixture
def render(make, amtool, tmp_path):
    """Renders a field of what PagerDuty is sent, given a group's alerts and the labels that they share."""
    (config,) = _load(make.catalog(make.policy()))["receivers"][1]["pagerduty_configs"]
    (tmp_path / "none.tmpl").write_text("")

    def render_field(field, *alerts, common=None):
        template = config["links"][0]["href"] if field == "runbook" else config[field]
        data = {"status": "firing", "alerts": alerts, "commonLabels": common or {}, "commonAnnotations": {}}
        (tmp_path / "data.json").write_text(json.dumps(data))
        return amtool(
            "template",
            "render",
            f"--template.glob={tmp_path / 'none.tmpl'}",
            f"--template.data={tmp_path / 'data.json'}",
            f"--template.text={template}",
        ).removesuffix("\n")

    return render_field


def _files(catalog):
    return list(alertmanager.catalog_files(catalog))


def _load(catalog):
    return yaml.safe_load(_files(catalog)[0].content)


def _native(**changes):
    return dataclasses.replace(AlertmanagerPolicy("10s", "1m", "4h", None), **changes)


def test_the_module_is_a_catalogue_target():
    assert isinstance(alertmanager, CatalogTarget)


def test_the_configuration_is_as_the_golden_file_shows(make, overlapping, matches_golden, amtool, write):
    catalog = make.catalog(overlapping, make.service(LADDER, *CAUSES))
    (file,) = _files(catalog)

    assert file.path == "rules/alertmanager.yml"
    matches_golden(file)
    assert "SUCCESS" in amtool("check-config", write(catalog))


def test_the_smallest_configuration_is_accepted(make, matches_golden, amtool, write):
    policy = make.policy(maintenance=(), group_by=(), alertmanager=_native())
    policy = dataclasses.replace(policy, router=dataclasses.replace(policy.router, credentials_file=None))
    catalog = make.catalog(policy)

    document = _load(catalog)

    assert "SUCCESS" in amtool("check-config", write(catalog))
    assert list(document) == ["route", "receivers"]
    assert [receiver["name"] for receiver in document["receivers"]] == ["router"]
    assert "authorization" not in document["receivers"][0]["webhook_configs"][0]["http_config"]


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "Down", "severity": "critical"}, "router"),
        ({"alertname": "Down", "severity": "high", "service": "postgres"}, "router"),
        ({"alertname": "Foreign"}, "router"),
        ({"alertname": "RouterDown", "severity": "critical", "bypass_router": "true"}, "pagerduty"),
        ({"alertname": "RouterDown", "bypass_router": "true", "service": "postgres"}, "pagerduty"),
        ({"alertname": "Down", "bypass_router": "false"}, "router"),
        ({"alertname": "Watchdog", "severity": "low"}, "router"),
        ({"alertname": "Watchdog", "bypass_router": "true"}, "router"),
    ],
)
def test_each_alert_reaches_one_receiver(amtool, overlapping_path, labels, receiver):
    arguments = [f"{name}={value}" for name, value in labels.items()]

    printed = amtool("config", "routes", "test", "--config.file", overlapping_path, *arguments)

    assert printed.split() == [receiver]


@pytest.mark.parametrize(
    ("labels", "windows"),
    [
        ({"service": "postgres", "severity": "high"}, ["sunday-night", "postgres-noon"]),
        ({"service": "postgres", "severity": "warning"}, ["sunday-night", "postgres-noon"]),
        ({"service": "postgres", "severity": "critical"}, []),
        ({"service": "postgres", "severity": "unknown"}, []),
        ({"service": "postgres"}, []),
        ({"environment": "staging", "severity": "critical"}, ["staging-evenings"]),
        (
            {"service": "postgres", "environment": "staging", "severity": "low"},
            ["sunday-night", "postgres-noon", "staging-evenings"],
        ),
        ({"service": "postgres", "environment": "staging", "severity": "critical"}, ["staging-evenings"]),
        (
            {"service": "redis", "environment": "staging", "severity": "low"},
            ["staging-evenings", "redis-low"],
        ),
        ({"service": "redis", "severity": "low"}, ["redis-low"]),
        ({"service": "redis", "severity": "medium"}, []),
        ({"alertname": "Watchdog", "service": "postgres", "severity": "low"}, []),
        ({"bypass_router": "true", "service": "postgres", "severity": "low"}, []),
    ],
)
def test_the_route_that_alertmanager_takes_is_muted_by_the_windows_that_match(
    amtool, overlapping_path, labels, windows
):
    arguments = [f"{name}={value}" for name, value in labels.items()]

    tree = amtool("config", "routes", "test", "--tree", "--config.file", overlapping_path, *arguments)

    # amtool prints the chain of routes to the leaf: the matchers of each, but not what mutes it.
    chain = [set(re.findall(r'\w+=~?"[^"]*"', line)) for line in tree.splitlines() if "{" in line]
    routes, muting = yaml.safe_load(overlapping_path.read_text())["route"]["routes"], []
    for matchers in chain:
        (taken,) = [route for route in routes if set(route["matchers"]) == matchers]
        routes, muting = taken.get("routes", []), taken.get("mute_time_intervals", [])
    assert sorted(muting) == sorted(windows)


def test_a_window_is_written_with_its_days_times_and_place(make, overlapping):
    intervals = {each["name"]: each["time_intervals"] for each in _load(make.catalog(overlapping))["time_intervals"]}

    assert intervals["sunday-night"] == [
        {"times": [{"start_time": "02:00", "end_time": "04:00"}], "weekdays": ["sunday"], "location": "UTC"}
    ]
    assert intervals["staging-evenings"] == [
        {"times": [{"start_time": "18:00", "end_time": "24:00"}], "location": "Europe/Berlin"}
    ]


def test_every_day_of_the_week_is_no_restriction_and_days_stand_in_order(make):
    week = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
    policy = make.policy(
        maintenance=(make.window("all", weekdays=week), make.window("two", weekdays=("sunday", "monday")))
    )

    first, second = (each["time_intervals"][0] for each in _load(make.catalog(policy))["time_intervals"])

    assert "weekdays" not in first
    assert second["weekdays"] == ["monday", "sunday"]


def test_only_windows_mute_and_the_root_never_does(make, overlapping):
    route = _load(make.catalog(overlapping))["route"]

    assert "mute_time_intervals" not in route
    assert ["mute_time_intervals" in child for child in route["routes"][:2]] == [False, False]
    assert all("mute_time_intervals" in child for child in route["routes"][2:])


def test_the_heartbeat_goes_out_at_once_and_every_minute(make):
    route = _load(make.catalog(make.policy()))["route"]["routes"][0]

    assert route == {
        "receiver": "router",
        "matchers": ['alertname="Watchdog"'],
        "group_wait": "0s",
        "group_interval": "15s",
        "repeat_interval": "1m",
    }


def test_timings_and_grouping_are_the_policy_s(make):
    policy = make.policy(
        group_by=("team", "cluster"),
        alertmanager=_native(group_wait="7s", group_interval="2m", repeat_interval="3h"),
    )

    route = _load(make.catalog(policy))["route"]

    assert route["group_by"] == ["team", "cluster"]
    assert (route["group_wait"], route["group_interval"], route["repeat_interval"]) == ("7s", "2m", "3h")


def test_the_webhook_loses_nothing(make):
    webhook = _load(make.catalog(make.policy()))["receivers"][0]["webhook_configs"]

    assert webhook == [
        {
            "url": "http://alert-router:9095/webhook/main",
            "send_resolved": True,
            "max_alerts": 0,
            "http_config": {
                "follow_redirects": False,
                "authorization": {
                    "type": "Bearer",
                    "credentials_file": "/etc/alertmanager/router-token",
                },
            },
        }
    ]


def test_each_cluster_has_its_own_file_which_names_it(make):
    policy = make.policy()
    clusters = tuple(Cluster(name, ("http://am:9093",), "5m") for name in ("east", "west"))
    policy = dataclasses.replace(policy, router=dataclasses.replace(policy.router, clusters=clusters))

    files = _files(make.catalog(policy))

    assert [file.path for file in files] == ["rules/alertmanager.yml", "rules/alertmanager.west.yml"]
    urls = [yaml.safe_load(file.content)["receivers"][0]["webhook_configs"][0]["url"] for file in files]
    assert [url.rsplit("/", 2)[1:] for url in urls] == [["webhook", "east"], ["webhook", "west"]]


def test_an_alert_that_bypasses_without_a_key_still_reaches_the_router_unmuted(make, amtool, write):
    policy = make.policy(alertmanager=_native())
    catalog = make.catalog(policy, make.service(bypass=True))

    routes = _load(catalog)["route"]["routes"]

    amtool("check-config", write(catalog))
    assert routes[1] == {"receiver": "router", "matchers": ['bypass_router="true"'], "continue": False}


def test_a_ladder_inhibits_its_lower_rungs_where_the_labels_agree(make):
    (rule,) = _load(make.catalog(make.policy(), make.service(LADDER)))["inhibit_rules"]

    assert rule == {
        "source_matchers": [
            'team="payments"',
            'service="checkout-api"',
            'alertname="ErrorRate"',
            'severity="high"',
        ],
        "target_matchers": [
            'team="payments"',
            'service="checkout-api"',
            'alertname="ErrorRate"',
            'severity=~"medium|low"',
        ],
        "equal": ["job", "handler", "cluster", "environment"],
    }


def test_what_one_cause_keeps_quiet_stands_in_one_rule(make):
    (rule,) = _load(make.catalog(make.policy(), make.service(*CAUSES, *CAUSES)))["inhibit_rules"]

    assert rule["source_matchers"][-1] == 'alertname="CheckoutDown"'
    assert rule["target_matchers"][-1] == 'alertname=~"ErrorRate|Latency"'


def test_targets_with_other_labels_or_severities_stand_in_rules_of_their_own(make):
    other_labels = dataclasses.replace(CAUSES[1], equal=("instance",))
    other_severity = dataclasses.replace(CAUSES[1], target="Slow", target_severities=("low",))

    rules = _load(make.catalog(make.policy(), make.service(CAUSES[0], other_labels, other_severity)))["inhibit_rules"]

    assert [rule["equal"][0] for rule in rules] == ["job", "instance", "job"]


def test_an_environment_that_is_stated_already_is_not_repeated(make):
    stated = dataclasses.replace(LADDER, equal=("environment", "cluster", "job"))

    (rule,) = _load(make.catalog(make.policy(), make.service(stated)))["inhibit_rules"]

    assert rule["equal"] == ["environment", "cluster", "job"]


@pytest.mark.parametrize(
    "value",
    [
        'a"b',
        "a\\b",
        "a\\nb",
        "a\nb",
        "a,b}",
        "{a=b",
        "ü 世界",
        "a|b.*",
        " a ",
        "'",
        "#x: y",
        "\\",
        "\t",
        "a=~b",
    ],
)
def test_a_hostile_label_value_matches_itself_and_nothing_else(make, amtool, write, value):
    policy = make.policy(maintenance=(make.window(matchers=(("zone", value),)),))
    path = write(make.catalog(policy))

    def leaf(zone):
        arguments = [equals("zone", zone), "severity=low"]
        return amtool("config", "routes", "test", "--tree", "--config.file", path, *arguments)

    amtool("check-config", path)
    assert "zone=" in leaf(value)
    assert "zone=" not in leaf(value + "x")


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        ("critical", "critical"),
        ("high", "error"),
        ("medium", "warning"),
        ("low", "info"),
        ("P9", "critical"),
        (None, "critical"),
    ],
)
def test_pagerduty_gets_a_severity_that_it_knows(render, severity, expected):
    common = {} if severity is None else {"severity": severity}

    assert render("severity", common=common) == expected


def test_pagerduty_reads_what_the_first_firing_alert_says(render):
    over = {"status": "resolved", "labels": {"alertname": "Old"}, "annotations": {"summary": "over"}}
    burns = {
        "status": "firing",
        "labels": {"alertname": "RouterDown"},
        "annotations": {"summary": "The router is down", "runbook_url": "https://runbooks.example.com/x"},
    }
    bare = {"status": "firing", "labels": {"alertname": "Bare"}, "annotations": {}}

    assert render("description", burns) == "The router is down"
    assert render("description", over, burns) == "The router is down (2 alerts)"
    assert render("description", over) == "over"
    assert render("description", bare) == "Bare"
    assert render("runbook", over, burns) == "https://runbooks.example.com/x"
    assert render("runbook", bare) == ""


def test_native_pagerduty_reads_its_key_from_the_file_and_says_when_it_is_over(make):
    (config,) = _load(make.catalog(make.policy()))["receivers"][1]["pagerduty_configs"]

    assert config["routing_key_file"] == "/etc/alertmanager/pagerduty"
    assert config["send_resolved"] is True
    assert "routing_key" not in config
