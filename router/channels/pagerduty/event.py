"""What PagerDuty is sent: events of the Events API v2, inside its limits. Pure.

The limits are from "PD-CEF" and "Send an alert event" of PagerDuty's Events API v2: a summary of at most 1,024
characters, a dedup_key of at most 255, an event of at most 512 KB.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from router.messages.message import AlertLine, Link, Message, Note
from router.messages.text import clean, cut, moment, one_line
from router.model import Micros

SUMMARY_CHARACTERS = 1_024
DEDUP_CHARACTERS = 255
EVENT_BYTES = 500_000
"""Below 512 KB whether a KB has 1,000 bytes or 1,024, with room for the routing key and the envelope."""
PLAIN_CHARACTERS = 512
FIELD_CHARACTERS = 255
"""Where source, component, group and class are cut. Ours: PagerDuty gives no figure, and shows one line."""
CUT_MARK = "left out, the event would be over PagerDuty's 512 KB"

SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}
"""PagerDuty's words for ours."""

Event = dict[str, Any]
"""What `EventsApiV2Client.send_event` takes beside the action and the dedup_key."""


def severity_of(severity: str) -> str:
    """PagerDuty's severity. What isn't one of ours is critical, as everywhere in the router."""
    return SEVERITIES.get(severity, "critical")


def incident_event(message: Message, source: str, *, summary: str = "", client_url: str = "") -> Event:
    """A trigger for an incident. `summary`: a team's own, from its template; `source`: where it comes from."""
    payload: Event = {
        "summary": one_line(summary, SUMMARY_CHARACTERS) or built_in_summary(message),
        "source": one_line(source, FIELD_CHARACTERS) or "alertmanager",
        "severity": severity_of(message.severity),
    }
    payload |= _filled(
        {
            "component": one_line(message.service, FIELD_CHARACTERS),
            "group": one_line(message.team, FIELD_CHARACTERS),
            "class": one_line(message.name, FIELD_CHARACTERS),
            "timestamp": _timestamp(message.opened_at),
            "custom_details": _incident_details(message),
        }
    )
    return fitted(_event(payload, message.links, client_url))


def note_event(note: Note, *, client_url: str = "") -> Event:
    """A trigger for what isn't one incident's: the fallback's summary, a storm."""
    details = {"text": note.text} | {title: list(lines) for title, lines in note.sections}
    payload: Event = {
        "summary": one_line(note.title, SUMMARY_CHARACTERS) or note.kind or "alert",
        "source": "alert-router",
        "severity": severity_of(note.severity),
        "custom_details": _filled(details),
    }
    return fitted(_event(payload, note.links, client_url))


def plain_event(event: Event) -> Event:
    """The same event with what PagerDuty requires and nothing else, its summary in characters that any system takes.

    It is for an event that was refused without a reason that a program could act upon.
    """
    payload = event["payload"]
    kept = {name: payload[name] for name in ("summary", "source", "severity")}
    for name in ("summary", "source"):
        text = "".join(sign if sign.isprintable() and ord(sign) < 0x10000 else " " for sign in kept[name])
        kept[name] = cut(" ".join(text.split()), PLAIN_CHARACTERS) or "alert"
    return {"payload": kept}


def built_in_summary(message: Message) -> str:
    """`CheckoutErrorRate: 7.3% of requests fail (3 alerts, reopened 4 times)`."""
    text = message.summary if message.name in message.summary else f"{message.name}: {message.summary}"
    remarks = []
    if message.firing > 1:
        remarks.append(f"{message.firing} alerts")
    if message.flaps:
        remarks.append(f"reopened {message.flaps} times")
    if message.escalated:
        remarks.append("escalated")
    ending = f" ({', '.join(remarks)})" if remarks else ""
    return cut(one_line(text, SUMMARY_CHARACTERS), SUMMARY_CHARACTERS - len(ending)) + ending


def _event(payload: Event, links: tuple[Link, ...], client_url: str) -> Event:
    event: Event = {"payload": payload, "client": "Tocsin"}
    own = next((link.url for link in links if link.kind == "router"), client_url)
    if own:
        event["client_url"] = own
    shown = [{"href": link.url, "text": link.title} for link in links if link.kind != "router"]
    if shown:
        event["links"] = shown
    return event


def _incident_details(message: Message) -> Event:
    return _filled(
        {
            "description": message.description,
            "impact": message.impact,
            "action": message.action,
            "response": message.response,
            "firing": message.firing,
            "severity": message.severity,
            "incident": message.incident_id,
            "labels": dict(message.labels),
            "alerts": [_alert(line) for line in message.alerts],
            "more alerts": message.more or "",
        }
    )


def _alert(line: AlertLine) -> Event:
    fields = {
        "alert": line.name,
        "severity": line.severity,
        "summary": line.summary,
        "since": _timestamp(line.starts_at),
        "labels": dict(line.labels),
    }
    return _filled(fields)


def _filled(fields: Mapping[str, Any]) -> Event:
    return {name: value for name, value in fields.items() if value not in ("", [], {}, ())}


def _timestamp(at: Micros) -> str:
    return moment(at).isoformat(timespec="milliseconds") if at else ""


def size(event: Event) -> int:
    """Bytes of the event as JSON, as the client writes it: characters outside ASCII are not escaped."""
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "replace"))


def fitted(event: Event, limit: int = EVENT_BYTES) -> Event:
    """The event with at most `limit` bytes. What matters least goes first, and a mark says that it did."""
    for step in _STEPS:
        if size(event) <= limit:
            return event
        event = step(event)
    return event if size(event) <= limit else plain_event(event)


def _with_details(event: Event, change: Callable[[Event], Event]) -> Event:
    payload = event["payload"]
    details = change(dict(payload.get("custom_details", {})))
    return event | {"payload": payload | {"custom_details": details}}


def _without_alert_labels(details: Event) -> Event:
    if isinstance(details.get("alerts"), list):
        bare = [{name: value for name, value in alert.items() if name != "labels"} for alert in details["alerts"]]
        details["alerts"] = bare
        details["cut"] = f"labels of alerts: {CUT_MARK}"
    return details


def _without(*names: str) -> Callable[[Event], Event]:
    def change(details: Event) -> Event:
        gone = [name for name in names if name in details]
        left = {name: value for name, value in details.items() if name not in names}
        if gone:
            left["cut"] = f"{', '.join(gone)} and more: {CUT_MARK}"
        return left

    return change


def _shortened(characters: int) -> Callable[[Event], Event]:
    def change(details: Event) -> Event:
        kept = {name: clean(str(value), characters) for name, value in details.items() if name in _TEXTS}
        return kept | {"cut": f"all but texts: {CUT_MARK}"}

    return change


_TEXTS = ("text", "action", "impact", "description", "firing", "incident", "response", "severity")

_STEPS: tuple[Callable[[Event], Event], ...] = (
    lambda event: _with_details(event, _without_alert_labels),
    lambda event: _with_details(event, _without("alerts")),
    lambda event: _with_details(event, _without("alerts", "labels")),
    lambda event: _with_details(event, _shortened(2_000)),
    lambda event: {name: value for name, value in event.items() if name != "links"},
)


def check_url(url: str) -> None:
    """ValueError unless it is https, or http to a loopback address. A user name is refused: it would be logged."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://events.pagerduty.com, or .eu.pagerduty.com")
    if parts.scheme == "https":
        return
    try:
        loopback = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        loopback = False
    if parts.scheme != "http" or not loopback:
        raise ValueError(
            "must begin with https://; http:// is for loopback addresses only, the routing key would be seen"
        )
