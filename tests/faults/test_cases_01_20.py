"""The fault matrix, cases 1 to 20: what happens to processes, the store, the clock and the providers' answers.

docs/reliability.md has a row for each case. What a test of the quick tier leaves out is the network and the processes:
`scripted_world` runs the router's core on a virtual clock, so that an hour's outage takes no time.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from signal import SIGKILL
from typing import Any, NamedTuple

import psycopg
import pytest
import slack_adapter
import virtual_loop
from http_stub import Fault, Kind
from memory_store import MemoryStore
from notifier_suite import SHORT, Adapter, adapters, job, running
from postgres_server import PostgresServer
from router_process import PAGERDUTY_KEY, SUPPORT, Providers, RouterProcess, Stub, eventually
from router_world import PAYMENTS_PAGERDUTY, PAYMENTS_SLACK, TRAITS, alert, incident_of
from scripted_world import LEASE, World
from store_factory import a_delivery, an_incident
from virtual_loop import now
from webhooks import alert as fired

from router.applier import Work
from router.clock import Clock
from router.model import HOUR, SECOND, InboxRow, Shown, Status
from router.notifier import Delivered, Job, Outcome, Reason, Rejected, Retry
from router.store import Store, StoreUnavailable
from router.stores import open_store
from router.stores.sqlite import SqliteStore
from router.worker import breaker as breakers
from router.worker import claims
from router.worker.claims import Result, Rules
from router.worker.lanes import Lanes
from router.writer import Writer

HTTP = ["pagerduty", "slack", "webhook"]
CHECKED = ["pagerduty", "slack"]
"""Channels whose answer is known. A generic webhook has only its status."""
NAMES = [f"Down{number}" for number in range(30)]
KILLED = (str(SUPPORT / "killed_router.py"),)


def of_calls(world: World, channel: str) -> list[int]:
    """When calls were made, in whole seconds since the scenario's start."""
    return [(call.at - virtual_loop.START) // SECOND for call in world.channel(channel).calls]


def down(name: str = "Down", *, severity: str = "high", over: bool = False) -> dict[str, Any]:
    """An alert as a webhook tells it; a high one goes to PagerDuty and to Slack."""
    return fired(name, firing=not over, labels={"team": "payments", "severity": severity})


def start_killed(router: RouterProcess, point: str) -> None:
    """Start a router that will kill itself there (killed_router.py)."""
    router.program = KILLED
    router.secrets["KILL_AT"] = point
    router.start(wait=False)


def start_again(router: RouterProcess) -> None:
    """Start one that won't."""
    router.program = ("-m", "router")
    router.secrets.pop("KILL_AT", None)
    router.start()


def kill_while_posting(router: RouterProcess, point: str, *alerts: dict[str, Any]) -> None:
    """Start it, post, and see it die before it can answer."""
    start_killed(router, point)
    eventually(router._ready, what="it is ready")
    with pytest.raises(OSError):
        router.post(alerts)
    assert router.ended() == -SIGKILL


def kill_while_sending(router: RouterProcess, point: str, *alerts: dict[str, Any]) -> None:
    """Start it, post, and see it die after it has acknowledged."""
    start_killed(router, point)
    eventually(router._ready, what="it is ready")
    try:
        assert router.post(alerts) == 200
    except OSError:
        # It dies in another thread than the one that answers. What counts is that it is in the inbox.
        assert point.startswith("apply")
    assert router.ended() == -SIGKILL


def opened(providers: Providers) -> Counter[str]:
    """How often each PagerDuty incident was opened, by the alert's name."""
    return Counter(one["summary"].split(" ")[0] for one in providers.pagerduty.state()["incidents"])


def triggers(providers: Providers) -> int:
    """How many triggers PagerDuty took, repeated ones too."""
    return sum(one["triggers"] for one in providers.pagerduty.state()["incidents"])


def posts(providers: Providers) -> list[int]:
    """How often each incident's message was posted to Slack."""
    return sorted(providers.slack.state()["posts"].values())


# 1 and 2: kill -9 around the commit that acknowledges


@pytest.mark.full
def test_case_01_killed_before_the_commit_nothing_is_promised_and_the_senders_retry_pages_once(
    real_router: RouterProcess, providers: Providers
):
    kill_while_posting(real_router, "inbox:before:1", down())
    start_again(real_router)
    real_router.settled()
    assert opened(providers) == {}
    real_router.deliver([down()])
    real_router.settled()
    assert opened(providers) == {"Down": 1}
    assert (triggers(providers), posts(providers)) == (1, [1])


@pytest.mark.full
def test_case_02_killed_between_the_commit_and_the_2xx_it_is_delivered_and_the_senders_retry_tells_nothing_twice(
    real_router: RouterProcess, providers: Providers
):
    kill_while_posting(real_router, "inbox:after:1", down())
    start_again(real_router)
    eventually(lambda: opened(providers) == {"Down": 1}, what="the page without a second webhook")
    real_router.deliver([down()])
    real_router.settled()
    assert opened(providers) == {"Down": 1}
    assert (triggers(providers), posts(providers)) == (1, [1])


# 3: kill -9 after the provider has accepted


@pytest.mark.full
def test_case_03_killed_after_the_provider_accepted_it_is_asserted_again_and_nobody_is_paged_twice(
    real_router: RouterProcess, providers: Providers
):
    kill_while_sending(real_router, "record:before:1", down())
    assert triggers(providers) + len(posts(providers)) >= 1
    start_again(real_router)
    real_router.settled()
    assert opened(providers) == {"Down": 1}
    assert triggers(providers) <= 2
    # Slack has no idempotency key: the message is looked for by its metadata before it is posted again.
    assert posts(providers) == [1]
    real_router.deliver([down(over=True)])
    real_router.settled()
    assert [one["status"] for one in providers.pagerduty.state()["incidents"]] == ["resolved"]
    assert posts(providers) == [1]


@pytest.mark.full
def test_case_03_killed_after_recording_it_is_not_sent_again(real_router: RouterProcess, providers: Providers):
    kill_while_sending(real_router, "record:after:1", down(severity="critical"))
    start_again(real_router)
    real_router.settled()
    assert triggers(providers) == 1


# 4: kill -9 in the middle of a batch


@pytest.mark.full
@pytest.mark.parametrize("point", ["apply:inside:1", "record:before:3"])
def test_case_04_killed_in_the_middle_of_a_batch_the_rest_of_it_is_done(
    real_router: RouterProcess, providers: Providers, point: str
):
    real_router.secrets["TOCSIN_BENCH_UNLIMITED"] = "1"
    providers.pagerduty.faults({"delay": 0.02})
    kill_while_sending(real_router, point, *(down(name) for name in NAMES))
    start_again(real_router)
    real_router.settled()
    assert opened(providers) == dict.fromkeys(NAMES, 1)
    assert posts(providers) == [1] * len(NAMES)
    # Told twice at most: what was under way, and what wasn't recorded yet.
    assert triggers(providers) <= len(NAMES) + 16


# 5: kill -9 during a migration


@pytest.mark.full
def test_case_05_killed_during_a_migration_either_release_goes_on(real_router: RouterProcess, providers: Providers):
    providers.pagerduty.faults({"always": {"kind": "hang"}})
    start_again(real_router)
    real_router.deliver([down(severity="critical")])
    real_router.kill()
    providers.pagerduty.faults({"always": {}})
    real_router.secrets["KILL_MIGRATION"] = "1"
    start_killed(real_router, "migration:inside:3")
    assert real_router.ended() == -SIGKILL
    # The release before finds the schema as it was, and delivers what has waited all the while.
    start_again(real_router)
    real_router.settled()
    assert opened(providers) == {"Down": 1}
    real_router.deliver([down("Also", severity="critical")])
    real_router.kill()
    # The new one finishes the migration.
    real_router.program = KILLED
    real_router.start()
    real_router.settled()
    assert opened(providers) == {"Down": 1, "Also": 1}


# 6: kill -9 during a digest


@pytest.mark.full
def test_case_06_killed_during_a_digest_it_is_neither_lost_nor_told_in_pieces(tmp_path: Path, providers: Providers):
    smtp = Stub("smtp_stub").start()
    email = {
        "channels.email.host": "127.0.0.1",
        "channels.email.port": str(smtp.state()["port"]),
        "channels.email.tls": "none",
        "channels.email.from_address": "alerts@example.com",
    }
    router = RouterProcess(tmp_path, providers, settings=email)
    try:
        router.start()
        router.deliver([down(name, severity="low") for name in NAMES[:3]])
        eventually(lambda: len(router.ask(lambda tx: tx.digest_deliveries())) == 3, what="the digest has its rows")
        router.kill()
        router.ask(lambda tx: tx.put("digest:flushed", "2000-01-01"))
        for point, mails in (("digest:before:1", 0), ("digest:after:1", 0), ("record:before:1", 1)):
            start_killed(router, point)
            assert router.ended() == -SIGKILL
            assert len(smtp.state()["mails"]) == mails, point
        start_again(router)
        router.settled()
        # Mail knows no idempotency key: it was accepted and not recorded, so it comes again, as the same message.
        mails = smtp.state()["mails"]
        assert len(mails) == 2
        assert len({(mail["message_id"], mail["subject"], *mail["to"]) for mail in mails}) == 1
        assert router.ask(lambda tx: [row for row in tx.digest_deliveries() if row.shown.state is Shown.NONE]) == []
    finally:
        router.kill()
        smtp.stop()


# 7: SIGTERM with work in flight


@pytest.mark.full
def test_case_07_sigterm_finishes_the_calls_under_way_and_hands_back_the_rest(
    real_router: RouterProcess, providers: Providers
):
    providers.pagerduty.faults({"delay": 0.5})
    providers.slack.faults({"delay": 0.5})
    start_again(real_router)
    real_router.deliver([down(name) for name in NAMES])
    eventually(lambda: real_router.metrics()["alert_router_calls_in_flight"] > 0, what="calls are under way")
    assert real_router.stop() == 0
    rows = real_router.ask(lambda tx: tx.shown_firing(None))
    assert {row.status for row in rows} == {Status.SETTLED, Status.WAITING}
    assert {row.shown.state for row in rows} == {Shown.FIRING, Shown.NONE}
    assert real_router.ask(lambda tx: tx.replicas()) == []
    shown = sum(row.shown.state is Shown.FIRING for row in rows)
    assert triggers(providers) + len(posts(providers)) == shown
    providers.pagerduty.faults({"delay": 0.0})
    providers.slack.faults({"delay": 0.0})
    real_router.secrets["TOCSIN_BENCH_UNLIMITED"] = "1"
    start_again(real_router)
    real_router.settled()
    assert opened(providers) == dict.fromkeys(NAMES, 1)
    assert triggers(providers) == len(NAMES)
    assert posts(providers) == [1] * len(NAMES)


@pytest.mark.full
def test_case_07_sigterm_with_nothing_to_do_ends_at_once(real_router: RouterProcess):
    start_again(real_router)
    started = time.monotonic()
    assert real_router.stop() == 0
    assert time.monotonic() - started < 15


# 8: the store is down at ingest


def test_case_08_while_the_store_is_down_nothing_is_acknowledged_and_later_all_is_delivered():
    async def scenario() -> None:
        world = World()
        async with world.replica("a") as router:
            await router.webhook(alert("Before"))
            router.store.down = True
            with pytest.raises(StoreUnavailable):
                await router.webhook(alert("Meanwhile"))
            await asyncio.sleep(60)
            router.store.down = False
            await router.webhook(alert("Meanwhile"))
            await router.settled()
        assert sorted(world.channel("pagerduty").whats()) == [("Before", 1, "firing"), ("Meanwhile", 1, "firing")]

    virtual_loop.run(scenario())


def test_case_08_a_store_that_goes_down_between_the_acknowledgement_and_its_work_loses_nothing():
    async def scenario() -> None:
        world = World()
        async with world.replica("a") as router:
            router.store.fail("save_incidents", times=20)
            await router.webhook(alert())
            await router.settled(10)
        assert world.channel("pagerduty").whats() == [("Down", 1, "firing")]

    virtual_loop.run(scenario())


def test_case_08_no_call_is_made_while_its_result_could_not_be_kept():
    async def scenario() -> None:
        world = World()
        pagerduty = world.channel("pagerduty")
        async with world.replica("a") as router:

            def says(_job: Job) -> Outcome:
                router.store.down = True
                return Delivered()

            pagerduty.says = says
            await router.webhook(*[alert(name) for name in NAMES])
            await asyncio.sleep(120)
            # What was under way when it went down, and what followed before that was noticed.
            assert len(pagerduty.calls) <= 2 * 4
            pagerduty.says = lambda _job: Delivered()
            router.store.down = False
            await router.settled(60)
        assert Counter(pagerduty.shows.opened) == Counter((incident_of(alert(name)), 1) for name in NAMES)
        assert len(pagerduty.calls) == len(NAMES)

    virtual_loop.run(scenario())


class Trouble(NamedTuple):
    """How to make a store refuse webhooks, and how to let it take them again."""

    begin: Callable[[], Any]
    end: Callable[[], Any]


def lock_of(store_url: str) -> Trouble:
    """Somebody else holds what an insert into the inbox needs."""
    if store_url.startswith("sqlite"):
        file = sqlite3.connect(store_url.removeprefix("sqlite:///"), isolation_level=None)
        return Trouble(lambda: file.execute("BEGIN IMMEDIATE"), lambda: (file.execute("ROLLBACK"), file.close()))
    session = psycopg.connect(store_url)
    return Trouble(lambda: session.execute("LOCK TABLE inbox"), session.close)


@pytest.mark.full
def test_case_08_a_store_that_does_not_answer_is_a_503_within_a_second(
    real_router: RouterProcess, providers: Providers
):
    start_again(real_router)
    trouble = lock_of(real_router.store_url)
    trouble.begin()
    for _ in range(2):
        started = time.monotonic()
        assert real_router.post([down()]) == 503
        assert time.monotonic() - started < 1
    trouble.end()
    real_router.deliver([down()])
    real_router.settled()
    assert opened(providers) == {"Down": 1}
    assert (triggers(providers), posts(providers)) == (1, [1])


# 9: the outcome of a commit is unknown


@pytest.mark.parametrize("kept", ["commit-kept", "commit-lost"])
def test_case_09_whichever_commit_is_in_doubt_each_destination_is_told_and_no_page_is_doubled(kept: str):
    async def scenario(number: int) -> bool:
        world = World()
        pagerduty = world.channel("pagerduty")
        async with world.replica("a") as router:
            router.store.fail(kept, after=number)
            await router.webhook(alert(severity="high"))
            await router.settled(60)
            assert world.showing(PAYMENTS_PAGERDUTY) == world.showing(PAYMENTS_SLACK) == {Shown.FIRING}
            await router.webhook(alert(severity="high", firing=False, ended=2_000 * SECOND))
            await router.settled(60)
            assert world.showing(PAYMENTS_PAGERDUTY) == world.showing(PAYMENTS_SLACK) == {Shown.RESOLVED}
            # Ticks without anything to do are commits as well, so not every doubt meets something.
            met = not router.store._faults[kept]
        assert pagerduty.shows.opened == [(incident_of(alert()), 1)]
        assert pagerduty.shows.mistakes == []
        assert len(world.channel("pagerduty").calls) <= 4
        return met

    assert [virtual_loop.run(scenario(number)) for number in range(12)][:6] == [True] * 6


@pytest.mark.full
def test_case_09_a_session_that_is_lost_while_committing_a_webhook_is_a_2xx_all_the_same(
    tmp_path: Path, postgres: PostgresServer, providers: Providers
):
    router = RouterProcess(tmp_path, providers, store=postgres.create_database())
    try:
        start_again(router)
        raise_once(router.store_url, "PERFORM pg_terminate_backend(pg_backend_pid())", deferred=True)
        assert router.post([down()]) == 200
        router.settled()
        assert (triggers(providers), posts(providers)) == (1, [1])
    finally:
        router.kill()


def raise_once(store_url: str, action: str, *, table: str = "inbox", deferred: bool = False, times: int = 1) -> None:
    """Let PostgreSQL do something when a row is inserted into a table; `deferred`: while that is committed."""
    when = "CONSTRAINT TRIGGER trouble AFTER" if deferred else "TRIGGER trouble BEFORE"
    initially = "DEFERRABLE INITIALLY DEFERRED" if deferred else ""
    with psycopg.connect(store_url, autocommit=True) as session:
        # A sequence doesn't go back when a transaction does.
        session.execute("CREATE SEQUENCE troubles")
        session.execute(
            f"CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF nextval('troubles') <= {times} THEN {action}; END IF; RETURN NEW; END $$".encode()
        )
        session.execute(f"CREATE {when} INSERT ON {table} {initially} FOR EACH ROW EXECUTE FUNCTION trouble()".encode())


# 10: the disk is full, SQLite is locked


def test_case_10_a_full_disk_refuses_webhooks_and_takes_them_once_there_is_room(tmp_path: Path):
    store = SqliteStore(str(tmp_path / "router.db"))
    big = InboxRow("big", "main", 1, "", "me", bytes(200_000))
    small = InboxRow("small", "main", 2, "", "me", b"{}")

    async def scenario() -> None:
        writer = Writer(store)
        await writer.start()
        try:
            pages = await writer.submit(lambda _tx: store._connection.execute("PRAGMA page_count").fetchone()[0])
            await writer.submit(lambda _tx: store._connection.execute(f"PRAGMA max_page_count = {pages + 8}"))
            with pytest.raises(StoreUnavailable, match="full"):
                await writer.submit(lambda tx: tx.add_inbox([big]), ingest=True)
            # What is small enough still gets in, whoever shares its transaction.
            outcomes = await asyncio.gather(
                writer.submit(lambda tx: tx.add_inbox([big]), ingest=True),
                writer.submit(lambda tx: tx.add_inbox([small]), ingest=True),
                return_exceptions=True,
            )
            assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, type(None)]
            await writer.submit(lambda _tx: store._connection.execute("PRAGMA max_page_count = 100000"))
            await writer.submit(lambda tx: tx.add_inbox([big]), ingest=True)
            assert [row.id for row in await writer.submit(lambda tx: tx.take_inbox("me", [], 9))] == ["big", "small"]
        finally:
            await writer.stop()

    asyncio.run(scenario())


@pytest.mark.full
@pytest.mark.parametrize("table", ["inbox", "deliveries"])
def test_case_10_postgresqls_full_disk_is_a_503_or_waited_out(
    tmp_path: Path, postgres: PostgresServer, providers: Providers, table: str
):
    router = RouterProcess(tmp_path, providers, store=postgres.create_database())
    try:
        start_again(router)
        # A webhook that shared its transaction with a duty is tried again apart: full means full for that one too.
        times = 1_000 if table == "inbox" else 1
        raise_once(router.store_url, "RAISE EXCEPTION USING ERRCODE = '53100'", table=table, times=times)
        assert router.post([down()]) == (503 if table == "inbox" else 200)
        if table == "inbox":
            with psycopg.connect(router.store_url, autocommit=True) as session:
                session.execute("DROP TRIGGER trouble ON inbox")
        router.deliver([down()])
        router.settled()
        assert (triggers(providers), posts(providers)) == (1, [1])
    finally:
        router.kill()


def test_case_10_a_lock_that_somebody_else_holds_is_waited_for_and_then_told(tmp_path: Path):
    path = str(tmp_path / "router.db")
    store = SqliteStore(path, busy_timeout=50)

    async def scenario() -> None:
        writer = Writer(store)
        await writer.start()
        try:
            other = lock_of(f"sqlite:///{path}")
            other.begin()
            with pytest.raises(StoreUnavailable, match="locked"):
                await writer.submit(lambda tx: tx.put("key", "value"), ingest=True)
            other.end()
            await writer.submit(lambda tx: tx.put("key", "value"), ingest=True)
        finally:
            await writer.stop()

    asyncio.run(scenario())


# 11: PostgreSQL fails over, transactions deadlock


@pytest.mark.full
def test_case_11_while_postgresql_restarts_webhooks_are_put_off_and_nothing_is_told_twice(
    tmp_path: Path, providers: Providers
):
    server = PostgresServer()
    server.start()
    router = RouterProcess(tmp_path, providers, store=server.create_database())
    try:
        start_again(router)
        providers.pagerduty.faults({"delay": 0.3})
        router.deliver([down(name) for name in NAMES[:4]])
        server.halt()
        started = time.monotonic()
        assert router.post([down("Late")]) == 503
        assert time.monotonic() - started < 1
        server.restart()
        router.deliver([down("Late")])
        router.settled()
        assert opened(providers) == dict.fromkeys([*NAMES[:4], "Late"], 1)
        assert posts(providers) == [1] * 5
    finally:
        router.kill()
        server.stop()


@pytest.mark.full
@pytest.mark.parametrize("state", ["40P01", "40001"])
def test_case_11_a_deadlock_or_a_serialization_failure_is_tried_again(
    tmp_path: Path, postgres: PostgresServer, providers: Providers, state: str
):
    router = RouterProcess(tmp_path, providers, store=postgres.create_database())
    try:
        start_again(router)
        action = f"RAISE EXCEPTION USING ERRCODE = '{state}'"
        raise_once(router.store_url, action, table="incidents", times=3)
        assert router.post([down()]) == 200
        router.settled()
        assert (triggers(providers), posts(providers)) == (1, [1])
    finally:
        router.kill()


def test_case_11_of_jobs_that_share_a_deadlocked_transaction_each_is_done_once():
    async def scenario() -> None:
        store = MemoryStore()
        store.fail("put", after=2, error=StoreUnavailable("deadlock detected"))
        writer = Writer(store)
        await writer.start()
        try:
            jobs = [writer.submit(lambda tx, n=n: tx.put(str(n), "done")) for n in range(8)]
            assert await asyncio.gather(*jobs) == [None] * 8
            assert store.database.facts == {str(n): "done" for n in range(8)}
        finally:
            await writer.stop()

    asyncio.run(scenario())


# 12: two workers claim one row, a lease expires while the call runs


def rules_of(owner: str, *alive: str) -> Rules:
    return Rules(owner, TRAITS, lambda: 4 * HOUR, 12 * SECOND, lambda _tx, _now: [*alive, owner])


def test_case_12_a_row_is_claimed_by_one_worker_and_a_result_of_a_lost_claim_changes_nothing(store_url: str):
    row = a_delivery(destination=PAYMENTS_PAGERDUTY)
    stores = [open_store(store_url), open_store(store_url)]
    try:
        for store in stores:
            store.open()
        with stores[0].begin() as tx:
            tx.save_incidents([an_incident()])
            tx.save_deliveries([row])

        def take(store: Store, rules: Rules, at: int) -> tuple[Work, ...]:
            with store.begin() as tx:
                return claims.take(tx, rules, at, {}, default_room=8, known=()).work

        (first,) = take(stores[0], rules_of("a", "b"), 200)
        assert take(stores[1], rules_of("b", "a"), 200) == ()
        # The heartbeat of `a` is late now: what it has claimed counts as possibly shown.
        (second,) = take(stores[1], rules_of("b"), 300)
        assert second.delivery.shown.state is Shown.UNKNOWN
        result = Result(first, Delivered({"key": "late"}), 200, 10, breakers.CLOSED, 0.5)
        with stores[0].begin() as tx:
            assert claims.record(tx, [result], [], rules_of("a"), 400, repeated=False).late == 1
        with stores[1].begin() as tx:
            assert tx.deliveries(["i1"])["i1"] == [second.delivery]
            assert ["too late" in line.detail for line in tx.history("i1", 9)[1]] == [True]
    finally:
        for store in stores:
            store.close()


def test_case_12_the_state_is_asserted_once_more_after_a_lease_expired_while_the_call_ran():
    async def scenario() -> None:
        world = World()
        pagerduty = world.channel("pagerduty")

        async def says(_job: Job) -> Outcome:
            if pagerduty.calls[-1].replica == "a":
                await asyncio.sleep(LEASE / SECOND + 8)
            return Delivered()

        pagerduty.says = says
        async with world.replica("a", timeout=100) as a:
            await a.webhook(alert())
            await asyncio.sleep(1)
            a.frozen = True
            async with world.replica("b") as b:
                await asyncio.sleep(LEASE / SECOND)
                assert [call.replica for call in pagerduty.calls] == ["a", "b"]
                assert pagerduty.calls[1].job.uncertain
                await b.webhook(alert(firing=False, ended=2_000 * SECOND))
                await asyncio.sleep(1)
                assert pagerduty.shows.open == {}
                # The call of `a` lands after the resolve, and opens the page again.
                await asyncio.sleep(7)
                assert pagerduty.shows.open != {}
                # When no call of the dead can be under way any more, what is true is asserted once more.
                await asyncio.sleep(5)
                assert pagerduty.shows.open == {}
                assert world.unsettled() == []

    virtual_loop.run(scenario())


# 13: the clock jumps


def test_case_13_the_clock_follows_a_jump_at_one_moment_and_says_so():
    wall, steady = [1_700_000_000.0], [0]
    clock = Clock(lambda: wall[0], lambda: steady[0])
    before = clock.now()
    for jump in (3_600.0, -7_200.0):
        wall[0] += jump
        assert clock.now() == before
        assert clock.check() == jump * SECOND
        before = clock.now()
        assert before == clock.stepped_at == wall[0] * SECOND


def test_case_13_what_waited_for_a_time_that_a_clock_ahead_has_set_is_due_at_once(store_url: str):
    store = open_store(store_url)
    store.open()
    try:
        waiting = a_delivery("late", destination=PAYMENTS_PAGERDUTY, next_at=HOUR)
        backed_off = a_delivery("soon", destination=PAYMENTS_PAGERDUTY, next_at=30 * SECOND)
        repeating = a_delivery("open", destination=PAYMENTS_PAGERDUTY, status=Status.SETTLED, repeat_at=4 * HOUR)
        with store.begin() as tx:
            tx.save_deliveries([waiting, backed_off, repeating])
        with store.begin() as tx:
            assert tx.recall(60 * SECOND, 500) == 1
            assert [row.incident_id for row in tx.take_due(501, [], {}, 9, 9)] == ["late"]
            rows = tx.deliveries(["late", "soon", "open"])
        assert [row for (row,) in rows.values()] == [waiting._replace(next_at=500), repeating, backed_off]
    finally:
        store.close()


def test_case_13_a_pause_lasts_as_long_as_before_the_jump():
    lanes = Lanes(TRAITS)
    lane = lanes.lane(PAYMENTS_PAGERDUTY)
    lane.breaker = breakers.on_failure(lane.breaker, Reason.RATE_LIMITED, "row", 2 * HOUR, retry_after=30)
    lanes.stepped(-HOUR)
    assert not breakers.allows(lane.breaker, HOUR + 29 * SECOND)
    assert breakers.allows(lane.breaker, HOUR + 30 * SECOND)


@pytest.mark.full
@pytest.mark.parametrize("hours", [1, -1])
def test_case_13_a_router_whose_clock_jumps_goes_on_retrying_and_keeps_its_claims(
    tmp_path: Path, providers: Providers, hours: int
):
    router = RouterProcess(tmp_path, providers, settings={"delivery.heartbeat": "200ms"})
    try:
        router.program = (str(SUPPORT / "skewed_router.py"),)
        offset = tmp_path / "offset"
        offset.write_text("0")
        router.secrets["CLOCK_OFFSET"] = str(offset)
        providers.pagerduty.faults({"script": [{"kind": "status", "status": 503, "times": 2}]})
        router.start()
        router.deliver([down()])
        eventually(lambda: providers.pagerduty.state()["attempts"], what="the first attempt")
        offset.write_text(str(hours * 3_600))
        eventually(lambda: any("clock has jumped" in line for line in router.log), what="the jump is noticed")
        router.settled()
        # A clock set forward makes what waits look overdue, and then the fallback is told as well: too much, not too
        # little. Each destination is told once.
        incidents = providers.pagerduty.state()["incidents"]
        assert len([one for one in incidents if one["routing_key"] == PAGERDUTY_KEY]) == 1
        assert set(Counter(one["routing_key"] for one in incidents).values()) == {1}
        assert {one["triggers"] for one in incidents} == {1}
        channels = {one["name"]: len(one["messages"]) for one in providers.slack.state()["channels"]}
        assert {name: number for name, number in channels.items() if number} in (
            {"payments": 1},
            {"payments": 1, "platform": 1},
        )
        assert not any("lost commit" in line for line in router.log)
    finally:
        router.kill()


# 14: a 429 storm without Retry-After


def test_case_14_a_429_storm_without_retry_after_is_waited_out_with_few_calls():
    async def scenario() -> None:
        world = World()
        pagerduty = world.channel("pagerduty")
        pagerduty.says = lambda _job: Retry(Reason.RATE_LIMITED)
        async with world.replica("a") as router:
            await router.webhook(*[alert(name) for name in NAMES])
            await asyncio.sleep(900)
            # The first calls are four at a time; then 1, 5, 25 and 60 s, each shortened by a tenth.
            assert len(pagerduty.calls) <= 4 + 3 + 900 // 54 + 1
            assert all(row.status is Status.WAITING and row.attempts == 0 for row in world.rows())
            pagerduty.says = lambda _job: Delivered()
            await router.settled(62)
        assert sorted(pagerduty.shows.opened) == sorted((incident_of(alert(name)), 1) for name in NAMES)

    virtual_loop.run(scenario())


def test_case_14_a_resolve_during_the_storm_supersedes_the_page():
    async def scenario() -> None:
        world = World()
        pagerduty = world.channel("pagerduty")
        pagerduty.says = lambda _job: Retry(Reason.RATE_LIMITED)
        async with world.replica("a") as router:
            await router.webhook(alert())
            await asyncio.sleep(100)
            await router.webhook(alert(firing=False, ended=2_000 * SECOND))
            pagerduty.says = lambda _job: Delivered()
            await router.settled(62)
        assert pagerduty.shows.opened == []
        assert "superseded" in {line.kind for line in world.database.transitions.values()}

    virtual_loop.run(scenario())


# 15: 5xx for an hour


def test_case_15_an_hour_of_5xx_costs_a_probe_every_five_seconds_and_loses_nothing():
    async def scenario() -> None:
        world = World()
        pagerduty = world.channel("pagerduty")
        pagerduty.says = lambda _job: Retry(Reason.UNAVAILABLE)
        async with world.replica("a") as router:
            await router.webhook(*[alert(name) for name in NAMES])
            await asyncio.sleep(3_600)
            starts = of_calls(world, "pagerduty")
            after_opening = [at for at in starts if at > 5]
            assert len(starts) <= 4 + 3_600 // 5 + 1
            assert all(later - earlier >= 5 for earlier, later in pairwise(after_opening))
            # Another row each time: one poison message could not keep the breaker open.
            assert len({call.job.delivery.incident_id for call in pagerduty.calls}) == len(NAMES)
            assert all(row.status is not Status.DEAD for row in world.rows())
            pagerduty.says = lambda _job: Delivered()
            recovered = now()
            await router.settled(5 + 2)
            assert all(row.shown_at >= recovered for row in world.rows())
        assert Counter(pagerduty.shows.opened) == Counter((incident_of(alert(name)), 1) for name in NAMES)

    virtual_loop.run(scenario())


def test_case_15_the_other_provider_is_told_meanwhile():
    async def scenario() -> None:
        world = World()
        world.channel("pagerduty").says = lambda _job: Retry(Reason.UNAVAILABLE)
        async with world.replica("a") as router:
            await router.webhook(alert(severity="high"))
            await asyncio.sleep(1)
            assert world.showing(PAYMENTS_SLACK) == {Shown.FIRING}
            assert world.showing(PAYMENTS_PAGERDUTY) == {Shown.NONE}

    virtual_loop.run(scenario())


# 16 to 18: what the network does to an answer


def outcome_of(channel: str, fault: Fault) -> tuple[Outcome, float]:
    """What a channel's notifier makes of a provider's conduct, and the seconds that it took."""

    async def scenario() -> tuple[Outcome, float]:
        adapter: Adapter = adapters()[channel]()
        async with running(adapter, fault) as notifier:
            started = asyncio.get_running_loop().time()
            outcome = await notifier.send(job(adapter, timeout=SHORT))
            return outcome, asyncio.get_running_loop().time() - started

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("channel", "kind"),
    [*product(HTTP, [Kind.HANG, Kind.DRIP_HEADERS]), *product(CHECKED, [Kind.DRIP_BODY])],
)
def test_case_16_a_hang_or_a_slow_drip_ends_in_time_and_counts_as_possibly_shown(channel: str, kind: Kind):
    outcome, seconds = outcome_of(channel, Fault(kind))
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.maybe_shown) == (Reason.TIMEOUT, True)
    assert seconds < SHORT + 0.5


def test_case_16_a_provider_that_hangs_keeps_nobody_else_waiting_and_is_asked_before_it_is_told_again():
    async def scenario() -> None:
        world = World()
        slack, pagerduty = world.channel("slack"), world.channel("pagerduty")

        async def hang(_job: Job) -> Outcome:
            await asyncio.sleep(10_000)
            raise AssertionError

        slack.says = hang
        async with world.replica("a") as router:
            await router.webhook(*[alert(name, severity="high") for name in NAMES])
            await asyncio.sleep(1)
            assert len(pagerduty.shows.open) == len(NAMES)
            await asyncio.sleep(60)
            slack.says = lambda _job: Delivered()
            hung = {call.job.delivery.incident_id for call in slack.calls}
            calls = len(slack.calls)
            await router.settled(60)
            first = {call.job.delivery.incident_id: call.job.uncertain for call in reversed(slack.calls[calls:])}
            assert {known for known, uncertain in first.items() if uncertain} == hung
        assert set(slack.shows.open) == {incident_of(alert(name)) for name in NAMES}

    virtual_loop.run(scenario())


@pytest.mark.parametrize("kind", [Kind.RESET_BEFORE, Kind.RESET_AFTER])
@pytest.mark.parametrize("channel", HTTP)
def test_case_17_a_connection_that_is_reset_leaves_the_message_uncertain(channel: str, kind: Kind):
    outcome, _ = outcome_of(channel, Fault(kind))
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.maybe_shown) == (Reason.RESET, True)


@pytest.mark.parametrize("arrived", [True, False])
def test_case_17_accepted_and_then_reset_is_sent_again_and_pages_once(arrived: bool):
    async def scenario() -> None:
        world = World()
        pagerduty = world.channel("pagerduty")
        pagerduty.says = lambda _job: Retry(Reason.RESET, maybe_shown=True)
        pagerduty.arrives = lambda _job: arrived
        async with world.replica("a") as router:
            await router.webhook(alert())
            await asyncio.sleep(0.5)
            assert world.showing(PAYMENTS_PAGERDUTY) == {Shown.UNKNOWN}
            pagerduty.says = lambda _job: Delivered()
            await router.settled(5)
            await router.webhook(alert(firing=False, ended=2_000 * SECOND))
            await router.settled(5)
        assert pagerduty.shows.opened == [(incident_of(alert()), 1)]
        assert pagerduty.shows.open == {}
        assert pagerduty.shows.mistakes == []

    virtual_loop.run(scenario())


def test_case_17_a_page_that_may_have_arrived_is_resolved_although_nobody_knows():
    async def scenario() -> None:
        world = World()
        pagerduty = world.channel("pagerduty")
        pagerduty.says = lambda _job: Retry(Reason.RESET, maybe_shown=True)
        async with world.replica("a") as router:
            await router.webhook(alert())
            await asyncio.sleep(0.5)
            await router.webhook(alert(firing=False, ended=2_000 * SECOND))
            pagerduty.says = lambda _job: Delivered()
            await router.settled(5)
        assert pagerduty.whats() == [("Down", 1, "firing"), ("Down", 1, "resolved")]
        assert pagerduty.shows.open == {}

    virtual_loop.run(scenario())


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.BROKEN])
@pytest.mark.parametrize("channel", CHECKED)
def test_case_18_a_200_that_is_not_the_providers_is_no_delivery(channel: str, kind: Kind):
    outcome, _ = outcome_of(channel, Fault(kind))
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.maybe_shown) == (Reason.BAD_ANSWER, True)


def test_case_18_a_captive_portal_is_waited_out():
    async def scenario() -> None:
        world = World()
        pagerduty = world.channel("pagerduty")
        pagerduty.says = lambda _job: Retry(Reason.BAD_ANSWER, maybe_shown=True)
        pagerduty.arrives = lambda _job: False
        async with world.replica("a") as router:
            await router.webhook(*[alert(name) for name in NAMES])
            await asyncio.sleep(1_800)
            assert pagerduty.shows.open == {}
            assert all(row.status is Status.WAITING for row in world.rows())
            pagerduty.says = lambda _job: Delivered()
            await router.settled(7)
        assert len(pagerduty.shows.open) == len(NAMES)

    virtual_loop.run(scenario())


# 19: 400 on one poison message


def test_case_19_a_poison_message_is_tried_in_plain_text_then_dead_and_stops_nobody():
    async def scenario() -> None:
        world = World()
        pagerduty = world.channel("pagerduty")
        poison = incident_of(alert(NAMES[3]))

        def says(job: Job) -> Outcome:
            if job.delivery.incident_id == poison:
                return Rejected(Reason.BAD_MESSAGE, "message", "'payload.summary' is invalid")
            return Delivered()

        pagerduty.says = says
        async with world.replica("a") as router:
            await router.webhook(*[alert(name) for name in NAMES])
            await asyncio.sleep(2)
            dead = world.database.delivery(poison, PAYMENTS_PAGERDUTY)
            assert (dead.status, dead.reason) == (Status.DEAD, "bad_message")
            assert [call.job.delivery.plain for call in pagerduty.calls if call.job.delivery.incident_id == poison] == [
                False,
                True,
            ]
            assert router.lanes.lane(PAYMENTS_PAGERDUTY).breaker.state == "ok"
            assert len(pagerduty.shows.open) == len(NAMES) - 1
            assert "dead" in {line.kind for line in world.database.transitions.values()}
            # The provider's next version takes it: what is true then is told, once.
            pagerduty.says = lambda _job: Delivered()
            await router.webhook(alert(NAMES[3], firing=False, ended=2_000 * SECOND))
            await asyncio.sleep(2)
            assert world.database.delivery(poison, PAYMENTS_PAGERDUTY).status is Status.EXPIRED

    virtual_loop.run(scenario())


def test_case_19_the_plain_text_gets_through_where_the_rich_one_is_refused():
    async def scenario() -> None:
        world = World()
        slack = world.channel("slack")
        slack.says = lambda job: (
            Delivered() if job.delivery.plain else Rejected(Reason.BAD_MESSAGE, "message", "invalid_blocks")
        )
        async with world.replica("a") as router:
            await router.webhook(alert(severity="medium"))
            await router.settled(2)
        assert world.showing(PAYMENTS_SLACK) == {Shown.FIRING}

    virtual_loop.run(scenario())


# 20: Slack's 200 with ok: false

SLACK_CLASSES = {
    "ratelimited": Retry(Reason.RATE_LIMITED),
    "service_unavailable": Retry(Reason.UNAVAILABLE),
    "request_timeout": Retry(Reason.UNAVAILABLE),
    "fatal_error": Retry(Reason.UNAVAILABLE, maybe_shown=True),
    "internal_error": Retry(Reason.UNAVAILABLE, maybe_shown=True),
    "channel_not_found": Rejected(Reason.NO_SUCH_DESTINATION, "destination"),
    "not_in_channel": Rejected(Reason.NO_SUCH_DESTINATION, "destination"),
    "is_archived": Rejected(Reason.NO_SUCH_DESTINATION, "destination"),
    "invalid_auth": Rejected(Reason.BAD_CREDENTIALS, "destination"),
    "token_revoked": Rejected(Reason.BAD_CREDENTIALS, "destination"),
    "missing_scope": Rejected(Reason.BAD_CREDENTIALS, "destination"),
    "invalid_blocks": Rejected(Reason.BAD_MESSAGE, "message"),
    "msg_too_long": Rejected(Reason.BAD_MESSAGE, "message"),
    "a_code_of_next_year": Retry(Reason.BAD_ANSWER, maybe_shown=True),
}


@pytest.mark.parametrize("code", SLACK_CLASSES)
def test_case_20_an_ok_false_of_slack_is_judged_by_its_code(code: str):
    async def scenario() -> Outcome:
        adapter = slack_adapter.ADAPTER()
        async with running(adapter) as notifier:
            adapter.stub.fail(code)
            outcome = await notifier.send(job(adapter))
            assert adapter.attempts() == 1
            return outcome

    expected, outcome = SLACK_CLASSES[code], asyncio.run(scenario())
    assert type(outcome) is type(expected)
    assert not isinstance(outcome, Delivered)
    assert not isinstance(expected, Delivered)
    assert outcome.reason is expected.reason
    assert code in outcome.detail
    for name in ("maybe_shown", "scope"):
        assert getattr(outcome, name, None) == getattr(expected, name, None)


@pytest.mark.parametrize("code", SLACK_CLASSES)
def test_case_20_each_class_is_waited_out_parked_or_dead_and_never_taken_for_a_delivery(code: str):
    fault = SLACK_CLASSES[code]

    async def scenario() -> None:
        world = World()
        slack = world.channel("slack")
        slack.says = lambda _job: fault
        slack.arrives = lambda _job: False
        async with world.replica("a") as router:
            await router.webhook(*[alert(name, severity="medium") for name in NAMES[:5]])
            await asyncio.sleep(600)
            state = router.lanes.lane(PAYMENTS_SLACK).breaker.state
            rows = world.rows(PAYMENTS_SLACK)
            assert slack.shows.told == []
            if isinstance(fault, Rejected) and fault.scope == "message":
                assert state == "ok"
                assert {row.status for row in rows} == {Status.DEAD}
                return
            assert {row.status for row in rows} == {Status.WAITING}
            parks = isinstance(fault, Rejected)
            assert state == ("parked" if parks else "limited" if fault.reason is Reason.RATE_LIMITED else "open")
            slack.says = lambda _job: Delivered()
            await router.settled(62)
            assert world.showing(PAYMENTS_SLACK) == {Shown.FIRING}

    virtual_loop.run(scenario())
