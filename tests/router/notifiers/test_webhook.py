"""The generic webhook: a documented body, told apart by a key, and signed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json

import msgspec
import pytest
from http_stub import Fault, Kind
from message_samples import INCIDENT
from notifier_jobs import NOTE, NOW, context, make_job
from notifier_suite import OK, job, running
from webhook_adapter import ADAPTER, BEARER, SIGNING_KEY, TOKEN
from webhook_stub import WebhookStub

from router.model import Shown, View
from router.notifier import Delivered, Reason, Rejected, Retry
from router.notifiers import webhook


def send(*jobs, adapter=None):
    adapter = adapter or ADAPTER()

    async def scenario():
        async with running(adapter) as notifier:
            return [await notifier.send(one) for one in jobs]

    return asyncio.run(scenario()), adapter.stub


def documents(stub: WebhookStub) -> list[dict]:
    return [json.loads(request.body) for request in stub.requests()]


def test_an_incident_is_told_as_documented():
    adapter = ADAPTER()
    (outcome,), stub = send(job(adapter))
    assert isinstance(outcome, Delivered)
    (document,) = documents(stub)
    assert set(document) == {"version", "event", "id", "sent_at", "incident", "alerts", "more_alerts", "links"}
    assert (document["version"], document["event"]) == (1, "firing")
    assert document["id"] == f"{INCIDENT.id}:2:firing:1"
    assert document["sent_at"] == "2026-03-01T02:11:30.000Z"
    incident = document["incident"]
    assert (incident["id"], incident["episode"], incident["severity"]) == (INCIDENT.id, 2, "high")
    assert (incident["team"], incident["service"], incident["firing"]) == ("Payments", "checkout-api", 1)
    assert (incident["opened_at"], incident["closed_at"]) == ("2026-03-01T02:10:00.000Z", None)
    assert document["alerts"][0]["starts_at"] == "2026-03-01T02:10:00.000Z"
    assert {"runbook", "dashboard"} <= {link["kind"] for link in document["links"]}


def test_every_field_is_in_the_documentation():
    adapter = ADAPTER()
    _, stub = send(job(adapter), job(adapter, note=NOTE))
    incident, note = documents(stub)
    names = {*incident, *incident["incident"], *incident["alerts"][0], *incident["links"][0]}
    names |= {*note, *note["note"], *note["note"]["sections"][0]}
    assert [
        name for name in sorted(names) if f'"{name}"' not in webhook.__doc__ and f"`{name}`" not in webhook.__doc__
    ] == []


def test_a_resolve_and_a_note_are_events_of_their_own():
    adapter = ADAPTER()
    _, stub = send(job(adapter, resolved=True), job(adapter, note=NOTE))
    resolved, note = documents(stub)
    assert (resolved["event"], note["event"]) == ("resolved", "note")
    assert resolved["incident"]["closed_at"] is not None
    assert note["id"] == "note-0001"
    assert note["note"]["sections"][0]["lines"] == list(NOTE.sections[0][1])
    assert "incident" not in note


def test_the_same_has_the_same_key_and_a_change_another():
    adapter = ADAPTER()
    steps = [View(2, Shown.FIRING, 1), View(2, Shown.FIRING, 1), View(2, Shown.FIRING, 2), View(2, Shown.RESOLVED, 2)]
    _, stub = send(*[job(adapter, step=step) for step in steps])
    keys = [request.headers["idempotency-key"] for request in stub.requests()]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert stub.state()["duplicates"] == 1
    assert keys == [document["id"] for document in documents(stub)]


def test_the_plain_form_is_small_and_not_mistaken_for_the_refused_one():
    adapter = ADAPTER()
    _, stub = send(job(adapter), job(adapter, plain=True))
    full, plain = stub.requests()
    assert full.headers["idempotency-key"] != plain.headers["idempotency-key"]
    assert set(json.loads(plain.body)["incident"]) == {"id", "episode", "severity", "name", "summary"}


def test_a_body_is_signed_with_its_time():
    adapter = ADAPTER()
    _, stub = send(job(adapter))
    (request,) = stub.requests()
    seconds, made = (part.partition("=")[2] for part in request.headers["x-tocsin-signature"].split(","))
    assert int(seconds) == NOW // 1_000_000
    assert made == hmac.new(SIGNING_KEY.encode(), seconds.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["authorization"] == f"Bearer {BEARER}"


def test_without_bearer_and_key_nothing_of_the_kind_is_sent():
    adapter = ADAPTER()
    adapter.stub.bearer = ""

    async def scenario():
        await adapter.start(OK)
        import aiohttp

        async with aiohttp.ClientSession() as session:
            notifier = webhook.build(context(webhook.Settings(), adapter.present, session))
            outcome = await notifier.send(job(adapter))
        await adapter.stop()
        return outcome

    assert isinstance(asyncio.run(scenario()), Delivered)
    (request,) = adapter.stub.requests()
    assert not {"authorization", "x-tocsin-signature", "cookie"} & set(request.headers)


@pytest.mark.parametrize("name", ["HOOK_BEARER", "HOOK_SIGNING"])
def test_a_bearer_or_key_that_is_named_but_missing_keeps_the_message_back(name):
    adapter = ADAPTER()
    del adapter.present[name]
    (outcome,), stub = send(job(adapter), adapter=adapter)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.scope) == (Reason.MISCONFIGURED, "destination")
    assert name in outcome.detail
    assert stub.attempts == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x",
        "file:///etc/passwd",
        "example.com/hook",
        "https://",
        "https://user:pass@example.com/",
        "http://exa mple.com/",
        "http://example.com/\r\nX: 1",
        "http://[::1",
        "http://example.com:99999/",
        "javascript:alert(1)",
        "http://a.example\\@b.example/",
    ],
)
def test_what_is_no_web_address_is_misconfigured(url):
    async def scenario():
        notifier = webhook.build(context(webhook.Settings(), {"HOOK_URL": url}, None))
        return await notifier.send(make_job(ADAPTER.destination))

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.scope) == (Reason.MISCONFIGURED, "destination")
    assert url not in outcome.detail


@pytest.mark.parametrize("bearer", ["a\r\nX-Injected: 1", "a b", "é"])
def test_a_bearer_that_does_not_fit_a_header_is_misconfigured(bearer):
    adapter = ADAPTER()
    adapter.present["HOOK_BEARER"] = bearer
    (outcome,), stub = send(job(adapter), adapter=adapter)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.MISCONFIGURED
    assert stub.attempts == 0


def test_a_new_address_is_used_at_once():
    adapter, other = ADAPTER(), WebhookStub()

    async def scenario():
        async with running(adapter) as notifier, other:
            await notifier.send(job(adapter))
            adapter.present["HOOK_URL"] = f"{other.url}/moved"
            return await notifier.send(job(adapter))

    assert isinstance(asyncio.run(scenario()), Delivered)
    assert (adapter.stub.attempts, other.attempts) == (1, 1)


def test_a_redirect_leads_nowhere_and_takes_no_bearer_along():
    adapter = ADAPTER()

    async def scenario():
        async with running(adapter, Fault(Kind.REDIRECT)) as notifier:
            return await notifier.send(job(adapter))

    assert isinstance(asyncio.run(scenario()), Rejected)
    assert [request.path.partition("?")[0] for request in adapter.stub.requests()] == [f"/hooks/{TOKEN}"]


def test_a_very_large_incident_is_told_without_its_alerts_labels():
    alerts = [{"name": "DiskFull", "labels": {f"l{n}": "\U0001f525" * 300 for n in range(50)}} for _ in range(10)]
    large = json.loads(webhook.encoded({"alerts": alerts}))
    small = json.loads(webhook.encoded({"alerts": alerts[:1]}))

    assert [alert["labels"] for alert in large["alerts"]] == [{}] * 10
    assert [alert["name"] for alert in large["alerts"]] == ["DiskFull"] * 10
    assert small["alerts"] == alerts[:1]


def test_a_session_that_is_closed_is_a_bug_and_no_exception():
    async def scenario():
        import aiohttp

        session = aiohttp.ClientSession()
        await session.close()
        notifier = webhook.build(context(webhook.Settings(), {"HOOK_URL": "http://127.0.0.1:9/x"}, session))
        return await notifier.send(make_job(ADAPTER.destination))

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, Retry)
    assert outcome.reason is Reason.BUG


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"connect_timeout": 500}, {"bearer": "NAME"}, {"url": "x"}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, webhook.Settings)
