"""Turns an author's expression and threshold into what Prometheus evaluates. Pure."""

from __future__ import annotations

from typing import NamedTuple

from rules_gen.diagnostics import Place
from rules_gen.model import Threshold
from rules_gen.promql import Analysis, analyse, compose_threshold
from rules_gen.source.context import Reader
from rules_gen.source.thresholds import parse_threshold


class Condition(NamedTuple):
    """The whole expression, the signal in it, and the threshold that was put between."""

    expr: str
    signal: str
    threshold: Threshold | None


def read_expression(text: str, place: Place, reader: Reader) -> tuple[str, Analysis] | None:
    """The expression without the blank space around it, and its analysis; None, and problems, where it is wrong."""
    signal = text.strip()
    analysis = analyse(signal, reader.policy.prometheus)
    if isinstance(analysis, tuple):
        shift = text.index(signal)
        for error in analysis:
            reader.report(
                "promql-syntax",
                error.message,
                place.within(error.offset + shift, max(error.length, 1)),
                error.suggestion,
            )
        return None
    return signal, analysis


def read_condition(
    text: str, place: Place, threshold: str | None, threshold_place: Place, reader: Reader
) -> Condition | None:
    """The condition of an alert; None, and problems, where it is wrong."""
    limit = None
    if threshold is not None:
        limit = parse_threshold(threshold)
        if limit is None:
            reader.report(
                "wrong-value",
                f"`{threshold}` isn't a threshold",
                threshold_place,
                "for example `above 5%`, `at least 500ms`, `equals 0`",
            )
    read = read_expression(text, place, reader)
    if read is None or (limit is None and threshold is not None):
        return None
    signal, analysis = read
    if limit is None:
        return Condition(signal, signal, None)
    if analysis.result_type != "vector":
        return Condition(signal, signal, limit)  # The check of the result's type tells the author.
    return Condition(compose_threshold(signal, analysis, limit.operator, limit.literal), signal, limit)
