"""From an acknowledged webhook to applied alerts: the inbox, and what happens to a webhook that can't be applied.

A webhook is committed to the inbox as it came, and only then acknowledged. It is applied right after, many at once.
What a crash leaves in the inbox is applied by the next process, or by another replica; applying it twice does no harm.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import structlog

from router.applier import Applied, Applier, Incoming, Work
from router.model import SECOND, Alert, InboxRow, Micros, Quarantined
from router.policies import internal
from router.policies.internal import Trouble
from router.store import CommitUnknown, StoreError, StoreUnavailable, Transaction

if TYPE_CHECKING:
    from router.payload import Webhook

T = TypeVar("T")
log = structlog.get_logger("router.ingest")

ALERTS_AT_ONCE = 500
"""How many alerts are applied in one transaction: enough to share a commit, few enough that others don't wait."""

STORM_ALERTS = 16
"""With fewer alerts to be applied there is no storm, and none of them waits for others."""

STORM_SECONDS = 0.25
"""How long alerts wait in a storm, at most. While webhooks pour in, acknowledging comes first: what is acknowledged is
safe, what is applied later is applied in larger batches, and both share one interpreter."""

LULL_SECONDS = 0.05
"""Webhooks pour in no more when none has come for so long."""

PENDING_ALERTS = 50_000
"""More alerts than this, acknowledged and not yet applied, and webhooks are put off with 503: five times the largest
payload that is tested. Alertmanager sends them again."""

ANSWER_SECONDS = 0.8
"""How long a sender waits for its acknowledgement: Alertmanager is to have its 503 within a second, also while the
store doesn't answer at all. What is committed all the same is applied, and does no harm when it comes again."""

RETRY_SECONDS = 0.25
PUT_ASIDE_AGAIN_SECONDS = 5.0
HEAD_BYTES = 65_536
"""How much of a webhook that can't be applied is kept in the quarantine."""


class Committer(Protocol):
    """The part of the writer that is used here."""

    def submit_soon(
        self, job: Callable[[Transaction], T], done: Callable[[T | BaseException], None], *, ingest: bool = False
    ) -> None:
        """Run a job in a transaction shared with others, and call `done` in the loop once it is committed or failed."""
        ...


class Decoded(Protocol):
    """Reads a body again that was left in the inbox."""

    def __call__(self, body: bytes, cluster: str, received_at: Micros) -> Webhook | str:
        """The webhook, or why it can't be read."""
        ...


class _Pending(NamedTuple):
    row: InboxRow
    incoming: Incoming


_Unwritten = tuple[InboxRow, Incoming, "asyncio.Future[None]"]
"""A webhook whose sender waits."""


class Ingest:
    """Takes in webhooks. All methods are called in the loop's thread."""

    def __init__(
        self,
        *,
        writer: Committer,
        applier: Applier,
        decode: Decoded,
        owner: str,
        now: Callable[[], Micros],
        offer: Callable[[Sequence[Work]], None],
        on_applied: Callable[[Applied, Sequence[Incoming]], None],
        on_quarantined: Callable[[str, str], None],
    ) -> None:
        """`offer` takes what is to be sent; the other two are told what came of webhooks, for metrics and for asking
        Alertmanager.
        """
        self._writer = writer
        self._applier = applier
        self._decode = decode
        self._owner = owner
        self._now = now
        self._offer = offer
        self._on_applied = on_applied
        self._on_quarantined = on_quarantined
        self._unwritten: deque[_Unwritten] = deque()
        self._insert: _Insert | None = None
        self._insert_at = 0.0
        """When the insert was queued, by the loop's clock."""
        self._watching = False
        self._pending: deque[_Pending] = deque()
        self._pending_alerts = 0
        self._known: set[str] = set()
        self._apply_is_queued = False
        self._came_at = 0.0
        """When the last webhook came, by the loop's clock."""
        self._lull: asyncio.TimerHandle | None = None
        self._numbers = itertools.count()
        self._incarnation = os.urandom(6).hex()

    def new_id(self) -> str:
        """An id that no other process makes, in the order of time."""
        return f"{self._now():016x}-{self._incarnation}-{next(self._numbers):06x}"

    @property
    def pending(self) -> int:
        """How many alerts are acknowledged and not yet applied."""
        return self._pending_alerts

    def overloaded(self) -> bool:
        """Whether webhooks should be put off."""
        return self._pending_alerts > PENDING_ALERTS

    # Taking in

    async def accept(self, cluster: str, request_id: str, received_at: Micros, body: bytes, webhook: Webhook) -> None:
        """Returns once the webhook is committed. StoreError when it isn't: the sender has to send it again."""
        row = InboxRow(self.new_id(), cluster, received_at, request_id, self._owner, body)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._came_at = loop.time()
        self._unwritten.append((row, self._incoming(row, webhook), future))
        self._queue_insert()
        await future

    def _incoming(self, row: InboxRow, webhook: Webhook) -> Incoming:
        if not webhook.truncated and not webhook.broken:
            return Incoming(row.id, row.received_at, webhook.alerts)
        troubles: list[Trouble] = []
        if webhook.truncated:
            troubles.append(internal.truncated_webhook(row.cluster, webhook.truncated))
        if webhook.broken:
            troubles.append(internal.unreadable_webhook(row.cluster, webhook.broken[0], len(row.body)))
        return Incoming(row.id, row.received_at, webhook.alerts, tuple(troubles))

    def _queue_insert(self) -> None:
        if self._insert is None and self._unwritten:
            loop = asyncio.get_running_loop()
            self._insert = job = _Insert(self._unwritten)
            self._insert_at = loop.time()
            self._writer.submit_soon(job, lambda result: self._inserted(job, result), ingest=True)
            if not self._watching:
                self._watching = True
                loop.call_later(ANSWER_SECONDS, self._watch)

    def _watch(self) -> None:
        """Tell those who wait for an insert that takes too long. One timer serves many inserts: most are quick."""
        loop = asyncio.get_running_loop()
        self._watching = self._insert is not None
        if self._insert is None:
            return
        left = self._insert_at + ANSWER_SECONDS - loop.time()
        if left <= 0:
            error = StoreUnavailable(f"the store has not answered for {ANSWER_SECONDS:g} s")
            _fail([*self._insert.batch, *self._take_unwritten()], error)
            self._insert_at = loop.time()
            left = ANSWER_SECONDS
        loop.call_later(left, self._watch)

    def _take_unwritten(self) -> list[_Unwritten]:
        """Those that no insert has taken. The writer's thread may be taking them just now."""
        taken: list[_Unwritten] = []
        with suppress(IndexError):
            while True:
                taken.append(self._unwritten.popleft())
        return taken

    def _inserted(self, job: _Insert, result: object) -> None:
        self._insert = None
        if isinstance(result, BaseException):
            # When not even a transaction could be begun, the job has taken nobody.
            error = result if isinstance(result, StoreError) else StoreError(f"the inbox failed: {result!r}")
            _fail([*job.batch, *self._take_unwritten()], error)
        else:
            for row, incoming, future in job.batch:
                self._remember(row, incoming)
                if not future.done():
                    future.set_result(None)
        self._queue_insert()
        self._queue_apply()

    def _remember(self, row: InboxRow, incoming: Incoming) -> None:
        self._known.add(row.id)
        self._pending.append(_Pending(row, incoming))
        self._pending_alerts += len(incoming.alerts)

    async def quarantine(
        self, cluster: str, request_id: str, received_at: Micros, reason: str, *, size: int, head: bytes
    ) -> None:
        """Keep a body that can't be read, and tell the platform team. StoreError as for `accept`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        row = Quarantined(self.new_id(), cluster, received_at, reason, size, head[:HEAD_BYTES])

        def job(tx: Transaction) -> Applied:
            tx.add_quarantine([row])
            trouble = internal.unreadable_webhook(cluster, reason, size)
            return self._applier.apply(tx, [Incoming("", received_at, (), (trouble,))], self._now())

        def done(result: Applied | BaseException) -> None:
            if isinstance(result, Applied):
                self._on_quarantined(cluster, reason)
                self._act(result, ())
            if future.done():
                return
            if isinstance(result, BaseException):
                future.set_exception(result if isinstance(result, StoreError) else StoreError(repr(result)))
            else:
                future.set_result(None)

        self._writer.submit_soon(job, done, ingest=True)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await future
        except TimeoutError:
            raise StoreUnavailable(f"the store has not answered for {ANSWER_SECONDS:g} s") from None
        log.error("a webhook can't be read and is in quarantine", cluster=cluster, reason=reason, request_id=request_id)

    def tell(self, *troubles: Trouble, alerts: tuple[Alert, ...] = ()) -> None:
        """Take in what the router itself has to say. It isn't in the inbox: its cause, if it lasts, tells it again."""
        incoming = Incoming("", self._now(), alerts, troubles)
        self._remember(InboxRow(self.new_id(), "", incoming.received_at, "", self._owner, b""), incoming)
        self._queue_apply()

    # Applying

    def _queue_apply(self) -> None:
        if not self._apply_is_queued and self._pending and not self._storms():
            self._apply_is_queued = True
            batch: list[_Pending] = []
            alerts = 0
            while self._pending and (not batch or alerts + len(self._pending[0].incoming.alerts) <= ALERTS_AT_ONCE):
                batch.append(self._pending.popleft())
                alerts += len(batch[-1].incoming.alerts)
            self._apply(batch)

    def _storms(self) -> bool:
        """Whether webhooks pour in, so that their acknowledgements go first. Then this is asked again in time."""
        if self._pending_alerts < STORM_ALERTS:
            return False
        loop = asyncio.get_running_loop()
        waited = (self._now() - self._pending[0].incoming.received_at) / SECOND
        left = min(self._came_at + LULL_SECONDS - loop.time(), STORM_SECONDS - waited)
        if left <= 0:
            return False
        if self._lull is None:
            self._lull = loop.call_later(left, self._after_lull)
        return True

    def _after_lull(self) -> None:
        self._lull = None
        # A writer that was stopped meanwhile leaves them to the next process: they are in the inbox.
        with suppress(StoreUnavailable):
            self._queue_apply()

    def _apply(self, batch: list[_Pending]) -> None:
        incoming = [item.incoming for item in batch]
        self._writer.submit_soon(
            lambda tx: self._applier.apply(tx, incoming, self._now()), lambda result: self._applied(batch, result)
        )

    def _applied(self, batch: list[_Pending], result: Applied | BaseException) -> None:
        self._apply_is_queued = False
        if isinstance(result, Applied):
            self._forget(batch)
            self._act(result, [item.incoming for item in batch])
        elif _may_pass(result):
            self._put_back(batch)
            return
        elif len(batch) > 1:
            # One of them is at fault. Alone, each either passes or is put aside.
            self._apply_is_queued = True
            self._apply_alone(deque(batch))
            return
        else:
            self._put_aside(batch[0], result)
        self._queue_apply()

    def _put_back(self, items: Sequence[_Pending]) -> None:
        """They are safe in the inbox. The store's trouble is shown by its health check."""
        self._pending.extendleft(reversed(items))
        self._apply_is_queued = True
        asyncio.get_running_loop().call_later(RETRY_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._apply_is_queued = False
        with suppress(StoreUnavailable):
            self._queue_apply()

    def _apply_alone(self, rest: deque[_Pending]) -> None:
        if not rest:
            self._apply_is_queued = False
            self._queue_apply()
            return
        item = rest.popleft()

        def done(result: Applied | BaseException) -> None:
            if isinstance(result, Applied):
                self._forget([item])
                self._act(result, [item.incoming])
            elif _may_pass(result):
                self._put_back([item, *rest])
                return
            else:
                self._put_aside(item, result)
            self._apply_alone(rest)

        self._writer.submit_soon(lambda tx: self._applier.apply(tx, [item.incoming], self._now()), done)

    def _put_aside(self, item: _Pending, error: BaseException) -> None:
        """A webhook that can be read and not applied is a bug of ours; it must not take the others down with it."""
        log.error("a webhook can't be applied and is in quarantine", exc_info=error, request_id=item.row.request_id)
        reason = f"it can't be applied: {type(error).__name__}"
        row = Quarantined(
            item.row.id, item.row.cluster, item.row.received_at, reason, len(item.row.body), item.row.body[:HEAD_BYTES]
        )

        def job(tx: Transaction) -> Applied:
            tx.add_quarantine([row])
            tx.remove_inbox([item.row.id])
            trouble = internal.unreadable_webhook(item.row.cluster, reason, len(item.row.body))
            return self._applier.apply(tx, [Incoming("", item.row.received_at, (), (trouble,))], self._now())

        def done(result: Applied | BaseException) -> None:
            if isinstance(result, Applied):
                self._forget([item])
                self._on_quarantined(item.row.cluster, reason)
                self._act(result, ())
            else:
                # It is in the inbox until a person can see it in the quarantine.
                log.error("a webhook can't even be put aside", exc_info=result, request_id=item.row.request_id)
                loop = asyncio.get_running_loop()
                loop.call_later(PUT_ASIDE_AGAIN_SECONDS, self._put_aside, item, error)

        with suppress(StoreUnavailable):
            self._writer.submit_soon(job, done)

    def _forget(self, batch: Sequence[_Pending]) -> None:
        for item in batch:
            self._known.discard(item.row.id)
            self._pending_alerts -= len(item.incoming.alerts)

    def _act(self, applied: Applied, incoming: Sequence[Incoming]) -> None:
        if applied.work:
            self._offer(applied.work)
        self._on_applied(applied, incoming)

    # What others left

    def adopt(self, rows: Sequence[InboxRow]) -> None:
        """Apply webhooks from the inbox that this process doesn't know: left by a crash, or by a dead replica."""
        for row in rows:
            if row.id in self._known:
                continue
            webhook = self._decode(row.body, row.cluster, row.received_at)
            if isinstance(webhook, str):
                self._known.add(row.id)
                item = _Pending(row, Incoming(row.id, row.received_at, ()))
                self._put_aside(item, ValueError(webhook))
            else:
                self._remember(row, self._incoming(row, webhook))
        self._queue_apply()


def _may_pass(result: object) -> bool:
    """Whether the same may work later. Any other refusal, such as of a value, would keep all others waiting."""
    return isinstance(result, (StoreUnavailable, CommitUnknown))


def _fail(batch: Sequence[_Unwritten], error: StoreError) -> None:
    for _, _, future in batch:
        if not future.done():
            future.set_exception(error)


class _Insert:
    """Puts all webhooks that are there when the transaction runs into the inbox. Run twice, it inserts the same."""

    def __init__(self, source: deque[_Unwritten]) -> None:
        self._source = source
        self.batch: list[_Unwritten] = []

    def __call__(self, tx: Transaction) -> None:
        with suppress(IndexError):
            while True:
                self.batch.append(self._source.popleft())
        tx.add_inbox([row for row, _, _ in self.batch])
