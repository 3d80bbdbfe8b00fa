from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Self

import pytest
import uvloop
from memory_store import MemoryStore

from router import writer as writer_module
from router.model import InboxRow
from router.store import CommitUnknown, StoreError, StoreUnavailable, Transaction
from router.writer import Commit, Writer


def with_writer(
    scenario: Callable[[Writer, MemoryStore], Awaitable[None]], store: MemoryStore | None = None, **options
) -> MemoryStore:
    used = store or MemoryStore()

    async def run():
        writer = Writer(used, **options)
        await writer.start()
        try:
            async with asyncio.timeout(10):
                await scenario(writer, used)
        finally:
            await writer.stop()

    asyncio.run(run())
    assert not used.opened
    assert len(used.threads) <= 1
    return used


class Gate:
    """Keeps the writer busy, so that what is submitted meanwhile shares the next commit."""

    def __init__(self, writer: Writer) -> None:
        self._open = threading.Event()
        self._inside = threading.Event()
        self._held = asyncio.ensure_future(writer.submit(self._hold))

    def _hold(self, tx: Transaction) -> None:
        self._inside.set()
        self._open.wait(5)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._inside.wait, 5)
        return self

    async def __aexit__(self, *_) -> None:
        # Whoever was started within has submitted by now.
        await asyncio.sleep(0)
        self._open.set()
        await self._held


def put(key: str, value: str = "yes") -> Callable[[Transaction], str]:
    def job(tx: Transaction) -> str:
        tx.put(key, value)
        return key

    return job


def poison(tx: Transaction) -> None:
    tx.put("poison", "written")
    raise ValueError("poison")


async def outcomes(*jobs: Awaitable[object]) -> list[object]:
    return await asyncio.gather(*jobs, return_exceptions=True)


def test_result_is_handed_on_after_the_commit():
    async def scenario(writer: Writer, store: MemoryStore):
        assert await writer.submit(put("a")) == "a"
        assert store.database.facts == {"a": "yes"}

    with_writer(scenario)


def test_what_is_submitted_together_shares_a_commit():
    commits: list[Commit] = []

    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            together = asyncio.gather(*[writer.submit(put(str(n)), ingest=True) for n in range(50)])
        assert await together == [str(n) for n in range(50)]
        assert store.database.commits == 2

    with_writer(scenario, on_commit=commits.append)
    assert [(commit.jobs, commit.failed) for commit in commits] == [(1, 0), (50, 0)]


def test_acknowledgements_go_before_work_and_both_keep_their_order():
    order: list[str] = []

    def noting(name: str) -> Callable[[Transaction], None]:
        return lambda _tx: order.append(name)

    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            together = asyncio.gather(
                writer.submit(noting("work 1")),
                writer.submit(noting("ingest 1"), ingest=True),
                writer.submit(noting("work 2")),
                writer.submit(noting("ingest 2"), ingest=True),
            )
        await together

    with_writer(scenario)
    assert order == ["ingest 1", "ingest 2", "work 1", "work 2"]


def test_slow_work_is_spread_over_commits_and_goes_on_each_time(monkeypatch):
    monkeypatch.setattr(writer_module, "WORK_SECONDS", 0.0)

    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            together = asyncio.gather(
                writer.submit(put("ingest"), ingest=True), *[writer.submit(put(str(n))) for n in range(4)]
            )
        await together
        assert list(store.database.facts) == ["ingest", "0", "1", "2", "3"]
        # The gate; an acknowledgement with one piece of work; then, without acknowledgements, one by one.
        assert store.database.commits == 1 + 4

    with_writer(scenario)


def test_work_that_shares_a_commit_is_bounded(monkeypatch):
    monkeypatch.setattr(writer_module, "WORK_AT_MOST", 3)

    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            together = asyncio.gather(*[writer.submit(put(str(n))) for n in range(7)])
        await together
        assert store.database.commits == 1 + 3

    with_writer(scenario)


def test_a_poisoned_job_harms_nobody_else():
    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            together = asyncio.ensure_future(
                outcomes(*[writer.submit(poison if n in (3, 7) else put(str(n))) for n in range(10)])
            )
        answers = await together
        assert [n for n, answer in enumerate(answers) if isinstance(answer, ValueError)] == [3, 7]
        assert sorted(store.database.facts) == [str(n) for n in range(10) if n not in (3, 7)]
        assert await writer.submit(put("later")) == "later"

    with_writer(scenario)


def test_a_commit_that_fails_because_of_one_job_keeps_the_others():
    def refuse(tx: Transaction) -> None:
        tx.put("refused", "by a constraint that is checked only when committing")

    def constraint(tx: Transaction) -> None:
        if tx.get("refused"):
            raise StoreError("constraint")

    async def scenario(writer: Writer, store: MemoryStore):
        store.at_commit = constraint
        async with Gate(writer):
            jobs = [refuse if n == 5 else put(str(n)) for n in range(9)]
            together = asyncio.ensure_future(outcomes(*[writer.submit(job) for job in jobs]))
        answers = await together
        assert [n for n, answer in enumerate(answers) if isinstance(answer, StoreError)] == [5]
        assert sorted(store.database.facts) == [str(n) for n in range(9) if n != 5]

    with_writer(scenario)


def test_a_deadlock_is_tried_again_by_itself():
    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            store.fail("commit", after=1)
            together = asyncio.gather(*[writer.submit(put(str(n)), ingest=True) for n in range(4)])
        assert await together == ["0", "1", "2", "3"]

    with_writer(scenario)


def test_a_store_that_is_down_fails_everybody_at_once():
    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            store.fail("begin", times=1)
            together = asyncio.ensure_future(
                outcomes(writer.submit(put("a"), ingest=True), *[writer.submit(put(str(n))) for n in range(20)])
            )
        assert {type(answer) for answer in await together} == {StoreUnavailable}
        assert store.calls["put"] == 0
        assert await writer.submit(put("up again")) == "up again"

    with_writer(scenario)


def test_giving_up_is_bounded_in_time_when_every_commit_fails(monkeypatch):
    monkeypatch.setattr(writer_module, "GIVE_UP_SECONDS", 0.0)

    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            store.fail("commit", after=1, times=1000)
            together = asyncio.ensure_future(outcomes(*[writer.submit(put(str(n))) for n in range(100)]))
        assert {type(answer) for answer in await together} == {StoreUnavailable}
        assert store.calls["put"] == 100

    with_writer(scenario)


@pytest.mark.parametrize("point", ["commit-kept", "commit-lost"])
def test_after_an_unknown_commit_webhooks_are_repeated_and_work_is_told(point: str):
    row = InboxRow("id", "cluster", 1, "request", "owner", b"body")

    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            store.fail(point, after=1)
            together = asyncio.ensure_future(
                outcomes(writer.submit(lambda tx: tx.add_inbox([row]), ingest=True), writer.submit(put("work")))
            )
        ingested, worked = await together
        assert ingested is None
        assert isinstance(worked, CommitUnknown)
        assert store.database.inbox == {"id": row}
        assert store.calls["add_inbox"] == 2

    with_writer(scenario)


def test_webhooks_are_repeated_only_once_after_unknown_commits():
    async def scenario(writer: Writer, store: MemoryStore):
        store.fail("commit-kept", times=2)
        with pytest.raises(CommitUnknown):
            await writer.submit(put("a"), ingest=True)
        assert store.calls["put"] == 2

    with_writer(scenario)


def test_a_lone_job_shares_its_transaction_with_nobody():
    commits: list[Commit] = []

    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            together = asyncio.gather(
                writer.submit(put("a")), writer.submit(put("lone"), lone=True), writer.submit(put("b"))
            )
        await together
        assert list(store.database.facts) == ["a", "lone", "b"]

    with_writer(scenario, on_commit=commits.append)
    assert [commit.jobs for commit in commits] == [1, 1, 1, 1]


def test_submit_soon_calls_back_in_the_loop_and_one_that_raises_harms_nobody():
    async def scenario(writer: Writer, store: MemoryStore):
        loop = asyncio.get_running_loop()
        complaints: list[dict] = []
        loop.set_exception_handler(lambda _loop, context: complaints.append(context))
        got: list[object] = []

        def broken(_value: object) -> None:
            raise KeyError("broken")

        async with Gate(writer):
            writer.submit_soon(put("a"), broken)
            writer.submit_soon(put("b"), lambda value: got.append((value, threading.get_ident())))
            writer.submit_soon(poison, got.append)
            last = asyncio.ensure_future(writer.submit(put("c")))
        await last
        assert got[0] == ("b", threading.get_ident())
        assert isinstance(got[1], ValueError)
        assert [type(context["exception"]) for context in complaints] == [KeyError]

    with_writer(scenario)


def test_a_job_whose_submitter_has_gone_is_done_all_the_same():
    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            gone = asyncio.ensure_future(writer.submit(put("a")))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.sleep(0)
        await writer.submit(put("b"))
        assert sorted(store.database.facts) == ["a", "b"]
        assert gone.cancelled()

    with_writer(scenario)


@pytest.mark.parametrize("error", [StopIteration("x"), SystemExit(3), KeyboardInterrupt()])
def test_nothing_that_a_job_raises_ends_the_thread(error: BaseException):
    def job(tx: Transaction) -> None:
        raise error

    async def scenario(writer: Writer, store: MemoryStore):
        got: list[object] = []
        writer.submit_soon(job, got.append)
        assert await writer.submit(put("a")) == "a"
        assert isinstance(got[0], BaseException)

    with_writer(scenario)


def test_stop_does_what_was_submitted_and_refuses_what_comes_later():
    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            before = [asyncio.ensure_future(writer.submit(put(str(n)))) for n in range(5)]
            await asyncio.sleep(0)
            stopped = asyncio.ensure_future(writer.stop())
            await asyncio.sleep(0)
            assert not writer.running
            with pytest.raises(StoreUnavailable):
                await writer.submit(put("late"))
        await stopped
        assert [await task for task in before] == ["0", "1", "2", "3", "4"]
        assert not store.opened
        await writer.stop()

    with_writer(scenario)


def test_a_store_that_cannot_be_opened_is_told_at_start_which_may_be_tried_again():
    store = MemoryStore()
    store.fail("open")

    async def run():
        writer = Writer(store)
        with pytest.raises(StoreUnavailable):
            await writer.start()
        assert not writer.running
        await writer.start()
        assert await writer.submit(put("a")) == "a"
        await writer.stop()

    asyncio.run(run())


def test_a_thread_that_dies_of_a_bug_leaves_nobody_waiting(monkeypatch):
    async def scenario(writer: Writer, store: MemoryStore):
        monkeypatch.setattr(writer, "_attempt", None)
        monkeypatch.setattr(threading, "excepthook", lambda _arguments: None)
        with pytest.raises(StoreUnavailable):
            await writer.submit(put("a"))
        assert not writer.running
        with pytest.raises(StoreUnavailable):
            await writer.submit(put("b"))

    with_writer(scenario)


def test_it_says_when_it_is_overloaded(monkeypatch):
    monkeypatch.setattr(writer_module, "QUEUE_LIMIT", 3)

    async def scenario(writer: Writer, store: MemoryStore):
        async with Gate(writer):
            writer.submit_soon(put("a"), lambda _value: None)
            assert not writer.overloaded()
            writer.submit_soon(put("b"), lambda _value: None)
            writer.submit_soon(put("c"), lambda _value: None)
            assert writer.overloaded()
            assert writer.waiting() == 3
        await writer.submit(put("d"))
        assert not writer.overloaded()

    with_writer(scenario)


def test_it_serves_a_uvloop():
    store = MemoryStore()

    async def run():
        writer = Writer(store)
        await writer.start()
        assert await asyncio.gather(*[writer.submit(put(str(n)), ingest=True) for n in range(100)])
        await writer.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    assert len(store.database.facts) == 100
