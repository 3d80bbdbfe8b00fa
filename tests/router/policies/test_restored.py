"""What a router does first on a store that nobody has written to for long."""

from __future__ import annotations

import pytest
from memory_store import Database, MemoryStore
from store_factory import a_delivery, settled

from router.model import HOUR, MINUTE, NOTHING, SECOND, Heartbeat, Mode, Replica, Shown, Status, View
from router.policies.restored import STALE, doubted, is_stale, resume

NOW = 1_000 * HOUR
FIRING = View(2, Shown.FIRING, 7)
DOUBT = View(2, Shown.UNKNOWN, 0)


def replica(beat: int) -> Replica:
    return Replica("one", 0, beat, "1")


def test_a_store_is_stale_when_its_last_sign_of_life_is_old():
    old, new = NOW - STALE - 1, NOW - MINUTE
    assert is_stale([replica(old)], [], NOW)
    assert is_stale([], [Heartbeat("main", old)], NOW)
    assert is_stale([replica(old)], [Heartbeat("main", old)], NOW)
    assert not is_stale([replica(new)], [Heartbeat("main", old)], NOW)
    assert not is_stale([replica(old)], [Heartbeat("main", new)], NOW)


def test_a_new_store_is_not_stale():
    assert not is_stale([], [], NOW)


@pytest.mark.parametrize("repeat_at", [1, NOW - HOUR, NOW, NOW + SECOND, NOW + HOUR])
def test_no_repeat_is_sent_for_a_whole_interval(repeat_at):
    row = settled(a_delivery(wanted=FIRING), repeat_at=repeat_at)
    assert doubted(row, NOW, 4 * HOUR).repeat_at == NOW + 4 * HOUR


def test_what_is_settled_for_good_is_left_alone():
    row = settled(a_delivery(wanted=View(2, Shown.RESOLVED, 0)))
    assert doubted(row, NOW, HOUR) == row


@pytest.mark.parametrize("shown", [NOTHING, View(1, Shown.RESOLVED, 3)])
def test_what_waits_to_be_told_may_have_been_told(shown):
    assert doubted(a_delivery(wanted=FIRING, shown=shown), NOW, HOUR).shown == DOUBT


def test_a_note_that_waits_may_have_been_posted():
    note = a_delivery(mode=Mode.NOTE, wanted=View(1, Shown.FIRING, 0), shown=NOTHING)
    assert doubted(note, NOW, HOUR).shown == View(1, Shown.UNKNOWN, 0)


def test_what_is_open_stays_open_so_that_an_earlier_episode_is_closed_first():
    row = a_delivery(wanted=FIRING, shown=View(1, Shown.FIRING, 7))
    assert doubted(row, NOW, HOUR) == row


@pytest.mark.parametrize("status", [Status.DEAD, Status.EXPIRED, Status.CLAIMED])
def test_dead_letters_and_claims_are_left_alone(status):
    row = a_delivery(wanted=FIRING, status=status)
    assert doubted(row, NOW, HOUR) == row


def test_a_digest_is_left_alone():
    row = a_delivery(wanted=FIRING, mode=Mode.DIGEST)
    assert doubted(row, NOW, HOUR) == row


def test_a_store_in_use_is_not_changed():
    store = MemoryStore(Database())
    waiting = a_delivery(wanted=FIRING)
    store.database.seed(waiting, replica(NOW - SECOND))
    with store.begin() as tx:
        assert not resume(tx, NOW, HOUR)
    assert store.database.deliveries() == [waiting]


def test_a_stale_store_is_put_right_whatever_is_due_or_not():
    store = MemoryStore(Database())
    waiting = a_delivery("i1", wanted=FIRING)
    overdue = settled(a_delivery("i2", wanted=FIRING), repeat_at=NOW - HOUR)
    soon = settled(a_delivery("i3", wanted=FIRING), repeat_at=NOW + MINUTE)
    store.database.seed(waiting, overdue, soon, replica(NOW - HOUR))
    with store.begin() as tx:
        assert resume(tx, NOW, 4 * HOUR)
    found = {row.incident_id: row for row in store.database.deliveries()}
    assert found["i1"].shown == DOUBT
    assert {found["i2"].repeat_at, found["i3"].repeat_at} == {NOW + 4 * HOUR}
