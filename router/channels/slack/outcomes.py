"""What Slack's answers mean for a delivery. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

from router.channels.redaction import DETAIL_CHARACTERS
from router.channels.slack.faults import MESSAGE_GONE, NO_THREADS, THREAD_GONE
from router.channels.slack.parts import Action, Parts, find, thread_text
from router.channels.slack.plan import Plan
from router.messages.text import cut
from router.notifier import Delivered, Outcome, Reason, Rejected, Retry

LOOKING = frozenset({Action.FIND_CHANNEL, Action.FIND_MESSAGE, Action.FIND_REPLY})
POSTING = frozenset({Action.POST, Action.REPLY})
"""What must not be done twice."""

TOKEN_IS_DEAD = frozenset({"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"})
"""Codes after which nothing else can work either."""


class After(NamedTuple):
    """An outcome, and what the notifier has learned."""

    outcome: Outcome
    channel: str | None = None
    """The id of the destination's channel; empty: the one that was known is wrong."""
    looked: bool = False
    """A look-up is finished."""
    elsewhere: bool = False
    """The message's channel is gone; the destination's may be another."""


def answered(plan: Plan, answer: Mapping[str, object], *, pages: int) -> After | None:
    """What an answer means; None when it can't be Slack's. `pages`: how many a look-up reads at most."""
    if plan.action is Action.FIND_CHANNEL:
        return _channel_found(plan, answer, pages)
    if plan.action in LOOKING:
        return _found(plan, answer, pages)
    channel, ts = answer.get("channel"), answer.get("ts")
    if not (isinstance(channel, str) and isinstance(ts, str) and channel and ts):
        return None
    parts = _looked(plan.parts)
    if plan.action is Action.REPLY:
        parts = parts._replace(told=plan.told, reply_due=False)
        return After(
            delivered(
                parts, complete=parts.view == plan.step, detail=cut(f"thread: {plan.reply}", DETAIL_CHARACTERS), ts=ts
            )
        )
    parts = parts._replace(episode=plan.step.episode, state=plan.step.state.value, content=plan.step.content)
    if plan.action is Action.POST:
        parts = parts._replace(channel=channel, ts=ts, told=plan.told)
        return After(delivered(parts, complete=True, detail="posted"), channel=channel)
    due = bool(plan.reply)
    return After(delivered(parts._replace(reply_due=due), complete=not due, detail="edited"))


def failed(plan: Plan, fault: Retry | Rejected, code: str, *, uncertain: bool) -> After:
    """What a fault means. `code` is Slack's, or empty; `uncertain` is the job's."""
    if plan.action in LOOKING:
        return _look_failed(plan, fault, code, uncertain=uncertain)
    gone = {Action.EDIT: MESSAGE_GONE, Action.REPLY: THREAD_GONE}.get(plan.action, frozenset())
    if code in gone:
        return After(_gone(plan, code))
    if plan.action is Action.REPLY and code in NO_THREADS:
        parts = plan.parts._replace(told=plan.told, reply_due=False)
        return After(delivered(parts, complete=parts.view == plan.step, detail=f"no thread is possible here: {code}"))
    if plan.action is Action.EDIT and code == "channel_not_found" and plan.address != plan.channel:
        # The channel was deleted, and may have been made anew by that name. The parts stay: when posting fails as well
        # and the bot is let into the channel again, the message is still there to be edited.
        return After(delivered(plan.parts, complete=False, detail="the message's channel is gone"), elsewhere=True)
    return After(fault, channel="" if code == "channel_not_found" else None)


def delivered(parts: Parts, *, complete: bool, detail: str, ts: str = "") -> Delivered:
    """A success with the provider's id for the ledger: the channel and the message."""
    message = ts or parts.ts
    return Delivered(parts.encode(), f"{parts.channel}:{message}" if message else "", complete, detail)


def _found(plan: Plan, answer: Mapping[str, object], pages: int) -> After:
    found = find(answer.get("messages"), plan.event, plan.wanted)
    if found is None:
        return _next_page(plan, answer, pages, nowhere="looked up: it had not arrived")
    parts = _looked(plan.parts)._replace(told=found.told)
    if plan.action is Action.FIND_MESSAGE:
        parts = parts._replace(channel=plan.channel, ts=found.ts, episode=plan.step.episode)
        parts = parts._replace(state=found.state, content=found.content)
    # What is left to do is an edit, which may be made twice, or a reply, for which this look-up vouches.
    complete = plan.is_note or (parts.view == plan.step and not thread_text(parts.told, plan.told))
    return After(delivered(parts, complete=complete, detail="looked up: it had arrived", ts=found.ts), looked=True)


def _channel_found(plan: Plan, answer: Mapping[str, object], pages: int) -> After:
    listed = answer.get("channels")
    name = plan.address.removeprefix("#")
    for channel in listed if isinstance(listed, list) else []:
        if isinstance(channel, dict) and channel.get("name") == name and isinstance(channel.get("id"), str):
            # It is remembered as a doubt, since the delivery itself counts as possibly shown from here on.
            parts = _looked(plan.parts)._replace(channel=channel["id"], doubt=True)
            detail = f"looked up: the channel is {channel['id']}"
            return After(delivered(parts, complete=False, detail=detail), channel=channel["id"])
    return _next_page(plan, answer, pages, nowhere="not looked up, the bot isn't in the channel: it may be there twice")


def _next_page(plan: Plan, answer: Mapping[str, object], pages: int, nowhere: str) -> After:
    metadata = answer.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, Mapping) else None
    read = plan.parts.pages + 1
    if not (isinstance(cursor, str) and cursor):
        return _over(plan, nowhere)
    if read >= pages:
        return _over(plan, f"looked up: it was not among the first {read} pages, and may be there twice")
    parts = plan.parts._replace(doubt=True, cursor=f"{plan.action.name}:{cursor}", pages=read)
    return After(delivered(parts, complete=False, detail=f"looked up: page {read}"))


def _look_failed(plan: Plan, fault: Retry | Rejected, code: str, *, uncertain: bool) -> After:
    """What Slack won't let us look up is posted, twice perhaps: better than never."""
    if isinstance(fault, Retry) and not (code and fault.reason is Reason.BAD_ANSWER):
        # It is as uncertain as it was.
        return After(dataclasses.replace(fault, maybe_shown=uncertain))
    if code in TOKEN_IS_DEAD or (not code and isinstance(fault, Rejected) and fault.scope == "destination"):
        return After(fault)
    if plan.action is Action.FIND_REPLY and code in THREAD_GONE:
        return After(_gone(plan, code))
    return _over(plan, f"not looked up, it may be there twice: {fault.detail}")._replace(channel="")


def _over(plan: Plan, detail: str) -> After:
    return After(delivered(_looked(plan.parts), complete=False, detail=detail), looked=True)


def _gone(plan: Plan, code: str) -> Delivered:
    return delivered(plan.parts.forgotten(), complete=False, detail=f"the message is gone, it is posted anew: {code}")


def _looked(parts: Parts) -> Parts:
    return parts._replace(doubt=False, cursor="", pages=0)
