"""The rules that Prometheus evaluates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from rules_gen.diagnostics import Place

Pairs = tuple[tuple[str, str], ...]
"""Labels or annotations, in the order in which they are printed."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A comparison of a signal with a number.

    `text` is what the author typed, `operator` PromQL's (`>`, `>=`, `<`, `<=`, `==`, `!=`), `literal` the number in
    base units as PromQL prints it, `value` the same as a float. `unit` is the author's unit ("%", "ms", "GiB", or ""
    for none) and `dimension` what it measures: "ratio", "seconds", "bytes" or "".
    """

    text: str
    operator: str
    literal: str
    value: float
    unit: str
    dimension: str


class AlertRule(NamedTuple):
    """One alerting rule as Prometheus loads it.

    `expr` is the whole condition, `signal` what is compared (the same as `expr` where the author wrote no threshold).
    `severity` is canonical, also where `labels` carries it. `rung` says that the rule is one of several of a ladder.
    """

    alert: str
    expr: str
    signal: str
    threshold: Threshold | None
    hold: str
    """`for`, as typed."""
    keep_firing_for: str | None
    severity: str
    rung: bool
    environment: str | None
    labels: Pairs
    annotations: Pairs
    place: Place
    expr_place: Place
    """Where `expr` (or the signal) was written."""
    threshold_place: Place
    summary_place: Place


class EquivalentMutant(NamedTuple):
    """A mutant, by its name, that its author says means the same as the original, and why."""

    mutant: str
    reason: str
    place: Place


class RecordingRule(NamedTuple):
    """One recording rule."""

    record: str
    expr: str
    labels: Pairs
    place: Place
    written: bool = True
    """Whether somebody wrote it, rather than the compiler for an objective."""
    equivalents: tuple[EquivalentMutant, ...] = ()


class RuleGroup(NamedTuple):
    """Rules that Prometheus evaluates one after the other. Durations as typed, None for Prometheus's default."""

    name: str
    interval: str | None
    limit: int | None
    query_offset: str | None
    rules: tuple[AlertRule | RecordingRule, ...]
