import pytest
from decision_samples import NOW
from hypothesis import given
from hypothesis import strategies as st
from router_world import alert

from router.model import HOUR, MINUTE, SECOND, Heartbeat
from router.policies.watchdog import fresh, is_watchdog, silent
from router.routes import Cluster

MAIN = Cluster("main", (), 5 * MINUTE)
OTHER = Cluster("other", (), 10 * MINUTE)
CLUSTERS = {"other": OTHER, "main": MAIN}
LONG_AGO = NOW - 24 * HOUR


def names(heartbeats, *, started_at=LONG_AGO, now=NOW):
    return [silence.cluster for silence in silent(CLUSTERS, heartbeats, started_at, now)]


def test_only_the_alert_named_watchdog_is_the_heartbeat():
    assert is_watchdog(alert("Watchdog", severity=None))
    assert not is_watchdog(alert("watchdog"))
    assert not is_watchdog(alert("Down", purpose="Watchdog"))


def test_a_cluster_is_silent_after_its_own_deadline():
    seen = [Heartbeat("main", NOW - 6 * MINUTE), Heartbeat("other", NOW - 6 * MINUTE)]
    assert names(seen) == ["main"]
    assert names(seen, now=NOW + 5 * MINUTE) == ["main", "other"]


def test_the_deadline_itself_is_still_in_time():
    seen = [Heartbeat("main", NOW - 5 * MINUTE), Heartbeat("other", NOW)]
    assert names(seen) == []
    assert names(seen, now=NOW + 1) == ["main"]


def test_a_cluster_that_never_spoke_is_silent():
    (first, second) = silent(CLUSTERS, [], LONG_AGO, NOW)
    assert (first.cluster, first.seen_at, first.deadline) == ("main", 0, 5 * MINUTE)
    assert second.cluster == "other"


def test_a_whole_deadline_is_waited_after_a_restart():
    seen = [Heartbeat("main", NOW - HOUR), Heartbeat("other", NOW - HOUR)]
    assert names(seen, started_at=NOW - 5 * MINUTE) == []
    assert names(seen, started_at=NOW - 5 * MINUTE - 1) == ["main"]


def test_a_cluster_that_is_not_configured_any_more_is_not_missed():
    assert names([Heartbeat("main", NOW), Heartbeat("other", NOW), Heartbeat("gone", 1)]) == []


def test_a_heartbeat_from_far_in_the_future_does_not_hide_a_silence():
    seen = [Heartbeat("main", NOW + HOUR), Heartbeat("other", NOW)]
    assert names(seen) == ["main"]
    assert not fresh(MAIN, seen[0], NOW)


@pytest.mark.parametrize(("age", "expected"), [(0, True), (5 * MINUTE, True), (5 * MINUTE + 1, False)])
def test_a_heartbeat_is_fresh_within_its_deadline(age, expected):
    assert fresh(MAIN, Heartbeat("main", NOW - age), NOW) is expected


def test_none_is_not_fresh():
    assert not fresh(MAIN, None, NOW)


@given(age=st.integers(0, 3 * HOUR), running=st.integers(0, 3 * HOUR))
def test_what_is_fresh_is_never_silent(age, running):
    beat = Heartbeat("main", NOW - age)
    found = silent({"main": MAIN}, [beat], NOW - running, NOW)
    assert not (fresh(MAIN, beat, NOW) and found)
    assert bool(found) == (min(age, running) > 5 * MINUTE)


def test_a_second_of_silence_is_nothing():
    assert names([Heartbeat("main", NOW - SECOND), Heartbeat("other", NOW - SECOND)]) == []
