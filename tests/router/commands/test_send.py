from __future__ import annotations

import json
import threading

import pytest
from command_world import CommandWorld, StandIn, accept

from router.commands import probe, send
from router.notifier import Reason, Rejected, Retry

QUICK = ("--timeout", "400ms")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    """A pause of half a second between two posts is a pause of a hundredth."""
    real = send.time.sleep
    monkeypatch.setattr(send.time, "sleep", lambda seconds: real(min(seconds, 0.01)))


def sent(run, stand_in, *arguments):
    code, out, err = run("send", "--format", "json", "--listen", stand_in.address, *arguments)
    return code, json.loads(out) if out else None, err


def test_a_test_alert_is_followed_to_each_destination_and_resolved(world, run):
    with StandIn(world) as stand_in:
        code, out, err = run("send", "--severity", "high", "--team", "payments", "--listen", stand_in.address)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("AlertRouterTest (")
    assert lines[0].endswith(f"to http://{stand_in.address}/webhook/main")
    assert [line.split(" after ")[0] for line in lines[2:4]] == [
        "  pagerduty:PAYMENTS_KEY accepted",
        "  slack:SLACK_TOKEN/#payments accepted",
    ]
    assert lines[2].endswith("(id-of-firing)")
    assert lines[1].startswith("firing: taken by the router in ")
    assert lines[4].startswith("resolved: taken by the router in ")
    assert lines[5].endswith("(id-of-resolved)")
    first, second = (json.loads(body) for _, _, body in stand_in.requests)
    assert (first["status"], second["status"]) == ("firing", "resolved")
    assert "test" in first["alerts"][0]["annotations"]["summary"]
    assert first["alerts"][0]["fingerprint"] == second["alerts"][0]["fingerprint"]


def test_the_report_has_latencies_and_ids(world, run):
    with StandIn(world) as stand_in:
        code, report, _ = sent(run, stand_in)
    assert (code, report["ok"]) == (0, True)
    firing, resolved = report["steps"]
    (told,) = firing["destinations"]
    assert told == {
        "destination": "slack:SLACK_TOKEN/#platform",
        "via": "route",
        "outcome": "accepted",
        "provider_id": "id-of-firing",
        "latency_seconds": 0.005,
        "words": "",
    }
    assert resolved["state"] == "resolved"
    assert world.ask(lambda tx: tx.incidents([report["incident"]]))[report["incident"]].open is False


def test_each_test_has_an_incident_of_its_own(world, run):
    with StandIn(world) as stand_in:
        incidents = {sent(run, stand_in)[1]["incident"] for _ in range(2)}
    assert len(incidents) == 2


def test_a_destination_that_refuses_is_reported_with_its_words(world, run):
    def provider(row):
        if row.destination.startswith("slack:"):
            return Rejected(Reason.BAD_CREDENTIALS, "destination", "invalid_auth")
        return accept(row)

    with StandIn(world, provider) as stand_in:
        code, report, err = sent(run, stand_in, "--severity", "high", *QUICK)
    assert (code, err) == (1, "")
    pagerduty, slack = report["steps"][0]["destinations"]
    assert pagerduty["outcome"] == "accepted"
    assert slack["outcome"] == "waiting"
    assert "the credentials were refused: invalid_auth" in slack["words"]


def test_a_destination_that_does_not_answer_ends_with_the_timeout_and_the_test_is_resolved(world, run):
    with StandIn(world, lambda _row: None) as stand_in:
        code, report, _ = sent(run, stand_in, *QUICK)
    assert code == 1
    assert report["steps"][0]["destinations"][0]["words"].startswith("a call is under way by stand-in")
    assert [json.loads(body)["status"] for _, _, body in stand_in.requests] == ["firing", "resolved"]


def test_a_retry_that_succeeds_is_waited_for(world, run):
    """The first call fails; the router's tick makes the second."""
    calls = []

    def provider(row):
        calls.append(row)
        return Retry(Reason.UNAVAILABLE, after=0.0) if len(calls) == 1 else accept(row)

    done = threading.Event()

    def tick():
        while not done.wait(0.02):
            with CommandWorld(world.folder) as other:
                other.tick(send.time.time_ns() // 1000 + 10, provider)

    ticking = threading.Thread(target=tick)
    with StandIn(world, provider) as stand_in:
        ticking.start()
        code, report, _ = sent(run, stand_in, "--timeout", "5s")
        done.set()
        ticking.join()
    assert code == 0
    assert report["steps"][0]["destinations"][0]["outcome"] == "accepted"


def test_what_goes_into_a_digest_waits_for_it(world, run):
    with StandIn(world) as stand_in:
        code, report, _ = sent(run, stand_in, "--severity", "low")
    assert code == 0
    assert report["steps"][0]["destinations"][0]["outcome"] == "digest"


def test_a_test_that_is_kept_firing_is_resolved_by_name(world, run):
    with StandIn(world) as stand_in:
        code, out, _ = run("send", "--keep-firing", "--listen", stand_in.address)
        assert code == 0
        command = out.splitlines()[-1].partition("alert-router ")[2].split()
        assert command[:2] == ["send", "--resolve"]
        (incident,) = world.ask(lambda tx: tx.open_incidents(10))
        code, report, _ = sent(run, stand_in, *command[1:])
    assert code == 0
    assert report["incident"] == incident.id
    assert [step["state"] for step in report["steps"]] == ["resolved"]
    assert world.ask(lambda tx: tx.open_incidents(10)) == []


def test_only_test_alerts_are_resolved_by_hand(world, run):
    from router_world import alert

    world.apply([alert("Down")._replace(fingerprint="abc123")], 10**15)
    with StandIn(world) as stand_in:
        code, _, err = sent(run, stand_in, "--resolve", "abc123")
        assert code == 1
        assert "abc123 is no test alert: only Alertmanager resolves it" in err
        assert "there is no alert nothing" in sent(run, stand_in, "--resolve", "nothing")[2]
    assert stand_in.requests == []


def test_the_credential_goes_along_and_nowhere_else(world, run, monkeypatch):
    monkeypatch.setenv("ALERT_ROUTER_TOKEN_NEXT", "webhook-token-of-a-test")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    with StandIn(world) as stand_in:
        code, out, err = run("send", "--listen", stand_in.address)
    assert code == 0
    assert stand_in.requests[0][1]["Authorization"] == "Bearer webhook-token-of-a-test"
    assert "webhook-token-of-a-test" not in out + err


def test_a_cluster_s_own_token_and_a_user_s_password_are_taken_too(world, run, monkeypatch):
    monkeypatch.setenv("MAIN_TOKEN", "main-token")
    with StandIn(world) as stand_in:
        sent(run, stand_in, "--set", "credentials.clusters={main: [MAIN_TOKEN]}")
        sent(run, stand_in, "--set", "credentials.users={am: [MAIN_TOKEN]}")
    headers = [headers["Authorization"] for _, headers, _ in stand_in.requests[::2]]
    assert headers == ["Bearer main-token", "Basic YW06bWFpbi10b2tlbg=="]


def test_a_credential_that_no_header_takes_is_not_quoted(world, run, monkeypatch):
    monkeypatch.setenv("ALERT_ROUTER_TOKEN", "first-line\nsecond-line")
    with StandIn(world) as stand_in:
        code, _, err = sent(run, stand_in)
    assert code == 1
    assert "can't stand in a request" in err
    assert "first-line" not in err
    assert "second-line" not in err


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "takes no such credential. Give this command one of the router's"),
        (302, "answers 302"),
        (405, "answers 405"),
    ],
)
def test_a_refusal_is_told_and_nothing_is_followed(world, run, status, told):
    with StandIn(world, statuses=[status]) as stand_in:
        code, _, err = sent(run, stand_in)
    assert code == 1
    assert told in err
    assert len(stand_in.requests) == 1


def test_503_is_tried_again(world, run):
    with StandIn(world, statuses=[503, 503]) as stand_in:
        code, report, _ = sent(run, stand_in)
    assert (code, report["ok"]) == (0, True)
    assert len(stand_in.requests) == 4


def test_a_router_that_does_not_run_is_told_at_once(world, run):
    with StandIn(world) as stand_in:
        address = stand_in.address
    code, out, err = run("send", "--listen", address)
    assert (code, out.count("\n")) == (1, 1)
    assert err.startswith(f"alert-router: no answer from http://{address}/webhook/main: ")
    assert "does the router run?" in err


def test_a_router_on_another_store_is_found_out(world, run, tmp_path_factory):
    with CommandWorld(tmp_path_factory.mktemp("other")) as other, StandIn(other) as stand_in:
        code, report, err = sent(run, stand_in, *QUICK)
    assert code == 1
    assert report["steps"][0]["problem"] == "the router took the webhook, but in the store the incident is not open"
    assert "work on the store sqlite:///alert-router.db, and by the same routes?" in err


def test_an_interrupt_resolves_the_test(world, run, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with StandIn(world) as stand_in:
        monkeypatch.setattr(probe, "look", interrupted)
        code, _, _ = run("send", "--listen", stand_in.address)
    assert code == 130
    assert [json.loads(body)["status"] for _, _, body in stand_in.requests] == ["firing", "resolved"]
    assert world.ask(lambda tx: tx.open_incidents(10)) == []


def test_an_incident_that_is_open_already_is_not_taken_for_an_answer(folder, run):
    with CommandWorld(folder, group_by=["alertname"]) as world, StandIn(world) as stand_in:
        assert sent(run, stand_in, "--keep-firing")[0] == 0
        code, _, err = sent(run, stand_in)
    assert code == 1
    assert "is open already: use another --alertname" in err
    assert len(stand_in.requests) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--timeout", "soon"], "--timeout takes a time such as 60s"),
        (["--timeout", "0s"], "--timeout takes a time such as 60s"),
        (["--team", "paymnets"], "did you mean `payments`?"),
        (["--cluster", "mian"], "did you mean `main`?"),
        (["--severity", "info"], "is recorded only"),
        (["--url", "ftp://x"], "--url takes http://HOST:PORT"),
        (["--url", "http://user:pass@x"], "without a user or password"),
        (["--listen", "127.0.0.1:0"], "name the router's address with --url"),
    ],
)
def test_mistakes_are_told_before_anything_is_sent(world, run, arguments, told):
    code, out, err = run("send", *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert "pass@" not in err


def test_the_address_is_where_the_settings_listen(world, monkeypatch):
    from types import SimpleNamespace

    def base(host, port=9095):
        return probe.address(SimpleNamespace(settings=SimpleNamespace(host=host, port=port)), None)

    assert base("") == base("0.0.0.0") == "http://127.0.0.1:9095"
    assert base("::") == base("::1") == "http://[::1]:9095"
    assert base("router.policies.internal", 80) == "http://router.policies.internal:80"


def test_nothing_is_sent_where_no_router_has_run(world, run, monkeypatch):
    with StandIn(world) as stand_in:
        code, _, err = sent(run, stand_in, "--store", "sqlite:///other.db")
    assert code == 1
    assert "no router has run here" in err
    assert stand_in.requests == []
