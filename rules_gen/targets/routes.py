"""rules/routes.yml: all that the router is told.

The router owns the format and describes it in router/schema/routes.schema.json. Secrets stand here by name
only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rules_gen.emit.yaml import emit_yaml, generated_header
from rules_gen.model.policy import WEEKDAYS
from rules_gen.target import GeneratedFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rules_gen.model import Catalog, MaintenanceWindow, Policy, RouterPolicy, Team

VERSION = 1
"""The version of the format."""


def catalog_files(catalog: Catalog) -> Iterable[GeneratedFile]:
    """The router's routes."""
    policy = catalog.policy
    text = emit_yaml(_document(policy), header=generated_header(policy.place.file))
    yield GeneratedFile("rules/routes.yml", text.encode())


def _document(policy: Policy) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": VERSION,
        "default_team": policy.default_team,
        "group_by": list(policy.group_by),
        "severities": {
            severity.name: {"response": severity.response, "channels": list(severity.channels)}
            for severity in policy.severities
        },
        "aliases": dict(policy.aliases),
        "teams": {team.key: _team(team) for team in policy.teams},
    }
    document.update(_behaviour(policy.router))
    document["clusters"] = {
        cluster.name: {"peers": list(cluster.peers), "watchdog_deadline": cluster.watchdog_deadline}
        for cluster in policy.router.clusters
    }
    document["maintenance"] = [_window(window) for window in policy.maintenance]
    urls = {"silence": policy.urls.silence, "query": policy.urls.query}
    given = {name: pattern for name, pattern in urls.items() if pattern is not None}
    if given:
        document["urls"] = given
    return document


def _behaviour(router: RouterPolicy) -> dict[str, Any]:
    return {
        "repeat_interval": router.repeat_interval,
        "fallback_after": router.fallback_after,
        "digest": {
            "at": router.digest.at,
            "weekdays": _in_week_order(router.digest.weekdays),
            "time_zone": router.digest.time_zone,
        },
        "storm": {
            "enabled": router.storm.enabled,
            "incidents_per_minute": router.storm.incidents_per_minute,
        },
        "flap": {
            "enabled": router.flap.enabled,
            "reopenings": router.flap.reopenings,
            "within": router.flap.within,
        },
    }


def _team(team: Team) -> dict[str, Any]:
    document: dict[str, Any] = {"name": team.name}
    if team.lead is not None:
        document["lead"] = team.lead
    if team.pagerduty_routing_key is not None:
        document["pagerduty"] = {"routing_key": team.pagerduty_routing_key}
    if team.slack_channel is not None:
        document["slack"] = {"channel": team.slack_channel, "token": team.slack_token}
    if team.email_to:
        document["email"] = {"to": list(team.email_to)}
    if team.webhook_url is not None:
        document["webhook"] = {"url": team.webhook_url}
    if team.fallback is not None:
        document["fallback"] = team.fallback
    document["escalate_medium"] = team.escalate_medium
    return document


def _window(window: MaintenanceWindow) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": window.name,
        "matchers": dict(window.matchers),
        "severities": list(window.severities),
        "times": {
            "weekdays": _in_week_order(window.weekdays or WEEKDAYS),
            "from": window.start,
            "to": window.end,
        },
        "time_zone": window.time_zone,
    }
    if window.notice is not None:
        document["notice"] = window.notice
    return document


def _in_week_order(days: Iterable[str]) -> list[str]:
    chosen = set(days)
    return [day for day in WEEKDAYS if day in chosen]
