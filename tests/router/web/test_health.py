import pytest
from web_edge import BEARER, FakePorts, request

from router.web.ports import Check, Health, Settings

PROTECTED = Settings(protected=True)


def get(ports, path, **kwargs):
    return request(ports, "GET", path, headers=kwargs.pop("headers", ()), **kwargs)


def state(*, ready, **checks):
    return Health(ready=ready, version="1.2.3", checks={name: Check(ok, f"{name}!") for name, ok in checks.items()})


def test_health_tells_status_version_time_and_checks():
    answer = get(FakePorts(), "/health")
    assert answer.status == 200
    assert answer.json() == {
        "status": "ok",
        "version": "1.2.3",
        "timestamp": "2025-06-15T15:08:20.000Z",
        "checks": {"store": {"status": "ok", "detail": "sqlite"}},
    }


def test_a_failing_check_degrades_what_still_takes_webhooks():
    ports = FakePorts()
    ports.state = state(ready=True, store=True, slack=False)
    answer = get(ports, "/health")
    assert (answer.status, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["slack"] == {"status": "failing", "detail": "slack!"}
    assert get(ports, "/health/ready").status == 200


def test_what_takes_no_webhooks_is_unavailable_but_alive():
    ports = FakePorts()
    ports.state = state(ready=False, store=False)
    for path in ("/health", "/health/ready"):
        answer = get(ports, path)
        assert (answer.status, answer.json()["status"]) == (503, "unavailable")
    assert get(ports, "/health/live").status == 200


def test_metrics_are_text():
    answer = get(FakePorts(), "/metrics")
    assert (answer.status, answer.body) == (200, b"router_up 1\n")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_protected_metrics_need_a_credential():
    assert get(FakePorts(), "/metrics", settings=PROTECTED).status == 401
    assert get(FakePorts(), "/metrics", settings=PROTECTED, headers=[("authorization", "Bearer no")]).status == 401
    assert get(FakePorts(), "/metrics", settings=PROTECTED, headers=BEARER).status == 200


def test_protected_health_hides_its_details_but_not_its_status():
    answer = get(FakePorts(), "/health", settings=PROTECTED)
    assert (answer.status, set(answer.json())) == (200, {"status", "timestamp"})
    assert "checks" in get(FakePorts(), "/health", settings=PROTECTED, headers=BEARER).json()


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_probes_never_need_a_credential(path):
    assert get(FakePorts(), path, settings=PROTECTED).status == 200


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
def test_only_get_and_head(path):
    assert request(FakePorts(), "HEAD", path).status == 200
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = request(FakePorts(), method, path)
        assert (answer.status, answer.json()) == (405, {"error": "method not allowed"})
