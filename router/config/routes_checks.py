"""What the schema can't say about routes: references, time zones, durations, addresses. Pure."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from router.config.durations import parse_duration
from router.config.problems import Problem, did_you_mean
from router.config.yaml_text import Document, Keys
from router.model import INTERNAL_CLUSTER, SEVERITIES

Found = Iterator[tuple[Keys, str, str]]
"""Where, what is wrong, the way out."""


def check_routes(document: Document) -> tuple[Problem, ...]:
    """All that contradicts itself in routes that the schema admits, in the order of the lines."""
    data = document.data
    checks = (_durations, _teams, _aliases, _clusters, _windows, _time_zones, _secrets)
    found = [(document.lines.get(keys, 0), keys, what, hint) for check in checks for keys, what, hint in check(data)]
    return tuple(Problem(document.place(keys), what, hint) for _, keys, what, hint in sorted(found, key=lambda f: f[0]))


def _durations(data: Mapping[str, Any]) -> Found:
    # Zero would mean: again at once, for ever.
    times: list[Keys] = [("repeat_interval",), ("fallback_after",), ("flap", "within")]
    times += [("clusters", name, "watchdog_deadline") for name in data["clusters"]]
    times += [("maintenance", i, "notice") for i, window in enumerate(data["maintenance"]) if "notice" in window]
    times += [
        ("severities", name, "response")
        for name, severity in data["severities"].items()
        if severity["response"] not in {"at once", "next business day"}
    ]
    for keys in times:
        if not parse_duration(_at(data, keys)):
            yield keys, f"`{'.'.join(map(str, keys))}` is no duration above zero", "for example 5m or 1h30m"


def _teams(data: Mapping[str, Any]) -> Found:
    teams = data["teams"]
    default = data["default_team"]
    if default not in teams:
        yield ("default_team",), f"no team `{default}`", did_you_mean(default, teams)
    elif not any(channel in teams[default] for channel in data["severities"]["critical"]["channels"]):
        channels = " or ".join(data["severities"]["critical"]["channels"])
        yield ("teams", default), f"the default team `{default}` would hear nothing of a critical", f"add {channels}"
    for key, team in teams.items():
        fallback = team.get("fallback")
        if fallback == key:
            yield ("teams", key, "fallback"), f"team `{key}` falls back to itself", "name another team"
        elif fallback is not None and fallback not in teams:
            yield ("teams", key, "fallback"), f"no team `{fallback}`", did_you_mean(fallback, teams)


def _aliases(data: Mapping[str, Any]) -> Found:
    first: dict[str, str] = {}
    for alias, severity in data["aliases"].items():
        keys = ("aliases", alias)
        if alias.lower() in SEVERITIES:
            yield keys, f"`{alias}` is a severity itself", "remove the alias"
        other = first.setdefault(alias.lower(), alias)
        if data["aliases"][other] != severity:
            yield keys, f"`{alias}` and `{other}` differ in case only, which is ignored", "let both mean the same"


def _clusters(data: Mapping[str, Any]) -> Found:
    for name, cluster in data["clusters"].items():
        if name == INTERNAL_CLUSTER:
            yield ("clusters", name), f"`{name}` is the source of the router's own alerts", "give it another name"
        for index, peer in enumerate(cluster["peers"]):
            yield from _address(("clusters", name, "peers", index), peer)


def _address(keys: Keys, address: str) -> Found:
    try:
        parts = urlsplit(address)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        yield keys, "not an address", "for example http://alertmanager-0:9093"
        return
    if not named:
        yield keys, "an address without a host", "for example http://alertmanager-0:9093"
    if "@" in parts.netloc:
        yield keys, "an address with a user or password in it", "leave them out"


def _windows(data: Mapping[str, Any]) -> Found:
    windows = data["maintenance"]
    names = Counter(window["name"] for window in windows)
    for index, window in enumerate(windows):
        keys: Keys = ("maintenance", index)
        if names[window["name"]] > 1:
            names[window["name"]] = 0
            yield (*keys, "name"), f"several windows are called `{window['name']}`", "names are unique"
        if window["times"]["to"] <= window["times"]["from"]:
            yield (*keys, "times", "to"), "the window doesn't end after its start", "over midnight it is two windows"
        team = window["matchers"].get("team")
        if team is not None and team not in data["teams"]:
            yield (*keys, "matchers", "team"), f"no team `{team}`", did_you_mean(team, data["teams"])


def _time_zones(data: Mapping[str, Any]) -> Found:
    places: list[Keys] = [("digest", "time_zone")]
    places += [("maintenance", index, "time_zone") for index in range(len(data["maintenance"]))]
    for keys in places:
        name = _at(data, keys)
        if not _is_zone(name):
            zones = zoneinfo.available_timezones()
            # A machine without a database knows UTC only. To take another zone for UTC would send digests at night.
            hint = did_you_mean(name, zones) if zones else "this machine has no time zones: install tzdata"
            yield keys, f"no time zone `{name}`", hint


def _is_zone(name: str) -> bool:
    if name == "UTC":
        return True
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        return False
    return True


def _secrets(data: Mapping[str, Any]) -> Found:
    for key, team in data["teams"].items():
        for channel, name in (("pagerduty", "routing_key"), ("slack", "token"), ("webhook", "url")):
            secret = team.get(channel, {}).get(name, "")
            # PagerDuty's newer routing keys are 32 capitals and digits, which the form of a name admits.
            if len(secret) == 32 and secret.isalnum() and not secret.isalpha():
                hint = "the name of a variable, never the secret itself"
                yield ("teams", key, channel, name), "not the name of a secret", hint


def _at(data: Any, keys: Keys) -> str:  # noqa: ANN401
    for key in keys:
        data = data[key]
    return str(data)
