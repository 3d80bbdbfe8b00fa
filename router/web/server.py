"""uvicorn on httptools, run inside the caller's event loop, with the bounds that it lacks."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from router.web.responses import SECURITY

if TYPE_CHECKING:
    from starlette.types import ASGIApp

Result = TypeVar("Result")

KEEP_ALIVE = 330
"""Seconds that an idle connection is kept. Longer than Alertmanager's client keeps it (five minutes: `idleConnTimeout`
in prometheus/common, config/http_config.go), so that the two never meet: a POST into a connection that the server is
just closing fails, and has to wait for its retry."""

HEADERS = 32 * 2**10
"""Bytes of a request's first line and headers, trailers included. llhttp, which httptools wraps, has no bound."""

HEADERS_TIMEOUT = 10.0
"""Seconds for a request's headers, from its first byte, or from the connection for the first one."""

REFUSED = {
    400: (b"Bad Request", b'{"error":"not HTTP"}'),
    431: (b"Request Header Fields Too Large", b'{"error":"headers too large"}'),
}


class Bounds(NamedTuple):
    """What the server takes on at once."""

    connections: int = 2_000
    """Connections or requests; those beyond are answered 503, which senders retry."""
    grace: int = 10
    """Seconds that requests in flight have to end when the server stops; then they are cancelled."""


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with a bound on the headers' size and on the time that they take."""

    _header_bytes = 0
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        self._start()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        # 32 more for each: what a pair of tiny ones takes in memory.
        self._count(len(name) + len(value) + 32)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (uvicorn's text is replaced by ours)
        """Answer what is no request, and close."""
        self._stop()
        status = 431 if self._header_bytes > HEADERS else 400
        phrase, body = REFUSED[status]
        lines = [b"HTTP/1.1 %d %b" % (status, phrase), b"content-type: application/json"]
        lines += [b"%b: %b" % header for header in SECURITY]
        lines += [b"content-length: %d" % len(body), b"connection: close", b"", body]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > HEADERS:
            # httptools hands it back as a parser's error, which uvicorn answers with send_400_response.
            raise ValueError("headers too large")

    def _start(self) -> None:
        self._stop()
        self._clock = self.loop.call_later(HEADERS_TIMEOUT, self._late)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the router's own decide in which order things stop."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    sock: socket.socket | None = None,
    on_ready: Callable[[int], None],
    stop: asyncio.Event,
    bounds: Bounds | None = None,
) -> None:
    """Serve until `stop` is set; then take no more connections, finish what is in flight, and return.

    `on_ready` is called with the bound port once connections are taken; port 0 lets the system choose one. `sock` is
    used instead of host and port when it is given, and closed at the end. OSError when the address can't be bound.
    """
    bounds = bounds or Bounds()
    listener = sock if sock is not None else await listen(host, port)
    config = uvicorn.Config(
        app,
        http=Protocol,
        loop="none",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        limit_concurrency=bounds.connections,
        timeout_graceful_shutdown=bounds.grace,
    )
    port_bound: int = listener.getsockname()[1]
    server = _Server(config, lambda: on_ready(port_bound))
    watcher = asyncio.create_task(_stop(server, stop))
    try:
        await server.serve(sockets=[listener])
    finally:
        watcher.cancel()
        listener.close()


async def _stop(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


async def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on the first address that the name has. OSError when it can't be had."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, _, _, _, address = found[0]
    listener = socket.create_server(address[:2], family=family, backlog=2_048)
    listener.setblocking(False)
    return listener


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run it on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
