"""A service with all that a rule file can hold, and golden files."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rules_gen.diagnostics import Place
from rules_gen.model import AlertRule, Policy, RecordingRule, RuleGroup, Service
from rules_gen.model.policy import (
    AlertmanagerPolicy,
    Digest,
    Flap,
    RouterPolicy,
    SeverityPolicy,
    Storm,
    Team,
    Urls,
)
from rules_gen.target import GeneratedFile

PLACE = Place("alerts/payments/checkout-api.yaml")
GOLDEN = Path(__file__).parent / "golden"


def _alert_rule(alert: str = "CheckoutDown", **changes: object) -> AlertRule:
    fields: dict[str, object] = {
        "alert": alert,
        "expr": 'up{job="checkout-api"} == 0',
        "signal": 'up{job="checkout-api"}',
        "threshold": None,
        "hold": "1m",
        "keep_firing_for": None,
        "severity": "critical",
        "rung": False,
        "environment": None,
        "labels": (("severity", "critical"), ("team", "payments"), ("service", "checkout-api")),
        "annotations": (("summary", "Checkout is down"),),
        "place": PLACE,
        "expr_place": PLACE,
        "threshold_place": PLACE,
        "summary_place": PLACE,
    }
    return AlertRule(**(fields | changes))


def _group(*rules: AlertRule | RecordingRule, **changes: object) -> RuleGroup:
    fields = {"name": "payments/checkout-api", "interval": None, "limit": None, "query_offset": None}
    return RuleGroup(**(fields | changes), rules=rules)


def _service(*groups: tuple[str | None, tuple[RuleGroup, ...]]) -> Service:
    return Service(
        name="checkout-api",
        team="payments",
        description="Takes the customers' payments.",
        environments=tuple(environment for environment, _ in groups),
        groups=groups,
        alerts=(),
        slos=(),
        source="alerts/payments/checkout-api.yaml",
        place=PLACE,
    )


def _policy(*outputs: str) -> Policy:
    return Policy(
        prometheus=(2, 42),
        urls=Urls("https://runbooks.example.com/{alert}", "https://grafana.example.com/d/{uid}", None, None),
        severities=(SeverityPolicy("critical", "at once", ("pagerduty",)),),
        aliases=(),
        labels=(),
        external_labels=(),
        group_by=("team", "service", "alertname"),
        teams=(Team("payments", "Payments", None, "PAYMENTS_KEY", None, None, (), None, False, PLACE),),
        default_team="payments",
        maintenance=(),
        alertmanager=AlertmanagerPolicy("10s", "1m", "4h", None),
        router=RouterPolicy(
            url="http://alert-router:9095",
            credentials_file=None,
            repeat_interval="4h",
            fallback_after="60s",
            digest=Digest("09:00", ("monday",), "UTC"),
            storm=Storm(True, 30),
            flap=Flap(True, 4, "1h"),
            clusters=(),
        ),
        outputs=outputs,
        place=Place("alerts/policy.yaml"),
    )


@pytest.fixture
def make() -> SimpleNamespace:
    """Factories: alert_rule, recording_rule, group, service, policy."""
    return SimpleNamespace(
        alert_rule=_alert_rule,
        recording_rule=lambda record, expr, labels=(): RecordingRule(record, expr, labels, PLACE),
        group=_group,
        service=_service,
        policy=_policy,
    )


@pytest.fixture
def whole_service() -> Service:
    """A service that uses every field of a rule file, with text that YAML could take for something else."""
    expr = (
        'sum by (job) (rate(http_requests_total{job="checkout-api", status=~"5.."}[5m]))  # errors: all\n'
        '  / sum by (job) (rate(http_requests_total{job="checkout-api"}[5m]))\n'
        "> 0.05\n"
    )
    rung = (("severity", "high"), ("team", "payments"), ("service", "checkout-api"))
    fast = _group(
        RecordingRule("job:http_errors:rate5m", "sum by (job) (rate(http_errors_total[5m]))", (), PLACE),
        _alert_rule(
            "CheckoutHighErrorRate",
            expr=expr,
            hold="5m",
            keep_firing_for="10m",
            severity="high",
            rung=True,
            labels=(*rung, ("on", "no"), ("empty", ""), ("number", "007"), ("job", "{{ $labels.job }}")),
            annotations=(
                ("summary", "{{ $value | humanizePercentage }} of requests fail: look at the deploys #1"),
                ("description", "First line.\n\n  Second line, indented.\n"),
                ("runbook_url", "https://runbooks.example.com/CheckoutHighErrorRate?a=1&b=2#top"),
            ),
        ),
        _alert_rule("CheckoutHighErrorRate", expr=expr.replace("0.05", "0.01"), hold="0m", rung=True),
        RecordingRule("job:up:sum", "sum by (job) (up)", (("source", "ümläut"),), PLACE),
        _alert_rule("CheckoutBare", labels=(), annotations=()),
        interval="30s",
        limit=0,
    )
    slow = _group(_alert_rule(), name="payments/checkout-api slow", interval="5m", limit=10)
    return _service((None, (fast, _group(name="payments/checkout-api empty"), slow)))


@pytest.fixture
def matches_golden() -> Callable[[GeneratedFile], None]:
    """Compares a generated file with the golden one to the byte; UPDATE_GOLDEN=1 writes that one first."""

    def compare(file: GeneratedFile) -> None:
        golden = GOLDEN / file.path
        if os.environ.get("UPDATE_GOLDEN") == "1":
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_bytes(file.content)
        assert file.content.decode() == golden.read_bytes().decode()

    return compare
