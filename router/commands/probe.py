"""A test alert: its webhook, the call that posts it, and what the store says became of it."""

from __future__ import annotations

import base64
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple

from router.commands import words
from router.commands.console import CommandError
from router.messages.text import one_line
from router.model import AlertState, Attempt, Delivery, Incident, Micros, Mode, Shown, Status, incident_id
from router.payload import fingerprint
from router.planning import INCOMPLETE
from router.routing import group_labels

if TYPE_CHECKING:
    from http.client import HTTPMessage
    from typing import IO

    from router.commands.setup import Setup
    from router.routes import Routes
    from router.store import Store

MARK = "alert_router_test"
"""The label by which a test alert is known: only what has it can be resolved by hand."""

ANSWER_BYTES = 65_536


class Probe(NamedTuple):
    """A test alert."""

    cluster: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: Micros
    fingerprint: str
    """As Alertmanager makes it."""
    incident_id: str


def new_probe(routes: Routes, *, cluster: str, severity: str, team: str, alertname: str, now: Micros) -> Probe:
    """An alert that says of itself that it is a test.

    Each has a service of its own, and so its own incident where incidents are grouped by service: several in an hour
    are no flapping, and none hides behind another that still fires.
    """
    labels = {
        "alertname": alertname,
        "severity": severity,
        "team": team,
        "service": f"test-{secrets.token_hex(4)}",
        MARK: "true",
    }
    annotations = {
        "summary": "This is a test of the alert router, nothing is wrong",
        "description": "Somebody ran `alert-router send` to see whether messages arrive here.",
        "impact": "None.",
        "action": "Nothing: it resolves by itself, or when whoever sent it resolves it.",
    }
    own = incident_id(cluster, group_labels(labels, routes))
    return Probe(cluster, labels, annotations, now, fingerprint(labels), own)


def known_probe(state: AlertState) -> Probe:
    """The test alert that the store knows. CommandError when it is no test."""
    if state.labels.get(MARK) != "true":
        raise CommandError(f"{state.fingerprint} is no test alert: only Alertmanager resolves it")
    return Probe(state.cluster, state.labels, state.annotations, state.starts_at, state.fingerprint, state.incident_id)


def webhook(probe: Probe, ends_at: Micros) -> bytes:
    """Alertmanager's payload, version 4. `ends_at`: 0 while it fires."""
    status = "resolved" if ends_at else "firing"
    alert = {
        "status": status,
        "labels": dict(probe.labels),
        "annotations": dict(probe.annotations),
        "startsAt": words.rfc3339(probe.starts_at),
        "endsAt": words.rfc3339(ends_at) or "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": probe.fingerprint,
    }
    document: dict[str, Any] = {
        "version": "4",
        "groupKey": '{}:{alertname="' + probe.labels["alertname"] + '"}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "alert-router-send",
        "groupLabels": {"alertname": probe.labels["alertname"]},
        "commonLabels": dict(probe.labels),
        "commonAnnotations": dict(probe.annotations),
        "externalURL": "",
        "alerts": [alert],
    }
    return json.dumps(document).encode()


# Posting --------------------------------------------------------------------------------------------------------------


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect turns a POST into a GET without a body, whose 200 would look like success."""

    def redirect_request(  # noqa: PLR0917 - urllib's signature
        self,
        req: urllib.request.Request,  # noqa: ARG002
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,  # noqa: ARG002
        newurl: str,  # noqa: ARG002
    ) -> urllib.request.Request | None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def address(given: Setup, url: str | None) -> str:
    """The router's base address: the one that was typed, or where the settings listen."""
    if url is not None:
        if not url.startswith(("http://", "https://")) or "@" in url:
            raise CommandError("--url takes http://HOST:PORT or https://HOST:PORT, without a user or password", 2)
        return url.rstrip("/")
    settings = given.settings
    if not settings.port:
        raise CommandError("the settings listen on any free port: name the router's address with --url", 2)
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def authorization(given: Setup, cluster: str) -> str:
    """The header's value, with the first credential that there is for the cluster; empty when there is none."""
    credentials, held = given.settings.credentials, given.secrets
    for name in (*credentials.webhook, *credentials.clusters.get(cluster, ())):
        if value := held.get(name):
            return f"Bearer {value.strip()}"
    for user, names in credentials.users.items():
        for name in names:
            if value := held.get(name):
                return "Basic " + base64.b64encode(f"{user}:{value.strip()}".encode()).decode()
    return ""


def post(url: str, body: bytes, header: str, timeout: float) -> None:
    """Post a webhook. Unavailable when it should be tried again, CommandError for any other answer than 2xx."""
    headers = {"Content-Type": "application/json", "User-Agent": "alert-router-send"}
    if header:
        headers["Authorization"] = header
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - `address` admits http and https
    try:
        with _OPENER.open(request, timeout=timeout) as answer:
            status, text = answer.status, answer.read(ANSWER_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            status, text = error.code, error.read(ANSWER_BYTES)
    except ValueError:
        # The standard library's message would quote the header.
        raise CommandError(f"{url}, or the credential for it, can't stand in a request") from None
    except (OSError, HTTPException) as error:
        reason = str(getattr(error, "reason", error)) or type(error).__name__
        raise UnavailableError(f"no answer from {url}: {one_line(reason, 200)}; does the router run?") from error
    if status == 503:
        raise UnavailableError(f"{url} answers 503: {one_line(text.decode('utf-8', 'replace'), 200)}")
    if status == 401:
        raise CommandError(
            f"{url} takes no such credential. "
            + ("The router's and this command's differ" if header else "Give this command one of the router's")
            + "; `alert-router check-config` tells their names"
        )
    if not 200 <= status < 300 or b"quarantined" in text:
        raise CommandError(f"{url} answers {status}: {one_line(text.decode('utf-8', 'replace'), 200)}")


class UnavailableError(CommandError):
    """The router can't be reached, or asks to come again."""


# Following ------------------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """Where a destination stands with the test."""

    destination: str
    via: str
    outcome: str
    """accepted, digest, failed, waiting, superseded."""
    provider_id: str
    latency: Micros | None
    """From the webhook's arrival at the router to the provider's acceptance, by the router's clock."""
    words: str

    @property
    def final(self) -> bool:
        """Whether nothing more is to be expected."""
        return self.outcome != "waiting"

    @property
    def good(self) -> bool:
        """Whether it went as it should."""
        return self.outcome in ("accepted", "digest")


class Seen(NamedTuple):
    """What the store says."""

    incident: Incident | None
    answers: tuple[Answer, ...]


def look(store: Store, known: str, state: Shown, now: Micros) -> Seen:
    """What became of the incident's present episode, which is to be shown as `state`."""
    with store.begin() as tx:
        incident = tx.incidents([known]).get(known)
        rows = tx.deliveries([known]).get(known, [])
        attempts = tx.history(known, 200)[1]
    if incident is None or incident.open is not (state is Shown.FIRING):
        return Seen(None, ())
    return Seen(incident, tuple(_answer(row, incident, attempts, state, now) for row in rows))


def _answer(row: Delivery, incident: Incident, attempts: Sequence[Attempt], state: Shown, now: Micros) -> Answer:
    outcome = "waiting"
    call = next((line for line in reversed(attempts) if _shows(line, row, incident, state)), None)
    if row.mode is Mode.DIGEST:
        outcome = "digest"
    elif row.shown[:2] == (incident.episode, state) and row.shown.content != INCOMPLETE:
        outcome = "accepted"
    elif row.status in (Status.DEAD, Status.EXPIRED):
        outcome = "failed"
    elif row.status is Status.SETTLED:
        outcome = "superseded"
    accepted = call if outcome == "accepted" else None
    return Answer(
        row.destination,
        row.via,
        outcome,
        accepted.provider_id if accepted is not None else "",
        max(accepted.at + accepted.took - row.received_at, 0) if accepted is not None else None,
        (accepted.detail if accepted is not None else "") if outcome == "accepted" else words.standing(row, now),
    )


def _shows(line: Attempt, row: Delivery, incident: Incident, state: Shown) -> bool:
    same = line.destination == row.destination and line.episode == incident.episode
    return same and line.outcome == "delivered" and line.action == state.value
