"""What people will see: an example alert's messages for each destination, as text, without anything being sent."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from router.messages.message import Look, Message, build_message
from router.messages.sample import OPENED, resolved, sample_delivery, sample_incident
from router.messages.templating import Templates
from router.messages.text import one_line
from router.model import DAY, Destination, Mode, Shown, Snapshot
from router.policies import digest, schedule
from router.routes import Routes
from router.routing import destinations, resolve

DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
"""Slack shows the reader's own time; the part behind the bar is for those who can't."""


class Preview(NamedTuple):
    """A destination's messages."""

    channel: str
    destination: str
    """The destination's key."""
    text: str
    """What it shows while the incident is open, and when it is over."""


class _Example(NamedTuple):
    """What is shown at every destination."""

    snapshot: Snapshot
    team: str
    routes: Routes
    look: Look
    templates: Templates


class _Subject(NamedTuple):
    """One message to show."""

    message: Message
    team: str
    templates: Templates
    client_url: str

    def render(self, name: str, **extra: object) -> str:
        """A template's text; empty when the channel's own form is used."""
        try:
            return self.templates.render(name, self.team, self.message, **extra).strip()
        except KeyError:
            return ""


def preview(
    routes: Routes,
    look: Look,
    templates: Templates,
    *,
    severity: str = "critical",
    team: str = "",
    channel: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> list[Preview]:
    """The messages of an example alert of that severity and team (the default team when empty).

    They are those of the destinations that routes.yml gives it, or of one channel, then also when the severity doesn't
    go there. `labels` and `annotations` come on top of the example's. An unknown severity or team is treated as for a
    real alert.
    """
    given = {"severity": severity, "team": team or routes.default_team}
    meant = resolve(given, routes)
    if meant.severity is None:
        return []
    snapshot = sample_incident(
        severity=meant.severity,
        team=meant.team,
        labels=labels,
        annotations=annotations,
        group_by=tuple(routes.group_by),
    )
    found = [d for d in destinations(routes, meant.severity, meant.team) if channel in ("", d.channel)]
    if channel and not found:
        found = list(routes.teams[meant.team].destinations.get(channel, ()))
    example = _Example(snapshot, meant.team, routes, look, templates)
    return [Preview(d.channel, d.key, _states(d, example)) for d in found]


def _states(destination: Destination, example: _Example) -> str:
    snapshot, team, look = example.snapshot, example.team, example.look
    if destination.channel == "email" and snapshot.incident.severity == "low":
        return _digest(destination, example)
    parts = []
    for state, given in ((Shown.FIRING, snapshot), (Shown.RESOLVED, resolved(snapshot))):
        delivery = sample_delivery(given, destination.key, team, state)
        message = build_message(given, delivery.claim, delivery, look)
        subject = _Subject(message, team, example.templates, look.external_url)
        parts.append(f"--- {state} ---\n{RENDERERS.get(destination.channel, _text)(subject).strip()}\n")
    return "\n".join(parts)


def _digest(destination: Destination, example: _Example) -> str:
    incident, setting, now = example.snapshot.incident, example.routes.digest, OPENED + DAY
    delivery = sample_delivery(example.snapshot, destination.key, example.team, Shown.FIRING)
    note = digest.compose(
        destination.key,
        [delivery._replace(mode=Mode.DIGEST)],
        {incident.id: incident},
        setting=setting,
        occurrence=schedule.latest(setting.at, setting.weekdays, setting.time_zone, now),
        now=now,
    ).note
    assert note
    text = example.templates.render("email_note.txt", example.team, note)
    return f"--- digest ---\nSubject: {note.title}\n\n{text.strip()}\n"


def _text(subject: _Subject) -> str:
    return subject.render("email.txt")


def _email(subject: _Subject) -> str:
    return f"Subject: {one_line(subject.render('email_subject.txt'))}\n\n{subject.render('email.txt')}"


def _pagerduty(subject: _Subject) -> str:
    from router.channels.pagerduty.event import incident_event

    if subject.message.resolved:
        return "The incident with the same dedup_key is resolved; PagerDuty shows no text of it."
    source = dict(subject.message.labels).get("instance") or subject.message.service
    summary = subject.render("pagerduty_summary.txt")
    event = incident_event(subject.message, source, summary=summary, client_url=subject.client_url)
    return _tree(event)


def _slack(subject: _Subject) -> str:
    from router.channels.slack.blocks import Pieces, incident_content

    pieces = Pieces(subject.render("slack_title.txt", change=""), subject.render("slack_body.txt", change=""))
    content = incident_content(subject.message, pieces)
    return "\n".join(line for block in _blocks([*content.blocks, *content.attachments]) for line in block)


def _blocks(blocks: object) -> list[list[str]]:
    """Slack's blocks as lines of text, in the order in which Slack shows them."""
    shown: list[list[str]] = []
    for block in blocks if isinstance(blocks, list | tuple) else ():
        if "blocks" in block:
            shown.append([f"[colour {block.get('color', 'none')}]"])
            shown += _blocks(block["blocks"])
            continue
        lines = [_words(block["text"])] if "text" in block else []
        lines += [_words(field).replace("\n", ": ") for field in block.get("fields", ())]
        for element in block.get("elements", ()):
            address = f" {element['url']}" if "url" in element else ""
            lines.append(f"[{_words(element['text'])}]{address}" if address else _words(element))
        shown.append([*lines, ""])
    return shown


def _words(element: object) -> str:
    while isinstance(element, dict):
        element = element.get("text", "")
    text = DATE.sub(r"\1", str(element))
    return html.unescape(text)


def _tree(document: object, depth: int = 0) -> str:
    """A JSON document as indented lines, which reads better than its quotes and braces."""
    indent = "  " * depth
    lines = []
    entries = document.items() if isinstance(document, dict) else [("-", entry) for entry in document]  # type: ignore[attr-defined]
    for name, value in entries:
        mark = name if name == "-" else f"{name}:"
        if isinstance(value, dict | list):
            lines.append(f"{indent}{mark}\n{_tree(value, depth + 1)}")
        else:
            text = str(value).replace("\n", f"\n{indent}  ") if isinstance(value, str) else json.dumps(value)
            lines.append(f"{indent}{mark} {text}")
    return "\n".join(lines)


RENDERERS: dict[str, Callable[[_Subject], str]] = {"email": _email, "pagerduty": _pagerduty, "slack": _slack}
"""How a channel's message is shown as text. A channel that isn't here is shown by its data, in the form of a mail."""
