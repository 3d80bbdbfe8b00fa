"""The duties' common ground, and the loop that runs them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

import structlog

from router.applier import Applied, Applier
from router.config.settings_types import Settings
from router.ingest import Ingest
from router.model import Micros
from router.routes import Routes
from router.store import StoreError, Transaction
from router.telemetry.metrics import Metrics
from router.writer import Writer

T = TypeVar("T")
log = structlog.get_logger("router.duties")


class Ground(NamedTuple):
    """What duties work with."""

    settings: Settings
    routes: Callable[[], Routes]
    writer: Writer
    applier: Applier
    ingest: Ingest
    metrics: Metrics
    now: Callable[[], Micros]
    act: Callable[[Applied], None]
    """What has to follow a commit: send what was claimed."""

    async def apply(self, job: Callable[[Transaction], Applied | None]) -> Applied | None:
        """Run a job in its transaction, and act on what it applied."""
        applied = await self.writer.submit(job)
        if applied is not None:
            self.act(applied)
        return applied


class Duty(NamedTuple):
    """Something that is due every so many seconds."""

    name: str
    seconds: float
    run: Callable[[], Awaitable[None]]
    wake: asyncio.Event | None = None
    """Set: it is due at once."""
    rest: float = 0.0
    """How many times as long as it took it waits at least. With thousands of open incidents a look at all of them takes
    its time, in which no webhook is acknowledged: it then comes more rarely instead of taking all of the writer's."""


async def run_duty(duty: Duty) -> None:
    """For ever. A failure is logged and the duty tried again at its next time: none may end in a bad hour."""
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await duty.run()
        except StoreError as error:
            log.warning("a duty waits for the store", duty=duty.name, error=str(error))
        except Exception:
            log.exception("a duty failed", duty=duty.name)
        wait = max(duty.seconds, duty.rest * (loop.time() - began))
        if duty.wake is None:
            await asyncio.sleep(wait)
            continue
        try:
            async with asyncio.timeout(wait):
                await duty.wake.wait()
        except TimeoutError:
            pass
        duty.wake.clear()


def start(duties: Sequence[Duty]) -> list[asyncio.Task[None]]:
    """One task for each."""
    return [asyncio.create_task(run_duty(duty), name=duty.name) for duty in duties]
