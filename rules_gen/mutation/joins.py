"""Labels that a join fixes: where one side of an operator has one value of a label, the other's other values never
match, so that a matcher on both sides says no more than one on either.
"""

from __future__ import annotations

from typing import Final

from rules_gen.promql.canonical import Node
from rules_gen.promql.operators import COMPARISONS

Pins = frozenset[tuple[str, str]]
"""Labels with the one value that every result has."""

NOTHING: Final[Pins] = frozenset()

ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "%", "^", "atan2", *COMPARISONS})
"""The operators that compute or compare values, rather than combine what is there."""

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
_SCALARS: Final = frozenset({"scalar", "time", "pi"})
_KEEP_GROUPS: Final = frozenset({"sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "quantile"})


def pins(node: Node) -> Pins:
    """The labels that have one value in all results of an expression; some may be missing here, none is wrong."""
    match node.kind:
        case "select":
            return frozenset((label, value) for label, op, value in node.head[1] if op == "=" and value)
        case "range" | "subquery" | "negate":
            return pins(node.parts[0])
        case "call":
            vectors = [part for part in node.parts if part.kind not in ("number", "string")]
            return pins(vectors[0]) if node.head[0] not in _CHANGE_LABELS and len(vectors) == 1 else NOTHING
        case "aggregate":
            return kept(node, pins(node.parts[0]))
        case "binary":
            return _pins_of_binary(node)
        case _:
            return NOTHING


def kept(node: Node, found: Pins) -> Pins:
    """Those of these labels that an aggregation groups by, so that it treats each of their values apart."""
    operator, word, labels = node.head
    if operator not in _KEEP_GROUPS:
        return NOTHING
    return frozenset(pair for pair in found if (pair[0] in labels) == (word == "by"))


def below_call(node: Node, need: Pins) -> Pins:
    """What may be asked of a call's arguments when this is asked of its result."""
    return NOTHING if node.head[0] in _CHANGE_LABELS else need


def _pins_of_binary(node: Node) -> Pins:
    operator = node.head[0]
    left, right = (pins(part) for part in node.parts)
    if any(_is_number(part) for part in node.parts):
        return left | right
    if operator == "or":
        return left & right
    if operator == "unless":
        return left
    if operator == "and":
        return left | matched(node, right)
    return left | right if is_plain(node) else NOTHING


def needed(node: Node, need: Pins) -> tuple[Pins, Pins]:
    """What may be asked of each side of an operator: what is asked of its result, and what the other side fixes."""
    operator = node.head[0]
    if any(_is_number(part) for part in node.parts):
        return need, need
    if not all(_names_metrics(part) for part in node.parts):
        return NOTHING, NOTHING
    left, right = (pins(part) for part in node.parts)
    if operator == "or":
        shared = matched(node, need)
        return shared, shared
    if operator == "unless":
        return need, matched(node, need | left)
    if operator == "and":
        return need | matched(node, right), matched(node, need | left)
    if operator in ARITHMETIC and is_plain(node) and all(_has_no_or(part) for part in node.parts):
        return need | right, need | left
    return NOTHING, NOTHING


def is_one_to_one(node: Node) -> bool:
    """Whether no side has a part of its own in the matching, so that they can change places."""
    _, _, _, _, cardinality, _, fill_left, fill_right = node.head
    return bool(cardinality == "OneToOne" and fill_left is None and fill_right is None)


def is_plain(node: Node) -> bool:
    """Whether both sides are matched one to one by all their labels."""
    return is_one_to_one(node) and node.head[2:4] == ("ignoring", ())


def matched(node: Node, found: Pins) -> Pins:
    """Those of these labels by which an operator matches its sides."""
    word, labels = node.head[2:4]
    return frozenset(pair for pair in found if (pair[0] in labels) == (word == "on"))


def _names_metrics(node: Node) -> bool:
    """Whether every selector names its metric: else two series could differ in that alone, and be one to a function."""
    if node.kind == "select":
        return node.head[0] is not None
    return all(_names_metrics(part) for part in node.parts)


def _has_no_or(node: Node) -> bool:
    """Whether nothing puts series of two metrics beside each other, of which two could match one."""
    return node.head[:1] != ("or",) and all(_has_no_or(part) for part in node.parts)


def _is_number(node: Node) -> bool:
    if node.kind == "negate":
        return _is_number(node.parts[0])
    return node.kind == "number" or (node.kind == "call" and node.head[0] in _SCALARS)
