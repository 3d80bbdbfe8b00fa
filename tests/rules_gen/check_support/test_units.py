from pathlib import Path

import pytest

from rules_gen.check_support.units import UNKNOWN, Unit, unit_of, unit_of_metric
from rules_gen.promql import analyse
from rules_gen.promql.analysis import Analysis

CORPUS = Path(__file__).parents[1] / "promql" / "corpus" / "good.txt"


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("request_duration_seconds", Unit("seconds")),
        ("request_duration_milliseconds_sum", Unit("seconds", 1e3)),
        ("process_cpu_seconds_total", Unit("seconds")),
        ("heap_used_megabytes", Unit("bytes", 1e-6)),
        ("cpu_usage_percent", Unit("ratio", 100.0)),
        ("request_duration_seconds_count", Unit("events", name="request_duration_seconds_count")),
        ("request_duration_seconds_bucket", Unit("events", name="request_duration_seconds_bucket")),
        ("http_requests_total", Unit("events", name="http_requests_total")),
        ("up", UNKNOWN),
        # A recorded rate of seconds isn't in seconds.
        ("job:cpu:rate5m_seconds", UNKNOWN),
        ("latencyms", UNKNOWN),
    ],
)
def test_the_suffix_of_a_metric_tells_its_unit(name, unit):
    assert unit_of_metric(name) == unit


@pytest.mark.parametrize(
    ("expression", "dimension", "scale"),
    [
        ("a_bytes / b_bytes", "ratio", 1.0),
        ("a_bytes / b_kibibytes", "ratio", 1024.0),
        ("100 * a_bytes / b_bytes", "ratio", 100.0),
        ("(1 - a_bytes / b_bytes) * 100", "ratio", 100.0),
        ("100 - 100 * a_bytes / b_bytes", "ratio", 100.0),
        ("a_percent / 100", "ratio", 1.0),
        ("rate(a_seconds_sum[5m]) / rate(a_seconds_count[5m])", "seconds", 1.0),
        ("sum(rate(a_ms_sum[5m])) / sum(rate(a_ms_count[5m]))", "seconds", 1e3),
        ("histogram_quantile(0.9, sum by (le) (rate(a_seconds_bucket[5m]))) * 1000", "seconds", 1e3),
        ("histogram_quantile(0.9, rate(a_seconds[5m]))", "seconds", 1.0),
        ("time() - max(a_timestamp_seconds)", "seconds", 1.0),
        ("max_over_time(a_ms[1h:1m])", "seconds", 1e3),
        ("avg(a_bytes > 5) by (job)", "bytes", 1.0),
        ("5 < a_bytes", "bytes", 1.0),
        ("a_bytes and up == 1", "bytes", 1.0),
        ("a_ms or b_ms", "seconds", 1e3),
        ("-a_ms * 2 / 2", "seconds", 1e3),
        ("a_bytes * on (job) group_left (v) b_info", "bytes", 1.0),
        ("predict_linear(a_bytes[6h], 4 * 3600)", "bytes", 1.0),
        ("a_ms * (60 * 1000) / 60000", "seconds", 1e3),
    ],
)
def test_arithmetic_keeps_track_of_the_unit(expression, dimension, scale):
    unit = unit_of(expression)
    assert (unit.dimension, unit.scale) == (dimension, pytest.approx(scale))


@pytest.mark.parametrize(
    "expression",
    [
        "a_bytes * b_bytes",
        "a_bytes == bool 5",
        "count(a_bytes)",
        "a_bytes or b_seconds",
        "a_bytes - b_ms",
        "sqrt(a_seconds)",
        "time_total / requests_total",
        "increase(a_seconds_total[1h]) / 3600",
        "a_bytes / rate(a_bytes_total[5m])",
        "rate(a_seconds[5m])",
        "{job='a'}",
        "a_seconds ^ 2",
        "vector(1)",
    ],
)
def test_what_is_not_certain_has_no_dimension(expression):
    assert unit_of(expression).dimension == ""


def test_a_rate_of_seconds_is_marked_as_one():
    assert unit_of("sum(rate(cpu_seconds_total[5m]))") == Unit("seconds", per_second=True)


def test_values_in_quotes_change_nothing():
    assert unit_of('a_ms{job="x * 100"}') == unit_of('a_ms{job="y_bytes", le=""}') == Unit("seconds", 1e3)


def test_every_expression_of_the_corpus_has_an_answer():
    expressions = [line for line in CORPUS.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    read = [text for text in expressions if isinstance(analyse(text, (3, 5)), Analysis)]
    assert len(read) > 50
    assert all(isinstance(unit_of(text), Unit) for text in read)
