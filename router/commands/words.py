"""What the store knows, in plain words and as plain data. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from router.messages.text import humanize, moment
from router.model import (
    SECOND,
    AlertState,
    AlertStatus,
    Attempt,
    Delivery,
    DestinationStatus,
    Incident,
    Micros,
    Mode,
    Quarantined,
    Shown,
    Status,
    Transition,
    View,
)
from router.planning import ATTEMPTS

KINDS = {
    "fired": "the alert fired",
    "resolved": "the alert ended",
    "held": "a firing with an old start is held: it is stale, or the alert is back from a partition",
    "reopened": "the alert that was held does fire",
    "dropped": "the firing that was held was stale",
    "stale_resolve": "a resolve of an earlier episode changed nothing",
    "unknown_resolve": "a resolve came for an alert that was never seen firing",
    "restarted": "it fires with a later start, so that an end and a beginning went by untold",
    "later_end": "another resolve came for an alert that had ended",
    "reconciled": "closed, since no Alertmanager has the alert any more",
    "suppressed": "Alertmanager silences or inhibits the alert",
    "unsuppressed": "Alertmanager doesn't silence or inhibit the alert any more",
    "opened": "the incident opened",
    "closed": "the incident closed",
    "severity": "the incident's severity changed",
    "flapping": "the incident reopens often: it is flapping",
    "folded": "folded into a storm: Slack and mail get one summary",
    "escalated": "unresolved for its response time: it counts as high",
    "fallback": "not delivered in time: the fallback is told as well",
    "superseded": "a newer state came before this was told",
    "taken_over": "a replica died while it told this, and nobody knows how far it got",
    "dead": "given up: a dead letter",
    "replayed": "a dead letter is tried again",
    "expired": "a dead letter was put aside",
}
"""What a Transition's kinds mean."""

REASONS = {
    "rate_limited": "too many messages there (rate limited)",
    "unreachable": "it can't be reached",
    "unavailable": "the provider is in trouble",
    "timeout": "no answer in time",
    "reset": "the connection broke",
    "bad_answer": "an answer that isn't the provider's",
    "bad_message": "the message was refused",
    "bad_credentials": "the credentials were refused",
    "no_such_destination": "there is no such destination",
    "misconfigured": "its secret or its configuration is missing",
    "bug": "a mistake of the router's",
}
"""What a notifier.Reason means."""


def time_of(at: Micros) -> str:
    """`2026-03-01 02:10:00.123`, in UTC."""
    return moment(at).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def rfc3339(at: Micros) -> str | None:
    """`2026-03-01T02:10:00.123456Z`; None for 0."""
    return moment(at).isoformat(timespec="microseconds").replace("+00:00", "Z") if at else None


def took(duration: Micros) -> str:
    """`85 ms`, `1.2 s`, `5 min`."""
    if duration < SECOND:
        return f"{max(duration, 0) // 1000} ms"
    return f"{duration / SECOND:.1f} s" if duration < 60 * SECOND else humanize(duration)


def failure(reason: str, detail: str) -> str:
    """Why a call failed; empty when none did."""
    words = REASONS.get(reason, reason)
    return f"{words}: {detail}" if words and detail else words


def view(shown: View) -> str:
    """What a destination shows, or should."""
    match shown.state:
        case Shown.NONE:
            return "nothing"
        case Shown.UNKNOWN:
            return f"maybe episode {shown.episode}, since a call's answer was lost"
        case Shown.FIRING:
            return f"episode {shown.episode} firing"
        case Shown.RESOLVED:
            return f"episode {shown.episode} resolved"


def standing(row: Delivery, now: Micros) -> str:
    """Where a delivery stands, and why."""
    why = failure(row.reason, row.detail)
    match row.status:
        case Status.SETTLED:
            done = "it was sent" if row.mode is Mode.NOTE else f"it shows {view(row.shown)}, as it should"
            if row.mode is not Mode.NOTE and row.shown.state is Shown.NONE:
                return "there was nothing to tell"
            return done + (f", since {time_of(row.shown_at)}" if row.shown_at else "")
        case Status.CLAIMED:
            return f"a call is under way by {row.owner}, to show {view(row.claim)}"
        case Status.DEAD:
            return f"dead letter: it shows {view(row.shown)} and should show {view(row.wanted)}; {why}".rstrip("; ")
        case Status.EXPIRED:
            return f"put aside as a dead letter; {why}".rstrip("; ")
        case Status.WAITING if row.mode is Mode.DIGEST:
            return "it waits for the next digest"
        case Status.WAITING:
            wait = f"in {took(row.next_at - now)}" if row.next_at > now else "now"
            text = f"it waits to show {view(row.wanted)}, due {wait}"
            return text + (f", after {row.attempts} of {ATTEMPTS} attempts; {why}" if why else "")


def told(row: Delivery, attempts: Iterable[Attempt], episode: int) -> Attempt | None:
    """The call by which a destination was first told of an episode."""
    wanted = (row.incident_id, row.destination, episode, "delivered")
    return next((a for a in attempts if (a.incident_id, a.destination, a.episode, a.outcome) == wanted), None)


def transition_words(line: Transition) -> str:
    """A line of the history."""
    text = KINDS.get(line.kind, line.kind)
    return f"{text} ({line.detail})" if line.detail else text


def attempt_words(line: Attempt) -> str:
    """A line of the ledger."""
    asked = f"{line.destination}: asked to show {line.action}, {line.outcome} after {took(line.took)}"
    why = failure(line.reason, line.detail) if line.reason else line.detail
    return asked + (f" ({line.provider_id})" if line.provider_id else "") + (f"; {why}" if why else "")


def alert_words(alert: AlertState) -> str:
    """What is known of an alert."""
    text = f"ended at {time_of(alert.ends_at)}"
    if alert.status is AlertStatus.FIRING:
        text = f"fires since {time_of(alert.starts_at)}"
    elif alert.status is AlertStatus.HELD:
        text = f"is held since {time_of(alert.held_at)}, {text} before"
    severity = f"severity {alert.severity}" if alert.severity else "a severity that is recorded only"
    notify = f" and {alert.notify}" if alert.notify else ""
    silenced = ", silenced or inhibited in Alertmanager" if alert.suppressed else ""
    return f"{text} (episode {alert.episode}, {severity}, team {alert.team}{notify}{silenced})"


def incident_words(incident: Incident) -> str:
    """What is known of an incident."""
    if not incident.episode:
        return "it never opened"
    if incident.open:
        text = f"open since {time_of(incident.opened_at)}, {incident.severity}, firing alerts: {incident.firing}"
    else:
        lasted = humanize(incident.closed_at - incident.opened_at)
        text = f"closed at {time_of(incident.closed_at)} after {lasted}, {incident.worst} at its worst"
    marks = [name for name in ("flapping", "escalated", "fallback") if getattr(incident, name)]
    marks += [f"folded into the storm {incident.storm_id}"] if incident.storm_id else []
    return ", ".join([f"episode {incident.episode} {text}", *marks])


# As data --------------------------------------------------------------------------------------------------------------


def alert_data(alert: AlertState) -> dict[str, Any]:
    """Times as RFC 3339, None for those that aren't known."""
    times = {name: rfc3339(getattr(alert, name)) for name in ("starts_at", "ends_at", "seen_at", "held_at")}
    plain = {"labels": dict(alert.labels), "annotations": dict(alert.annotations), "status": alert.status.value}
    return alert._asdict() | times | plain


def incident_data(incident: Incident) -> dict[str, Any]:
    """As `alert_data`."""
    return incident._asdict() | {
        "group": dict(incident.group),
        "counts": [entry._asdict() for entry in incident.counts],
        "opened_at": rfc3339(incident.opened_at),
        "closed_at": rfc3339(incident.closed_at),
        "received_at": rfc3339(incident.received_at),
        "reopened": [rfc3339(at) for at in incident.reopened],
    }


def delivery_data(row: Delivery, now: Micros) -> dict[str, Any]:
    """As `alert_data`, with `standing` in words."""
    names = ("next_at", "since", "shown_at", "repeat_at", "received_at")
    views = {name: _view_data(getattr(row, name)) for name in ("wanted", "shown", "claim")}
    plain = {"mode": row.mode.value, "status": row.status.value, "parts": dict(row.parts)}
    times = {name: rfc3339(getattr(row, name)) for name in names}
    return row._asdict() | times | views | plain | {"standing": standing(row, now)}


def _view_data(shown: View) -> dict[str, Any]:
    return {"episode": shown.episode, "state": shown.state.value, "content": shown.content}


def transition_data(line: Transition) -> dict[str, Any]:
    """As `alert_data`."""
    return {"type": "transition", **line._asdict(), "at": rfc3339(line.at), "words": transition_words(line)}


def attempt_data(line: Attempt) -> dict[str, Any]:
    """As `alert_data`; `took` is in seconds."""
    plain = {"at": rfc3339(line.at), "took": line.took / SECOND, "words": attempt_words(line)}
    return {"type": "attempt", **line._asdict(), **plain}


def status_data(status: DestinationStatus) -> dict[str, Any]:
    """As `alert_data`."""
    return status._asdict() | {"since": rfc3339(status.since), "until": rfc3339(status.until)}


def quarantined_data(row: Quarantined) -> dict[str, Any]:
    """As `alert_data`; what isn't UTF-8 in the body becomes U+FFFD."""
    return row._asdict() | {"received_at": rfc3339(row.received_at), "body": row.body.decode("utf-8", "replace")}
