"""PromQL: questions about expressions, their mistakes with places, thresholds, and what each Prometheus
understands.

The author's own text is canonical everywhere: nothing here prints an expression from its tree.
"""

from __future__ import annotations

from rules_gen.promql.analysis import Analysis
from rules_gen.promql.durations import format_duration, parse_duration
from rules_gen.promql.errors import PromqlError
from rules_gen.promql.gates import Target, flags_needed
from rules_gen.promql.labels import ResultLabels
from rules_gen.promql.lexer import Kind, Token, tokenize
from rules_gen.promql.questions import Matcher, Selector
from rules_gen.promql.shapes import analyse
from rules_gen.promql.threshold import Comparison
from rules_gen.promql.threshold import compose_threshold as _compose_threshold

__all__ = [
    "Analysis",
    "Comparison",
    "Kind",
    "Matcher",
    "PromqlError",
    "ResultLabels",
    "Selector",
    "Target",
    "Token",
    "analyse",
    "compose_threshold",
    "flags_needed",
    "format_duration",
    "parse_duration",
    "tokenize",
]


def compose_threshold(signal: str, analysis: Analysis, op: str, value_text: str) -> str:
    """Print `signal op value_text` so that it means just that, in the author's layout and with the comments
    kept.

    `analysis` is that of `signal`, which must be an instant vector; `value_text` is a number or arithmetic on
    numbers.
    """
    return _compose_threshold(signal, analysis.top_operator, op, value_text)
