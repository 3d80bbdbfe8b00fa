"""Notice of maintenance windows, and which alerts they mute. Pure.

Alertmanager does the muting. The router tells the teams beforehand, and must know what is muted when it compares what
fires there with what it was told of.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from router.messages.message import Note
from router.messages.text import humanize
from router.model import Micros
from router.policies import schedule

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from router.routes import Maintenance, Routes


class Notice(NamedTuple):
    """One occurrence of a window that the teams are to be told of."""

    id: str
    """The note's id: the same each time that the same occurrence is asked for."""
    window: str
    starts_at: Micros
    ends_at: Micros
    teams: tuple[str, ...]
    """Keys of the teams that are told."""
    note: Note


def notices(routes: Routes, told: Collection[str], now: Micros) -> tuple[Notice, ...]:
    """What has to be told now: occurrences that begin within their window's `notice`, as long as they haven't begun.

    `told` are the ids of those that have been told. A router that was down when a notice was due gives it late, but
    never after the start. A window that moves is another occurrence, and told again.
    """
    found = []
    for window in routes.maintenance:
        at = now
        while window.notice > 0:
            start = schedule.next_after(window.start, window.weekdays, window.time_zone, at)
            if start.at > now + window.notice:
                break
            at = start.at
            notice = _notice(window, start, routes)
            # A window that lies wholly in the hour that a clock skips doesn't happen.
            if notice.ends_at > notice.starts_at and notice.id not in told:
                found.append(notice)
    return tuple(sorted(found, key=lambda notice: (notice.starts_at, notice.window)))


def muted(routes: Routes, labels: Mapping[str, str], severity: str | None, now: Micros) -> bool:
    """Whether a window mutes an alert with these labels and that resolved severity at that time.

    Like Alertmanager's time intervals this looks at the wall clock: an hour that comes twice is muted twice.
    """
    return any(
        severity in window.severities
        and all(labels.get(name) == value for name, value in window.matchers.items())
        and _inside(window, now)
        for window in routes.maintenance
    )


def _inside(window: Maintenance, now: Micros) -> bool:
    moment = schedule.local(now, window.time_zone)
    minute = moment.hour * 60 + moment.minute
    return moment.weekday() in window.weekdays and schedule.minutes(window.start) <= minute < schedule.minutes(
        window.end
    )


def _notice(window: Maintenance, start: schedule.Occurrence, routes: Routes) -> Notice:
    ends_at = schedule.instant(
        schedule.local(start.at, window.time_zone).date(), schedule.minutes(window.end), window.time_zone
    )
    identity = f"maintenance\0{window.name}\0{start.at}\0{ends_at}"
    team = window.matchers.get("team", "")
    return Notice(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        window=window.name,
        starts_at=start.at,
        ends_at=ends_at,
        teams=(team if team in routes.teams else routes.default_team,),
        note=_note(window, start.at, ends_at),
    )


def _note(window: Maintenance, starts_at: Micros, ends_at: Micros) -> Note:
    zone = window.time_zone
    when = f"{schedule.day_words(starts_at, zone)}, {schedule.clock(starts_at, zone)} to {window.end} ({zone})"
    quiet = ", ".join(window.severities)
    matched = tuple(f"{name} = {value}" for name, value in sorted(window.matchers.items()))
    loud = (
        "Critical alerts still page." if "critical" not in window.severities else "Critical alerts don't page either."
    )
    return Note(
        kind="maintenance",
        title=f"Planned maintenance: {window.name}",
        text=f"{when}, {humanize(ends_at - starts_at)}. Alerts of severity {quiet} are muted meanwhile. {loud}",
        severity="low",
        sections=(("Which alerts", matched),),
        links=(),
    )
