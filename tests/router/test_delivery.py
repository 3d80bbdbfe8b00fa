from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
import structlog
import virtual_loop
from memory_store import Database, MemoryStore
from virtual_loop import START, now

from router import planning
from router.applier import Work
from router.delivery import Call, Dispatcher, Hooks
from router.model import (
    MINUTE,
    NOTHING,
    SECOND,
    Delivery,
    Destination,
    DestinationStatus,
    Incident,
    Micros,
    Mode,
    Replica,
    Shown,
    Status,
    View,
)
from router.notifier import Delivered, Job, Outcome, Reason, Rejected, Retry, Traits
from router.store import StoreError, StoreUnavailable, Transaction
from router.worker import claims
from router.worker.claims import Rules
from router.worker.lanes import Lanes

PAGER = Traits("severity", tells_the_past=False, repeats=True, folds=False, concurrency=2, per_minute=0)
CHAT = Traits("revision", tells_the_past=True, repeats=False, folds=True, concurrency=1, per_minute=0)
TRAITS = {"pagerduty": PAGER, "slack": CHAT}
PAGE = "pagerduty:KEY"
CHANNEL = "slack:TOKEN/#payments"
LEASE = 15 * SECOND
FIRING = View(1, Shown.FIRING, 0)
DOWN = Retry(Reason.UNREACHABLE, detail="connection refused")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


def incident(name: str, *, open_: bool = True) -> Incident:
    return Incident(
        name, "main", {"alertname": "A"}, 1, open_, "critical", "critical", (), 1, START, 0 if open_ else START + 1,
        1, "summary", (), False, False, False, "", START,
    )  # fmt: skip


def row(name: str, destination: str = PAGE, *, urgent: bool = True, at: Micros = START, **changes: Any) -> Delivery:
    waiting = planning.note(name, Destination.parse(destination), "team", "", at, urgent=urgent, via="route")
    return waiting._replace(mode=Mode.NOW, **changes)


Script = Callable[[Job], Outcome | Awaitable[Outcome]]


class FakeNotifier:
    """Answers by script; what it was asked is kept, with when."""

    def __init__(self, script: Script = lambda _job: Delivered()) -> None:
        self.script = script
        self.jobs: list[Job] = []
        self.times: list[Micros] = []
        self.under_way = 0
        self.most = 0

    async def send(self, job: Job) -> Outcome:
        self.jobs.append(job)
        self.times.append(now())
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            answer = self.script(job)
            return await answer if isinstance(answer, Awaitable) else answer
        finally:
            self.under_way -= 1

    async def close(self) -> None:
        pass

    @property
    def told(self) -> list[tuple[str, View]]:
        return [(job.delivery.incident_id, job.step) for job in self.jobs]


class InlineWriter:
    """Does a job at once, in the loop's thread."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    async def submit(self, job: Callable[[Transaction], Any]) -> Any:
        await asyncio.sleep(0)
        with self.store.begin() as tx:
            value = job(tx)
        await asyncio.sleep(0)
        return value


class Process:
    """One replica, with its dispatcher."""

    def __init__(self, database: Database, owner: str = "me", **options: Any) -> None:
        self.owner = owner
        self.database = database
        self.store = MemoryStore(database)
        self.pager = options.pop("pager", None) or FakeNotifier()
        self.chat = options.pop("chat", None) or FakeNotifier()
        self.fenced = False
        self.calls: list[Call] = []
        self.healths: list[tuple[str, str]] = []
        self.lanes = Lanes(TRAITS, window=options.pop("window", 32))
        self.dispatcher = Dispatcher(
            writer=InlineWriter(self.store),
            notifiers={"pagerduty": self.pager, "slack": self.chat},
            lanes=self.lanes,
            rules=Rules(
                owner=owner,
                traits=TRAITS,
                repeat_interval=lambda: 4 * 60 * MINUTE,
                assert_after=30 * SECOND,
                alive=self._alive,
                missed=options.pop("missed", lambda _tx, _rows, _now: ()),
            ),
            now=now,
            chance=lambda: 0.0,
            fence=lambda: not self.fenced,
            timeout=options.pop("timeout", 5.0),
            hooks=Hooks(called=self.calls.append, destination=self._changed),
            **options,
        )
        self._tasks: list[asyncio.Task[None]] = []

    def _alive(self, tx: Transaction, at: Micros) -> Sequence[str]:
        alive = [replica.id for replica in tx.replicas() if replica.heartbeat_at > at - LEASE]
        return [*alive, self.owner]

    def _changed(self, status: DestinationStatus, before: str) -> None:
        self.healths.append((before, status.state))

    def beat(self) -> None:
        self.database.seed(Replica(self.owner, START, now(), "1"))

    async def _beats(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(1)

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self.dispatcher.run()), loop.create_task(self._beats())]

    def kill(self) -> None:
        """As if by SIGKILL: nothing that it does from now on is heard of."""
        for task in [*self._tasks, *self.dispatcher._tasks]:
            task.cancel()
        self.store.down = True
        self.fenced = True

    async def stop(self) -> bool:
        clean = await self.dispatcher.drain(10)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return clean


def play(scenario: Callable[[Process], Awaitable[None]], *rows: Delivery, **options: Any) -> Process:
    """Run a scenario with one replica that ticks, and stop it."""
    database = Database()
    database.seed(*[incident(entry.incident_id) for entry in rows], *rows)

    async def run() -> Process:
        process = Process(database, **options)
        process.start()
        await scenario(process)
        await process.stop()
        return process

    return virtual_loop.run(run())


async def seconds(number: float) -> None:
    await asyncio.sleep(number)


def test_a_due_delivery_is_sent_and_settled():
    async def scenario(process: Process):
        await seconds(1)
        assert process.pager.told == [("a", FIRING)]
        job = process.pager.jobs[0]
        assert job.destination == Destination("pagerduty", "KEY", "")
        assert job.snapshot is not None
        assert job.snapshot.incident.id == "a"
        assert not job.uncertain
        saved = process.database.delivery("a", PAGE)
        assert (saved.status, saved.shown, saved.owner, saved.claim) == (Status.SETTLED, FIRING, "", NOTHING)
        [attempt] = process.database.attempts.values()
        assert (attempt.action, attempt.outcome, attempt.reason) == ("firing", "delivered", "")
        assert process.dispatcher.pending() == 0
        assert process.lanes.lane(PAGE).held == 0

    play(scenario, row("a"))


def test_what_is_offered_is_sent_without_waiting_for_a_tick():
    async def scenario(process: Process):
        await seconds(1.1)
        claimed = planning.claim(row("a"), "me", PAGER, now())
        process.database.seed(claimed)
        process.dispatcher.offer([Work(claimed, None)])
        await seconds(0.01)
        assert len(process.pager.jobs) == 1
        assert process.database.delivery("a", PAGE).status == Status.SETTLED

    play(scenario)


def test_a_note_has_no_snapshot():
    note = planning.note(
        "n", Destination.parse(CHANNEL), "team", '{"kind": "digest"}', START, urgent=False, via="digest"
    )

    async def scenario(process: Process):
        await seconds(1)
        assert process.chat.jobs[0].snapshot is None
        [attempt] = process.database.attempts.values()
        assert attempt.action == "note"

    play(scenario, note)


def test_steps_that_follow_from_each_other_are_sent_at_once_with_fresh_claims():
    # It shows an earlier episode that fires: that is closed before the new one is opened.
    shown = row("a", wanted=View(2, Shown.FIRING, 0), shown=FIRING)

    async def scenario(process: Process):
        await seconds(0.3)
        assert [step for _, step in process.pager.told] == [View(1, Shown.RESOLVED, 0), View(2, Shown.FIRING, 0)]

    play(scenario, shown)


def test_what_is_wanted_may_change_while_the_call_is_under_way():
    async def slow(_job: Job) -> Outcome:
        await seconds(2)
        return Delivered()

    async def scenario(process: Process):
        await seconds(1)
        process.database.seed(process.database.delivery("a", PAGE)._replace(wanted=View(1, Shown.RESOLVED, 0)))
        await seconds(5)
        assert [step.state for _, step in process.pager.told] == [Shown.FIRING, Shown.RESOLVED]
        assert process.database.delivery("a", PAGE).shown == View(1, Shown.RESOLVED, 0)

    play(scenario, row("a"), pager=FakeNotifier(slow))


def test_failures_back_off_and_end_as_a_dead_letter_after_five_attempts():
    async def scenario(process: Process):
        await seconds(200)
        waits = [(later - sooner) / SECOND for sooner, later in pairwise(process.pager.times)]
        assert [round(wait) for wait in waits] == [1, 5, 25, 60]
        assert process.database.delivery("a", PAGE).status == Status.DEAD
        assert [line.kind for line in process.database.transitions.values()] == ["dead"]

    # A lost answer on one row never opens the breaker.
    play(scenario, row("a"), pager=FakeNotifier(lambda _job: Retry(Reason.TIMEOUT, maybe_shown=True)))


def test_after_a_lost_answer_the_next_call_is_told_to_look_first():
    answers = [Retry(Reason.TIMEOUT, maybe_shown=True), Delivered()]

    async def scenario(process: Process):
        await seconds(5)
        assert [job.uncertain for job in process.pager.jobs] == [False, True]

    play(scenario, row("a"), pager=FakeNotifier(lambda _job: answers.pop(0)))


async def forever(_job: Job) -> Outcome:
    await asyncio.Event().wait()
    return Delivered()


async def stubborn(_job: Job) -> Outcome:
    try:
        await seconds(1000)
    except asyncio.CancelledError:
        await seconds(1000)
    return Delivered()


@pytest.mark.parametrize("script", [forever, stubborn])
def test_a_notifier_that_overruns_is_left_behind(script: Script):
    async def scenario(process: Process):
        await seconds(6)
        assert len(process.calls) == 1
        outcome = process.calls[0].outcome
        assert isinstance(outcome, Retry)
        assert (outcome.reason, outcome.maybe_shown) == (Reason.TIMEOUT, True)
        assert process.database.delivery("a", PAGE).shown.state == Shown.UNKNOWN
        process.pager.script = lambda _job: Delivered()
        await seconds(5)
        assert process.database.delivery("a", PAGE).shown == FIRING

    play(scenario, row("a"), pager=FakeNotifier(script))


def test_a_notifier_that_raises_has_a_bug_and_may_have_shown_it():
    def broken(_job: Job) -> Outcome:
        raise KeyError("boom")

    async def scenario(process: Process):
        await seconds(0.5)
        saved = process.database.delivery("a", PAGE)
        assert (saved.reason, saved.detail, saved.shown.state) == (Reason.BUG, "KeyError", Shown.UNKNOWN)

    play(scenario, row("a"), pager=FakeNotifier(broken))


def test_a_destination_whose_channel_is_gone_is_parked_and_told():
    async def scenario(process: Process):
        await seconds(12)
        assert process.healths == [("ok", "parked")]
        [status] = process.database.destinations.values()
        assert (status.destination, status.state, status.reason) == ("pigeon:x", "parked", "misconfigured")
        assert process.database.delivery("a", "pigeon:x").status == Status.WAITING

    play(scenario, row("a", "pigeon:x"))


# Two replicas, take-overs


def test_two_dispatchers_on_one_store_never_send_one_row_twice():
    database = Database()
    rows = [row(f"i{n}") for n in range(200)]
    database.seed(*[incident(entry.incident_id) for entry in rows], *rows)

    async def slow(_job: Job) -> Outcome:
        await seconds(0.05)
        return Delivered()

    async def run():
        both = [Process(database, owner, pager=FakeNotifier(slow)) for owner in ("one", "two")]
        for process in both:
            process.beat()
            process.start()
        await seconds(20)
        told = [name for process in both for name, _ in process.pager.told]
        assert sorted(told) == sorted(f"i{n}" for n in range(200))
        assert all(process.pager.told for process in both)
        for process in both:
            assert await process.stop()

    virtual_loop.run(run())


def test_a_crash_between_call_and_record_is_taken_over_as_unknown_and_asserted_once_more():
    database = Database()
    database.seed(incident("a"), row("a"))

    async def run():
        first = Process(database, "one", pager=FakeNotifier())
        first.beat()
        first.start()
        first.store.fail("save_deliveries", after=1, times=1000)
        await seconds(1)
        first.kill()
        assert len(first.pager.jobs) == 1
        assert database.delivery("a", PAGE).owner == "one"

        second = Process(database, "two")
        second.start()
        await seconds(10)
        assert second.pager.jobs == []
        await seconds(10)
        assert [(job.step, job.uncertain) for job in second.pager.jobs] == [(FIRING, True)]
        # When no call of the dead can be under way any more, the state is asserted once more, and that is all.
        await seconds(120)
        assert [step for _, step in second.pager.told] == [FIRING, FIRING]
        assert second.pager.times[1] - second.pager.times[0] >= 29 * SECOND
        await second.stop()
        await first.dispatcher.drain(0)

    virtual_loop.run(run())


def test_a_result_counts_only_while_the_row_is_ours():
    async def slow(_job: Job) -> Outcome:
        await seconds(2)
        return Retry(Reason.UNAVAILABLE)

    async def scenario(process: Process):
        await seconds(1)
        mine = process.database.delivery("a", PAGE)
        assert mine.owner == "me"
        theirs = mine._replace(owner="other", attempts=3)
        process.database.seed(Replica("other", START, now() + LEASE, "1"), theirs)
        await seconds(5)
        assert process.database.delivery("a", PAGE) == theirs
        [attempt] = process.database.attempts.values()
        assert attempt.outcome == "retry"
        assert attempt.detail.startswith("too late")
        assert process.dispatcher.pending() == 0

    play(scenario, row("a"), pager=FakeNotifier(slow))


def test_a_fenced_replica_neither_claims_nor_sends():
    async def scenario(process: Process):
        process.fenced = True
        await seconds(2)
        assert process.store.calls["take_due"] == 0
        assert process.database.delivery("a", PAGE).status == Status.WAITING
        claimed = planning.claim(row("b"), "me", PAGER, now())
        process.database.seed(incident("b"), claimed)
        process.dispatcher.offer([Work(claimed, None)])
        await seconds(2)
        assert process.pager.jobs == []
        assert process.database.delivery("b", PAGE).status == Status.WAITING
        process.fenced = False
        await seconds(2)
        assert {name for name, _ in process.pager.told} == {"a", "b"}

    play(scenario, row("a"))


def test_a_row_that_others_gave_back_is_not_sent_while_our_own_call_is_under_way():
    async def slow(_job: Job) -> Outcome:
        await seconds(3)
        return Delivered()

    async def scenario(process: Process):
        await seconds(1)
        mine = process.database.delivery("a", PAGE)
        process.database.seed(mine._replace(status=Status.WAITING, owner="", claim=NOTHING))
        await seconds(2)
        assert len(process.pager.jobs) == 1
        await seconds(5)
        assert len(process.pager.jobs) == 2
        assert process.pager.most == 1
        assert process.database.delivery("a", PAGE).status == Status.SETTLED

    play(scenario, row("a"), pager=FakeNotifier(slow))


def test_claims_that_waited_too_long_for_their_call_are_given_back_first():
    async def slow(_job: Job) -> Outcome:
        await seconds(4)
        return Delivered()

    async def scenario(process: Process):
        await seconds(3)
        process.database.seed(process.database.delivery("d", CHANNEL)._replace(wanted=View(1, Shown.RESOLVED, 0)))
        await seconds(30)
        # Its claim was to tell of the firing; what was sent is what was true when its turn came.
        assert [step.state for name, step in process.chat.told if name == "d"] == [Shown.RESOLVED]

    rows = [row(name, CHANNEL, next_at=START - 10 + number) for number, name in enumerate("abcd")]
    play(scenario, *rows, chat=FakeNotifier(slow))


# Trouble with the store


def test_results_are_kept_while_the_store_is_down_and_no_more_calls_are_made():
    async def scenario(process: Process):
        await seconds(0.3)
        claimed = [planning.claim(row(name, CHANNEL), "me", CHAT, now()) for name in "abc"]
        process.database.seed(*[incident(name) for name in "abc"], *claimed)
        process.store.down = True
        process.dispatcher.offer([Work(entry, None) for entry in claimed])
        await seconds(4)
        made = len(process.chat.jobs)
        assert made <= 2
        assert process.dispatcher.pending() == 3
        assert process.database.attempts == {}
        process.store.down = False
        await seconds(5)
        assert sorted(name for name, _ in process.chat.told) == ["a", "b", "c"]
        assert {entry.status for entry in process.database.deliveries()} == {Status.SETTLED}
        assert process.dispatcher.pending() == 0
        assert process.lanes.lane(CHANNEL).held == 0

    play(scenario)


def test_every_destination_goes_on_when_the_store_is_back():
    async def scenario(process: Process):
        await seconds(0.3)
        claimed = [
            planning.claim(row("a", PAGE), "me", PAGER, now()),
            planning.claim(row("b", CHANNEL), "me", CHAT, now()),
        ]
        process.database.seed(incident("a"), incident("b"), *claimed)
        process.store.down = True
        process.dispatcher.offer([Work(claimed[0], None)])
        await seconds(1)
        process.dispatcher.offer([Work(claimed[1], None)])
        await seconds(1)
        assert process.chat.jobs == []
        process.store.down = False
        await seconds(3)
        assert process.chat.told == [("b", FIRING)]
        assert process.dispatcher.pending() == 0

    play(scenario)


@pytest.mark.parametrize("point", ["commit-kept", "commit-lost"])
def test_a_record_of_unknown_outcome_is_repeated_without_a_second_call(point: str):
    async def scenario(process: Process):
        process.store.fail(point, after=1)
        await seconds(3)
        assert len(process.pager.jobs) == 1
        assert process.database.delivery("a", PAGE).status == Status.SETTLED
        assert len(process.database.attempts) == 1

    play(scenario, row("a"))


def test_the_next_step_is_sent_although_the_commit_that_claimed_it_was_of_unknown_outcome():
    shown = row("a", wanted=View(2, Shown.FIRING, 0), shown=FIRING)

    async def scenario(process: Process):
        process.store.fail("commit-kept", after=1)
        await seconds(2)
        assert [step for _, step in process.pager.told] == [View(1, Shown.RESOLVED, 0), View(2, Shown.FIRING, 0)]
        assert len(process.database.attempts) == 2

    play(scenario, shown)


def test_a_claim_of_unknown_outcome_is_found_by_the_sweep():
    async def scenario(process: Process):
        process.store.fail("commit-kept")
        await seconds(1)
        assert process.database.delivery("a", PAGE).owner == "me"
        assert process.pager.jobs == []
        await seconds(14)
        assert [(step, process.pager.jobs[0].uncertain) for _, step in process.pager.told] == [(FIRING, True)]

    play(scenario, row("a"))


def test_a_claim_that_was_committed_just_now_is_only_suspected_by_a_sweep():
    store = MemoryStore()
    claimed = planning.claim(row("a"), "me", PAGER, START)
    store.database.seed(incident("a"), claimed)
    rules = Rules("me", TRAITS, lambda: MINUTE, 30 * SECOND, lambda _tx, _at: ["me"])
    key = ("a", PAGE)

    def sweep(**options: Any) -> claims.Claimed:
        with store.begin() as tx:
            return claims.sweep(tx, rules, START + SECOND, {}, **options)

    first = sweep(known={}, suspects={})
    assert (first.work, first.suspects) == ((), {key: FIRING})
    assert sweep(known={key}, suspects=first.suspects).suspects == {}
    assert sweep(known={}, suspects={key: View(2, Shown.FIRING, 0)}).work == ()
    [work] = sweep(known={}, suspects=first.suspects).work
    assert (work.delivery.shown.state, work.delivery.owner) == (Shown.UNKNOWN, "me")


def test_the_sweep_leaves_alone_what_is_under_way():
    async def scenario(process: Process):
        await seconds(60)
        assert len(process.pager.jobs) == 1

    async def slow(_job: Job) -> Outcome:
        await seconds(50)
        return Delivered()

    play(scenario, row("a"), pager=FakeNotifier(slow), timeout=55.0)


def test_a_result_that_the_store_refuses_harms_no_other():
    def deliver(job: Job) -> Outcome:
        return Delivered({"poison": True} if job.delivery.incident_id == "poison" else {})

    def refuse_poison(tx: Transaction) -> None:
        found = tx.deliveries(["poison"])["poison"]
        if any(entry.parts for entry in found):
            raise StoreError("not storable")

    async def scenario(process: Process):
        process.store.at_commit = refuse_poison
        await seconds(3)
        assert process.database.delivery("a", PAGE).status == Status.SETTLED
        assert process.database.delivery("b", PAGE).status == Status.SETTLED
        # It is not sent again and again; a restart takes it up.
        assert [name for name, _ in process.pager.told].count("poison") == 1
        await seconds(60)
        assert [name for name, _ in process.pager.told].count("poison") == 1

    play(scenario, row("a"), row("poison"), row("b"), pager=FakeNotifier(deliver))


def test_a_row_that_no_rule_covers_becomes_a_dead_letter(monkeypatch):
    settle = planning.settle

    def failing(entry: Delivery, *arguments: Any, **options: Any) -> planning.Settled:
        if entry.incident_id == "odd":
            raise ZeroDivisionError
        return settle(entry, *arguments, **options)

    async def scenario(process: Process):
        monkeypatch.setattr(planning, "settle", failing)
        await seconds(2)
        odd = process.database.delivery("odd", PAGE)
        assert (odd.status, odd.reason, odd.owner) == (Status.DEAD, Reason.BUG, "")
        assert process.database.delivery("a", PAGE).status == Status.SETTLED

    play(scenario, row("a"), row("odd"))


def test_a_providers_words_are_cut_and_made_storable():
    async def scenario(process: Process):
        await seconds(0.5)
        [attempt] = process.database.attempts.values()
        assert attempt.detail == "?" + "x" * 498
        assert process.database.delivery("a", PAGE).detail == attempt.detail

    play(scenario, row("a"), pager=FakeNotifier(lambda _job: Retry(Reason.UNAVAILABLE, detail="\0\ud800" + "x" * 900)))


# Fairness, bounds, health


def test_a_slow_destination_starves_no_other():
    async def hang(_job: Job) -> Outcome:
        await seconds(4.9)
        return Delivered()

    rows = [row(f"slow{n}", PAGE, at=START - 100) for n in range(50)]
    rows += [row(f"quick{n}", CHANNEL, urgent=False) for n in range(50)]

    async def scenario(process: Process):
        await seconds(2)
        assert len(process.chat.jobs) == 50
        assert process.pager.most == PAGER.concurrency

    play(scenario, *rows, pager=FakeNotifier(hang), in_flight=3)


def test_calls_under_way_are_bounded_over_all_destinations():
    under_way: dict[str, int] = defaultdict(int)
    most = 0

    async def slow(job: Job) -> Outcome:
        nonlocal most
        under_way[job.delivery.destination] += 1
        most = max(most, sum(under_way.values()))
        await seconds(0.1)
        under_way[job.delivery.destination] -= 1
        return Delivered()

    rows = [row(f"i{n}", f"pagerduty:KEY{n % 20}") for n in range(100)]

    async def scenario(process: Process):
        await seconds(10)
        assert len(process.pager.jobs) == 100
        assert most == 5

    play(scenario, *rows, pager=FakeNotifier(slow), in_flight=5)


def test_a_large_backlog_is_not_paced_by_the_ticks():
    async def quick(_job: Job) -> Outcome:
        await seconds(0.001)
        return Delivered()

    async def scenario(process: Process):
        await seconds(2)
        assert len(process.pager.jobs) == 1000

    play(scenario, *[row(f"i{n}") for n in range(1000)], pager=FakeNotifier(quick))


def outage(seconds_long: int) -> Script:
    return lambda _job: DOWN if now() < START + seconds_long * SECOND else Delivered()


def test_an_outage_of_a_minute_costs_at_most_thirteen_calls_and_no_dead_letter():
    async def scenario(process: Process):
        await seconds(59.9)
        assert len(process.pager.jobs) <= 13
        assert not any(entry.status == Status.DEAD for entry in process.database.deliveries())
        await seconds(8)
        assert process.database.delivery("a", PAGE).shown == FIRING

    play(scenario, row("a"), pager=FakeNotifier(outage(60)))


def test_an_outage_with_a_backlog_is_probed_every_five_seconds_and_drained_within_two():
    rows = [row(f"i{n}") for n in range(300)]

    async def scenario(process: Process):
        await seconds(60)
        # Three that open the breaker, of which two may be under way together, and a probe each five seconds.
        assert len(process.pager.jobs) <= 3 + 1 + 11
        probes = process.pager.times[4:]
        assert all(later - sooner >= 5 * SECOND for sooner, later in pairwise(probes))
        assert len({name for name, _ in process.pager.told[4:]}) > 4
        assert not any(entry.attempts >= 2 for entry in process.database.deliveries())
        process.pager.script = lambda _job: Delivered()
        before = len(process.pager.jobs)
        while len(process.pager.jobs) == before:
            await seconds(0.1)
        recovered_at = process.pager.times[before]
        await seconds(10)
        assert {entry.status for entry in process.database.deliveries()} == {Status.SETTLED}
        assert process.pager.times[-1] - recovered_at <= 2 * SECOND
        assert process.healths == [("ok", "open"), ("open", "ok")]
        assert process.database.destinations[PAGE].state == "ok"

    play(scenario, *rows, pager=FakeNotifier(lambda _job: DOWN))


def test_dead_letters_of_a_recovered_destination_are_tried_again_unless_the_message_was_at_fault():
    down = row("dead", status=Status.DEAD, reason="unreachable", attempts=5)
    poison = row("poison", status=Status.DEAD, reason="bad_message", attempts=1)
    elsewhere = row("dead", CHANNEL, status=Status.DEAD, reason="unreachable")

    async def scenario(process: Process):
        await seconds(25)
        assert process.database.delivery("dead", PAGE).shown == FIRING
        assert process.database.delivery("poison", PAGE).status == Status.DEAD
        assert process.database.delivery("dead", CHANNEL).status == Status.DEAD
        assert [line.kind for line in process.database.transitions.values()] == ["replayed"]

    play(scenario, row("a"), row("b"), row("c"), down, poison, elsewhere, pager=FakeNotifier(outage(10)))


def test_what_backs_off_for_long_goes_at_once_when_its_destination_has_recovered():
    late = row("late", status=Status.WAITING, reason="timeout", attempts=4)._replace(next_at=START + 60 * SECOND)

    async def scenario(process: Process):
        await seconds(18)
        assert process.database.delivery("late", PAGE).shown == FIRING

    play(scenario, row("a"), row("b"), row("c"), late, pager=FakeNotifier(outage(10)))


def test_a_refused_destination_is_parked_probed_and_spends_no_attempts():
    def refuse(_job: Job) -> Outcome:
        return (
            Rejected(Reason.BAD_CREDENTIALS, "destination", "invalid_auth") if now() < START + MINUTE else Delivered()
        )

    async def scenario(process: Process):
        await seconds(59)
        assert len(process.chat.jobs) <= 5
        saved = process.database.delivery("a", CHANNEL)
        assert (saved.status, saved.attempts, saved.reason) == (Status.WAITING, 0, "bad_credentials")
        await seconds(62)
        assert process.database.delivery("a", CHANNEL).status == Status.SETTLED

    play(scenario, row("a", CHANNEL), chat=FakeNotifier(refuse))


def test_a_rate_limit_is_waited_out_without_spending_attempts():
    def limit(_job: Job) -> Outcome:
        return Retry(Reason.RATE_LIMITED, after=20.0) if now() < START + 10 * SECOND else Delivered()

    async def scenario(process: Process):
        await seconds(19)
        assert len(process.chat.jobs) == 1
        await seconds(5)
        assert {entry.status for entry in process.database.deliveries()} == {Status.SETTLED}
        assert {entry.attempts for entry in process.database.deliveries()} == {0}

    play(scenario, *[row(name, CHANNEL) for name in "abcde"], chat=FakeNotifier(limit))


def test_rate_limits_without_a_wish_do_not_become_a_storm():
    async def scenario(process: Process):
        await seconds(300)
        assert len(process.chat.jobs) <= 10
        assert {entry.status for entry in process.database.deliveries()} == {Status.WAITING}

    rows = [row(f"i{n}", CHANNEL) for n in range(50)]
    play(scenario, *rows, chat=FakeNotifier(lambda _job: Retry(Reason.RATE_LIMITED)))


def test_one_poison_message_blocks_nobody():
    def script(job: Job) -> Outcome:
        return Rejected(Reason.BAD_MESSAGE, "message", "400") if job.delivery.incident_id == "poison" else Delivered()

    async def scenario(process: Process):
        await seconds(5)
        assert process.database.delivery("poison", PAGE).status == Status.DEAD
        # Once as it is, once as plain text.
        assert [job.delivery.plain for job in process.pager.jobs if job.delivery.incident_id == "poison"] == [
            False,
            True,
        ]
        assert all(process.database.delivery(f"i{n}", PAGE).status == Status.SETTLED for n in range(20))

    play(scenario, row("poison"), *[row(f"i{n}") for n in range(20)], pager=FakeNotifier(script))


def test_what_ended_untold_is_handed_to_whoever_tells_of_it():
    missed: list[str] = []

    def told(_tx: Transaction, rows: Sequence[Delivery], _now: Micros) -> Sequence[Work]:
        missed.extend(entry.incident_id for entry in rows)
        return ()

    async def slow(_job: Job) -> Outcome:
        await seconds(2)
        return DOWN

    async def scenario(process: Process):
        await seconds(1)
        process.database.seed(process.database.delivery("a", PAGE)._replace(wanted=View(1, Shown.RESOLVED, 0)))
        await seconds(3)
        assert process.database.delivery("a", PAGE).status == Status.SETTLED
        assert missed == ["a"]

    play(scenario, row("a"), pager=FakeNotifier(slow), missed=told)


# SIGTERM


def test_drain_finishes_calls_and_gives_back_the_rest():
    async def slow(_job: Job) -> Outcome:
        await seconds(3)
        return Delivered()

    async def scenario(process: Process):
        await seconds(1)
        assert process.pager.under_way == 2
        assert await process.dispatcher.drain(10)
        assert len(process.pager.jobs) == 2
        by_status = defaultdict(int)
        for entry in process.database.deliveries():
            by_status[entry.status] += 1
            assert entry.owner == ""
        assert by_status == {Status.SETTLED: 2, Status.WAITING: 8}
        assert process.dispatcher.room(PAGE) == 0
        await seconds(30)
        assert len(process.pager.jobs) == 2

    play(scenario, *[row(f"i{n}") for n in range(10)], pager=FakeNotifier(slow))


def test_drain_ends_in_time_and_what_was_under_way_counts_as_possibly_shown():
    async def scenario(process: Process):
        await seconds(1)
        started = now()
        assert await process.dispatcher.drain(2)
        assert now() - started <= 4 * SECOND
        saved = process.database.delivery("a", PAGE)
        assert (saved.status, saved.shown.state, saved.owner) == (Status.WAITING, Shown.UNKNOWN, "")

    play(scenario, row("a"), pager=FakeNotifier(forever), timeout=60.0)


def test_drain_says_when_the_store_took_nothing_back():
    async def slow(_job: Job) -> Outcome:
        await seconds(1)
        return Delivered()

    async def scenario(process: Process):
        await seconds(0.5)
        process.store.down = True
        started = now()
        assert not await process.dispatcher.drain(2)
        assert now() - started <= 4 * SECOND

    play(scenario, row("a"), pager=FakeNotifier(slow))


def test_what_is_offered_while_draining_is_given_back():
    async def scenario(process: Process):
        claimed = planning.claim(row("late"), "me", PAGER, now())
        process.database.seed(incident("late"), claimed)
        drained = asyncio.ensure_future(process.dispatcher.drain(5))
        await asyncio.sleep(0)
        process.dispatcher.offer([Work(claimed, None)])
        await drained
        await seconds(1)
        assert process.pager.jobs == []
        assert process.database.delivery("late", PAGE).status == Status.WAITING

    play(scenario)


def test_ticks_go_on_after_any_failure():
    async def scenario(process: Process):
        process.store.fail("take_due", error=ValueError("bug"))
        process.store.fail("take_due", error=StoreUnavailable("down"))
        await seconds(2)
        assert len(process.pager.jobs) == 1

    play(scenario, row("a"))
