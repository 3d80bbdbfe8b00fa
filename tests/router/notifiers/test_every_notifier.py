"""What every channel has to stand. Channels take part by their adapters, see tests/support/notifier_suite.py."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading

import pytest
from http_stub import Fault, Kind
from notifier_jobs import NOTE
from notifier_suite import OK, SHORT, SLOW, UNREACHED, Adapter, Expected, adapters, agrees, job, running

from router.model import Shown, View
from router.notifier import Delivered, Outcome, Reason, Rejected, Retry
from router.notifiers import channels

ADAPTERS = adapters()
CASES = [
    pytest.param(adapter, fault, expected, id=f"{name}-{fault.id}")
    for name, adapter in ADAPTERS.items()
    for fault, expected in adapter.table.items()
]
every = pytest.mark.parametrize("make", ADAPTERS.values(), ids=ADAPTERS)


def test_every_channel_takes_part():
    assert set(ADAPTERS) == set(channels())


def test_every_table_is_about_all_that_can_happen():
    for adapter in ADAPTERS.values():
        assert {OK, *UNREACHED} <= {fault if fault == OK else fault.kind for fault in adapter.table}
        assert SLOW & {fault.kind for fault in adapter.table}


@pytest.mark.parametrize(("make", "fault", "expected"), CASES)
def test_a_fault_has_its_outcome_and_one_call_is_one_attempt(
    make: type[Adapter], fault: Fault, expected: Expected, caplog
):
    caplog.set_level(logging.DEBUG)
    adapter = make()

    async def scenario() -> Outcome:
        async with running(adapter, fault) as notifier:
            limit = SHORT if fault.kind in SLOW else 5.0
            started = asyncio.get_running_loop().time()
            outcome = await notifier.send(job(adapter, timeout=limit))
            assert asyncio.get_running_loop().time() - started < limit + 0.5
            assert adapter.attempts() == (0 if fault.kind in UNREACHED else 1)
            assert_no_secret(adapter, repr(outcome), repr(notifier), caplog.text)
            return outcome

    outcome = asyncio.run(scenario())
    assert agrees(outcome, expected), outcome
    if not isinstance(outcome, Delivered):
        assert outcome.detail
    assert len(outcome.detail) <= 400
    assert_no_secret(adapter, repr(outcome), caplog.text)


def assert_no_secret(adapter: Adapter, *texts: str) -> None:
    for text in texts:
        for name, value in {**adapter.secrets, **adapter.present}.items():
            for piece in {value, value[: len(value) // 2 + 1], value[len(value) // 2 :]}:
                if "://" not in piece:
                    assert piece not in text, f"{name} stands in {text[:2000]}"


@every
def test_a_resolve_and_a_note_are_delivered(make: type[Adapter]):
    adapter = make()

    async def scenario() -> None:
        async with running(adapter) as notifier:
            fired = await notifier.send(job(adapter))
            assert isinstance(fired, Delivered)
            resolved = await notifier.send(job(adapter, resolved=True, parts=fired.parts))
            assert isinstance(resolved, Delivered)
            assert isinstance(await notifier.send(job(adapter, note=NOTE)), Delivered)

    asyncio.run(scenario())


@every
def test_an_earlier_episode_can_be_ended_while_a_later_one_fires(make: type[Adapter]):
    adapter = make()

    async def scenario() -> Outcome:
        async with running(adapter) as notifier:
            return await notifier.send(job(adapter, step=View(1, Shown.RESOLVED, 0)))

    assert isinstance(asyncio.run(scenario()), Delivered)


@every
@pytest.mark.parametrize("kind", ["incident", "resolved", "plain", "note"])
def test_hostile_labels_are_inert_and_limits_are_kept(make: type[Adapter], kind: str):
    adapter = make()
    hostile_note = NOTE._replace(title=f"{NOTE.title}\r\nX-Injected: 1 <!channel>", text="<b>{{ 7 * 191 }}\x00</b>")

    async def scenario() -> None:
        async with running(adapter) as notifier:
            given = {"hostile": True, "resolved": kind == "resolved", "plain": kind == "plain"}
            made = job(adapter, note=hostile_note) if kind == "note" else job(adapter, **given)
            outcome = await notifier.send(made)
            assert isinstance(outcome, Delivered), outcome
            adapter.check_message(hostile=kind in {"incident", "resolved"})

    asyncio.run(scenario())


@every
def test_an_ordinary_message_keeps_the_limits(make: type[Adapter]):
    adapter = make()

    async def scenario() -> None:
        async with running(adapter) as notifier:
            await notifier.send(job(adapter))
            adapter.check_message(hostile=False)

    asyncio.run(scenario())


@every
def test_a_payload_that_is_no_note_is_this_messages_fault(make: type[Adapter]):
    adapter = make()

    async def scenario() -> Outcome:
        async with running(adapter) as notifier:
            outcome = await notifier.send(job(adapter, note='{"kind": 7'))
            assert adapter.attempts() == 0
            return outcome

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.scope) == (Reason.BAD_MESSAGE, "message")


@pytest.mark.parametrize("value", [None, "", "  \n"], ids=["none", "empty", "blank"])
@pytest.mark.parametrize(
    "make", [pytest.param(make, id=name) for name, make in ADAPTERS.items() if make.destination.secret]
)
def test_a_missing_secret_parks_the_destination_and_sends_nothing(make: type[Adapter], value: str | None):
    adapter = make()
    name = adapter.destination.secret

    async def scenario() -> Outcome:
        async with running(adapter) as notifier:
            del adapter.present[name]
            if value is not None:
                adapter.present[name] = value
            outcome = await notifier.send(job(adapter))
            assert adapter.attempts() == 0
            return outcome

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.scope) == (Reason.MISCONFIGURED, "destination")
    assert name in outcome.detail


async def reached(adapter: Adapter, attempts: int) -> None:
    async with asyncio.timeout(5):
        while adapter.attempts() < attempts:  # noqa: ASYNC110  (a stub has no event to wait for)
            await asyncio.sleep(0.005)


@every
@pytest.mark.parametrize("kind", [Kind.HANG, Kind.DRIP_HEADERS])
def test_a_cancelled_call_leaves_nothing_behind(make: type[Adapter], kind: Kind):
    adapter = make()
    if not any(fault.kind is kind for fault in adapter.table):
        kind = Kind.HANG
    before = set(threading.enumerate())

    async def scenario() -> None:
        async with running(adapter, Fault(kind)) as notifier:
            calls = [asyncio.create_task(notifier.send(job(adapter, timeout=30.0))) for _ in range(3)]
            await reached(adapter, 3)
            for call in calls:
                call.cancel()
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(result, asyncio.CancelledError) for result in results)

    asyncio.run(scenario())
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive(), thread
    # What isn't closed says so when it is collected, and warnings are errors.
    gc.collect()


@every
def test_closing_ends_calls_that_are_under_way(make: type[Adapter]):
    adapter = make()

    async def scenario() -> Outcome:
        async with running(adapter, Fault(Kind.HANG)) as notifier:
            call = asyncio.create_task(notifier.send(job(adapter, timeout=20.0)))
            await reached(adapter, 1)
            await notifier.close()
            call.cancel()
            result = await asyncio.gather(call, return_exceptions=True)
            assert isinstance(result[0], asyncio.CancelledError | Retry)

    asyncio.run(scenario())


@every
def test_a_call_after_a_fault_succeeds(make: type[Adapter]):
    adapter = make()

    async def scenario() -> None:
        async with running(adapter, Fault(Kind.RESET_AFTER)) as notifier:
            assert isinstance(await notifier.send(job(adapter)), Retry)
            await adapter.recover()
            assert isinstance(await notifier.send(job(adapter, uncertain=True)), Delivered)

    asyncio.run(scenario())


@every
def test_what_breaks_in_a_notifier_is_a_bug_and_raises_nothing(make: type[Adapter], monkeypatch):
    adapter = make()

    def broken(*_: object) -> None:
        raise ZeroDivisionError(f"with {adapter.present}")

    module = channels()[adapter.channel]
    monkeypatch.setattr(module, "build_message", broken)

    async def scenario() -> Outcome:
        async with running(adapter) as notifier:
            return await notifier.send(job(adapter))

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, Retry)
    assert outcome.reason is Reason.BUG
    assert_no_secret(adapter, repr(outcome))
