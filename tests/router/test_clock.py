from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.clock import STEP, Clock
from router.model import HOUR, SECOND

BEGIN = 1_700_000_000


class Machine:
    """A machine whose wall clock can be set, and whose monotonic clock can't."""

    def __init__(self) -> None:
        self.wall = float(BEGIN)
        self.steady = 5_000_000_000

    def passes(self, seconds: float, *, drift: float = 0.0) -> None:
        self.wall += seconds + drift
        self.steady += int(seconds * 1e9)

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.steady)


def test_it_tells_wall_time():
    machine = Machine()
    clock = machine.clock()
    machine.passes(12.5)
    assert clock.now() == BEGIN * SECOND + 12_500_000
    assert clock.running() == 12_500_000


def test_a_step_changes_nothing_until_it_is_taken_over_and_is_told_then():
    machine = Machine()
    clock = machine.clock()
    machine.passes(1)
    machine.wall += 3_600
    assert clock.now() == (BEGIN + 1) * SECOND
    assert clock.stepped_at == 0
    assert clock.check() == HOUR
    assert clock.now() == clock.stepped_at == (BEGIN + 1) * SECOND + HOUR
    assert (clock.running(), clock.undisturbed()) == (SECOND, 0)
    assert clock.check() == 0


def test_a_step_back_is_taken_over_as_well_and_the_time_that_it_runs_goes_on():
    machine = Machine()
    clock = machine.clock()
    machine.passes(10)
    machine.wall -= 3_600
    assert clock.check() == -HOUR
    assert clock.now() == (BEGIN + 10) * SECOND - HOUR
    assert clock.running() == 10 * SECOND


def test_a_little_drift_is_followed_in_small_pieces_and_is_no_step():
    machine = Machine()
    clock = machine.clock()
    for _ in range(1_000):
        # 100 parts in a million is what a bad crystal does, for which checks every 5 s are enough.
        machine.passes(5, drift=0.0005)
        assert clock.check() == 0
    assert clock.stepped_at == 0
    assert abs(clock.now() - int(machine.wall * SECOND)) < 2_000


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-5, 5)), max_size=30))
def test_between_checks_it_never_runs_back_and_after_one_it_is_near_the_truth(times: list[tuple[float, float]]):
    machine = Machine()
    clock = machine.clock()
    for seconds, step in times:
        before = clock.now()
        machine.passes(seconds)
        machine.wall += step
        assert clock.now() >= before
        clock.check()
        assert abs(clock.now() - int(machine.wall * SECOND)) <= STEP
