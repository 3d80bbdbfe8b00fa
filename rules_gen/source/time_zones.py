"""Whether the policy's time zones exist, by this machine's time zone database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules_gen.diagnostics import Place, Problem

if TYPE_CHECKING:
    from rules_gen.model import Policy


def unknown_time_zones(policy: Policy) -> list[Problem]:
    """A problem for each time zone that nobody knows: Alertmanager would refuse its whole configuration.

    Nothing where the machine has no database to ask.
    """
    zones = [(window.time_zone, window.place.at("time_zone")) for window in policy.maintenance]
    zones.append((policy.router.digest.time_zone, policy.place.at("router", "digest", "time_zone")))
    return [_problem(name, place) for name, place in zones if name != "UTC" and not _is_known(name)]


def _is_known(name: str) -> bool:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        return not zoneinfo.available_timezones()
    return True


def _problem(name: str, place: Place) -> Problem:
    import zoneinfo

    from rules_gen.source.suggest import did_you_mean

    return Problem("policy", f"no time zone `{name}`", place, did_you_mean(name, zoneinfo.available_timezones()))
