"""Example messages: what a template is checked with, and what `preview` shows when no alert is given. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from router.messages.message import Look, Message, Note, build_message
from router.model import (
    MINUTE,
    NOTHING,
    AlertState,
    AlertStatus,
    Delivery,
    Incident,
    IncidentCounts,
    Mode,
    Shown,
    Snapshot,
    Status,
    View,
    incident_id,
)

OPENED = 1_772_331_000_000_000
"""2026-03-01 02:10 UTC: previews are the same each time."""

LABELS = {"alertname": "ExampleAlert", "service": "example-service", "instance": "example-1:9100"}
ANNOTATIONS = {
    "summary": "Example: one request in ten fails",
    "description": "Over the last five minutes 10.2% of the requests to example-1 were answered with an error.",
    "impact": "Customers see an error page and try again.",
    "action": "Look for a rollout in the last half hour and undo it.",
    "runbook_url": "https://runbooks.example.com/example-service/ExampleAlert",
    "dashboard_url": "https://grafana.example.com/d/example-service",
}
NOTE = Note(
    "digest",
    "1 opened, 1 is still open, 1 resolved",
    "Low alerts of the team Platform.",
    "low",
    (
        ("Opened", ("CertificateExpiresSoon · www.example.com: 12 d left, open for 3 h",)),
        ("Still open", ("DiskFillsSlowly · db-2: full in 9 d, open for 2 d 4 h",)),
        ("Resolved", ("BackupLate · orders: lasted 1 h 5 min",)),
    ),
    (),
)


def sample_incident(
    *,
    severity: str = "critical",
    team: str = "platform",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    group_by: tuple[str, ...] = ("team", "service", "alertname"),
) -> Snapshot:
    """An incident of one alert, open since OPENED. Labels and annotations come on top of the example's."""
    all_labels = LABELS | {"severity": severity, "team": team} | dict(labels or {})
    all_annotations = ANNOTATIONS | dict(annotations or {})
    group = {name: all_labels.get(name, "") for name in group_by}
    own_id = incident_id("example", group)
    alert = AlertState(
        cluster="example",
        fingerprint="0000000000000000",
        incident_id=own_id,
        status=AlertStatus.FIRING,
        episode=1,
        starts_at=OPENED,
        ends_at=0,
        severity=severity,
        team=team,
        notify="",
        labels=all_labels,
        annotations=all_annotations,
        generator_url="",
        seen_at=OPENED,
        held_at=0,
        suppressed=False,
    )
    incident = Incident(
        id=own_id,
        cluster="example",
        group=group,
        episode=1,
        open=True,
        severity=severity,
        worst=severity,
        counts=(IncidentCounts(severity, team, "", 1),),
        total=1,
        opened_at=OPENED,
        closed_at=0,
        revision=1,
        summary=all_annotations["summary"],
        reopened=(),
        flapping=False,
        escalated=False,
        fallback=False,
        storm_id="",
        received_at=OPENED,
    )
    return Snapshot(incident, (alert,))


def resolved(snapshot: Snapshot) -> Snapshot:
    """The same incident 15 minutes later, over."""
    end = OPENED + 15 * MINUTE
    alerts = tuple(alert._replace(status=AlertStatus.RESOLVED, ends_at=end) for alert in snapshot.alerts)
    return Snapshot(snapshot.incident._replace(open=False, closed_at=end, counts=(), revision=2), alerts)


def sample_delivery(snapshot: Snapshot, destination: str, team: str, state: Shown) -> Delivery:
    """A delivery of that incident that is about to be made."""
    step = View(snapshot.incident.episode, state, 0)
    return Delivery(
        incident_id=snapshot.incident.id,
        destination=destination,
        mode=Mode.NOW,
        team=team,
        urgent=False,
        via="route",
        wanted=step,
        shown=NOTHING,
        claim=step,
        owner="preview",
        status=Status.CLAIMED,
        attempts=0,
        next_at=0,
        since=OPENED,
        shown_at=0,
        repeat_at=0,
        plain=False,
        reason="",
        detail="",
        parts={},
        payload="",
        received_at=OPENED,
    )


def template_samples(name: str) -> list[object]:
    """The messages with which a template of that name is tried: incidents that are open, over and bare, or notes."""
    if "note" in name:
        return [NOTE, Note("missed", "Title", "", "", (), ())]
    look = Look({"platform": "Platform"}, {"critical": "at once"}, "https://silence.example.com/{matchers}")
    snapshot = sample_incident()
    found: list[object] = []
    for state, given in ((Shown.FIRING, snapshot), (Shown.RESOLVED, resolved(snapshot))):
        delivery = sample_delivery(given, "email:oncall@example.com", "platform", state)
        message = build_message(given, delivery.claim, delivery, look)
        found += [message, bare(message)]
    return found


def bare(message: Message) -> Message:
    """The message of an alert without annotations, whose times aren't known."""
    return message._replace(
        description="", impact="", action="", opened_at=0, closed_at=0, alerts=(), labels=(), links=(), response=""
    )


def extra_values(name: str) -> dict[str, object]:
    """What a template of that name is given beside the message and the team."""
    return {"change": "Resolved after 15 min."} if name.startswith("slack_") else {}
