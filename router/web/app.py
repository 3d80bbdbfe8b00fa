"""The ASGI application: webhooks go straight to their endpoint, all else through Starlette's router."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from router.web.health import routes as health_routes
from router.web.ports import Ports, Refusal, Settings
from router.web.responses import CLOSE, Hardened, answer
from router.web.webhook import PATH, WebhookEndpoint

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

_SLASHES = re.compile("/{2,}")


def create_app(ports: Ports, settings: Settings | None = None, routes: Sequence[BaseRoute] = ()) -> ASGIApp:
    """The router's web edge. `routes` are further pages; their answers get the security headers that they don't set."""
    settings = settings or Settings()
    pages = Starlette(routes=[*health_routes(ports, settings), *routes], exception_handlers={HTTPException: _failed})
    # A redirect would turn a webhook into a GET whose 200 counts as success, and serves nobody on other paths either.
    pages.router.redirect_slashes = False
    return _Edge(ports, WebhookEndpoint(ports, settings), pages)


class _Edge:
    def __init__(self, ports: Ports, webhook: ASGIApp, pages: ASGIApp) -> None:
        self._ports = ports
        self._webhook = webhook
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        path: str = scope["path"]
        if "//" in path:
            # A base address that ends in a slash is an easy mistake, and no reason to lose alerts.
            scope["path"] = path = _SLASHES.sub("/", path)
        if path.startswith(PATH) and path[len(PATH) : len(PATH) + 1] in {"", "/"}:
            await self._webhook(scope, receive, send)
            return
        hardened = Hardened(scope, send)
        try:
            await self._pages(scope, receive, hardened)
        except Exception as error:  # noqa: BLE001  (Starlette hands it on after its answer; it belongs into our log)
            self._ports.refused(Refusal.BUG, "", hardened.identity, error)
            if not hardened.began:
                await answer(send, 500, b'{"error":"internal error"}', hardened.identity, [CLOSE])


async def _failed(_: Request, error: Exception) -> Response:
    """404 and 405 as JSON, like all else."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    detail = error.detail if isinstance(error, HTTPException) else "internal error"
    return JSONResponse({"error": detail.lower()}, status, dict(headers or {}))
