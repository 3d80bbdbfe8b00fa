"""A mutant, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from rules_gen.diagnostics import Place
from rules_gen.model import AlertRule, RecordingRule

Rule = AlertRule | RecordingRule
Spot = tuple[str | None, int]
"""A rule of a service: the environment (None without), and its number among all rules of that file, from 0."""


class Change(NamedTuple):
    """A mistake in one rule: its family, its name, and the rule that it makes."""

    operator: str
    name: str
    spot: Spot
    rule: Rule


@dataclass(frozen=True, slots=True, eq=False)
class Mutant:
    """One mistake made in one alert or recording rule. `name` is unique within its `subject`.

    `changes` has every rule that the mistake changes: an expression is typed once for all rungs and environments.
    `before` and `after` are the lines of the first of them that differ.
    """

    subject: str
    name: str
    operator: str
    before: str
    after: str
    changes: Mapping[Spot, Rule]
    place: Place
    """Where the alert, the recording rule or the objective is defined."""


class Status(StrEnum):
    """What became of a mutant. Only KILLED and SURVIVED count for the score, and UNJUDGED against it."""

    KILLED = "killed"
    SURVIVED = "survived"
    EQUIVALENT = "equivalent"
    """It means the same, as simplifying both shows."""
    MARKED = "marked"
    """Its author says that it means the same."""
    INVALID = "invalid"
    """promtool refuses the rule, so it could never be deployed."""
    UNJUDGED = "unjudged"
    """The harness failed: nothing is known."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant, and why in words. `scenario` is the one that told it from the original."""

    status: Status
    reason: str = ""
    scenario: str = ""
