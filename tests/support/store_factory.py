"""The stores that tests run on, and values to keep in them."""

from __future__ import annotations

from typing import Any

import pytest

from router.model import (
    NOTHING,
    AlertState,
    AlertStatus,
    Delivery,
    Incident,
    IncidentCounts,
    Mode,
    Shown,
    Status,
    View,
)

STORES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.full)]
"""For `@pytest.mark.parametrize` and fixtures: PostgreSQL only in the full tier."""

WANTED = View(1, Shown.FIRING, 7)


def an_alert(fingerprint: str = "f1", **changes: Any) -> AlertState:
    """An alert that fires."""
    return AlertState(
        cluster="main",
        fingerprint=fingerprint,
        incident_id="i1",
        status=AlertStatus.FIRING,
        episode=1,
        starts_at=100,
        ends_at=0,
        severity="critical",
        team="payments",
        notify="",
        labels={"alertname": "DiskFull", "instance": fingerprint},
        annotations={"summary": "The disk is full"},
        generator_url="http://prometheus.example/graph",
        seen_at=110,
        held_at=0,
        suppressed=False,
    )._replace(**changes)


def an_incident(key: str = "i1", **changes: Any) -> Incident:
    """An incident that is open."""
    return Incident(
        id=key,
        cluster="main",
        group={"alertname": "DiskFull"},
        episode=1,
        open=True,
        severity="critical",
        worst="critical",
        counts=(IncidentCounts("critical", "payments", "", 1),),
        total=1,
        opened_at=100,
        closed_at=0,
        revision=1,
        summary="The disk is full",
        reopened=(100,),
        flapping=False,
        escalated=False,
        fallback=False,
        storm_id="",
        received_at=110,
    )._replace(**changes)


def a_delivery(key: str = "i1", destination: str = "pagerduty:KEY", **changes: Any) -> Delivery:
    """A delivery that waits to be sent."""
    return Delivery(
        incident_id=key,
        destination=destination,
        mode=Mode.NOW,
        team="payments",
        urgent=True,
        via="route",
        wanted=WANTED,
        shown=NOTHING,
        claim=NOTHING,
        owner="",
        status=Status.WAITING,
        attempts=0,
        next_at=100,
        since=100,
        shown_at=0,
        repeat_at=0,
        plain=False,
        reason="",
        detail="",
        parts={},
        payload="",
        received_at=110,
    )._replace(**changes)


def settled(delivery: Delivery, **changes: Any) -> Delivery:
    """The same once it shows what it should."""
    return delivery._replace(shown=delivery.wanted, status=Status.SETTLED, since=0, shown_at=120)._replace(**changes)
