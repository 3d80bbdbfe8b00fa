"""The state machine, where times contradict each other."""

from router_world import alert, routes

from router.incident import apply_alert, reopen
from router.model import HOUR, MINUTE, SECOND, AlertStatus
from router.routing import resolve

NOW = 1_000_000 * SECOND


def taken(known, told, at):
    return apply_alert(known, told, resolve(told.labels, routes()), "i1", at)


def test_after_an_end_that_a_clock_ahead_has_told_the_next_episode_still_ends():
    fired = taken(None, alert(at=NOW), NOW).state
    ended = taken(fired, alert(firing=False, at=NOW, ended=NOW + HOUR), NOW + MINUTE).state
    # The clock there is put right, and it fires again.
    again = taken(ended, alert(at=NOW + 5 * MINUTE), NOW + 5 * MINUTE)
    assert again.kind == "held"
    open_again = reopen(again.state, NOW + 5 * MINUTE + SECOND)
    assert open_again.episode == 2
    over = taken(open_again, alert(firing=False, at=NOW + 5 * MINUTE, ended=NOW + 9 * MINUTE), NOW + 9 * MINUTE)
    assert over.kind == "resolved"
    assert over.state.status is AlertStatus.RESOLVED
    third = taken(over.state, alert(at=NOW + 20 * MINUTE), NOW + 20 * MINUTE)
    assert third.kind == "fired"


def test_what_comes_back_from_a_partition_starts_after_its_last_end():
    fired = taken(None, alert(at=NOW), NOW).state
    ended = taken(fired, alert(firing=False, at=NOW, ended=NOW + MINUTE), NOW + MINUTE).state
    held = taken(ended, alert(at=NOW), NOW + 2 * MINUTE).state
    back = reopen(held, NOW + 3 * MINUTE)
    assert (back.starts_at, back.ends_at) == (NOW + MINUTE + 1, NOW + MINUTE)
    stale = taken(back, alert(firing=False, at=NOW, ended=NOW + MINUTE), NOW + 4 * MINUTE)
    assert stale.kind == "stale_resolve"
