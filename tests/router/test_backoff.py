from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router import backoff
from router.model import SECOND
from router.planning import ATTEMPTS


def test_waits_grow_from_one_second_to_the_cap():
    assert [backoff.delay(attempt, 0) // SECOND for attempt in range(1, 7)] == [1, 5, 25, 60, 60, 60]


def test_five_attempts_take_about_ninety_seconds():
    longest = sum(backoff.delay(attempt, 0) for attempt in range(1, ATTEMPTS))
    shortest = sum(backoff.delay(attempt, 0.999999) for attempt in range(1, ATTEMPTS))
    assert longest == 91 * SECOND
    assert 72 * SECOND < shortest < 73 * SECOND


@given(st.integers(-3, 10_000), st.floats(0, 1, exclude_max=True))
def test_jitter_takes_at_most_a_fifth_and_never_exceeds_the_cap(attempt: int, jitter: float):
    nominal = backoff.delay(attempt, 0)
    assert nominal * 4 // 5 <= backoff.delay(attempt, jitter) <= nominal <= backoff.CAP
