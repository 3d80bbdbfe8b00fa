import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.diagnostics import Place
from rules_gen.model import Assertion, Scenario, State
from rules_gen.timelines.window import window_of

MINUTE = 60_000


def scenario(*assertions, series=(), interval=MINUTE):
    made = tuple(Assertion(state, f"{at}m", at * MINUTE, None, Place("x")) for state, at in assertions)
    return Scenario("A", "a scenario", None, "1m", interval, tuple(series), made, Place("x"))


def test_a_short_scenario_is_drawn_whole_at_every_tick_until_shortly_after_its_last_assertion():
    window = window_of(scenario((State.FIRING, 30)), MINUTE)
    assert (window.start, window.end) == (0, 32 * MINUTE)
    assert window.samples == window.states == tuple(range(0, 33 * MINUTE, MINUTE))


def test_a_week_begins_shortly_before_the_change_that_leads_to_the_alert():
    series = [("orders", "0+10x10080 100800+0x60"), ("visits", "0+1x10140")]
    window = window_of(scenario((State.QUIET, 10079), (State.FIRING, 10110), series=series), MINUTE)
    assert 10079 - 60 <= window.start / MINUTE < 10079
    assert window.end / MINUTE > 10110


def test_what_is_asserted_is_drawn_even_where_that_makes_it_long():
    window = window_of(scenario((State.QUIET, 100), (State.FIRING, 9000)), MINUTE)
    assert window.start < 100 * MINUTE
    assert {100 * MINUTE, 9000 * MINUTE} <= set(window.samples)
    assert len(window.samples) < 200


def test_a_change_of_a_week_ago_does_not_make_half_an_hour_a_line():
    series = [("visits", "0+400x12 5900+400x10140")]
    window = window_of(scenario((State.QUIET, 10080), (State.FIRING, 10110), series=series), MINUTE)
    assert window.start == (10080 - 30) * MINUTE


def test_a_change_of_a_day_ago_is_shown():
    series = [("up", "1x9 stale")]
    window = window_of(scenario((State.FIRING, 1430), (State.QUIET, 1450), series=series), MINUTE)
    assert window.start == 0


@pytest.mark.parametrize(
    ("values", "at"),
    [
        ("1x300 2x9", 301),
        ("_x300 2x9", 300),
        ("1 2x299 3x9", 301),
        ("1+2x300 stale 3", 302),
        ("{{count:1}} 1x300", 305),
    ],
)
def test_the_place_of_a_change_is_read_from_the_series(values, at):
    # Without a change that is known, it is the first assertion.
    window = window_of(scenario((State.FIRING, 305), series=[("a", values)]), MINUTE)
    assert window.start == (at - 30) * MINUTE


@given(
    st.lists(st.tuples(st.sampled_from(State), st.integers(0, 200_000)), min_size=1, max_size=5),
    st.lists(st.text("0123456789x+-._ stale{}", max_size=30), max_size=3),
    st.sampled_from([1000, MINUTE, 5 * MINUTE]),
)
def test_every_asserted_tick_is_asked_for_and_the_work_is_bounded(assertions, values, step):
    window = window_of(scenario(*assertions, series=[(f"a{n}", text) for n, text in enumerate(values)]), step)
    asserted = {at * MINUTE // step * step for _, at in assertions}
    assert asserted <= set(window.samples) & set(window.states)
    assert 0 <= window.start <= min(asserted)
    assert max(asserted) <= window.end
    assert window.start < window.end
    assert len(window.samples) <= 130
    assert len(window.states) <= 1510
    for times in (window.samples, window.states):
        assert list(times) == sorted(set(times))
        assert all(at % step == 0 and window.start <= at <= window.end for at in times)
