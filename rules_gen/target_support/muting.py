"""Maintenance windows as Alertmanager routes.

In Alertmanager the first matching route takes an alert, and a route's `mute_time_intervals` are its own:
neither its siblings' nor its parent's count. An alert that several windows match must therefore find one
route that names them all. So every window's route has the later windows that can match the same alert nested
below it, and so on down. A combination that no alert can reach is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules_gen.target_support.matchers import equals, one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rules_gen.model import MaintenanceWindow

Schedule = tuple[frozenset[str], str, str, str]


@dataclass(frozen=True, slots=True)
class MutedRoute:
    """A muting route: its matchers beyond its parent's, the windows that mute it, the routes inside it."""

    matchers: tuple[str, ...]
    windows: tuple[str, ...]
    routes: tuple[MutedRoute, ...]


@dataclass(frozen=True, slots=True)
class _Condition:
    """Which alerts: labels with exactly these values, and a severity that is one of these (None: any)."""

    labels: tuple[tuple[str, str], ...] = ()
    severities: frozenset[str] | None = None

    def also(self, other: _Condition) -> _Condition | None:
        """The alerts that meet both, None when there can't be any."""
        labels = dict(self.labels)
        for label, value in other.labels:
            if labels.setdefault(label, value) != value:
                return None
        if self.severities is None or other.severities is None:
            severities = other.severities if self.severities is None else self.severities
        else:
            severities = self.severities & other.severities
        if severities is not None and not severities:
            return None
        return _Condition(tuple(labels.items()), severities)

    def implies(self, other: _Condition) -> bool:
        """Whether every alert that meets this one meets the other too."""
        if not set(other.labels) <= set(self.labels):
            return False
        return other.severities is None or (self.severities is not None and self.severities <= other.severities)


@dataclass(frozen=True, slots=True)
class _Window:
    name: str
    condition: _Condition
    severities: tuple[str, ...]
    schedule: Schedule


def muted_routes(windows: Sequence[MaintenanceWindow], aliases: Sequence[tuple[str, str]]) -> tuple[MutedRoute, ...]:
    """Routes that mute each alert in exactly the windows that match it, or in others with the same times.

    `aliases` are pairs of another name and the severity it stands for: alerts that weren't compiled here
    carry them. The number of routes can grow as 2 to the power of the number of windows that differ in their
    times and in the labels that they match, since each combination needs a route of its own.
    """
    known = tuple(
        _Window(
            window.name,
            _Condition(window.matchers, frozenset(window.severities)),
            window.severities,
            (frozenset(window.weekdays), window.start, window.end, window.time_zone),
        )
        for window in windows
    )
    return _routes(_Condition(), (), known, (), aliases)


def _routes(
    parent: _Condition,
    muting: tuple[_Window, ...],
    windows: Sequence[_Window],
    taken: tuple[_Condition, ...],
    aliases: Sequence[tuple[str, str]],
) -> tuple[MutedRoute, ...]:
    """The routes inside one that takes the alerts of `parent`, is muted by `muting`, and follows `taken`."""
    routes: list[MutedRoute] = []
    for position, window in enumerate(windows):
        both = parent.also(window.condition)
        if both is None or any(both.implies(earlier) for earlier in taken):
            continue
        later = windows[position + 1 :]
        inside = (*muting, window, *(other for other in later if both.implies(other.condition)))
        times = {other.schedule for other in inside}
        # A window with the same times as one that mutes already would change nothing further down.
        rest = [other for other in later if other.schedule not in times]
        routes.append(
            MutedRoute(
                _matchers(parent, window, aliases),
                tuple(other.name for other in inside),
                _routes(both, inside, rest, taken, aliases),
            )
        )
        taken = (*taken, window.condition)
    return tuple(routes)


def _matchers(parent: _Condition, window: _Window, aliases: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The window's matchers, without those that the parent route has checked."""
    matchers = [equals(label, value) for label, value in window.condition.labels if (label, value) not in parent.labels]
    if parent.severities is None or not parent.severities <= set(window.severities):
        names = (*window.severities, *(alias for alias, severity in aliases if severity in window.severities))
        matchers.append(one_of("severity", names))
    return tuple(matchers)
