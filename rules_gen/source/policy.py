"""Builds the policy from alerts/policy.yaml's data. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rules_gen.diagnostics import Place, Problem
from rules_gen.model import (
    SEVERITIES,
    AlertmanagerPolicy,
    Cluster,
    Digest,
    Flap,
    MaintenanceWindow,
    Policy,
    ProofPolicy,
    RouterPolicy,
    SeverityPolicy,
    Storm,
    Team,
    Urls,
)
from rules_gen.source.documents import Document
from rules_gen.source.policy_checks import check_policy
from rules_gen.source.validate import validate


def build_policy(document: Document) -> tuple[Policy | None, list[Problem]]:
    """The policy, and all that is wrong with it. Without a policy nothing can be compiled."""
    place = Place(document.file)
    problems = list(validate("policy", document.data, place))
    if problems:
        return None, problems
    policy = _build(document.data, place)
    problems += check_policy(policy, place)
    return policy, problems


def _build(data: dict[str, Any], place: Place) -> Policy:
    manager = data.get("alertmanager", {})
    major, minor = data["prometheus"].split(".")
    return Policy(
        prometheus=(int(major), int(minor)),
        urls=Urls(**{name: data["urls"].get(name) for name in ("runbook", "dashboard", "query", "silence")}),
        severities=tuple(
            SeverityPolicy(name, data["severities"][name]["response"], tuple(data["severities"][name]["channels"]))
            for name in SEVERITIES
        ),
        aliases=tuple(data.get("aliases", {}).items()),
        labels=tuple(data.get("labels", {}).items()),
        external_labels=tuple(data.get("external_labels", ())),
        group_by=tuple(data.get("group_by", ("team", "service", "alertname"))),
        teams=tuple(_team(key, team, place.at("teams", key)) for key, team in data["teams"].items()),
        default_team=data["default_team"],
        maintenance=tuple(_window(w, place.at("maintenance", i)) for i, w in enumerate(data.get("maintenance", ()))),
        alertmanager=AlertmanagerPolicy(
            group_wait=manager.get("group_wait", "10s"),
            group_interval=manager.get("group_interval", "1m"),
            repeat_interval=manager.get("repeat_interval", "4h"),
            native_pagerduty_key_file=manager.get("native_pagerduty_key_file"),
        ),
        router=_router(data.get("router", {})),
        outputs=tuple(data.get("outputs", ())),
        place=place,
        proof=_proof(data.get("proof", {})),
    )


def _proof(data: dict[str, Any]) -> ProofPolicy:
    usual = ProofPolicy()
    coverage = data.get("coverage", {})
    return ProofPolicy(
        coverage=tuple((name, tuple(coverage.get(name, usual.demanded(name)))) for name in SEVERITIES),
        recording_rules=data.get("recording_rules", usual.recording_rules),
        mutation_score=float(Decimal(data.get("mutation_score", "0%").rstrip("% ")) / 100),
    )


def _team(key: str, data: dict[str, Any], place: Place) -> Team:
    slack = data.get("slack", {})
    return Team(
        key=key,
        name=data.get("name", key),
        lead=data.get("lead"),
        pagerduty_routing_key=data.get("pagerduty", {}).get("routing_key"),
        slack_channel=slack.get("channel"),
        slack_token=slack.get("token", "SLACK_TOKEN") if slack else None,
        email_to=tuple(data.get("email", {}).get("to", ())),
        fallback=data.get("fallback"),
        escalate_medium=data.get("escalate_medium", False),
        place=place,
        webhook_url=data.get("webhook", {}).get("url"),
    )


def _window(data: dict[str, Any], place: Place) -> MaintenanceWindow:
    times = data["times"]
    return MaintenanceWindow(
        name=data["name"],
        matchers=tuple(data["matchers"].items()),
        severities=tuple(s for s in SEVERITIES if s in data.get("severities", SEVERITIES[1:])),
        weekdays=tuple(times.get("weekdays", ())),
        start=times["from"],
        end=times["to"],
        time_zone=data.get("time_zone", "UTC"),
        notice=data.get("notice"),
        place=place,
    )


def _router(data: dict[str, Any]) -> RouterPolicy:
    digest, storm, flap = data.get("digest", {}), data.get("storm", {}), data.get("flap", {})
    clusters = data.get("clusters", {"main": {"peers": ["http://alertmanager:9093"]}})
    return RouterPolicy(
        url=data.get("url", "http://alert-router:9095").rstrip("/"),
        credentials_file=data.get("credentials_file"),
        repeat_interval=data.get("repeat_interval", "4h"),
        fallback_after=data.get("fallback_after", "60s"),
        digest=Digest(
            at=digest.get("at", "09:00"),
            weekdays=tuple(digest.get("weekdays", ("monday", "tuesday", "wednesday", "thursday", "friday"))),
            time_zone=digest.get("time_zone", "UTC"),
        ),
        storm=Storm(storm.get("enabled", True), storm.get("incidents_per_minute", 30)),
        flap=Flap(flap.get("enabled", True), flap.get("reopenings", 4), flap.get("within", "1h")),
        clusters=tuple(
            Cluster(name, tuple(c["peers"]), c.get("watchdog_deadline", "5m")) for name, c in clusters.items()
        ),
    )
