"""By how much thresholds, durations and quantiles are moved."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.mutation.steps import moved, moved_duration, moved_quantile, moved_range, step
from rules_gen.promql import parse_duration


@pytest.mark.parametrize(
    ("value", "unit", "lower", "higher"),
    [
        ("5", "%", "4.5", "5.5"),
        ("85", "%", "80", "90"),
        ("95", "%", "93", "97"),
        ("99.9", "%", "99.85", "99.95"),
        ("500", "ms", "450", "550"),
        ("26", "h", "24", "28"),
        ("1", "s", "0.9", "1.1"),
        ("1000", "", "900", "1100"),
        ("3", "", "2", "4"),
        ("0", "", "-1", "1"),
        ("0.02", "", "0.018", "0.022"),
        ("-50", "", "-55", "-45"),
    ],
)
def test_a_threshold_moves_by_about_a_tenth(value, unit, lower, higher):
    assert moved(Decimal(value), unit) == (Decimal(lower), Decimal(higher))


@given(st.decimals(min_value=Decimal("-1e12"), max_value=Decimal("1e12"), places=4), st.sampled_from(["", "%", "s"]))
def test_a_step_is_never_nothing_nor_more_than_a_tenth_of_a_large_value(value, unit):
    by = step(value, unit)
    assert by > 0
    assert by <= max(abs(value) / 10, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5m", ("2m", "10m")),
        ("10m", ("5m", "20m")),
        ("1m", ("0m", "2m")),
        ("0m", ("5m",)),
        ("30s", ("0m", "1m30s")),
        ("1h", ("30m", "2h")),
    ],
)
def test_a_for_becomes_half_and_twice_in_whole_evaluations(text, expected):
    assert moved_duration(text, 60_000) == expected


def test_a_window_becomes_half_and_twice():
    assert moved_range("5m") == ("2m30s", "10m")
    assert moved_range("1s") == ("500ms", "2s")


@given(st.integers(min_value=1, max_value=10**9))
def test_a_moved_window_is_another_and_not_empty(milliseconds):
    found = [parse_duration(text) for text in moved_range(f"{milliseconds}ms")]
    assert all(found)
    assert milliseconds not in found


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.95", ["0.9", "0.975"]), ("0.99", ["0.98", "0.995"]), ("0.5", ["0.25", "0.75"]), ("0.1", ["0.05", "0.2"])],
)
def test_a_quantile_has_twice_and_half_as_much_beyond_it(value, expected):
    assert [str(one.normalize()) for one in moved_quantile(Decimal(value))] == expected


def test_a_quantile_of_all_is_left_alone():
    assert moved_quantile(Decimal(1)) == ()
