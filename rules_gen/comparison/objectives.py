"""What has changed of an objective: what it promises, over which window, of which events."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rules_gen.comparison.findings import Finding, Impact, Typed, Words
from rules_gen.model import Alert, Service, Slo


def objective_of(service: Service, alert: Alert) -> Slo | None:
    """The objective that an alert was made for."""
    return next((slo for slo in service.slos if slo.name == alert.slo), None)


def promises_differ(old: Slo | None, new: Slo | None) -> bool:
    """Whether the thresholds of the two objectives' alerts follow from other promises."""
    return old is not None and new is not None and (old.target, old.window) != (new.target, new.window)


def objective_findings(old: Slo, new: Slo, alerts: tuple[Alert, Alert], *, same_events: bool) -> Iterator[Finding]:
    """The promise and the window, and what they make of the alert's thresholds.

    Of other events the thresholds say nothing, so the direction is only told for the same.
    """
    impact = _sensitivity(*alerts) if same_events else Impact.CONDITION
    verdict = {
        Impact.LESS_SENSITIVE: ", less sensitive",
        Impact.MORE_SENSITIVE: ", more sensitive",
    }.get(impact, ", some of its thresholds more sensitive and some less" if same_events else "")
    if old.target != new.target:
        words: Words = (
            "objective ",
            Typed(old.objective),
            " -> ",
            Typed(new.objective),
            ": a budget ",
            _times((1 - new.target) / (1 - old.target)),
            verdict,
        )
        yield Finding("objective", impact, words, old.objective, new.objective)
    if old.window != new.window:
        words = ("objective's window ", Typed(old.window), " -> ", Typed(new.window), verdict)
        yield Finding("objective-window", impact, words, old.window, new.window)


def _times(ratio: float) -> str:
    if ratio >= 1:
        return f"{_round(ratio)} times as large"
    return f"{_round(1 / ratio)} times smaller"


def _round(value: float) -> str:
    digits = 3 - math.ceil(math.log10(value)) if value < 100 else 0
    return f"{round(value, max(digits, 0)):g}"


def _sensitivity(old: Alert, new: Alert) -> Impact:
    """Certain only where every threshold moved the same way: the rules come in one order, one for each window."""
    if len(old.rules) != len(new.rules):
        return Impact.CONDITION
    moves = set()
    for before, after in zip(old.rules, new.rules, strict=True):
        if before.threshold is None or after.threshold is None:
            return Impact.CONDITION
        moves.add((after.threshold.value > before.threshold.value) - (after.threshold.value < before.threshold.value))
    moves.discard(0)
    if moves == {1}:
        return Impact.LESS_SENSITIVE
    return Impact.MORE_SENSITIVE if moves == {-1} else Impact.CONDITION
