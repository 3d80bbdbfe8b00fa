"""The meaning of an expression as a value that can be compared: spelling, brackets and the order of matchers are gone.

Two expressions whose trees are equal mean the same. Trees that differ may still mean the same.
"""

from __future__ import annotations

import math
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import promql_parser as pp

from rules_gen.promql.analysis import raise_unless_refusal
from rules_gen.promql.labels import NAME
from rules_gen.promql.operators import COMPARISONS
from rules_gen.promql.questions import MATCH_OPERATORS, calculate
from rules_gen.promql.threshold import MIRRORED


class Node(NamedTuple):
    """One operation: `kind` says which, `head` is all that it is but for the operands, `parts` are those.

    | kind | head | parts |
    |---|---|---|
    | select | name, matchers (sorted), alternatives, offset in seconds, `@` | |
    | range | seconds | the selector |
    | subquery | range, step, offset, `@` | the expression |
    | aggregate | operator, "by" or "without", labels | the expression, the parameter |
    | call | function | the arguments |
    | binary | operator, bool, "on" or "ignoring", labels, cardinality, extra labels, fill values | left, right |
    | number | its value as Python prints it | |
    | string | its value | |
    | negate | | the expression |
    """

    kind: str
    head: tuple[Any, ...]
    parts: tuple[Node, ...] = ()

    @property
    def number(self) -> float | None:
        """The value of a number, None for everything else."""
        return float(self.head[0]) if self.kind == "number" else None

    @property
    def filters(self) -> bool:
        """Whether it is a comparison that lets through what it holds for."""
        return self.kind == "binary" and self.head[0] in COMPARISONS and not self.head[1]


@lru_cache(maxsize=4096)
def meaning(text: str) -> Node | None:
    """The tree of a correct expression; None where it can't be read, and so can't be compared."""
    # promql-parser takes a backslash in a backtick string for an escape, and would give another meaning.
    tree = None if "`" in text else _read(text)
    return _read(_respelled(text)) if tree is None else tree


def _read(source: str) -> Node | None:
    try:
        return _node(pp.parse(source))
    except BaseException as error:  # noqa: BLE001 - a Rust panic is no Exception.
        if not isinstance(error, RecursionError | KeyError):
            raise_unless_refusal(error)
    return None


def number(value: float) -> Node:
    """A number as a tree."""
    return Node("number", (repr(value),))


def _respelled(text: str) -> str:
    from rules_gen.promql.respelling import respell

    return respell(text)


def _node(node: Any) -> Node:  # noqa: ANN401 - promql-parser types a node's parts as Any.
    match node:
        case pp.ParenExpr():
            return _node(node.expr)
        case pp.NumberLiteral():
            return number(node.val)
        case pp.StringLiteral():
            return Node("string", (node.val,))
        case pp.UnaryExpr():
            inner = _node(node.expr)
            return Node("negate", (), (inner,)) if inner.number is None else number(-inner.number)
        case pp.VectorSelector():
            return _selector(node)
        case pp.MatrixSelector():
            return Node("range", (node.range.total_seconds(),), (_selector(node.vector_selector),))
        case pp.SubqueryExpr():
            head = (_seconds(node.range), _seconds(node.step), _seconds(node.offset) or 0.0, _at(node.at))
            return Node("subquery", head, (_node(node.expr),))
        case pp.Call():
            return Node("call", (node.func.name,), tuple(_node(argument) for argument in node.args))
        case pp.AggregateExpr():
            return _aggregate(node)
        case _:
            return _binary(node)


def _selector(node: pp.VectorSelector) -> Node:
    name, group = node.name, node.matchers
    matchers = {(part.name, MATCH_OPERATORS[str(part.op)], part.value) for part in group.matchers}
    names = sorted(value for label, op, value in matchers if label == NAME and op == "=")
    if name is None and names:
        name = names[0]
        matchers.discard((NAME, "=", name))
    alternatives = tuple(
        tuple((part.name, MATCH_OPERATORS[str(part.op)], part.value) for part in alternative)
        for alternative in group.or_matchers
    )
    return Node("select", (name, tuple(sorted(matchers)), alternatives, _seconds(node.offset) or 0.0, _at(node.at)))


def _aggregate(node: pp.AggregateExpr) -> Node:
    modifier, parameter = node.modifier, node.param
    labels: tuple[str, ...] = ()
    if modifier is None:
        kind = "by"
    else:
        kind = "by" if modifier.type == pp.AggModifierType.By else "without"
        labels = tuple(sorted(set(modifier.labels)))
    parts = (_node(node.expr), *(() if parameter is None else (_node(parameter),)))
    return Node("aggregate", (str(node.op), kind, labels), parts)


def _binary(node: pp.BinaryExpr) -> Node:
    operator, modifier = str(node.op), node.modifier
    left, right = _node(node.lhs), _node(node.rhs)
    if left.number is not None and right.number is not None:
        value = calculate(operator, left.number, right.number)
        if value is not None and math.isfinite(value):
            return number(value)
    returns_bool, matching = False, "ignoring"
    labels: tuple[str, ...] = ()
    rest: tuple[Any, ...] = ("OneToOne", (), None, None)
    if modifier is not None:
        returns_bool = modifier.return_bool
        if modifier.matching is not None:
            matching = "on" if modifier.matching.type == pp.LabelModifierType.Include else "ignoring"
            labels = tuple(sorted(set(modifier.matching.labels)))
        fill = modifier.fill_values
        rest = (_cardinality(modifier.card, operator), tuple(sorted(modifier.group_labels or ())), fill.lhs, fill.rhs)
    if left.number is not None and right.number is None and operator in COMPARISONS and not returns_bool:
        # `5 < x` lets the same through as `x > 5`, with the same values.
        operator, left, right = MIRRORED[operator], right, left
    return Node("binary", (operator, returns_bool, matching, labels, *rest), (left, right))


_SETS: Final = frozenset({"and", "or", "unless"})


def _cardinality(card: Any, operator: str) -> str:  # noqa: ANN401
    # Of a set operator it is always the same, and only said where there is a modifier.
    return "OneToOne" if operator in _SETS else str(card).rpartition(".")[2]


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _at(modifier: Any) -> str | None:  # noqa: ANN401
    return None if modifier is None else f"{modifier.type} {modifier.at}"
