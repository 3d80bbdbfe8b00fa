"""What the compiler writes for the router is what the router's own schema admits."""

import copy
import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

import router
from router.config.routes_file import load_routes
from router.model import INTERNAL_CLUSTER, Destination
from router.routes import Routes
from rules_gen.diagnostics import Place
from rules_gen.model import (
    CHANNELS,
    SEVERITIES,
    AlertmanagerPolicy,
    Catalog,
    Cluster,
    Digest,
    Flap,
    MaintenanceWindow,
    Policy,
    RouterPolicy,
    SeverityPolicy,
    Storm,
    Team,
    Urls,
)
from rules_gen.source.policy_checks import ROUTER_CLUSTER
from rules_gen.targets import routes

SCHEMA = json.loads((Path(router.__file__).parent / "schema" / "routes.schema.json").read_text())
PLACE = Place("alerts/policy.yaml")
FULL_TEAM = Team(
    "payments",
    "Payments",
    "payments-lead",
    "PAYMENTS_PAGERDUTY_KEY",
    "#payments-alerts",
    "SLACK_TOKEN",
    ("payments@example.com",),
    "platform",
    escalate_medium=True,
    place=PLACE,
    webhook_url="PAYMENTS_WEBHOOK_URL",
)
BARE_TEAM = Team("platform", "Platform", None, "PLATFORM_KEY", None, None, (), None, False, PLACE)
WINDOW = MaintenanceWindow(
    "sunday-night",
    (("service", "postgres"),),
    ("medium", "low"),
    ("sunday",),
    "02:00",
    "24:00",
    "Europe/Berlin",
    "7d",
    PLACE,
)
FULL = Policy(
    prometheus=(2, 42),
    urls=Urls(
        "https://runbooks.example.com/{alert}",
        "https://grafana.example.com/d/{uid}",
        "https://prometheus.example.com/graph?g0.expr={expr}",
        "https://alertmanager.example.com/#/silences/new?filter={matchers}",
    ),
    severities=(
        SeverityPolicy("critical", "at once", ("pagerduty",)),
        SeverityPolicy("high", "15m", ("pagerduty", "slack")),
        SeverityPolicy("medium", "1h", ("slack",)),
        SeverityPolicy("low", "next business day", ("email",)),
    ),
    aliases=(("P1", "critical"), ("SEV-2", "high"), ("page", "critical"), ("info", "none")),
    labels=(("env", "production"),),
    external_labels=("cluster",),
    group_by=("team", "service", "alertname"),
    teams=(FULL_TEAM, BARE_TEAM),
    default_team="platform",
    maintenance=(WINDOW,),
    alertmanager=AlertmanagerPolicy("10s", "1m", "4h", "/etc/alertmanager/pagerduty"),
    router=RouterPolicy(
        url="http://alert-router:9095",
        credentials_file=None,
        repeat_interval="4h",
        fallback_after="60s",
        digest=Digest("09:00", ("monday", "friday"), "UTC"),
        storm=Storm(enabled=True, incidents_per_minute=30),
        flap=Flap(enabled=True, reopenings=4, within="1h30m"),
        clusters=(
            Cluster("east", ("http://am-0:9093", "https://am-1.example.com"), "5m"),
            Cluster("west", ("http://am-2:9093",), "10m"),
        ),
    ),
    outputs=(),
    place=PLACE,
)
BARE = dataclasses.replace(
    FULL,
    urls=Urls(FULL.urls.runbook, FULL.urls.dashboard, None, None),
    aliases=(),
    teams=(BARE_TEAM,),
    maintenance=(dataclasses.replace(WINDOW, weekdays=(), notice=None),),
)
NO_WINDOWS = dataclasses.replace(FULL, maintenance=())


def _compiled(policy):
    (file,) = routes.catalog_files(Catalog(policy, ()))
    return yaml.safe_load(file.content)


def _validate(document):
    jsonschema.Draft202012Validator(SCHEMA).validate(document)


def _descend(node, path="$"):
    """All mappings in a schema that are schemas themselves, with their paths."""
    if not isinstance(node, dict):
        return
    yield path, node
    for keyword in ("properties", "$defs"):
        for name, child in node.get(keyword, {}).items():
            yield from _descend(child, f"{path}.{name}")
    for keyword in ("items", "additionalProperties", "propertyNames"):
        yield from _descend(node.get(keyword), f"{path}.{keyword}")


@pytest.mark.parametrize("policy", [FULL, BARE, NO_WINDOWS], ids=["full", "bare", "no-windows"])
def test_the_compiled_routes_are_admitted(policy):
    _validate(_compiled(policy))


def _destinations_of(team):
    return {name: (Destination(name, "", "x"),) for name in CHANNELS if name in team}


@pytest.mark.parametrize("policy", [FULL, BARE, NO_WINDOWS], ids=["full", "bare", "no-windows"])
def test_the_router_loads_what_the_compiler_writes(policy):
    (file,) = routes.catalog_files(Catalog(policy, ()))
    loaded = load_routes(file.content.decode(), file.path, _destinations_of)

    assert isinstance(loaded, Routes), [str(problem) for problem in loaded]
    assert list(loaded.teams) == [team.key for team in policy.teams]
    assert loaded.group_by == policy.group_by
    assert loaded.urls.query == (policy.urls.query or "")
    assert {name: route.channels for name, route in loaded.severities.items()} == {
        severity.name: severity.channels for severity in policy.severities
    }
    assert loaded.aliases == {alias.lower(): severity for alias, severity in policy.aliases}


def test_the_channels_are_the_compiler_s():
    assert SCHEMA["$defs"]["severityRoute"]["properties"]["channels"]["items"]["enum"] == list(CHANNELS)
    assert set(CHANNELS) <= SCHEMA["$defs"]["team"]["properties"].keys()


def test_the_router_s_own_name_is_the_one_that_the_compiler_keeps_free():
    assert ROUTER_CLUSTER == INTERNAL_CLUSTER


def test_the_full_policy_uses_every_key_that_the_schema_describes():
    document = _compiled(FULL)

    def unused(schema, value, path):
        schema = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else schema
        for name, child in schema.get("properties", {}).items():
            if name not in value:
                yield f"{path}.{name}"
            else:
                yield from unused(child, value[name], f"{path}.{name}")

    assert list(unused(SCHEMA, document, "$")) == []
    for kind, value in (("team", document["teams"]["payments"]), ("window", document["maintenance"][0])):
        assert list(unused({"$ref": f"#/$defs/{kind}"}, value, kind)) == []


def test_the_schema_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_key_is_described_with_examples():
    bare = [
        path for path, node in _descend(SCHEMA) if not {"description", "examples"} <= node.keys() and "$ref" not in node
    ]

    assert bare == []


def test_every_example_is_admitted_where_it_stands():
    for path, node in _descend(SCHEMA):
        schema = {**node, "$defs": SCHEMA["$defs"]}
        for example in node.get("examples", ()):
            errors = list(jsonschema.Draft202012Validator(schema).iter_errors(example))
            assert errors == [], path


def test_every_object_says_which_keys_it_takes():
    loose = [
        path for path, node in _descend(SCHEMA) if node.get("type") == "object" and "additionalProperties" not in node
    ]

    assert loose == []


def test_the_severities_are_the_compiler_s():
    assert SCHEMA["$defs"]["severity"]["enum"] == list(SEVERITIES)
    assert SCHEMA["properties"]["severities"]["required"] == list(SEVERITIES)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("unknown",), 1),
        (("teams", "payments", "webhook"), "https://example.com"),
        (("teams", "payments", "webhook", "url"), "https://example.com/hook"),
        (("urls", "silence"), "javascript:alert(1)"),
        (("urls", "runbook"), "https://runbooks.example.com/{alert}"),
        (("teams", "payments", "pagerduty", "routing_key"), "0123456789abcdef0123456789abcdef"),
        (("teams", "payments", "slack", "token"), "xoxb-not-a-name"),
        (("teams", "payments", "email", "to"), []),
        (("teams", "payments", "email", "to"), ["a@example.com\r\nBcc: b@example.com"]),
        (("teams",), {}),
        (("group_by",), ["service", "severity"]),
        (("severities", "urgent"), {"response": "5m", "channels": ["slack"]}),
        (("severities", "high", "channels"), ["pigeon"]),
        (("severities", "high", "channels"), []),
        (("severities", "high", "response"), "soon"),
        (("aliases", "P2"), "urgent"),
        (("repeat_interval",), "4 hours"),
        (("fallback_after",), ""),
        (("digest", "at"), "9:00"),
        (("digest", "weekdays"), ["Monday"]),
        (("clusters",), {}),
        (("clusters", "east", "peers"), ["am:9093"]),
        (("clusters", "East"), {"peers": ["http://am:9093"], "watchdog_deadline": "5m"}),
        (("maintenance", 0, "matchers"), {}),
        (("maintenance", 0, "severities"), []),
        (("storm", "incidents_per_minute"), 0),
    ],
)
def test_what_the_router_could_not_act_on_is_refused(path, value):
    document = copy.deepcopy(_compiled(FULL))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    with pytest.raises(jsonschema.ValidationError):
        _validate(document)


def test_only_the_patterns_of_links_can_be_left_out():
    assert set(SCHEMA["properties"]) - set(SCHEMA["required"]) == {"urls"}
    assert "urls" not in _compiled(BARE)


@pytest.mark.parametrize("key", sorted(SCHEMA["required"]))
def test_no_key_at_the_top_can_be_left_out(key):
    document = _compiled(FULL)
    del document[key]

    with pytest.raises(jsonschema.ValidationError):
        _validate(document)
