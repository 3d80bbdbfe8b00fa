"""A small world for tests of the router's core: routes, alerts, and a provider that remembers what it was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.model import HOUR, INTERNAL_CLUSTER, MINUTE, SECOND, Alert, Destination, Micros, Shown, View, incident_id
from router.notifier import Traits
from router.routes import Cluster, Digest, Flap, Routes, SeverityRoute, Storm, Team

TRAITS: Mapping[str, Traits] = {
    "pagerduty": Traits("severity", tells_the_past=False, repeats=True, folds=False, concurrency=4, per_minute=0),
    "slack": Traits("revision", tells_the_past=True, repeats=False, folds=True, concurrency=1, per_minute=0),
    "email": Traits(
        "severity", tells_the_past=True, repeats=False, folds=True, concurrency=2, per_minute=0, idempotent=False
    ),
}

PAYMENTS_PAGERDUTY = "pagerduty:PAYMENTS_KEY"
PAYMENTS_SLACK = "slack:SLACK_TOKEN/#payments"
PAYMENTS_EMAIL = "email:payments@example.com"
PLATFORM_PAGERDUTY = "pagerduty:PLATFORM_KEY"
PLATFORM_SLACK = "slack:SLACK_TOKEN/#platform"


def team(key: str, *, fallback: str = "", escalate: bool = False) -> Team:
    destinations = {
        "pagerduty": (Destination("pagerduty", f"{key.upper()}_KEY", ""),),
        "slack": (Destination("slack", "SLACK_TOKEN", f"#{key}"),),
        "email": (Destination("email", "", f"{key}@example.com"),),
    }
    return Team(key, key.title(), destinations, fallback, escalate)


def routes(**changes: object) -> Routes:
    values: dict[str, object] = {
        "default_team": "platform",
        "group_by": ("team", "service", "alertname"),
        "severities": {
            "critical": SeverityRoute("at once", 0, ("pagerduty",)),
            "high": SeverityRoute("15m", 15 * MINUTE, ("pagerduty", "slack")),
            "medium": SeverityRoute("1h", HOUR, ("slack",)),
            "low": SeverityRoute("next business day", -1, ("email",)),
        },
        "aliases": {"p1": "critical", "warning": "medium", "info": "none", "none": "none"},
        "teams": {
            "payments": team("payments", fallback="platform", escalate=True),
            "platform": team("platform", fallback="payments"),
        },
        "repeat_interval": 4 * HOUR,
        "fallback_after": MINUTE,
        "digest": Digest("09:00", (0, 1, 2, 3, 4), "UTC"),
        "storm": Storm(enabled=False, incidents_per_minute=30),
        "flap": Flap(enabled=True, reopenings=4, within=HOUR),
        "clusters": {"main": Cluster("main", ("http://127.0.0.1:9093",), 5 * MINUTE)},
        "maintenance": (),
    }
    values.update(changes)
    return Routes(**values)  # type: ignore[arg-type]


def alert(
    name: str = "Down",
    *,
    firing: bool = True,
    at: Micros = 1_000 * SECOND,
    ended: Micros = 0,
    instance: str = "a",
    severity: str | None = "critical",
    cluster: str = "main",
    **labels: str,
) -> Alert:
    """An alert of payments' checkout. `at`: when it started; `ended`: when it resolved."""
    found = {"alertname": name, "team": "payments", "service": "checkout", "instance": instance, **labels}
    if severity is not None:
        found["severity"] = severity
    found = {key: value for key, value in found.items() if value != ""}
    fingerprint = "/".join(f"{key}={value}" for key, value in sorted(found.items()))
    annotations = {"summary": f"{name} on {instance}", "runbook_url": "https://runbooks.example.com/down"}
    return Alert(cluster, fingerprint, firing, at, ended, found, annotations, "http://prometheus.example.com/graph")


def incident_of(made: Alert, by: tuple[str, ...] = ("team", "service", "alertname")) -> str:
    return incident_id(made.cluster, {name: made.labels.get(name, "") for name in by})


@dataclass
class Provider:
    """What one destination was told: PagerDuty's rules for pages, the last state for everything else."""

    pages: bool
    open: dict[str, int] = field(default_factory=dict)
    """What shows as firing, with its episode."""
    opened: list[tuple[str, int]] = field(default_factory=list)
    told: list[tuple[str, int, str]] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)

    def call(self, incident: str, view: View) -> None:
        self.told.append((incident, view.episode, view.state.value))
        if view.state is Shown.FIRING:
            if incident not in self.open:
                self.opened.append((incident, view.episode))
            elif self.open[incident] != view.episode and self.pages:
                self.mistakes.append(f"episode {view.episode} was swallowed by the open page of {self.open[incident]}")
            self.open[incident] = view.episode
        else:
            if (incident, view.episode) not in self.opened and self.pages and incident in self.open:
                self.mistakes.append(f"episode {view.episode} resolved before it was triggered")
            self.open.pop(incident, None)


__all__ = [
    "INTERNAL_CLUSTER",
    "PAYMENTS_EMAIL",
    "PAYMENTS_PAGERDUTY",
    "PAYMENTS_SLACK",
    "PLATFORM_PAGERDUTY",
    "PLATFORM_SLACK",
    "TRAITS",
    "Provider",
    "alert",
    "incident_of",
    "routes",
    "team",
]
