"""Which call a delivery comes to at Slack, and with what arguments. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from router.channels.slack.blocks import Content, Pieces, incident_content, incident_text, note_content, note_text
from router.channels.slack.markup import TEXT_CHARACTERS, fit
from router.channels.slack.parts import (
    INCIDENT_EVENT,
    NOTE_EVENT,
    Action,
    Parts,
    Told,
    decode,
    message_metadata,
    next_action,
    note_metadata,
    thread_text,
)
from router.messages.message import Message, Note
from router.model import SECOND, Micros, View
from router.notifier import Job

TITLE, BODY, THREAD = "slack_title.txt", "slack_body.txt", "slack_thread.txt"
"""The templates by which a team says it in its own words."""

CHANNELS_PAGE = 999
"""Channels asked for at once; Slack allows no more."""

INERT: dict[str, object] = {"parse": "none", "link_names": False}
"""Slack makes links and mentions of nothing that merely looks like one."""

NO_UNFURLING: dict[str, object] = {"unfurl_links": False, "unfurl_media": False}
"""Slack must not fetch the addresses that stand in labels."""

Render = Callable[[str, Message, str], str]
"""A template's name, the message and what the built-in text says -> the team's own text, or nothing."""


class Known(NamedTuple):
    """What the notifier knows besides the job."""

    channel: str
    """The id of the destination's channel, or empty."""
    looked: bool
    """A look-up has just been finished."""
    elsewhere: bool
    """The message is in a channel that is gone."""
    as_buttons: bool


class Plan(NamedTuple):
    """A call, and what it is about."""

    action: Action
    parts: Parts
    """What is remembered when the call has changed nothing."""
    step: View
    told: Told
    content: Content
    reply: str
    """What the thread is to be told, or empty."""
    metadata: Mapping[str, object]
    reply_metadata: Mapping[str, object]
    event: str
    wanted: Mapping[str, object]
    """The metadata's values by which the message, or the reply, is looked up."""
    channel: str
    """The id of the channel to look in, or empty."""
    address: str
    """Where a new message is posted: the channel's name, or its id."""
    is_note: bool


def plan_incident(job: Job, message: Message, known: Known, render: Render) -> Plan:
    """The next call for an incident, of which `message` is to be shown."""
    assert job.snapshot is not None
    step, incident = job.step, job.snapshot.incident
    before = decode(job.delivery.parts)
    if before.episode == step.episode and not message.opened_at:
        # Of an earlier episode the incident no longer knows when it opened.
        message = message._replace(opened_at=before.opened_at)
    told = Told(step.state.value, message.severity, 0 if message.resolved else message.firing)
    action, parts = _next(job, before, known, told, flapping=incident.flapping)
    pieces = Pieces(render(TITLE, message, ""), render(BODY, message, ""))
    if job.delivery.plain:
        content = incident_text(message, pieces)
    else:
        content = incident_content(message, pieces, as_buttons=known.as_buttons)
    change = thread_text(parts.told, told, message.closed_at - message.opened_at if message.opened_at else 0)
    wanted = {"incident": incident.id, "episode": step.episode}
    return Plan(
        action=action,
        parts=parts._replace(opened_at=message.opened_at),
        step=step,
        told=told,
        content=content,
        reply=fit((render(THREAD, message, change) or change) if change else "", TEXT_CHARACTERS),
        metadata=message_metadata(incident.id, step, told, thread=False),
        reply_metadata=message_metadata(incident.id, step, told, thread=True),
        event=INCIDENT_EVENT,
        wanted=wanted | {"part": "thread" if action is Action.FIND_REPLY else "message"},
        channel=parts.channel or known.channel,
        address=job.destination.address,
        is_note=False,
    )


def plan_note(job: Job, note: Note, known: Known) -> Plan:
    """The next call for a note."""
    nothing = Told("", "", 0)
    action, parts = _next(job, decode(job.delivery.parts), known, nothing, flapping=False)
    return Plan(
        action=action,
        parts=parts,
        step=job.step,
        told=nothing,
        content=note_text(note) if job.delivery.plain else note_content(note, as_buttons=known.as_buttons),
        reply="",
        metadata=note_metadata(job.delivery.incident_id),
        reply_metadata={},
        event=NOTE_EVENT,
        wanted={"note": job.delivery.incident_id},
        channel=parts.channel or known.channel,
        address=job.destination.address,
        is_note=True,
    )


def _next(job: Job, before: Parts, known: Known, told: Told, *, flapping: bool) -> tuple[Action, Parts]:
    if known.elsewhere:
        return Action.POST, before.forgotten()
    uncertain = (job.uncertain or before.doubt) and not known.looked
    return next_action(before, job.step, told, flapping=flapping, uncertain=uncertain, channel=known.channel)


def arguments(plan: Plan, job: Job, *, page: int, margin: Micros) -> tuple[str, dict[str, Any]]:
    """The method of Slack's API and its arguments.

    `page`: messages read at once; `margin`: microseconds that the clocks here and at Slack may be apart.
    """
    parts, content = plan.parts, plan.content
    found, _, cursor = parts.cursor.partition(":")
    place = {"cursor": cursor} if found == plan.action.name else {}
    since = max(0, (job.delivery.since or job.delivery.received_at) - margin)
    reading = {
        "channel": plan.channel,
        "oldest": f"{since // SECOND}.{since % SECOND:06d}",
        "limit": page,
        "include_all_metadata": True,
    }
    # A rejected message is tried again as plain text; when its metadata was at fault, without that.
    anonymous = job.delivery.plain and "metadata" in job.delivery.detail
    metadata = {} if anonymous else {"metadata": dict(plan.metadata)}
    match plan.action:
        case Action.FIND_CHANNEL:
            types = {"types": "public_channel,private_channel", "exclude_archived": True, "limit": CHANNELS_PAGE}
            return "users.conversations", types | place
        case Action.FIND_MESSAGE:
            return "conversations.history", reading | place
        case Action.FIND_REPLY:
            return "conversations.replies", reading | {"ts": parts.ts} | place
        case Action.EDIT:
            # Empty lists remove what an earlier version of the message had.
            edited = {"channel": plan.channel, "ts": parts.ts} | _lists(content)
            return "chat.update", edited | metadata | INERT
        case Action.POST:
            return "chat.postMessage", {"channel": plan.address} | _lists(content) | metadata | INERT | NO_UNFURLING
        case Action.REPLY:
            said = {"channel": plan.channel, "thread_ts": parts.ts, "text": plan.reply}
            told = {} if anonymous else {"metadata": dict(plan.reply_metadata)}
            return "chat.postMessage", said | told | INERT | NO_UNFURLING


def _lists(content: Content) -> dict[str, Any]:
    return {"text": content.text, "blocks": list(content.blocks), "attachments": list(content.attachments)}
