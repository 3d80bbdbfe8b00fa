"""An incident of the example catalogue, for tests of what messages look like."""

from __future__ import annotations

from typing import Any

from router.messages.message import Look
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
)

OPENED = 1_772_331_000_000_000
"""2026-03-01 02:10 UTC."""

LOOK = Look(
    teams={"payments": "Payments", "platform": "Platform"},
    responses={"critical": "at once", "high": "15m", "medium": "1h", "low": "next business day"},
    silence_url="https://alerts.example.com/#/silences/new?filter={matchers}",
    external_url="https://router.example.com/",
)

FIRING = View(2, Shown.FIRING, 1)
RESOLVED = View(2, Shown.RESOLVED, 1)

INCIDENT = Incident(
    id="0123456789abcdef0123456789abcdef",
    cluster="main",
    group={"alertname": "CheckoutErrorRate", "service": "checkout-api", "team": "payments"},
    episode=2,
    open=True,
    severity="high",
    worst="high",
    counts=(IncidentCounts("high", "payments", "", 1),),
    total=1,
    opened_at=OPENED,
    closed_at=0,
    revision=3,
    summary="Checkout answers 7.3% of requests with an error",
    reopened=(),
    flapping=False,
    escalated=False,
    fallback=False,
    storm_id="",
    received_at=OPENED,
)

ALERT = AlertState(
    cluster="main",
    fingerprint="00112233445566aa",
    incident_id=INCIDENT.id,
    status=AlertStatus.FIRING,
    episode=1,
    starts_at=OPENED,
    ends_at=0,
    severity="high",
    team="payments",
    notify="",
    labels={
        "alertname": "CheckoutErrorRate",
        "bypass_router": "true",
        "instance": "a:80",
        "job": "checkout",
        "service": "checkout-api",
        "severity": "high",
        "team": "payments",
    },
    annotations={
        "summary": "Checkout answers 7.3% of requests with an error",
        "description": "Over the last five minutes checkout has answered 7.3% of its requests with an error.",
        "impact": "This share of orders fails at the payment.",
        "action": "Undo any rollout of the last half hour.",
        "runbook_url": "https://runbooks.example.com/payments/checkout-api/CheckoutErrorRate",
        "dashboard_url": "https://grafana.example.com/d/payments_checkout-api",
    },
    generator_url="http://prometheus.example.com/graph?g0.expr=up",
    seen_at=OPENED,
    held_at=0,
    suppressed=False,
)

DELIVERY = Delivery(
    incident_id=INCIDENT.id,
    destination="email:oncall@example.com",
    mode=Mode.NOW,
    team="payments",
    urgent=True,
    via="route",
    wanted=FIRING,
    shown=NOTHING,
    claim=FIRING,
    owner="replica",
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
    received_at=OPENED + MINUTE,
)


def snapshot(*alerts: AlertState, firing: int = 1, **changes: Any) -> Snapshot:
    """The incident with these changes, and its alerts: one unless some are given."""
    counts = tuple(entry._replace(firing=firing) for entry in INCIDENT.counts)
    return Snapshot(INCIDENT._replace(**({"counts": counts} | changes)), alerts or (ALERT,))
