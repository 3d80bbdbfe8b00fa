"""What only PostgreSQL has: other replicas, and a server that can go away."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from postgres_server import PostgresServer
from store_factory import a_delivery, an_alert, an_incident, settled

from router.model import AlertStatus, InboxRow, Mode, Status
from router.store import CommitUnknown, StoreError, StoreUnavailable
from router.stores import open_store
from router.stores.postgresql import PostgresStore

pytestmark = pytest.mark.full


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.create_database()


@pytest.fixture
def pair(url: str) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    stores = PostgresStore(url, lock_timeout=200), PostgresStore(url, lock_timeout=200)
    for store in stores:
        store.open()
    yield stores
    for store in stores:
        store.close()


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


def administer(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.encode())


END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'alert-router'"


def test_two_replicas_never_take_the_same_row(pair):
    one, two = pair
    with one.begin() as tx:
        tx.save_deliveries([a_delivery(f"i{n:03}", f"slack:{n % 3}") for n in range(60)])
        tx.save_deliveries([a_delivery(f"j{n}", status=Status.CLAIMED, owner="dead") for n in range(10)])
    with one.begin() as first, two.begin() as second:
        mine = first.take_due(200, ["me"], {}, 100, 40)
        theirs = second.take_due(200, ["me"], {}, 100, 100)
    assert len(mine) == 40
    assert not {row.incident_id for row in mine} & {row.incident_id for row in theirs}
    with two.begin() as tx:
        assert len(tx.take_due(200, ["me"], {}, 100, 100)) == 70


def test_replicas_that_claim_at_once_share_the_rows(url, pair):
    count, taken, errors = 400, [], []
    with pair[0].begin() as tx:
        tx.save_deliveries([a_delivery(f"i{n:03}", f"slack:{n % 4}") for n in range(count)])

    def work(store: PostgresStore, name: str) -> None:
        try:
            while True:
                with store.begin() as tx:
                    rows = tx.take_due(200, ["one", "two"], {}, 5, 12)
                    tx.save_deliveries([row._replace(status=Status.CLAIMED, owner=name) for row in rows])
                taken.extend((name, row.incident_id) for row in rows)
                if not rows:
                    return
        except StoreError as exc:
            errors.append(exc)

    threads = [
        threading.Thread(target=work, args=(store, name)) for store, name in zip(pair, ("one", "two"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert sorted(key for _, key in taken) == [f"i{n:03}" for n in range(count)]


def test_two_replicas_never_take_over_the_same_webhook(pair):
    one, two = pair
    with one.begin() as tx:
        tx.add_inbox([InboxRow(f"w{n}", "main", n, "", "dead", b"") for n in range(10)])
    with one.begin() as first, two.begin() as second:
        mine = [row.id for row in first.take_inbox("one", ["one", "two"], 4)]
        theirs = [row.id for row in second.take_inbox("two", ["one", "two"], 100)]
    assert mine == ["w0", "w1", "w2", "w3"]
    assert theirs == ["w4", "w5", "w6", "w7", "w8", "w9"]


def test_a_locked_incident_makes_others_wait(pair):
    one, two = pair
    with one.begin() as tx:
        tx.lock(["i1", "i2"])
        with pytest.raises(StoreUnavailable, match="lock timeout"), two.begin() as other:
            other.lock(["i2"])
    with two.begin() as other:
        other.lock(["i2"])


def test_whoever_waited_for_a_lock_sees_what_was_committed(pair):
    one, two = pair
    seen = []

    def wait() -> None:
        with two.begin() as tx:
            tx.lock(["i1"])
            seen.append(tx.incidents(["i1"])["i1"].revision)

    with one.begin() as tx:
        tx.lock(["i1"])
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.05)
        tx.save_incidents([an_incident(revision=9)])
    thread.join(10)
    assert seen == [9]


def test_nothing_is_seen_before_it_is_committed(pair):
    one, two = pair
    with one.begin() as tx:
        tx.put("key", "value")
        with two.begin() as other:
            assert other.get("key") is None
    with two.begin() as other:
        assert other.get("key") == "value"


def test_deliveries_that_were_read_are_locked(pair):
    one, two = pair
    with one.begin() as tx:
        tx.save_deliveries([a_delivery(), a_delivery("d", mode=Mode.DIGEST)])
    with one.begin() as tx:
        tx.deliveries(["i1"])
        tx.digest_deliveries()
        with two.begin() as other:
            assert other.take_due(200, [], {}, 5, 5) == []
        for key in ("i1", "d"):
            with pytest.raises(StoreUnavailable), two.begin() as other:
                other.deliveries([key])


def test_only_one_replica_leads_a_task(pair):
    one, two = pair
    with one.begin() as tx, two.begin() as other:
        assert tx.try_leader("digest")
        assert not other.try_leader("digest")
        assert other.try_leader("prune")
    with two.begin() as other:
        assert other.try_leader("digest")


def test_pruning_waits_for_nobody_and_spares_what_comes_back(pair):
    one, two = pair
    closed = an_incident(open=False, counts=(), closed_at=50)
    with one.begin() as tx:
        tx.save_incidents([closed])
        tx.save_alerts([an_alert(incident_id="i2", status=AlertStatus.RESOLVED, ends_at=50)])
        tx.save_deliveries([settled(a_delivery())])
    with one.begin() as tx:
        tx.save_incidents([closed._replace(open=True)])
        tx.save_alerts([an_alert(incident_id="i2")])
        with two.begin() as other:
            assert other.prune(1000, 10) == 0
    with two.begin() as other:
        assert other.prune(1000, 10) == 0
        assert other.incidents(["i1"])["i1"].open


def test_a_deadlock_is_unavailability(url):
    stores = PostgresStore(url), PostgresStore(url)
    for store in stores:
        store.open()
    both, outcomes = threading.Barrier(2), []

    def cross(store: PostgresStore, first: str, second: str) -> None:
        try:
            with store.begin() as tx:
                tx.lock([first])
                both.wait(10)
                tx.lock([second])
            outcomes.append("done")
        except StoreUnavailable:
            outcomes.append("unavailable")

    threads = [
        threading.Thread(target=cross, args=(stores[0], "i1", "i2")),
        threading.Thread(target=cross, args=(stores[1], "i2", "i1")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for store in stores:
        store.close()
    assert sorted(outcomes) == ["done", "unavailable"]


def test_a_slow_statement_is_cut_off(url):
    slow = PostgresStore(url, statement_timeout=50)
    quick = PostgresStore(url)
    quick.open()
    slow.open()
    with quick.begin() as tx:
        tx.lock(["i1"])
        with pytest.raises(StoreUnavailable, match="timeout"), slow.begin() as other:
            other.lock(["i1"])
    with slow.begin() as other:
        other.lock(["i1"])
    quick.close()
    slow.close()


def test_a_session_that_was_ended_while_idle_goes_unnoticed(url):
    store = PostgresStore(url)
    store.open()
    administer(url, END_ALL)
    with store.begin() as tx:
        tx.put("key", "value")
    store.close()


def test_a_session_that_is_lost_in_a_transaction_is_unavailable(url):
    store = PostgresStore(url)
    store.open()
    with pytest.raises(StoreUnavailable), store.begin() as tx:  # noqa: PT012  (what raises is the block)
        tx.put("key", "value")
        administer(url, END_ALL)
        tx.put("key", "value")
    with store.begin() as tx:
        assert tx.get("key") is None
    store.close()


def test_a_session_that_is_lost_while_committing_leaves_doubt(url):
    store = PostgresStore(url)
    store.open()
    with pytest.raises(CommitUnknown), store.begin() as tx:  # noqa: PT012  (what raises is its end)
        tx.put("key", "value")
        administer(url, END_ALL)
    with store.begin() as tx:
        assert tx.get("key") is None
    store.close()


def test_a_server_that_went_away_is_unavailable_until_it_is_back(own_server):
    store = open_store(own_server.url)
    with store.begin() as tx:
        tx.put("key", "value")
    own_server.kill()
    for _ in range(2):
        with pytest.raises(StoreUnavailable) as caught, store.begin():
            raise AssertionError
        assert own_server.password not in str(caught.value)
    own_server.restart()
    with store.begin() as tx:
        assert tx.get("key") == "value"
    own_server.halt()
    with pytest.raises(StoreUnavailable):
        open_store(own_server.url).open()
    store.close()


def test_a_standby_is_unavailable(url):
    administer(url, f"ALTER DATABASE {url.rpartition('/')[2]} SET default_transaction_read_only = on")
    with pytest.raises(StoreUnavailable):
        PostgresStore(url).open()


def test_a_wrong_password_is_not_repeated(url, postgres):
    wrong = PostgresStore(url.replace(postgres.password, "hunter2"))
    with pytest.raises(StoreUnavailable, match="password authentication failed") as caught:
        wrong.open()
    assert "hunter2" not in str(caught.value) + repr(wrong) + repr(caught.value.__cause__)


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@[h/db", "postgresql://u:hunter2@h/db?nonsense=1"])
def test_an_unreadable_url_is_not_repeated(url):
    with pytest.raises(StoreError, match="can't be read") as caught:
        open_store(url)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_another_encoding_is_refused(postgres):
    administer(postgres.url, "CREATE DATABASE old_encoding ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(StoreError, match="UTF8"):
        PostgresStore(postgres.url.rpartition("/")[0] + "/old_encoding").open()


def test_commits_are_synced_even_when_the_database_says_otherwise(url):
    administer(url, f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")
    store = PostgresStore(url)
    store.open()
    assert store._connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    store.close()


def test_a_url_that_leads_nowhere_is_not_repeated():
    with pytest.raises(StoreUnavailable) as caught:
        open_store("postgresql://u:hunter2@127.0.0.1:port/db").open()
    assert "hunter2" not in str(caught.value)
