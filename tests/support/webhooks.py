"""Alertmanager webhooks (payload v4) as a real Alertmanager sends them.

    body = webhook([alert("HighErrorRate"), alert("DiskFull", firing=False)])

Times are microseconds since 1970, as everywhere in the router, or text that is sent as it stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZERO_TIME = "0001-01-01T00:00:00Z"
"""Go's zero time: the endsAt of an alert that fires."""

STARTED = 1_750_000_000_123_000
"""When alerts of the builder start unless told otherwise: 2025-06-15T15:06:40.123Z."""

FIVE_MINUTES = 300_000_000


def rfc3339(micros: int) -> str:
    """A time as Go writes it: UTC, with a fraction only as long as it needs to be. 0 is Go's zero time."""
    if micros == 0:
        return ZERO_TIME
    text = (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text.rstrip("0").rstrip(".") + "Z"


def fingerprint(labels: Mapping[str, str]) -> str:
    """Alertmanager's fingerprint: FNV-1a, 64 bits, over the sorted names and values, each ended by a byte 255."""
    value = 0xCBF29CE484222325
    for byte in b"".join(name.encode() + b"\xff" + labels[name].encode() + b"\xff" for name in sorted(labels)):
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def alert(
    name: str = "HighErrorRate",
    *,
    firing: bool = True,
    starts_at: int | str = STARTED,
    ends_at: int | str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **keys: Any,
) -> dict[str, Any]:
    """One alert. `labels` come on top of alertname, severity, team, service and instance; a value of None removes one.

    `ends_at` defaults to Go's zero time for a firing alert, and to five minutes after the start for a resolved one.
    `annotations` replace the default ones. `keys` are set in the JSON object as they are (`fingerprint=...`).
    """
    wanted = {
        "alertname": name,
        "severity": "critical",
        "team": "checkout",
        "service": "payments",
        "instance": "web-1:9100",
        **(labels or {}),
    }
    given = {key: value for key, value in wanted.items() if value is not None}
    if ends_at is None:
        if firing:
            ends_at = 0
        else:
            ends_at = starts_at + FIVE_MINUTES if isinstance(starts_at, int) else rfc3339(STARTED + FIVE_MINUTES)
    return {
        "status": "firing" if firing else "resolved",
        "labels": given,
        "annotations": dict(annotations)
        if annotations is not None
        else {
            "summary": f"{name} on web-1",
            "description": f"{name} has fired.",
            "runbook_url": f"https://rb.test/{name}",
        },
        "startsAt": rfc3339(starts_at) if isinstance(starts_at, int) else starts_at,
        "endsAt": rfc3339(ends_at) if isinstance(ends_at, int) else ends_at,
        "generatorURL": f"http://prometheus.test:9090/graph?g0.expr={name}&g0.tab=1",
        "fingerprint": fingerprint(given) if all(isinstance(value, str) for value in given.values()) else "",
        **keys,
    }


def shared(maps: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What all of them agree in."""
    first, *others = [dict(entry) for entry in maps] or [{}]
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}


def document(alerts: Iterable[Mapping[str, Any]] = (), *, status: str | None = None, **keys: Any) -> dict[str, Any]:
    """The webhook before it becomes bytes. See `webhook`."""
    rows = [dict(row) for row in alerts]
    if status is None:
        status = "firing" if any(row.get("status") == "firing" for row in rows) else "resolved"
    common = shared(row["labels"] for row in rows if isinstance(row.get("labels"), Mapping))
    group = {name: value for name, value in common.items() if name == "alertname"}
    return {
        "receiver": "alert-router",
        "status": status,
        "alerts": rows,
        "groupLabels": group,
        "commonLabels": common,
        "commonAnnotations": shared(row["annotations"] for row in rows if isinstance(row.get("annotations"), Mapping)),
        "externalURL": "http://alertmanager.test:9093",
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f'{name}="{value}"' for name, value in group.items()) + "}",
        "truncatedAlerts": 0,
        **keys,
    }


def webhook(alerts: Iterable[Mapping[str, Any]] = (), *, status: str | None = None, **keys: Any) -> bytes:
    """A webhook's body. `status` defaults to what Alertmanager would say: firing if any alert fires. `keys` are set in
    the JSON object as they are (`truncatedAlerts=3`, `groupKey="..."`, `version="5"`, `newKey=...`).
    """
    return json.dumps(document(alerts, status=status, **keys), ensure_ascii=False).encode("utf-8", "surrogatepass")
