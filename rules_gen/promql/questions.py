"""What the tree of a correct expression says: one walk answers every question.

Each read of an attribute of a promql-parser node makes a copy, so every method reads each attribute once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import promql_parser as pp

from rules_gen.promql import labels as _labels
from rules_gen.promql.functions import SELECTING_AGGREGATIONS, SIGNATURES, ValueType
from rules_gen.promql.labels import NAME, NO_LABELS, ResultLabels
from rules_gen.promql.operators import COMPARISONS


class Matcher(NamedTuple):
    """One label matcher; `op` is `=`, `!=`, `=~` or `!~`."""

    name: str
    op: str
    value: str


class Selector(NamedTuple):
    """One selector of series, in the order of the text.

    A name given as `{__name__="up"}` or `{"up"}` is in `name` too, and not among the matchers.
    `range_seconds` is None for an instant vector, also inside a subquery.
    """

    name: str | None
    matchers: tuple[Matcher, ...]
    range_seconds: float | None


class Facts(NamedTuple):
    """What is known of one node. Inside a top-level `or`, `decides` says that both sides have a condition."""

    type: ValueType
    labels: ResultLabels = NO_LABELS
    has_condition: bool = False
    decides: bool = False
    number: float | None = None
    multiplied_by: tuple[float, ...] = ()
    divided_by: tuple[float, ...] = ()
    # Operator, number, and whether the number stands first.
    comparison: tuple[str, float, bool] | None = None


MATCH_OPERATORS: Final = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}
_KEEP_NAME: Final = frozenset(
    {"last_over_time", "first_over_time", "sort", "sort_desc", "sort_by_label", "sort_by_label_desc", "info"}
)
_ABSENT: Final = frozenset({"absent", "absent_over_time"})
_BUCKETS: Final = frozenset({"histogram_quantile", "histogram_quantiles", "histogram_fraction"})
_DROPPED_WITH_BUCKETS: Final = frozenset({NAME, "le"})


class Walk:
    """Visits one expression. `selectors` and `functions` fill up on the way, in the order of the text."""

    def __init__(self) -> None:
        self.selectors: list[Selector] = []
        self.functions: set[str] = set()
        # promql-parser accepts `or` between matchers and numbers too large for a float, Prometheus does not.
        self.needs_a_closer_look = False

    def visit(self, node: Any) -> Facts:  # noqa: ANN401 - promql-parser types a node's parts as Any.
        """The facts of a node and all below it."""
        return _VISITORS[type(node)](self, node)

    def selector(self, node: pp.VectorSelector, seconds: float | None = None) -> Facts:
        name, group = node.name, node.matchers
        parts = group.matchers
        if group.or_matchers:
            self.needs_a_closer_look = True
        matchers: list[Matcher] = []
        guaranteed: list[str] = []
        for part in parts:
            label, op, value = part.name, MATCH_OPERATORS[str(part.op)], part.value
            if label == NAME and op == "=" and name is None:
                name = value
                continue
            matchers.append(Matcher(label, op, value))
            if op == "=" and value:
                guaranteed.append(label)
        self.selectors.append(Selector(name, tuple(matchers), seconds))
        return Facts("vector" if seconds is None else "matrix", _labels.of_selector(guaranteed))

    def matrix(self, node: pp.MatrixSelector) -> Facts:
        return self.selector(node.vector_selector, node.range.total_seconds())

    def subquery(self, node: pp.SubqueryExpr) -> Facts:
        inner = self.visit(node.expr)
        return Facts("matrix", inner.labels, inner.has_condition, inner.has_condition)

    def paren(self, node: pp.ParenExpr) -> Facts:
        return self.visit(node.expr)

    def number(self, node: pp.NumberLiteral) -> Facts:
        value = node.val
        if math.isinf(value):
            self.needs_a_closer_look = True
        return Facts("scalar", number=value)

    def string(self, _node: pp.StringLiteral) -> Facts:
        return Facts("string")

    def unary(self, node: pp.UnaryExpr) -> Facts:
        inner = self.visit(node.expr)
        number = None if inner.number is None else -inner.number
        return inner._replace(
            labels=_labels.without_name(inner.labels),
            number=number,
            decides=inner.has_condition,
            comparison=None,
        )

    def call(self, node: pp.Call) -> Facts:
        name, arguments = node.func.name, node.args
        self.functions.add(name)
        first_selector = len(self.selectors)
        inputs = [self.visit(argument) for argument in arguments]
        result = SIGNATURES[name].result
        condition = name in _ABSENT or any(given.has_condition for given in inputs)
        if result == "scalar":
            return Facts("scalar", NO_LABELS, condition, condition)
        if name in _ABSENT:
            labels = self._absent(arguments[0], first_selector)
        else:
            labels = _function_labels(name, arguments, inputs)
        return Facts("vector", labels, condition, condition)

    def _absent(self, argument: Any, first_selector: int) -> ResultLabels:  # noqa: ANN401
        """absent() answers with the equality matchers of the selector it is given, each label used once."""
        if type(argument) not in (pp.VectorSelector, pp.MatrixSelector):
            certain = type(argument) is not pp.ParenExpr
            if certain:
                return NO_LABELS
        kept: dict[str, str] = {}
        seen: set[str] = set()
        for matcher in self.selectors[first_selector].matchers if len(self.selectors) > first_selector else ():
            if matcher.op == "=" and matcher.name not in seen:
                seen.add(matcher.name)
                kept[matcher.name] = matcher.value
            else:
                kept.pop(matcher.name, None)
        names = [name for name, value in kept.items() if value and name != NAME]
        # Whether the engine looks through parentheses here has changed between releases.
        return _labels.exactly(names, () if type(argument) is pp.ParenExpr else names)

    def aggregate(self, node: pp.AggregateExpr) -> Facts:
        operator, modifier, parameter = str(node.op), node.modifier, node.param
        self.functions.add(operator)
        given = None if parameter is None else self.visit(parameter)
        inner = self.visit(node.expr)
        condition = inner.has_condition or (given is not None and given.has_condition)
        if operator in SELECTING_AGGREGATIONS:
            labels = inner.labels
        elif modifier is None:
            labels = NO_LABELS
        elif modifier.type == pp.AggModifierType.By:
            labels = _labels.only(inner.labels, modifier.labels)
        else:
            labels = _labels.without(inner.labels, frozenset((*modifier.labels, NAME)))
        if operator == "count_values" and parameter is not None:
            labels = _labels.with_label(labels, parameter.val, certain=True)
        return Facts("vector", labels, condition, condition)

    def binary(self, node: pp.BinaryExpr) -> Facts:
        operator, modifier = str(node.op), node.modifier
        left, right = self.visit(node.lhs), self.visit(node.rhs)
        returns_bool = modifier is not None and modifier.return_bool
        filters = operator in COMPARISONS and not returns_bool
        condition = left.has_condition or right.has_condition or filters or operator in ("and", "unless")
        if left.type == right.type == "scalar":
            return Facts("scalar", NO_LABELS, condition, condition, calculate(operator, left.number, right.number))
        if "scalar" in (left.type, right.type):
            return _with_number(operator, left, right, condition=condition, filters=filters)
        labels = _vector_labels(operator, modifier, left.labels, right.labels)
        if operator not in ("and", "or", "unless") and not filters:
            labels = _labels.without_name(labels)
        decides = left.decides and right.decides if operator == "or" else condition
        scaled = left if filters or operator in ("and", "unless") else Facts("vector")
        return Facts("vector", labels, condition, decides, None, scaled.multiplied_by, scaled.divided_by)


def _with_number(operator: str, left: Facts, right: Facts, *, condition: bool, filters: bool) -> Facts:
    """An operator between an instant vector and a scalar."""
    number_first = left.type == "scalar"
    vector, number = (right, left.number) if number_first else (left, right.number)
    multiplied, divided, comparison = vector.multiplied_by, vector.divided_by, None
    if filters:
        labels = vector.labels
        comparison = None if number is None else (operator, number, number_first)
    else:
        labels = _labels.without_name(vector.labels)
        if number is not None and operator == "*":
            multiplied = (*multiplied, number)
        elif number is not None and operator == "/" and not number_first:
            divided = (*divided, number)
        else:
            multiplied = divided = ()
    return Facts("vector", labels, condition, condition, None, multiplied, divided, comparison)


def _vector_labels(
    operator: str, modifier: pp.BinModifier | None, left: ResultLabels, right: ResultLabels
) -> ResultLabels:
    """An operator between two instant vectors."""
    if operator == "or":
        return _labels.either(left, right)
    if operator in ("and", "unless"):
        return left
    if modifier is None:
        return _labels.matched(left, right, frozenset(), on=False)
    matching, card, extra, fill = (
        modifier.matching,
        modifier.card,
        modifier.group_labels,
        modifier.fill_values,
    )
    on = matching is not None and matching.type == pp.LabelModifierType.Include
    names = frozenset(matching.labels) if matching is not None else frozenset()
    filled = fill.lhs is not None or fill.rhs is not None
    if card == pp.VectorMatchCardinality.ManyToOne:
        result = _labels.grouped(left, right, names, extra or (), on=on)
    elif card == pp.VectorMatchCardinality.OneToMany:
        result = _labels.grouped(right, left, names, extra or (), on=on)
    else:
        result = _labels.matched(left, right, names, on=on)
    if filled:
        # A side that is missing is made up from the labels of the other, so neither proves anything about
        # both.
        both = _labels.either(left, right)
        both = _labels.only(both, names) if on else _labels.without(both, names)
        return ResultLabels(both.kind, both.labels, both.dropped) if not extra else _labels.ALL_LABELS
    return result


def _function_labels(name: str, arguments: list[Any], inputs: list[Facts]) -> ResultLabels:
    source = next((given.labels for given in inputs if given.type in ("vector", "matrix")), None)
    if source is None or name == "vector":
        return NO_LABELS
    if name in ("label_replace", "label_join"):
        return _labels.with_label(source, arguments[1].val, certain=False)
    if name == "info":
        return ResultLabels("open", guaranteed=source.guaranteed)
    if name in _BUCKETS:
        labels = _labels.without(source, _DROPPED_WITH_BUCKETS)
        return _labels.with_label(labels, arguments[1].val, certain=True) if name == "histogram_quantiles" else labels
    return source if name in _KEEP_NAME else _labels.without_name(source)


def calculate(operator: str, left: float | None, right: float | None) -> float | None:
    """Arithmetic on two constants; None where it is no arithmetic, or leaves the range of a float."""
    if left is None or right is None:
        return None
    try:
        return _ARITHMETIC[operator](left, right)
    except (ArithmeticError, KeyError, TypeError, ValueError):
        return None


_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    # Go's remainder takes the sign of the dividend, Python's that of the divisor.
    "%": math.fmod,
    "^": math.pow,
    "atan2": math.atan2,
}

_VISITORS: Final[dict[type, Callable[[Walk, Any], Facts]]] = {
    pp.VectorSelector: Walk.selector,
    pp.MatrixSelector: Walk.matrix,
    pp.SubqueryExpr: Walk.subquery,
    pp.ParenExpr: Walk.paren,
    pp.NumberLiteral: Walk.number,
    pp.StringLiteral: Walk.string,
    pp.UnaryExpr: Walk.unary,
    pp.Call: Walk.call,
    pp.AggregateExpr: Walk.aggregate,
    pp.BinaryExpr: Walk.binary,
}
