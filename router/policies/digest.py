"""What is told on a schedule: what opened, what is still open, and what resolved since the last digest. Pure.

Each recipient gets one note, frozen when it is made; from then on it is delivered like any other. The rows that it
tells of are updated in the same transaction, so a crash can neither lose it nor send it twice.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from router.messages.message import Link, Note
from router.messages.text import humanize, one_line
from router.model import Mode, Shown, Status
from router.policies import schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from router.model import Delivery, Incident, Micros
    from router.policies.schedule import Occurrence
    from router.routes import Digest

LINES = 50
"""How many incidents a section lists; the rest is counted."""

OPENED, OPEN, RESOLVED = "Opened since the last digest", "Still open", "Resolved since the last digest"
SECTIONS = (OPENED, OPEN, RESOLVED)


class Composed(NamedTuple):
    """A recipient's digest."""

    note_id: str
    note: Note | None
    """None when there is nothing to tell."""
    team: str
    """On whose behalf: the first team of its rows."""
    deliveries: tuple[Delivery, ...]
    """The rows that have changed: what the note tells is now what they show."""


class _Line(NamedTuple):
    order: tuple[Micros, str]
    text: str


def due(setting: Digest, flushed_day: str | None, now: Micros) -> Occurrence | None:
    """The digest that has to leave now: the latest that was planned, if it hasn't left.

    `flushed_day` is the `day` of the last one that has; None at the very first start, when nothing is due (remember
    `baseline` then). However many were missed, one catches up. A day in the future, which a clock that was wrong for a
    while leaves behind, doesn't hold the next ones back.
    """
    if flushed_day is None:
        return None
    planned = schedule.latest(setting.at, setting.weekdays, setting.time_zone, now)
    following = schedule.next_after(setting.at, setting.weekdays, setting.time_zone, now)
    return planned if planned.day > flushed_day or flushed_day > following.day else None


def next_due(setting: Digest, now: Micros) -> Occurrence:
    """The next digest that is planned."""
    return schedule.next_after(setting.at, setting.weekdays, setting.time_zone, now)


def baseline(setting: Digest, now: Micros) -> str:
    """What to take for the last flushed day when the router starts for the first time."""
    return schedule.latest(setting.at, setting.weekdays, setting.time_zone, now).day


def note_id(recipient: str, day: str) -> str:
    """The id of a recipient's digest of that day: 32 hexadecimal digits."""
    return hashlib.sha256(f"digest\0{recipient}\0{day}".encode()).hexdigest()[:32]


def by_recipient(deliveries: Iterable[Delivery]) -> dict[str, list[Delivery]]:
    """The digest's rows by destination key, in its order."""
    found: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        if delivery.mode is Mode.DIGEST:
            found.setdefault(delivery.destination, []).append(delivery)
    return dict(sorted(found.items()))


def compose(
    recipient: str,
    deliveries: Iterable[Delivery],
    incidents: Mapping[str, Incident],
    *,
    setting: Digest,
    occurrence: Occurrence,
    now: Micros,
    link: Callable[[str], str] = lambda _incident_id: "",
    overview: str = "",
) -> Composed:
    """The digest of one recipient, made of its rows.

    `link` gives an address for each incident, `overview` one for all of them; both may be empty.
    """
    lines: dict[str, list[_Line]] = {section: [] for section in SECTIONS}
    changed = []
    teams = []
    for row in deliveries:
        incident = incidents.get(row.incident_id)
        teams.append(row.team)
        section = _section(row)
        if section:
            lines[section].append(
                _line(row, incident, section, zone=setting.time_zone, now=now, address=link(row.incident_id))
            )
        after = row._replace(shown=row.wanted, status=Status.SETTLED, since=0, attempts=0, reason="", detail="")
        if after != row:
            changed.append(after._replace(shown_at=now))
    sections = tuple(
        (f"{section} ({len(lines[section])})", _cut(lines[section])) for section in SECTIONS if lines[section]
    )
    note = None
    if sections:
        counts = {section: len(lines[section]) for section in SECTIONS}
        note = Note(
            kind="digest",
            title=f"{counts[OPENED]} opened, {counts[OPEN]} still open, {counts[RESOLVED]} resolved",
            text=f"Alerts that can wait, as of {schedule.day_words(now, setting.time_zone)}, "
            f"{schedule.clock(now, setting.time_zone)} ({setting.time_zone}).",
            severity="low",
            sections=sections,
            links=(Link("router", "All incidents", overview),) if overview else (),
        )
    return Composed(note_id(recipient, occurrence.day), note, min(teams, default=""), tuple(changed))


def _section(row: Delivery) -> str:
    """Under which heading a row is told; empty when there is nothing to tell."""
    wanted, shown = row.wanted, row.shown
    told = shown.episode == wanted.episode and shown.state is not Shown.NONE
    if wanted.state is Shown.FIRING:
        return OPEN if told and shown.state is not Shown.RESOLVED else OPENED
    if wanted.state is Shown.RESOLVED and not (told and shown.state is Shown.RESOLVED):
        return RESOLVED
    return ""


def _line(row: Delivery, incident: Incident | None, section: str, *, zone: str, now: Micros, address: str) -> _Line:
    if incident is None:
        # It shouldn't happen, since an incident is kept as long as its rows are; but nothing is left out in silence.
        return _Line((0, row.incident_id), f"incident {row.incident_id}, of which no details are left")
    what = one_line(incident.summary) or one_line(incident.group.get("alertname", "")) or "an alert"
    more = f" (+{incident.firing - 1} more)" if section != RESOLVED and incident.firing > 1 else ""
    return _Line(
        (incident.opened_at, incident.id),
        f"{what}{more}: {_when(row, incident, section, zone, now)}" + (f" {address}" if address else ""),
    )


def _when(row: Delivery, incident: Incident, section: str, zone: str, now: Micros) -> str:
    began = schedule.stamp(incident.opened_at, zone)
    if section != RESOLVED:
        again = "again " if section == OPENED and row.shown.state is not Shown.NONE else ""
        moved = f", now {incident.severity}" if incident.severity != "low" else ""
        return f"open {again}since {began}, for {humanize(now - incident.opened_at)}{moved}"
    if incident.open:
        # This recipient's part of it is over, or an earlier episode is.
        return "over here; the incident is open again or elsewhere"
    lasted = humanize(incident.closed_at - incident.opened_at)
    unseen = "" if row.shown.episode == row.wanted.episode else "; it began after the last digest"
    return f"resolved {schedule.stamp(incident.closed_at, zone)}, after {lasted}{unseen}"


def _cut(lines: list[_Line]) -> tuple[str, ...]:
    texts = [line.text for line in sorted(lines)]
    if len(texts) <= LINES:
        return tuple(texts)
    return (*texts[:LINES], f"and {len(texts) - LINES} more")
