"""Labels that a join fixes: where one side of an operator has one value of a label, the other's other values never
match, so that a matcher on both sides says no more than one on either.
"""

from __future__ import annotations

from typing import Any, Final

import promql_parser as pp

from rules_gen.promql.operators import COMPARISONS

Pins = frozenset[tuple[str, str]]
"""Labels with the one value that every result has."""

NOTHING: Final[Pins] = frozenset()

_ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "%", "^", "atan2", *COMPARISONS})
# These make, take away or invent labels, or look at more than one series at a time.
_CHANGE_LABELS: Final = frozenset(
    {
        "absent",
        "absent_over_time",
        "histogram_quantile",
        "histogram_quantiles",
        "histogram_fraction",
        "info",
        "label_join",
        "label_replace",
        "scalar",
        "vector",
    }
)
_KEEP_GROUPS: Final = frozenset({"sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "quantile"})


def pins(node: Any) -> Pins:  # noqa: ANN401 - promql-parser types a node's parts as Any.
    """The labels that have one value in all results of an expression; some may be missing here, none is wrong."""
    kind = type(node)
    if kind in (pp.ParenExpr, pp.UnaryExpr, pp.SubqueryExpr):
        return pins(node.expr)
    if kind is pp.MatrixSelector:
        return pins(node.vector_selector)
    if kind is pp.VectorSelector:
        found = [(one.name, one.value) for one in node.matchers.matchers if str(one.op) == "MatchOp.Equal"]
        return frozenset(pair for pair in found if pair[1] and pair[0] != "__name__")
    if kind is pp.Call:
        return NOTHING if node.func.name in _CHANGE_LABELS else _pins_of_vector(node.args)
    if kind is pp.AggregateExpr:
        return kept(node, pins(node.expr))
    return _pins_of_binary(node) if kind is pp.BinaryExpr else NOTHING


def _pins_of_vector(arguments: list[Any]) -> Pins:
    vectors = [one for one in arguments if type(one) not in (pp.NumberLiteral, pp.StringLiteral)]
    return pins(vectors[0]) if len(vectors) == 1 else NOTHING


def kept(node: Any, found: Pins) -> Pins:  # noqa: ANN401
    """Those of these labels that an aggregation groups by, so that it treats each of their values apart."""
    if str(node.op) not in _KEEP_GROUPS or node.modifier is None:
        return NOTHING
    named = frozenset(node.modifier.labels)
    is_by = node.modifier.type == pp.AggModifierType.By
    return frozenset(pair for pair in found if (pair[0] in named) == is_by)


def _pins_of_binary(node: Any) -> Pins:  # noqa: ANN401
    operator = str(node.op)
    left, right = pins(node.lhs), pins(node.rhs)
    if _is_number(node.lhs) or _is_number(node.rhs):
        return left | right
    if operator == "or":
        return left & right
    if operator == "unless":
        return left
    if operator == "and":
        return left | matched(node, right)
    return left | right if is_plain(node) else NOTHING


def needed(node: Any, need: Pins) -> tuple[Pins, Pins]:  # noqa: ANN401
    """What may be asked of each side of an operator: what is asked of its result, and what the other side fixes."""
    operator = str(node.op)
    if _is_number(node.lhs) or _is_number(node.rhs):
        return need, need
    left, right = pins(node.lhs), pins(node.rhs)
    if operator == "or":
        shared = matched(node, need)
        return shared, shared
    if operator == "unless":
        return need, matched(node, need | left)
    if operator == "and":
        return need | matched(node, right), matched(node, need | left)
    if operator in _ARITHMETIC and is_plain(node) and _has_names(node):
        return need | right, need | left
    return NOTHING, NOTHING


def is_plain(node: Any) -> bool:  # noqa: ANN401
    """Whether both sides are matched one to one by all their labels."""
    modifier = node.modifier
    if modifier is None:
        return True
    fill = modifier.fill_values
    one_to_one = modifier.card == pp.VectorMatchCardinality.OneToOne
    return bool(one_to_one and modifier.matching is None and fill.lhs is None and fill.rhs is None)


def matched(node: Any, found: Pins) -> Pins:  # noqa: ANN401
    """Those of these labels by which an operator matches its sides."""
    matching = None if node.modifier is None else node.modifier.matching
    if matching is None:
        return found
    named = frozenset(matching.labels)
    include = matching.type == pp.LabelModifierType.Include
    return frozenset(pair for pair in found if (pair[0] in named) == include)


def _has_names(node: Any) -> bool:  # noqa: ANN401
    """Whether every selector names its metric: else two series could differ in that alone, and match twice."""
    kind = type(node)
    if kind is pp.VectorSelector:
        return node.name is not None
    if kind is pp.MatrixSelector:
        return _has_names(node.vector_selector)
    if kind is pp.BinaryExpr:
        return str(node.op) != "or" and _has_names(node.lhs) and _has_names(node.rhs)
    if kind is pp.Call:
        return all(_has_names(argument) for argument in node.args)
    return _has_names(node.expr) if kind in (pp.ParenExpr, pp.UnaryExpr, pp.SubqueryExpr, pp.AggregateExpr) else True


def below(node: Any, need: Pins) -> Pins:  # noqa: ANN401
    """What may be asked of a call's arguments when this is asked of its result."""
    return NOTHING if node.func.name in _CHANGE_LABELS else need


def _is_number(node: Any) -> bool:  # noqa: ANN401
    while type(node) in (pp.ParenExpr, pp.UnaryExpr):
        node = node.expr
    return type(node) is pp.NumberLiteral or (type(node) is pp.Call and node.func.name in ("scalar", "time", "pi"))
