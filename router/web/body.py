"""Receiving a webhook's body within bounds."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive


class GoneError(Exception):
    """The sender left before its body was whole."""


class SlowError(Exception):
    """The body did not come in time."""


class FullError(Exception):
    """All bodies together take more memory than they may."""


class Pool:
    """How much memory the bodies take that are being received. A small body that comes in one piece isn't counted."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0

    def take(self, size: int) -> None:
        """Count `size` bytes more. FullError when there is no room."""
        if self.used + size > self.capacity:
            raise FullError
        self.used += size

    def give(self, size: int) -> None:
        """Count `size` bytes less."""
        self.used -= size


class Body:
    """A body as it comes. At any moment, also after an exception, it tells what has come so far."""

    __slots__ = ("_cap", "_drain", "_head", "_parts", "_pool", "_taken", "ended", "size")

    def __init__(self, pool: Pool, cap: int, head: int, drain: int) -> None:
        self._pool = pool
        self._cap = cap
        self._head = head
        self._drain = drain
        self._parts: list[bytes] = []
        self._taken = 0
        self.size = 0
        """Bytes received so far."""
        self.ended = False
        """Whether its end was reached; it isn't when it is longer than what is drained of it."""

    async def receive(self, receive: Receive) -> None:
        """Receive to the end. Over the cap only the head is kept; over the drain receiving stops.

        GoneError, FullError, TimeoutError by the caller's clock.
        """
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise GoneError
            part: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            was_over, self.size = self.over, self.size + len(part)
            if not self.over:
                if more or self._taken:
                    self._pool.take(len(part))
                    self._taken += len(part)
                self._parts.append(part)
            elif not was_over:
                self._parts = [b"".join([*self._parts, part])[: self._head]]
                self.release()
            if not more:
                self.ended = True
                return
            if self.size > self._drain:
                return

    @property
    def over(self) -> bool:
        """Whether it is larger than allowed."""
        return self.size > self._cap

    @property
    def content(self) -> bytes:
        """All of it, or the head of one that is over the cap."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def release(self) -> None:
        """Give back its share of the pool. Doing so twice does nothing."""
        self._pool.give(self._taken)
        self._taken = 0


def inflate(data: bytes, cap: int) -> tuple[bytes, str]:
    """What a gzip stream holds, and what is wrong with it or empty. Never more than `cap` + 1 bytes.

    One member only: a stream of thousands of tiny ones would take minutes, and no sender of webhooks writes several.
    """
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(data, cap + 1)
    except zlib.error:
        return b"", "the body is not gzip, although it says so"
    if len(content) > cap:
        return content, f"the body is larger than {cap} bytes when it is inflated"
    if not stream.eof:
        return content, "the gzip stream of the body is cut short"
    if stream.unused_data:
        return content, "something follows the gzip stream of the body"
    return content, ""
