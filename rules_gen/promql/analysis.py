"""Analyse an expression for a Prometheus release: the answers, or its mistakes with their places.

The compiler asks for every expression of every alert, so the work is kept small three times over: an answer
is kept by its text; expressions that differ only in the values of `=` and `!=` matchers, as those of a
template do, are parsed once as one *shape*; and no tokens are made unless a spelling calls for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

import promql_parser as pp

from rules_gen.promql import gates
from rules_gen.promql.durations import parse_duration
from rules_gen.promql.errors import PromqlError
from rules_gen.promql.functions import ValueType
from rules_gen.promql.labels import ResultLabels
from rules_gen.promql.lexer import Kind, Token, quoted, tokenize, unquote
from rules_gen.promql.locate import find_errors, too_deep
from rules_gen.promql.operators import PRECEDENCE
from rules_gen.promql.questions import Matcher, Selector, Walk
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


class _Shape(NamedTuple):
    """The analysis of an expression with numbered values, and where to put the real ones.

    `slots` says for each selector which of its matchers takes which value. `signal` is the place of the
    threshold's signal, as characters from the start and from the end: all the values lie inside it.
    """

    analysis: Analysis
    slots: tuple[tuple[tuple[int, int], ...], ...]
    signal: tuple[int, int] | None


_KEPT: Final = 20_000
_results: dict[tuple[str, gates.Target], Result] = {}
# None marks a shape that can't be shared.
_shapes: dict[tuple[str, gates.Target], _Shape | None] = {}

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


def analyse(text: str, target: gates.Target) -> Result:
    """Analyse an expression for the given release (major, minor) of Prometheus.

    Gives the mistakes instead, in the order of the text, if there are any. Never raises for a wrong
    expression.
    """
    key = (text, target)
    result = _results.get(key)
    if result is None:
        result = _analyse_shaped(text, target)
        if len(_results) >= _KEPT:
            _results.clear()
        _results[key] = result
    return result


def analyse_plainly(text: str, target: gates.Target) -> Result:
    """The same without any cache: what `analyse` must always agree with."""
    if len(text) > _LONG and _is_too_deep(text):
        return find_errors(text, target) or (too_deep(text),)
    source = text
    if "`" in text:
        # promql-parser takes `\\d` in a backtick string for an escape.
        source = _respell(text)
    try:
        node = pp.parse(source)
    except BaseException as error:  # noqa: BLE001 - a Rust panic is no Exception.
        _raise_unless_refusal(error)
        errors = find_errors(text, target)
        if errors:
            return errors
        respelled = _respell(text)
        if respelled == source:
            return (_refused(text, error),)
        try:
            node = pp.parse(respelled)
        except BaseException as second:  # noqa: BLE001
            _raise_unless_refusal(second)
            return (_refused(text, second),)
    else:
        if _is_suspicious(text) and (errors := find_errors(text, target)):
            return errors
    walk = Walk()
    try:
        facts = walk.visit(node)
    except RecursionError:
        return (too_deep(text),)
    functions = frozenset(walk.functions)
    gated = not functions.isdisjoint(gates.FUNCTIONS) and not all(
        gates.is_available(name, target) for name in functions
    )
    if (gated or walk.needs_a_closer_look or "info" in functions) and (errors := find_errors(text, target)):
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


def _analyse_shaped(text: str, target: gates.Target) -> Result:
    """Analyse by shape where that is certain to give the plain answer.

    Without backslashes, other quotes and comments, every second piece between double quotes is the content of
    a string. A piece before it that ends in a single `=`, or in `!=`, makes it a matcher's value, for an
    equals sign stands nowhere else before a string in a correct expression. All that depends on such a value
    is whether it is empty, and empty values are left in the shape.
    """
    if "\\" in text or "'" in text or "`" in text or "#" in text or "\0" in text or "__name__" in text:
        return analyse_plainly(text, target)
    pieces = text.split('"')
    if len(pieces) < 3 or len(pieces) % 2 == 0:
        return analyse_plainly(text, target)
    values: list[str] = []
    for index in range(1, len(pieces), 2):
        value = pieces[index]
        if (
            value
            and "\n" not in value
            and (before := pieces[index - 1]).endswith("=")
            and before[-2:] != "=="
        ):
            values.append(value)
            pieces[index] = "\0"
    if not values:
        return analyse_plainly(text, target)
    key = ('"'.join(pieces), target)
    if key in _shapes:
        shape = _shapes[key]
    else:
        shape = _learn(pieces, len(values), target)
        if len(_shapes) >= _KEPT:
            _shapes.clear()
        _shapes[key] = shape
    if shape is None:
        return analyse_plainly(text, target)
    return _fill(shape, values, text)


def _learn(pieces: list[str], count: int, target: gates.Target) -> _Shape | None:
    """Analyse a shape with a value of its own in every place, and find where each of them went."""
    numbered = iter(f"\x01{index}\x01" for index in range(count))
    example = '"'.join(next(numbered) if piece == "\0" else piece for piece in pieces)
    analysis = analyse_plainly(example, target)
    if not isinstance(analysis, Analysis):
        return None
    slots: list[tuple[tuple[int, int], ...]] = []
    found: list[int] = []
    for selector in analysis.selectors:
        places: list[tuple[int, int]] = []
        for index, matcher in enumerate(selector.matchers):
            if matcher.value.startswith("\x01") and matcher.op in ("=", "!="):
                number = int(matcher.value.strip("\x01"))
                places.append((index, number))
                found.append(number)
        slots.append(tuple(places))
    comparison, signal = analysis.top_comparison, None
    if sorted(found) != list(range(count)):
        return None
    if comparison is not None:
        start = example.find(comparison.signal_text)
        if comparison.signal_text.count("\x01") != 2 * count:
            return None
        signal = (start, len(example) - start - len(comparison.signal_text))
    return _Shape(analysis, tuple(slots), signal)


def _fill(shape: _Shape, values: list[str], text: str) -> Analysis:
    """The shape's analysis with the values of one expression."""
    given = shape.analysis
    selectors: list[Selector] = []
    for selector, places in zip(given.selectors, shape.slots, strict=True):
        if places:
            matchers = list(selector.matchers)
            for index, number in places:
                name, op, _ = matchers[index]
                matchers[index] = Matcher(name, op, values[number])
            selectors.append(Selector(selector.name, tuple(matchers), selector.range_seconds))
        else:
            selectors.append(selector)
    comparison = given.top_comparison
    if comparison is not None and shape.signal is not None:
        start, after = shape.signal
        signal = text[start : len(text) - after]
        comparison = Comparison(
            comparison.op, comparison.value, comparison.value_text, signal, comparison.comments
        )
    return Analysis(
        given.result_type,
        tuple(selectors),
        given.labels,
        given.has_condition,
        comparison,
        given.top_operator,
        given.functions,
        given.is_constant,
        given.multiplied_by,
        given.divided_by,
    )


def _is_too_deep(text: str) -> bool:
    """Whether an expression could nest too deeply for promql-parser: each bracket and operator may be a level."""
    tokens = tokenize(text)
    if isinstance(tokens, PromqlError):
        # It is no correct expression anyway, and a cut may hide how deep it is.
        return True
    return sum(token.text == "(" or token.text.lower() in PRECEDENCE for token in tokens) > _DEEPEST


def _is_suspicious(text: str) -> bool:
    return any(word in text for word in _SUSPICIOUS_WORDS) or any(
        pattern.search(text) is not None for pattern in _SUSPICIOUS
    )


def _raise_unless_refusal(error: BaseException) -> None:
    """Let through what is no answer of the parser: an interrupt, a lack of memory, a bug of ours."""
    if not isinstance(error, ValueError) and type(error).__name__ != _PANIC:
        raise error


def _refused(text: str, error: BaseException) -> PromqlError:
    """What promql-parser refuses for a reason that our grammar doesn't see: it marks the whole expression."""
    start = len(text) - len(text.lstrip())
    detail = str(error) if isinstance(error, ValueError) else "the parser failed"
    return PromqlError(start, max(len(text.strip()), 1), f"the expression can't be parsed: {detail}")


def _respell(text: str) -> str:
    """The same expression in a spelling that promql-parser understands; only ever parsed, never printed."""
    tokens = tokenize(text)
    if isinstance(tokens, PromqlError):
        return text
    parts: list[str] = []
    end = 0
    previous: Token | None = None
    for token in tokens:
        parts.append(text[end : token.start])
        parts.append(_spelling(token, previous))
        end, previous = token.end, token
    parts.append(text[end:])
    return "".join(parts)


def _spelling(token: Token, previous: Token | None) -> str:
    if token.kind is Kind.STRING and token.text.startswith("`"):
        return quoted(unquote(token.text) or "")
    if token.kind is Kind.NUMBER and "_" in token.text:
        return token.text.replace("_", "")
    if token.kind is Kind.DURATION and parse_duration(token.text) == 0:
        # An offset of zero, where the target accepts it: only there is zero no mistake.
        return "1ms"
    follows_selector = previous is not None and (
        previous.text in ("]", "}", ")") or previous.kind is Kind.NAME
    )
    if token.text.lower() in ("anchored", "smoothed") and follows_selector:
        # They change how a window's edges are read, and nothing that is asked here.
        return " "
    return token.text


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
