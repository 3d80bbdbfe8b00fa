"""Scenarios: series over time, and what a person asserts about the alert."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from rules_gen.diagnostics import Place


class State(StrEnum):
    """What an alert is asserted to be. QUIET is neither pending nor firing."""

    PENDING = "pending"
    FIRING = "firing"
    QUIET = "quiet"


class Assertion(NamedTuple):
    """At `at_ms` milliseconds from the start (`at` as typed), the alert is in `state`.

    `severity` narrows it to one rung of a ladder, None means every rule of the alert.
    """

    state: State
    at: str
    at_ms: int
    severity: str | None
    place: Place


class Scenario(NamedTuple):
    """One scenario of one alert. `interval_ms` is the time between samples.

    `series` are pairs of a series in promtool's notation and its samples. A service with environments has its scenarios
    expanded: one per environment that it holds for, with `environment` set.
    """

    alert: str
    name: str
    environment: str | None
    interval: str
    interval_ms: int
    series: tuple[tuple[str, str], ...]
    assertions: tuple[Assertion, ...]
    place: Place
