"""promtool's notation of samples, read and written."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.mutation.samples import delayed, ended, mapped, read_samples, scaled, shifted, stopped, write_samples

numbers = st.decimals(min_value=-1000, max_value=1000, places=2).map(Fraction)
values = st.lists(st.one_of(st.none(), numbers), min_size=1, max_size=40)


@given(values)
def test_what_is_written_reads_back(samples):
    assert read_samples(write_samples(samples)) == samples


@pytest.mark.parametrize(
    "text", ["1x4 0x10", "0+6x20", "10-2x5", "_x3 5", "_ 1 _ 2", "1.5+0.25x8", "40x20 41+1x25", "-3x2", "1 2 4 8"]
)
def test_the_notation_of_people_is_kept(text):
    assert write_samples(read_samples(text)) == text


@pytest.mark.parametrize("text", ["stale", "1x3 stale", "{{schema:0 sum:5 count:4}}x3", "Inf", "NaNx4", "1x99999", "a"])
def test_what_cannot_be_changed_safely_is_left_alone(text):
    assert read_samples(text) is None
    assert mapped(text, scaled(Fraction(2))) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (scaled(Fraction("0.5")), "0+3x10"),
        (shifted(Fraction(2)), "2+6x10"),
        (stopped(3), "0+6x2 12x7"),
        (delayed(4), "0x4 6+6x5"),
        (ended(3), "0+6x2 _x8"),
    ],
)
def test_changes_of_a_counter(change, expected):
    assert mapped("0+6x10", change) == expected


def test_what_is_scaled_by_a_third_still_grows_evenly():
    assert mapped("0+7x20", scaled(Fraction(1, 3))) == "0+2.33333x20"
    assert mapped("0+54x20", scaled(Fraction(19, 9))) == "0+114x20"
