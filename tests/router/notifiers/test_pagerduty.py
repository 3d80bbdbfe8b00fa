"""PagerDuty as people meet it there: one incident an episode, whatever the network does in between."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import http_stub
import message_samples
import msgspec
import pytest
from http_stub import Fault, Kind
from message_samples import INCIDENT
from notifier_jobs import NOTE, context, make_job
from notifier_suite import OK, job, running
from pagerduty_adapter import ADAPTER

from router.channels.pagerduty.client import Abandoned, Attempt
from router.messages.templating import Templates
from router.model import Shown, View
from router.notifier import Delivered, Reason, Rejected, Retry
from router.notifiers import pagerduty

KEY = ADAPTER.secrets["PAGERDUTY_KEY"]
OTHER_KEY = "abcdefghijklmnopqrstu1R0UT1NGK3Y"


def send(*jobs, adapter=None, fault=OK):
    adapter = adapter or ADAPTER()

    async def scenario():
        async with running(adapter, fault) as notifier:
            return [await notifier.send(one) for one in jobs]

    return asyncio.run(scenario()), adapter.stub


def test_a_trigger_and_its_resolve_are_one_incident():
    adapter = ADAPTER()
    outcomes, stub = send(job(adapter), job(adapter, resolved=True))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    (incident,) = stub.opened(INCIDENT.id)
    assert incident["status"] == "resolved"
    assert incident["severity"] == "error"
    assert outcomes[0].provider_id == INCIDENT.id


def test_a_repeated_trigger_pages_nobody_again():
    adapter = ADAPTER()
    _, stub = send(job(adapter), job(adapter), job(adapter, uncertain=True))
    (incident,) = stub.opened(INCIDENT.id)
    assert incident["triggers"] == 3


def test_the_next_episode_opens_a_new_incident():
    adapter = ADAPTER()
    _, stub = send(
        job(adapter, step=View(1, Shown.FIRING, 1)),
        job(adapter, step=View(1, Shown.RESOLVED, 1)),
        job(adapter, step=View(2, Shown.FIRING, 1)),
    )
    assert [incident["status"] for incident in stub.opened(INCIDENT.id)] == ["resolved", "triggered"]


def test_a_resolve_without_an_open_incident_is_accepted_and_opens_none():
    adapter = ADAPTER()
    outcomes, stub = send(job(adapter, resolved=True))
    assert isinstance(outcomes[0], Delivered)
    assert not stub.opened(INCIDENT.id)


def test_a_trigger_whose_answer_is_lost_opens_one_incident_when_sent_again():
    adapter = ADAPTER()

    async def scenario():
        async with running(adapter, Fault(Kind.RESET_AFTER)) as notifier:
            lost = await notifier.send(job(adapter))
            await adapter.recover()
            await notifier.send(job(adapter, uncertain=True))
            return lost

    lost = asyncio.run(scenario())
    assert lost.maybe_shown
    assert len(adapter.stub.opened(INCIDENT.id)) == 1


def test_a_note_is_an_incident_of_its_own():
    adapter = ADAPTER()
    _, stub = send(job(adapter, note=NOTE))
    (incident,) = stub.opened("note-0001")
    assert incident["summary"] == NOTE.title


def test_the_plain_form_has_only_what_is_required():
    adapter = ADAPTER()
    _, stub = send(job(adapter, plain=True))
    (event,) = stub.events
    assert set(event) == {"routing_key", "event_action", "dedup_key", "payload"}
    assert set(event["payload"]) == {"summary", "source", "severity"}


def test_a_key_that_changes_between_two_attempts_is_used_at_once_and_seen_in_the_ledger():
    adapter = ADAPTER()

    async def scenario():
        async with running(adapter) as notifier:
            before = await notifier.send(job(adapter))
            adapter.present["PAGERDUTY_KEY"] = OTHER_KEY
            after = await notifier.send(job(adapter))
            again = await notifier.send(job(adapter))
            return before, after, again

    before, after, again = asyncio.run(scenario())
    assert [event["routing_key"] for event in adapter.stub.events] == [KEY, OTHER_KEY, OTHER_KEY]
    assert before.parts != after.parts == again.parts
    for outcome in (before, after):
        assert not {KEY, OTHER_KEY} & set(map(str, outcome.parts.values()))


def test_a_connection_is_used_again():
    adapter = ADAPTER()
    _, stub = send(*[job(adapter) for _ in range(5)])
    assert stub.attempts == 5
    assert stub.connections == 1


def test_a_kept_connection_that_was_reset_costs_one_attempt_and_no_second_call():
    adapter = ADAPTER()

    async def scenario():
        async with running(adapter) as notifier:
            await notifier.send(job(adapter))
            adapter.stub.plan.script.append(Fault(Kind.RESET_BEFORE))
            outcome = await notifier.send(job(adapter))
            return outcome, await notifier.send(job(adapter))

    lost, after = asyncio.run(scenario())
    assert isinstance(lost, Retry)
    assert lost.reason is Reason.RESET
    assert isinstance(after, Delivered)
    assert adapter.stub.attempts == 3


@pytest.mark.parametrize("key", ["short", KEY + "x", KEY[:-1] + "-", KEY[:-1] + "é"])
def test_what_is_no_routing_key_is_never_sent(key):
    adapter = ADAPTER()
    adapter.present["PAGERDUTY_KEY"] = key
    (outcome,), stub = send(job(adapter), adapter=adapter)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.scope) == (Reason.MISCONFIGURED, "destination")
    assert key not in repr(outcome)
    assert stub.attempts == 0


def test_a_key_with_a_line_break_from_its_file_works():
    adapter = ADAPTER()
    adapter.present["PAGERDUTY_KEY"] = KEY + "\n"
    (outcome,), _ = send(job(adapter), adapter=adapter)
    assert isinstance(outcome, Delivered)


def test_a_key_that_pagerduty_does_not_know_is_the_destinations_fault():
    adapter = ADAPTER()
    adapter.stub.known_keys = {OTHER_KEY}
    (outcome,), _ = send(job(adapter), adapter=adapter)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.scope) == (Reason.BAD_CREDENTIALS, "destination")


@pytest.mark.parametrize(
    ("answer", "about"),
    [
        (b'{"errors": ["Invalid routing key"]}', True),
        (b'{"errors": ["Length of \'routing_key\' is incorrect (should be 32 characters)"]}', True),
        (b'{"message": "Invalid Routing Key"}', True),
        (b'{"message": "the routing key is fine", "errors": ["\'payload.severity\' is invalid"]}', False),
        (b"routing_key", False),
        (b'["routing_key"]', False),
        (b"\xff", False),
        (b"", False),
    ],
)
def test_only_pagerdutys_own_errors_speak_of_the_key(answer, about):
    assert pagerduty.about_the_key(answer) is about


def test_the_limit_of_a_minute_is_told_as_such():
    adapter = ADAPTER()
    adapter.stub.per_minute = 2
    outcomes, _ = send(*[job(adapter) for _ in range(3)], adapter=adapter)
    assert outcomes[2].reason is Reason.RATE_LIMITED


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"{}", b'{"dedup_key": "another"}', b"null", b"1", b""])
def test_an_answer_without_the_dedup_key_is_not_pagerdutys(body, monkeypatch):
    adapter = ADAPTER()
    monkeypatch.setattr(adapter.stub, "answer", lambda request: http_stub.Answer(202, body))
    (outcome,), stub = send(job(adapter), adapter=adapter)
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.maybe_shown) == (Reason.BAD_ANSWER, True)
    assert stub.attempts == 1


def test_a_teams_template_writes_the_summary_and_a_broken_one_does_not_matter(tmp_path):
    (tmp_path / "payments").mkdir()
    (tmp_path / "payments" / "pagerduty_summary.txt").write_text(
        "{{ message.team }} has {{ message.firing }}: {{ message.name }}"
    )
    (tmp_path / "pagerduty_summary.txt").write_text("{{ nothing.like.this }}{% for %}")
    adapter = ADAPTER()

    async def scenario():
        await adapter.start(OK)
        notifier = pagerduty.build(context(adapter.settings(OK), adapter.present, None, templates=Templates(tmp_path)))
        try:
            assert isinstance(await notifier.send(job(adapter)), Delivered)
            assert isinstance(await notifier.send(job(adapter, team="platform", incident_id="1" * 32)), Delivered)
        finally:
            await notifier.close()
            await adapter.stop()

    asyncio.run(scenario())
    own, built_in = adapter.stub.events
    assert own["payload"]["summary"] == "Payments has 1: CheckoutErrorRate"
    assert built_in["payload"]["summary"].startswith("CheckoutErrorRate: Checkout answers")


def test_what_cannot_start_tls_has_been_sent_nothing():
    adapter = ADAPTER()

    async def scenario():
        await adapter.stub.start()
        settings = pagerduty.Settings(url=adapter.stub.url.replace("http:", "https:"), connect_timeout=0.3)
        notifier = pagerduty.build(context(settings, adapter.present, None))
        try:
            return await notifier.send(job(adapter))
        finally:
            await notifier.close()
            await adapter.stop()

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.maybe_shown) == (Reason.UNREACHABLE, False)


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_handshake_that_hangs_is_given_up_before_anything_is_sent(cancelled):
    async def scenario():
        received = asyncio.Queue()

        async def silent(reader, writer):
            # The client's hello arrives, and is never answered.
            while piece := await reader.read(1000):
                received.put_nowait(piece)
            writer.close()
            received.put_nowait(None)

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        settings = pagerduty.Settings(url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        notifier = pagerduty.build(context(settings, ADAPTER.secrets, None))
        try:
            call = asyncio.create_task(notifier.send(make_job(ADAPTER.destination, timeout=20.0 if cancelled else 0.3)))
            assert b"\x16\x03" in await received.get()
            if cancelled:
                call.cancel()
            (outcome,) = await asyncio.gather(call, return_exceptions=True)
            async with asyncio.timeout(5):
                while await received.get() is not None:
                    pass
            return outcome
        finally:
            await notifier.close()
            server.close()
            await server.wait_closed()

    outcome = asyncio.run(scenario())
    if cancelled:
        assert isinstance(outcome, asyncio.CancelledError)
    else:
        assert (outcome.reason, outcome.maybe_shown) == (Reason.UNREACHABLE, False)


def test_an_attempt_that_was_given_up_sends_nothing_any_more():
    attempt = Attempt()
    assert attempt.abandon() is False
    with pytest.raises(Abandoned):
        attempt.sends()
    assert attempt.sent is False


def test_a_connection_that_is_made_too_late_is_shut_at_once():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        attempt = Attempt()
        attempt.abandon()
        attempt.holds(ours)
        assert theirs.recv(1) == b""


def test_calls_that_wait_for_a_thread_are_never_made_once_their_time_is_over():
    adapter = ADAPTER()

    async def scenario():
        await adapter.start(Fault(Kind.HANG))
        settings = msgspec.structs.replace(adapter.settings(Fault(Kind.HANG)), threads=1)
        notifier = pagerduty.build(context(settings, adapter.present, None))
        try:
            return await asyncio.gather(*[notifier.send(job(adapter, timeout=0.3)) for _ in range(3)])
        finally:
            await notifier.close()
            await adapter.stop()

    outcomes = asyncio.run(scenario())
    assert adapter.stub.attempts == 1
    assert sorted(outcome.maybe_shown for outcome in outcomes) == [False, False, True]


def test_calls_run_at_the_same_time():
    adapter = ADAPTER()
    adapter.stub.plan.delay = 0.2

    async def scenario():
        async with running(adapter) as notifier:
            started = time.monotonic()
            await asyncio.gather(*[notifier.send(job(adapter)) for _ in range(4)])
            return time.monotonic() - started

    assert asyncio.run(scenario()) < 0.6


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    adapter = ADAPTER()
    (outcome,), _ = send(job(adapter), adapter=adapter)
    assert isinstance(outcome, Delivered)


def test_nothing_is_sent_after_the_end():
    adapter = ADAPTER()

    async def scenario():
        async with running(adapter) as notifier:
            await notifier.close()
            return await notifier.send(job(adapter))

    outcome = asyncio.run(scenario())
    assert (outcome.reason, outcome.maybe_shown) == (Reason.UNREACHABLE, False)
    assert adapter.stub.attempts == 0


@pytest.mark.parametrize(
    "wrong",
    [{"url": "http://events.pagerduty.com"}, {"timeout": 0}, {"connect_timeout": -1}, {"threads": 0}, {"url": "x"}],
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, pagerduty.Settings)


def test_the_client_is_told_to_try_once_and_says_nothing_of_the_key(caplog):
    caplog.set_level(logging.DEBUG)
    adapter = ADAPTER()
    outcomes, stub = send(job(adapter), fault=Fault(Kind.STATUS, 429), adapter=adapter)
    assert stub.attempts == 1
    assert KEY not in caplog.text + repr(outcomes)
    assert message_samples.INCIDENT.id in stub.requests()[0].body.decode()


@pytest.mark.full
def test_the_stub_runs_as_a_process_with_a_plan():
    support = Path(http_stub.__file__).parent
    plan = json.dumps({"script": [{"kind": "status", "status": 503, "retry_after": "2", "times": 2}]})
    with subprocess.Popen(
        [sys.executable, "-m", "pagerduty_stub", "--plan", plan], cwd=support, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url = json.loads(process.stdout.readline())["url"]

            def call(path, body=None):
                data = None if body is None else json.dumps(body).encode()
                with urllib.request.urlopen(url + path, data, timeout=5) as answer:
                    return json.load(answer)

            adapter = ADAPTER()

            async def scenario():
                notifier = pagerduty.build(context(pagerduty.Settings(url=url), adapter.present, None))
                try:
                    return [await notifier.send(job(adapter)) for _ in range(3)]
                finally:
                    await notifier.close()

            outcomes = asyncio.run(scenario())
            assert [type(outcome) for outcome in outcomes] == [Retry, Retry, Delivered]
            assert outcomes[0].after == 2.0
            assert call("/_state")["opened"] == 1
            assert [entry["status"] for entry in call("/_calls")] == [503, 503, 202]
            call("/_faults", {"random": {"seed": 1, "rate": 1.0, "choices": [{"kind": "status", "status": 500}]}})
            call("/_reset", {})
            assert isinstance(asyncio.run(scenario())[0], Retry)
            assert call("/_state")["attempts"] == 3
        finally:
            process.terminate()
            assert process.wait(10) == 0
