from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.faults import BREAKER_AFTER, FAULTS, PROBE_EVERY
from router.model import HOUR, MINUTE, SECOND, DestinationStatus
from router.notifier import Reason
from router.worker import breaker
from router.worker.breaker import CLOSED, Breaker

NOW = 1_700_000_000 * SECOND
COUNTED = [reason for reason, fault in FAULTS.items() if fault.breaker == "count"]
COUNTED_BY_ROW = [reason for reason, fault in FAULTS.items() if fault.breaker == "count_rows"]
PARKING = [reason for reason, fault in FAULTS.items() if fault.breaker == "park"]


def fail(state: Breaker, *calls: tuple[Reason, str], now: int = NOW) -> Breaker:
    for reason, row in calls:
        state = breaker.on_failure(state, reason, row, now)
    return state


@pytest.mark.parametrize("reason", COUNTED)
def test_three_failures_in_a_row_open_it(reason: Reason):
    two = fail(CLOSED, (reason, "a"), (reason, "a"))
    assert two.state == "ok"
    assert two.cautious
    three = fail(two, (reason, "a"))
    assert (three.state, three.reason, three.since, three.until) == ("open", reason, NOW, NOW + PROBE_EVERY)


@pytest.mark.parametrize("reason", COUNTED_BY_ROW)
def test_one_poison_message_that_times_out_never_opens_it(reason: Reason):
    assert fail(CLOSED, *[(reason, "poison")] * 20).state == "ok"


@pytest.mark.parametrize("reason", COUNTED_BY_ROW)
def test_three_different_rows_that_time_out_open_it(reason: Reason):
    assert fail(CLOSED, (reason, "a"), (reason, "b"), (reason, "a")).state == "ok"
    assert fail(CLOSED, (reason, "a"), (reason, "b"), (reason, "c")).state == "open"


def test_a_success_in_between_starts_the_count_anew():
    two = fail(CLOSED, (Reason.UNREACHABLE, "a"), (Reason.UNREACHABLE, "b"))
    assert fail(breaker.on_success(two, NOW), (Reason.UNREACHABLE, "c")).state == "ok"


@pytest.mark.parametrize("reason", PARKING)
def test_a_fault_of_the_destination_parks_it_at_once(reason: Reason):
    parked = fail(CLOSED, (reason, "a"))
    assert (parked.state, parked.reason) == ("parked", reason)
    assert not breaker.allows(parked, NOW)
    assert breaker.allows(parked, NOW + PROBE_EVERY)


@pytest.mark.parametrize("reason", [Reason.BUG, Reason.BAD_MESSAGE])
def test_a_fault_of_the_message_leaves_the_destination_alone(reason: Reason):
    assert fail(CLOSED, *[(reason, row) for row in "abcdef"]) == CLOSED


def test_a_refused_message_shows_that_the_provider_is_back():
    opened = fail(CLOSED, *[(Reason.UNREACHABLE, row) for row in "abc"])
    assert fail(opened, (Reason.BAD_MESSAGE, "d")) == CLOSED


def test_a_refused_message_does_not_unpark():
    parked = fail(CLOSED, (Reason.BAD_CREDENTIALS, "a"))
    assert fail(parked, (Reason.BAD_MESSAGE, "b")) == parked


@pytest.mark.parametrize(
    ("wish", "pause"),
    [
        (7.0, 7 * SECOND),
        (0.0, SECOND),
        (1e12, HOUR),
        (math.inf, HOUR),
        (math.nan, SECOND),
        (-5.0, SECOND),
        (None, SECOND),
    ],
)
def test_rate_limit_pauses_as_long_as_the_provider_wishes_within_reason(wish: float | None, pause: int):
    limited = breaker.on_failure(CLOSED, Reason.RATE_LIMITED, "a", NOW, retry_after=wish)
    assert (limited.state, limited.until - NOW) == ("limited", pause)
    assert not breaker.allows(limited, limited.until - 1)
    assert breaker.allows(limited, limited.until)


def test_rate_limits_without_a_wish_back_off_up_to_a_minute():
    state, now, pauses = CLOSED, NOW, []
    for _ in range(6):
        state = breaker.on_failure(state, Reason.RATE_LIMITED, "a", now)
        pauses.append((state.until - now) // SECOND)
        now = state.until
    assert pauses == [1, 5, 25, 60, 60, 60]


def test_answers_to_calls_made_together_count_as_one_rate_limit():
    state = fail(CLOSED, *[(Reason.RATE_LIMITED, row) for row in "abcd"])
    assert (state.pauses, state.until) == (1, NOW + SECOND)


def test_success_of_an_earlier_call_does_not_cut_a_pause_short():
    limited = breaker.on_failure(CLOSED, Reason.RATE_LIMITED, "a", NOW, retry_after=30)
    assert not breaker.allows(breaker.on_success(limited, NOW + SECOND), NOW + SECOND)
    assert breaker.on_success(limited, limited.until) == CLOSED


def test_parked_probes_become_rarer():
    state, now, pauses = fail(CLOSED, (Reason.BAD_CREDENTIALS, "a")), NOW, []
    for _ in range(6):
        state = breaker.on_start(state, "a", now)
        pauses.append((state.until - now) // SECOND)
        now = state.until
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_the_last_probes_are_remembered_once_each_latest_last():
    state = fail(CLOSED, (Reason.BAD_CREDENTIALS, "x"))
    for row in ("a", "b", "a", "c", "d", "e"):
        state = breaker.on_start(state, row, NOW)
    assert state.probed == ("a", "c", "d", "e")


def test_it_survives_a_restart_as_far_as_it_matters():
    opened = fail(CLOSED, *[(Reason.UNREACHABLE, row) for row in "abc"])
    again = breaker.restored(breaker.status_of(opened, "slack:x"), NOW + MINUTE)
    assert (again.state, again.reason, again.since) == ("open", Reason.UNREACHABLE, NOW)
    assert breaker.allows(again, NOW + MINUTE)
    limited = breaker.on_failure(CLOSED, Reason.RATE_LIMITED, "a", NOW, retry_after=30)
    assert not breaker.allows(breaker.restored(breaker.status_of(limited, "slack:x"), NOW + 1), NOW + 2)
    assert breaker.restored(breaker.status_of(limited, "slack:x"), NOW + MINUTE) == CLOSED
    assert (
        breaker.restored(DestinationStatus("slack:x", "open", "words of a newer release", "", 1, 2), NOW).reason is None
    )


CALLS = st.tuples(
    st.integers(0, 8_000_000),
    st.sampled_from(["a", "b", "c"]),
    st.one_of(st.none(), st.sampled_from(list(Reason))),
    st.one_of(st.none(), st.floats(0, 100)),
)


@settings(max_examples=200)
@given(st.lists(CALLS, max_size=60))
def test_whatever_happens_probes_keep_their_distance(calls: list[tuple[int, str, Reason | None, float | None]]):
    state, now, last_probe = CLOSED, NOW, None
    for wait, row, reason, wish in calls:
        now += wait
        if not breaker.allows(state, now):
            continue
        if state.is_open:
            assert last_probe is None or now - last_probe >= PROBE_EVERY
            last_probe = now
        state = breaker.on_start(state, row, now)
        if reason is None:
            state = breaker.on_success(state, now)
            assert state == CLOSED
            last_probe = None
        else:
            state = breaker.on_failure(state, reason, row, now, retry_after=wish)
            if state.state == "open":
                assert FAULTS[state.reason].breaker in ("count", "count_rows")
        if not state.is_open:
            last_probe = None
            assert len(state.strikes) < BREAKER_AFTER


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(COUNTED_BY_ROW), st.sampled_from(["a", "b", "c", "d"])), max_size=12))
def test_lost_answers_open_it_exactly_when_three_rows_are_among_them(calls: list[tuple[Reason, str]]):
    assert (fail(CLOSED, *calls).state == "open") == (len({row for _, row in calls}) >= 3)
