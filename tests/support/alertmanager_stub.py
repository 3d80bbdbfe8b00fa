"""An Alertmanager peer that holds what a test says, on a free port of loopback.

    async with AlertmanagerStub() as peer:
        peer.fire("Down", instance="a")
        peer.answers["/api/v2/status"] = (502, "text/html", b"<html>")
        peer.hangs.add("/api/v2/alerts")
        ... peer.url ...

It speaks as Alertmanager 0.25 does: times with milliseconds, alerts that have ended left out.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from aiohttp import web

Answer = tuple[int, str, bytes]


def text_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class AlertmanagerStub:
    def __init__(self, *, uptime: timedelta = timedelta(days=1), members: int = 1, status: str = "ready") -> None:
        self.started_at = datetime.now(UTC) - uptime
        self.members = members
        self.status = status
        self.alerts: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Answer] = {}
        """By path: what is said instead. A status of 3xx redirects to the body."""
        self.hangs: set[str] = set()
        """Paths that never answer."""
        self.reached = {path: asyncio.Event() for path in ("/-/ready", "/api/v2/status", "/api/v2/alerts")}
        """Set when the path is asked for."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        """Paths and headers of the requests that came."""
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()

    def fire(
        self,
        name: str,
        *,
        state: str = "active",
        started: datetime | None = None,
        receivers: tuple[str, ...] = ("router",),
        muted_by: tuple[str, ...] = (),
        annotations: dict[str, str] | None = None,
        **labels: str,
    ) -> str:
        """Hold an alert; its fingerprint, which is made of the labels."""
        labels = {"alertname": name, **labels}
        fingerprint = "/".join(f"{key}={value}" for key, value in sorted(labels.items()))
        now = datetime.now(UTC)
        status: dict[str, Any] = {"state": state, "silencedBy": [], "inhibitedBy": []}
        if state == "suppressed" and not muted_by:
            status["silencedBy"] = ["1d4c0b0e-0000-4000-8000-000000000001"]
        if muted_by:
            status["mutedBy"] = list(muted_by)
        self.alerts[fingerprint] = {
            "annotations": annotations if annotations is not None else {"summary": f"{name} is wrong"},
            "endsAt": text_time(now + timedelta(minutes=4)),
            "fingerprint": fingerprint,
            "receivers": [{"name": receiver} for receiver in receivers],
            "startsAt": text_time(started or now),
            "status": status,
            "updatedAt": text_time(now),
            "generatorURL": "http://prometheus.example.com/graph",
            "labels": labels,
        }
        return fingerprint

    def resolve(self, fingerprint: str) -> None:
        self.alerts.pop(fingerprint, None)

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.headers)))
        if request.path in self.reached:
            self.reached[request.path].set()
        if request.path in self.hangs:
            await self._stopping.wait()
        if request.path in self.answers:
            status, kind, body = self.answers[request.path]
            if 300 <= status < 400:
                return web.Response(status=status, headers={"Location": body.decode()})
            return web.Response(status=status, content_type=kind, body=body)
        if request.path.endswith("/-/ready"):
            return web.Response(text="OK")
        if request.path.endswith("/api/v2/status"):
            return self._json(
                {
                    "cluster": {
                        "name": "01TEST",
                        "peers": [{"name": f"peer{n}", "address": "127.0.0.1:9094"} for n in range(self.members)],
                        "status": self.status,
                    },
                    "config": {"original": "route:\n  receiver: router\n"},
                    "uptime": text_time(self.started_at),
                    "versionInfo": {"version": "0.25.0"},
                }
            )
        if request.path.endswith("/api/v2/alerts"):
            return self._json(list(self.alerts.values()))
        return web.Response(status=404)

    @staticmethod
    def _json(content: object) -> web.Response:
        return web.Response(content_type="application/json", body=json.dumps(content).encode())
