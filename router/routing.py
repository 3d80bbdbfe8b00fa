"""Who is told: labels to severity and team, severity and team to destinations. Pure.

The compiler refuses what it doesn't know. The router meets the real world, where an alert that isn't understood must
still reach somebody: an unknown severity is critical, an unknown team is the default team.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from router.model import SEVERITIES, SEVERITY_RANK, Destination, Incident
from router.routes import Routes


class Resolved(NamedTuple):
    """What an alert's labels mean."""

    severity: str | None
    """None: record only."""
    team: str
    notify: str
    unknown_severity: bool
    """It is missing, or stands neither among the severities nor among their aliases: it counts as critical."""
    unknown_team: bool


def resolve(labels: Mapping[str, str], routes: Routes) -> Resolved:
    """An alert's severity and teams. Names of severities are matched without regard to case and space around them."""
    word = labels.get("severity", "").strip().lower()
    severity: str | None
    unknown = False
    if word in SEVERITY_RANK:
        severity = word
    elif word in routes.aliases:
        alias = routes.aliases[word]
        severity = None if alias == "none" else alias
    else:
        severity, unknown = "critical", True
    team = labels.get("team", "")
    unknown_team = team not in routes.teams
    notify = labels.get("notify", "")
    if notify and notify not in routes.teams:
        notify, unknown_team = routes.default_team, True
    team = routes.default_team if team not in routes.teams else team
    return Resolved(severity, team, "" if notify == team else notify, unknown, unknown_team)


def group_labels(labels: Mapping[str, str], routes: Routes) -> dict[str, str]:
    """The labels that make an alert's incident. A label that it hasn't got is empty, as in Prometheus."""
    return {name: labels.get(name, "") for name in routes.group_by}


def team_severities(incident: Incident) -> dict[str, str]:
    """The worst severity that fires for each team that is told, a medium that escalated counted as high."""
    worst: dict[str, str] = {}
    for entry in incident.counts:
        severity = "high" if incident.escalated and entry.severity == "medium" else entry.severity
        for team in (entry.team, entry.notify):
            if team and SEVERITY_RANK[severity] < SEVERITY_RANK.get(worst.get(team, ""), len(SEVERITIES)):
                worst[team] = severity
    return worst


def destinations(routes: Routes, severity: str, team: str) -> tuple[Destination, ...]:
    """Where that severity of that team goes.

    A team that has none of the severity's channels is told by its fallback, then by the default team, then anywhere
    that the default team can be reached: an alert for nobody is the one thing that must not happen.
    """
    channels = routes.severities[severity].channels
    known = routes.teams.get(team)
    candidates = [team, known.fallback if known else "", routes.default_team]
    for key in candidates:
        candidate = routes.teams.get(key)
        if candidate is None:
            continue
        found = tuple(d for channel in channels for d in candidate.destinations.get(channel, ()))
        if found:
            return found
    last = routes.teams[routes.default_team]
    return next(iter(last.destinations.values()), ())
