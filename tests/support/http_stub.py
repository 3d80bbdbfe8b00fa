"""An HTTP server that a provider's stub is made of, and that can fail in every way a network can.

It is written on sockets rather than on a framework, since it has to reset a connection before it reads and to answer
byte by byte. `async with Stub() as stub` serves in the running loop; `serve_process(Stub)` is the main function of a
stub that runs as a process of its own. Besides the provider's own paths it has

    GET  /_state    what the provider believes now; the subclass says what that is
    GET  /_calls    the last calls, the oldest first
    POST /_faults   a Plan as JSON: what to do with the calls to come
    POST /_reset    forget calls and state, keep the plan
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import enum
import json
import random
import signal
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self

KEPT_CALLS = 20_000
PAGE = b"<!doctype html><html><title>Sign in</title><body><p>Please sign in to the guest network.</p></body></html>"
DRIP_SECONDS = 0.05


class Kind(enum.StrEnum):
    """What a provider, or what is between, does with a call."""

    OK = "ok"
    STATUS = "status"
    """Answers with `Fault.status` and the provider's usual words for it."""
    HTML = "html"
    """200 with a page: a captive portal, a proxy."""
    BROKEN = "broken"
    """A success with half of a JSON document."""
    HANG = "hang"
    """Takes the request and never answers."""
    DRIP_HEADERS = "drip-headers"
    DRIP_BODY = "drip-body"
    """A byte of the answer at a time, each before a read would time out."""
    RESET_BEFORE = "reset-before"
    """Accepts the connection and resets it without reading."""
    RESET_AFTER = "reset-after"
    """Reads and acts upon the request, then resets."""
    REDIRECT = "redirect"
    """301 to a place on the same server that would accept."""
    REFUSED = "refused"
    """Nothing listens. Only for the notifiers' suite: a stub can't do that."""
    NO_DNS = "no-dns"
    """The name doesn't resolve. Only for the notifiers' suite."""
    HUGE = "huge"
    """500 with a body that doesn't end."""
    ECHO = "echo"
    """400 whose body says back the whole request, its headers included."""


class Fault(NamedTuple):
    """A provider's conduct."""

    kind: Kind = Kind.OK
    status: int = 0
    retry_after: str = ""
    acts: bool = False
    """Whether it does what it was asked although its answer doesn't say so. RESET_AFTER and DRIP_* always do."""

    @property
    def id(self) -> str:
        """For a test's name."""
        parts = ("" if self.kind is Kind.STATUS else self.kind.value, self.status, self.retry_after)
        return "-".join(str(part) for part in parts if part)


class Plan:
    """What to do with the calls to come: first `script`, an entry a call; then each has a chance of `rate` to fail with
    one of `choices`; the others get `always`."""

    def __init__(self) -> None:
        self.script: deque[Fault] = deque()
        self.always = Fault()
        self.rate = 0.0
        self.choices: list[Fault] = []
        self.random = random.Random(0)
        self.delay = 0.0
        """Seconds before each answer."""

    def load(self, document: Mapping[str, Any]) -> None:
        """`{"script": [{"kind": "status", "status": 503, "times": 3}], "always": {"kind": "hang"}, "delay": 0.05,
        "random": {"seed": 1, "rate": 0.2, "choices": [{"kind": "reset-after"}]}}`, each part optional. What is not
        given stays as it is, except that a script replaces the one before."""
        if "script" in document:
            self.script = deque(
                _fault(entry) for entry in document["script"] for _ in range(int(entry.get("times", 1)))
            )
        if "always" in document:
            self.always = _fault(document["always"])
        if "random" in document:
            entry = document["random"]
            self.rate, self.random = float(entry["rate"]), random.Random(entry["seed"])
            self.choices = [_fault(choice) for choice in entry["choices"]]
        self.delay = float(document.get("delay", self.delay))

    def next(self) -> Fault:
        """The fault of this call."""
        if self.script:
            return self.script.popleft()
        if self.choices and self.random.random() < self.rate:
            return self.random.choice(self.choices)
        return self.always


def _fault(entry: Mapping[str, Any]) -> Fault:
    return Fault(
        Kind(entry.get("kind", "ok")),
        int(entry.get("status", 0)),
        str(entry.get("retry_after", "")),
        bool(entry.get("acts", False)),
    )


class Request(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    head: bytes
    """The request line and the headers as they came."""


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"


class Call(NamedTuple):
    """A request, or a connection that was reset before one was read."""

    at: float
    fault: str
    request: Request | None
    status: int
    """0: none was answered."""


class HttpStub:
    """A provider's stub; a subclass says how it answers."""

    success: ClassVar[int] = 200

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.plan = Plan()
        self.calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self.attempts = 0
        """Requests, and connections that were reset before one was read."""
        self.connections = 0
        self._address = (host, port)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    def answer(self, request: Request) -> Answer:
        """What the provider does and says when all is well with the network."""
        raise NotImplementedError

    def refusal(self, status: int) -> bytes:
        """The provider's words for a status."""
        return json.dumps({"error": f"status {status}"}).encode()

    def state(self) -> object:
        """What the provider believes now, fit for JSON."""
        return {}

    def reset(self) -> None:
        """Forget what happened."""
        self.calls.clear()
        self.attempts = 0

    def requests(self) -> list[Request]:
        """The requests that were read, the oldest first."""
        return [call.request for call in self.calls if call.request]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, *self._address, limit=2**20)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            # The client has gone, or the stub is being stopped.
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether another may follow on this connection."""
        fault = None
        first = await reader.read(1)
        if not first:
            return False
        # A control request must not use up the plan, so as much is read as tells it apart.
        line = first + await reader.readuntil(b"\r\n")
        method, path = line.decode("latin-1").split(" ")[:2]
        control = path.startswith("/_")
        if not control:
            fault = self.plan.next()
            self.attempts += 1
            if fault.kind is Kind.RESET_BEFORE:
                self.calls.append(Call(time.time(), fault.id, None, 0))
                _reset(writer)
                return False
        head = line if (rest := await reader.readuntil(b"\r\n")) == b"\r\n" else line + rest + await _rest(reader)
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (text.partition(":") for text in head.decode("latin-1").split("\r\n")[1:] if text)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Request(method, path, headers, body, head)
        if fault is None:
            await _send(writer, self._control(request))
            return True
        if self.plan.delay:
            await asyncio.sleep(self.plan.delay)
        return await self._perform(fault, request, writer)

    async def _perform(self, fault: Fault, request: Request, writer: asyncio.StreamWriter) -> bool:
        kind = fault.kind
        acts = kind in {Kind.OK, Kind.RESET_AFTER, Kind.DRIP_HEADERS, Kind.DRIP_BODY} or fault.acts
        real = self.answer(request) if acts else Answer(self.success, b"{}")
        answers = {
            Kind.OK: real,
            Kind.STATUS: Answer(fault.status, self.refusal(fault.status)),
            Kind.HTML: Answer(200, PAGE, content_type="text/html; charset=utf-8"),
            Kind.BROKEN: Answer(self.success, b'{"status": "succ'),
            Kind.REDIRECT: Answer(301, b"moved", (("Location", f"{self.url}/elsewhere"),), "text/plain"),
            Kind.ECHO: Answer(400, request.head + request.body, content_type="text/plain"),
        }
        answer = answers.get(kind, real)
        if fault.retry_after:
            answer = answer._replace(headers=(*answer.headers, ("Retry-After", fault.retry_after)))
        answered = kind in answers or kind is Kind.HUGE
        self.calls.append(Call(time.time(), fault.id, request, answer.status if answered else 0))
        if kind in answers:
            await _send(writer, answer)
            return request.headers.get("connection", "").lower() != "close"
        if kind is Kind.RESET_AFTER:
            _reset(writer)
        elif kind is Kind.HANG:
            await asyncio.Event().wait()
        elif kind is Kind.HUGE:
            writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\n")
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        else:
            await _drip(writer, real, from_body=kind is Kind.DRIP_BODY)
        return False

    def _control(self, request: Request) -> Answer:
        if request.path == "/_faults" and request.method == "POST":
            self.plan.load(json.loads(request.body))
            return Answer(200, b"{}")
        if request.path == "/_reset" and request.method == "POST":
            self.reset()
            return Answer(200, b"{}")
        if request.path == "/_state":
            return Answer(200, json.dumps(self.state()).encode())
        if request.path == "/_calls":
            return Answer(200, json.dumps([_told(call) for call in self.calls]).encode())
        return Answer(404, b"{}")


def _told(call: Call) -> dict[str, Any]:
    told: dict[str, Any] = {"at": call.at, "fault": call.fault, "status": call.status}
    if call.request:
        told |= {"method": call.request.method, "path": call.request.path, "headers": dict(call.request.headers)}
        told["body"] = call.request.body.decode("utf-8", "replace")
    return told


async def _rest(reader: asyncio.StreamReader) -> bytes:
    lines = b""
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        lines += line
    return lines


def _bytes(answer: Answer) -> tuple[bytes, bytes]:
    lines = [
        f"HTTP/1.1 {answer.status} Stub",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        *(f"{name}: {value}" for name, value in answer.headers),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), answer.body


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(b"".join(_bytes(answer)))
    await writer.drain()


async def _drip(writer: asyncio.StreamWriter, answer: Answer, *, from_body: bool) -> None:
    # Long enough that no deadline of a test comes after its end.
    head, body = _bytes(answer._replace(body=answer.body + b" " * 10_000))
    fast, slow = (head, body) if from_body else (b"", head + body)
    writer.write(fast)
    for place in range(len(slow)):
        writer.write(slow[place : place + 1])
        await writer.drain()
        await asyncio.sleep(DRIP_SECONDS)


def _reset(writer: asyncio.StreamWriter) -> None:
    # Lingering for no time makes closing send a reset instead of an end.
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def serve_process(make: Callable[[str, int], HttpStub]) -> None:
    """The main function of a stub as a process: prints its address as a line of JSON, and ends on SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--plan", default="{}", help="a Plan as JSON")
    arguments = parser.parse_args()

    async def serve() -> None:
        stub = make(arguments.host, arguments.port)
        stub.plan.load(json.loads(arguments.plan))
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with stub:
            sys.stdout.write(json.dumps({"url": stub.url}) + "\n")
            sys.stdout.flush()
            await stopped.wait()

    asyncio.run(serve())
