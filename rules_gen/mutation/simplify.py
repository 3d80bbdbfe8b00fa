"""An expression's meaning simplified, so that two forms of the same can be told to be the same.

It is only used to say that a mutant can't be told from its original, so every rule here holds for all series: where two
forms might differ for any, they stay different.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from rules_gen.mutation import joins
from rules_gen.mutation.joins import ARITHMETIC, NOTHING, Pins
from rules_gen.promql import Target, analyse
from rules_gen.promql.canonical import Node, meaning

_PLAIN: Final = re.compile(r"[A-Za-z0-9_\- /:@%,=~!<>]*")
_COMMUTATIVE: Final = frozenset({"+", "*"})
# Not 0 for `+`, which makes nothing of minus nothing, nor 1 for `^`, which leaves nothing of a histogram.
_NEUTRAL: Final = {"*": 1.0, "/": 1.0}
_GUARDS: Final = frozenset({"absent", "absent_over_time"})
# Functions that change values and nothing else: whoever only asks which numbers are there doesn't see them.
_VALUE_ONLY: Final = frozenset(
    "abs ceil exp floor ln log10 log2 round sgn sqrt clamp_min clamp_max timestamp".split()  # noqa: SIM905
)


# Operators that leave the same of histograms, by one of them.
_ALIKE: Final = {"-": "+", "!=": "==", "<": ">", "<=": ">", ">=": ">"}


@lru_cache(maxsize=4096)
def simplified(text: str, target: Target) -> Node:
    """The expression simplified. One that can't be read is its own text, so that it only equals itself."""
    tree = None if isinstance(analyse(text, target), tuple) else meaning(text)
    if tree is None:
        return Node("unread", (text,))
    try:
        return _simplify(tree, NOTHING)
    except RecursionError:
        return Node("unread", (text,))


def _simplify(node: Node, need: Pins) -> Node:
    """The node, of which only results with the labels in `need` matter."""
    match node.kind:
        case "select":
            return _selector(node, need)
        case "range" | "subquery" | "negate":
            return node._replace(parts=tuple(_simplify(part, need) for part in node.parts))
        case "call" if node.head[0] in _GUARDS:
            # Its labels are those of the matchers as they are typed.
            return node
        case "call":
            below = joins.below_call(node, need)
            return node._replace(parts=tuple(_simplify(part, below) for part in node.parts))
        case "aggregate":
            expression, *parameter = node.parts
            inner = _simplify(expression, joins.kept(node, need))
            return node._replace(parts=(inner, *(_simplify(part, NOTHING) for part in parameter)))
        case "binary":
            return _binary(node, need)
        case _:
            return node


def _selector(node: Node, need: Pins) -> Node:
    name, matchers, *rest = node.head
    wanted = {(label, *_matcher(op, value)) for label, op, value in matchers}
    wanted |= {(label, "=", value) for label, value in need}
    return node._replace(head=(name, tuple(sorted(wanted)), *rest))


def _matcher(op: str, value: str) -> tuple[str, str]:
    """A regular expression that is plain text is an equality; the order of plain alternatives means nothing."""
    parts = value.split("|")
    if op not in ("=~", "!~") or not all(_PLAIN.fullmatch(part) for part in parts):
        return op, value
    unique = sorted(set(parts))
    if len(unique) > 1:
        return op, "|".join(unique)
    return ("=" if op == "=~" else "!="), unique[0]


def _binary(node: Node, need: Pins) -> Node:
    operator, returns_bool, matching, labels, *rest = node.head
    need_left, need_right = joins.needed(node, need)
    left, right = _simplify(node.parts[0], need_left), _simplify(node.parts[1], need_right)
    if operator in ("and", "unless"):
        return node._replace(parts=(left, _presence(right)))
    if right.number is not None and _NEUTRAL.get(operator) == right.number:
        return Node("neutral", (), (left,))
    if operator == "*" and _is_one(left) and right.number is not None:
        return Node("valued", right.head, (left,))
    if operator in ("*", "/") and _is_one(right) and left.number is not None:
        # absent() is 1 where it is there, so dividing by it is multiplying by it.
        return Node("valued", left.head, (right,))
    if operator in _COMMUTATIVE and joins.is_one_to_one(node):
        left, right = sorted((left, right), key=repr)
    return Node("binary", (operator, returns_bool, matching, labels, *rest), (left, right))


def _is_one(node: Node) -> bool:
    return node.kind == "call" and node.head[0] in _GUARDS


def _presence(node: Node) -> Node:
    """What is there, whatever its value: all that the right side of `and` and `unless` is asked for.

    Numbers stay, whatever is done to them. Of histograms some operators leave nothing, so only those that treat them
    alike are told to be the same.
    """
    if node.kind in ("negate", "valued", "neutral"):
        return _presence(node.parts[0])
    if node.kind == "call" and node.head[0] in _VALUE_ONLY:
        return Node("there", (), (_presence(node.parts[0]),))
    if node.kind != "binary":
        return node
    operator, _, *matching = node.head
    left, right = node.parts
    if operator not in ARITHMETIC or node.filters:
        return node
    alike = _ALIKE.get(operator, operator)
    if right.number is not None:
        # Dividing by a number leaves what multiplying leaves, unlike dividing one.
        return Node("there", ("*" if alike == "/" else alike,), (_presence(left),))
    if left.number is not None:
        return Node("there", (alike,), (_presence(right),))
    return Node("both", (alike, *matching), (_presence(left), _presence(right)))
