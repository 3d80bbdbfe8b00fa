"""The state machine: what a webhook's alerts make of what is known. Pure.

An alert's episodes are told apart by its own times, never by when a webhook arrived: two peers of a cluster send the
same change, in any order, more than once, and late.

A firing whose start lies before the known end is either stale (a retry that was under way when the alert resolved) or
an alert that timed out during a partition between Prometheus and Alertmanager and came back with its old start. The two
look the same, so it is held until Alertmanager has been asked, and reopens when nobody can be asked.
"""

from __future__ import annotations

from typing import NamedTuple

from router.model import (
    SEVERITIES,
    Alert,
    AlertState,
    AlertStatus,
    Incident,
    IncidentCounts,
    Micros,
    Transition,
)
from router.routes import Flap
from router.routing import Resolved


class AlertChange(NamedTuple):
    """What became of an alert."""

    state: AlertState
    kind: str
    """fired, resolved, changed, repeated, restarted, held, reopened, dropped, stale_resolve, unknown_resolve or
    later_end.
    """


def apply_alert(
    known: AlertState | None, alert: Alert, resolved: Resolved, incident_id: str, at: Micros
) -> AlertChange:
    """Take in one alert of a webhook that arrived at `at`."""
    if known is None:
        return _first(alert, resolved, incident_id, at)
    if alert.firing:
        return _firing(known, alert, resolved, incident_id, at)
    return _resolve(known, alert, at)


def _first(alert: Alert, resolved: Resolved, incident_id: str, at: Micros) -> AlertChange:
    state = AlertState(
        cluster=alert.cluster,
        fingerprint=alert.fingerprint,
        incident_id=incident_id,
        status=AlertStatus.FIRING if alert.firing else AlertStatus.RESOLVED,
        episode=1 if alert.firing else 0,
        starts_at=alert.starts_at,
        ends_at=0 if alert.firing else max(alert.ends_at, alert.starts_at),
        severity=resolved.severity,
        team=resolved.team,
        notify=resolved.notify,
        labels=alert.labels,
        annotations=alert.annotations,
        generator_url=alert.generator_url,
        seen_at=at,
        held_at=0,
        suppressed=False,
    )
    return AlertChange(state, "fired" if alert.firing else "unknown_resolve")


def _firing(known: AlertState, alert: Alert, resolved: Resolved, incident_id: str, at: Micros) -> AlertChange:
    if known.status is AlertStatus.FIRING:
        same = (
            known.severity == resolved.severity
            and known.annotations == alert.annotations
            and known.team == resolved.team
            and known.notify == resolved.notify
        )
        # A start moves earlier when Alertmanager merges alerts, but never back into the episode before. One that moves
        # later tells of an end that has not been told: when that comes late, it must not close what fires now.
        later = alert.starts_at > known.starts_at
        ends_at = max(known.ends_at, alert.starts_at - 1) if later else known.ends_at
        state = known._replace(
            starts_at=max(alert.starts_at, ends_at + 1),
            ends_at=ends_at,
            severity=resolved.severity,
            team=resolved.team,
            notify=resolved.notify,
            annotations=alert.annotations,
            generator_url=alert.generator_url,
            seen_at=max(at, known.seen_at),
        )
        return AlertChange(state, "restarted" if later else "repeated" if same else "changed")
    fresh = known._replace(
        incident_id=incident_id,
        severity=resolved.severity,
        team=resolved.team,
        notify=resolved.notify,
        labels=alert.labels,
        annotations=alert.annotations,
        generator_url=alert.generator_url,
        seen_at=max(at, known.seen_at),
        suppressed=False,
    )
    if alert.starts_at > known.ends_at:
        state = fresh._replace(
            status=AlertStatus.FIRING, episode=known.episode + 1, starts_at=alert.starts_at, held_at=0
        )
        return AlertChange(state, "fired")
    held_at = known.held_at if known.status is AlertStatus.HELD else at
    return AlertChange(fresh._replace(status=AlertStatus.HELD, held_at=held_at), "held")


def _resolve(known: AlertState, alert: Alert, at: Micros) -> AlertChange:
    ends_at = max(alert.ends_at, alert.starts_at)
    if known.status is not AlertStatus.FIRING:
        # A resolve after what was held: the alert is over, whichever of the two it was.
        later = known._replace(
            status=AlertStatus.RESOLVED, ends_at=max(known.ends_at, ends_at), held_at=0, seen_at=max(at, known.seen_at)
        )
        return AlertChange(later, "later_end")
    if ends_at < known.starts_at:
        return AlertChange(known, "stale_resolve")
    return AlertChange(close(known, ends_at, at), "resolved")


def close(known: AlertState, ends_at: Micros, at: Micros) -> AlertState:
    """A firing alert, ended."""
    return known._replace(
        status=AlertStatus.RESOLVED,
        ends_at=max(ends_at, known.starts_at),
        held_at=0,
        seen_at=max(at, known.seen_at),
        suppressed=False,
    )


def reopen(held: AlertState, at: Micros) -> AlertState:
    """A held alert that does fire: a new episode, which starts after the end of the last.

    An end that still lies ahead was told by a clock that was wrong. By it the end of this episode would be a stale one.
    """
    ends_at = min(held.ends_at, at - 1)
    return held._replace(
        status=AlertStatus.FIRING,
        episode=held.episode + 1,
        starts_at=ends_at + 1,
        ends_at=ends_at,
        held_at=0,
        seen_at=at,
    )


def drop(held: AlertState) -> AlertState:
    """A held alert that was stale."""
    return held._replace(status=AlertStatus.RESOLVED, held_at=0)


# Incidents ------------------------------------------------------------------------------------------------------------


def new_incident(incident_id: str, cluster: str, group: dict[str, str]) -> Incident:
    """An incident that has never opened."""
    return Incident(
        id=incident_id,
        cluster=cluster,
        group=group,
        episode=0,
        open=False,
        severity=SEVERITIES[-1],
        worst=SEVERITIES[-1],
        counts=(),
        total=0,
        opened_at=0,
        closed_at=0,
        revision=0,
        summary="",
        reopened=(),
        flapping=False,
        escalated=False,
        fallback=False,
        storm_id="",
        received_at=0,
    )


class IncidentChange(NamedTuple):
    """What became of an incident."""

    incident: Incident
    kinds: tuple[str, ...]
    """opened, closed, severity, flapping; empty when only its counts moved."""


def _counted(state: AlertState | None) -> IncidentCounts | None:
    if state is None or state.status is not AlertStatus.FIRING or state.severity is None:
        return None
    return IncidentCounts(state.severity, state.team, state.notify, 1)


def _adjust(
    counts: tuple[IncidentCounts, ...], gone: IncidentCounts | None, come: IncidentCounts | None
) -> tuple[IncidentCounts, ...]:
    table = {entry[:3]: entry.firing for entry in counts}
    if come is not None:
        table[come[:3]] = table.get(come[:3], 0) + 1
    if gone is not None:
        table[gone[:3]] = table.get(gone[:3], 0) - 1
    rows = [IncidentCounts(*key, firing) for key, firing in table.items() if firing > 0]
    rows.sort(key=lambda entry: (SEVERITIES.index(entry.severity), entry.team, entry.notify))
    return tuple(rows)


def _worse(one: str, other: str) -> str:
    return min(one, other, key=SEVERITIES.index)


def apply_to_incident(
    incident: Incident, before: AlertState | None, after: AlertState, flap: Flap, at: Micros
) -> IncidentChange:
    """Take in what became of one of its alerts.

    Of one webhook, the alerts that fire have to come first: it is one picture of a group, and an incident of which one
    alert ends as another begins was never closed.
    """
    gone, come = _counted(before), _counted(after)
    if gone == come:
        if come is not None and before is not None and before.annotations != after.annotations:
            return IncidentChange(incident._replace(revision=incident.revision + 1), ())
        return IncidentChange(incident, ())
    counts = _adjust(incident.counts, gone, come)
    changed = incident._replace(counts=counts, revision=incident.revision + 1)
    if come is not None and gone is None:
        changed = changed._replace(total=changed.total + 1)
    kinds: list[str] = []
    if counts and not incident.open:
        changed = _open(changed, after, flap, at)
        kinds += ["opened", "flapping"] if changed.flapping else ["opened"]
    elif not counts and incident.open:
        closed_at = max(after.ends_at or at, changed.opened_at)
        changed = changed._replace(open=False, closed_at=closed_at)
        kinds.append("closed")
    if counts and counts[0].severity != changed.severity:
        changed = changed._replace(severity=counts[0].severity, worst=_worse(changed.worst, counts[0].severity))
        kinds.append("severity")
    return IncidentChange(changed, tuple(kinds))


def _open(incident: Incident, alert: AlertState, flap: Flap, at: Micros) -> Incident:
    severity = incident.counts[0].severity
    reopened = incident.reopened
    if incident.episode:
        reopened = (*(moment for moment in reopened if moment > at - flap.within), at)[-100:]
    return incident._replace(
        open=True,
        episode=incident.episode + 1,
        severity=severity,
        worst=severity,
        total=1,
        # What started before the end of the last episode is shown from there: episodes never overlap.
        opened_at=max(min(alert.starts_at, at), incident.closed_at),
        summary=(alert.annotations.get("summary") or alert.labels.get("alertname", ""))[:300],
        reopened=reopened,
        flapping=flap.enabled and len(reopened) >= flap.reopenings,
        escalated=False,
        fallback=False,
        storm_id="",
        received_at=at,
    )


def transition(at: Micros, incident: Incident, fingerprint: str, kind: str, detail: str = "") -> Transition:
    """A line of an incident's history."""
    return Transition(at, incident.id, fingerprint, incident.episode, kind, detail)
