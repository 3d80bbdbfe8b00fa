"""Asks one Alertmanager peer what fires there (its API v2, as of 0.25 and 0.34).

`/-/ready` tells whether it serves, `/api/v2/status` since when and with how many others, `/api/v2/alerts` what it
holds. An answer that isn't Alertmanager's is no answer: from a proxy's page or half a list nothing may be concluded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
import msgspec

from router.policies.reconcile import PeerAlert, PeerAnswer, PeerState, PeerUnreachable
from router.policies.schedule import micros
from router.policies.watchdog import WATCHDOG

if TYPE_CHECKING:
    from router.model import Micros

ALERTS_LIMIT = 64 * 1024 * 1024
"""Bytes of a list of alerts that are read: room for some 40,000 alerts of 1.5 KB."""
STATUS_LIMIT = 8 * 1024 * 1024
"""Bytes of a status that are read. It contains the whole configuration."""
CHUNK = 64 * 1024


class _Receiver(msgspec.Struct):
    name: str


class _State(msgspec.Struct, rename="camel"):
    state: str
    silenced_by: list[str] = []
    inhibited_by: list[str] = []
    muted_by: list[str] = []


class _Alert(msgspec.Struct, rename="camel"):
    fingerprint: str
    starts_at: datetime
    updated_at: datetime
    ends_at: datetime
    status: _State
    labels: msgspec.Raw
    annotations: msgspec.Raw = msgspec.Raw(b"{}")
    receivers: list[_Receiver] = []
    generator_url: str = msgspec.field(name="generatorURL", default="")


class _Cluster(msgspec.Struct):
    status: str
    peers: list[msgspec.Raw] | None = None


class _Status(msgspec.Struct):
    uptime: datetime
    cluster: _Cluster


class _BadAnswerError(Exception):
    """The answer is of no use; its text is the reason."""


_ALERTS = msgspec.json.Decoder(list[_Alert])
_STATUS = msgspec.json.Decoder(_Status)
_TEXTS = msgspec.json.Decoder(dict[str, str])


async def poll(
    session: aiohttp.ClientSession,
    peer: str,
    *,
    timeout: float,  # noqa: ASYNC109  (it bounds three calls together, and its end is an answer)
    asked_at: Micros,
    known: Collection[str] = (),
    token: str | None = None,
) -> PeerAnswer:
    """What a peer holds; within `timeout` seconds, or it counts as unreachable. Raises nothing but CancelledError.

    `peer` is its address, with a path prefix if it has one. Of alerts whose fingerprint is in `known` labels,
    annotations and generator are left out. `token` is sent as a bearer credential.
    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    base = peer.rstrip("/")
    try:
        async with asyncio.timeout(timeout):
            ready = await _ready(session, base + "/-/ready", headers)
            status = _STATUS.decode(await _read(session, base + "/api/v2/status", headers, STATUS_LIMIT))
            alerts = _decode(await _read(session, base + "/api/v2/alerts", headers, ALERTS_LIMIT), known)
        started_at = _micros(status.uptime)
    except _BadAnswerError as error:
        return PeerUnreachable(peer, asked_at, str(error))
    # DecodeError is a ValueError, and so are the errors of text that isn't UTF-8 and of an address that is none.
    except (ValueError, RecursionError):
        return PeerUnreachable(peer, asked_at, "its answer isn't Alertmanager's")
    except TimeoutError:
        return PeerUnreachable(peer, asked_at, "no answer in time")
    except aiohttp.ClientConnectorError:
        return PeerUnreachable(peer, asked_at, "no connection")
    except (aiohttp.ClientError, OSError):
        return PeerUnreachable(peer, asked_at, "the connection broke")
    return PeerState(
        peer=peer,
        asked_at=asked_at,
        ready=ready and status.cluster.status != "settling",
        started_at=started_at,
        members=max(1, len(status.cluster.peers or ())),
        alerts=alerts,
    )


async def _ready(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str]) -> bool:
    async with session.get(url, headers=headers, allow_redirects=False) as answer:
        return answer.status == 200


async def _read(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], limit: int) -> bytes:
    async with session.get(url, headers=headers, allow_redirects=False) as answer:
        if answer.status != 200:
            raise _BadAnswerError(f"status {answer.status}")
        body = bytearray()
        async for chunk in answer.content.iter_chunked(CHUNK):
            body += chunk
            if len(body) > limit:
                raise _BadAnswerError("its answer is too large")
        return bytes(body)


def _decode(body: bytes, known: Collection[str]) -> dict[str, PeerAlert]:
    found: dict[str, PeerAlert] = {}
    names: dict[tuple[str, ...], tuple[str, ...]] = {}
    for alert in _ALERTS.decode(body):
        receivers = tuple(receiver.name for receiver in alert.receivers)
        watchdog = WATCHDOG.encode() in bytes(alert.labels) and (
            _TEXTS.decode(alert.labels).get("alertname") == WATCHDOG
        )
        full = alert.fingerprint not in known
        found[alert.fingerprint] = PeerAlert(
            fingerprint=alert.fingerprint,
            state=alert.status.state,
            starts_at=_micros(alert.starts_at),
            updated_at=_micros(alert.updated_at),
            ends_at=_micros(alert.ends_at),
            silenced_by=tuple(alert.status.silenced_by),
            inhibited_by=tuple(alert.status.inhibited_by),
            muted_by=tuple(alert.status.muted_by),
            receivers=names.setdefault(receivers, receivers),
            watchdog=watchdog,
            labels=_TEXTS.decode(alert.labels) if full else {},
            annotations=_TEXTS.decode(alert.annotations) if full else {},
            generator_url=alert.generator_url if full else "",
        )
    return found


def _micros(moment: datetime) -> Micros:
    return micros(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
