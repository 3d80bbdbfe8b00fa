"""A service with its alerts, and what the whole catalogue keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from rules_gen.diagnostics import Place
from rules_gen.model.policy import Policy
from rules_gen.model.rules import AlertRule, EquivalentMutant, RuleGroup
from rules_gen.model.runbook import Runbook
from rules_gen.model.scenario import Scenario


class Exemption(NamedTuple):
    """A check that is switched off for an alert until a day (ISO date)."""

    check: str
    reason: str
    until: str
    place: Place


class Alert(NamedTuple):
    """An alert as its author sees it: one name, one page, one or several rules.

    `runbook` is None where the page lives elsewhere; `runbook_url` is always set. `rules` has one rule per rung and
    environment, in that order. `equal` are the author's labels for inhibition, None to infer them.
    """

    name: str
    summary: str
    description: str
    runbook: Runbook | None
    runbook_url: str
    dashboard_url: str
    rules: tuple[AlertRule, ...]
    scenarios: tuple[Scenario, ...]
    inhibits: tuple[str, ...]
    equal: tuple[str, ...] | None
    notify: str | None
    bypass_router: bool
    exemptions: tuple[Exemption, ...]
    slo: str | None
    """The objective that this alert was made for, None for an alert that somebody wrote."""
    place: Place
    equivalents: tuple[EquivalentMutant, ...] = ()

    @property
    def severities(self) -> tuple[str, ...]:
        """The severities of its rules, each once, in the order of the rules."""
        return tuple(dict.fromkeys(rule.severity for rule in self.rules))

    @property
    def is_ladder(self) -> bool:
        """Whether it has more than one severity within one environment."""
        return any(rule.rung for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Slo:
    """An objective: `objective` as typed ("99.9%"), `target` as a ratio, `window` as typed.

    `ratio_record` maps a window ("5m") to the recorded series of the error ratio over it; `labels` select this
    objective's series among those.
    """

    name: str
    objective: str
    target: float
    window: str
    description: str
    ratio_records: tuple[tuple[str, str], ...]
    total_record: str
    labels: tuple[tuple[str, str], ...]
    alert: str


@dataclass(frozen=True, slots=True)
class Service:
    """All of a service. `files` maps an environment's name (None without environments) to its rule groups."""

    name: str
    team: str
    description: str
    environments: tuple[str | None, ...]
    groups: tuple[tuple[str | None, tuple[RuleGroup, ...]], ...]
    alerts: tuple[Alert, ...]
    slos: tuple[Slo, ...]
    source: str
    """The file that it was read from, relative to the repository's root."""
    place: Place
    left_out: frozenset[str] = frozenset()
    """Names of alerts that have errors of their own, so that nobody calls them unknown besides."""

    @property
    def key(self) -> str:
        """`team/service`, unique in a catalogue and the stem of its output paths."""
        return f"{self.team}/{self.name}"


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While the source alert fires, the target is kept quiet wherever the `equal` labels agree.

    Severities narrow either side for a ladder; empty means any.
    """

    source: str
    source_severity: str
    target: str
    target_severities: tuple[str, ...]
    equal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertDigest:
    """What the catalogue keeps of an alert. `page` is the generated page's path, None where it lives elsewhere."""

    name: str
    severities: tuple[str, ...]
    summary: str
    runbook_url: str
    page: str | None
    bypass_router: bool
    notify: str | None


@dataclass(frozen=True, slots=True)
class ServiceDigest:
    """What the catalogue keeps of a service, so that one changed file doesn't mean reading all the others again."""

    team: str
    service: str
    description: str
    source: str
    alerts: tuple[AlertDigest, ...]
    inhibitions: tuple[Inhibition, ...]
    paths: tuple[str, ...]
    """The files generated for it."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything: the policy and all services, sorted by team and name."""

    policy: Policy
    services: tuple[ServiceDigest, ...]
