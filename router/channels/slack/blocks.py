"""A message as Slack shows it: a header, a coloured attachment of blocks, and a text for notifications. Pure.

The header stands outside the attachment: were it inside, Slack would show the notification's text above it as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from router.channels.slack.markup import (
    BUTTON_CHARACTERS,
    FIELD_CHARACTERS,
    FIELDS,
    HEADER_CHARACTERS,
    MESSAGE_CHARACTERS,
    SECTION_CHARACTERS,
    TEXT_CHARACTERS,
    URL_CHARACTERS,
    date,
    escape,
    fit,
    length,
    one_line,
)
from router.messages.message import NOTE_SECTIONS, AlertLine, Link, Message, Note
from router.messages.text import date_and_time, humanize

Block = dict[str, object]

COLOURS = {"critical": "#d32f2f", "high": "#f57c00", "medium": "#fbc02d", "low": "#1976d2"}
RESOLVED_COLOUR = "#2e7d32"
OTHER_COLOUR = "#757575"
ICONS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🔵"}
"""Beside the word, never instead of it: not everybody tells the colours apart."""
RESOLVED_ICON = "✅"

SHORT_ID = 8
"""Digits of an incident's id that are shown: enough to find it, and `explain` takes a beginning."""
LINKS = 5
"""Buttons in a row; more become a second row, where nobody looks."""
FALLBACK_CHARACTERS = 300
"""The notification's text when there are blocks: phones show less."""


class Pieces(NamedTuple):
    """What a template says instead of the built-in text; None or empty: nothing."""

    title: str | None = None
    body: str | None = None


BUILT_IN = Pieces()


class Content(NamedTuple):
    """What chat.postMessage and chat.update take."""

    text: str
    blocks: tuple[Block, ...] = ()
    attachments: tuple[Block, ...] = ()

    @property
    def size(self) -> int:
        """An upper bound of how Slack counts a message towards MESSAGE_CHARACTERS."""
        blocks = [*self.blocks, *self.attachments]
        return length(json.dumps(blocks, ensure_ascii=False)) + length(self.text)


class _Caps(NamedTuple):
    """How much of each piece is shown."""

    summary: int
    prose: int
    alerts: int
    line: int
    fields: int
    value: int


_SIZES = (
    _Caps(summary=800, prose=2_000, alerts=10, line=200, fields=FIELDS, value=300),
    _Caps(summary=500, prose=700, alerts=10, line=140, fields=FIELDS, value=80),
    _Caps(summary=300, prose=200, alerts=3, line=80, fields=4, value=40),
    _Caps(summary=100, prose=0, alerts=0, line=0, fields=0, value=0),
)
"""Tried in turn until a message is small enough; then links are left out, whose addresses can't be cut."""

_NOTE_ROOM = (9_000, 4_500, 1_500)
"""Characters for a note's text and lists together, tried in turn."""


def incident_content(message: Message, pieces: Pieces = BUILT_IN, *, as_buttons: bool = True) -> Content:
    """An incident as a message with blocks. Links become buttons, or a line of text."""
    title = _title(message, pieces)
    header: Block = {"type": "header", "text": _plain(title, HEADER_CHARACTERS)}
    colour = RESOLVED_COLOUR if message.resolved else COLOURS.get(message.severity, OTHER_COLOUR)
    text = f"{one_line(title, HEADER_CHARACTERS)}\n{one_line(message.summary, FALLBACK_CHARACTERS)}"
    content = Content(text)
    for caps, links in _attempts(_SIZES):
        blocks = _incident_blocks(message, pieces, caps) + _links(message.links[:links], as_buttons=as_buttons)
        blocks.append(_context(message))
        content = Content(text, (header,), ({"color": colour, "fallback": text, "blocks": blocks},))
        if content.size <= MESSAGE_CHARACTERS:
            break
    return content


def incident_text(message: Message, pieces: Pieces = BUILT_IN) -> Content:
    """An incident as text alone, for when Slack refuses the blocks."""
    body = pieces.body or "\n".join([message.summary, message.description, *_facts(message, when=date_and_time)])
    lines = [_title(message, pieces), body, *(f"{link.title}: {link.url}" for link in message.links[:LINKS])]
    return Content(fit("\n".join(line for line in lines if line), TEXT_CHARACTERS))


def note_content(note: Note, *, as_buttons: bool = True) -> Content:
    """A note as a message with blocks. A list that doesn't fit says how many of its lines are left out."""
    header: Block = {"type": "header", "text": _plain(note.title, HEADER_CHARACTERS)}
    text = f"{one_line(note.title, HEADER_CHARACTERS)}\n{one_line(note.text, FALLBACK_CHARACTERS)}".rstrip()
    colour = COLOURS.get(note.severity, OTHER_COLOUR)
    content = Content(text)
    for room, links in _attempts(_NOTE_ROOM):
        blocks = _note_blocks(note, room) + _links(note.links[:links], as_buttons=as_buttons)
        content = Content(text, (header,), ({"color": colour, "fallback": text, "blocks": blocks},) if blocks else ())
        if content.size <= MESSAGE_CHARACTERS:
            break
    return content


def note_text(note: Note) -> Content:
    """A note as text alone."""
    lines = [note.title, note.text]
    for title, entries in note.sections:
        lines += [title, *(f"• {entry}" for entry in entries)]
    lines += [f"{link.title}: {link.url}" for link in note.links[:LINKS]]
    return Content(fit("\n".join(line for line in lines if line), TEXT_CHARACTERS))


T = TypeVar("T")


def _attempts(sizes: Sequence[T]) -> Iterator[tuple[T, int]]:
    """Sizes, each with how many links are kept."""
    yield from ((size, LINKS) for size in sizes)
    yield from ((sizes[-1], links) for links in range(LINKS - 1, -1, -1))


def _title(message: Message, pieces: Pieces) -> str:
    if pieces.title and pieces.title.strip():
        return pieces.title
    state = "Resolved" if message.resolved else message.severity.capitalize()
    icon = RESOLVED_ICON if message.resolved else ICONS.get(message.severity, "")
    return f"{icon} {state}: {message.name}".strip() + (f" · {message.service}" if message.service else "")


def _incident_blocks(message: Message, pieces: Pieces, caps: _Caps) -> list[Block]:
    blocks: list[Block] = []
    if pieces.body and pieces.body.strip():
        blocks += _section(fit(pieces.body, caps.prose or caps.summary))
    else:
        told = [fit(message.summary, caps.summary)]
        if caps.prose and message.description and message.description != message.summary:
            told.append(fit(message.description, caps.prose))
        blocks += _section("\n".join(told))
        if caps.prose and not message.resolved:
            for label, text in (("Impact", message.impact), ("What to do", message.action)):
                blocks += _section(f"*{label}*\n{fit(text, caps.prose)}") if text else []
    if not message.resolved and caps.alerts:
        blocks += _alert_list(message, caps)
    return blocks + _fields(message, caps)


def _context(message: Message) -> Block:
    facts = [f"Incident `{escape(message.incident_id[:SHORT_ID])}`", *_facts(message, when=date)]
    return {"type": "context", "elements": [_markup(" · ".join(facts))]}


def _facts(message: Message, *, when: Callable[[int], str]) -> list[str]:
    """When it fired and ended, and what else sets it apart: nothing but our own words and figures."""
    facts = []
    if message.opened_at:
        facts.append(f"fired {when(message.opened_at)}")
    if message.resolved and message.closed_at:
        facts.append(f"resolved {when(message.closed_at)}")
    if message.resolved and 0 < message.opened_at <= message.closed_at:
        facts.append(f"lasted {humanize(message.closed_at - message.opened_at)}")
    if message.escalated:
        facts.append("escalated: unresolved for its response time")
    if message.flaps:
        facts.append(f"flapping: reopened {_count(message.flaps, 'time')} lately")
    return facts


def _alert_list(message: Message, caps: _Caps) -> list[Block]:
    if message.firing < 2 and all(alert.summary in ("", message.summary) for alert in message.alerts):
        # One alert whose summary stands above already.
        return []
    lines = [f"• {_alert_line(alert, message, caps)}" for alert in message.alerts[: caps.alerts]]
    more = message.more + len(message.alerts) - len(lines)
    if more:
        lines.append(f"… and {more} more")
    return _section(f"*Firing ({message.firing})*\n" + "\n".join(lines))


def _alert_line(alert: AlertLine, message: Message, caps: _Caps) -> str:
    labels = " ".join(f"{name}={value}" for name, value in alert.labels)
    named = alert.summary if alert.summary != message.summary else ""
    severity = alert.severity if alert.severity != message.severity else ""
    told = [severity, named or ("" if labels else alert.name), labels]
    since = f", since {date(alert.starts_at)}" if alert.starts_at else ""
    return one_line(" · ".join(part for part in told if part), caps.line) + since


def _fields(message: Message, caps: _Caps) -> list[Block]:
    severity = message.worst if message.resolved else message.severity
    response = "" if message.resolved or not message.response else f", respond: {message.response}"
    count = f"{message.total} in all" if message.resolved else f"{message.firing} firing, {message.total} in all"
    own = [
        ("Severity", severity + response),
        ("Team", message.team),
        ("Service", message.service),
        ("Alerts", count if message.total > 1 else ""),
    ]
    shown = [(name, value) for name, value in (*own, *message.labels) if value][: caps.fields]
    if not shown:
        return []
    return [
        {
            "type": "section",
            "fields": [
                _markup(f"*{one_line(name, caps.value)}*\n{one_line(value, min(caps.value, FIELD_CHARACTERS // 2))}")
                for name, value in shown
            ],
        }
    ]


def _note_blocks(note: Note, room: int) -> list[Block]:
    sections = note.sections[:NOTE_SECTIONS]
    share = min(room // (len(sections) + 1), SECTION_CHARACTERS)
    blocks = _section(fit(note.text, share))
    for title, entries in sections:
        blocks += _section(_bullets(title, entries, share))
    return blocks


def _bullets(title: str, entries: Sequence[str], limit: int) -> str:
    """A headed list that keeps to the limit and says how many lines it leaves out."""
    lines = [f"*{one_line(title, min(HEADER_CHARACTERS, limit // 3))}*"]
    room = limit - length(lines[0]) - len("\n… and 1000 more")
    for place, entry in enumerate(entries):
        line = f"• {one_line(entry, _SIZES[0].line)}"
        room -= length(line) + 1
        if room < 0:
            lines.append(f"… and {len(entries) - place} more")
            break
        lines.append(line)
    return "\n".join(lines)


def _links(links: Sequence[Link], *, as_buttons: bool) -> list[Block]:
    usable = [link for link in links if 0 < len(link.url) <= URL_CHARACTERS and link.title][:LINKS]
    if not usable:
        return []
    return [{"type": "actions", "elements": _buttons(usable)}] if as_buttons else _section(_link_line(usable))


def _link_line(links: Sequence[Link]) -> str:
    line = ""
    for link in links:
        piece = f"<{escape(link.url)}|{one_line(link.title, BUTTON_CHARACTERS)}>"
        if length(line) + length(piece) + 3 <= SECTION_CHARACTERS:
            line += f" · {piece}" if line else piece
    return line


def _buttons(links: Sequence[Link]) -> list[Block]:
    return [
        {
            "type": "button",
            "action_id": f"open_{place}_{link.kind}"[:BUTTON_CHARACTERS],
            "text": _plain(link.title, BUTTON_CHARACTERS),
            "url": link.url,
        }
        for place, link in enumerate(links)
    ]


def _section(text: str) -> list[Block]:
    """A section of text that is escaped already and within the limit; none for a text that says nothing."""
    return [{"type": "section", "text": _markup(text)}] if text.strip() else []


def _markup(text: str) -> Block:
    # Verbatim: Slack must not make links and mentions of what merely looks like them, such as `@here`.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": one_line(text, limit) or "…", "emoji": False}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
