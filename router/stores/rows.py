"""Values to rows and back, a pair of functions for each kind: `X_row` and `X_of`. Pure."""
# ruff: noqa: D103  The pairs need no more words than that.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.model import (
    SEVERITIES,
    SEVERITY_RANK,
    AlertState,
    AlertStatus,
    Attempt,
    Delivery,
    DestinationStatus,
    InboxRow,
    Incident,
    IncidentCounts,
    Mode,
    Quarantined,
    Replica,
    Shown,
    Status,
    Transition,
    View,
)
from router.stores.encoding import free, of_json, text, to_json

Row = tuple[Any, ...]

_NO_RANK = len(SEVERITIES)

# A dictionary takes half of what calling the enumeration costs, and a delivery has five of them.
_ALERT_STATUS = {status.value: status for status in AlertStatus}
_SHOWN = {state.value: state for state in Shown}
_STATUS = {status.value: status for status in Status}
_MODE = {mode.value: mode for mode in Mode}


def inbox_row(value: InboxRow) -> Row:
    return (value.id, text(value.cluster), value.received_at, text(value.request_id), text(value.owner), value.body)


def inbox_of(row: Sequence[Any]) -> InboxRow:
    key, cluster, received_at, request_id, owner, body = row
    return InboxRow(key, free(cluster), received_at, free(request_id), free(owner), bytes(body))


def quarantined_row(value: Quarantined) -> Row:
    return (value.id, text(value.cluster), value.received_at, text(value.reason), value.size, value.body)


def quarantined_of(row: Sequence[Any]) -> Quarantined:
    key, cluster, received_at, reason, size, body = row
    return Quarantined(key, free(cluster), received_at, free(reason), size, bytes(body))


def alert_row(value: AlertState) -> Row:
    """With `severity_rank`: 0 is the worst; record only comes last."""
    return (
        text(value.fingerprint),
        text(value.cluster),
        value.incident_id,
        value.status.value,
        value.episode,
        value.starts_at,
        value.ends_at,
        value.severity,
        text(value.team),
        text(value.notify),
        to_json(value.labels),
        to_json(value.annotations),
        text(value.generator_url),
        value.seen_at,
        value.held_at,
        1 if value.suppressed else 0,
        _NO_RANK if value.severity is None else SEVERITY_RANK[value.severity],
    )


def alert_of(row: Sequence[Any]) -> AlertState:
    return AlertState(
        free(row[1]),
        free(row[0]),
        row[2],
        _ALERT_STATUS[row[3]],
        row[4],
        row[5],
        row[6],
        row[7],
        free(row[8]),
        free(row[9]),
        of_json(row[10]),
        of_json(row[11]),
        free(row[12]),
        row[13],
        row[14],
        row[15] == 1,
    )


def incident_row(value: Incident) -> Row:
    """With `team`: the worst hit, for counting new incidents; empty when nothing tells it."""
    return (
        value.id,
        text(value.cluster),
        to_json(value.group),
        value.episode,
        1 if value.open else 0,
        value.severity,
        value.worst,
        to_json([tuple(entry) for entry in value.counts]),
        value.total,
        value.opened_at,
        value.closed_at,
        value.revision,
        text(value.summary),
        to_json(value.reopened),
        1 if value.flapping else 0,
        1 if value.escalated else 0,
        1 if value.fallback else 0,
        value.storm_id,
        value.received_at,
        text(value.counts[0].team if value.counts else value.group.get("team", "")),
    )


def incident_of(row: Sequence[Any]) -> Incident:
    return Incident(
        row[0],
        free(row[1]),
        of_json(row[2]),
        row[3],
        row[4] == 1,
        row[5],
        row[6],
        tuple(IncidentCounts(*entry) for entry in of_json(row[7])),
        row[8],
        row[9],
        row[10],
        row[11],
        free(row[12]),
        tuple(of_json(row[13])),
        row[14] == 1,
        row[15] == 1,
        row[16] == 1,
        row[17],
        row[18],
    )


def delivery_row(value: Delivery) -> Row:
    """With `due_at`: when it is to be sent by the clock alone; 0 when it is not."""
    due_at = 0
    if value.status is Status.WAITING:
        if value.mode is not Mode.DIGEST:
            due_at = max(value.next_at, 1)
    elif value.status is Status.SETTLED:
        due_at = max(value.repeat_at, 0)
    wanted, shown, claim = value.wanted, value.shown, value.claim
    return (
        value.incident_id,
        text(value.destination),
        value.mode.value,
        text(value.team),
        1 if value.urgent else 0,
        value.via,
        wanted.episode,
        wanted.state.value,
        wanted.content,
        shown.episode,
        shown.state.value,
        shown.content,
        claim.episode,
        claim.state.value,
        claim.content,
        text(value.owner),
        value.status.value,
        value.attempts,
        value.next_at,
        value.since,
        value.shown_at,
        value.repeat_at,
        1 if value.plain else 0,
        text(value.reason),
        text(value.detail),
        to_json(value.parts),
        text(value.payload),
        value.received_at,
        due_at,
    )


def delivery_of(row: Sequence[Any]) -> Delivery:
    return Delivery(
        row[0],
        free(row[1]),
        _MODE[row[2]],
        free(row[3]),
        row[4] == 1,
        row[5],
        View(row[6], _SHOWN[row[7]], row[8]),
        View(row[9], _SHOWN[row[10]], row[11]),
        View(row[12], _SHOWN[row[13]], row[14]),
        free(row[15]),
        _STATUS[row[16]],
        row[17],
        row[18],
        row[19],
        row[20],
        row[21],
        row[22] == 1,
        free(row[23]),
        free(row[24]),
        of_json(row[25]),
        free(row[26]),
        row[27],
    )


def transition_row(value: Transition) -> Row:
    at, incident_id, fingerprint, episode, kind, detail = value
    return (at, incident_id, text(fingerprint), episode, text(kind), text(detail))


def transition_of(row: Sequence[Any]) -> Transition:
    at, incident_id, fingerprint, episode, kind, detail = row
    return Transition(at, incident_id, free(fingerprint), episode, free(kind), free(detail))


def attempt_row(value: Attempt) -> Row:
    at, incident_id, destination, episode, action, outcome, reason, detail, provider_id, took = value
    return (
        at,
        incident_id,
        text(destination),
        episode,
        text(action),
        text(outcome),
        text(reason),
        text(detail),
        text(provider_id),
        took,
    )


def attempt_of(row: Sequence[Any]) -> Attempt:
    at, incident_id, destination, episode, action, outcome, reason, detail, provider_id, took = row
    return Attempt(
        at,
        incident_id,
        free(destination),
        episode,
        free(action),
        free(outcome),
        free(reason),
        free(detail),
        free(provider_id),
        took,
    )


def replica_row(value: Replica) -> Row:
    return (text(value.id), value.started_at, value.heartbeat_at, text(value.version))


def replica_of(row: Sequence[Any]) -> Replica:
    return Replica(free(row[0]), row[1], row[2], free(row[3]))


def destination_row(value: DestinationStatus) -> Row:
    return (
        text(value.destination),
        text(value.state),
        text(value.reason),
        text(value.detail),
        value.since,
        value.until,
    )


def destination_of(row: Sequence[Any]) -> DestinationStatus:
    return DestinationStatus(free(row[0]), free(row[1]), free(row[2]), free(row[3]), row[4], row[5])
