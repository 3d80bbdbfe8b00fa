import asyncio
import gzip
import time
import zlib

import pytest
from web_edge import BEARER, NOW, TOKEN, FakePorts, call, request
from webhooks import alert, webhook

from router.model import INTERNAL_CLUSTER
from router.store import CommitUnknown, StoreError, StoreUnavailable
from router.web.app import create_app
from router.web.ports import Refusal, Settings
from router.web.webhook import LARGE

BODY = webhook([alert("A")])
SMALL = Settings(body=5_000, head=100, drain=20_000, memory=30_000, read_timeout=0.05)


def post(ports, body=BODY, path="/webhook/main", **kwargs):
    return request(ports, "POST", path, body, **kwargs)


def test_a_webhook_is_answered_once_it_is_kept():
    ports = FakePorts()
    answer = post(ports)
    assert (answer.status, answer.json()) == (200, {"status": "accepted"})
    (kept,) = ports.kept
    assert (kept.cluster, kept.received_at, kept.body) == ("main", NOW, BODY)
    assert [one.labels["alertname"] for one in kept.webhook.alerts] == ["A"]
    assert (ports.refusals, ports.unknown, ports.locked) == ([], [], [])


@pytest.mark.parametrize("size", [1, 7, 400])
def test_a_body_in_pieces_is_put_together(size):
    ports = FakePorts()
    assert post(ports, [BODY[at : at + size] for at in range(0, len(BODY), size)]).status == 200
    assert ports.kept[0].body == BODY


@pytest.mark.parametrize("error", [StoreUnavailable("disk full"), CommitUnknown("connection lost"), StoreError("no")])
@pytest.mark.parametrize("body", [BODY, b"not json", b"x" * 6_000])
def test_store_trouble_is_a_503_so_that_alertmanager_comes_again(error, body):
    ports = FakePorts()
    ports.error = error
    answer = post(ports, body, settings=SMALL)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert ports.refusals == [(Refusal.STORE, "main", error)]
    assert str(error).encode() not in answer.body


@pytest.mark.parametrize("error", [RuntimeError("bug with a secret"), TimeoutError("late")])
def test_a_bug_is_a_500_that_tells_nothing(error):
    ports = FakePorts()
    ports.error = error
    answer = post(ports)
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert ports.refusals == [(Refusal.BUG, "main", error)]


def test_a_body_that_takes_seconds_to_read_keeps_nobody_waiting():
    # None of its alerts has a fingerprint, so that each byte of their labels is looked at.
    one = alert("A", labels={f"name{number}": "x" * 3_000 for number in range(50)}) | {"fingerprint": ""}
    large = webhook([one] * 12)
    assert len(large) > LARGE
    ports = FakePorts()

    async def scenario():
        app = create_app(ports)
        longest = 0.0
        posting = asyncio.create_task(call(app, "POST", "/webhook/main", large))
        loop = asyncio.get_running_loop()
        while not posting.done():
            before = loop.time()
            await asyncio.sleep(0)
            await call(app, "GET", "/health/live")
            longest = max(longest, loop.time() - before)
        return longest, await posting

    started = time.monotonic()
    longest, answer = asyncio.run(scenario())
    took = time.monotonic() - started
    assert answer.status == 200
    assert len(ports.kept[0].webhook.alerts) == 12
    assert longest < took / 2


def test_a_bug_in_the_parser_is_quarantined_rather_than_retried_for_ever(monkeypatch):
    def fail(*_):
        raise RuntimeError("boom")

    monkeypatch.setattr("router.web.webhook.decode", fail)
    ports = FakePorts()
    assert post(ports).json() == {"status": "quarantined"}
    assert ports.locked[0].body == BODY
    assert ports.refusals[0][0] is Refusal.BUG


def test_overload_is_a_503_before_the_body_is_read():
    ports = FakePorts()
    ports.busy = True
    answer = post(ports, [...])
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert ports.refusals == [(Refusal.OVERLOADED, "main", None)]


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"alerts":7}', BODY[:-30]])
def test_an_unreadable_body_is_quarantined_and_answered_2xx(body):
    ports = FakePorts()
    answer = post(ports, body)
    assert (answer.status, answer.json()) == (200, {"status": "quarantined"})
    (locked,) = ports.locked
    assert (locked.cluster, locked.size, locked.body) == ("main", len(body), body)
    assert ports.kept == []


def test_of_an_unreadable_body_the_head_is_kept():
    ports = FakePorts()
    post(ports, b"x" * 4_000, settings=SMALL)
    assert (ports.locked[0].size, ports.locked[0].body) == (4_000, b"x" * 100)


@pytest.mark.parametrize("piece", [300, 5_001, 12_000])
def test_a_body_over_the_cap_is_read_to_its_end_quarantined_and_answered_2xx(piece):
    ports = FakePorts()
    body = (BODY * 20)[:12_000]
    answer = post(ports, [body[at : at + piece] for at in range(0, 12_000, piece)], settings=SMALL)
    assert (answer.status, answer.json()) == (200, {"status": "quarantined"})
    assert "connection" not in answer.headers
    (locked,) = ports.locked
    assert (locked.size, locked.body) == (12_000, body[:100])
    assert "5000 bytes" in locked.reason


def test_a_body_without_end_is_given_up_and_quarantined():
    ports = FakePorts()
    answer = post(ports, [b"x" * 4_000] * 1_000, settings=SMALL)
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert ports.locked[0].size == 24_000


def test_a_slow_body_over_the_cap_is_quarantined_too():
    ports = FakePorts()
    answer = post(ports, [b"x" * 6_000, ...], settings=SMALL)
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert ports.locked[0].size == 6_000


def test_a_body_at_the_cap_is_read():
    ports = FakePorts()
    body = BODY + b" " * (5_000 - len(BODY))
    assert post(ports, [body[:100], body[100:]], settings=SMALL).json() == {"status": "accepted"}


@pytest.mark.parametrize("pieces", [[...], [BODY[:100], ...]])
def test_a_slow_body_is_a_503_and_the_connection_is_closed(pieces):
    ports = FakePorts()
    answer = post(ports, pieces, settings=SMALL)
    assert (answer.status, answer.headers["connection"]) == (503, "close")
    assert ports.refusals == [(Refusal.SLOW, "main", None)]


@pytest.mark.parametrize("settings", [SMALL._replace(read_timeout=60.0), SMALL._replace(read_timeout=0.0)])
def test_a_server_that_stops_may_cancel_a_webhook_at_any_time(settings):
    async def run():
        ports = FakePorts()
        task = asyncio.create_task(call(create_app(ports, settings), "POST", "/webhook/main", [...]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (ports.kept, ports.refusals) == ([], [])

    asyncio.run(run())


def test_who_leaves_gets_no_answer_and_nothing_is_kept():
    ports = FakePorts()
    assert post(ports, [BODY[:100], None]) is None
    assert (ports.kept, ports.locked) == ([], [])
    assert ports.refusals == [(Refusal.GONE, "main", None)]


def test_bodies_that_take_too_much_memory_together_are_asked_to_come_again():
    ports = FakePorts()
    settings = SMALL._replace(memory=9_000)

    async def run():
        app = create_app(ports, settings)
        slow = [asyncio.create_task(call(app, "POST", "/webhook/main", [b" " * 4_000, ...])) for _ in range(2)]
        await asyncio.sleep(0)
        third = await call(app, "POST", "/webhook/main", [b" " * 4_000, BODY])
        await asyncio.gather(*slow)
        return third, await call(app, "POST", "/webhook/main", [b" " * 4_000, BODY])

    third, after = asyncio.run(run())
    assert third.status == 503
    assert ports.refusals[0] == (Refusal.OVERLOADED, "main", None)
    # What is done with gives its share back.
    assert after.status == 200


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP "])
def test_gzip_is_inflated(encoding):
    ports = FakePorts()
    answer = post(ports, gzip.compress(BODY), headers=[*BEARER, ("content-encoding", encoding)])
    assert answer.json() == {"status": "accepted"}
    assert ports.kept[0].body == BODY


def bomb(size):
    return gzip.compress(b" " * size)


@pytest.mark.parametrize(
    ("body", "encoding", "head"),
    [
        (b"no gzip", "gzip", b"no gzip"),
        (gzip.compress(BODY)[:-4], "gzip", BODY[:100]),
        (gzip.compress(BODY)[:-1] + b"?", "gzip", None),
        (gzip.compress(BODY) + gzip.compress(BODY), "gzip", BODY[:100]),
        (bomb(4_000_000), "gzip", b" " * 100),
        (zlib.compress(BODY), "deflate", zlib.compress(BODY)[:100]),
        (BODY, "zstd", BODY[:100]),
        (BODY, "gzip, gzip", BODY[:100]),
    ],
)
def test_an_encoding_that_cannot_be_read_is_quarantined(body, encoding, head):
    ports = FakePorts()
    answer = post(ports, body, headers=[*BEARER, ("content-encoding", encoding)], settings=SMALL)
    assert (answer.status, answer.json()) == (200, {"status": "quarantined"})
    (locked,) = ports.locked
    assert locked.size == len(body)
    assert head is None or locked.body == head


def test_a_gzip_bomb_is_inflated_no_further_than_the_cap(monkeypatch):
    sizes = []
    real = zlib.decompressobj

    class Spy:
        def __init__(self, **kwargs):
            self.stream = real(**kwargs)

        def decompress(self, data, most):
            found = self.stream.decompress(data, most)
            sizes.append(len(found))
            return found

    monkeypatch.setattr(zlib, "decompressobj", Spy)
    ports = FakePorts()
    post(ports, bomb(4_000_000), headers=[*BEARER, ("content-encoding", "gzip")], settings=SMALL)
    assert sizes == [5_001]
    assert "inflated" in ports.locked[0].reason


@pytest.mark.parametrize("headers", [[], [("authorization", "Bearer wrong")], [("authorization", "Basic !")]])
def test_without_a_valid_credential_the_body_is_not_read(headers):
    ports = FakePorts()
    answer = post(ports, [...], headers=headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert ports.refusals == [(Refusal.UNAUTHORIZED, "main", None)]
    assert (ports.kept, ports.unknown) == ([], [])


@pytest.mark.parametrize("query", [f"token={TOKEN}", f"access_token={TOKEN}", f"authorization=Bearer%20{TOKEN}"])
def test_a_token_in_the_url_opens_nothing(query):
    assert post(FakePorts(), headers=[], query=query.encode()).status == 401


@pytest.mark.parametrize(
    ("headers", "closes"),
    [
        ([("content-length", "100")], False),
        ([("content-length", "70000")], True),
        ([("content-length", "9" * 30)], True),
        ([("content-length", "x")], True),
        ([("transfer-encoding", "chunked")], True),
        ([("content-length", "100"), ("expect", "100-continue")], True),
        ([], False),
    ],
)
def test_a_refusal_that_leaves_much_unread_closes_the_connection(headers, closes):
    answer = post(FakePorts(), [...], headers=headers)
    assert answer.status == 401
    assert (answer.headers.get("connection") == "close") is closes


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_only_post_is_a_webhook(method):
    ports = FakePorts()
    answer = request(ports, method, "/webhook/main", BODY)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert ports.kept == []


@pytest.mark.parametrize("path", ["/webhook/main", "/webhook/main/", "//webhook/main", "/webhook//main//", "/webhook"])
def test_slashes_make_no_difference_and_nothing_is_redirected(path):
    ports = FakePorts()
    assert post(ports, path=path).status == 200
    assert (ports.kept[0].cluster, ports.unknown) == ("main", [])


@pytest.mark.parametrize(
    ("path", "cluster", "asked"),
    [
        ("/webhook/other", "other", "other"),
        ("/webhook/Main", "Main", "Main"),
        ("/webhook", "unnamed", ""),
        ("/webhook/", "unnamed", ""),
        ("/webhook/a b", "unnamed", "a b"),
        ("/webhook/main/extra", "unnamed", "main/extra"),
        ("/webhook/../etc", "unnamed", "../etc"),
        ("/webhook/" + "x" * 300, "unnamed", "x" * 64),
        ("/webhook/\u202e", "unnamed", "\u202e"),
    ],
)
def test_alerts_for_a_cluster_that_is_not_configured_are_taken_and_reported(path, cluster, asked):
    ports = FakePorts("main", "second")
    assert post(ports, path=path).status == 200
    assert (ports.kept[0].cluster, ports.unknown) == (cluster, [asked])


def test_nobody_outside_speaks_for_the_router_itself():
    for ports in (FakePorts(), FakePorts("main", INTERNAL_CLUSTER)):
        assert post(ports, path=f"/webhook/{INTERNAL_CLUSTER}").status == 200
        assert ports.kept[0].cluster == "unnamed"
        assert ports.unknown == [INTERNAL_CLUSTER]


def test_truncated_and_broken_alerts_reach_the_router():
    ports = FakePorts()
    post(ports, webhook([alert("A"), {"labels": 5}], truncatedAlerts=7))
    found = ports.kept[0].webhook
    assert (found.truncated, len(found.broken), len(found.alerts)) == (7, 1, 1)


def test_a_sane_request_id_is_taken_over_and_told_back():
    ports = FakePorts()
    answer = post(ports, headers=[*BEARER, ("x-request-id", "am-0.7_x")])
    assert answer.headers["x-request-id"] == ports.kept[0].request_id == "am-0.7_x"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\r\nset-cookie: x=y", "\x1b[31m", "é"])
def test_an_insane_request_id_is_replaced(given):
    ports = FakePorts()
    answer = post(ports, headers=[*BEARER, ("x-request-id", given)])
    assert answer.headers["x-request-id"] == ports.kept[0].request_id != given
    assert len(ports.kept[0].request_id) == 16


def test_request_ids_differ():
    ports = FakePorts()
    post(ports)
    post(ports)
    assert ports.kept[0].request_id != ports.kept[1].request_id


@pytest.mark.parametrize(
    "path", ["/webhook/main", "/webhook/main/", "/webhook", "/health/", "/metrics/", "//", "/x//y"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_path_is_ever_redirected(path, method):
    for headers in (BEARER, ()):
        answer = request(FakePorts(), method, path, BODY, headers=headers)
        assert not 300 <= answer.status < 400
        assert "location" not in answer.headers


def test_no_webhook_is_ever_answered_429_or_413():
    ports = FakePorts()
    ports.busy = True
    statuses = {post(ports).status}
    ports.busy = False
    statuses |= {post(ports, b"x" * 50_000, settings=SMALL).status, post(ports, b"{", settings=SMALL).status}
    assert statuses == {200, 503}
