import asyncio
import re
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from alertmanager_stub import AlertmanagerStub

from router.duties import alertmanager_api
from router.duties.alertmanager_api import poll
from router.model import DAY, MINUTE
from router.policies.reconcile import PeerState, PeerUnreachable
from router.policies.schedule import micros

PATHS = ("/api/v2/status", "/api/v2/alerts")
ASKED_AT = 1_700_000_000_000_000


def ask(prepare=lambda _peer: None, *, timeout=5.0, suffix="", stub=None, **options):
    """What a poll of a prepared stub answers, and the stub."""

    async def run():
        peer = stub or AlertmanagerStub()
        async with peer, aiohttp.ClientSession() as session:
            prepare(peer)
            answer = await poll(session, peer.url + suffix, timeout=timeout, asked_at=ASKED_AT, **options)
        return answer, peer

    return asyncio.run(run())


def answering(path, status, kind, body):
    return lambda peer: peer.answers.update({path: (status, kind, body)})


def test_a_peer_tells_what_it_holds():
    started = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)

    def prepare(peer):
        peer.fire("Down", started=started, instance="a", annotations={"summary": "gone"})
        peer.fire("Slow", state="suppressed", receivers=("router", "extra"))
        peer.fire("New", state="unprocessed")
        peer.fire("Watchdog")

    answer, peer = ask(prepare, stub=AlertmanagerStub(members=2))
    assert isinstance(answer, PeerState)
    assert (answer.peer, answer.asked_at, answer.ready, answer.members) == (peer.url, ASKED_AT, True, 2)
    assert abs(answer.started_at - (micros(datetime.now(UTC)) - DAY)) < MINUTE
    down = answer.alerts["alertname=Down/instance=a"]
    assert down.labels == {"alertname": "Down", "instance": "a"}
    assert down.annotations == {"summary": "gone"}
    assert down.generator_url == "http://prometheus.example.com/graph"
    assert (down.starts_at, down.state, down.suppressed, down.watchdog) == (micros(started), "active", False, False)
    assert down.ends_at > down.updated_at >= down.starts_at
    slow = answer.alerts["alertname=Slow"]
    assert slow.suppressed
    assert len(slow.silenced_by) == 1
    assert slow.receivers == ("router", "extra")
    assert answer.alerts["alertname=New"].state == "unprocessed"
    assert answer.alerts["alertname=Watchdog"].watchdog


def test_what_is_known_is_told_without_its_texts():
    def prepare(peer):
        peer.fire("Down")
        peer.fire("Watchdog")

    answer, _ = ask(prepare, known={"alertname=Down", "alertname=Watchdog"})
    assert answer.alerts["alertname=Down"].labels == {}
    assert answer.alerts["alertname=Down"].annotations == {}
    assert answer.alerts["alertname=Watchdog"].watchdog


def test_an_alert_that_only_speaks_of_the_watchdog_is_none():
    answer, _ = ask(lambda peer: peer.fire("Down", reason="Watchdog"))
    assert not answer.alerts["alertname=Down/reason=Watchdog"].watchdog


def test_a_muted_alert_counts_as_suppressed():
    answer, _ = ask(lambda peer: peer.fire("Down", muted_by=("sunday",)))
    assert answer.alerts["alertname=Down"].suppressed


@pytest.mark.parametrize(("status", "ready"), [("ready", True), ("disabled", True), ("settling", False)])
def test_a_peer_that_settles_is_not_ready(status, ready):
    answer, _ = ask(stub=AlertmanagerStub(status=status))
    assert answer.ready is ready


def test_a_peer_alone_names_no_others():
    answer, _ = ask(stub=AlertmanagerStub(members=0, status="disabled"))
    assert answer.members == 1


def test_a_peer_that_does_not_serve_yet_is_not_ready_and_still_heard():
    def prepare(peer):
        peer.fire("Down")
        peer.answers["/-/ready"] = (503, "text/plain", b"")

    answer, _ = ask(prepare)
    assert not answer.ready
    assert set(answer.alerts) == {"alertname=Down"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("status", "kind", "body", "reason"),
    [
        (200, "text/html", b"<html>Sign in</html>", "its answer isn't Alertmanager's"),
        (200, "application/json", b'[{"fingerprint": "a"', "its answer isn't Alertmanager's"),
        (200, "application/json", b"", "its answer isn't Alertmanager's"),
        (200, "application/json", b"null", "its answer isn't Alertmanager's"),
        (200, "application/json", b'{"status": "success", "data": []}', "its answer isn't Alertmanager's"),
        (200, "application/json", b"\xff\xfe", "its answer isn't Alertmanager's"),
        (200, "application/json", b"[" * 100_000, "its answer isn't Alertmanager's"),
        (401, "text/plain", b"secret words of the proxy", "status 401"),
        (502, "text/html", b"<html>", "status 502"),
        (302, "text/plain", b"/elsewhere", "status 302"),
    ],
)
def test_what_is_not_an_answer_is_none(path, status, kind, body, reason):
    answer, peer = ask(answering(path, status, kind, body))
    assert answer == PeerUnreachable(peer.url, ASKED_AT, reason)
    assert "/elsewhere" not in [path for path, _ in peer.asked]


def test_half_of_the_alerts_are_no_answer():
    good = b'{"fingerprint":"a","startsAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z",'
    good += b'"endsAt":"2026-01-01T00:00:00Z","status":{"state":"active"},"labels":{"a":"b"}}'
    answer, _ = ask(answering("/api/v2/alerts", 200, "application/json", b"[" + good + b"]"))
    assert set(answer.alerts) == {"a"}
    for broken in (
        good.replace(b'"fingerprint":"a",', b""),
        good.replace(b"2026-01-01T00:00:00Z", b"yesterday", 1),
        good.replace(b'{"a":"b"}', b'{"a":1}'),
        good.replace(b'{"a":"b"}', b"[]"),
    ):
        answer, _ = ask(answering("/api/v2/alerts", 200, "application/json", b"[" + good + b"," + broken + b"]"))
        assert isinstance(answer, PeerUnreachable), broken


def test_a_huge_answer_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(alertmanager_api, "ALERTS_LIMIT", 100_000)
    answer, _ = ask(answering("/api/v2/alerts", 200, "application/json", b"[" + b" " * 200_000 + b"]"))
    assert answer.reason == "its answer is too large"
    answer, _ = ask(answering("/api/v2/alerts", 200, "application/json", b"[" + b" " * 90_000 + b"]"))
    assert isinstance(answer, PeerState)


@pytest.mark.parametrize("path", ["/-/ready", *PATHS])
def test_a_peer_that_hangs_is_given_up(path):
    answer, _ = ask(lambda peer: peer.hangs.add(path), timeout=0.05)
    assert answer.reason == "no answer in time"


def test_a_peer_that_is_gone_is_unreachable():
    async def run():
        async with AlertmanagerStub() as peer:
            url = peer.url
        async with aiohttp.ClientSession() as session:
            return await poll(session, url, timeout=5, asked_at=ASKED_AT)

    assert asyncio.run(run()).reason == "no connection"


def test_a_connection_that_breaks_is_unreachable():
    async def run():
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, aiohttp.ClientSession() as session:
            return await poll(session, url, timeout=5, asked_at=ASKED_AT)

    assert asyncio.run(run()).reason == "the connection broke"


def test_an_address_that_is_none_is_unreachable():
    async def run():
        async with aiohttp.ClientSession() as session:
            return await poll(session, "http://[bad", timeout=5, asked_at=ASKED_AT)

    assert isinstance(asyncio.run(run()), PeerUnreachable)


def test_a_path_prefix_is_kept():
    answer, peer = ask(suffix="/alertmanager/")
    assert isinstance(answer, PeerState)
    assert [path for path, _ in peer.asked] == [
        "/alertmanager/-/ready",
        "/alertmanager/api/v2/status",
        "/alertmanager/api/v2/alerts",
    ]


def test_a_token_is_sent_and_never_told():
    answer, peer = ask(token="tok-1234")
    assert {headers["Authorization"] for _, headers in peer.asked} == {"Bearer tok-1234"}
    assert "tok-1234" not in repr(answer)
    _, peer = ask()
    assert all("Authorization" not in headers for _, headers in peer.asked)


def test_reasons_hold_no_part_of_an_answer():
    answer, _ = ask(answering("/api/v2/alerts", 418, "text/plain", b"hunter2"))
    assert re.fullmatch(r"status 418", answer.reason)


def test_cancelling_is_not_swallowed():
    async def run():
        async with AlertmanagerStub() as peer, aiohttp.ClientSession() as session:
            peer.hangs.add("/api/v2/alerts")
            task = asyncio.create_task(poll(session, peer.url, timeout=30, asked_at=ASKED_AT))
            await asyncio.wait_for(peer.reached["/api/v2/alerts"].wait(), 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())


def test_a_list_of_ten_thousand_is_read_whole():
    def prepare(peer):
        started = datetime.now(UTC) - timedelta(hours=1)
        for n in range(10_000):
            peer.fire("Down", started=started, instance=f"host-{n}")

    answer, _ = ask(prepare)
    assert len(answer.alerts) == 10_000
