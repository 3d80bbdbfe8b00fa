"""Alerts as Prometheus and Alertmanager send them, made by putting a number into a prepared text.

The number stands in the summary as `bench-NUMBER-`, where the providers' stub finds it again.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

_ALERT = (
    '{{"status":"{status}","labels":{{"alertname":"{name}","cluster":"eu-1","environment":"production",'
    '"instance":"web-{instance}:9100","job":"checkout","service":"{service}","severity":"critical","team":"payments"}},'
    '"annotations":{{"action":"Roll back the last release if it is younger than an hour.",'
    '"dashboard_url":"https://grafana.example.com/d/{name}","description":"More than one in a hundred requests fails.",'
    '"impact":"Customers can\'t pay.","runbook_url":"https://runbooks.example.com/payments/{name}",'
    '"summary":"bench-{number}- of {instance}"}},"startsAt":"{started}","endsAt":"{ended}",'
    '"generatorURL":"http://prometheus.example.com/graph?g0.expr=up%7Bjob%3D%22checkout%22%7D&g0.tab=1",'
    '"fingerprint":"{fingerprint}"}}'
)
_WEBHOOK = (
    '{{"receiver":"router","status":"{status}","alerts":[{alerts}],"groupLabels":{{"team":"payments"}},'
    '"commonLabels":{{"team":"payments"}},"commonAnnotations":{{}},"externalURL":"http://alertmanager.example.com",'
    '"version":"4","groupKey":"{{}}:{{team=\\"payments\\"}}","truncatedAlerts":0}}'
)


def alert(number: int, *, prefix: str = "a", incidents: int = 0, firing: bool = True) -> str:
    """One alert of a webhook. Each is an incident of its own, unless `incidents` says how many there are in all."""
    group = number % incidents if incidents else number
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _ALERT.format(
        status="firing" if firing else "resolved",
        name=f"Bench{prefix}{group}",
        instance=number,
        service="checkout",
        number=number,
        started=now,
        ended="0001-01-01T00:00:00Z" if firing else now,
        fingerprint=hashlib.sha256(f"{prefix}{number}".encode()).hexdigest()[:16],
    )


def webhook(numbers: range, *, prefix: str = "a", incidents: int = 0) -> bytes:
    """A webhook of these alerts."""
    alerts = ",".join(alert(number, prefix=prefix, incidents=incidents) for number in numbers)
    return _WEBHOOK.format(status="firing", alerts=alerts).encode()


def posted(numbers: range, *, prefix: str, incidents: int = 0, via: str = "") -> bytes:
    """The same alerts as Prometheus posts them to Alertmanager's /api/v2/alerts; `via` is a label to route by."""
    return b"[" + b",".join(_posted(number, prefix, incidents, via) for number in numbers) + b"]"


def _posted(number: int, prefix: str, incidents: int, via: str) -> bytes:
    text = alert(number, prefix=prefix, incidents=incidents)
    # Prometheus sends neither a status nor a fingerprint; without an end, Alertmanager sets one.
    text = text.replace('"status":"firing",', "", 1).replace('"endsAt":"0001-01-01T00:00:00Z",', "", 1)
    text = text[: text.rindex(',"fingerprint"')] + "}"
    return text.replace('"job":"checkout"', f'"job":"checkout","via":"{via}"', 1).encode()
