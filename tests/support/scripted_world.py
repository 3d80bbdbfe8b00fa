"""Replicas of the router's core on a virtual clock, with a store in memory and providers that answer from a script.

    async def scenario():
        world = World()
        world.channel("pagerduty").says = lambda job: Retry(Reason.UNAVAILABLE)
        async with world.replica("a") as a:
            await a.webhook(alert("Down"))
            await asyncio.sleep(3600)            # takes no time
    virtual_loop.run(scenario())

What is real: ingestion, the state machine, planning, claims, lanes, breakers, the dispatcher, the recorder. Unlike in
fault_world no notifier is: a test says which outcome a call has, so that the router's answer to it is seen alone.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Self

from memory_store import Database, MemoryStore
from router_world import TRAITS, Provider, routes
from virtual_loop import now

from router.applier import Applier
from router.delivery import Dispatcher
from router.ingest import Ingest
from router.model import HOUR, SECOND, Alert, Delivery, Micros, Replica, Shown, Status
from router.notifier import Delivered, Job, Outcome
from router.payload import Webhook
from router.store import CommitUnknown, Transaction
from router.worker.claims import Rules
from router.worker.lanes import Lanes

LEASE = 30 * SECOND
BEAT = 5.0
CALL_TIMEOUT = 10.0


class Called(NamedTuple):
    """A call that reached a provider."""

    at: Micros
    replica: str
    destination: str
    job: Job

    @property
    def what(self) -> tuple[str, int, str]:
        """The alert's name, the episode, and what was asked to be shown."""
        snapshot = self.job.snapshot
        name = snapshot.incident.group["alertname"] if snapshot else "note"
        return name, self.job.step.episode, self.job.step.state.value


class Channel:
    """A provider. `says` answers a call: an Outcome, or something to await for one. What arrives is remembered."""

    def __init__(self, name: str) -> None:
        self.calls: list[Called] = []
        self.shows = Provider(pages=name == "pagerduty")
        self.says: Callable[[Job], Outcome | Awaitable[Outcome]] = lambda _job: Delivered()
        self.arrives: Callable[[Job], bool] = lambda _job: True
        """Whether a call whose answer is lost has its effect all the same."""

    def whats(self) -> list[tuple[str, int, str]]:
        """All calls."""
        return [call.what for call in self.calls]


class _Notifier:
    def __init__(self, channel: Channel, replica: str) -> None:
        self._channel = channel
        self._replica = replica

    async def send(self, job: Job) -> Outcome:
        channel = self._channel
        channel.calls.append(Called(now(), self._replica, job.delivery.destination, job))
        said = channel.says(job)
        outcome = await said if inspect.isawaitable(said) else said
        lost = getattr(outcome, "maybe_shown", False)
        if isinstance(outcome, Delivered) or (lost and channel.arrives(job)):
            channel.shows.call(job.delivery.incident_id, job.step)
        return outcome

    async def close(self) -> None:
        pass


class Inline:
    """The writer without its thread: each job is a transaction of its own."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def _run(self, job: Callable[[Transaction], Any], *, ingest: bool) -> Any:
        try:
            with self._store.begin() as tx:
                return job(tx)
        except CommitUnknown:
            if not ingest:
                raise
            with self._store.begin() as tx:
                return job(tx)

    async def submit(self, job: Callable[[Transaction], Any], *, ingest: bool = False, lone: bool = False) -> Any:
        await asyncio.sleep(0)
        return self._run(job, ingest=ingest)

    def submit_soon(
        self,
        job: Callable[[Transaction], Any],
        done: Callable[[Any], None],
        *,
        ingest: bool = False,
        lone: bool = False,
    ) -> None:
        def run() -> None:
            try:
                value = self._run(job, ingest=ingest)
            except Exception as error:  # noqa: BLE001  (the writer hands on whatever a job raises)
                value = error
            done(value)

        asyncio.get_running_loop().call_soon(run)


class World:
    """What replicas share."""

    def __init__(self, **changes: object) -> None:
        """`changes` are made to the routes of router_world."""
        self.database = Database()
        self.channels = {name: Channel(name) for name in TRAITS}
        self.routes = routes(**changes)
        self.bodies: dict[bytes, Webhook] = {}

    def channel(self, name: str) -> Channel:
        return self.channels[name]

    def replica(self, name: str, *, timeout: float = CALL_TIMEOUT) -> RouterReplica:
        return RouterReplica(self, name, timeout)

    def rows(self, destination: str = "") -> list[Delivery]:
        """All deliveries, or those to a destination."""
        return [row for row in self.database.deliveries() if destination in ("", row.destination)]

    def unsettled(self) -> list[Delivery]:
        return [row for row in self.rows() if row.status is not Status.SETTLED]

    def showing(self, destination: str) -> set[Shown]:
        return {row.shown.state for row in self.rows(destination)}


class RouterReplica:
    """One process. While it is `frozen` its heartbeat stops, as under SIGSTOP; what it has sent is under way."""

    def __init__(self, world: World, name: str, timeout: float) -> None:
        self.world = world
        self.name = name
        self.store = MemoryStore(world.database)
        self.writer = Inline(self.store)
        self.lanes = Lanes(TRAITS)
        self.frozen = False
        self._beat_at = now()
        self._tasks: list[asyncio.Task[None]] = []
        applier = Applier(
            routes=lambda: world.routes,
            traits=TRAITS,
            owner=name,
            # The dispatcher is made below.
            room=lambda destination: self.dispatcher.room(destination),  # noqa: PLW0108
        )
        self.dispatcher = Dispatcher(
            writer=self.writer,
            notifiers={key: _Notifier(channel, name) for key, channel in world.channels.items()},
            lanes=self.lanes,
            rules=Rules(
                owner=name,
                traits=TRAITS,
                repeat_interval=lambda: 4 * HOUR,
                assert_after=int((timeout + 2) * SECOND),
                alive=self._alive,
            ),
            now=now,
            chance=lambda: 0.5,
            fence=lambda: not self.frozen and now() - self._beat_at < LEASE // 2,
            timeout=timeout,
        )
        self.ingest = Ingest(
            writer=self.writer,
            applier=applier,
            decode=lambda body, _cluster, _at: world.bodies[body],
            owner=name,
            now=now,
            offer=self.dispatcher.offer,
            on_applied=lambda _applied, _incoming: None,
            on_quarantined=lambda _cluster, _reason: None,
        )

    def _alive(self, tx: Transaction, at: Micros) -> Sequence[str]:
        return [*(row.id for row in tx.replicas() if row.heartbeat_at > at - LEASE), self.name]

    async def __aenter__(self) -> Self:
        self._beat()
        self._tasks = [asyncio.create_task(self._beats()), asyncio.create_task(self.dispatcher.run())]
        return self

    def _beat(self) -> None:
        self.world.database.seed(Replica(self.name, now(), now(), "1"))
        self._beat_at = now()

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            if not self.frozen:
                self._beat()

    async def __aexit__(self, *_: object) -> None:
        self._tasks[0].cancel()
        await self.dispatcher.drain(0.1)
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def webhook(self, *alerts: Alert) -> None:
        """Post alerts; returns when they are acknowledged. StoreError when they aren't."""
        body = f"{len(self.world.bodies)}".encode()
        self.world.bodies[body] = webhook = Webhook(tuple(alerts), (), 0, "", "", "", "firing", "4", 0)
        await self.ingest.accept("main", "request", now(), body, webhook)

    async def settled(self, seconds: float = 5.0) -> None:
        """Wait until nothing is to be sent, at most so many (virtual) seconds."""
        deadline = now() + int(seconds * SECOND)
        while self.world.unsettled() or self.ingest.pending:
            assert now() < deadline, [(row.destination, row.status, row.reason) for row in self.world.unsettled()]
            await asyncio.sleep(0.05)
