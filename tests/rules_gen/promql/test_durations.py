import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.promql import format_duration, parse_duration

UNITS = (
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("0", 0),
        ("0m", 0),
        ("1y1ms", 31_536_000_001),
        ("250ms", 250),
        ("90s", 90_000),
    ],
)
def test_durations_are_read_in_milliseconds(text, milliseconds):
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "5", "m", "1m1h", "1h1h", "1.5h", "-5m", " 5m", "5m ", "5 m", "5min", "1M", "٥m"])
def test_what_prometheus_refuses_is_no_duration(text):
    assert parse_duration(text) is None


def test_a_duration_beyond_64_bits_of_nanoseconds_is_refused():
    assert parse_duration("292y") is not None
    assert parse_duration("293y") is None


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (300_000, "5 minutes"),
        (5_400_000, "1 hour 30 minutes"),
        (0, "0 seconds"),
        (86_400_000 * 7, "7 days"),
        (1_001, "1 second 1 millisecond"),
    ],
)
def test_durations_are_told_in_words(milliseconds, words):
    assert format_duration(milliseconds) == words


def test_a_negative_duration_has_no_words():
    with pytest.raises(ValueError, match="never negative"):
        format_duration(-1)


@given(st.lists(st.integers(0, 30), min_size=7, max_size=7))
def test_units_from_large_to_small_add_up(counts):
    text = "".join(f"{count}{unit}" for count, (unit, _) in zip(counts, UNITS, strict=True) if count)
    assert parse_duration(text or "0") == sum(count * size for count, (_, size) in zip(counts, UNITS, strict=True))
