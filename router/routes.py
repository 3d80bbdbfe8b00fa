"""`rules/routes.yml` as values: what the compiler tells the router about severities, teams and clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from router.model import Destination, Micros


class SeverityRoute(NamedTuple):
    """What a severity means."""

    response: str
    """As written: `at once`, `15m`, `next business day`."""
    response_after: Micros
    """The same as a time; 0 for `at once`, -1 for `next business day`."""
    channels: tuple[str, ...]


class Team(NamedTuple):
    """A team and where it is told."""

    key: str
    name: str
    destinations: Mapping[str, tuple[Destination, ...]]
    """By channel; a channel that the team hasn't got is absent."""
    fallback: str
    """Another team's key, or empty."""
    escalate_medium: bool


class Digest(NamedTuple):
    """When digests leave."""

    at: str
    """HH:MM."""
    weekdays: tuple[int, ...]
    """Monday is 0."""
    time_zone: str


class Storm(NamedTuple):
    """When new incidents are folded."""

    enabled: bool
    incidents_per_minute: int


class Flap(NamedTuple):
    """When an incident counts as flapping."""

    enabled: bool
    reopenings: int
    within: Micros


class Cluster(NamedTuple):
    """An Alertmanager cluster."""

    name: str
    peers: tuple[str, ...]
    watchdog_deadline: Micros


class Maintenance(NamedTuple):
    """A window of which the router gives notice. Alertmanager does the muting."""

    name: str
    matchers: Mapping[str, str]
    severities: tuple[str, ...]
    weekdays: tuple[int, ...]
    """Monday is 0."""
    start: str
    end: str
    """HH:MM, later than start; 24:00 is the end of the day."""
    time_zone: str
    notice: Micros
    """How long before; 0: none is given."""


class Urls(NamedTuple):
    """Address patterns for a message's links; empty when there are none."""

    silence: str = ""
    """Alertmanager's page for a new silence, with `{matchers}`."""
    query: str = ""
    """Prometheus's query page, with `{expr}`."""


NO_URLS = Urls()


@dataclass(frozen=True, slots=True)
class Routes:
    """All of it."""

    default_team: str
    group_by: tuple[str, ...]
    severities: Mapping[str, SeverityRoute]
    aliases: Mapping[str, str]
    """Keys in lower case; values are severities or `none`."""
    teams: Mapping[str, Team]
    repeat_interval: Micros
    fallback_after: Micros
    digest: Digest
    storm: Storm
    flap: Flap
    clusters: Mapping[str, Cluster]
    maintenance: tuple[Maintenance, ...]
    urls: Urls = NO_URLS
