"""Analyse one expression: the answers, or its mistakes with their places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import promql_parser as pp

from rules_gen.promql import gates
from rules_gen.promql.errors import PromqlError
from rules_gen.promql.functions import ValueType
from rules_gen.promql.labels import ResultLabels
from rules_gen.promql.operators import PRECEDENCE
from rules_gen.promql.questions import Selector, Walk
from rules_gen.promql.threshold import Comparison, split_threshold


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the compiler needs to know about a correct expression.

    `has_condition`: somewhere it filters (a comparison without `bool`, `and`, `unless`, `absent`), and if its
    outermost operator is `or`, on both sides. `top_operator` is the operator outside all parentheses, in
    lower case. `functions` holds functions and aggregations. `is_constant`: it selects no series.
    `multiplied_by` and `divided_by` are the constants that the result as a whole is scaled by, from the
    inside out: `x / 60 * 100` has (100.0,) and (60.0,).
    """

    result_type: ValueType
    selectors: tuple[Selector, ...]
    labels: ResultLabels
    has_condition: bool
    top_comparison: Comparison | None
    top_operator: str | None
    functions: frozenset[str]
    is_constant: bool
    multiplied_by: tuple[float, ...]
    divided_by: tuple[float, ...]


Result = Analysis | tuple[PromqlError, ...]


# Spellings that promql-parser accepts and the target may not: quoted names, numbers as durations, durations
# as numbers, offsets, times and fill modifiers. A false alarm costs time, never a wrong answer.
_SUSPICIOUS_WORDS: Final = ("offset", "OFFSET", "@", "fill", "FILL")
_SUSPICIOUS: Final = (
    re.compile(r"""[{(,]\s*["'`]"""),
    re.compile(r"[\[:]\s*[0-9.]+\s*[\]:]"),
    re.compile(r"""[0-9](?:ms|[smhdwy])\s*(?:$|[^\]\s:0-9"])"""),
)
# promql-parser recurses on the machine's stack: 5,000 brackets or operators end the process, 3,000 do not.
_LONG: Final = 1_500
_DEEPEST: Final = 1_500
_PANIC: Final = "PanicException"


def analyse_plainly(text: str, target: gates.Target) -> Result:
    """The same without any cache: what `analyse` must always agree with."""
    if len(text) > _LONG and _is_too_deep(text):
        return _errors(text, target) or _too_deep(text)
    source = text
    if "`" in text:
        # promql-parser takes `\\d` in a backtick string for an escape.
        source = _respelled(text)
    try:
        node = pp.parse(source)
    except BaseException as error:  # noqa: BLE001 - a Rust panic is no Exception.
        raise_unless_refusal(error)
        errors = _errors(text, target)
        if errors:
            return errors
        respelled = _respelled(text)
        if respelled == source:
            return (_refused(text, error),)
        try:
            node = pp.parse(respelled)
        except BaseException as second:  # noqa: BLE001
            raise_unless_refusal(second)
            return (_refused(text, second),)
    else:
        if _is_suspicious(text) and (errors := _errors(text, target)):
            return errors
    walk = Walk()
    try:
        facts = walk.visit(node)
    except RecursionError:
        return _too_deep(text)
    functions = frozenset(walk.functions)
    gated = not functions.isdisjoint(gates.FUNCTIONS) and not all(
        gates.is_available(name, target) for name in functions
    )
    if (gated or walk.needs_a_closer_look or "info" in functions) and (errors := _errors(text, target)):
        return errors
    comparison = None
    if facts.comparison is not None:
        operator, value, number_first = facts.comparison
        comparison = split_threshold(text, operator, value, number_first=number_first)
    return Analysis(
        facts.type,
        tuple(walk.selectors),
        facts.labels,
        facts.decides,
        comparison,
        str(node.op) if type(node) is pp.BinaryExpr else None,
        functions,
        not walk.selectors,
        facts.multiplied_by,
        facts.divided_by,
    )


# The lexer's own users are imported where they are needed: nearly no expression has a mistake.


def _errors(text: str, target: gates.Target) -> tuple[PromqlError, ...]:
    from rules_gen.promql.locate import find_errors

    return find_errors(text, target)


def _too_deep(text: str) -> tuple[PromqlError, ...]:
    from rules_gen.promql.locate import too_deep

    return (too_deep(text),)


def _respelled(text: str) -> str:
    from rules_gen.promql.respelling import respell

    return respell(text)


def _is_too_deep(text: str) -> bool:
    """Whether an expression could be too deep for promql-parser: a bracket or operator may be a level."""
    from rules_gen.promql.lexer import tokenize

    tokens = tokenize(text)
    if isinstance(tokens, PromqlError):
        # It is no correct expression anyway, and a cut may hide how deep it is.
        return True
    return sum(token.text == "(" or token.text.lower() in PRECEDENCE for token in tokens) > _DEEPEST


def _is_suspicious(text: str) -> bool:
    return any(word in text for word in _SUSPICIOUS_WORDS) or any(
        pattern.search(text) is not None for pattern in _SUSPICIOUS
    )


def raise_unless_refusal(error: BaseException) -> None:
    """Let through what is no answer of the parser: an interrupt, a lack of memory, a bug of ours."""
    if not isinstance(error, ValueError) and type(error).__name__ != _PANIC:
        raise error


def _refused(text: str, error: BaseException) -> PromqlError:
    """What promql-parser refuses for a reason that our grammar doesn't see: it marks the whole expression."""
    start = len(text) - len(text.lstrip())
    detail = str(error) if isinstance(error, ValueError) else "the parser failed"
    return PromqlError(start, max(len(text.strip()), 1), f"the expression can't be parsed: {detail}")


def _teach_holt_winters() -> None:
    """promql-parser knows this function of Prometheus 2 only by its later name."""
    types = pp.ValueType
    try:
        pp.register_extra_functions(
            [pp.Function("holt_winters", [types.Matrix, types.Scalar, types.Scalar], types.Vector)]
        )
    except ValueError:
        # A later promql-parser may know it, or a second import of this module has come before.
        return


_teach_holt_winters()
