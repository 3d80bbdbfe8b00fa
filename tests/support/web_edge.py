"""The web edge without a router behind it: ports that remember, an in-process client, a real server on a free port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from router.model import Micros
from router.payload import Webhook
from router.web import auth
from router.web.app import create_app
from router.web.ports import Check, Health, Ports, Refusal, Settings
from router.web.server import Bounds, serve

TOKEN = "correct-horse-battery"
NOW = 1_750_000_100_000_000


class Kept(NamedTuple):
    cluster: str
    request_id: str
    received_at: Micros
    body: bytes
    webhook: Webhook


class Locked(NamedTuple):
    cluster: str
    request_id: str
    reason: str
    size: int
    body: bytes


class FakePorts(Ports):
    """Keeps what it is given. Set `error` to make the store fail, `busy` to push back, `state` for health."""

    def __init__(self, *clusters: str) -> None:
        self.names = clusters or ("main",)
        self.kept: list[Kept] = []
        self.locked: list[Locked] = []
        self.unknown: list[str] = []
        self.refusals: list[tuple[Refusal, str, Exception | None]] = []
        self.error: Exception | None = None
        self.busy = False
        self.on_refused: Callable[[], object] = lambda: None
        self.accepted = auth.credentials([TOKEN])
        self.state = Health(ready=True, version="1.2.3", checks={"store": Check(ok=True, detail="sqlite")})

    def clusters(self):
        return self.names

    async def accept(self, cluster, request_id, received_at, body, webhook):
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        self.kept.append(Kept(cluster, request_id, received_at, body, webhook))

    async def quarantine(self, cluster, request_id, received_at, reason, *, size, body):
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        self.locked.append(Locked(cluster, request_id, reason, size, body))

    def unknown_cluster(self, name):
        self.unknown.append(name)

    def refused(self, refusal, cluster, request_id, error):
        self.refusals.append((refusal, cluster, error))
        self.on_refused()

    def authenticate(self, authorization, cluster):
        return auth.authenticated(authorization, self.accepted)

    def may_read(self, authorization):
        return auth.authenticated(authorization, self.accepted)

    def overloaded(self):
        return self.busy

    def health(self):
        return self.state

    def metrics(self):
        return b"router_up 1\n"

    def now(self):
        return NOW


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


BEARER = (("authorization", f"Bearer {TOKEN}"),)


async def call(
    app: Any,
    method: str,
    path: str,
    body: Any = b"",
    *,
    headers: Iterable[tuple[str, str]] = BEARER,
    query: bytes = b"",
) -> Answer | None:
    """One request in this process. None when there was no answer.

    A body of several pieces comes piece by piece. A piece of None: the sender leaves. A piece of `...`: nothing comes
    any more, for ever.
    """
    pieces = [body] if isinstance(body, bytes) else list(body)
    sent: list[Any] = []

    async def receive() -> Any:
        if not pieces:
            await asyncio.Event().wait()
        piece = pieces.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        if piece is ...:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query,
        "headers": given,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }
    await app(scope, receive, send)
    if not sent:
        return None
    start, *rest = sent
    found = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(message.get("body", b"") for message in rest))


def request(ports: Ports, method: str, path: str, *args: Any, settings: Settings | None = None, **kwargs: Any) -> Any:
    """One request to a new application with these ports."""
    return asyncio.run(call(create_app(ports, settings), method, path, *args, **kwargs))


@asynccontextmanager
async def running(app: Any, bounds: Bounds | None = None) -> AsyncIterator[int]:
    """A real server for that application; its port. Stopped, within bounds, at the end."""
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    bounds = bounds or Bounds(grace=2)
    task = asyncio.create_task(serve(app, "127.0.0.1", 0, on_ready=ready.set_result, stop=stop, bounds=bounds))
    try:
        yield await asyncio.wait_for(ready, 5)
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def exchange(port: int, talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]) -> Any:
    """A conversation over a plain connection, at most 10 s long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await asyncio.wait_for(talk(reader, writer), 10)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The next answer on that connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(first.split()[1]), headers, body)


def post(body: bytes, *extra: str, path: str = "/webhook/main") -> bytes:
    """A POST's bytes, with a valid credential and Content-Length."""
    lines = [f"POST {path} HTTP/1.1", "host: router", f"authorization: Bearer {TOKEN}", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, *extra, "", ""]).encode() + body
