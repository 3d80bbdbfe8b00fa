"""The official PagerDuty client, made to do one attempt a call, within a deadline, and to say how far it got.

By itself `pagerduty.EventsApiV2Client` retries: 429 for ever, 5xx and broken connections for a while, with sleeps in
between. Its timeout bounds each read, so that a server that sends a byte now and then is never given up. Here every
answer other than 2xx ends the call, and `Attempt.abandon`, called from another thread, ends it at once.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
from pagerduty import EventsApiV2Client

from router.channels.pagerduty.event import check_url

ANSWER_BYTES = 16_384
"""How much of an answer is read: PagerDuty's has some 100 bytes, and nobody's page of 500 MB shall fill the memory."""
KEEP_IDLE = 20.0
"""Seconds for which a connection is kept. Ours: short of the 30 s after which some proxies drop theirs silently."""


class Answered(Exception):  # noqa: N818  (it is an answer, only not the one that was hoped for)
    """PagerDuty, or what stands before it, answered with a status other than 2xx."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Abandoned(Exception):  # noqa: N818
    """The attempt was given up before anything was sent; nothing will be."""


class Attempt:
    """One call, watched from its own thread and given up from another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._abandoned = False
        self._connection: socket.socket | None = None
        self.sent = False
        """Whether anything of the request may have left."""

    def sends(self) -> None:
        """From now on something may have left. Abandoned, when it was given up before."""
        with self._lock:
            if self._abandoned:
                raise Abandoned
            self.sent = True

    def holds(self, connection: socket.socket | None) -> None:
        """The attempt uses this connection from now on; None: it uses none any more."""
        with self._lock:
            self._connection = connection
            if self._abandoned:
                self._shut()

    def abandon(self) -> bool:
        """Give up: wakes the thread that waits for the network. Whether anything may have been sent by now."""
        with self._lock:
            self._abandoned = True
            self._shut()
            return self.sent

    def _shut(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)


class _Capped(httpx2.SyncByteStream):
    """An answer's first bytes."""

    def __init__(self, stream: httpx2.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        left = ANSWER_BYTES
        for piece in self._stream:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return

    def close(self) -> None:
        self._stream.close()


class _Transport(httpx2.BaseTransport):
    """One connection, shown to the attempt that uses it.

    The attempt gets a duplicate of the connection's socket: TLS takes the original over while it shakes hands, and a
    number of a file that is closed by one thread could be another connection's by the time that the other uses it.
    """

    def __init__(self, tls: ssl.SSLContext, proxy: str) -> None:
        limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_IDLE)
        self._inner = httpx2.HTTPTransport(verify=tls, proxy=proxy or None, limits=limits, trust_env=False)
        self._handle: socket.socket | None = None
        self.attempt = Attempt()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.attempt.holds(self._handle)
        request.extensions = {**request.extensions, "trace": self._trace}
        response = self._inner.handle_request(request)
        assert isinstance(response.stream, httpx2.SyncByteStream)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Capped(response.stream),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._inner.close()
        self._let_go()

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        # httpcore calls it at each step, see "trace" among its request extensions.
        if event.endswith(".connect_tcp.complete"):
            self._let_go()
            self._handle = info["return_value"].get_extra_info("socket").dup()
            self.attempt.holds(self._handle)
        elif event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
            self.attempt.sends()

    def _let_go(self) -> None:
        self.attempt.holds(None)
        if self._handle is not None:
            self._handle.close()
            self._handle = None


class Client(EventsApiV2Client):
    """For one routing key and one thread at a time. http is for loopback addresses only: a stub, a local proxy."""

    def __init__(self, routing_key: str, url: str, tls: ssl.SSLContext, proxy: str = "") -> None:
        self._transport_here = _Transport(tls, proxy)
        super().__init__(routing_key, base_url=url, transport=self._transport_here, trust_env=False)
        self.max_network_attempts = 0
        self.retry = {}
        # A compressed answer could be small here and endless in memory.
        self.headers["Accept-Encoding"] = "identity"

    @property
    def url(self) -> str:
        """Where PagerDuty is."""
        return str(self._url)

    @url.setter
    def url(self, new_base_url: str) -> None:
        check_url(new_base_url)
        self._url = new_base_url

    def postprocess(self, response: httpx2.Response) -> None:
        """Called by the client with each answer, before it decides about trying again."""
        if not response.is_success:
            raise Answered(response)

    def attempt(
        self, attempt: Attempt, timeouts: httpx2.Timeout, action: str, dedup_key: str, event: Mapping[str, Any]
    ) -> str:
        """Send one event; the answer's dedup_key. Raises Answered, Abandoned, or the client's own exceptions."""
        self._transport_here.attempt = attempt
        # The client's class declares seconds, and hands on what it finds, which may be httpx's own type.
        self.timeout = timeouts  # type: ignore[assignment]
        return str(self.send_event(action, dedup_key=dedup_key, **event))
