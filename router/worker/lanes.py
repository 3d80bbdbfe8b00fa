"""Lanes: one for each destination, with what is claimed for it, how many calls are under way, its rate and its breaker.

A lane decides which call may start and when; it starts none itself. The loop owns the lanes. Only `room` is also asked
by the writer's thread, about numbers that may be a moment old: it claims a little more or less then, never twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from router.applier import Work
from router.model import MINUTE, SECOND, DestinationStatus, Micros
from router.notifier import Delivered, Outcome, Reason, Retry, Traits
from router.worker import breaker as breakers
from router.worker.breaker import Breaker

WINDOW = 32
"""How many rows of a destination are claimed ahead of their calls: enough to keep a fast provider busy between two
commits, and few enough that a claim is fresh when its call is made."""

AHEAD = 2 * SECOND
"""How far ahead the rows of a destination with a rate limit are claimed. What they tell may change while they wait."""

FRESH = 5 * SECOND
"""How long a claimed row may wait for its call. Then it is handed back: its incident may have changed, and if this
replica's heartbeat was late meanwhile, another one may have taken it over."""

BURST = 5 * SECOND
"""A destination that was quiet may get at once what its rate allows in this time."""

UNKNOWN_CHANNEL = Traits(
    content="revision", tells_the_past=True, repeats=False, folds=False, concurrency=1, per_minute=0
)
"""How a destination is treated whose channel isn't configured any more: its rows are refused, one by one."""


class Rate(NamedTuple):
    """Spaces calls evenly and allows a burst after a quiet time: the generic cell rate algorithm (ITU-T I.371)."""

    interval: Micros
    """Between calls; 0: there is no limit."""
    burst: int
    full_at: Micros = 0
    """When the allowance is whole again."""

    def ready_at(self) -> Micros:
        """The next call isn't made before this."""
        return self.full_at - (self.burst - 1) * self.interval

    def spent(self, now: Micros) -> Rate:
        """After a call at `now`."""
        return self._replace(full_at=max(self.full_at, now) + self.interval) if self.interval else self


def rate(per_minute: int) -> Rate:
    """So many calls a minute; 0: no limit."""
    if per_minute <= 0:
        return Rate(0, 1)
    return Rate(MINUTE // per_minute, max(1, per_minute * BURST // MINUTE))


def row_key(work: Work) -> str:
    """What tells a row from the others of its destination."""
    return work.delivery.incident_id


class Lane:
    """One destination's."""

    def __init__(self, destination: str, traits: Traits, *, limited: bool = True, window: int = WINDOW) -> None:
        """`limited`: whether the channel's rate is kept; without, benchmarks measure the router."""
        self.destination = destination
        self.traits = traits
        self.breaker: Breaker = breakers.CLOSED
        self.rate = rate(traits.per_minute if limited else 0)
        self.running = 0
        """Calls under way."""
        self.unrecorded = 0
        """Answers that aren't committed yet."""
        ahead = AHEAD // self.rate.interval if self.rate.interval else window
        self.window = max(1, min(window, max(ahead, traits.concurrency)))
        self.broken = False
        """Whether the breaker has been open since the destination was last well."""
        self._urgent: deque[tuple[Micros, Work]] = deque()
        self._others: deque[tuple[Micros, Work]] = deque()

    def __len__(self) -> int:
        """How many rows wait in it for their call."""
        return len(self._urgent) + len(self._others)

    def add(self, work: Work, now: Micros) -> None:
        """A row that was just claimed, to be sent."""
        (self._urgent if work.delivery.urgent else self._others).append((now, work))

    @property
    def held(self) -> int:
        """Rows that are claimed, until what came of them is committed."""
        return len(self) + self.running + self.unrecorded

    def room(self, now: Micros) -> int:
        """How many more rows may be claimed."""
        held = self.held
        if not breakers.allows(self.breaker, now):
            return 0
        if self.breaker.is_open:
            # One of them is the probe, and not the one that was tried last; the others are handed back.
            return 0 if held else 1 + len(self.breaker.probed)
        return max(self.window - held, 0)

    def ready_at(self, now: Micros) -> Micros | None:
        """When the next call may start: `now` or earlier means at once. None: not before something else happens."""
        if not len(self) or self.running >= (1 if self.breaker.cautious else self.traits.concurrency):
            return None
        if not breakers.allows(self.breaker, now):
            # What waits is handed back rather than kept until its claim is stale.
            return None
        return self.rate.ready_at()

    def start(self, now: Micros) -> Work:
        """Take the row whose call starts now. Only after `ready_at` has said so."""
        work = self._pop()
        self.running += 1
        self.rate = self.rate.spent(now)
        self.breaker = breakers.on_start(self.breaker, row_key(work), now)
        return work

    def answered(self, work: Work, outcome: Outcome, now: Micros, jitter: float) -> DestinationStatus | None:
        """A call has ended: what it says about the destination. The status if others have to know; jitter in [0, 1)."""
        self.running -= 1
        before = self.breaker
        if isinstance(outcome, Delivered):
            self.breaker = breakers.on_success(before, now)
        elif isinstance(outcome, Retry):
            self.breaker = breakers.on_failure(
                before,
                outcome.reason,
                row_key(work),
                now,
                retry_after=outcome.after,
                jitter=jitter,
                detail=outcome.detail,
            )
        elif outcome.scope == "destination":
            self.breaker = breakers.park(before, outcome.reason, now, outcome.detail)
        else:
            self.breaker = breakers.on_refused_message(before, now)
        self.broken = self.breaker.state != "ok" and (self.broken or self.breaker.is_open)
        changed = _notable(before) != _notable(self.breaker)
        return breakers.status_of(self.breaker, self.destination) if changed else None

    def _pop(self) -> Work:
        probed = self.breaker.probed if self.breaker.is_open else ()
        queue = self._urgent or self._others
        chosen = queue[0]
        if probed:
            # The row that was probed least lately, if at all.
            ages = {key: age for age, key in enumerate(probed)}
            chosen = min((*self._urgent, *self._others), key=lambda entry: ages.get(row_key(entry[1]), -1))
            queue = self._urgent if chosen[1].delivery.urgent else self._others
        queue.remove(chosen)
        return chosen[1]

    def stuck(self, now: Micros) -> list[Work]:
        """Take out what is to be handed back: all that waits while the breaker lets nothing through, and the stale."""
        if not breakers.allows(self.breaker, now):
            return self.empty()
        stale: list[Work] = []
        for queue in (self._urgent, self._others):
            while queue and queue[0][0] + FRESH < now:
                stale.append(queue.popleft()[1])
        return stale

    def empty(self) -> list[Work]:
        """Take out all that waits."""
        works = [work for _, work in (*self._urgent, *self._others)]
        self._urgent.clear()
        self._others.clear()
        return works


def _notable(breaker: Breaker) -> tuple[str, Reason | None, Micros]:
    """What others are told of. When an open breaker is probed next is nobody's business."""
    return breaker.state, breaker.reason, breaker.until if breaker.state == "limited" else 0


class Lanes:
    """All lanes, made when they are first asked for."""

    def __init__(self, traits: Mapping[str, Traits], *, limited: bool = True, window: int = WINDOW) -> None:
        """`traits` by channel."""
        self._traits = traits
        self._limited = limited
        self._window = window
        self._lanes: dict[str, Lane] = {}

    def lane(self, destination: str) -> Lane:
        """The lane of a destination's key."""
        known = self._lanes.get(destination)
        if known is not None:
            return known
        traits = self._traits.get(destination.partition(":")[0], UNKNOWN_CHANNEL)
        # setdefault: the writer's thread may have made it meanwhile.
        return self._lanes.setdefault(
            destination, Lane(destination, traits, limited=self._limited, window=self._window)
        )

    def room(self, destination: str, now: Micros) -> int:
        """How many more rows of a destination may be claimed."""
        return self.lane(destination).room(now)

    def rooms(self, now: Micros) -> dict[str, int]:
        """The same for every destination that has a lane."""
        return {lane.destination: lane.room(now) for lane in self.all()}

    def all(self) -> list[Lane]:
        """Every lane there is."""
        return list(self._lanes.values())

    def stepped(self, step: Micros) -> None:
        """The clock was set by so much: what lies ahead stays as far ahead as it was."""
        for lane in self.all():
            lane.breaker = lane.breaker._replace(since=lane.breaker.since + step, until=lane.breaker.until + step)
            lane.rate = lane.rate._replace(full_at=lane.rate.full_at + step)

    def restore(self, statuses: Iterable[DestinationStatus], now: Micros) -> None:
        """Take up what the store knows of the destinations' health, after a restart."""
        for status in statuses:
            lane = self.lane(status.destination)
            lane.breaker = breakers.restored(status, now)
            lane.broken = lane.breaker.is_open
