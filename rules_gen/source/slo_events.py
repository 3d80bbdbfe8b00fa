"""The events of an objective as PromQL, and the recording rules on them. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from rules_gen.diagnostics import Place
from rules_gen.model import RecordingRule
from rules_gen.model.rules import Pairs
from rules_gen.source.alerts import Environment
from rules_gen.source.context import Reader
from rules_gen.source.expressions import read_expression
from rules_gen.source.substitute import substitute
from rules_gen.source.thresholds import literal, seconds

BASE = "5m"
"""The window of the rates that are computed from the events themselves."""

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
TOTAL = f"slo:events:rate{BASE}"
"""The recorded rate of all events."""

Events = tuple[str, str]
"""The rates of all events and of bad events, as PromQL."""

_SELECTOR = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\s*(\{.*\})?", re.DOTALL)


def read_events(data: dict[str, Any], place: Place, environment: Environment, reader: Reader) -> Events | None:
    """The rates of all events and of bad events, as PromQL."""
    content = substitute(data, {"environment": environment.name}) if environment.name else data
    by = f"sum by ({', '.join(data.get('by', ()))})"
    if "latency" in content:
        where = place.at("latency")
        histogram = _selector(content["latency"]["histogram"], where.at("histogram"), reader)
        bound = seconds(content["latency"]["at_most"])
        if histogram is None or bound is None:
            return None
        name = histogram.partition("{")[0].strip()
        if not name.endswith("_bucket"):
            reader.report(
                "slo",
                "the selector of a classic histogram ends with _bucket",
                where.at("histogram"),
                f"is `{name}_bucket` meant?",
            )
            return None
        inner = histogram.partition("{")[2].rpartition("}")[0].strip().rstrip(",")
        # 2.x stores the bucket of one second as le="1", 3.x as le="1.0": both spellings are accepted.
        spelt = _spelt(bound)
        good = f"{name}{{{inner}{', ' if inner else ''}{spelt}}}"
        if "#" in inner:
            # A comment in the selector would swallow what stands behind it on its line.
            inner += "\n"
            good = f"{name}{{{spelt}, {inner}}}"
        total = f"{name.removesuffix('_bucket')}_count" + (f"{{{inner}}}" if inner else "")
        kind = "good"
    else:
        events = content["events"]
        kind = "good" if "good" in events else "bad"
        where = place.at("events")
        selected = _selector(events[kind], where.at(kind), reader)
        total_selector = _selector(events["total"], where.at("total"), reader)
        if selected is None or total_selector is None:
            return None
        good, total = selected, total_selector
    all_rate = f"{by} (rate({total}[{BASE}]))"
    # A counter that hasn't counted yet has no series: that is no event, not no answer.
    rate = f"({by} (rate({good}[{BASE}])) or 0 * {all_rate})"
    return all_rate, rate if kind == "bad" else f"{all_rate}\n  - {rate}"


def _spelt(bound: Decimal) -> str:
    """The matcher of the bucket up to `bound` seconds, in every way in which Prometheus and its clients spell it.

    Go's shortest form, which the clients print, has an exponent of two digits below 1e-4: 50us is 5e-05. The bucket of
    one second is le="1" in 2.x and le="1.0" in 3.x.
    """
    le = literal(bound)
    if "." not in le and "e" not in le:
        return f'le=~"{le}|{le}[.]0"'
    if bound >= Decimal("1e-4"):
        return f'le="{le}"'
    short = re.sub(r"e-([0-9])$", r"e-0\1", format(bound.normalize(), "e"))
    plain = format(bound.normalize(), "f")
    return f'le=~"{short}|{plain}"'.replace(".", "[.]")


def _selector(text: str, place: Place, reader: Reader) -> str | None:
    read = read_expression(text, place, reader)
    if read is None:
        return None
    selector, analysis = read
    # The form alone isn't enough: `a{x="1"} or b{y="2"}` has it too.
    if not _SELECTOR.fullmatch(selector) or analysis.top_operator is not None or len(analysis.selectors) != 1:
        reader.report(
            "slo",
            "the selector of a counter is expected here, without rate() or a range",
            place,
            'for example http_requests_total{job="checkout-api"}',
        )
        return None
    return selector


def record_rules(events: Events, own: Pairs, matchers: str, place: Place) -> list[RecordingRule]:
    """The rules that record the rates, and the error ratio over every window; `matchers` select these series."""
    total, bad = events
    total_name, bad_name = TOTAL, f"slo:bad_events:rate{BASE}"
    records = [(total_name, total), (bad_name, bad)]
    records.append((f"slo:error_ratio:rate{BASE}", f"{bad_name}{matchers} / ({total_name}{matchers} > 0)"))
    records += [
        (
            f"slo:error_ratio:rate{window}",
            f"sum_over_time({bad_name}{matchers}[{window}])\n  / (sum_over_time({total_name}{matchers}[{window}]) > 0)",
        )
        for window in WINDOWS[1:]
    ]
    return [RecordingRule(name, expr, own, place, written=False) for name, expr in records]
