"""What the web edge asks of the rest of the router, and the settings that shape it."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from router.model import Micros
from router.payload import DEFAULT_LIMITS, Limits, Webhook

UNNAMED = "unnamed"
"""The cluster of a webhook whose path names none that is possible."""


class Refusal(enum.StrEnum):
    """Why a request got no 2xx; also a metric's label."""

    UNAUTHORIZED = "unauthorized"
    OVERLOADED = "overloaded"
    SLOW = "slow"
    """The body did not come within the read timeout."""
    GONE = "gone"
    """The sender left before its body was whole."""
    STORE = "store"
    BUG = "bug"


class Check(NamedTuple):
    """One thing that the router needs."""

    ok: bool
    detail: str
    """For people; names no secret."""


class Health(NamedTuple):
    """How the router is."""

    ready: bool
    """Whether it can take webhooks: not while starting or stopping, nor while the store is down."""
    version: str
    checks: Mapping[str, Check]


class Settings(NamedTuple):
    """Sizes in bytes, times in seconds."""

    body: int = 16 * 2**20
    """A webhook's body, inflated. 10,000 alerts take about 5 MiB."""
    head: int = 64 * 2**10
    """What is kept of a body that goes into quarantine."""
    drain: int = 128 * 2**20
    """How much of a body over the cap is read before the connection is closed on it."""
    memory: int = 256 * 2**20
    """Bodies that are being received, all together; beyond it webhooks are asked to come again."""
    read_timeout: float = 10.0
    """For a whole body."""
    protected: bool = False
    """Whether /metrics and the details of /health need a credential."""
    limits: Limits = DEFAULT_LIMITS


class Ports(Protocol):
    """The rest of the router. All are called in the event loop, so those that aren't `async` must not block."""

    def clusters(self) -> Collection[str]:
        """The configured clusters' names."""
        ...

    async def accept(self, cluster: str, request_id: str, received_at: Micros, body: bytes, webhook: Webhook) -> None:
        """Keep a webhook; returns once it is committed. `body` is inflated. StoreError when it could not be kept.

        `webhook.broken` and `webhook.truncated` are part of what must be told to people.
        """
        ...

    async def quarantine(
        self, cluster: str, request_id: str, received_at: Micros, reason: str, *, size: int, body: bytes
    ) -> None:
        """Keep what could not be read, and page for it; returns once it is committed. StoreError when it could not be.

        `size`: bytes received, of which `body` holds the first, inflated where that was possible.
        """
        ...

    def unknown_cluster(self, name: str) -> None:
        """A webhook with a valid credential came for a cluster that isn't configured, and is taken nevertheless.

        `name` is what its path says, at most 64 characters of any kind; empty when it says nothing.
        """
        ...

    def refused(self, refusal: Refusal, cluster: str, request_id: str, error: Exception | None) -> None:
        """A request got no 2xx: count it and log it. `cluster` is empty when it was no webhook."""
        ...

    def authenticate(self, authorization: bytes | None, cluster: str) -> bool:
        """Whether that Authorization header may post for that cluster; see auth.py."""
        ...

    def may_read(self, authorization: bytes | None) -> bool:
        """Whether that Authorization header may see metrics and details. Asked only when they are protected."""
        ...

    def overloaded(self) -> bool:
        """Whether webhooks should come again later, because more is waiting for its commit than is good."""
        ...

    def health(self) -> Health:
        """How the router is, from what is known: it asks nobody."""
        ...

    def metrics(self) -> bytes:
        """Prometheus' text format, version 0.0.4."""
        ...

    def now(self) -> Micros:
        """The time."""
        ...
