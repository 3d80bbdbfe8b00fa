"""The application behind the real server, over real connections."""

import asyncio
import gzip
import socket

import pytest
from web_edge import TOKEN, FakePorts, exchange, post, read_answer, running
from webhooks import alert, webhook

from router.web import server
from router.web.app import create_app
from router.web.ports import Refusal, Settings
from router.web.server import Bounds, listen, run

BODY = webhook([alert("A")])
HEAD = f"POST /webhook/main HTTP/1.1\r\nhost: router\r\nauthorization: Bearer {TOKEN}\r\n".encode()


def conversation(ports, talk, settings=None):
    """What `talk(reader, writer)` returns of a connection to a real server."""

    async def main():
        async with running(create_app(ports, settings)) as port:
            return await exchange(port, talk)

    return run(main())


def said(ports, data, settings=None, answers=1):
    """The answers to these bytes, and whether the server then closed the connection."""

    async def talk(reader, writer):
        writer.write(data)
        found = [await read_answer(reader) for _ in range(answers)]
        try:
            closed = await asyncio.wait_for(reader.read(1), 0.05) == b""
        except TimeoutError:
            closed = False
        return found, closed

    return conversation(ports, talk, settings)


def test_a_webhook_over_a_connection_that_stays_open():
    ports = FakePorts()
    (answer,), closed = said(ports, post(BODY, "x-request-id: one"))
    assert (answer.status, answer.json(), closed) == (200, {"status": "accepted"}, False)
    assert answer.headers["x-request-id"] == "one"
    assert "server" not in answer.headers
    assert "date" in answer.headers
    assert ports.kept[0].body == BODY


def test_pipelined_webhooks_are_answered_in_order():
    ports = FakePorts()
    data = b"".join(post(webhook([alert(name)]), f"x-request-id: {name}") for name in "ABCDE")
    answers, _ = said(ports, data, answers=5)
    assert [answer.headers["x-request-id"] for answer in answers] == list("ABCDE")
    assert [kept.webhook.alerts[0].labels["alertname"] for kept in ports.kept] == list("ABCDE")


def test_a_chunked_gzip_body_is_read():
    ports = FakePorts()
    packed = gzip.compress(BODY)
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(packed[at : at + 50]), packed[at : at + 50]) for at in range(0, len(packed), 50)
    )
    (answer,), _ = said(
        ports, HEAD + b"transfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\n" + chunks + b"0\r\n\r\n"
    )
    assert answer.json() == {"status": "accepted"}
    assert ports.kept[0].body == BODY


def test_a_sender_that_waits_for_100_continue_gets_it():
    async def talk(reader, writer):
        writer.write(HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY))
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(BODY)
        return first, await read_answer(reader)

    first, answer = conversation(FakePorts(), talk)
    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.status == 200


@pytest.mark.full
def test_a_sender_without_a_credential_is_not_asked_for_its_body():
    head = b"POST /webhook/main HTTP/1.1\r\nhost: r\r\nexpect: 100-continue\r\ncontent-length: 1000000\r\n\r\n"
    (answer,), closed = said(FakePorts(), head)
    assert (answer.status, closed) == (401, True)


@pytest.mark.full
def test_a_slow_body_is_answered_503_and_closed():
    ports = FakePorts()
    (answer,), closed = said(ports, post(BODY)[:-10], Settings(read_timeout=0.05))
    assert (answer.status, closed) == (503, True)
    assert ports.refusals == [(Refusal.SLOW, "main", None)]


@pytest.mark.full
def test_a_sender_that_leaves_half_way_is_no_webhook():
    ports = FakePorts()
    noticed = asyncio.Event()
    ports.on_refused = noticed.set

    async def talk(reader, writer):
        writer.write(post(BODY)[:-10])
        await writer.drain()
        writer.close()
        await asyncio.wait_for(noticed.wait(), 5)

    conversation(ports, talk)
    assert ports.refusals == [(Refusal.GONE, "main", None)]
    assert (ports.kept, ports.locked) == ([], [])


@pytest.mark.full
def test_a_body_over_the_cap_is_streamed_to_its_end_and_the_connection_lives():
    ports = FakePorts()
    big = b" " * 3_000_000
    answers, closed = said(ports, post(big) + post(BODY), Settings(body=1_000_000, head=1_000), answers=2)
    assert [answer.json()["status"] for answer in answers] == ["quarantined", "accepted"]
    assert not closed
    assert (ports.locked[0].size, len(ports.locked[0].body)) == (3_000_000, 1_000)


@pytest.mark.full
def test_a_large_webhook_is_read():
    ports = FakePorts()
    body = webhook([alert("A", labels={"instance": str(number)}) for number in range(2_000)])
    (answer,), _ = said(ports, post(body))
    assert answer.status == 200
    assert len(ports.kept[0].webhook.alerts) == 2_000


@pytest.mark.full
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"x: " + b"y" * 40_000, 431),
        (b"\r\n".join(b"x%d: y" % number for number in range(2_000)), 431),
        (b"content-length: 5\r\ntransfer-encoding: chunked", 400),
        (b"content-length: 5\r\ncontent-length: 6", 400),
        (b"content-length: -5", 400),
        (b"bad header", 400),
    ],
)
def test_headers_that_are_too_large_or_ambiguous_are_refused_and_the_connection_closed(headers, status):
    ports = FakePorts()
    (answer,), closed = said(ports, HEAD + headers + b"\r\n\r\n0\r\n\r\n")
    assert (answer.status, closed) == (status, True)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ports.kept == []


@pytest.mark.full
def test_a_first_line_that_is_too_long_is_refused():
    (answer,), closed = said(FakePorts(), b"GET /" + b"x" * 40_000)
    assert (answer.status, closed) == (431, True)


@pytest.mark.full
@pytest.mark.parametrize("start", [b"", b"POST /webhook/main HT", HEAD])
def test_headers_that_never_end_are_given_up(start, monkeypatch):
    monkeypatch.setattr(server, "HEADERS_TIMEOUT", 0.05)

    async def talk(reader, writer):
        writer.write(start)
        return await reader.read()

    assert conversation(FakePorts(), talk) == b""


def test_second_headers_that_never_end_are_given_up_too(monkeypatch):
    monkeypatch.setattr(server, "HEADERS_TIMEOUT", 0.05)

    async def talk(reader, writer):
        writer.write(post(BODY))
        first = await read_answer(reader)
        await asyncio.sleep(0.1)
        writer.write(post(BODY))
        second = await read_answer(reader)
        writer.write(HEAD)
        return first.status, second.status, await reader.read()

    # An idle connection stays; one that has begun a request has to go on with it.
    assert conversation(FakePorts(), talk) == (200, 200, b"")


@pytest.mark.parametrize(
    "target", [b"//webhook/main", b"http://router:9095/webhook/main", b"/webhook/m%61in", b"/webhook/main?x=/y"]
)
def test_odd_forms_of_the_address_lose_nothing(target):
    ports = FakePorts()
    (answer,), _ = said(ports, post(BODY).replace(b"/webhook/main", target, 1))
    assert answer.status == 200
    assert ports.kept[0].cluster == "main"


def test_requests_in_flight_are_finished_when_the_server_stops():
    ports = FakePorts()
    began, go = asyncio.Event(), asyncio.Event()

    async def accept(*_):
        began.set()
        await go.wait()

    ports.accept = accept

    async def main():
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        app = create_app(ports)
        task = asyncio.create_task(
            server.serve(app, "127.0.0.1", 0, on_ready=ready.set_result, stop=stop, bounds=Bounds(grace=5))
        )
        port = await ready

        async def talk(reader, writer):
            writer.write(post(BODY))
            await began.wait()
            stop.set()
            await asyncio.sleep(0.15)
            with pytest.raises(OSError):
                await asyncio.open_connection("127.0.0.1", port)
            go.set()
            return await read_answer(reader)

        answer = await exchange(port, talk)
        await asyncio.wait_for(task, 5)
        return answer

    answer = run(main())
    assert (answer.status, answer.headers["connection"]) == (200, "close")


@pytest.mark.full
def test_more_connections_than_bounded_are_asked_to_come_again():
    async def main():
        app = create_app(FakePorts())
        async with running(app, Bounds(connections=2, grace=2)) as port:

            async def second(reader, writer):
                writer.write(post(BODY))
                return (await reader.readline()).split()[1]

            async def first(reader, writer):
                return await exchange(port, second)

            return await exchange(port, first), await exchange(port, second)

    assert run(main()) == (b"503", b"200")


def test_an_address_in_use_is_an_error_for_the_caller():
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(OSError):
                await listen("127.0.0.1", port)

    run(main())


@pytest.mark.full
def test_a_socket_of_the_callers_is_served():
    async def main():
        sock = await listen("127.0.0.1", 0)
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        ports = FakePorts()
        task = asyncio.create_task(
            server.serve(create_app(ports), "", 0, sock=sock, on_ready=ready.set_result, stop=stop)
        )
        port = await ready
        assert port == sock.getsockname()[1]

        async def talk(reader, writer):
            writer.write(post(BODY))
            return await read_answer(reader)

        answer = await exchange(port, talk)
        stop.set()
        await asyncio.wait_for(task, 5)
        return answer.status

    assert run(main()) == 200


def test_the_server_runs_on_uvloop():
    async def main():
        return type(asyncio.get_running_loop()).__module__

    assert run(main()).startswith("uvloop")
