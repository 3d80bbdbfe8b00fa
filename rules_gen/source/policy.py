"""Builds the policy from alerts/policy.yaml's data. Pure."""

from __future__ import annotations

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
    RouterPolicy,
    SeverityPolicy,
    Storm,
    Team,
    Urls,
)
from rules_gen.promql import parse_duration
from rules_gen.source.documents import Document
from rules_gen.source.suggest import did_you_mean
from rules_gen.source.validate import validate

FILE = "policy.yaml"
OLDEST = (2, 42)
"""The oldest Prometheus that is supported: Debian 12's."""

_RESERVED_LABELS = frozenset({"severity", "team", "service", "alertname", "environment", "notify", "bypass_router"})
_PLACEHOLDERS = {
    "runbook": ("{team}", "{service}", "{alert}"),
    "dashboard": ("{uid}",),
    "query": ("{expr}",),
    "silence": ("{matchers}",),
}


def build_policy(document: Document) -> tuple[Policy | None, list[Problem]]:
    """The policy, and all that is wrong with it. Without a policy nothing can be compiled."""
    place = Place(document.file)
    problems = list(validate("policy", document.data, place))
    if problems:
        return None, problems
    policy = _build(document.data, place)
    problems += _check(policy, place)
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


def _check(policy: Policy, place: Place) -> list[Problem]:
    problems = []
    teams = [team.key for team in policy.teams]
    if policy.prometheus < OLDEST:
        problems.append(
            Problem(
                "policy",
                "Prometheus below 2.42 isn't supported",
                place.at("prometheus"),
                suggestion='the oldest is "2.42"',
            )
        )
    if policy.default_team not in teams:
        problems.append(
            Problem(
                "team-unknown",
                f"no team `{policy.default_team}`",
                place.at("default_team"),
                did_you_mean(policy.default_team, teams),
            )
        )
    for name, placeholders in _PLACEHOLDERS.items():
        pattern = getattr(policy.urls, name)
        missing = [p for p in placeholders if pattern is not None and p not in pattern]
        if missing:
            problems.append(
                Problem(
                    "policy",
                    f"the address lacks {', '.join(missing)}: all pages would share it",
                    place.at("urls", name),
                )
            )
    problems += [
        Problem("policy", f"`{alias}` is a severity itself", place.at("aliases", alias).key(), "remove the alias")
        for alias in dict(policy.aliases)
        if alias.lower() in SEVERITIES
    ]
    problems += _ambiguous(policy, place)
    problems += _secrets(policy, place)
    problems += [
        Problem(
            "reserved-label",
            f"the compiler sets the label `{label}` itself",
            place.at("labels", label).key(),
            "use another name",
        )
        for label, _ in policy.labels
        if label in _RESERVED_LABELS
    ]
    if "severity" in policy.group_by:
        problems.append(
            Problem(
                "policy",
                "incidents can't be grouped by severity: an alert that gets worse would open a second one",
                place.at("group_by", policy.group_by.index("severity")),
                suggestion="remove it",
            )
        )
    problems += [
        Problem("policy", f"Alertmanager refuses a {name} of zero", place.at("alertmanager", name), "for example 1m")
        for name in ("group_interval", "repeat_interval")
        if not parse_duration(getattr(policy.alertmanager, name))
    ]
    for team in policy.teams:
        if team.fallback is not None and (team.fallback not in teams or team.fallback == team.key):
            problems.append(
                Problem(
                    "team-unknown",
                    f"no other team `{team.fallback}`",
                    team.place.at("fallback"),
                    did_you_mean(team.fallback, teams),
                )
            )
        problems += _channels(policy, team)
    problems += _windows(policy)
    return problems


def _secrets(policy: Policy, place: Place) -> list[Problem]:
    """Secrets themselves, where the outputs, which are committed, would show them.

    PagerDuty's newer routing keys are 32 capitals and digits, which the form of a name admits.
    """
    names = [(team.pagerduty_routing_key, team.place.at("pagerduty", "routing_key")) for team in policy.teams]
    problems = [
        Problem("secret-value", "not the name of a secret", where, "the name of a variable, never the secret itself")
        for name, where in names
        if name is not None and len(name) == 32 and name.isalnum() and not name.isalpha()
    ]
    router = place.at("router")
    addresses = [(policy.router.url, router.at("url"))]
    addresses += [
        (peer, router.at("clusters", cluster.name, "peers", index))
        for cluster in policy.router.clusters
        for index, peer in enumerate(cluster.peers)
    ]
    addresses += [(getattr(policy.urls, name) or "", place.at("urls", name)) for name in _PLACEHOLDERS]
    return problems + [
        Problem("secret-value", "an address with a user or password in it", where, "leave it out")
        for address, where in addresses
        if "@" in address.partition("://")[2].partition("/")[0]
    ]


def _ambiguous(policy: Policy, place: Place) -> list[Problem]:
    """Aliases that differ in case only, but not in what they stand for: the router ignores case."""
    problems = []
    first: dict[str, tuple[str, str]] = {}
    for alias, severity in policy.aliases:
        other, meaning = first.setdefault(alias.lower(), (alias, severity))
        if meaning != severity:
            problems.append(
                Problem(
                    "policy",
                    f"`{alias}` is {severity} and `{other}` is {meaning}, but the router ignores case",
                    place.at("aliases", alias).key(),
                    "let both stand for the same severity",
                )
            )
    return problems


def _channels(policy: Policy, team: Team) -> list[Problem]:
    has = {"pagerduty": team.pagerduty_routing_key, "slack": team.slack_channel, "email": team.email_to}
    missing = [s.name for s in policy.severities if not any(has[channel] for channel in s.channels)]
    if not missing:
        return []
    return [
        Problem(
            "team-unreachable",
            f"team `{team.key}` would hear nothing of {', '.join(missing)} alerts: it has none of their channels",
            team.place.key(),
            suggestion="add " + " or ".join(dict.fromkeys(c for n in missing for c in policy.severity(n).channels)),
        )
    ]


MOST_WINDOWS = 8
"""Each combination of windows that overlap needs a route of its own: 8 make up to 255 of them."""

SHORTEST_DEADLINE_MS = 180_000
"""The Watchdog's heartbeat comes every 60 to 75 s; a deadline has to forgive one that is lost, and one that is late."""


def _windows(policy: Policy) -> list[Problem]:
    problems = []
    seen: set[str] = set()
    if len(policy.maintenance) > MOST_WINDOWS:
        problems.append(
            Problem(
                "policy",
                f"more than {MOST_WINDOWS} maintenance windows",
                policy.place.at("maintenance", MOST_WINDOWS),
                "join windows that match the same alerts",
            )
        )
    for cluster in policy.router.clusters:
        if (parse_duration(cluster.watchdog_deadline) or 0) < SHORTEST_DEADLINE_MS:
            place = policy.place.at("router", "clusters", cluster.name, "watchdog_deadline")
            problems.append(
                Problem(
                    "policy",
                    "a deadline under 3m would page for a single heartbeat that is late",
                    place,
                    "3m or longer",
                )
            )
    for window in policy.maintenance:
        if window.name in seen:
            problems.append(Problem("policy", f"two windows are called `{window.name}`", window.place.at("name")))
        seen.add(window.name)
        if window.end <= window.start:
            problems.append(
                Problem(
                    "policy",
                    f"the window ends at {window.end}, not after its start at {window.start}",
                    window.place.at("times", "to"),
                    suggestion="a window over midnight is two windows: until 24:00, and from 00:00",
                )
            )
        for label, value in window.matchers:
            if label == "severity":
                problems.append(
                    Problem(
                        "policy",
                        "severities are chosen by `severities`, not by a matcher",
                        window.place.at("matchers", label).key(),
                    )
                )
            if label == "team" and policy.team(value) is None:
                problems.append(
                    Problem(
                        "team-unknown",
                        f"no team `{value}`",
                        window.place.at("matchers", label),
                        did_you_mean(value, [t.key for t in policy.teams]),
                    )
                )
    return problems
