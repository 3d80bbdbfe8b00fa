"""Brings results into the store, many at once and in their order, and keeps them until it has taken them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

import structlog

from router.applier import Work
from router.model import DestinationStatus, Micros
from router.store import CommitUnknown, StoreUnavailable, Transaction
from router.worker import claims
from router.worker.claims import Recorded, Result, Rules

T = TypeVar("T")
log = structlog.get_logger("router.worker.recorder")

RECORDED_AT_ONCE = 256

FIRST_WAIT = 0.1
LONGEST_WAIT = 2.0
"""Seconds between tries while the store is down."""


class Submits(Protocol):
    """What is needed of the writer."""

    async def submit(self, job: Callable[[Transaction], T]) -> T:
        """Run a job, wait for its commit."""
        ...


class Recorder:
    """Records results, as long as it takes."""

    def __init__(
        self,
        writer: Submits,
        rules: Rules,
        now: Callable[[], Micros],
        recorded: Callable[[Sequence[Result], Sequence[Work]], None],
    ) -> None:
        """`recorded` is called after each commit, with what is to be sent at once because of it."""
        self._writer = writer
        self._rules = rules
        self._now = now
        self._recorded = recorded
        self._results: deque[Result] = deque()
        self._statuses: dict[str, DestinationStatus] = {}
        self._task: asyncio.Task[None] | None = None
        self.failing = False
        """The store didn't take the last results yet: no call should be made, since its result could not be kept."""

    def push(self, result: Result, status: DestinationStatus | None = None) -> None:
        """Record a result, and how its destination is now, if that has changed."""
        self._results.append(result)
        if status is not None:
            self._statuses[status.destination] = status
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._record_all())

    async def finish(self, deadline: float) -> None:
        """Wait until all is recorded, or give up at that time of the loop's clock."""
        while self._task is not None:
            task = self._task
            await asyncio.wait({task}, timeout=max(deadline - asyncio.get_running_loop().time(), 0))
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
                return

    async def _record_all(self) -> None:
        try:
            while self._results:
                batch = [self._results.popleft() for _ in range(min(len(self._results), RECORDED_AT_ONCE))]
                await self._record(batch)
        finally:
            self._task = None

    async def _record(self, batch: Sequence[Result]) -> None:
        statuses, self._statuses = self._statuses, {}
        try:
            recorded = await self._persist(batch, tuple(statuses.values()))
        except asyncio.CancelledError:
            raise
        except Exception:
            self._statuses = statuses | self._statuses
            if len(batch) > 1:
                log.exception("results are recorded one by one", number=len(batch))
                for result in batch:
                    await self._record([result])
                return
            # It stays claimed and known here, so that it is not sent again and again; a restart takes it up.
            log.exception("a result can't be recorded", incident=batch[0].work.delivery.incident_id)
            return
        if recorded.late:
            log.warning("results came too late for their claims", number=recorded.late)
        self.failing = False
        self._recorded(batch, recorded.work)

    async def _persist(self, batch: Sequence[Result], statuses: Sequence[DestinationStatus]) -> Recorded:
        """Try until the store takes it. Raises what isn't the store's state, but the results' own fault."""
        repeated = False
        wait = FIRST_WAIT
        while True:
            job = partial(
                claims.record,
                results=batch,
                statuses=statuses,
                rules=self._rules,
                now=self._now(),
                repeated=repeated,
            )
            try:
                return await self._writer.submit(job)
            except (StoreUnavailable, CommitUnknown) as error:
                repeated = repeated or isinstance(error, CommitUnknown)
                log.warning("results wait for the store", number=len(batch), error=str(error))
            self.failing = True
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
