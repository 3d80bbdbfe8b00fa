"""The dispatcher: carries claimed deliveries to their notifiers, and what came of it back to the store.

It runs in the loop. What is claimed comes in by `offer`, after the commit that claimed it: from ingestion, from a
tick, or from the recording of an earlier step. Each destination has a lane, so that a slow one keeps no other waiting.
Until its result is recorded a row counts as under way, and while the store takes no results no call is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog

from router.applier import Work
from router.model import SECOND, DestinationStatus, Micros, View
from router.notifier import Notifier, Outcome
from router.store import DeliveryKey, StoreError
from router.worker import claims
from router.worker.calls import OVERRUN_SECONDS, Caller
from router.worker.claims import Result, Rules, key_of
from router.worker.lanes import Lane, Lanes
from router.worker.recorder import Recorder, Submits

log = structlog.get_logger("router.delivery")

TICK_SECONDS = 0.25
SWEEP_TICKS = 20
"""Every how many ticks rows are looked for that a commit of unknown outcome has left behind: about 5 s."""

DEFAULT_ROOM = 8
"""How many rows a tick takes of a destination that has no lane yet."""

IN_FLIGHT = 256
"""Calls under way, to all destinations together."""


class Call(NamedTuple):
    """A call that has ended, for metrics and logs."""

    work: Work
    outcome: Outcome
    took: Micros
    ended_at: Micros


class Hooks(NamedTuple):
    """Who is told of what; all are called in the loop, and must not raise."""

    called: Callable[[Call], None] = lambda _call: None
    destination: Callable[[DestinationStatus, str], None] = lambda _status, _before: None
    """A destination's health has changed: how it is, and the state before."""
    in_flight: Callable[[int], None] = lambda _number: None


class Dispatcher:
    """Sends what this replica has claimed."""

    def __init__(
        self,
        *,
        writer: Submits,
        notifiers: Mapping[str, Notifier],
        lanes: Lanes,
        rules: Rules,
        now: Callable[[], Micros],
        chance: Callable[[], float],
        fence: Callable[[], bool],
        timeout: float,
        hooks: Hooks = Hooks(),  # noqa: B008  (a frozen value)
        in_flight: int = IN_FLIGHT,
    ) -> None:
        """`notifiers` by channel. `chance` answers in [0, 1). `fence` is False while this replica's own heartbeat is
        late: others may then take its rows over. `timeout`: seconds for one call, well below the time that a heartbeat
        is believed.
        """
        self._writer = writer
        self._lanes = lanes
        self._rules = rules
        self._now = now
        self._chance = chance
        self._fence = fence
        self._caller = Caller(notifiers, timeout)
        self._recorder = Recorder(writer, rules, now, self._recorded)
        self._hooks = hooks
        self._most_in_flight = in_flight
        self._known: dict[DeliveryKey, Work] = {}
        """From the offer until the result is recorded."""
        self._later: dict[DeliveryKey, Work] = {}
        """Claimed anew while the result of an earlier claim isn't recorded."""
        self._recovered: set[str] = set()
        self._hungry: set[str] = set()
        """Lanes whose destination may have more in the store than there was room for."""
        self._waiting_for_slot: dict[str, Lane] = {}
        self._waiting_for_store: dict[str, Lane] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._suspects: dict[DeliveryKey, View] = {}
        self._ticks = 0
        self._wake = asyncio.Event()
        self._ticking = asyncio.Lock()
        self._draining = False

    # What others ask

    def offer(self, works: Iterable[Work]) -> None:
        """Take claimed rows. Only after the commit that claimed them."""
        touched: dict[str, Lane] = {}
        for work in works:
            key = key_of(work.delivery)
            self._suspects.pop(key, None)
            known = self._known.get(key)
            if known is not None:
                if known.delivery.claim != work.delivery.claim:
                    self._later[key] = work
                continue
            self._known[key] = work
            lane = self._lanes.lane(work.delivery.destination)
            lane.add(work, self._now())
            touched[lane.destination] = lane
        for lane in touched.values():
            self._pump(lane)
            if lane.room(self._now()) == 0:
                self._hungry.add(lane.destination)

    def room(self, destination: str) -> int:
        """How many more rows of a destination may be claimed now. May be asked in any thread."""
        return 0 if self._draining else self._lanes.room(destination, self._now())

    def pending(self) -> int:
        """How many rows are claimed and not recorded yet."""
        return len(self._known)

    def wake(self) -> None:
        """Look for due deliveries at once, such as after a replay."""
        self._wake.set()

    async def run(self) -> None:
        """Tick until drained."""
        while not self._draining:
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self.tick()
            except StoreError as error:
                log.warning("deliveries could not be claimed", error=str(error))
            except Exception:
                # Without ticks nothing would ever be tried again.
                log.exception("a tick failed")

    async def tick(self) -> None:
        """Claim what is due, and what a dead replica has left. StoreError when the store is in trouble."""
        async with self._ticking:
            if not self._draining and self._fence():
                await self._tick()

    async def _tick(self) -> None:
        self._ticks += 1
        if self._recovered:
            names = frozenset(self._recovered)
            number = await self._writer.submit(lambda tx: claims.requeue(tx, names, self._rules, self._now()))
            self._recovered -= names
            if number:
                log.info("dead letters are tried again", number=number, destinations=sorted(names))
        now = self._now()
        rooms = self._lanes.rooms(now)
        taken = await self._writer.submit(
            lambda tx: claims.take(tx, self._rules, now, rooms, default_room=DEFAULT_ROOM, known=self._known)
        )
        self._hungry |= taken.full
        self.offer(taken.work)
        if self._ticks % SWEEP_TICKS == 0:
            await self._sweep(now)

    async def _sweep(self, now: Micros) -> None:
        rooms = {lane.destination: lane.window + lane.held for lane in self._lanes.all()}
        found = await self._writer.submit(
            lambda tx: claims.sweep(tx, self._rules, now, rooms, known=self._known, suspects=self._suspects)
        )
        self._suspects = {key: claim for key, claim in found.suspects.items() if key not in self._known}
        if found.work:
            log.warning("claims that a lost commit left behind are taken up", number=len(found.work))
        self.offer(found.work)

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109  (it doesn't give up: it ends what is under way)
        """Claim no more, finish the calls under way, hand back the rest; within about `timeout` seconds. False when
        something was left, which another replica takes over then.
        """
        self._draining = True
        self._wake.set()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        deadline = asyncio.get_running_loop().time() + timeout
        for lane in self._lanes.all():
            self._hand_back(lane, lane.empty())
        if self._tasks:
            _, overrun = await asyncio.wait(set(self._tasks), timeout=timeout)
            for task in overrun:
                task.cancel()
            if overrun:
                await asyncio.wait(overrun, timeout=OVERRUN_SECONDS)
        with suppress(TimeoutError):
            # What a last tick has claimed comes in, and is handed back.
            async with asyncio.timeout_at(max(deadline, asyncio.get_running_loop().time() + OVERRUN_SECONDS)):
                async with self._ticking:
                    pass
        await self._recorder.finish(max(deadline, asyncio.get_running_loop().time() + OVERRUN_SECONDS))
        return not self._known

    # Calls

    def _pump(self, lane: Lane) -> None:
        """Start what may start."""
        now = self._now()
        if self._draining:
            self._hand_back(lane, lane.empty())
            return
        self._hand_back(lane, lane.stuck(now))
        while (ready_at := lane.ready_at(now)) is not None:
            if self._recorder.failing:
                self._waiting_for_store[lane.destination] = lane
                break
            if ready_at > now:
                self._pump_at(lane, ready_at - now)
                break
            if len(self._tasks) >= self._most_in_flight:
                self._waiting_for_slot[lane.destination] = lane
                break
            if not self._fence():
                self._hand_back(lane, lane.empty())
                break
            work = lane.start(now)
            task = asyncio.get_running_loop().create_task(self._call(lane, work, now))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
            self._hand_back(lane, lane.stuck(now))
        self._hooks.in_flight(len(self._tasks))

    def _pump_at(self, lane: Lane, wait: Micros) -> None:
        if lane.destination in self._timers:
            return

        def pump() -> None:
            del self._timers[lane.destination]
            self._pump(lane)

        self._timers[lane.destination] = asyncio.get_running_loop().call_later(wait / SECOND, pump)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._hooks.in_flight(len(self._tasks))
        if not task.cancelled() and task.exception() is not None:
            log.error("what follows a call has failed", exc_info=task.exception())
        for destination in list(self._waiting_for_slot)[:1]:
            # The one that waits longest.
            self._pump(self._waiting_for_slot.pop(destination))

    async def _call(self, lane: Lane, work: Work, at: Micros) -> None:
        outcome = await self._caller.call(work)
        now = self._now()
        before, was_broken = lane.breaker, lane.broken
        status = lane.answered(work, outcome, now, self._chance())
        lane.unrecorded += 1
        self._recorder.push(Result(work, outcome, at, now - at, lane.breaker, self._chance()), status)
        if before.state != "ok" and lane.breaker.state == "ok":
            # What waited goes at once.
            self._wake.set()
            if was_broken:
                log.info("a destination has recovered", destination=lane.destination)
                self._recovered.add(lane.destination)
        elif status is not None:
            log.warning("a destination fails", **status._asdict())
        self._pump(lane)
        self._hooks.called(Call(work, outcome, now - at, now))
        if status is not None:
            self._hooks.destination(status, before.state)

    # Results

    def _hand_back(self, lane: Lane, works: Sequence[Work]) -> None:
        now = self._now()
        for work in works:
            lane.unrecorded += 1
            self._recorder.push(Result(work, None, now, 0, lane.breaker, 0.0))

    def _recorded(self, batch: Sequence[Result], again: Sequence[Work]) -> None:
        lanes: dict[str, Lane] = {}
        later: list[Work] = []
        for result in batch:
            key = key_of(result.work.delivery)
            lane = lanes[key[1]] = self._lanes.lane(key[1])
            lane.unrecorded -= 1
            del self._known[key]
            if key in self._later:
                later.append(self._later.pop(key))
        self.offer([*again, *later])
        lanes |= self._waiting_for_store
        self._waiting_for_store.clear()
        now = self._now()
        for lane in lanes.values():
            self._pump(lane)
            if lane.destination in self._hungry and lane.room(now) * 2 >= lane.window:
                self._hungry.discard(lane.destination)
                self._wake.set()
