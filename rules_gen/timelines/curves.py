"""What is drawn of an alert's condition: its signal with the threshold, or the series that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rules_gen.fixtures.series import parse_series
from rules_gen.model import AlertRule, Scenario
from rules_gen.promql import Analysis, Kind, PromqlError, Target, analyse, tokenize
from rules_gen.promql.operators import PRECEDENCE
from rules_gen.target_support.condition import OPERATOR_WORDS, threshold_text
from rules_gen.timelines.timeline import Limit

MOST_LINES = 4
"""Series that are drawn over one axis. More can't be told apart on a phone."""

MOST_PANELS = 4
_LONGEST_CAPTION = 46


class Curve(NamedTuple):
    """What one panel shows: the results of one expression, or, with `names`, single series of the scenario."""

    caption: str
    unit: str
    expressions: tuple[str, ...]
    names: tuple[str, ...]
    limits: tuple[Limit, ...]
    left_out: int = 0


def curves_of(rules: Sequence[AlertRule], scenario: Scenario, target: Target) -> tuple[Curve, ...]:
    """The panels of a scenario of an alert with these rules; `target` is Prometheus's version."""
    signals: dict[str, tuple[str, list[Limit]]] = {}
    several = len({rule.severity for rule in rules}) > 1
    for rule in rules:
        found = _compared(rule, rule.severity if several else "", target)
        if found is not None:
            signal, unit, limit = found
            limits = signals.setdefault(signal, (unit, []))[1]
            if limit not in limits:
                limits.append(limit)
    if not signals:
        return _inputs(scenario)
    curves = [
        Curve(_caption(signal, target), unit, (signal,), (), tuple(limits))
        for signal, (unit, limits) in signals.items()
    ]
    return tuple(curves[:MOST_PANELS])


def _compared(rule: AlertRule, severity: str, target: Target) -> tuple[str, str, Limit] | None:
    """What a rule compares with a number, and that number; None when it compares nothing."""
    threshold = rule.threshold
    if threshold is not None:
        limit = Limit(threshold.operator, threshold.value, threshold_text(threshold), severity)
        return rule.signal, threshold.unit, limit
    analysis = _analysed(rule.expr, target)
    comparison = analysis.top_comparison if analysis is not None else None
    if comparison is None:
        # `a > 1 and b` needs the first part at least, and has its value.
        first = _first_part(rule.expr)
        analysis = _analysed(first, target) if first else None
        comparison = analysis.top_comparison if analysis is not None else None
    if comparison is None:
        return None
    words = f"{OPERATOR_WORDS[comparison.op]} {comparison.value_text}"
    return comparison.signal_text, "", Limit(comparison.op, comparison.value, words, severity)


def _analysed(expression: str, target: Target) -> Analysis | None:
    analysis = analyse(expression, target)
    return None if isinstance(analysis, tuple) else analysis


def _first_part(expression: str) -> str:
    """What stands before the first `and` or `unless` outside brackets; nothing where there is none, or an `or`."""
    tokens = tokenize(expression)
    if isinstance(tokens, PromqlError):
        return ""
    depth, cut = 0, 0
    for token in tokens:
        if token.kind is Kind.BRACKET:
            depth += 1 if token.text in "([{" else -1
        elif depth == 0 and token.kind is Kind.NAME:
            strength = PRECEDENCE.get(token.text.lower(), 99)
            if strength == PRECEDENCE["or"]:
                return ""
            if strength == PRECEDENCE["and"] and not cut:
                cut = token.start
    return expression[:cut].strip()


def _caption(signal: str, target: Target) -> str:
    """A signal's name: the expression where it is short, else the metric where it is nothing more than that."""
    text = " ".join(signal.split())
    if len(text) <= _LONGEST_CAPTION and "#" not in text:
        return text
    analysis = _analysed(signal, target)
    if analysis is not None and len(analysis.selectors) == 1 and not analysis.functions:
        metric = analysis.selectors[0].name
        if metric and text.startswith(metric + "{") and text.endswith("}"):
            return metric
    return "the signal"


def _inputs(scenario: Scenario) -> tuple[Curve, ...]:
    """The scenario's own series by metric, where there is no signal that can be drawn."""
    metrics: dict[str, list[str]] = {}
    for text, _ in scenario.series:
        labels = parse_series(text)
        if labels is not None:
            metrics.setdefault(labels["__name__"], []).append(text)
    return tuple(
        Curve(metric, "", tuple(texts[:MOST_LINES]), tuple(texts[:MOST_LINES]), (), max(0, len(texts) - MOST_LINES))
        for metric, texts in list(metrics.items())[:MOST_PANELS]
    )
