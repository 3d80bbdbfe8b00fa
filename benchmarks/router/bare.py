"""The router's own HTTP server with nothing behind it: it reads and decodes each webhook, and keeps none.

python -m benchmarks.router.bare PORT
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Collection

from router.model import Micros
from router.payload import Webhook
from router.web import server
from router.web.app import create_app
from router.web.ports import Check, Health, Refusal


class Nothing:
    """Implements router.web.ports.Ports."""

    def clusters(self) -> Collection[str]:
        return ("main",)

    async def accept(self, cluster: str, request_id: str, received_at: Micros, body: bytes, webhook: Webhook) -> None:
        pass

    async def quarantine(
        self, cluster: str, request_id: str, received_at: Micros, reason: str, *, size: int, body: bytes
    ) -> None:
        raise AssertionError(cluster, request_id, received_at, reason, size, body[:80])

    def unknown_cluster(self, name: str) -> None:
        raise AssertionError(name)

    def refused(self, refusal: Refusal, cluster: str, request_id: str, error: Exception | None) -> None:
        pass

    def authenticate(self, authorization: bytes | None, cluster: str) -> bool:
        return authorization is not None and cluster == "main"

    def may_read(self, authorization: bytes | None) -> bool:
        return authorization is not None

    def overloaded(self) -> bool:
        return False

    def health(self) -> Health:
        return Health(True, "bare", {"store": Check(True, "there is none")})

    def metrics(self) -> bytes:
        return b""

    def now(self) -> Micros:
        return time.time_ns() // 1000


async def serve(port: int) -> int:
    """Serve until killed."""
    await server.serve(create_app(Nothing()), "127.0.0.1", port, on_ready=lambda _port: None, stop=asyncio.Event())
    return 0


if __name__ == "__main__":
    sys.exit(server.run(serve(int(sys.argv[1]))))
