"""Analyse an expression for a Prometheus release, the quick way.

The compiler asks for every expression of every alert, so the work is kept small twice over: an answer is kept
by its text, and expressions that differ only in the values of `=` and `!=` matchers, as those of a template
do, are parsed once as one *shape*.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rules_gen.promql import gates
from rules_gen.promql.analysis import Analysis, Result, analyse_plainly
from rules_gen.promql.questions import Matcher, Selector
from rules_gen.promql.threshold import Comparison


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
        if value and "\n" not in value and (before := pieces[index - 1]).endswith("=") and before[-2:] != "==":
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
    if any("\x01" in piece for piece in pieces):
        return None
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
        comparison = Comparison(comparison.op, comparison.value, comparison.value_text, signal, comparison.comments)
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
