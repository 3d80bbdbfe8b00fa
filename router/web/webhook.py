"""POST /webhook/CLUSTER as a bare ASGI endpoint.

Every answer here follows from what Alertmanager does with it: it retries 5xx and lost connections within the flush,
gives up on any 4xx until the next group_interval, and takes the answer of a redirect's target for success. Hence:

- 2xx means committed: the alerts, or the body in quarantine when it can't be read or is over the cap.
- 503 whenever coming again may help: the store fails, too much is waiting, the body is too slow.
- 4xx only where coming again can't help and a person has to act: no valid credential (401), not a POST (405).
- Never 404, 408, 413, 415, 422, 429 or 3xx. A cluster that isn't configured is taken and reported, since its alerts are
  real; a path that names none that is possible, or the router's own, is taken as `unnamed`. /webhook alone is the only
  configured cluster, if there is only one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from router.model import INTERNAL_CLUSTER, Micros
from router.payload import Unreadable, Webhook, decode
from router.store import StoreError
from router.web.body import Body, FullError, GoneError, Pool, SlowError, inflate
from router.web.ports import UNNAMED, Ports, Refusal, Settings
from router.web.responses import CLOSE, RETRY, Header, answer, request_id

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

PATH = "/webhook"

LARGE = 2**20
"""Bytes of a body that is read in a thread. One of 32 MiB that the quick reader refuses takes seconds, in which no
other webhook would be acknowledged and the router's own heartbeat would stop."""

ACCEPTED = b'{"status":"accepted"}'
QUARANTINED = b'{"status":"quarantined"}'

Origin = tuple[str, str, Micros]
"""The cluster, the request's id, and when it came."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_IDENTITY = frozenset({b"", b"identity"})
_GZIP = frozenset({b"gzip", b"x-gzip"})


class WebhookEndpoint:
    """An ASGI application. It checks no path: whatever is handed to it is a webhook."""

    def __init__(self, ports: Ports, settings: Settings) -> None:
        self._ports = ports
        self._settings = settings
        self._pool = Pool(settings.memory)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        identity = request_id(headers.get(b"x-request-id"))
        if scope["method"] != "POST":
            await answer(send, 405, b'{"error":"only POST"}', identity, [(b"allow", b"POST"), *self._pending(headers)])
            return
        ports = self._ports
        asked, cluster = self._cluster(scope["path"])
        origin = (cluster, identity, ports.now())
        if not ports.authenticate(headers.get(b"authorization"), cluster):
            ports.refused(Refusal.UNAUTHORIZED, cluster, identity, None)
            challenge = (b"www-authenticate", b'Bearer realm="alert-router", Basic realm="alert-router"')
            await answer(send, 401, b'{"error":"no valid credential"}', identity, [challenge, *self._pending(headers)])
            return
        if asked is not None:
            ports.unknown_cluster(asked)
        if ports.overloaded():
            await self._later(send, Refusal.OVERLOADED, origin, self._pending(headers))
            return
        settings = self._settings
        body = Body(self._pool, settings.body, settings.head, settings.drain)
        try:
            await self._receive(body, receive)
            status = await self._keep(headers, body, origin)
            await answer(send, 200, status, identity, () if body.ended else [CLOSE])
        except StoreError as error:
            await self._later(send, Refusal.STORE, origin, () if body.ended else [CLOSE], error)
        except GoneError:
            ports.refused(Refusal.GONE, cluster, identity, None)
        except FullError:
            await self._later(send, Refusal.OVERLOADED, origin, [CLOSE])
        except SlowError:
            await self._later(send, Refusal.SLOW, origin, [CLOSE])
        except Exception as error:  # noqa: BLE001  (a bug must not become an answer that loses alerts)
            ports.refused(Refusal.BUG, cluster, identity, error)
            await answer(send, 500, b'{"error":"internal error"}', identity, [RETRY, CLOSE])
        finally:
            body.release()

    async def _receive(self, body: Body, receive: Receive) -> None:
        """Receive the body within the read timeout. SlowError; and what `Body.receive` raises."""
        # What asyncio.timeout does, at a quarter of its cost: every webhook pays it.
        task = asyncio.current_task()
        assert task is not None
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            task.cancel()

        clock = asyncio.get_running_loop().call_later(self._settings.read_timeout, expire)
        try:
            await body.receive(receive)
        except asyncio.CancelledError:
            if not expired or task.uncancel() > 0:
                raise
            # What is over the cap would come again just as large: it goes into quarantine with what there is of it.
            if not body.over:
                raise SlowError from None
        finally:
            clock.cancel()

    async def _keep(self, headers: dict[bytes, bytes], body: Body, origin: Origin) -> bytes:
        """Read and commit it. What to answer."""
        settings, content = self._settings, body.content
        if body.over:
            reason = f"the body is larger than {settings.body} bytes"
        else:
            content, reason = self._inflated(headers.get(b"content-encoding", b""), content)
        webhook = Unreadable(reason) if reason else await self._read(content, origin)
        if isinstance(webhook, Unreadable):
            head = content[: settings.head]
            await self._ports.quarantine(*origin, webhook.reason, size=body.size, body=head)
            return QUARANTINED
        await self._ports.accept(*origin, content, webhook)
        return ACCEPTED

    def _inflated(self, encoding: bytes, content: bytes) -> tuple[bytes, str]:
        """The body without its Content-Encoding, and what is wrong with it or empty."""
        encoding = encoding.strip().lower()
        if encoding in _IDENTITY:
            return content, ""
        if encoding in _GZIP:
            inflated, reason = inflate(content, self._settings.body)
            return inflated or content, reason
        return content, "the body has a Content-Encoding that is not gzip"

    async def _read(self, content: bytes, origin: Origin) -> Webhook | Unreadable:
        cluster, identity, received_at = origin
        given = content, cluster, received_at, self._settings.limits
        try:
            return decode(*given) if len(content) < LARGE else await asyncio.to_thread(decode, *given)
        except Exception as error:  # noqa: BLE001  (sent again it would fail again: it has to be kept, and told)
            self._ports.refused(Refusal.BUG, cluster, identity, error)
            return Unreadable("the router failed to read the body")

    async def _later(
        self,
        send: Send,
        refusal: Refusal,
        origin: Origin,
        extra: Iterable[Header],
        error: Exception | None = None,
    ) -> None:
        cluster, identity, _ = origin
        self._ports.refused(refusal, cluster, identity, error)
        body = b'{"error":"%b, come again"}' % refusal.value.encode()
        await answer(send, 503, body, identity, [RETRY, *extra])

    def _pending(self, headers: dict[bytes, bytes]) -> list[Header]:
        """Closes the connection after an answer that leaves a body unread, unless what is left is small."""
        length = headers.get(b"content-length", b"0" if b"transfer-encoding" not in headers else b"")
        small = length.isdigit() and len(length) < 10 and int(length) <= self._settings.head
        # Who asked for 100-continue and got something else may send the body or not: only a new connection is clear.
        return [] if small and b"expect" not in headers else [CLOSE]

    def _cluster(self, path: str) -> tuple[str | None, str]:
        """The name that isn't configured, or None, and the cluster that the webhook is taken for."""
        name = path[len(PATH) :].strip("/")
        configured = self._ports.clusters()
        if name in configured and name != INTERNAL_CLUSTER:
            return None, name
        if not name and len(configured) == 1:
            return None, next(iter(configured))
        if name != INTERNAL_CLUSTER and _NAME.fullmatch(name):
            return name, name
        return name[:64], UNNAMED
