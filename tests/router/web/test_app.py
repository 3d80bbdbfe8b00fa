import asyncio

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from web_edge import BEARER, FakePorts, call, request

from router.web.app import create_app
from router.web.ports import Refusal


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("GET", "/nothing"),
        ("POST", "/health"),
        ("POST", "/webhook/main"),
        ("GET", "/webhook/main"),
    ],
)
@pytest.mark.parametrize("headers", [BEARER, ()])
def test_every_answer_has_the_security_headers_and_a_request_id(method, path, headers):
    answer = request(FakePorts(), method, path, headers=headers)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert len(answer.headers["x-request-id"]) == 16
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/nothing", "/webhooks/main", "/webhookmain", "/health/other", "/docs"])
def test_an_unknown_path_is_404_as_json(path):
    answer = request(FakePorts(), "GET", path)
    assert (answer.status, answer.json()) == (404, {"error": "not found"})


def test_further_pages_get_the_headers_that_they_do_not_set():
    def page(_):
        return PlainTextResponse("hello", headers={"content-security-policy": "default-src 'self'"})

    app = create_app(FakePorts(), routes=[Route("/console", page)])
    answer = asyncio.run(call(app, "GET", "/console", headers=[("x-request-id", "abc")]))
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["content-security-policy"] == "default-src 'self'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"] == "abc"


def test_a_bug_in_a_page_is_a_500_that_tells_nothing_and_is_reported():
    def page(_):
        raise RuntimeError("secret")

    ports = FakePorts()
    answer = asyncio.run(call(create_app(ports, routes=[Route("/console", page)]), "GET", "/console"))
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert answer.headers["x-content-type-options"] == "nosniff"
    ((refusal, cluster, error),) = ports.refusals
    assert (refusal, cluster, str(error)) == (Refusal.BUG, "", "secret")
