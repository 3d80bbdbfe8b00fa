"""What is known about the coverage of rules, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rules_gen.diagnostics import Place
from rules_gen.model.rules import Pairs

if TYPE_CHECKING:
    from rules_gen.target import ProofScenario

CONSTANT = "fires by construction"
"""Why a Watchdog owes no scenario."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What promtool has proved of one rule file.

    `scenarios` are those that do what they assert. `reached` has the recording rules that gave a result, numbered from
    0 in the order of the file, each with the scenarios that made it.
    """

    scenarios: tuple[ProofScenario, ...] = ()
    reached: Mapping[int, tuple[ProofScenario, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """An alert in one severity and environment.

    `shown` has every state of PROOF_STATES with the names of the scenarios that show it. `demanded` is what the policy
    asks for. `exempt` says why nothing is owed, None when all of it is; `until` is the day (ISO) on which that ends.
    """

    team: str
    service: str
    alert: str
    severity: str
    environment: str | None
    place: Place
    shown: tuple[tuple[str, tuple[str, ...]], ...]
    demanded: tuple[str, ...]
    exempt: str | None = None
    until: str | None = None

    @property
    def id(self) -> str:
        """A name that is the same as long as the rule is."""
        where = () if self.environment is None else (self.environment,)
        return "/".join((self.team, self.service, *where, self.alert, self.severity))

    @property
    def missing(self) -> tuple[str, ...]:
        """The states that are demanded and not shown; nothing while it is exempt."""
        shown = dict(self.shown)
        return () if self.exempt is not None else tuple(state for state in self.demanded if not shown[state])

    def shows(self, state: str) -> bool:
        """Whether a scenario shows this state."""
        return bool(dict(self.shown)[state])


@dataclass(frozen=True, slots=True)
class RecordCoverage:
    """A recording rule in one environment. `reached_by` are pairs of an alert and its scenario's name."""

    team: str
    service: str
    record: str
    labels: Pairs
    environment: str | None
    number: int
    """Its place among the recording rules of its file, from 0: name and labels may stand there twice."""
    place: Place
    demanded: bool
    reached_by: tuple[tuple[str, str], ...]
    objective: str | None = None
    """The objective for which the compiler made it, None for a rule that somebody wrote."""

    @property
    def id(self) -> str:
        """A name that is the same as long as the rules of its file are."""
        where = () if self.environment is None else (self.environment,)
        return "/".join((self.team, self.service, *where, f"{self.number + 1}", self.record))

    @property
    def title(self) -> str:
        """Its series, as a selector without the labels that all of a service have."""
        told = ("team", "service", "environment")
        labels = ", ".join(f'{label}="{value}"' for label, value in self.labels if label not in told)
        return f"{self.record}{{{labels}}}" if labels else self.record

    @property
    def missing(self) -> bool:
        """Whether a result is demanded and there is none."""
        return self.demanded and not self.reached_by


@dataclass(frozen=True, slots=True)
class Coverage:
    """All rules that were looked at. `narrowed`: only some alerts were, and no recording rules."""

    rules: tuple[RuleCoverage, ...]
    records: tuple[RecordCoverage, ...]
    narrowed: bool = False

    @property
    def is_met(self) -> bool:
        """Whether all that is demanded is shown."""
        return not any(rule.missing for rule in self.rules) and not any(record.missing for record in self.records)

    @property
    def demanded(self) -> int:
        """How much is demanded in all, one for each state of a rule and each recording rule."""
        states = sum(len(rule.demanded) for rule in self.rules if rule.exempt is None)
        return states + sum(record.demanded for record in self.records)

    @property
    def lacking(self) -> int:
        """How much of that isn't shown."""
        return sum(len(rule.missing) for rule in self.rules) + sum(record.missing for record in self.records)

    def services(self) -> dict[str, tuple[tuple[RuleCoverage, ...], tuple[RecordCoverage, ...]]]:
        """The same by `team/service`, in order."""
        found: dict[str, tuple[list[RuleCoverage], list[RecordCoverage]]] = {}
        for rule in self.rules:
            found.setdefault(f"{rule.team}/{rule.service}", ([], []))[0].append(rule)
        for record in self.records:
            found.setdefault(f"{record.team}/{record.service}", ([], []))[1].append(record)
        return {key: (tuple(found[key][0]), tuple(found[key][1])) for key in sorted(found)}

    def alerts(self) -> int:
        """How many alerts there are, each once whatever its severities and environments."""
        return len({(rule.team, rule.service, rule.alert) for rule in self.rules})

    def share(self, state: str) -> tuple[int, int]:
        """How many of the rules that aren't exempt are shown in this state, and how many those are."""
        owing = [rule for rule in self.rules if rule.exempt is None]
        return sum(rule.shows(state) for rule in owing), len(owing)
