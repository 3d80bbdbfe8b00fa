"""What the schema can't say about a policy. Pure."""

from __future__ import annotations

from rules_gen.diagnostics import Place, Problem
from rules_gen.model import (
    SEVERITIES,
    Policy,
    Team,
)
from rules_gen.promql import parse_duration
from rules_gen.source.reserved import RESERVED_LABELS
from rules_gen.source.suggest import did_you_mean

OLDEST = (2, 42)
"""The oldest Prometheus that is supported: Debian 12's."""

_PLACEHOLDERS = {
    "runbook": ("{team}", "{service}", "{alert}"),
    "dashboard": ("{uid}",),
    "query": ("{expr}",),
    "silence": ("{matchers}",),
}


def check_policy(policy: Policy, place: Place) -> list[Problem]:
    """All that contradicts itself, or would leave somebody untold."""
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
        if label in RESERVED_LABELS
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
    if policy.proof.mutation_score > 1:
        where = place.at("proof", "mutation_score")
        problems.append(Problem("policy", "a mutation score is at most 100%", where, 'write "100%"'))
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
    names += [(team.webhook_url, team.place.at("webhook", "url")) for team in policy.teams]
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
    has = {
        "pagerduty": team.pagerduty_routing_key,
        "slack": team.slack_channel,
        "email": team.email_to,
        "webhook": team.webhook_url,
    }
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


ROUTER_CLUSTER = "alert-router"
"""The router's own name for the source of what it has to say itself, such as a silent Watchdog."""

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
        if cluster.name == ROUTER_CLUSTER:
            place = policy.place.at("router", "clusters", cluster.name).key()
            problems.append(
                Problem(
                    "policy",
                    f"`{ROUTER_CLUSTER}` is the source of the router's own alerts",
                    place,
                    "give the cluster another name",
                )
            )
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
