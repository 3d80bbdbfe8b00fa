"""In what unit the result of an expression is, where its text tells for certain. Pure.

The units come from the names of metrics (the suffixes of https://prometheus.io/docs/practices/naming/, and
those that exporters use against its advice) and from arithmetic. Whatever isn't certain has no unit:
whoever asks must then assume that all is well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import promql_parser as pp


class Unit(NamedTuple):
    """`dimension` is "seconds", "bytes", "ratio", "events" or "" where it isn't certain.

    The value in base units times `scale` is the result. `per_second` marks a rate, and `gained` an increase over a
    range. `name` is the metric's, for events.
    """

    dimension: str
    scale: float = 1.0
    per_second: bool = False
    gained: bool = False
    name: str = ""


class _Number(NamedTuple):
    value: float


_Known = Unit | _Number

UNKNOWN: Final = Unit("")

_SUFFIXES: Final[tuple[tuple[str, Unit], ...]] = (
    ("_milliseconds", Unit("seconds", 1e3)),
    ("_microseconds", Unit("seconds", 1e6)),
    ("_nanoseconds", Unit("seconds", 1e9)),
    ("_seconds", Unit("seconds")),
    ("_ms", Unit("seconds", 1e3)),
    ("_minutes", Unit("seconds", 1 / 60)),
    ("_hours", Unit("seconds", 1 / 3600)),
    ("_days", Unit("seconds", 1 / 86400)),
    ("_kilobytes", Unit("bytes", 1e-3)),
    ("_megabytes", Unit("bytes", 1e-6)),
    ("_gigabytes", Unit("bytes", 1e-9)),
    ("_kibibytes", Unit("bytes", 1 / 1024)),
    ("_mebibytes", Unit("bytes", 1 / 1024**2)),
    ("_gibibytes", Unit("bytes", 1 / 1024**3)),
    ("_kb", Unit("bytes", 1e-3)),
    ("_mb", Unit("bytes", 1e-6)),
    ("_bits", Unit("bytes", 8.0)),
    ("_bytes", Unit("bytes")),
    ("_percentage", Unit("ratio", 100.0)),
    ("_percent", Unit("ratio", 100.0)),
    ("_pct", Unit("ratio", 100.0)),
    ("_ratio", Unit("ratio")),
)
_SAME: Final = frozenset(
    [
        "sum",
        "avg",
        "min",
        "max",
        "quantile",
        "topk",
        "bottomk",
        "stddev",
        "abs",
        "ceil",
        "floor",
        "round",
        "clamp",
        "clamp_min",
        "clamp_max",
        "sort",
        "sort_desc",
        "sort_by_label",
        "sort_by_label_desc",
        "label_replace",
        "label_join",
        "predict_linear",
        "holt_winters",
        "double_exponential_smoothing",
        "vector",
        "scalar",
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "last_over_time",
        "first_over_time",
        "quantile_over_time",
        "stddev_over_time",
        "limitk",
        "limit_ratio",
    ]
)
_GAINS: Final = frozenset({"increase", "delta", "idelta"})
_COMPARISONS: Final = frozenset({"==", "!=", ">", "<", ">=", "<="})
_FILTERS: Final = frozenset({"and", "unless"})


def unit_of(expression: str) -> Unit:
    """The unit of a correct expression's result.

    What stands in double quotes can't change a unit, so expressions that differ in nothing else are read once.
    """
    if "'" in expression or "`" in expression or "\\" in expression or "#" in expression:
        return _read(expression)
    return _read('""'.join(expression.split('"')[::2]))


@lru_cache(maxsize=4096)
def _read(expression: str) -> Unit:
    try:
        found = _visit(pp.parse(expression))
    except (ValueError, RecursionError):
        # A spelling that only Prometheus's own parser reads, or one that is nested very deeply.
        return UNKNOWN
    return found if isinstance(found, Unit) else UNKNOWN


def unit_of_metric(name: str) -> Unit:
    """The unit that a metric's name tells. A recorded name (with colons) tells what was done, not in which unit."""
    if ":" in name:
        return UNKNOWN
    if name.endswith(("_count", "_bucket")):
        return Unit("events", name=name)
    stem = name.removesuffix("_total").removesuffix("_sum")
    for suffix, unit in _SUFFIXES:
        if stem.endswith(suffix):
            return unit
    return Unit("events", name=name) if name.endswith("_total") else UNKNOWN


def _visit(node: Any) -> _Known:  # noqa: ANN401 - promql-parser types a node's parts as Any.
    reader = _READERS.get(type(node))
    return reader(node) if reader else UNKNOWN


def _selector(node: pp.VectorSelector) -> _Known:
    return unit_of_metric(node.name) if node.name else UNKNOWN


def _matrix(node: pp.MatrixSelector) -> _Known:
    return _selector(node.vector_selector)


def _inside(node: Any) -> _Known:  # noqa: ANN401
    return _visit(node.expr)


def _unary(node: pp.UnaryExpr) -> _Known:
    inner = _visit(node.expr)
    return _Number(-inner.value) if isinstance(inner, _Number) else inner


def _number(node: pp.NumberLiteral) -> _Known:
    return _Number(node.val)


def _call(node: pp.Call) -> _Known:
    name, arguments = node.func.name, list(node.args)
    if name in {"time", "timestamp"}:
        return Unit("seconds")
    if name in {"histogram_quantile", "histogram_avg"}:
        return _of_histogram(arguments[-1])
    if name == "histogram_fraction":
        return Unit("ratio")
    if name in {"rate", "irate", "deriv"}:
        return _rate(arguments[0], counter=name != "deriv")
    if name in _GAINS or name in _SAME:
        found = _visit(arguments[1] if name == "quantile_over_time" else arguments[0])
        if isinstance(found, _Number):
            return found if name in {"vector", "scalar"} else UNKNOWN
        return found if name in _SAME else found._replace(gained=True)
    return UNKNOWN


def _rate(argument: Any, *, counter: bool) -> _Known:  # noqa: ANN401
    """A rate per second. That of something not named as a counter may be a native histogram's, which has no unit."""
    found = _visit(argument)
    if not isinstance(found, Unit) or found.per_second or found.gained:
        return UNKNOWN
    if counter and found.dimension != "events":
        node = argument
        while isinstance(node, pp.ParenExpr):
            node = node.expr
        name = node.vector_selector.name if isinstance(node, pp.MatrixSelector) else ""
        if not (name or "").endswith(("_total", "_sum")):
            return UNKNOWN
    return found._replace(per_second=True)


def _of_histogram(argument: Any) -> _Known:  # noqa: ANN401
    """A histogram's values are in the unit of the one metric that it is made of."""
    node = argument
    while True:
        if isinstance(node, pp.ParenExpr | pp.AggregateExpr):
            node = node.expr
        elif isinstance(node, pp.Call) and node.func.name in {"rate", "irate", "increase", "delta"}:
            node = node.args[0]
        elif isinstance(node, pp.MatrixSelector):
            node = node.vector_selector
        else:
            break
    name = node.name if isinstance(node, pp.VectorSelector) else None
    found = unit_of_metric(name.removesuffix("_bucket")) if name else UNKNOWN
    return found if found.dimension != "events" else UNKNOWN


def _aggregate(node: pp.AggregateExpr) -> _Known:
    found = _visit(node.expr)
    return found if str(node.op) in _SAME and isinstance(found, Unit) else UNKNOWN


def _binary(node: pp.BinaryExpr) -> _Known:
    operator, modifier = str(node.op), node.modifier
    if operator in _COMPARISONS:
        if modifier is not None and modifier.return_bool:
            return UNKNOWN
        left = _visit(node.lhs)
        return _visit(node.rhs) if isinstance(left, _Number) else left
    left = _visit(node.lhs)
    if operator in _FILTERS:
        return left
    right = _visit(node.rhs)
    if isinstance(left, _Number) and isinstance(right, _Number):
        return _calculate(operator, left.value, right.value)
    match operator:
        case "+" | "-" | "or":
            return _sum(left, right, number_allowed=operator != "or")
        case "*":
            return left if _is_info(node.rhs) else right if _is_info(node.lhs) else _product(left, right)
        case "/" if isinstance(left, Unit):
            if isinstance(right, _Number):
                return _product(left, _Number(1 / right.value)) if right.value else UNKNOWN
            return _quotient(left, right)
    return UNKNOWN


def _is_info(node: Any) -> bool:  # noqa: ANN401
    """Whether this is a join with a metric that is always 1."""
    while isinstance(node, pp.ParenExpr | pp.AggregateExpr):
        node = node.expr
    return isinstance(node, pp.VectorSelector) and (node.name or "").endswith("_info")


def _calculate(operator: str, left: float, right: float) -> _Known:
    match operator:
        case "*":
            return _Number(left * right)
        case "/" if right:
            return _Number(left / right)
        case "+":
            return _Number(left + right)
        case "-":
            return _Number(left - right)
    return UNKNOWN


def _sum(left: _Known, right: _Known, *, number_allowed: bool) -> _Known:
    """Only what has the same unit can be added up; a number takes the unit of what it is added to."""
    if isinstance(left, _Number):
        left, right = right, left
    if not isinstance(left, Unit):
        return UNKNOWN
    if isinstance(right, _Number):
        return left if number_allowed else UNKNOWN
    same = left[:4] == right[:4] and left.dimension not in {"events", ""}
    return left if same else UNKNOWN


def _product(left: _Known, right: _Known) -> _Known:
    if isinstance(left, _Number):
        left, right = right, left
    if not isinstance(left, Unit):
        return UNKNOWN
    if isinstance(right, Unit):
        return Unit("", left.scale * right.scale)
    # An increase divided by the length of its range is a rate, which the text doesn't tell from other factors.
    unit = Unit("", left.scale) if left.gained and left.dimension != "events" else left
    return unit._replace(scale=unit.scale * right.value)


def _quotient(left: Unit, right: Unit) -> Unit:
    scale = left.scale / right.scale if right.scale else 1.0
    if left.per_second == right.per_second and left.gained == right.gained:
        # Two counters without a unit in their names may count different things: time by requests is an average.
        if left.dimension == right.dimension != "" and left.name == right.name:
            return Unit("ratio", scale)
        if right.dimension == "events" and left.dimension in {"seconds", "bytes"}:
            return Unit(left.dimension, scale)
    return Unit("", scale)


def same_scale(one: float, other: float) -> bool:
    """Whether two scales are the same but for the rounding of floats."""
    return math.isclose(one, other, rel_tol=1e-9)


_READERS: Final[dict[type, Callable[[Any], _Known]]] = {
    pp.VectorSelector: _selector,
    pp.MatrixSelector: _matrix,
    pp.SubqueryExpr: _inside,
    pp.ParenExpr: _inside,
    pp.UnaryExpr: _unary,
    pp.NumberLiteral: _number,
    pp.Call: _call,
    pp.AggregateExpr: _aggregate,
    pp.BinaryExpr: _binary,
}
