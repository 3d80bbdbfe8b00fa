"""What every answer has in common."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message, Scope, Send

Header = tuple[bytes, bytes]

SECURITY: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
JSON: Header = (b"content-type", b"application/json")
CLOSE: Header = (b"connection", b"close")
RETRY: Header = (b"retry-after", b"1")
_COMMON = [JSON, *SECURITY]

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def request_id(given: bytes | None) -> str:
    """The sender's X-Request-Id when it is sane, else a new one: it ends up in logs and in an answer's header."""
    if given is not None and _SANE_ID.fullmatch(given):
        return given.decode()
    # It protects nothing, so that it need not cost a system call.
    return f"{random.getrandbits(64):016x}"


async def answer(send: Send, status: int, body: bytes, identity: str, extra: Iterable[Header] = ()) -> None:
    """Send a whole JSON answer."""
    headers = [*_COMMON, (b"content-length", b"%d" % len(body)), (b"x-request-id", identity.encode()), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Hardened:
    """A `send` that adds what every answer must have, and knows whether an answer has begun."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.began = False
        self.identity = request_id(dict(scope["headers"]).get(b"x-request-id"))
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.began = True
            headers: list[Header] = list(message.get("headers", []))
            has = {name.lower() for name, _ in headers}
            # A page that needs another policy sets its own; the rest gets the strict one.
            headers += [header for header in SECURITY if header[0] not in has]
            headers.append((b"x-request-id", self.identity.encode()))
            message = {**message, "headers": headers}
        await self._send(message)
