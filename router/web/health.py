"""Health and metrics: GET and HEAD only, and nothing in them asks the store or a provider.

/health/live says that the event loop turns. /health/ready says whether to send webhooks here. /health says it with
reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.model import Micros
from router.web.ports import Ports, Settings

if TYPE_CHECKING:
    from starlette.requests import Request

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The content type of Prometheus' text format (prometheus.io, exposition formats)."""


def routes(ports: Ports, settings: Settings) -> list[Route]:
    """The routes of health and metrics."""

    def allowed(request: Request) -> bool:
        return not settings.protected or ports.may_read(_authorization(request))

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        return JSONResponse({"status": "ok"}) if ports.health().ready else _unavailable({"status": "unavailable"})

    async def health(request: Request) -> Response:
        state = ports.health()
        fine = all(check.ok for check in state.checks.values())
        answer: dict[str, object] = {
            "status": "unavailable" if not state.ready else "ok" if fine else "degraded",
            "timestamp": _rfc3339(ports.now()),
        }
        if allowed(request):
            answer["version"] = state.version
            answer["checks"] = {
                name: {"status": "ok" if check.ok else "failing", "detail": check.detail}
                for name, check in state.checks.items()
            }
        return JSONResponse(answer) if state.ready else _unavailable(answer)

    async def metrics(request: Request) -> Response:
        if not allowed(request):
            challenge = {"www-authenticate": 'Bearer realm="alert-router", Basic realm="alert-router"'}
            return JSONResponse({"error": "no valid credential"}, 401, challenge)
        return Response(ports.metrics(), headers={"content-type": METRICS_TYPE})

    endpoints: dict[str, Callable[[Request], object]] = {
        "/health": health,
        "/health/live": live,
        "/health/ready": ready,
        "/metrics": metrics,
    }
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints.items()]


def _authorization(request: Request) -> bytes | None:
    header = request.headers.get("authorization")
    return None if header is None else header.encode("latin-1")


def _unavailable(answer: dict[str, object]) -> Response:
    return JSONResponse(answer, 503)


def _rfc3339(at: Micros) -> str:
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
