import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.timelines.scale import tame, time_text, time_ticks, value_text, value_ticks

UNITS = ("", "%", "ms", "m", "h", "B", "GiB")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.05, "%", "5 %"),
        (0.0144, "%", "1.44 %"),
        (0.5, "ms", "500 ms"),
        (600.0, "m", "10 min"),
        (2.0**31, "GiB", "2 GiB"),
        (6e10, "B", "60 GB"),
        (0.0, "", "0"),
        (-0.0, "", "0"),
        (100_000.0, "", "100k"),
        (9_999.0, "", "9999"),
        (2e9, "B", "2 GB"),
        (1e20, "", "1e+20"),
        (-25_000.0, "", "-25k"),
        (1 / 3, "", "0.3333"),
        (345_600.0, "m", "5760 min"),
    ],
)
def test_a_value_is_written_in_its_author_s_unit(value, unit, text):
    assert value_text(value, unit) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [(0, "0"), (30_000, "30 s"), (5_400_000, "1 h 30 min"), (608_400_000, "7 d 1 h"), (1_500, "1 s 500 ms")],
)
def test_a_time_is_written_in_words_that_fit_on_an_axis(at, text):
    assert time_text(at) == text


def test_an_axis_begins_at_nothing_unless_all_is_far_from_it():
    assert value_ticks([0.5, 0.91], "%", 4)[0] == 0
    assert value_ticks([0.85, 0.9], "%", 4)[0] > 0.5
    assert value_ticks([1.0], "", 4) == (0, 0.5, 1)
    assert value_ticks([], "", 4) == (0, 0.5, 1)


@given(st.lists(st.floats(allow_nan=True), max_size=6), st.sampled_from(UNITS), st.sampled_from([3, 4]))
def test_an_axis_has_room_for_every_value_and_few_round_ones(values, unit, most):
    ticks = value_ticks(values, unit, most)
    assert 2 <= len(ticks) <= most
    assert list(ticks) == sorted(ticks)
    assert ticks[0] < ticks[-1]
    slack = (ticks[-1] - ticks[0]) * 1e-6
    assert all(ticks[0] - slack <= tame(value) <= ticks[-1] + slack for value in values)
    assert all(math.isfinite(tick) for tick in ticks)


@given(st.integers(0, 10**10), st.integers(1, 10**10))
def test_times_on_an_axis_are_few_and_lie_on_it(start, length):
    ticks = time_ticks(start, start + length, 290)
    assert 1 <= len(ticks) <= 30
    assert all(start <= tick <= start + length for tick in ticks)
