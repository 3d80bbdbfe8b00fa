"""A provider that costs next to nothing: takes any POST, notes when it came and what it was about, and answers as
PagerDuty does. The stubs of the tests check each event, which takes longer than sending one.

    python -m benchmarks.router.provider PORT

Control: POST /_set with {"delay": seconds, "status": 202}; GET /_calls is [[time, first alert's number, status], ...]
in the order of arrival, times by the system's monotonic clock; GET /_count is how many there were; POST /_reset.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import Any

import uvloop

_NUMBER = re.compile(rb"bench-(\d+)-")
_DEDUP = re.compile(rb'"dedup_key": ?"([^"]*)"')


class Provider:
    """What all connections share."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.status = 202
        self.calls: list[tuple[float, int, int]] = []

    def answer(self, path: bytes, body: bytes) -> tuple[int, bytes, float]:
        """Status, body, and how long to wait before."""
        if not path.startswith(b"/_"):
            number = _NUMBER.search(body)
            self.calls.append((time.monotonic(), int(number.group(1)) if number else -1, self.status))
            dedup = _DEDUP.search(body)
            text = b'{"status":"success","message":"Event processed","dedup_key":"%b"}'
            return self.status, text % (dedup.group(1) if dedup else b""), self.delay
        found: Any = {}
        if path == b"/_set":
            wanted = json.loads(body)
            self.delay, self.status = wanted.get("delay", self.delay), wanted.get("status", self.status)
        elif path == b"/_reset":
            self.calls.clear()
        elif path == b"/_count":
            found = len(self.calls)
        else:
            found = self.calls
        return 200, json.dumps(found).encode(), 0


class _Connection(asyncio.Protocol):
    transport: asyncio.WriteTransport

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.buffer = b""

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length: ")
            length = int(head[at + 16 : (head + b"\r\n").find(b"\r\n", at)]) if at >= 0 else 0
            whole = end + 4 + length
            if len(self.buffer) < whole:
                return
            body, path = self.buffer[end + 4 : whole], self.buffer.split(b" ", 2)[1]
            self.buffer = self.buffer[whole:]
            status, text, delay = self.provider.answer(path, body)
            answer = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            if delay:
                asyncio.get_running_loop().call_later(delay, self.transport.write, answer % (status, len(text), text))
            else:
                self.transport.write(answer % (status, len(text), text))


async def serve(port: int) -> None:
    """Serve until killed."""
    provider = Provider()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(provider), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
