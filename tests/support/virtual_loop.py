"""An event loop whose clock jumps to the next timer as soon as nothing else is left to do, so that hours take no time.

It serves scenarios that stay in one thread. When nothing is left and no timer runs either, everybody waits for
something that will never come: that is told as an error instead of hanging.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from router.model import Micros

T = TypeVar("T")

START: Micros = 1_700_000_000_000_000
"""The time at which every scenario starts, in microseconds."""


class _Selector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits, and no timer runs")
        if not ready and timeout is not None and timeout > 0:
            self.elapsed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.elapsed


def now() -> Micros:
    """The scenario's time in microseconds; to be asked within `run`."""
    return START + round(asyncio.get_running_loop().time() * 1_000_000)


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a scenario on a virtual clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario)
