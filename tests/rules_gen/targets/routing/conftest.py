"""Policies and catalogues, Alertmanager's own tools, and golden files."""

import dataclasses
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rules_gen.diagnostics import Place
from rules_gen.model import (
    AlertDigest,
    AlertmanagerPolicy,
    Catalog,
    Cluster,
    Digest,
    Flap,
    Inhibition,
    MaintenanceWindow,
    Policy,
    RouterPolicy,
    ServiceDigest,
    SeverityPolicy,
    Storm,
    Team,
    Urls,
)
from rules_gen.target import GeneratedFile

PLACE = Place("alerts/policy.yaml")
GOLDEN = Path(__file__).parent / "golden"


def _window(name: str = "sunday-night", **changes: object) -> MaintenanceWindow:
    window = MaintenanceWindow(
        name=name,
        matchers=(("service", "postgres"),),
        severities=("high", "medium", "low"),
        weekdays=("sunday",),
        start="02:00",
        end="04:00",
        time_zone="UTC",
        notice="7d",
        place=PLACE,
    )
    return dataclasses.replace(window, **changes)


def _policy(**changes: object) -> Policy:
    payments = Team(
        key="payments",
        name="Payments",
        lead="payments-lead",
        pagerduty_routing_key="PAYMENTS_PAGERDUTY_KEY",
        slack_channel="#payments-alerts",
        slack_token="SLACK_TOKEN",
        email_to=("payments@example.com", "on-call@example.com"),
        fallback="platform",
        escalate_medium=True,
        place=PLACE,
    )
    platform = Team("platform", "Platform", None, "PLATFORM_KEY", None, None, (), None, False, PLACE)
    policy = Policy(
        prometheus=(2, 42),
        urls=Urls("https://runbooks.example.com/{alert}", "https://grafana.example.com/d/{uid}", None, None),
        severities=(
            SeverityPolicy("critical", "at once", ("pagerduty",)),
            SeverityPolicy("high", "15m", ("pagerduty", "slack")),
            SeverityPolicy("medium", "1h", ("slack",)),
            SeverityPolicy("low", "next business day", ("email",)),
        ),
        aliases=(("P1", "critical"), ("SEV-2", "high"), ("warning", "medium"), ("info", "none")),
        labels=(),
        external_labels=("cluster",),
        group_by=("team", "service", "alertname"),
        teams=(payments, platform),
        default_team="platform",
        maintenance=(_window(),),
        alertmanager=AlertmanagerPolicy("10s", "1m", "4h", "/etc/alertmanager/pagerduty"),
        router=RouterPolicy(
            url="http://alert-router:9095",
            credentials_file="/etc/alertmanager/router-token",
            repeat_interval="4h",
            fallback_after="60s",
            digest=Digest("09:00", ("friday", "monday"), "Europe/Berlin"),
            storm=Storm(enabled=True, incidents_per_minute=30),
            flap=Flap(enabled=False, reopenings=4, within="1h"),
            clusters=(Cluster("main", ("http://am-0:9093", "http://am-1:9093"), "5m"),),
        ),
        outputs=(),
        place=PLACE,
    )
    return dataclasses.replace(policy, **changes)


def _service(*inhibitions: Inhibition, bypass: bool = False) -> ServiceDigest:
    alert = AlertDigest("CheckoutDown", ("critical",), "Checkout is down", "https://x", None, bypass, None)
    return ServiceDigest("payments", "checkout-api", "", "alerts/payments/checkout-api.yaml", (alert,), inhibitions, ())


@pytest.fixture
def make() -> SimpleNamespace:
    """Factories: window, policy, service (of inhibitions), catalog (of a policy and services)."""
    return SimpleNamespace(
        window=_window,
        policy=_policy,
        service=_service,
        catalog=lambda policy, *services: Catalog(policy, services),
    )


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


@pytest.fixture
def amtool(tmp_path) -> Callable[..., str]:
    """Runs amtool and returns what it prints; fails the test when amtool fails."""

    def run(*arguments: str | Path) -> str:
        # A user's own amtool configuration has no say here.
        done = subprocess.run(
            ["amtool", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"HOME": str(tmp_path)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "level=warn" not in done.stderr.lower()
        return done.stdout

    return run
