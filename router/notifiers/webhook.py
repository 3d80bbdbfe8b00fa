"""A generic webhook: each change of an incident as a JSON document, POSTed to an address of the team's own.

In routes.yml a team has `webhook: {url: SECRET_NAME}`; the address is a secret, since many carry their token in it. Any
2xx is a success, whatever its body says. The document, whose version changes with what a receiver could stumble over:

    {"version": 1, "event": "firing" | "resolved" | "note", "id": the Idempotency-Key, "sent_at": time,
     "incident": {"id", "episode", "severity", "worst", "team", "service", "name", "summary", "description", "impact",
                  "action", "opened_at", "closed_at", "firing", "total", "labels": {}, "reopened", "escalated",
                  "response"},
     "alerts": [{"name", "severity", "summary", "starts_at", "labels": {}}], "more_alerts": number,
     "links": [{"kind", "title", "url"}]}

A note has `"note": {"kind", "title", "text", "severity", "sections": [{"title", "lines": []}]}` in place of `incident`
and `alerts`. Times are RFC 3339 in UTC, or null. The plain form, sent when a document was refused, has of `incident`
only id, episode, severity, name and summary. The header `Idempotency-Key` is the same whenever the same is told again.
With a signing key, `X-Tocsin-Signature: t=SECONDS,v1=HEX` holds the HMAC-SHA256 of `SECONDS.BODY`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from router.channels.http_faults import ANSWER_BYTES, judge, judge_exception
from router.channels.redaction import redact
from router.messages.message import Link, Message, Note, build_message, decode_note
from router.messages.text import moment
from router.model import Destination, Micros, Shown
from router.notifier import Context, Delivered, Job, Outcome, Reason, Rejected, Retry, Traits

TRAITS = Traits(
    content="revision",
    tells_the_past=True,
    repeats=False,
    # It is read by programs, which count for themselves.
    folds=False,
    concurrency=4,
    per_minute=0,
)

BODY_BYTES = 512_000
"""Above this the alerts' labels are left out. Ours: web servers often take 1 MB at most."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The webhook's part of the settings. Times are seconds; secrets stand here by name only."""

    timeout: float = 10.0
    """For a call as a whole; a shorter one of the dispatcher's holds."""
    connect_timeout: float = 5.0
    """For the connection alone."""
    bearer: dict[str, str] = {}
    """By the name of an address's secret: the name of the bearer token that is sent there."""
    signing_key: dict[str, str] = {}
    """By the name of an address's secret: the name of the key that bodies sent there are signed with."""

    def __post_init__(self) -> None:
        """ValueError when a value can't work."""
        if not (0 < self.timeout <= 120 and 0 < self.connect_timeout <= 120):
            raise ValueError("timeouts are above 0 and at most 120 seconds")


class _Secrets(NamedTuple):
    url: str
    bearer: str
    signing_key: str

    def hide(self, text: str | bytes) -> str:
        return redact(text, [value for value in self if value])


def destinations(team: Mapping[str, object]) -> tuple[Destination, ...]:
    """`webhook: {url: NAME}`."""
    told = team.get("webhook")
    if not isinstance(told, Mapping):
        return ()
    return (Destination("webhook", str(told["url"]), ""),)


def build(context: Context) -> Notifier:
    """All teams' webhooks."""
    return Notifier(context)


class Notifier:
    """One POST a call over the shared session."""

    def __init__(self, context: Context) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._settings = context.settings

    async def send(self, job: Job) -> Outcome:
        secrets = self._secrets(job.destination.secret)
        if isinstance(secrets, Rejected):
            return secrets
        try:
            key = idempotency_key(job)
            body = encoded(self._document(job, key))
        except ValueError:
            return Rejected(Reason.BAD_MESSAGE, "message", "the note's payload can't be read")
        except Exception as error:  # noqa: BLE001  (whatever a message does to us, the others go on)
            return Retry(Reason.BUG, detail=secrets.hide(f"{type(error).__name__}: {error}"))
        return await self._post(job, key, body, secrets)

    async def close(self) -> None:
        """The session is the router's."""

    def _secrets(self, name: str) -> _Secrets | Rejected:
        wanted = {"url": name, "bearer": self._settings.bearer.get(name, "")}
        wanted["signing_key"] = self._settings.signing_key.get(name, "")
        values = {}
        for part, secret in wanted.items():
            values[part] = (self._context.secret(secret) or "").strip() if secret else ""
            if secret and not values[part]:
                return Rejected(Reason.MISCONFIGURED, "destination", f"the secret {secret} isn't there")
        if not is_web_address(values["url"]):
            return Rejected(Reason.MISCONFIGURED, "destination", f"{name} isn't an http or https address")
        if not re.fullmatch(r"[\x21-\x7e]*", values["bearer"]):
            return Rejected(Reason.MISCONFIGURED, "destination", f"{wanted['bearer']} can't be sent in a header")
        return _Secrets(**values)

    def _document(self, job: Job, key: str) -> dict[str, Any]:
        envelope = {"version": 1, "id": key, "sent_at": _time(self._context.now())}
        if job.snapshot is None:
            return envelope | note_document(decode_note(job.delivery.payload))
        message = build_message(job.snapshot, job.step, job.delivery, self._context.look())
        return envelope | incident_document(message, plain=job.delivery.plain)

    async def _post(self, job: Job, key: str, body: bytes, secrets: _Secrets) -> Outcome:
        # It is the notifier of many installations that send no webhook at all.
        import aiohttp

        headers = {"Content-Type": "application/json", "User-Agent": "tocsin-alert-router", "Idempotency-Key": key}
        if secrets.bearer:
            headers["Authorization"] = f"Bearer {secrets.bearer}"
        if secrets.signing_key:
            headers["X-Tocsin-Signature"] = signature(secrets.signing_key, self._context.now(), body)
        timeout = min(job.timeout, self._settings.timeout)
        timeouts = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, self._settings.connect_timeout))
        try:
            async with self._context.session().post(
                secrets.url, data=body, headers=headers, allow_redirects=False, timeout=timeouts
            ) as answer:
                if 200 <= answer.status < 300:
                    return Delivered(detail=str(answer.status))
                start = await _start_of(answer)
                judged = judge(answer.status, answer.headers, start, now=self._context.now(), hide=secrets.hide)
                return judged or Delivered()
        except aiohttp.InvalidURL:
            return Rejected(
                Reason.MISCONFIGURED, "destination", f"{job.destination.secret} isn't an http or https address"
            )
        except Exception as error:  # noqa: BLE001  (a notifier raises nothing)
            return judge_exception(error, hide=secrets.hide)


def idempotency_key(job: Job) -> str:
    """The same for what tells the same: incident, episode, state and content; of a note its id."""
    parts = [job.delivery.incident_id]
    if job.snapshot is not None:
        parts += [str(job.step.episode), job.step.state.value, str(job.step.content)]
    if job.delivery.plain:
        # A receiver that remembers what it answered to a key would answer the plain form with the same refusal.
        parts.append("plain")
    return ":".join(parts)


def signature(key: str, now: Micros, body: bytes) -> str:
    """`t=SECONDS,v1=HEX`; the time is signed too, so that a receiver can refuse what is old."""
    seconds = str(now // 1_000_000)
    made = hmac.new(key.encode(), seconds.encode() + b"." + body, hashlib.sha256)
    return f"t={seconds},v1={made.hexdigest()}"


def is_web_address(url: str) -> bool:
    """Whether it is http or https with a host, and without a user name, which clients treat differently."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # A host or a port that is none.
        return False
    return usable and "@" not in parts.netloc and not re.search(r"[\s\x00-\x1f\x7f\\]", url)


def encoded(document: dict[str, Any]) -> bytes:
    """The document as JSON; when it is very large, without the alerts' labels."""
    body = msgspec.json.encode(document)
    if len(body) > BODY_BYTES and "alerts" in document:
        document = document | {"alerts": [alert | {"labels": {}} for alert in document["alerts"]]}
        body = msgspec.json.encode(document)
    return body


def incident_document(message: Message, *, plain: bool) -> dict[str, Any]:
    """What is told of an incident, see the module."""
    incident: dict[str, Any] = {
        "id": message.incident_id,
        "episode": message.episode,
        "severity": message.severity,
        "name": message.name,
        "summary": message.summary,
    }
    event = Shown.RESOLVED.value if message.resolved else Shown.FIRING.value
    if plain:
        return {"event": event, "incident": incident}
    incident |= {
        "worst": message.worst,
        "team": message.team,
        "service": message.service,
        "description": message.description,
        "impact": message.impact,
        "action": message.action,
        "opened_at": _time(message.opened_at),
        "closed_at": _time(message.closed_at),
        "firing": message.firing,
        "total": message.total,
        "labels": dict(message.labels),
        "reopened": message.flaps,
        "escalated": message.escalated,
        "response": message.response,
    }
    alerts = [
        line._asdict() | {"starts_at": _time(line.starts_at), "labels": dict(line.labels)} for line in message.alerts
    ]
    links = _links(message.links)
    return {"event": event, "incident": incident, "alerts": alerts, "more_alerts": message.more, "links": links}


def note_document(note: Note) -> dict[str, Any]:
    """What is told by a note, see the module."""
    sections = [{"title": title, "lines": list(lines)} for title, lines in note.sections]
    fields = {"kind": note.kind, "title": note.title, "text": note.text, "severity": note.severity}
    return {"event": "note", "note": fields | {"sections": sections}, "links": _links(note.links)}


def _links(links: tuple[Link, ...]) -> list[dict[str, Any]]:
    return [link._asdict() for link in links]


def _time(at: Micros) -> str | None:
    return moment(at).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


async def _start_of(answer: Any) -> bytes:  # noqa: ANN401  (an aiohttp.ClientResponse, whose import is put off)
    start = b""
    while len(start) < ANSWER_BYTES and (piece := await answer.content.read(ANSWER_BYTES - len(start))):
        start += piece
    return start
