"""A receiver of the generic webhook that knows by the Idempotency-Key what it has seen. `python -m webhook_stub`."""

from __future__ import annotations

import json
from typing import Any

from http_stub import Answer, HttpStub, Request, serve_process


class WebhookStub(HttpStub):
    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(host, port)
        self.bearer = ""
        """When it is set, other requests get 401."""
        self.accepted: dict[str, list[dict[str, Any]]] = {}
        """Bodies by Idempotency-Key."""

    def answer(self, request: Request) -> Answer:
        if self.bearer and request.headers.get("authorization") != f"Bearer {self.bearer}":
            return Answer(401, b'{"error": "unauthorized"}')
        if request.method != "POST":
            return Answer(405, b"{}")
        try:
            body = json.loads(request.body)
        except ValueError:
            return Answer(400, b'{"error": "no JSON"}')
        self.accepted.setdefault(request.headers.get("idempotency-key", ""), []).append(body)
        return Answer(200, b'{"ok": true}')

    def state(self) -> object:
        return {
            "accepted": self.accepted,
            "distinct": len(self.accepted),
            "duplicates": sum(len(bodies) - 1 for bodies in self.accepted.values()),
            "attempts": self.attempts,
        }

    def reset(self) -> None:
        super().reset()
        self.accepted.clear()


if __name__ == "__main__":
    serve_process(WebhookStub)
