"""Jobs and contexts for tests of notifiers, friendly and hostile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import message_samples

from router.messages.message import Link, Note, encode_note
from router.messages.templating import Templates
from router.model import Destination, Mode, Shown, Snapshot, View
from router.notifier import Context, Job

if TYPE_CHECKING:
    import aiohttp

NOW = message_samples.OPENED + 90_000_000

PROBE = "INERT"
"""Stands in every hostile value, so that a check finds where they went."""

HOSTILE = {
    "channel": f"{PROBE} <!channel> <!here> <@U0123> <!subteam^S1> @everyone",
    "mrkdwn": f"{PROBE} <https://evil.example|runbook> *bold* `code` > quote & &amp; ~strike~ _it_",
    "html": f'{PROBE} <script>alert(1)</script><img src=x onerror="alert(1)"> "quoted" \'single\'',
    "crlf": f"{PROBE}\r\nBcc: victim@example.com\r\n\r\nbody\nX-Injected: 1",
    "jinja": PROBE + " {{ 7 * 191 }} {% for x in range(10**9) %}x{% endfor %} ${jndi:ldap://x} {0.__class__}",
    "control": f"{PROBE}\x00\x07\x1b[31mred\x1b[0m\x9b\u202egnp.exe\u2028line\u2066",
    "surrogate": f"{PROBE} \ud83d half, \U0001f468\u200d\U0001f469\u200d\U0001f467 whole, e\u0301",
    "long": f"{PROBE} " + "\U0001f525long " * 150_000,
}


def hostile_snapshot() -> Snapshot:
    """An incident whose every label and annotation is written by an enemy; a value has 1 MB."""
    everything = "\n".join(value[:400] for value in HOSTILE.values())
    labels = dict(message_samples.ALERT.labels) | HOSTILE | {f"n{number}": HOSTILE["crlf"] for number in range(100)}
    labels |= {"instance": HOSTILE["crlf"], "team": "payments", "service": HOSTILE["channel"] + HOSTILE["html"]}
    labels["alertname"] = HOSTILE["html"] + HOSTILE["crlf"]
    annotations = {
        "summary": HOSTILE["channel"] + HOSTILE["html"] + HOSTILE["crlf"] + HOSTILE["long"],
        "description": everything + HOSTILE["long"],
        "impact": everything,
        "action": HOSTILE["jinja"] + everything,
        "runbook_url": "javascript:alert(1)",
        "dashboard_url": 'https://evil.example/"><script>alert(1)</script>',
    }
    alerts = [
        message_samples.ALERT._replace(
            fingerprint=f"{number:016x}",
            labels=labels | {"row": f"{number} {HOSTILE['long']}"},
            annotations=annotations,
            generator_url="data:text/html,<script>alert(1)</script>",
        )
        for number in range(10)
    ]
    group = {"alertname": labels["alertname"], "service": labels["service"], "team": "payments"}
    return message_samples.snapshot(*alerts, firing=25, group=group, summary=annotations["summary"])


NOTE = Note(
    kind="fallback",
    title="PagerDuty is not answering for Payments",
    text="3 incidents have waited for more than a minute.",
    severity="critical",
    sections=(("Undelivered", ("CheckoutErrorRate, since 02:10", "CartQueueLong, since 02:11")),),
    links=(Link("router", "Deliveries", "https://router.example.com/deliveries"),),
)


def make_job(
    destination: Destination,
    *,
    resolved: bool = False,
    hostile: bool = False,
    plain: bool = False,
    uncertain: bool = False,
    note: Note | str | None = None,
    timeout: float = 5.0,
    step: View | None = None,
    snapshot: Snapshot | None = None,
    parts: Mapping[str, object] | None = None,
    **delivery: Any,
) -> Job:
    """A job for the sample incident, for a hostile one, or for a note (a string is taken as the payload itself)."""
    shown = step or (message_samples.RESOLVED if resolved else message_samples.FIRING)
    about = snapshot or (hostile_snapshot() if hostile else message_samples.snapshot())
    if resolved and snapshot is None:
        closed = about.incident._replace(open=False, counts=(), closed_at=about.incident.opened_at + 900_000_000)
        about = about._replace(incident=closed)
    changes: dict[str, Any] = {"destination": destination.key, "plain": plain, "parts": parts or {}, "claim": shown}
    if note is not None:
        payload = note if isinstance(note, str) else encode_note(note)
        changes |= {"mode": Mode.NOTE, "payload": payload, "incident_id": "note-0001"}
        shown = View(1, Shown.FIRING, 0)
    return Job(
        destination=destination,
        delivery=message_samples.DELIVERY._replace(**(changes | delivery)),
        step=shown,
        snapshot=None if note is not None else about,
        uncertain=uncertain,
        timeout=timeout,
    )


def context(
    settings: object,
    secrets: Mapping[str, str],
    session: aiohttp.ClientSession,
    *,
    templates: Templates | None = None,
    now: Callable[[], int] = lambda: NOW,
) -> Context:
    """What a notifier is built with; `secrets` is read anew each time."""
    return Context(
        settings=settings,
        secret=lambda name: secrets.get(name),  # noqa: PLW0108  (`secrets.get` would take a default by position)
        templates=templates or Templates(),
        session=lambda: session,
        external_url="https://router.example.com",
        now=now,
        look=lambda: message_samples.LOOK,
    )
