"""Notes: messages that aren't one incident's state, such as a line about what began and ended unseen. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from router.messages.message import Link, Note, encode_note
from router.messages.text import clock, humanize, one_line
from router.model import Delivery, Destination, Incident, Micros, Shown, Status
from router.planning import note
from router.routes import Routes

QUIET_CHANNELS = ("slack", "email", "webhook")
"""Where something is told that is over already: nobody is woken for it."""


def missed_note(
    incident: Incident, row: Delivery, rows: Sequence[Delivery], routes: Routes, now: Micros
) -> Delivery | None:
    """The line for an episode that PagerDuty was never told of: "fired 02:10, resolved 02:25 while ...".

    None when another destination of the incident tells of the episode anyway, or when nobody can be told quietly; the
    history has it in any case.
    """
    for other in rows:
        shows = other.wanted.episode == row.wanted.episode and other.wanted.state is not Shown.NONE
        if other.destination.partition(":")[0] in QUIET_CHANNELS and shows and other.status is not Status.DEAD:
            return None
    destination = quiet_destination(routes, row.team)
    if destination is None:
        return None
    channel = row.destination.partition(":")[0]
    name = {"pagerduty": "PagerDuty"}.get(channel, channel)
    why = f"{name} was unreachable ({row.reason})" if row.reason else f"the message to {name} was still waiting"
    lasted = humanize(max(incident.closed_at - incident.opened_at, 0))
    text = (
        f"Fired {clock(incident.opened_at)}, resolved {clock(incident.closed_at)} UTC after {lasted}, while {why}."
        " Nobody was paged for it."
    )
    title = (
        f"Over before it could be paged: {one_line(incident.summary) or incident.group.get('alertname', 'an alert')}"
    )
    links: tuple[Link, ...] = ()
    content = Note("missed", title, text, incident.worst, (), links)
    note_id = f"missed-{incident.id}-{row.wanted.episode}"
    return note(note_id, destination, row.team, encode_note(content), now, urgent=False, via="notice")


def quiet_destination(routes: Routes, team: str) -> Destination | None:
    """Where a team is told of what needn't wake anybody: its own channel, its fallback's, or the default team's."""
    known = routes.teams.get(team)
    for key in (team, known.fallback if known else "", routes.default_team):
        candidate = routes.teams.get(key)
        for channel in QUIET_CHANNELS if candidate else ():
            for destination in candidate.destinations.get(channel, ()) if candidate else ():
                return destination
    return None
