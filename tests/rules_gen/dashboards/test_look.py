import pytest

from rules_gen.dashboards.look import Line, Steps, steps_of, unit_of, worst
from rules_gen.model import Threshold


def test_above_is_coloured_from_the_threshold_up():
    assert steps_of([Line(">", 0.05, "high")]) == Steps(((None, "transparent"), (0.05, "orange")), area=True)


def test_below_is_coloured_up_to_the_threshold():
    assert steps_of([Line("<", 0.6, "medium")]) == Steps(((None, "yellow"), (0.6, "transparent")), area=True)


def test_a_ladder_has_a_line_for_each_rung_in_rising_order():
    lines = [Line(">=", 2.0, "critical"), Line(">", 0.5, "medium"), Line(">", 1.0, "high")]
    assert steps_of(lines).steps == ((None, "transparent"), (0.5, "yellow"), (1.0, "orange"), (2.0, "red"))


def test_a_ladder_downwards_keeps_each_colour_below_its_own_line():
    lines = [Line("<", 10.0, "medium"), Line("<=", 5.0, "critical")]
    assert steps_of(lines).steps == ((None, "red"), (5.0, "yellow"), (10.0, "transparent"))


def test_a_band_is_good_between_its_bounds():
    lines = [Line("<", 1.0, "low"), Line(">", 9.0, "high")]
    assert steps_of(lines) == Steps(((None, "blue"), (1.0, "transparent"), (9.0, "orange")), area=True)


@pytest.mark.parametrize("lines", [[Line("==", 5.0, "high")], [Line("!=", 5.0, "high")]])
def test_an_equality_is_a_line_without_a_side(lines):
    assert steps_of(lines) == Steps(((None, "transparent"), (5.0, "orange")), area=False)


def test_bounds_that_cross_are_lines_without_a_side():
    lines = [Line("<", 9.0, "low"), Line(">", 1.0, "high")]
    assert steps_of(lines) == Steps(((None, "transparent"), (1.0, "orange"), (9.0, "blue")), area=False)


def test_two_rungs_at_one_value_share_the_worse_colour():
    assert steps_of([Line(">", 1.0, "low"), Line(">", 1.0, "critical")]).steps[1:] == ((1.0, "red"),)


def test_what_is_not_finite_is_not_drawn():
    lines = [Line(">", float("inf"), "high"), Line(">", float("nan"), "high")]
    assert steps_of(lines) == Steps(((None, "transparent"),), area=False)


@pytest.mark.parametrize(
    ("dimension", "unit"), [("ratio", "percentunit"), ("seconds", "s"), ("bytes", "bytes"), ("", "short")]
)
def test_the_axis_has_the_threshold_s_base_unit(dimension, unit):
    assert unit_of(Threshold("above 1", ">", "1", 1.0, "", dimension)) == unit


def test_without_a_threshold_the_unit_is_unknown():
    assert unit_of(None) == "short"


def test_critical_is_the_worst():
    assert worst(["low", "critical", "high"]) == "critical"
