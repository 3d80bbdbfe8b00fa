"""Where in a condition two nodes stand, and what more of something there means for the alert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rules_gen.promql.canonical import Node

SETS: Final = frozenset({"and", "or", "unless"})
_ABSENT: Final = frozenset({"absent", "absent_over_time"})
# What these answer comes from one series each, and is never negative.
_NOT_NEGATIVE: Final = frozenset({"rate", "irate", "increase", "changes", "resets", "count_over_time", "abs"})
_EACH: Final = _NOT_NEGATIVE | {
    *("ceil", "clamp", "clamp_max", "clamp_min", "delta", "deriv", "exp", "floor", "idelta", "ln", "log10", "log2"),
    *("predict_linear", "round", "sgn", "sort", "sort_desc", "sqrt", "timestamp"),
}
_DIRECTIONS: Final = {">": 1, ">=": 1, "<": -1, "<=": -1}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the expression two nodes stand.

    `sign` is 1 where the alert fires more when more passes here, -1 where it fires less, 0 where nobody knows. `series`
    says the same of more series that are selected here. `value` is 1 where a higher value makes more pass, -1 where a
    lower one does, 0 where nobody knows, and None where values don't matter. `function` is the call around it, `joined`
    that what stands here is matched by its labels with something else.
    """

    sign: int
    function: str = ""
    series: int = 0
    value: int | None = 0
    joined: bool = False

    def compared(self, operator: str) -> Place:
        """Left of a comparison with a number."""
        return Place(0, "", self.series, _DIRECTIONS.get(operator, 0), self.joined)

    def operand(self, node: Node, *, right: bool) -> Place:
        """Left or right of a binary operator."""
        operator = node.head[0]
        joined = self.joined or node.head[2:4] != ("on", ())
        if operator not in SETS:
            filled = node.head[6:8] != (None, None)
            return Place(0, "", 0 if filled else self.series, self._calculated(node, right=right), joined)
        if right:
            factor = -1 if operator == "unless" else 1
        elif operator != "or":
            factor = 1
        else:
            # With labels named, what is on the left can keep out what is on the right, and the alerts differ. Where
            # values matter, it can put its own in the place of the other.
            factor = int(node.head[2:4] == ("ignoring", ()))
        replaces = operator == "or" and not right and self.value is not None
        value = self.value if operator == "or" or not right else None
        return Place(self.sign * factor, "", 0 if replaces else self.series * factor, value, joined)

    def _calculated(self, node: Node, *, right: bool) -> int | None:
        """What a higher value does in a calculation with a number, if that is certain."""
        operator, other = node.head[0], node.parts[0 if right else 1].number
        if node.filters:
            return 0
        if self.value is None or other is None:
            return None if self.value is None else 0
        if operator == "+" or (operator == "-" and not right):
            return self.value
        if operator == "-":
            return -self.value
        scaled = operator == "*" or (operator == "/" and not right)
        return self.value if scaled and other > 0 else 0

    def argument(self, function: str) -> Place:
        """Within a call."""
        if function in _ABSENT:
            # Its labels are those of the matchers.
            return Place(0, function, 0 if self.joined else -self.series, None)
        each = function in _EACH or function.endswith("_over_time")
        return Place(0, function, self.series if each else 0, 0, self.joined)

    def aggregated(self, node: Node) -> Place:
        """Below an aggregation."""
        operator, inner = str(node.head[0]), node.parts[0]
        rises = operator in ("max", "count") or (
            operator == "sum" and inner.kind == "call" and inner.head[0] in _NOT_NEGATIVE
        )
        certain = {
            None: operator in ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"),
            1: rises or operator == "group",
            -1: operator in ("min", "group"),
        }.get(self.value, operator == "group")
        value = None if operator in ("count", "group") else self.value
        return Place(0, operator, self.series if certain else 0, value, self.joined)

    def below(self, function: str = "") -> Place:
        """Anywhere else, where nobody knows."""
        return Place(0, function)


CONDITION: Final = Place(1, series=1, value=None)
"""A whole condition: what passes fires, whatever its value is."""
