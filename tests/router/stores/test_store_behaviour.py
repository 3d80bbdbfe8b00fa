"""What every store has to do, on both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from store_factory import a_delivery, an_alert, an_incident, settled

from router.model import (
    NOTHING,
    SNAPSHOT_ALERTS,
    AlertStatus,
    Attempt,
    DestinationStatus,
    Heartbeat,
    InboxRow,
    IncidentCounts,
    Mode,
    Quarantined,
    Replica,
    Shown,
    Status,
    Transition,
    View,
)
from router.store import Backlog, Store, StoreError
from router.stores import open_store

RESOLVED = View(1, Shown.RESOLVED, 0)
FIRING = View(1, Shown.FIRING, 7)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = open_store(store_url)
    store.open()
    yield store
    store.close()


def test_what_was_committed_is_there_after_opening_again(store, store_url):
    with store.begin() as tx:
        tx.save_alerts([an_alert()])
        tx.save_incidents([an_incident()])
        tx.save_deliveries([a_delivery()])
    store.close()
    store.close()
    again = open_store(store_url)
    again.open()
    with again.begin() as tx:
        assert tx.alerts([("main", "f1"), ("main", "f2")]) == {("main", "f1"): an_alert()}
        assert tx.incidents(["i1", "i2"]) == {"i1": an_incident()}
        assert tx.deliveries(["i1", "i2"]) == {"i1": [a_delivery()]}
    again.close()


def test_an_exception_undoes_all_of_a_transaction(store):
    with pytest.raises(ZeroDivisionError), store.begin() as tx:  # noqa: PT012  (what raises is the block)
        tx.save_alerts([an_alert()])
        tx.put("key", "value")
        raise ZeroDivisionError
    with store.begin() as tx:
        assert tx.alerts([("main", "f1")]) == {}
        assert tx.get("key") is None


def test_a_failed_statement_that_nobody_minded_still_undoes_all(store):
    def careless():
        with store.begin() as tx:
            tx.put("key", "value")
            with pytest.raises(StoreError):
                tx.beat(Replica("me", 2**70, 1, "1"))

    with pytest.raises(StoreError):
        careless()
    with store.begin() as tx:
        assert tx.get("key") is None


def test_saving_again_replaces_and_the_later_of_two_in_one_call_counts(store):
    with store.begin() as tx:
        tx.save_alerts([an_alert(episode=1), an_alert(episode=2)])
        tx.save_incidents([an_incident(revision=1), an_incident(revision=2)])
        tx.save_deliveries([a_delivery(attempts=1), a_delivery(attempts=2)])
    with store.begin() as tx:
        assert tx.alerts([("main", "f1")])["main", "f1"].episode == 2
        assert tx.incidents(["i1"])["i1"].revision == 2
        assert tx.deliveries(["i1"])["i1"][0].attempts == 2
        tx.save_alerts([an_alert(status=AlertStatus.RESOLVED, ends_at=200, severity=None)])
        tx.save_incidents([an_incident(open=False, counts=())])
        tx.save_deliveries([settled(a_delivery())])
        assert tx.alerts([("main", "f1")])["main", "f1"].severity is None
        assert tx.incidents(["i1"])["i1"].counts == ()
        assert tx.deliveries(["i1"])["i1"] == [settled(a_delivery())]


def test_the_same_fingerprint_in_two_clusters_is_two_alerts(store):
    with store.begin() as tx:
        tx.save_alerts([an_alert(), an_alert(cluster="backup", episode=5)])
        assert len(tx.alerts([("main", "f1"), ("backup", "f1"), ("else", "f1")])) == 2
        assert [alert.cluster for alert in tx.find_alerts("f1")] == ["backup", "main"]
        assert tx.find_alerts("f2") == []


def test_many_rows_are_no_different(store):
    alerts = [an_alert(f"f{number:05}") for number in range(2500)]
    keys = [(alert.cluster, alert.fingerprint) for alert in alerts]
    with store.begin() as tx:
        tx.save_alerts(alerts)
        assert tx.alerts(keys) == dict(zip(keys, alerts, strict=True))
        assert tx.alerts([]) == tx.incidents([]) == tx.deliveries([]) == tx.snapshots([]) == {}


def test_text_that_databases_dislike_comes_back_as_it_was(store):
    odd = "nul \0 half \ud800 quote ' \" \\ percent %s {} \x01 new\nline é 漢 🎉"
    alert = an_alert(odd, cluster="\0", team=odd, labels={odd: odd}, annotations={"a": "\ud800"}, generator_url="\x01")
    delivery = a_delivery(destination=f"slack:T/#{odd}", detail=odd, parts={"a": [odd, {"b": None}]}, payload=odd)
    incident = an_incident(group={"a": odd}, summary=odd, counts=(IncidentCounts("low", odd, odd, 3),))
    with store.begin() as tx:
        tx.save_alerts([alert])
        tx.save_incidents([incident])
        tx.save_deliveries([delivery])
        tx.put(odd, odd)
        tx.add_transitions([Transition(1, "i1", odd, 1, "fired", odd)])
        tx.add_attempts([Attempt(1, "i1", odd, 1, odd, odd, odd, odd, odd, 5)])
        assert tx.alerts([("\0", odd)]) == {("\0", odd): alert}
        assert tx.find_alerts(odd) == [alert]
        assert tx.incidents(["i1"]) == {"i1": incident}
        assert tx.deliveries(["i1"]) == {"i1": [delivery]}
        assert tx.shown_firing([delivery.destination]) == [delivery]
        assert tx.take_due(200, [], {}, 5, 5) == [delivery]
        assert tx.get(odd) == odd
        transitions, attempts = tx.history("i1", 5)
        assert transitions == [Transition(1, "i1", odd, 1, "fired", odd)]
        assert attempts == [Attempt(1, "i1", odd, 1, odd, odd, odd, odd, odd, 5)]


# The inbox


def a_webhook(key="w1", **changes):
    return InboxRow(key, "main", 100, "r1", "me", b'{"alerts": "\xff\x00"}')._replace(**changes)


def test_a_webhook_is_kept_until_it_is_removed(store):
    with store.begin() as tx:
        tx.add_inbox([a_webhook(), a_webhook("w2", received_at=50)])
        tx.add_inbox([a_webhook(body=b"another")])
    with store.begin() as tx:
        assert tx.take_inbox("me", ["me"], 10) == [a_webhook("w2", received_at=50), a_webhook()]
        tx.remove_inbox(["w1", "unknown"])
    with store.begin() as tx:
        assert [row.id for row in tx.take_inbox("me", ["me"], 10)] == ["w2"]


def test_the_webhooks_of_the_dead_are_taken_over_and_those_of_the_living_are_not(store):
    rows = [a_webhook("a", owner="me"), a_webhook("b", owner="dead"), a_webhook("c", owner="other")]
    with store.begin() as tx:
        tx.add_inbox(rows)
        assert [(row.id, row.owner) for row in tx.take_inbox("me", ["me", "other"], 10)] == [("a", "me"), ("b", "me")]
    with store.begin() as tx:
        assert [row.id for row in tx.take_inbox("other", ["other", "me"], 10)] == ["c"]
        assert [row.id for row in tx.take_inbox("third", [], 2)] == ["a", "b"]


def test_the_newest_quarantined_bodies_are_shown(store):
    rows = [Quarantined(f"q{number}", "main", number, "not JSON", 9, b"\x00{") for number in range(3)]
    with store.begin() as tx:
        tx.add_quarantine(rows)
        assert tx.quarantine(2) == [rows[2], rows[1]]


# Alerts and incidents


def test_firing_alerts_include_held_ones(store):
    held = an_alert("f2", status=AlertStatus.HELD, held_at=50)
    rows = [an_alert(), held, an_alert("f3", status=AlertStatus.RESOLVED), an_alert("f4", cluster="other")]
    with store.begin() as tx:
        tx.save_alerts(rows)
        assert tx.firing_alerts("main") == rows[:2]
        assert tx.held_alerts(51) == [held]
        assert tx.held_alerts(50) == []


def test_a_snapshot_has_the_worst_and_oldest_alerts(store):
    crowd = [an_alert(f"c{n:02}", severity="medium", starts_at=500) for n in range(SNAPSHOT_ALERTS)]
    first = an_alert("z", severity="critical", starts_at=900)
    second = an_alert("y", severity="high", starts_at=200)
    third = an_alert("a", severity="high", starts_at=300)
    silent = an_alert("s", severity=None, starts_at=1)
    over = an_alert("o", status=AlertStatus.RESOLVED, starts_at=1)
    elsewhere = an_alert("e", incident_id="i2", starts_at=1)
    with store.begin() as tx:
        tx.save_alerts([*crowd, third, silent, over, first, second, elsewhere])
        tx.save_incidents([an_incident(), an_incident("i2")])
        snapshots = tx.snapshots(["i2", "i1", "unknown"])
    assert set(snapshots) == {"i1", "i2"}
    assert snapshots["i1"].alerts == (first, second, third, *crowd)[:SNAPSHOT_ALERTS]
    assert snapshots["i2"] == (an_incident("i2"), (elsewhere,))


def test_a_snapshot_of_what_is_over_has_the_alert_that_ended_last(store):
    early = an_alert("a", status=AlertStatus.RESOLVED, ends_at=200)
    late = an_alert("b", status=AlertStatus.HELD, ends_at=300, held_at=1)
    only_recorded = an_alert("c", severity=None)
    with store.begin() as tx:
        tx.save_alerts([early, late, only_recorded, only_recorded._replace(incident_id="i2", fingerprint="d")])
        tx.save_incidents([an_incident(), an_incident("i2"), an_incident("i3")])
        snapshots = tx.snapshots(["i1", "i2", "i3"])
    assert snapshots["i1"].alerts == (late,)
    assert [alert.fingerprint for alert in snapshots["i2"].alerts] == ["d"]
    assert snapshots["i3"].alerts == ()


def test_open_incidents_come_oldest_first(store):
    rows = [an_incident("a", opened_at=3), an_incident("b", opened_at=1), an_incident("c", open=False, opened_at=0)]
    with store.begin() as tx:
        tx.save_incidents(rows)
        assert tx.open_incidents(10) == [rows[1], rows[0]]
        assert tx.open_incidents(1) == [rows[1]]


def test_new_incidents_are_counted_by_team_even_when_they_have_closed(store):
    other = (IncidentCounts("low", "search", "", 1), IncidentCounts("low", "payments", "", 1))
    with store.begin() as tx:
        tx.save_incidents([an_incident("a"), an_incident("b"), an_incident("c", counts=other)])
        tx.save_incidents([an_incident("d", counts=(), group={"team": "web"}), an_incident("e", opened_at=99)])
        tx.save_incidents([an_incident("a", open=False, counts=(), closed_at=150)])
        assert tx.new_incidents(100) == {"payments": 2, "search": 1, "web": 1}


# Deliveries


def test_the_deliveries_of_an_incident_are_sorted_by_destination(store):
    rows = [a_delivery(destination=name) for name in ("slack:T/#b", "email:a@example.com", "slack:T/#B")]
    with store.begin() as tx:
        tx.save_deliveries([*rows, a_delivery("i2")])
        assert tx.deliveries(["i1"]) == {"i1": [rows[1], rows[2], rows[0]]}


def test_due_is_what_waits_or_repeats_or_was_left_behind(store):
    due = [
        a_delivery("waits", next_at=100),
        a_delivery("note", mode=Mode.NOTE, next_at=101),
        a_delivery("at once", next_at=0),
        settled(a_delivery("repeats"), repeat_at=99),
        a_delivery("left", status=Status.CLAIMED, owner="dead", next_at=5),
    ]
    not_due = [
        a_delivery("later", next_at=201),
        a_delivery("digest", mode=Mode.DIGEST),
        settled(a_delivery("settled")),
        settled(a_delivery("repeats later"), repeat_at=201),
        a_delivery("claimed", status=Status.CLAIMED, owner="other"),
        a_delivery("dead", status=Status.DEAD),
        a_delivery("expired", status=Status.EXPIRED, repeat_at=1),
    ]
    with store.begin() as tx:
        tx.save_deliveries(due + not_due)
        found = tx.take_due(200, ["me", "other"], {}, 100, 100)
        assert [row.incident_id for row in found] == ["at once", "left", "repeats", "waits", "note"]
        assert sorted(found) == sorted(due)
        assert tx.take_due(200, ["me", "other"], {}, 100, 100) == found
        assert len(tx.take_due(200, [], {}, 100, 100)) == 6


def test_urgent_rows_are_due_before_older_ones(store):
    rows = [a_delivery("a", urgent=False, next_at=1), a_delivery("b", next_at=50), a_delivery("c", next_at=40)]
    with store.begin() as tx:
        tx.save_deliveries(rows)
        assert [row.incident_id for row in tx.take_due(100, [], {}, 10, 10)] == ["c", "b", "a"]
        assert [row.incident_id for row in tx.take_due(100, [], {}, 10, 2)] == ["c", "b"]


def test_one_destination_takes_no_more_than_its_room(store):
    rows = [a_delivery(f"i{n:03}", name, next_at=n) for n in range(50) for name in ("slack:A", "slack:B", "slack:C")]
    left = [a_delivery(f"j{n}", "slack:B", next_at=n, status=Status.CLAIMED, owner="dead") for n in range(5)]
    with store.begin() as tx:
        tx.save_deliveries(rows + left)
        found = tx.take_due(100, ["me"], {"slack:A": 0, "slack:B": 3}, 7, 1000)
        names = [row.destination for row in found]
        assert (names.count("slack:A"), names.count("slack:B"), names.count("slack:C")) == (0, 3, 7)
        assert len(tx.take_due(100, ["me"], {}, 10, 12)) == 12


def test_digests_are_read_while_they_have_something_to_say(store):
    rows = [
        a_delivery("a", mode=Mode.DIGEST),
        settled(a_delivery("b", mode=Mode.DIGEST)),
        a_delivery("c", mode=Mode.DIGEST, wanted=RESOLVED, shown=FIRING),
        settled(a_delivery("d", mode=Mode.DIGEST, wanted=RESOLVED)),
        a_delivery("e"),
    ]
    with store.begin() as tx:
        tx.save_deliveries(rows)
        assert [row.incident_id for row in tx.digest_deliveries()] == ["a", "b", "c"]


def test_overdue_is_what_is_urgent_and_undelivered_for_long(store):
    overdue = [a_delivery("a", since=20), a_delivery("b", since=10, status=Status.CLAIMED, owner="me")]
    others = [
        a_delivery("c", since=50),
        a_delivery("d", since=10, urgent=False),
        a_delivery("e", since=10, via="fallback"),
        a_delivery("f", since=10, mode=Mode.NOTE),
        a_delivery("g", since=10, status=Status.DEAD),
        a_delivery("h", since=10, wanted=RESOLVED),
        settled(a_delivery("i")),
    ]
    with store.begin() as tx:
        tx.save_deliveries(overdue + others)
        assert tx.overdue(50, 10) == [overdue[1], overdue[0]]
        assert tx.overdue(50, 1) == [overdue[1]]


def test_dead_letters_come_oldest_first(store):
    dead = a_delivery("a", status=Status.DEAD, since=20)
    expired = a_delivery("b", status=Status.EXPIRED, since=10)
    with store.begin() as tx:
        tx.save_deliveries([dead, expired, a_delivery("c"), settled(a_delivery("d"))])
        assert tx.dead_letters([Status.DEAD, "expired"], 10) == [expired, dead]
        assert tx.dead_letters(["dead"], 10) == [dead]
        assert tx.dead_letters([], 10) == []


def test_the_backlog_counts_what_waits_and_what_is_dead(store):
    rows = [
        a_delivery("a", "slack:A", since=30),
        a_delivery("b", "slack:A", since=20, status=Status.CLAIMED, owner="me"),
        a_delivery("c", "slack:A", since=10, status=Status.DEAD),
        a_delivery("d", "slack:B", status=Status.DEAD),
        a_delivery("e", "slack:C", mode=Mode.DIGEST),
        settled(a_delivery("f", "slack:D")),
        a_delivery("g", "slack:E", status=Status.EXPIRED),
    ]
    with store.begin() as tx:
        assert tx.backlog() == []
        tx.save_deliveries(rows)
        assert tx.backlog() == [Backlog("slack:A", 2, 20, 1), Backlog("slack:B", 0, 0, 1)]


def test_what_shows_or_should_show_firing_is_found(store):
    rows = [
        settled(a_delivery("a", "slack:A")),
        a_delivery("b", "slack:A", wanted=RESOLVED, shown=View(1, Shown.UNKNOWN, 0)),
        a_delivery("c", "slack:B", wanted=FIRING, shown=NOTHING),
        settled(a_delivery("d", "slack:B", wanted=RESOLVED)),
        a_delivery("e", "slack:B", mode=Mode.NOTE),
    ]
    with store.begin() as tx:
        tx.save_deliveries(rows)
        assert tx.shown_firing(None) == rows[:3]
        assert tx.shown_firing(["slack:B", "slack:Z"]) == rows[2:3]
        assert tx.shown_firing([]) == []


# The ledger and small things


def test_history_has_the_newest_of_each_in_order(store):
    transitions = [Transition(at, "i1", "f1", 1, "fired", "x") for at in (1, 3, 3, 2)]
    attempts = [Attempt(at, "i1", "d", 1, "firing", "delivered", "", "202", "id", 7) for at in (1, 2)]
    with store.begin() as tx:
        tx.add_transitions([*transitions, Transition(9, "i2", "", 1, "fired", "x")])
        tx.add_attempts(attempts)
        assert tx.history("i1", 10) == (sorted(transitions), attempts)
        assert tx.history("i1", 1) == ([transitions[1]], [attempts[1]])
        assert tx.history("i3", 10) == ([], [])


def test_replicas_destinations_and_facts_are_replaced(store):
    first = Replica("me", 1, 2, "1.0")
    ok, parked = DestinationStatus("d", "ok", "", "", 1, 0), DestinationStatus("d", "parked", "r", "words", 2, 9)
    with store.begin() as tx:
        tx.beat(first)
        tx.beat(first._replace(heartbeat_at=5))
        tx.beat(Replica("other", 1, 1, "1.0"))
        tx.remove_replica("other")
        tx.save_destination(ok)
        tx.save_destination(parked)
        tx.put("digest", "1")
        tx.put("digest", "2")
    with store.begin() as tx:
        assert tx.replicas() == [first._replace(heartbeat_at=5)]
        assert tx.destinations() == [parked]
        assert (tx.get("digest"), tx.get("nothing")) == ("2", None)


def test_a_heartbeat_never_goes_back(store):
    with store.begin() as tx:
        tx.save_heartbeats([Heartbeat("main", 5), Heartbeat("main", 4), Heartbeat("never", 0)])
        tx.save_heartbeats([Heartbeat("main", 3)])
        assert tx.heartbeats() == [Heartbeat("main", 5), Heartbeat("never", 0)]
        tx.save_heartbeats([Heartbeat("main", 6)])
        assert tx.heartbeats()[0].seen_at == 6


def test_after_a_clock_that_ran_ahead_a_watchdog_is_heard_again(store):
    with store.begin() as tx:
        tx.save_heartbeats([Heartbeat("main", 9_000), Heartbeat("other", 400)])
    with store.begin() as tx:
        tx.recall(1_000, 500)
        assert tx.heartbeats() == [Heartbeat("main", 500), Heartbeat("other", 400)]
        tx.save_heartbeats([Heartbeat("main", 501)])
        assert tx.heartbeats()[0].seen_at == 501


def test_what_a_clock_ahead_has_dated_is_overdue_by_the_clock_of_now(store):
    ahead, before, done = a_delivery("ahead", since=9_000), a_delivery("before", since=400), settled(a_delivery("done"))
    with store.begin() as tx:
        tx.save_deliveries([ahead, before, done])
    with store.begin() as tx:
        assert tx.recall(1_000, 500) == 0
        assert {row.incident_id: row.since for row in tx.overdue(501, 9)} == {"ahead": 500, "before": 400}
        assert tx.deliveries(["done"])["done"] == [done]


def test_one_replica_alone_locks_and_leads(store):
    with store.begin() as tx:
        tx.lock(f"i{number}" for number in range(1000))
        tx.lock(["i1"])
        tx.lock([])
        assert tx.try_leader("digest")
        assert tx.try_leader("digest")


# Retention


def over(key, **changes):
    return an_incident(key, open=False, counts=(), closed_at=50)._replace(**changes)


def test_what_is_over_is_pruned_with_all_that_belongs_to_it(store):
    with store.begin() as tx:
        tx.save_incidents([over("i1")])
        tx.save_alerts([an_alert(status=AlertStatus.RESOLVED, ends_at=50)])
        tx.save_deliveries([settled(a_delivery()), a_delivery(destination="x", status=Status.EXPIRED)])
        tx.save_deliveries([settled(a_delivery("n1", mode=Mode.NOTE), shown_at=50, received_at=40)])
        tx.add_transitions([Transition(50, "i1", "", 1, "fired", "")])
        tx.add_attempts([Attempt(50, "i1", "d", 1, "", "", "", "", "", 0)])
        tx.add_quarantine([Quarantined("q", "main", 50, "", 0, b"")])
    with store.begin() as tx:
        assert tx.prune(50, 100) == 0
        assert sum(tx.prune(100, 100) for _ in range(3)) == 8
        assert tx.alerts([("main", "f1")]) == tx.incidents(["i1"]) == tx.deliveries(["i1", "n1"]) == {}
        assert tx.history("i1", 5) == ([], [])
        assert tx.quarantine(5) == []


def test_an_open_incident_and_whatever_is_undelivered_outlive_every_pruning(store):
    incidents = [
        an_incident("open", closed_at=1),
        over("waits"),
        over("dead"),
        over("fires"),
        over("held"),
        over("fresh", closed_at=500),
    ]
    deliveries = [
        settled(a_delivery("open")),
        settled(a_delivery("waits", "a")),
        a_delivery("waits", "b", wanted=RESOLVED),
        a_delivery("dead", status=Status.DEAD),
        settled(a_delivery("fires")),
        a_delivery("note", mode=Mode.NOTE),
        a_delivery("dead note", mode=Mode.NOTE, status=Status.DEAD),
        settled(a_delivery("fresh note", mode=Mode.NOTE), shown_at=500),
    ]
    alerts = [
        an_alert("f1", incident_id="fires", severity=None),
        an_alert("f2", incident_id="held", status=AlertStatus.HELD, ends_at=1),
        an_alert("f3", incident_id="fresh", status=AlertStatus.RESOLVED, ends_at=500),
    ]
    with store.begin() as tx:
        tx.save_incidents(incidents)
        tx.save_deliveries(deliveries)
        tx.save_alerts(alerts)
        assert sum(tx.prune(400, 100) for _ in range(3)) == 0
        assert len(tx.incidents([row.id for row in incidents])) == len(incidents)
        assert sum(map(len, tx.deliveries([row.incident_id for row in deliveries]).values())) == len(deliveries)
        assert len(tx.alerts([("main", row.fingerprint) for row in alerts])) == len(alerts)


def test_pruning_goes_in_small_steps(store):
    with store.begin() as tx:
        tx.save_alerts([an_alert(f"f{n}", status=AlertStatus.RESOLVED, ends_at=n) for n in range(10)])
        tx.add_transitions([Transition(n, "i1", "", 1, "fired", "") for n in range(10)])
        assert [tx.prune(8, 5) for _ in range(3)] == [10, 6, 0]
        assert len(tx.history("i1", 20)[0]) == 2
