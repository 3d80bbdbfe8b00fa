"""What the kill test's Alertmanagers tell, worked out from a seed before anything runs. Pure.

There are incidents with one to three alerts each, of severities that make an incident rise and fall. Each step flips
one or two alerts of one incident and has a webhook: what fires now and what the step resolved, as Alertmanager sends a
group. Two peers see to it that some webhooks are sent twice at once, and that some come once more when the group has
moved on.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, NamedTuple

from webhooks import alert, fingerprint, webhook

from router.model import SEVERITIES, incident_id

CLUSTER = "main"
SHAPES = (
    ("critical", "medium"),
    ("high", "medium", "high"),
    ("critical", "high", "medium"),
    ("critical",),
    ("medium",),
    ("high",),
    ("medium", "critical"),
)
"""The severities of an incident's alerts."""

TICK = 7_000
"""Microseconds of the alerts' own time between two flips."""


class AlertTruth(NamedTuple):
    """An alert as Prometheus sees it."""

    fingerprint: str
    severity: str
    firing: bool
    fires: int
    """How often it began."""
    ends: int


class Step(NamedTuple):
    """One flush of a group."""

    incident: str
    body: bytes
    flips: int
    fired: tuple[tuple[str, Mapping[str, str]], ...]
    """Fingerprints and labels of the alerts that began; what Alertmanager's own list has from now on."""
    resolved: tuple[str, ...]
    twice: bool
    """Both peers send it at once."""
    again_after: int
    """It comes once more after so many further steps of the same worker; 0: it doesn't."""


class Script(NamedTuple):
    """All of it."""

    workers: tuple[tuple[Step, ...], ...]
    """An incident belongs to one worker, which makes its steps in their order."""
    truth: Mapping[str, tuple[AlertTruth, ...]]
    """By incident id, at the end."""
    teams: Mapping[str, str]
    """By incident id."""
    transitions: int
    webhooks: int


class _Group:
    def __init__(self, number: int, teams: list[str]) -> None:
        self.team = teams[number % len(teams)]
        self.labels = {"team": self.team, "service": f"service-{number % 7}", "alertname": f"Broken{number}"}
        self.severities = SHAPES[number % len(SHAPES)]
        self.starts = [0] * len(self.severities)
        """0: it doesn't fire."""
        self.fires = [0] * len(self.severities)
        self.ends = [0] * len(self.severities)

    @property
    def id(self) -> str:
        return incident_id(CLUSTER, self.labels)

    def alert_labels(self, place: int) -> dict[str, str]:
        return self.labels | {"severity": self.severities[place], "instance": f"web-{place}:9100"}

    def alert(self, place: int, starts_at: int, ends_at: int) -> dict[str, Any]:
        """As a webhook has it; `ends_at` 0: it fires."""
        name = self.labels["alertname"]
        return alert(
            name, firing=not ends_at, starts_at=starts_at, ends_at=ends_at or 0, labels=self.alert_labels(place)
        )

    def truth(self) -> tuple[AlertTruth, ...]:
        return tuple(
            AlertTruth(
                fingerprint(self.alert_labels(place)),
                severity,
                self.starts[place] > 0,
                self.fires[place],
                self.ends[place],
            )
            for place, severity in enumerate(self.severities)
        )


def make_script(seed: int, *, transitions: int, incidents: int, workers: int, teams: list[str], start: int) -> Script:
    """`start`: microseconds, when the first alert fires."""
    chance = random.Random(seed)
    groups = [_Group(number, teams) for number in range(incidents)]
    steps: list[list[Step]] = [[] for _ in range(workers)]
    now, done, webhooks = start, 0, 0
    while done < transitions:
        number = chance.randrange(incidents)
        group = groups[number]
        places = chance.sample(range(len(group.severities)), min(len(group.severities), 1 + (chance.random() < 0.25)))
        ended = []
        fired = []
        for place in places:
            now += TICK
            if group.starts[place]:
                ended.append(group.alert(place, group.starts[place], now))
                group.starts[place] = 0
                group.ends[place] += 1
            else:
                group.starts[place] = now
                group.fires[place] += 1
                labels = group.alert_labels(place)
                fired.append((fingerprint(labels), labels))
        firing = [group.alert(place, since, 0) for place, since in enumerate(group.starts) if since]
        alerts = firing + ended
        chance.shuffle(alerts)
        twice = chance.random() < 0.15
        again_after = chance.randint(1, 6) if chance.random() < 0.1 else 0
        steps[number % workers].append(
            Step(
                group.id,
                webhook(alerts),
                len(places),
                tuple(fired),
                tuple(entry["fingerprint"] for entry in ended),
                twice,
                again_after,
            )
        )
        done += len(places)
        webhooks += 1 + twice + (again_after > 0)
    return Script(
        workers=tuple(tuple(row) for row in steps),
        truth={group.id: group.truth() for group in groups},
        teams={group.id: group.team for group in groups},
        transitions=done,
        webhooks=webhooks,
    )


def worst(alerts: tuple[AlertTruth, ...]) -> str:
    """The worst severity that fires; empty when none does."""
    return min((one.severity for one in alerts if one.firing), key=SEVERITIES.index, default="")
