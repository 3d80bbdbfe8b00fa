"""While webhooks pour in, acknowledging comes before applying, for a bounded time; a lone alert never waits."""

import asyncio
from contextlib import asynccontextmanager

from router import ingest as module
from router.applier import Applied
from router.ingest import Ingest
from router.model import SECOND, Alert
from router.payload import Webhook


class InstantWriter:
    """Commits at once."""

    def submit_soon(self, job, done, *, ingest=False):
        asyncio.get_running_loop().call_soon(lambda: done(job(Inbox())))


class Inbox:
    def add_inbox(self, rows):
        pass


class CountingApplier:
    def __init__(self):
        self.batches = []
        self.changed = asyncio.Event()

    def apply(self, tx, incoming, now):
        self.batches.append((now, len(incoming)))
        self.changed.set()
        return Applied((), (), (), ())


def webhook(number):
    alert = Alert("main", f"{number:016x}", True, 1, 0, {}, {}, "")
    return Webhook((alert,), (), 0, "", "", "", "firing", "4", 0)


def now():
    return round(asyncio.get_running_loop().time() * SECOND)


@asynccontextmanager
async def ingesting():
    applier = CountingApplier()
    ingest = Ingest(
        writer=InstantWriter(),
        applier=applier,
        decode=lambda *_: "",
        owner="me",
        now=now,
        offer=lambda _: None,
        on_applied=lambda *_: None,
        on_quarantined=lambda *_: None,
    )
    yield ingest, applier


async def post(ingest, number):
    await ingest.accept("main", "id", now(), b"{}", webhook(number))


async def applied(applier, number):
    async with asyncio.timeout(5):
        while sum(size for _, size in applier.batches) < number:
            await applier.changed.wait()
            applier.changed.clear()


def test_fewer_webhooks_than_a_storm_has_are_applied_at_once(monkeypatch):
    # If any of them waited, it would wait for longer than the test does.
    monkeypatch.setattr(module, "LULL_SECONDS", 60)
    monkeypatch.setattr(module, "STORM_SECONDS", 60)

    async def scenario():
        async with ingesting() as (ingest, applier):
            await asyncio.gather(*(post(ingest, number) for number in range(module.STORM_ALERTS - 1)))
            await applied(applier, module.STORM_ALERTS - 1)

    asyncio.run(scenario())


def test_a_storm_is_applied_together_when_it_pauses():
    async def scenario():
        async with ingesting() as (ingest, applier):
            await asyncio.gather(*(post(ingest, number) for number in range(200)))
            assert applier.batches == []
            await applied(applier, 200)
            assert len(applier.batches) == 1

    asyncio.run(scenario())


def test_a_storm_that_does_not_pause_is_applied_in_time(monkeypatch):
    monkeypatch.setattr(module, "LULL_SECONDS", 60)
    monkeypatch.setattr(module, "STORM_SECONDS", 0.05)

    async def scenario():
        async with ingesting() as (ingest, applier):
            began = now()
            await asyncio.gather(*(post(ingest, number) for number in range(40)))
            await applied(applier, 40)
            assert applier.batches[0][0] - began >= 0.04 * SECOND

    asyncio.run(scenario())
