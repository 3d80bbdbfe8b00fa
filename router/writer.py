"""The writer: one thread that owns the store, in which many jobs share a commit (group commit).

A commit waits for the disk; what arrives meanwhile is done together in the next one. A job is a function of a
transaction. It may be run more than once, so it changes nothing but the store, and what it returns is handed on only
after a commit. When a shared transaction fails, its jobs are tried again in smaller groups, so that only the job that
is at fault fails.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from router.store import CommitUnknown, Store, StoreUnavailable, Transaction

T = TypeVar("T")
Job = Callable[[Transaction], T]
Done = Callable[[T | BaseException], None]
QUEUE_LIMIT = 4096
"""Jobs that may wait before `overloaded` says so: about a second's worth."""

WORK_AT_MOST = 128
"""Jobs that are no acknowledgements and share a commit with acknowledgements, and"""

WORK_SECONDS = 0.02
"""the seconds after which no further one is begun in it: the acknowledgements wait for them. One is always done."""

GIVE_UP_SECONDS = 0.5
"""How long a failing transaction is tried in smaller groups while the store is in trouble. Alertmanager is to have its
503 within a second, and tries again by itself."""


class Commit(NamedTuple):
    """A transaction, for the metrics."""

    seconds: float
    jobs: int
    failed: int


class _Item(NamedTuple):
    job: Job[Any]
    done: Done[Any]
    ingest: bool
    lone: bool


_Answer = tuple[Done[Any], Any]


class Writer:
    """Runs jobs in the order of their submission, acknowledgements first. Its methods belong to one loop."""

    def __init__(self, store: Store, *, on_commit: Callable[[Commit], None] = lambda _commit: None) -> None:
        """`on_commit` is called in the writer's thread."""
        self._store = store
        self._on_commit = on_commit
        self._incoming: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._ingest: deque[_Item] = deque()
        self._work: deque[_Item] = deque()
        self._current: list[_Item] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ended: asyncio.Future[None] | None = None
        self._stopping = True

    async def start(self) -> None:
        """Open the store, in the writer's own thread. StoreError when that fails; it may then be started again."""
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, args=(opened,), name="writer", daemon=True)
        self._thread.start()
        try:
            await opened
        except BaseException:
            await self.stop()
            raise

    async def submit(self, job: Job[T], *, ingest: bool = False, lone: bool = False) -> T:
        """Run a job and wait until it is committed. Raises what the job raised, or a StoreError.

        `ingest`: somebody waits for an acknowledgement, and doing it twice is harmless; it goes first, and is repeated
        once when nobody knows whether its commit was kept. `lone`: it is large and shares its transaction with nobody.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def done(value: T | BaseException) -> None:
            if answer.done():
                return
            if isinstance(value, StopIteration):
                # asyncio takes everything but this one.
                answer.set_exception(RuntimeError("a job raised StopIteration"))
            elif isinstance(value, BaseException):
                answer.set_exception(value)
            else:
                answer.set_result(value)

        self.submit_soon(job, done, ingest=ingest, lone=lone)
        return await answer

    def submit_soon(self, job: Job[T], done: Done[T], *, ingest: bool = False, lone: bool = False) -> None:
        """Run a job; `done` is called in the loop with its result or its exception. StoreUnavailable once stopped."""
        if self._stopping:
            raise StoreUnavailable("the writer is stopped")
        self._incoming.put(_Item(job, done, ingest, lone))

    def waiting(self) -> int:
        """How many jobs wait."""
        return self._incoming.qsize() + len(self._ingest) + len(self._work)

    def overloaded(self) -> bool:
        """Whether webhooks should be answered with 503 until the queue is shorter."""
        return self.waiting() >= QUEUE_LIMIT

    @property
    def running(self) -> bool:
        """Whether it takes jobs. False too when its thread has died of a bug, which nothing but a restart heals."""
        return not self._stopping

    async def stop(self) -> None:
        """Do what was submitted, close the store, end the thread. Stopping twice does nothing."""
        if self._thread is None or self._ended is None:
            return
        self._stopping = True
        self._incoming.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()
        self._thread = None
        self._incoming = queue.SimpleQueue()

    # From here on: in the writer's thread.

    def _run(self, opened: asyncio.Future[None]) -> None:
        try:
            try:
                self._store.open()
            except BaseException as error:  # noqa: BLE001  (whatever it is, it is the caller's of start)
                self._call(_settle, opened, error)
                return
            self._call(_settle, opened, None)
            while self._receive():
                self._shared()
                self._lone()
        finally:
            self._stopping = True
            with suppress(Exception):
                self._store.close()
            self._call(self._end)

    def _receive(self) -> bool:
        """Take what was submitted, waiting for it when there is nothing to do. False once it is stopped and done."""
        block = not (self._ingest or self._work)
        while True:
            try:
                item = self._incoming.get(block=block)
            except queue.Empty:
                return True
            if item is None:
                if not (self._ingest or self._work):
                    return False
                # Nothing is submitted after it. Seen again when the rest is done, it ends the thread.
                self._incoming.put(None)
                return True
            (self._ingest if item.ingest else self._work).append(item)
            block = False

    def _shared(self) -> None:
        """One transaction: all that wait for an acknowledgement, and some work."""
        batch = list(self._ingest)
        self._ingest.clear()
        acknowledgements = len(batch)
        while self._work and not self._work[0].lone and len(batch) - acknowledgements < WORK_AT_MOST:
            batch.append(self._work.popleft())
        if batch:
            self._transact(batch, acknowledgements)

    def _lone(self) -> None:
        if self._work and self._work[0].lone:
            self._transact([self._work.popleft()], 1)

    def _transact(self, batch: list[_Item], at_least: int) -> None:
        self._current = batch
        started = time.monotonic()
        answers, left = self._attempt(batch, started, at_least)
        self._work.extendleft(reversed(left))
        self._current = []
        self._call(self._hand_on, answers)
        failed = sum(isinstance(value, BaseException) for _, value in answers)
        with suppress(Exception):
            self._on_commit(Commit(time.monotonic() - started, len(answers), failed))

    def _attempt(
        self, items: list[_Item], started: float, at_least: int, *, repeated: bool = False
    ) -> tuple[list[_Answer], list[_Item]]:
        """Run jobs in one transaction: the answers, and the items for which there was no time.

        The first `at_least` jobs and one more are run however long that takes.
        """
        values: list[Any] = []
        begun = False
        left: list[_Item] = []
        deadline = 0.0
        try:
            with self._store.begin() as tx:
                begun = True
                for position, item in enumerate(items):
                    if position == at_least:
                        deadline = time.monotonic() + WORK_SECONDS
                    elif position > at_least and time.monotonic() >= deadline:
                        items, left = items[:position], items[position:]
                        break
                    values.append(item.job(tx))
        except BaseException as error:  # noqa: BLE001  (a job may raise anything, and the thread has to go on)
            if not begun:
                return _all(items, error), left
            return self._recover(items, error, len(values), started, repeated=repeated), left
        return [(item.done, value) for item, value in zip(items, values, strict=True)], left

    def _recover(
        self, items: list[_Item], error: BaseException, position: int, started: float, *, repeated: bool
    ) -> list[_Answer]:
        """Nothing of these jobs was kept, or nobody knows.

        `position` is that of the job that raised; it is their number when the commit failed.
        """
        if isinstance(error, CommitUnknown):
            again = [] if repeated else [item for item in items if item.ingest]
            answers = _all([item for item in items if repeated or not item.ingest], error)
            return answers + (self._attempt(again, started, len(again), repeated=True)[0] if again else [])
        in_trouble = isinstance(error, StoreUnavailable)
        if len(items) == 1 or (in_trouble and time.monotonic() - started >= GIVE_UP_SECONDS):
            return _all(items, error)
        if in_trouble or position == len(items):
            # It can be anybody's: a deadlock, or what is too large for the disk.
            groups = [items[: len(items) // 2], items[len(items) // 2 :]]
        else:
            groups = [items[:position], items[position : position + 1], items[position + 1 :]]
        found: list[_Answer] = []
        for group in groups:
            if group:
                found += self._attempt(group, started, len(group), repeated=repeated)[0]
        return found

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401  (whatever it takes)
        # A loop that has been closed without stopping the writer has nobody left who waits.
        with suppress(RuntimeError):
            assert self._loop is not None
            self._loop.call_soon_threadsafe(function, *arguments)

    # In the loop again.

    def _hand_on(self, answers: list[_Answer]) -> None:
        for done, value in answers:
            try:
                done(value)
            except Exception as error:  # noqa: BLE001  (one that raises must not keep the others waiting)
                assert self._loop is not None
                context = {"message": "what follows a commit has failed", "exception": error}
                self._loop.call_exception_handler(context)

    def _end(self) -> None:
        """The thread has ended: as it was told to, or by a bug, and then there are jobs left."""
        rest = [*self._current, *self._ingest, *self._work]
        self._current = []
        self._ingest.clear()
        self._work.clear()
        while not self._incoming.empty():
            item = self._incoming.get_nowait()
            if item is not None:
                rest.append(item)
        self._hand_on(_all(rest, StoreUnavailable("the writer has ended")))
        if self._ended is not None:
            _settle(self._ended, None)


def _all(items: list[_Item], error: BaseException) -> list[_Answer]:
    return [(item.done, error) for item in items]


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
