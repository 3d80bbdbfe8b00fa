"""What the dispatcher asks of the store: take due deliveries, record what came of calls, requeue after a recovery.

Each function runs within one transaction, and may be run again when that fails. A call's result counts only for the
claim it was made for: a row that another replica has taken over meanwhile is that one's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from typing import NamedTuple

import structlog

from router import backoff, planning
from router.applier import Work
from router.model import (
    NOTHING,
    Attempt,
    Delivery,
    DestinationStatus,
    Micros,
    Mode,
    Status,
    Transition,
    View,
)
from router.notifier import Delivered, Outcome, Reason, Rejected, Retry, Traits
from router.store import DeliveryKey, Transaction
from router.worker.breaker import Breaker
from router.worker.lanes import UNKNOWN_CHANNEL

log = structlog.get_logger("router.worker.claims")

TICK_LIMIT = 512
"""How many deliveries one transaction takes."""

REQUEUED_AT_MOST = 10_000
"""How many dead letters are looked through when a destination recovers."""

LONGEST_WAIT = 2 * backoff.CAP
"""No back-off of ours reaches further; a Retry-After of the provider's may, and is kept."""

PASSING = frozenset(Reason) - {Reason.BAD_MESSAGE, Reason.BUG}
"""Reasons that a recovered destination makes void: the message wasn't at fault."""

DETAIL_CHARACTERS = 500
"""How much of a provider's words the ledger keeps."""


def key_of(row: Delivery) -> DeliveryKey:
    """What tells a row from all others."""
    return row.incident_id, row.destination


class Rules(NamedTuple):
    """What doesn't change while the router runs."""

    owner: str
    """This replica's id."""
    traits: Mapping[str, Traits]
    """By channel."""
    repeat_interval: Callable[[], Micros]
    assert_after: Micros
    """After a take-over: when no call of the dead owner can be under way any more."""
    alive: Callable[[Transaction, Micros], Sequence[str]]
    """The replicas whose heartbeat isn't late, this one among them."""
    missed: Callable[[Transaction, Sequence[Delivery], Micros], Sequence[Work]] = lambda _tx, _rows, _now: ()
    """Tells somebody quietly of episodes that ended before they could be shown; answers with what it has claimed."""

    def traits_of(self, destination: str) -> Traits:
        """How a destination's channel behaves."""
        return self.traits.get(destination.partition(":")[0], UNKNOWN_CHANNEL)


class Result(NamedTuple):
    """What came of a claim."""

    work: Work
    outcome: Outcome | None
    """None: no call was made, and it is handed back."""
    at: Micros
    """When the call began."""
    took: Micros
    breaker: Breaker
    """As it is after the outcome."""
    jitter: float
    """In [0, 1)."""


class Recorded(NamedTuple):
    """What came of recording."""

    work: tuple[Work, ...]
    """To be sent at once: claimed anew."""
    late: int
    """Results that came too late: their rows belong to somebody else, or to nobody, by now."""


class Claimed(NamedTuple):
    """What a tick has taken."""

    work: tuple[Work, ...]
    full: frozenset[str]
    """Destinations that took as much as they had room for: there may be more."""
    suspects: Mapping[DeliveryKey, View]
    """Rows of ours that the dispatcher doesn't know; filled by a sweep only."""


def record(
    tx: Transaction,
    results: Sequence[Result],
    statuses: Sequence[DestinationStatus],
    rules: Rules,
    now: Micros,
    *,
    repeated: bool,
) -> Recorded:
    """Write down what calls brought. `repeated`: it may have been written down already."""
    found = tx.deliveries(sorted({result.work.delivery.incident_id for result in results}))
    rows = {key_of(row): row for kept in found.values() for row in kept}
    saved: dict[DeliveryKey, Delivery] = {}
    attempts: list[Attempt] = []
    transitions: list[Transition] = []
    again: list[Delivery] = []
    missed: list[Delivery] = []
    late = 0
    for result in results:
        sent = result.work.delivery
        key = key_of(sent)
        row = rows.get(key)
        ours = row is not None and row.status is Status.CLAIMED and row.owner == rules.owner
        if row is None or not ours or row.claim != sent.claim:
            if not repeated:
                late += 1
                attempts += _ledger(result, late=True)
                if row is not None and _may_have_changed(result.outcome):
                    # The call may have landed after whatever was sent in its place, even after its assertion.
                    rows[key] = saved[key] = planning.assert_again(
                        row, now, rules.traits_of(key[1]), rules.assert_after
                    )
            elif row is not None and ours:
                # It was recorded, and claimed anew for the next step; nobody else in this process has heard of that.
                again.append(row)
            continue
        attempts += _ledger(result, late=False)
        settled = _settle(row, result, rules, now)
        rows[key] = saved[key] = settled.delivery
        transitions += settled.transitions
        if settled.again:
            again.append(settled.delivery)
        if settled.missed:
            missed.append(settled.delivery)
    if saved:
        tx.save_deliveries(list(saved.values()))
    if attempts:
        tx.add_attempts(attempts)
    if transitions:
        tx.add_transitions(transitions)
    for status in statuses:
        tx.save_destination(status)
    lines = rules.missed(tx, missed, now) if missed else ()
    return Recorded((*_with_snapshots(tx, again), *lines), late)


def _may_have_changed(outcome: Outcome | None) -> bool:
    """Whether the destination may show something else because of the call."""
    return isinstance(outcome, Delivered) or (isinstance(outcome, Retry) and outcome.maybe_shown)


def _settle(row: Delivery, result: Result, rules: Rules, now: Micros) -> planning.Settled:
    if result.outcome is None:
        return planning.release(row, now, rules.traits_of(row.destination))
    try:
        return planning.settle(
            row,
            _cleaned(result.outcome),
            now=now,
            traits=rules.traits_of(row.destination),
            breaker_open=result.breaker.is_open,
            jitter=result.jitter,
            repeat_interval=rules.repeat_interval(),
            owner=rules.owner,
        )
    except Exception as error:
        log.exception("a result could not be settled", incident=row.incident_id, destination=row.destination)
        return planning.Settled(_dead_of_a_bug(row, error), (), again=False, missed=False)


def _dead_of_a_bug(row: Delivery, error: Exception) -> Delivery:
    """A row that no rule covers is put where a person sees it, instead of failing each transaction that meets it."""
    detail = f"the router failed on it: {type(error).__name__}"
    return row._replace(owner="", claim=NOTHING, status=Status.DEAD, reason=Reason.BUG.value, detail=detail)


def _cleaned(outcome: Outcome) -> Outcome:
    """The provider's words as the store can keep them: cut, without what PostgreSQL or UTF-8 refuse."""
    match outcome:
        case Delivered():
            return Delivered(outcome.parts, _clean(outcome.provider_id), outcome.complete, _clean(outcome.detail))
        case Retry():
            return Retry(outcome.reason, outcome.after, outcome.maybe_shown, _clean(outcome.detail), outcome.parts)
        case Rejected():
            return Rejected(outcome.reason, outcome.scope, _clean(outcome.detail))


def _clean(text: str) -> str:
    return text[:DETAIL_CHARACTERS].replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _ledger(result: Result, *, late: bool) -> list[Attempt]:
    if result.outcome is None:
        return []
    outcome = _cleaned(result.outcome)
    row = result.work.delivery
    detail = f"too late: the delivery had been taken over. {outcome.detail}".rstrip() if late else outcome.detail
    return [
        Attempt(
            at=result.at,
            incident_id=row.incident_id,
            destination=row.destination,
            episode=row.claim.episode,
            action="note" if row.mode is Mode.NOTE else row.claim.state.value,
            outcome=type(outcome).__name__.lower(),
            reason="" if isinstance(outcome, Delivered) else outcome.reason.value,
            detail=detail,
            provider_id=outcome.provider_id if isinstance(outcome, Delivered) else "",
            took=result.took,
        )
    ]


def take(
    tx: Transaction,
    rules: Rules,
    now: Micros,
    rooms: Mapping[str, int],
    *,
    default_room: int,
    known: Container[DeliveryKey],
) -> Claimed:
    """Claim what is due and what a dead replica has left. `known` are rows that this process has claimed already."""
    rows = tx.take_due(now, rules.alive(tx, now), rooms, default_room, TICK_LIMIT)
    unknown = [row for row in rows if key_of(row) not in known]
    taken = [_claim(row, rules, now) for row in unknown]
    if taken:
        tx.save_deliveries(taken)
        _tell_of_taken_over(tx, unknown, now)
    counts = Counter(row.destination for row in rows)
    full = frozenset(name for name, count in counts.items() if count >= rooms.get(name, default_room))
    return Claimed(_with_snapshots(tx, [row for row in taken if row.status is Status.CLAIMED]), full, {})


def sweep(
    tx: Transaction,
    rules: Rules,
    now: Micros,
    rooms: Mapping[str, int],
    *,
    known: Container[DeliveryKey],
    suspects: Mapping[DeliveryKey, View],
) -> Claimed:
    """Look for rows that are ours in the store, but that this process doesn't know: a commit whose outcome was unknown.

    One is taken over like a dead replica's when the sweep before found it with the same claim; a claim that was
    committed just now is not known yet either. `rooms` has room for what is known
    as well.
    """
    others = [replica for replica in rules.alive(tx, now) if replica != rules.owner]
    rows = tx.take_due(now, others, rooms, TICK_LIMIT, TICK_LIMIT + sum(rooms.values()))
    lost = [
        row for row in rows if row.status is Status.CLAIMED and row.owner == rules.owner and key_of(row) not in known
    ]
    certain = [row for row in lost if suspects.get(key_of(row)) == row.claim]
    taken = [_claim(row, rules, now) for row in certain]
    if taken:
        tx.save_deliveries(taken)
        _tell_of_taken_over(tx, certain, now)
    work = _with_snapshots(tx, [row for row in taken if row.status is Status.CLAIMED])
    return Claimed(work, frozenset(), {key_of(row): row.claim for row in lost})


def _claim(row: Delivery, rules: Rules, now: Micros) -> Delivery:
    traits = rules.traits_of(row.destination)
    try:
        if row.status is Status.CLAIMED:
            row = planning.take_over(row, now, traits, rules.assert_after)
        return planning.claim(row, rules.owner, traits, now)
    except Exception as error:
        log.exception("a delivery could not be claimed", incident=row.incident_id, destination=row.destination)
        return _dead_of_a_bug(row, error)


def _tell_of_taken_over(tx: Transaction, rows: Sequence[Delivery], now: Micros) -> None:
    """The ledger has no attempt of a call whose owner died: that it may have been made is told by the history."""
    lines = [
        Transition(
            now,
            row.incident_id,
            "",
            row.claim.episode,
            "taken_over",
            f"{row.destination}: {row.claim.state.value} may have been told by {row.owner}, which has died",
        )
        for row in rows
        if row.status is Status.CLAIMED and row.claim != NOTHING
    ]
    if lines:
        tx.add_transitions(lines)


def requeue(tx: Transaction, destinations: Collection[str], rules: Rules, now: Micros) -> int:
    """Give the dead letters of recovered destinations another chance, unless the message itself was at fault.

    What waits for its back-off there is due at once: the reason for waiting is gone.
    """
    room = dict.fromkeys(destinations, REQUEUED_AT_MOST)
    soon = tx.take_due(now + LONGEST_WAIT, rules.alive(tx, now), room, 0, REQUEUED_AT_MOST)
    late = [row for row in soon if row.status is Status.WAITING and row.next_at > now]
    tx.save_deliveries([row._replace(next_at=now) for row in late])

    def chosen(row: Delivery) -> bool:
        return row.status is Status.DEAD and row.destination in destinations and row.reason in PASSING

    ids = sorted({row.incident_id for row in tx.dead_letters([Status.DEAD], REQUEUED_AT_MOST) if chosen(row)})
    locked = [row for rows in tx.deliveries(ids).values() for row in rows if chosen(row)] if ids else []
    saved = [planning.requeue(row, now, rules.traits_of(row.destination)) for row in locked]
    if saved:
        tx.save_deliveries(saved)
        tx.add_transitions(
            [
                Transition(now, row.incident_id, "", row.wanted.episode, "replayed", f"{row.destination} has recovered")
                for row in saved
            ]
        )
    return len(saved)


def _with_snapshots(tx: Transaction, rows: Sequence[Delivery]) -> tuple[Work, ...]:
    ids = sorted({row.incident_id for row in rows if row.mode is not Mode.NOTE})
    snapshots = tx.snapshots(ids) if ids else {}
    return tuple(Work(row, snapshots.get(row.incident_id)) for row in rows)
