"""`rules/routes.yml` from the disk: read, checked as a whole, and read again when it changes.

A file that doesn't validate is never half used. At the start it keeps the router from starting; later the last good one
stays in force, and the refusal is told.
"""

from __future__ import annotations

import enum
import hashlib
import json
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from router.config.durations import parse_duration
from router.config.problems import Problem
from router.config.routes_checks import check_routes
from router.config.validation import validate
from router.config.yaml_text import Document, read_yaml
from router.model import Destination, Micros
from router.routes import Cluster, Digest, Flap, Maintenance, Routes, SeverityRoute, Storm, Team, Urls

DestinationsOf = Callable[[Mapping[str, Any]], Mapping[str, tuple[Destination, ...]]]
"""A team's destinations by channel, from the team as it stands in the file: what the channels' own files say."""


def by_channel(channels: Mapping[str, Any]) -> DestinationsOf:
    """Asks each channel, as `router.notifiers.channels()` gives them, for a team's destinations."""

    def destinations_of(team: Mapping[str, Any]) -> Mapping[str, tuple[Destination, ...]]:
        found = {name: tuple(channel.destinations(team)) for name, channel in channels.items()}
        return {name: destinations for name, destinations in found.items() if destinations}

    return destinations_of


_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@cache
def routes_schema() -> dict[str, Any]:
    """The published JSON Schema of the format."""
    data = pkgutil.get_data("router", "schema/routes.schema.json")
    assert data is not None
    schema: dict[str, Any] = json.loads(data)
    return schema


def load_routes(text: str, name: str, destinations_of: DestinationsOf) -> Routes | tuple[Problem, ...]:
    """The routes that a text holds, or all that is wrong with it. `name` is the file's, for messages."""
    document = read_yaml(text, name)
    if not isinstance(document, Document):
        return document
    if document.data is None:
        return (Problem(name, "the file is empty", "write it with `rules-gen build`"),)
    problems = validate(document, routes_schema()) or check_routes(document)
    return problems or _build(document.data, destinations_of)


def _build(data: Mapping[str, Any], destinations_of: DestinationsOf) -> Routes:
    return Routes(
        default_team=data["default_team"],
        group_by=tuple(data["group_by"]),
        severities={name: _severity(severity) for name, severity in data["severities"].items()},
        aliases={alias.lower(): severity for alias, severity in data["aliases"].items()},
        teams={
            key: Team(key, team["name"], destinations_of(team), team.get("fallback", ""), team["escalate_medium"])
            for key, team in data["teams"].items()
        },
        repeat_interval=_time(data["repeat_interval"]),
        fallback_after=_time(data["fallback_after"]),
        digest=Digest(data["digest"]["at"], _weekdays(data["digest"]["weekdays"]), data["digest"]["time_zone"]),
        storm=Storm(data["storm"]["enabled"], data["storm"]["incidents_per_minute"]),
        flap=Flap(data["flap"]["enabled"], data["flap"]["reopenings"], _time(data["flap"]["within"])),
        clusters={
            name: Cluster(
                name, tuple(peer.rstrip("/") for peer in cluster["peers"]), _time(cluster["watchdog_deadline"])
            )
            for name, cluster in data["clusters"].items()
        },
        maintenance=tuple(_window(window) for window in data["maintenance"]),
        urls=Urls(**data.get("urls", {})),
    )


def _severity(data: Mapping[str, Any]) -> SeverityRoute:
    response = data["response"]
    after = {"at once": 0, "next business day": -1}.get(response)
    return SeverityRoute(response, _time(response) if after is None else after, tuple(data["channels"]))


def _window(data: Mapping[str, Any]) -> Maintenance:
    return Maintenance(
        name=data["name"],
        matchers=dict(data["matchers"]),
        severities=tuple(data["severities"]),
        weekdays=_weekdays(data["times"]["weekdays"]),
        start=data["times"]["from"],
        end=data["times"]["to"],
        time_zone=data["time_zone"],
        notice=_time(data["notice"]) if "notice" in data else 0,
    )


def _time(text: str) -> Micros:
    return parse_duration(text) or 0


def _weekdays(names: list[str]) -> tuple[int, ...]:
    return tuple(sorted(_WEEKDAYS.index(name) for name in names))


class Reload(enum.StrEnum):
    """How a look at the file ended."""

    UNCHANGED = "unchanged"
    RELOADED = "reloaded"
    REFUSED = "refused"
    """The last good routes stay in force; `problems` says why."""


class RoutesFile:
    """The file, and the routes in force. Used by one thread."""

    def __init__(
        self,
        path: str,
        destinations_of: DestinationsOf,
        report: Callable[[Reload, tuple[Problem, ...]], None] = lambda _result, _problems: None,
    ) -> None:
        """`report` is told of each load that changed something or was refused: for the log and the metric."""
        self.path = path
        self._destinations_of = destinations_of
        self._report = report
        self._routes: Routes | None = None
        self._signature: object = None
        self.problems: tuple[Problem, ...] = ()
        """Why the file as it is now was refused; empty when it is in force."""
        self.digest = ""
        """The first 12 hexadecimal digits of the SHA-256 of the content in force."""

    @property
    def routes(self) -> Routes:
        """The routes in force. A first load must have succeeded."""
        if self._routes is None:
            raise RuntimeError(f"{self.path} has not been loaded")
        return self._routes

    def check(self) -> Reload:
        """Load the file if it looks different from the last time: its time, size or inode. Costs one stat."""
        if self._signature is not None and self._signature == _signature(self.path):
            return Reload.UNCHANGED
        return self.reload()

    def reload(self) -> Reload:
        """Load the file whatever it looks like, as SIGHUP asks for."""
        # Taken before reading: a change in between then looks like one, and is read the next time.
        self._signature = _signature(self.path)
        try:
            content = Path(self.path).read_bytes()
            text = content.decode("utf-8")
        except OSError as error:
            # Whatever keeps it from being read may pass without touching the file.
            self._signature = None
            return self._refuse((Problem(self.path, f"can't be read: {error.strerror or type(error).__name__}"),))
        except UnicodeDecodeError:
            return self._refuse((Problem(self.path, "isn't UTF-8"),))
        digest = hashlib.sha256(content).hexdigest()[:12]
        if self._routes is not None and digest == self.digest:
            recovered = bool(self.problems)
            self.problems = ()
            if recovered:
                self._report(Reload.RELOADED, ())
            return Reload.UNCHANGED
        loaded = load_routes(text, self.path, self._destinations_of)
        if not isinstance(loaded, Routes):
            return self._refuse(loaded)
        self._routes, self.digest, self.problems = loaded, digest, ()
        self._report(Reload.RELOADED, ())
        return Reload.RELOADED

    def _refuse(self, problems: tuple[Problem, ...]) -> Reload:
        again = problems == self.problems
        self.problems = problems
        if not again:
            self._report(Reload.REFUSED, problems)
        return Reload.REFUSED


def _signature(path: str) -> object:
    try:
        stat = Path(path).stat()
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)
