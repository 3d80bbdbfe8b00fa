"""Alerts, incidents and deliveries as the store keeps them, for tests of decisions about them."""

from __future__ import annotations

from typing import Any

from router.model import (
    HOUR,
    MINUTE,
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

NOW = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, a Thursday."""


def alert_state(fingerprint: str = "f1", **changes: Any) -> AlertState:
    values: dict[str, Any] = {
        "cluster": "main",
        "fingerprint": fingerprint,
        "incident_id": "i1",
        "status": AlertStatus.FIRING,
        "episode": 1,
        "starts_at": NOW - 2 * HOUR,
        "ends_at": 0,
        "severity": "medium",
        "team": "payments",
        "notify": "",
        "labels": {"alertname": "Slow"},
        "annotations": {},
        "generator_url": "",
        "seen_at": NOW - HOUR,
        "held_at": 0,
        "suppressed": False,
    }
    return AlertState(**{**values, **changes})


def incident(known: str = "i1", **changes: Any) -> Incident:
    values: dict[str, Any] = {
        "id": known,
        "cluster": "main",
        "group": {"team": "payments", "service": "checkout", "alertname": "Slow"},
        "episode": 1,
        "open": True,
        "severity": "medium",
        "worst": "medium",
        "counts": (IncidentCounts("medium", "payments", "", 1),),
        "total": 1,
        "opened_at": NOW - 2 * HOUR,
        "closed_at": 0,
        "revision": 1,
        "summary": "Checkout is slow",
        "reopened": (),
        "flapping": False,
        "escalated": False,
        "fallback": False,
        "storm_id": "",
        "received_at": NOW - 2 * HOUR,
    }
    return Incident(**{**values, **changes})


def delivery(incident_id: str = "i1", destination: str = "pagerduty:PAYMENTS_KEY", **changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "incident_id": incident_id,
        "destination": destination,
        "mode": Mode.NOW,
        "team": "payments",
        "urgent": True,
        "via": "route",
        "wanted": View(1, Shown.FIRING, 0),
        "shown": NOTHING,
        "claim": NOTHING,
        "owner": "",
        "status": Status.WAITING,
        "attempts": 0,
        "next_at": NOW,
        "since": NOW - 2 * MINUTE,
        "shown_at": 0,
        "repeat_at": 0,
        "plain": False,
        "reason": "",
        "detail": "",
        "parts": {},
        "payload": "",
        "received_at": NOW - 2 * MINUTE,
    }
    return Delivery(**{**values, **changes})
