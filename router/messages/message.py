"""What a message says, before any channel gives it its form. Pure.

Labels and annotations are other people's text. Here they lose control characters and are cut to size once, so that no
channel meets a megabyte or a line break where it expects a word; escaping is each channel's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from router.messages.text import clean, clock, cut, date_and_time, humanize, one_line, percent_encoded, safe_url
from router.model import AlertState, Delivery, Incident, Micros, Shown, Snapshot, View

__all__ = [
    "PLAIN_LOOK",
    "AlertLine",
    "Link",
    "Look",
    "Message",
    "Note",
    "build_message",
    "clean",
    "clock",
    "cut",
    "date_and_time",
    "decode_note",
    "encode_note",
    "humanize",
    "one_line",
    "safe_url",
]

# Sizes above which a message's text is cut. They are ours: ample for people, small enough for each provider.
SUMMARY_CHARACTERS = 1_000
DESCRIPTION_CHARACTERS = 5_000
NAME_CHARACTERS = 200
VALUE_CHARACTERS = 300
LABELS = 50
ALERT_LABELS = 10
NOTE_LINES = 200
NOTE_SECTIONS = 20
NOTE_CHARACTERS = 200_000

OWN_FIELDS = frozenset({"alertname", "severity", "team", "service"})
"""Labels that a message shows in fields of their own."""

HIDDEN_LABELS = frozenset({"bypass_router"})
"""Labels that are there for Alertmanager's routing and tell a reader nothing."""

PLACEHOLDERS = re.compile(r"\{(?:matchers|expr|cluster|alertname)\}")


class Link(NamedTuple):
    """An http or https address; nothing else ever becomes a link."""

    kind: str
    """runbook, dashboard, silence, query, router."""
    title: str
    url: str


class AlertLine(NamedTuple):
    """One of the incident's alerts."""

    name: str
    severity: str
    summary: str
    starts_at: Micros
    labels: tuple[tuple[str, str], ...]
    """Those that tell it from the others of its incident."""


class Message(NamedTuple):
    """An incident, as a destination is to be told of it. All text is data: each channel escapes it."""

    incident_id: str
    episode: int
    resolved: bool
    severity: str
    worst: str
    team: str
    service: str
    name: str
    """The alert's name, or the incident's group labels."""
    summary: str
    description: str
    impact: str
    action: str
    opened_at: Micros
    closed_at: Micros
    """0 while it is open."""
    firing: int
    total: int
    alerts: tuple[AlertLine, ...]
    more: int
    """How many firing alerts are not in `alerts`."""
    labels: tuple[tuple[str, str], ...]
    links: tuple[Link, ...]
    flaps: int
    """How often it has reopened lately; 0 when it isn't flapping."""
    escalated: bool
    response: str
    """The response time of its severity as written in routes.yml."""


class Note(NamedTuple):
    """A message that isn't one incident's: a digest, a line on what is over, a summary. Frozen when made."""

    kind: str
    """digest, missed, fallback, storm, maintenance."""
    title: str
    text: str
    severity: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    """Headed lists of lines."""
    links: tuple[Link, ...]


class Look(NamedTuple):
    """What messages take from the configuration."""

    teams: Mapping[str, str]
    """Names for people, by team key."""
    responses: Mapping[str, str]
    """Response times as written, by severity."""
    silence_url: str = ""
    """A pattern of an address at which a silence is made, with `{matchers}`, `{cluster}` and `{alertname}` replaced by
    percent-encoded text; `{matchers}` is the incident's labels as Alertmanager's matchers. Empty: no such link."""
    query_url: str = ""
    """The same for a query, with `{expr}` as well: the lead alert's expression, as Prometheus tells it in its
    generatorURL. When it is empty, or the expression isn't known, the link is that generatorURL."""
    external_url: str = ""
    """Where people reach the router; empty when it isn't configured."""


PLAIN_LOOK = Look({}, {})


def build_message(snapshot: Snapshot, step: View, delivery: Delivery, look: Look) -> Message:
    """What a destination is told of an incident when it is to show `step`.

    A step of an earlier episode tells that episode's end: what the snapshot's alerts do now belongs to a later one, so
    their list and the times that aren't known any more are left out (0).
    """
    incident = snapshot.incident
    lead = snapshot.alerts[0] if snapshot.alerts else None
    earlier = step.episode < incident.episode
    resolved = earlier or step.state is Shown.RESOLVED
    shown = () if earlier else snapshot.alerts
    firing = 0 if earlier else incident.firing
    shared = _shared_labels(snapshot.alerts)
    name = _name(incident, shared)
    annotations: Mapping[str, str] = lead.annotations if lead else {}
    team = (lead.team if lead else "") or incident.group.get("team", "") or delivery.team
    return Message(
        incident_id=incident.id,
        episode=step.episode,
        resolved=resolved,
        severity=incident.severity,
        worst=incident.worst or incident.severity,
        team=one_line(look.teams.get(team, team), NAME_CHARACTERS),
        service=one_line(shared.get("service") or incident.group.get("service", ""), NAME_CHARACTERS),
        name=name,
        summary=one_line(annotations.get("summary") or incident.summary, SUMMARY_CHARACTERS) or name,
        description=clean(annotations.get("description") or annotations.get("message", ""), DESCRIPTION_CHARACTERS),
        impact=clean(annotations.get("impact", ""), DESCRIPTION_CHARACTERS),
        action=clean(annotations.get("action", ""), DESCRIPTION_CHARACTERS),
        opened_at=0 if earlier else incident.opened_at,
        closed_at=_closed_at(incident, step, resolved=resolved),
        firing=firing,
        total=0 if earlier else incident.total,
        alerts=tuple(_alert_line(alert, shared) for alert in shown),
        more=max(0, firing - len(shown)),
        labels=_labels(shared, OWN_FIELDS),
        links=_links(incident, lead, look, resolved=resolved),
        flaps=len(incident.reopened) if incident.flapping else 0,
        escalated=incident.escalated,
        response=look.responses.get(incident.severity, ""),
    )


def _closed_at(incident: Incident, step: View, *, resolved: bool) -> Micros:
    if not resolved:
        return 0
    # An open incident's closed_at is the end of the episode before.
    known = incident.episode - 1 if incident.open else incident.episode
    return incident.closed_at if step.episode == known else 0


def _shared_labels(alerts: Iterable[AlertState]) -> dict[str, str]:
    shared: dict[str, str] | None = None
    for alert in alerts:
        if shared is None:
            shared = dict(alert.labels)
        else:
            shared = {name: value for name, value in shared.items() if alert.labels.get(name) == value}
    return shared or {}


def _name(incident: Incident, shared: Mapping[str, str]) -> str:
    alertname = incident.group.get("alertname") or shared.get("alertname")
    if alertname:
        return one_line(alertname, NAME_CHARACTERS)
    group = " ".join(f"{name}={value}" for name, value in sorted(incident.group.items()) if value)
    return one_line(group, NAME_CHARACTERS) or "alert"


def _alert_line(alert: AlertState, shared: Mapping[str, str]) -> AlertLine:
    own = {name: value for name, value in alert.labels.items() if name not in shared}
    return AlertLine(
        name=one_line(alert.labels.get("alertname", ""), NAME_CHARACTERS),
        severity=alert.severity or "",
        summary=one_line(alert.annotations.get("summary", ""), VALUE_CHARACTERS),
        starts_at=alert.starts_at,
        labels=_labels(own, frozenset({"alertname", "severity"}))[:ALERT_LABELS],
    )


def _labels(labels: Mapping[str, str], without: frozenset[str]) -> tuple[tuple[str, str], ...]:
    names = [name for name in sorted(labels) if name not in without and name not in HIDDEN_LABELS]
    return tuple(
        (one_line(name, VALUE_CHARACTERS), one_line(labels[name], VALUE_CHARACTERS)) for name in names[:LABELS]
    )


def _links(incident: Incident, lead: AlertState | None, look: Look, *, resolved: bool) -> tuple[Link, ...]:
    annotations: Mapping[str, str] = lead.annotations if lead else {}
    found = (
        ("runbook", "Runbook", annotations.get("runbook_url", "")),
        ("dashboard", "Dashboard", annotations.get("dashboard_url", "")),
        ("silence", "Silence", "" if resolved else _from_pattern(look.silence_url, incident)),
        ("query", "Query", _query(incident, lead.generator_url if lead else "", look)),
    )
    return tuple(Link(kind, title, url) for kind, title, text in found if (url := safe_url(text)))


def _query(incident: Incident, generator_url: str, look: Look) -> str:
    expr = _expression(generator_url)
    if not look.query_url or ("{expr}" in look.query_url and not expr):
        return generator_url
    return _from_pattern(look.query_url, incident, expr)


def _expression(generator_url: str) -> str:
    """The expression in an address of Prometheus's graph page (`/graph?g0.expr=...`), or empty."""
    try:
        return parse_qs(urlsplit(generator_url).query).get("g0.expr", [""])[0]
    except ValueError:  # No address, or more fields than a query page has.
        return ""


def _from_pattern(pattern: str, incident: Incident, expr: str = "") -> str:
    if not pattern:
        return ""
    matchers = ",".join(f"{name}={_quoted(value)}" for name, value in sorted(incident.group.items()))
    values = {
        "{matchers}": "{" + matchers + "}",
        "{expr}": expr,
        "{cluster}": incident.cluster,
        "{alertname}": incident.group.get("alertname", ""),
    }
    # One pass, so that a label's value that looks like a placeholder stays what it is.
    return PLACEHOLDERS.sub(lambda found: percent_encoded(values[found[0]]), pattern)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def encode_note(note: Note) -> str:
    """A note as a delivery's payload keeps it."""
    fields = note._asdict() | {"links": [link._asdict() for link in note.links]}
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":"))


def decode_note(payload: str) -> Note:
    """A delivery's payload as a note, its text cleaned and cut. ValueError when it isn't one."""
    try:
        fields = json.loads(payload)
        return Note(
            kind=one_line(fields["kind"], NAME_CHARACTERS),
            title=one_line(fields["title"], VALUE_CHARACTERS),
            text=clean(fields.get("text", ""), DESCRIPTION_CHARACTERS),
            severity=one_line(fields.get("severity", ""), NAME_CHARACTERS),
            sections=_sections(fields.get("sections", [])),
            links=tuple(
                Link(one_line(link["kind"], NAME_CHARACTERS), one_line(link["title"], NAME_CHARACTERS), url)
                for link in fields.get("links", ())
                if (url := safe_url(link["url"]))
            ),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("the payload is not a note") from error


def _sections(given: list[tuple[str, list[str]]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    room, sections = NOTE_CHARACTERS, []
    for title, lines in given[:NOTE_SECTIONS]:
        kept: list[str] = []
        for line in lines[:NOTE_LINES]:
            text = one_line(line)
            if len(text) > room:
                break
            room -= len(text)
            kept.append(text)
        if len(kept) < len(lines):
            kept.append(f"… and {len(lines) - len(kept)} more")
        sections.append((one_line(title, VALUE_CHARACTERS), tuple(kept)))
    return tuple(sections)
