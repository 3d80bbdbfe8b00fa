"""What is drawn of an alert's condition: its signal with the threshold, or the series that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rules_gen.fixtures.series import parse_series
from rules_gen.model import AlertRule, Scenario
from rules_gen.promql import Analysis, Kind, PromqlError, Target, Token, analyse, tokenize
from rules_gen.promql.operators import SET_OPERATORS
from rules_gen.target_support.condition import OPERATOR_WORDS, threshold_text
from rules_gen.timelines.timeline import PART, SIGNAL, TOGETHER, Limit

MOST_LINES = 4
"""Series that are drawn over one axis. More can't be told apart on a phone."""

MOST_PANELS = 4
_LONGEST_CAPTION = 46


class Curve(NamedTuple):
    """What one panel shows: the results of expressions, or, with `single`, series of the scenario."""

    caption: str
    unit: str
    expressions: tuple[tuple[str, str], ...]
    """Pairs of an expression and what it is called."""
    limits: tuple[Limit, ...]
    single: bool = False
    left_out: int = 0


def curves_of(rules: Sequence[AlertRule], scenario: Scenario, target: Target) -> tuple[Curve, ...]:
    """The panels of a scenario of an alert with these rules; `target` is Prometheus's version."""
    found: dict[tuple[str, ...], tuple[str, list[Limit]]] = {}
    partial = False
    several = len({rule.severity for rule in rules}) > 1
    for rule in rules:
        compared, whole = _compared(rule, rule.severity if several else "", target)
        partial = partial or not whole
        # Parts with the same limit share an axis: the short and the long window of a burn rate.
        together: dict[tuple[str, Limit], list[str]] = {}
        for signal, unit, limit in compared:
            together.setdefault((unit, limit), []).append(signal)
        for (unit, limit), signals in together.items():
            limits = found.setdefault(tuple(signals), (unit, []))[1]
            if limit not in limits:
                limits.append(limit)
    if not found:
        return _inputs(scenario)
    return tuple(
        Curve(_title(signals, target, partial=partial), unit, _named(signals, target), tuple(limits))
        for signals, (unit, limits) in list(found.items())[:MOST_PANELS]
    )


def _named(signals: Sequence[str], target: Target) -> tuple[tuple[str, str], ...]:
    return tuple((signal, _caption(signal, target)) for signal in signals)


def _title(signals: Sequence[str], target: Target, *, partial: bool) -> str:
    title = _caption(signals[0], target) if len(signals) == 1 else TOGETHER[0] if len(signals) == 2 else TOGETHER[1]
    return f"{PART}: {title}" if partial else title


def _compared(rule: AlertRule, severity: str, target: Target) -> tuple[list[tuple[str, str, Limit]], bool]:
    """What a rule compares with numbers, those numbers and their units; and whether that is all of its condition."""
    threshold = rule.threshold
    parts = _parts(rule.expr)
    if threshold is not None and len(parts) < 2:
        limit = Limit(threshold.operator, threshold.value, threshold_text(threshold), severity)
        return [(rule.signal, threshold.unit, limit)], bool(parts)
    found: list[tuple[str, str, Limit]] = []
    for part in parts:
        analysis = _analysed(part, target)
        comparison = analysis.top_comparison if analysis is not None else None
        if comparison is None:
            continue
        unit, words = "", f"{OPERATOR_WORDS[comparison.op]} {comparison.value_text}"
        if threshold is not None and (threshold.operator, threshold.value) == (comparison.op, comparison.value):
            unit, words = threshold.unit, threshold_text(threshold)
        found.append((comparison.signal_text, unit, Limit(comparison.op, comparison.value, words, severity)))
    return found, len(found) == len(parts) > 0


def _analysed(expression: str, target: Target) -> Analysis | None:
    analysis = analyse(expression, target)
    return None if isinstance(analysis, tuple) else analysis


def _parts(expression: str) -> list[str]:
    """The parts of `a and b and c`, of which each is needed; the whole where there is no `and` outside brackets.

    What stands after an `unless` is left empty. Nothing at all where an `or` could stand in for any part.
    """
    tokens = tokenize(expression)
    if isinstance(tokens, PromqlError):
        return []
    depth, begin, shown = 0, 0, True
    parts: list[str] = []
    for index, token in enumerate(tokens):
        if token.kind is Kind.BRACKET:
            depth += 1 if token.text in "([{" else -1
        word = token.text.lower() if depth == 0 and token.kind is Kind.NAME else ""
        if word == "or":
            return []
        if word in SET_OPERATORS:
            parts.append(expression[begin : token.start] if shown else "")
            begin, shown = _operand(tokens, index), word == "and"
    parts.append(expression[begin:] if shown else "")
    return [part.strip() for part in parts]


def _operand(tokens: Sequence[Token], operator: int) -> int:
    """Where what follows an operator begins, after `on (...)` or `ignoring (...)`."""
    following = tokens[operator + 1 :]
    if following and following[0].text.lower() in ("on", "ignoring"):
        return next((token.end for token in following if token.text == ")"), tokens[operator].end)
    return tokens[operator].end


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
    return SIGNAL


def _inputs(scenario: Scenario) -> tuple[Curve, ...]:
    """The scenario's own series by metric, where there is no signal that can be drawn."""
    metrics: dict[str, list[str]] = {}
    for text, _ in scenario.series:
        labels = parse_series(text)
        if labels is not None:
            metrics.setdefault(labels["__name__"], []).append(text)
    return tuple(
        Curve(
            metric if len(texts) > 1 else texts[0],
            "",
            tuple((text, "") for text in texts[:MOST_LINES]),
            (),
            single=True,
            left_out=max(0, len(texts) - MOST_LINES),
        )
        for metric, texts in list(metrics.items())[:MOST_PANELS]
    )
