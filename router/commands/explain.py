"""`alert-router explain`: why was I, or wasn't I, paged?"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from router.commands import words
from router.commands.console import CommandError, say, say_json
from router.commands.setup import Setup, opened_store, routes_file, setup
from router.messages.text import clean, one_line
from router.model import (
    AlertState,
    AlertStatus,
    Attempt,
    Delivery,
    DestinationStatus,
    Incident,
    Micros,
    Mode,
    Transition,
)
from router.routing import destinations, team_severities

if TYPE_CHECKING:
    import argparse

    from router.routes import Routes
    from router.store import Transaction

_LOOKED_THROUGH = 20_000
"""Open incidents and dead letters that are looked through for the first digits of an id."""

_LINE_CHARACTERS = 4_000

_PREFIX = re.compile("[0-9a-f]{8,31}")


class Case(NamedTuple):
    """An incident, or a note, with all that is known of it."""

    id: str
    incident: Incident | None
    """None for a note, and for alerts that never opened one, such as those that are recorded only."""
    alerts: tuple[AlertState, ...]
    """Those that were asked for, or the first of the incident's."""
    deliveries: tuple[Delivery, ...]
    """The incident's, and those of lines about it."""
    history: tuple[Transition | Attempt, ...]
    """In time order."""
    cut: bool
    """Whether there may be older lines."""


class Found(NamedTuple):
    """All that was found, and what it is read with."""

    cases: tuple[Case, ...]
    statuses: Mapping[str, DestinationStatus]
    now: Micros
    routes: Routes | None
    """None when they can't be read here; then it isn't told where a severity would go."""


def run(arguments: argparse.Namespace) -> int:
    """Prints what is known. Exit code 1 when nothing is."""
    given = setup(arguments)
    with opened_store(given) as store, store.begin() as tx:
        cases = look_up(tx, arguments.subject.strip(), arguments.limit)
        statuses = {status.destination: status for status in tx.destinations() if status.state != "ok"}
    if not cases:
        raise CommandError(_unknown(arguments.subject, given))
    file = routes_file(given.settings)
    found = Found(cases, statuses, time.time_ns() // 1000, None if file.problems else file.routes)
    if arguments.format == "json":
        say_json([_document(case, found) for case in cases])
    else:
        say("\n\n".join(_text(case, found) for case in cases))
    return 0


def look_up(tx: Transaction, subject: str, limit: int) -> tuple[Case, ...]:
    """The cases of a fingerprint, an incident's or a note's id, or an incident's first digits.

    CommandError when the digits are those of several incidents.
    """
    alerts = tx.find_alerts(subject)
    if alerts:
        ids = dict.fromkeys(alert.incident_id for alert in alerts)
        return tuple(_case(tx, known, [a for a in alerts if a.incident_id == known], limit) for known in ids)
    if tx.incidents([subject]) or tx.deliveries([subject]):
        return (_case(tx, subject, (), limit),)
    if not _PREFIX.fullmatch(subject.lower()):
        return ()
    incidents = {incident.id for incident in tx.open_incidents(_LOOKED_THROUGH)}
    incidents |= {row.incident_id for row in tx.dead_letters(["dead", "expired"], _LOOKED_THROUGH)}
    near = sorted(known for known in incidents if known.startswith(subject.lower()))
    if len(near) > 1:
        raise CommandError(f"{len(near)} incidents begin with {subject}: {', '.join(near[:5])}")
    return (_case(tx, near[0], (), limit),) if near else ()


def _case(tx: Transaction, known: str, alerts: Sequence[AlertState], limit: int) -> Case:
    incident = tx.incidents([known]).get(known)
    ids = [known]
    if incident is not None:
        # Lines about episodes that were over before they could be told, see notes.py.
        ids += [f"missed-{known}-{episode}" for episode in range(max(incident.episode - 4, 1), incident.episode + 1)]
    deliveries = tx.deliveries(ids)
    rows = tuple(row for one in ids for row in deliveries.get(one, ()))
    transitions, attempts = tx.history(known, limit)
    cut = limit in (len(transitions), len(attempts))
    for note in ids[1:]:
        if note in deliveries:
            attempts += tx.history(note, limit)[1]
    if alerts:
        asked = {"", *(alert.fingerprint for alert in alerts)}
        transitions = [line for line in transitions if line.fingerprint in asked]
    elif incident is not None:
        snapshot = tx.snapshots([known]).get(known)
        alerts = snapshot.alerts if snapshot is not None else ()
    history: list[Transition | Attempt] = [*transitions, *attempts]
    history.sort(key=lambda line: line.at)
    return Case(known, incident, tuple(alerts), rows, tuple(history), cut)


def in_short(case: Case, found: Found) -> list[str]:
    """The answers, one for each destination; the reason when there is none."""
    incident = case.incident
    attempts = [line for line in case.history if isinstance(line, Attempt)]
    lines = []
    for row in case.deliveries:
        episode = row.wanted.episode if incident is None or row.mode is Mode.NOTE else incident.episode
        call = words.told(row, attempts, episode)
        status = found.statuses.get(row.destination)
        if call is not None:
            done = call.at + call.took
            text = f"told at {words.time_of(done)}"
            if incident is not None and row.incident_id == incident.id and done > incident.received_at > 0:
                text += f", {words.took(done - incident.received_at)} after the webhook"
            text += f" ({call.detail})" if call.detail else ""
        elif row.wanted.episode < episode:
            text = f"not told of episode {episode}: it isn't among the destinations of its severity"
        else:
            text = f"not told: {words.standing(row, found.now)}"
            if status is not None:
                text += f"; the destination is {status.state}, {words.failure(status.reason, status.detail)}"
        lines.append(f"{row.destination} ({row.via}, {row.team}): {text}")
    return lines or [_why_nobody(case)]


def _why_nobody(case: Case) -> str:
    if case.alerts and all(alert.severity is None for alert in case.alerts):
        return "nobody: its severity is recorded only, see `aliases` in the routes"
    if any(alert.status is AlertStatus.HELD for alert in case.alerts):
        return "nobody yet: its start is older than its last end, so Alertmanager is asked first whether it does fire"
    if case.incident is None or not case.incident.episode:
        return "nobody: only its end has been seen, never that it fired"
    if case.incident.storm_id:
        return "nobody by itself: it is folded into a storm, of which the team gets one summary"
    return "nobody: it has no destination"


def _by_routes(case: Case, routes: Routes | None) -> list[str]:
    """Where the incident's severity goes by the routes, which answers why a channel isn't among its destinations."""
    if case.incident is None or routes is None:
        return []
    wanted = team_severities(case.incident)
    if not wanted:
        wanted = {alert.team: alert.severity for alert in case.alerts if alert.severity}
    return [
        f"By the routes, {severity} of {team} goes to "
        + ", ".join(destination.key for destination in destinations(routes, severity, team))
        for team, severity in wanted.items()
    ]


def _document(case: Case, found: Found) -> dict[str, Any]:
    history = [
        words.transition_data(line) if isinstance(line, Transition) else words.attempt_data(line)
        for line in case.history
    ]
    return {
        "id": case.id,
        "in_short": [*in_short(case, found), *_by_routes(case, found.routes)],
        "incident": words.incident_data(case.incident) if case.incident is not None else None,
        "alerts": [words.alert_data(alert) for alert in case.alerts],
        "deliveries": [words.delivery_data(row, found.now) for row in case.deliveries],
        "destinations": [
            words.status_data(found.statuses[key])
            for key in sorted({row.destination for row in case.deliveries} & found.statuses.keys())
        ],
        "history": history,
        "cut": case.cut,
    }


def _text(case: Case, found: Found) -> str:
    lines = []
    for alert in case.alerts:
        name = alert.labels.get("alertname", "an alert without a name")
        lines.append(f"Alert {name} ({alert.fingerprint}, cluster {alert.cluster})")
        lines.append(f"  {words.alert_words(alert)}")
        lines.append("  " + " ".join(f"{key}={value}" for key, value in sorted(alert.labels.items())))
    if case.incident is not None:
        group = " ".join(f"{key}={value}" for key, value in case.incident.group.items())
        lines += ["", f"Incident {case.id} (cluster {case.incident.cluster}, {group})"]
        lines.append(f"  {words.incident_words(case.incident)}")
    elif not case.alerts:
        lines.append(f"Note {case.id}")
    lines += ["", "Who was told", *(f"  {line}" for line in in_short(case, found))]
    lines += [f"  {line}" for line in _by_routes(case, found.routes)]
    if case.deliveries:
        lines += ["", "What each destination shows"]
        lines += [f"  {row.destination}: {words.standing(row, found.now)}" for row in case.deliveries]
    lines += ["", "What happened (UTC)"]
    if case.cut:
        lines.append("  (older lines are left out, see --limit)")
    for line in case.history:
        about = words.transition_words(line) if isinstance(line, Transition) else words.attempt_words(line)
        lines.append(f"  {words.time_of(line.at)}  {about}")
    return "\n".join(_harmless(line) for line in lines)


def _harmless(line: str) -> str:
    """The line without what could steer a terminal: labels are other people's text."""
    indent = "  " if line.startswith("  ") else ""
    return indent + clean(line.replace("\n", " ").replace("\r", " "), _LINE_CHARACTERS)


def _unknown(subject: str, given: Setup) -> str:
    retention = given.settings.to_public()["retention"]
    return "\n  ".join(
        [
            f"nothing is known of {one_line(subject, 80)!r}. Look for:",
            "the fingerprint, 16 hexadecimal digits: `amtool alert query -o json`, or /api/v2/alerts of Alertmanager",
            "the incident, 32 hexadecimal digits: in the message (PagerDuty's dedup_key) and in the router's log",
            "a webhook that could not be read: `alert-router dead-letters list --quarantine`",
            f"its age: what has ended is kept for {retention}",
            f"the store: this one is {given.settings.to_public()['store']['url']}",
        ]
    )
