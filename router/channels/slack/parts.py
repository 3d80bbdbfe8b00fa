"""What is remembered of a Slack message, and which call comes next. Pure.

A delivery's `parts` say which message there is, what it shows and what its thread has been told, each by itself: a call
that was answered never hides one that wasn't. The thread is told the difference.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

from router.messages.text import humanize
from router.model import SEVERITY_RANK, Micros, Shown, View

INCIDENT_EVENT = "tocsin_incident"
NOTE_EVENT = "tocsin_note"
"""The event types of our messages' metadata."""

NOT_SHOWN = -2
"""A message whose content isn't known. planning.INCOMPLETE is -1, revisions count from 0."""


class Told(NamedTuple):
    """What a reader of the thread knows."""

    state: str
    severity: str
    firing: int


class Parts(NamedTuple):
    """A delivery's parts. Without a `ts` there is no message."""

    channel: str = ""
    """The channel's id, as Slack answered it."""
    ts: str = ""
    """The message's id."""
    episode: int = 0
    """The episode that the message shows; a flapping incident's message outlives several."""
    opened_at: Micros = 0
    state: str = ""
    content: int = NOT_SHOWN
    told: Told = Told("", "", 0)
    reply_due: bool = False
    """The message was edited and its thread hasn't been told. It is next, whatever changes meanwhile: an incident that
    changes with every call would otherwise never tell its thread."""
    doubt: bool = False
    """A look-up is under way: a call's answer was lost, and what it did isn't known yet."""
    cursor: str = ""
    """Where the look-up goes on: the action's name, a colon, and Slack's cursor."""
    pages: int = 0
    """How many pages it has read."""

    @property
    def view(self) -> View:
        """What the message shows."""
        return View(self.episode, Shown(self.state) if self.state else Shown.UNKNOWN, self.content)

    def encode(self) -> dict[str, object]:
        """As the store keeps it: JSON, without what is empty."""
        fields = self._asdict() | {"told": list(self.told)}
        return {name: value for name, value in fields.items() if value != getattr(EMPTY, name)}

    def forgotten(self) -> Parts:
        """The same without its message, which is gone. When it fired is still worth telling."""
        return Parts(episode=self.episode, opened_at=self.opened_at)


EMPTY = Parts()


def decode(parts: Mapping[str, object]) -> Parts:
    """What the store kept. What can't be read, from another release perhaps, counts as absent."""
    told = parts.get("told")
    return Parts(
        channel=_text(parts.get("channel")),
        ts=_text(parts.get("ts")),
        episode=_number(parts.get("episode")),
        opened_at=_number(parts.get("opened_at")),
        state=_state(parts.get("state")),
        content=_number(parts.get("content"), NOT_SHOWN),
        told=_told(*told) if isinstance(told, list | tuple) and len(told) == 3 else EMPTY.told,
        reply_due=parts.get("reply_due") is True,
        doubt=parts.get("doubt") is True,
        cursor=_text(parts.get("cursor")),
        pages=_number(parts.get("pages")),
    )


class Action(enum.Enum):
    """The one call that is made next."""

    FIND_CHANNEL = "find the channel"
    """Its history is read by id, and only its name is known."""
    FIND_MESSAGE = "look up"
    FIND_REPLY = "look up thread"
    POST = "post"
    EDIT = "edit"
    REPLY = "thread"


def next_action(
    parts: Parts, step: View, told: Told, *, flapping: bool, uncertain: bool, channel: str
) -> tuple[Action, Parts]:
    """What to do, and the parts to do it with.

    `told`: what the thread is to know. `uncertain`: a call's answer was lost and nothing has been looked up since;
    a message or a reply is then looked for before it is posted. An edit is simply made again. `channel`: the id of the
    destination's channel when it is known.
    """
    if parts.ts and parts.episode != step.episode and not flapping:
        # A new episode has a message of its own.
        parts = Parts(channel=parts.channel)
    if not parts.ts:
        if uncertain and not (parts.channel or channel):
            return Action.FIND_CHANNEL, parts
        return (Action.FIND_MESSAGE if uncertain else Action.POST), parts
    if flapping or not parts.told.state:
        # While it flaps, the message alone shows the changes, and a thread that was told nothing has nothing to add.
        parts = parts._replace(told=told)
    wants_reply = bool(thread_text(parts.told, told))
    if wants_reply and uncertain:
        return Action.FIND_REPLY, parts
    if wants_reply and (parts.view == step or parts.reply_due):
        return Action.REPLY, parts
    return Action.EDIT, parts


def thread_text(before: Told, after: Told, lasted: Micros = 0) -> str:
    """What the thread is told: the difference, in our own words; empty when there is none. `lasted`: 0 is unknown."""
    if after.state == Shown.RESOLVED:
        if before.state == Shown.RESOLVED:
            return ""
        return f"Resolved after {humanize(lasted)}." if lasted > 0 else "Resolved."
    said = []
    if before.state == Shown.RESOLVED:
        said.append(f"It fires again, {after.severity}.")
    elif before.severity and before.severity != after.severity:
        worse = SEVERITY_RANK.get(after.severity, 0) < SEVERITY_RANK.get(before.severity, 0)
        mark = "⬆️" if worse else "⬇️"
        said.append(f"{mark} Now {after.severity} (was {before.severity}).")
    more = after.firing - before.firing
    if before.state == after.state and more > 0:
        said.append(f"{more} more {'alert fires' if more == 1 else 'alerts fire'} ({after.firing}).")
    elif before.state == after.state and more < 0:
        said.append(f"{-more} {'alert' if more == -1 else 'alerts'} resolved, {after.firing} still firing.")
    return " ".join(said)


def message_metadata(incident: str, step: View, told: Told, *, thread: bool) -> dict[str, object]:
    """By which a message or a reply is found again. Anybody in the workspace can read it, so it holds no text."""
    payload = {
        "incident": incident,
        "episode": step.episode,
        "part": "thread" if thread else "message",
        "state": step.state.value,
        "content": step.content,
        "severity": told.severity,
        "firing": told.firing,
    }
    return {"event_type": INCIDENT_EVENT, "event_payload": payload}


def note_metadata(note: str) -> dict[str, object]:
    """By which a note is found again."""
    return {"event_type": NOTE_EVENT, "event_payload": {"note": note}}


class Found(NamedTuple):
    """One of our messages, as its metadata describes it."""

    ts: str
    state: str
    content: int
    told: Told


def find(messages: object, event_type: str, wanted: Mapping[str, object]) -> Found | None:
    """The newest of the messages whose metadata has that type and those values; None when none has.

    `messages` is what Slack answered. Metadata can be anybody's in the workspace, so its values are not trusted.
    """
    found = [
        Found(
            ts=_text(message.get("ts")),
            state=_state(payload.get("state")),
            content=_number(payload.get("content"), NOT_SHOWN),
            told=_told(payload.get("state"), payload.get("severity"), payload.get("firing")),
        )
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict)
        and isinstance(metadata := message.get("metadata"), dict)
        and metadata.get("event_type") == event_type
        and isinstance(payload := metadata.get("event_payload"), dict)
        and all(payload.get(name) == value for name, value in wanted.items())
        and _text(message.get("ts"))
    ]
    return max(found, key=lambda message: message.ts, default=None)


def _told(state: object, severity: object, firing: object) -> Told:
    known = isinstance(severity, str) and severity in SEVERITY_RANK
    return Told(_state(state), str(severity) if known else "", _number(firing))


def _state(value: object) -> str:
    return value if isinstance(value, str) and value in (Shown.FIRING, Shown.RESOLVED) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object, default: int = 0) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
