from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import planning
from router.applier import Work
from router.faults import PROBE_EVERY
from router.model import MINUTE, SECOND, Destination, DestinationStatus
from router.notifier import Delivered, Outcome, Reason, Rejected, Retry, Traits
from router.worker.breaker import CLOSED
from router.worker.lanes import FRESH, Lane, Lanes, Rate, rate

NOW = 1_700_000_000 * SECOND
FAST = Traits("severity", tells_the_past=False, repeats=True, folds=False, concurrency=4, per_minute=0)
SLACK = FAST._replace(concurrency=1, per_minute=60)
DOWN = Retry(Reason.UNREACHABLE)


def work(name: str, *, urgent: bool = False) -> Work:
    row = planning.note(name, Destination("slack", "TOKEN", "#a"), "team", "{}", NOW, urgent=urgent, via="notice")
    return Work(planning.claim(row, "me", FAST, NOW), None)


def filled(traits: Traits, *names: str) -> Lane:
    lane = Lane("slack:TOKEN/#a", traits)
    for name in names:
        lane.add(work(name), NOW)
    return lane


def call(lane: Lane, outcome: Outcome, now: int = NOW) -> DestinationStatus | None:
    return lane.answered(lane.start(now), outcome, now, 0.0)


def startable(lane: Lane, now: int) -> bool:
    ready_at = lane.ready_at(now)
    return ready_at is not None and ready_at <= now


def names(works: list[Work]) -> list[str]:
    return [item.delivery.incident_id for item in works]


def test_urgent_rows_go_first_and_each_kind_keeps_its_order():
    lane = filled(FAST, "a", "b")
    lane.add(work("u", urgent=True), NOW)
    lane.add(work("v", urgent=True), NOW)
    assert names([lane.start(NOW) for _ in range(4)]) == ["u", "v", "a", "b"]


def test_calls_under_way_are_bounded_by_the_channel():
    lane = filled(FAST, *"abcdef")
    started = 0
    while startable(lane, NOW):
        lane.start(NOW)
        started += 1
    assert started == FAST.concurrency


def test_one_call_at_a_time_after_a_failure():
    lane = filled(FAST, *"abcdef")
    call(lane, DOWN)
    lane.start(NOW)
    assert not startable(lane, NOW)


def test_room_shrinks_with_what_is_claimed_until_it_is_recorded():
    lane = Lane("slack:x", FAST, window=10)
    assert lane.room(NOW) == 10
    lane.add(work("a"), NOW)
    assert lane.room(NOW) == 9
    call(lane, Delivered())
    lane.unrecorded += 1
    assert lane.room(NOW) == 9
    lane.unrecorded -= 1
    assert lane.room(NOW) == 10


def test_a_slow_destination_is_claimed_only_shortly_ahead():
    assert Lane("slack:x", SLACK).room(NOW) == 2
    assert Lane("slack:x", SLACK, limited=False).room(NOW) == 32


def test_nothing_is_claimed_while_rate_limited():
    lane = filled(SLACK, "a", "b")
    status = call(lane, Retry(Reason.RATE_LIMITED, after=30))
    assert status is not None
    assert (status.state, status.reason, status.until) == ("limited", "rate_limited", NOW + 30 * SECOND)
    assert names(lane.stuck(NOW)) == ["b"]
    assert lane.room(NOW + 30 * SECOND - 1) == 0
    assert lane.room(NOW + 30 * SECOND) == 2


def opened(*rows: str) -> Lane:
    lane = filled(FAST, "1", "2", "3", *rows)
    assert [call(lane, DOWN) for _ in range(2)] == [None, None]
    status = call(lane, DOWN)
    assert status is not None
    assert status.state == "open"
    return lane


def test_an_open_breaker_hands_back_what_waits_and_claims_for_a_probe_only():
    lane = opened("4", "5")
    assert not startable(lane, NOW)
    assert names(lane.stuck(NOW)) == ["4", "5"]
    assert lane.room(NOW) == 0
    probe_at = NOW + PROBE_EVERY
    assert lane.room(probe_at) == 1
    lane.add(work("6"), probe_at)
    assert lane.room(probe_at) == 0
    assert startable(lane, probe_at)
    lane.start(probe_at)
    assert lane.room(probe_at + PROBE_EVERY) == 0


def test_each_probe_takes_another_row():
    lane = opened()
    now, probed = NOW, []
    for _ in range(6):
        now += PROBE_EVERY
        for name in ("poison", "b", "c")[: lane.room(now)]:
            lane.add(work(name, urgent=name == "poison"), now)
        item = lane.start(now)
        probed.append(item.delivery.incident_id)
        lane.answered(item, DOWN, now, 0.0)
        lane.empty()
    assert probed == ["poison", "b", "c", "poison", "b", "c"]


def test_a_probe_that_succeeds_opens_the_whole_window():
    lane = opened()
    assert lane.broken
    lane.add(work("a"), NOW + PROBE_EVERY)
    status = call(lane, Delivered(), NOW + PROBE_EVERY)
    assert status is not None
    assert status.state == "ok"
    assert not lane.broken
    assert lane.room(NOW + PROBE_EVERY) == 32


def test_a_destination_stays_broken_through_a_rate_limit():
    lane = opened("a", "b")
    call(lane, Retry(Reason.RATE_LIMITED))
    assert lane.broken
    call(lane, Delivered(), NOW + MINUTE)
    assert not lane.broken


@pytest.mark.parametrize("reason", [Reason.BAD_MESSAGE, Reason.MISCONFIGURED, Reason.NO_SUCH_DESTINATION])
def test_rejections_are_judged_by_their_scope(reason: Reason):
    lane = filled(FAST, "a", "b")
    assert call(lane, Rejected(reason, "message")) is None
    assert lane.breaker == CLOSED
    status = call(lane, Rejected(reason, "destination", "words"))
    assert status is not None
    assert (status.state, status.reason, status.detail) == ("parked", reason, "words")


def test_what_waited_too_long_is_handed_back():
    lane = filled(FAST, "old")
    lane.add(work("young"), NOW + FRESH)
    assert lane.stuck(NOW + FRESH) == []
    assert names(lane.stuck(NOW + FRESH + 1)) == ["old"]
    assert names(lane.empty()) == ["young"]


def test_a_rate_allows_a_burst_and_then_an_even_pace():
    lane = filled(SLACK._replace(concurrency=100), *(str(n) for n in range(20)))
    at_once = 0
    while startable(lane, NOW):
        lane.start(NOW)
        at_once += 1
    assert at_once == 5
    assert lane.ready_at(NOW) == NOW + SECOND


@given(st.integers(1, 6000), st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=300))
def test_no_minute_has_more_calls_than_the_rate_and_its_burst(per_minute: int, waits: list[int]):
    pace, now, calls = rate(per_minute), NOW, []
    for wait in waits:
        now += wait
        if pace.ready_at() <= now:
            calls.append(now)
            pace = pace.spent(now)
    # The interval is cut to whole microseconds, which is worth less than one call.
    most = pace.burst + MINUTE // pace.interval + 1
    assert all(sum(start <= at < start + MINUTE for at in calls) <= most for start in calls)


def test_without_a_rate_nothing_waits():
    assert rate(0).spent(NOW) == Rate(0, 1)
    assert rate(0).ready_at() <= NOW


def test_an_unknown_channel_has_a_lane_all_the_same():
    lanes = Lanes({"slack": SLACK})
    assert lanes.room("carrier-pigeon:x", NOW) == 32
    assert lanes.lane("slack:x").traits is SLACK
    assert lanes.lane("slack:x") is lanes.lane("slack:x")
    assert lanes.rooms(NOW) == {"carrier-pigeon:x": 32, "slack:x": 2}


def test_health_is_restored_after_a_restart():
    lanes = Lanes({"slack": SLACK})
    lanes.restore([DestinationStatus("slack:x", "parked", "bad_credentials", "", NOW - 5, NOW)], NOW)
    assert lanes.lane("slack:x").broken
    assert lanes.room("slack:x", NOW) == 1
