"""An expression simplified to what it means, so that two spellings of the same can be told to be the same.

It is only used to say that a mutant can't be told from its original, so every rule here holds for all series: where two
forms might differ for any, they stay different.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import promql_parser as pp

from rules_gen.mutation import joins
from rules_gen.mutation.joins import NOTHING, Pins
from rules_gen.promql import Target, analyse
from rules_gen.promql.questions import calculate

Form = Any
"""Nested tuples of texts and numbers; equal where the expressions mean the same."""

_OPS: Final = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}
_PLAIN: Final = re.compile(r"[A-Za-z0-9_\- /:@%,=~!<>]*")
_COMMUTATIVE: Final = frozenset({"+", "*"})
_NEUTRAL: Final = {"+": 0.0, "-": 0.0, "*": 1.0, "/": 1.0, "^": 1.0}
# Functions that change values and nothing else: whoever only asks what is there doesn't see them.
_VALUE_ONLY: Final = frozenset(
    {
        "abs",
        "ceil",
        "exp",
        "floor",
        "ln",
        "log10",
        "log2",
        "round",
        "sgn",
        "sqrt",
        "clamp_min",
        "clamp_max",
        "timestamp",
    }
)


@lru_cache(maxsize=4096)
def canonical(text: str, target: Target) -> Form:
    """The expression's form. One that can't be read is its own text, so that it only equals itself."""
    if isinstance(analyse(text, target), tuple):
        return ("unread", text)
    try:
        return _form(pp.parse(text))
    except BaseException as error:
        # A Rust panic is no Exception; what is no answer of the parser goes on its way.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            return ("unread", text)
        raise


def _form(node: Any, need: Pins = NOTHING) -> Form:  # noqa: ANN401 - promql-parser types a node's parts as Any.
    """The form of a node of which only results with the labels in `need` matter."""
    kind = type(node)
    if kind is pp.ParenExpr:
        return _form(node.expr, need)
    if kind is pp.NumberLiteral:
        return ("number", node.val)
    if kind is pp.StringLiteral:
        return ("string", node.val)
    if kind is pp.UnaryExpr:
        inner = _form(node.expr, need)
        return ("number", -inner[1]) if inner[0] == "number" else ("negated", inner)
    if kind is pp.VectorSelector:
        return _selector(node, need)
    if kind is pp.MatrixSelector:
        return ("matrix", _form(node.vector_selector, need), node.range.total_seconds())
    if kind is pp.SubqueryExpr:
        return ("subquery", _form(node.expr, need), str(node.range), str(node.step), _shift(node))
    if kind is pp.Call:
        return ("call", node.func.name, *(_form(argument, joins.below(node, need)) for argument in node.args))
    if kind is pp.AggregateExpr:
        return _aggregate(node, need)
    return _binary(node, need)


def _selector(node: Any, need: Pins) -> Form:  # noqa: ANN401
    matchers = {(part.name, *_matcher(_OPS[str(part.op)], part.value)) for part in node.matchers.matchers}
    matchers |= {(label, "=", value) for label, value in need}
    if node.name is not None:
        matchers.add(("__name__", "=", node.name))
    return ("selector", tuple(sorted(matchers)), _shift(node))


def _matcher(op: str, value: str) -> tuple[str, str]:
    """A regular expression that is plain text is an equality; the order of plain alternatives means nothing."""
    if op in ("=~", "!~"):
        parts = value.split("|")
        if all(_PLAIN.fullmatch(part) for part in parts):
            unique = sorted(set(parts))
            return (
                (op.replace("~", "") if op == "=~" else "!=", unique[0]) if len(unique) == 1 else (op, "|".join(unique))
            )
    return op, value


def _shift(node: Any) -> str:  # noqa: ANN401
    return f"{node.offset} {node.at}"


def _aggregate(node: Any, need: Pins) -> Form:  # noqa: ANN401
    modifier = node.modifier
    grouping: Form = ("by", ())
    if modifier is not None:
        word = "by" if modifier.type == pp.AggModifierType.By else "without"
        grouping = (word, tuple(sorted(set(modifier.labels))))
    parameter = None if node.param is None else _form(node.param)
    return ("aggregate", str(node.op), grouping, parameter, _form(node.expr, joins.kept(node, need)))


def _binary(node: Any, need: Pins) -> Form:  # noqa: ANN401
    need_left, need_right = joins.needed(node, need)
    operator, left, right = str(node.op), _form(node.lhs, need_left), _form(node.rhs, need_right)
    matching = _matching(node.modifier)
    if left[0] == right[0] == "number":
        value = calculate(operator, left[1], right[1])
        if value is not None:
            return ("number", value)
    if operator in ("and", "unless"):
        return ("set", operator, matching, left, _presence(right))
    if right[0] == "number" and _NEUTRAL.get(operator) == right[1] and _is_nameless(left):
        return left
    if _is_one(left) and right[0] == "number" and operator == "*":
        return ("valued", left, right[1])
    if left[0] == "number" and _is_one(right) and operator in ("*", "/"):
        # absent() is 1 where it is there, so dividing by it is multiplying by it.
        return ("valued", right, left[1])
    if operator in _COMMUTATIVE and not matching[2] and matching[3] in ("", "None None"):
        left, right = sorted((left, right), key=repr)
    return ("binary", operator, matching, left, right)


def _matching(modifier: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """`bool`, the labels that are matched, and which side may have many, with the labels that it takes over."""
    if modifier is None:
        return (False, None, (), "")
    labels = None
    if modifier.matching is not None:
        include = modifier.matching.type == pp.LabelModifierType.Include
        labels = ("on" if include else "ignoring", tuple(sorted(set(modifier.matching.labels))))
        if labels == ("ignoring", ()):
            labels = None
    one_to_one = modifier.card == pp.VectorMatchCardinality.OneToOne
    extra = () if one_to_one else (str(modifier.card), *sorted(modifier.group_labels or ()))
    fill = modifier.fill_values
    return (bool(modifier.return_bool), labels, extra, f"{fill.lhs} {fill.rhs}")


def _is_one(form: Form) -> bool:
    return bool(form[0] == "call" and form[1] in ("absent", "absent_over_time"))


def _is_nameless(form: Form) -> bool:
    """Whether arithmetic with it takes no metric's name away, because it has none."""
    return form[0] in ("aggregate", "binary") or (form[0] == "call" and form[1] not in ("last_over_time", "sort"))


def _presence(form: Form) -> Form:
    """What is there, whatever its value: all that the right side of `and` and `unless` is asked for."""
    if form[0] == "negated":
        return _presence(form[1])
    if form[0] == "valued":
        return form[1]
    if form[0] == "call" and form[1] in _VALUE_ONLY:
        return _presence(form[2])
    if form[0] == "binary":
        operator, matching, left, right = form[1:]
        arithmetic = operator in ("+", "-", "*", "/", "%", "^", "atan2") or matching[0]
        if arithmetic and "number" in (left[0], right[0]):
            return _presence(right if left[0] == "number" else left)
        if arithmetic:
            return ("both", matching[1:], _presence(left), _presence(right))
    return form
