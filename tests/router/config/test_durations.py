import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.durations import LONGEST, format_duration, parse_duration
from router.model import DAY, HOUR, MINUTE, SECOND


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("0", 0),
        ("0s", 0),
        ("250ms", SECOND // 4),
        ("30s", 30 * SECOND),
        ("1h30m", HOUR + 30 * MINUTE),
        ("90m", 90 * MINUTE),
        ("1w2d", 9 * DAY),
        ("1y", 365 * DAY),
    ],
)
def test_a_duration_is_read_as_prometheus_reads_it(text, time):
    assert parse_duration(text) == time


@pytest.mark.parametrize(
    "text", ["", "5", "5 m", "m5", "30m1h", "1m1m", "-5m", "1.5h", "5M", "5m\n", "٣m", "101y", "9" * 31 + "s"]
)
def test_anything_else_is_refused(text):
    assert parse_duration(text) is None


@given(st.integers(0, LONGEST // 1000))
def test_what_is_formatted_reads_as_the_same_time(milliseconds):
    time = milliseconds * 1000

    assert parse_duration(format_duration(time)) == time


def test_an_hour_and_a_half_is_written_as_people_do():
    assert [format_duration(t) for t in (0, 90 * MINUTE, 30 * DAY, SECOND // 4)] == ["0s", "1h30m", "30d", "250ms"]
