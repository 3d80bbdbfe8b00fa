"""A load generator in a process of its own: requests made beforehand, kept connections, raw sockets in a loop.

    python -m benchmarks.router.load PLAN     PLAN is a Plan as JSON

It prints a line when its requests are made, waits for a line on standard input, and prints what it measured as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

from benchmarks.router import alerts

TOKEN = "webhook-token-of-a-benchmark"
AGAIN_SECONDS = 0.5
"""After which a webhook that was put off is sent again: Alertmanager's first wait."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is posted. `rate` is requests a second, however long answers take; 0: as fast as they come, for each
    connection one at a time.
    """

    port: int
    webhooks: int
    alerts: int = 1
    connections: int = 32
    rate: float = 0
    prefix: str = "a"
    first: int = 0
    """The first alert's number."""
    incidents: int = 0
    path: str = "/webhook/main"
    seconds: float = 60
    """After which it gives up."""


def request(port: int, path: str, body: bytes) -> bytes:
    """A POST as Go's client writes it."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: Alertmanager/0.25.0\r\n"
        f"Content-Length: {len(body)}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n\r\n"
    )
    return head.encode() + body


class Load:
    """Sends the requests over its connections and notes how long each took."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        size = plan.alerts
        self.requests = [
            request(
                plan.port,
                plan.path,
                alerts.webhook(range(at, at + size), prefix=plan.prefix, incidents=plan.incidents),
            )
            for at in range(plan.first, plan.first + plan.webhooks * size, size)
        ]
        self.took: list[float] = []
        self.refused = 0
        self.next = 0
        self.started = 0.0
        self.idle: list[_Connection] = []
        self.due: list[int] = []
        self.done = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        """Post all of them."""
        loop = asyncio.get_running_loop()
        connections = [
            (await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.plan.port))[1]
            for _ in range(self.plan.connections)
        ]
        gc.freeze()
        gc.disable()
        print("ready", flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        before = _cpu()
        self.started = time.monotonic()
        if self.plan.rate:
            self.idle = connections
            self._tick()
        else:
            for connection in connections:
                self.send(connection)
        async with asyncio.timeout(self.plan.seconds):
            await self.done.wait()
        ended = time.monotonic()
        self.took.sort()
        return {
            "webhooks": len(self.took),
            "refused": self.refused,
            "started": self.started,
            "seconds": ended - self.started,
            "p50": self._quantile(0.5),
            "p99": self._quantile(0.99),
            "cpu": _cpu() - before,
        }

    def _quantile(self, share: float) -> float:
        return self.took[min(int(len(self.took) * share), len(self.took) - 1)]

    def _due_at(self, number: int) -> float:
        return self.started + number / self.plan.rate

    def _tick(self) -> None:
        """Send what is due. A request that finds no free connection waits for one, and its time counts from then on."""
        now = time.monotonic()
        while self.next < len(self.requests) and self._due_at(self.next) <= now and self.idle:
            self.send(self.idle.pop())
        if self.next < len(self.requests):
            asyncio.get_running_loop().call_later(max(self._due_at(self.next) - time.monotonic(), 0.0002), self._tick)

    def send(self, connection: _Connection) -> None:
        if self.next >= len(self.requests):
            return
        number = self.next
        self.next += 1
        connection.sent = self._due_at(number) if self.plan.rate else time.monotonic()
        connection.request = self.requests[number]
        connection.transport.write(connection.request)

    def answered(self, connection: _Connection, status: bytes) -> None:
        if status != b"200":
            # As Alertmanager does, it tries again, and its time goes on.
            self.refused += 1
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, connection.transport.write, connection.request)
            return
        self.took.append(time.monotonic() - connection.sent)
        if len(self.took) == len(self.requests):
            self.done.set()
        elif self.plan.rate:
            self.idle.append(connection)
        else:
            self.send(connection)


class _Connection(asyncio.Protocol):
    """Answers are small and come one at a time: each ends where its Content-Length says."""

    transport: asyncio.WriteTransport

    def __init__(self, load: Load) -> None:
        self.load = load
        self.sent = 0.0
        self.request = b""
        self.buffer = b""

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self.buffer.find(b"content-length: ", 0, head) + 16
        length = int(self.buffer[at : self.buffer.find(b"\r\n", at)])
        if len(self.buffer) < head + 4 + length:
            return
        status = self.buffer[9:12]
        self.buffer = b""
        self.load.answered(self, status)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def encoded(plan: Plan) -> str:
    """A plan for the command line."""
    return json.dumps(asdict(plan))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def main() -> dict[str, Any]:
            return await Load(Plan(**json.loads(sys.argv[1]))).run()

        print(json.dumps(runner.run(main())), flush=True)
