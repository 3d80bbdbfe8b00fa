"""Folds a team's new incidents into one summary when too many open at once. Pure.

A storm begins with the first incident over the limit within a minute, and is over when for a whole minute no more than
the limit have opened in any minute. What opens in between is folded where folding is for (Slack, mail): the summary
counts it by alert name. PagerDuty is never folded.

The state is a value that the caller keeps as JSON in the store, one for each team, and changes in the same transaction
as the incidents it counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from router.messages.message import Note
from router.messages.text import clock, humanize, one_line
from router.model import MINUTE, SECOND, Micros

if TYPE_CHECKING:
    from router.routes import Storm

WINDOW = MINUTE
"""The time in which incidents are counted, and for which it must be calm."""
FIRST_UPDATE = 30 * SECOND
"""How long after the first summary the next may follow. Each later gap is twice the one before it, up to LAST_UPDATE: a
storm of hours shall not itself become one."""
LAST_UPDATE = 10 * MINUTE
NAMES = 20
"""How many alert names are counted each by itself."""
OTHERS = ""
"""Under which the rest is counted."""


class StormState(NamedTuple):
    """What is known of one team's storms."""

    team: str
    recent: tuple[Micros, ...]
    """When the last incidents opened, oldest first: at most one more than the limit."""
    id: str
    """The storm that rages, or empty."""
    since: Micros
    until: Micros
    """Until when a minute has too many, by what has opened so far."""
    folded: int
    counts: Mapping[str, int]
    """How many were folded, by alert name."""
    notes: int
    """How many summaries have been made of this storm."""
    noted_at: Micros
    noted: int
    """What `folded` was in the last of them."""


class Summary(NamedTuple):
    """A summary to send."""

    note_id: str
    """The same whoever makes it, so that it is sent once."""
    note: Note
    over: bool
    """It is the last of its storm."""


def calm(team: str) -> StormState:
    """A team without a storm, and without a past."""
    return StormState(team, (), "", 0, 0, 0, {}, 0, 0, 0)


def opened(state: StormState, name: str, setting: Storm, now: Micros) -> tuple[StormState, str]:
    """Count an incident that opens, of the alert of that name. The storm's id when it is folded, otherwise empty."""
    if not setting.enabled:
        return state, ""
    limit = setting.incidents_per_minute
    # A clock that was set back leaves openings in the future, which would never grow old.
    recent = (*(min(at, now) for at in state.recent), now)[-(limit + 1) :]
    state = state._replace(recent=recent)
    if len(recent) > limit and recent[0] > now - WINDOW:
        if not state.id:
            found = hashlib.sha256(f"storm\0{state.team}\0{now}".encode()).hexdigest()[:32]
            state = calm(state.team)._replace(recent=recent, id=found, since=now)
        # The minute that ends with the first of them still has them all; a moment later it has one less.
        state = state._replace(until=recent[0] + WINDOW)
    if not state.id or is_over(state, setting, now):
        return state, ""
    key = one_line(name, 200) or "unnamed"
    if key not in state.counts and len(state.counts) >= NAMES:
        key = OTHERS
    counts = {**state.counts, key: state.counts.get(key, 0) + 1}
    return state._replace(folded=state.folded + 1, counts=counts), state.id


def is_over(state: StormState, setting: Storm, now: Micros) -> bool:
    """Whether the storm, if there is one, has ended: it has been calm for a minute, or folding was switched off."""
    return bool(state.id) and (not setting.enabled or now >= state.until + WINDOW)


def step(
    state: StormState, setting: Storm, still_open: int, now: Micros, link: str = ""
) -> tuple[StormState, Summary | None]:
    """The summary that is due now, if any; to be asked after incidents were counted, and each second or so. The state
    is to be kept whenever it has changed, in the transaction that writes the summary.

    `still_open`: how many of the folded incidents are, for the last summary. `link`: where they are listed.
    """
    if not state.id:
        return state, None
    state = state._replace(until=min(state.until, now + WINDOW))
    if is_over(state, setting, now):
        summary = Summary(f"{state.id}-over", _over_note(state, still_open, now, link), over=True)
        return calm(state.team)._replace(recent=state.recent), summary
    gap = min(FIRST_UPDATE << min(state.notes - 1, 10), LAST_UPDATE) if state.notes else 0
    if state.noted == state.folded or 0 <= now - state.noted_at < gap:
        return state, None
    summary = Summary(f"{state.id}-{state.notes}", _note(state, setting, link), over=False)
    return state._replace(notes=state.notes + 1, noted_at=now, noted=state.folded), summary


def _note(state: StormState, setting: Storm, link: str) -> Note:
    noun = "incident" if state.folded == 1 else "incidents"
    return Note(
        kind="storm",
        title=f"Alert storm: {state.folded} more new {noun} of team {state.team}",
        text=f"Since {clock(state.since)} UTC more than {setting.incidents_per_minute} open in a minute. They are "
        "counted here instead of told one by one. What pages still pages." + _where(link),
        severity="high",
        sections=(("By alert", _lines(state)),),
        links=(),
    )


def _over_note(state: StormState, still_open: int, now: Micros, link: str) -> Note:
    left = "None of them is open any more." if not still_open else f"{still_open} of them are still open."
    if still_open == 1:
        left = "1 of them is still open."
    noun = "incident was" if state.folded == 1 else "incidents were"
    return Note(
        kind="storm",
        title=f"The alert storm of team {state.team} is over",
        text=f"It lasted {humanize(now - state.since)}, from {clock(state.since)} to {clock(now)} UTC. {state.folded} "
        f"{noun} counted instead of told one by one. {left}" + _where(link),
        severity="high" if still_open else "low",
        sections=(("By alert", _lines(state)),),
        links=(),
    )


def _where(link: str) -> str:
    return f" All of them: {link}" if link else ""


def _lines(state: StormState) -> tuple[str, ...]:
    named = [(count, name) for name, count in state.counts.items() if name != OTHERS]
    lines = [f"{name}: {count}" for count, name in sorted(named, key=lambda entry: (-entry[0], entry[1]))]
    rest = state.counts.get(OTHERS, 0)
    return (*lines, f"other alerts: {rest}") if rest else tuple(lines)


def encode(state: StormState) -> str:
    """The state as JSON."""
    return json.dumps(state._asdict(), separators=(",", ":"))


def decode(team: str, text: str | None) -> StormState:
    """The state that `encode` has written. Nothing, or what isn't one, is calm: then a storm begins anew."""
    if not text:
        return calm(team)
    try:
        data = json.loads(text)
        return StormState(
            team=team,
            recent=tuple(int(at) for at in data["recent"]),
            id=str(data["id"]),
            since=int(data["since"]),
            until=int(data["until"]),
            folded=int(data["folded"]),
            counts={str(name): int(count) for name, count in data["counts"].items()},
            notes=int(data["notes"]),
            noted_at=int(data["noted_at"]),
            noted=int(data["noted"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return calm(team)
