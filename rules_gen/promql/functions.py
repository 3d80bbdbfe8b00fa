"""The functions of PromQL: what they take and give.

The table follows `promql/parser/functions.go` of Prometheus 3.15; `holt_winters` is from 2.x. Argument types
are one letter each: v instant vector, m range vector, s scalar, t string. The number tells how many of
the last arguments may be left out or repeated, -1 for any number, as the field Variadic does there.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

ValueType = Literal["vector", "matrix", "scalar", "string"]
_TYPES: Final[dict[str, ValueType]] = {"v": "vector", "m": "matrix", "s": "scalar", "t": "string"}


class Signature(NamedTuple):
    """Argument types, how many more or fewer of the last one are allowed, and the type of the result."""

    arguments: tuple[ValueType, ...]
    variadic: int
    result: ValueType


def _table(*lines: str) -> dict[str, Signature]:
    table: dict[str, Signature] = {}
    for line in lines:
        shape, names = line.split(": ")
        arguments, variadic, result = shape.split()
        types = tuple(_TYPES[letter] for letter in arguments if letter != "-")
        for name in names.split():
            table[name] = Signature(types, int(variadic), _TYPES[result])
    return table


SIGNATURES: Final = _table(
    "v 0 v: abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad sgn "
    "sin sinh sort sort_desc sqrt start_timestamp tan tanh timestamp",
    "v 0 v: histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum",
    "v 0 s: scalar",
    "s 0 v: vector",
    "- 0 s: pi time start end range step",
    "ss 0 s: max_of min_of",
    "v 1 v: days_in_month day_of_month day_of_week day_of_year hour minute month year",
    "m 0 v: absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta",
    "m 0 v: increase irate last_over_time mad_over_time max_over_time min_over_time present_over_time rate",
    "m 0 v: resets stddev_over_time stdvar_over_time sum_over_time ts_of_first_over_time",
    "m 0 v: ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time",
    "ms 0 v: predict_linear",
    "sm 0 v: quantile_over_time",
    "mss 0 v: double_exponential_smoothing holt_winters",
    "vss 0 v: clamp",
    "vs 0 v: clamp_max clamp_min",
    "vs 1 v: round",
    "ssv 0 v: histogram_fraction",
    "sv 0 v: histogram_quantile",
    "vtss 9 v: histogram_quantiles",
    "vv 1 v: info",
    "vtttt 0 v: label_replace",
    "vttt -1 v: label_join",
    "vt -1 v: sort_by_label sort_by_label_desc",
)

# An aggregation's parameter, or None where it takes none.
AGGREGATIONS: Final[dict[str, ValueType | None]] = {
    "sum": None,
    "avg": None,
    "count": None,
    "min": None,
    "max": None,
    "group": None,
    "stddev": None,
    "stdvar": None,
    "topk": "scalar",
    "bottomk": "scalar",
    "quantile": "scalar",
    "limitk": "scalar",
    "limit_ratio": "scalar",
    "count_values": "string",
}

# Those whose result keeps the labels of the samples they select.
SELECTING_AGGREGATIONS: Final = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})

NAMES_OF_TYPES: Final[dict[ValueType, str]] = {
    "vector": "an instant vector",
    "matrix": "a range vector",
    "scalar": "a number",
    "string": "a string",
}
