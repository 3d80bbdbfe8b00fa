"""The router behind the real Alertmanager, both with what the compiler makes of this repository's alerts/."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
import yaml
from alert_chain import Chain, compiled, pages, router_of, slack, start
from alertmanager_process import SECRETS, AlertmanagerProcess
from router_process import Providers, RouterProcess, eventually

from router.model import SECOND

if TYPE_CHECKING:
    from postgres_server import PostgresServer

pytestmark = pytest.mark.full

RECONCILING = {
    "reconciler.enabled": "true",
    "reconciler.interval": "200ms",
    "reconciler.peer_uptime": "1s",
    "reconciler.known_for": "500ms",
    "reconciler.absent_for": "500ms",
    "log.level": "debug",
}


@pytest.fixture(scope="module")
def running_providers() -> Iterator[Providers]:
    with Providers() as made:
        yield made


@pytest.fixture
def providers(running_providers: Providers) -> Providers:
    running_providers.pagerduty.reset()
    running_providers.slack.reset()
    return running_providers


@pytest.fixture
def chain(tmp_path: Path, providers: Providers) -> Iterator[Chain]:
    with Chain(tmp_path, providers) as made:
        yield made


def received(router: RouterProcess) -> float:
    """How many webhooks the router has acknowledged."""
    return router.metrics().get('alert_router_webhooks_received_total{cluster="main",result="accepted"}', 0)


def polls(router: RouterProcess) -> float:
    """How often Alertmanagers have answered the reconciler."""
    return router.metrics().get('alert_router_reconciler_polls_total{cluster="main",result="ok"}', 0)


def left_alone(router: RouterProcess, reason: str) -> None:
    """Wait until the reconciler has found for longer than absent_for that it can't close anything."""
    line = f'"reason":"{reason}"'
    before = sum(line in entry for entry in router.log)
    eventually(lambda: sum(line in entry for entry in router.log) >= before + 6, what=reason)


def open_incidents(router: RouterProcess) -> list[str]:
    return [incident.group["alertname"] for incident in router.ask(lambda tx: tx.open_incidents(100))]


def destinations(router: RouterProcess) -> str:
    """What the router's health says of its destinations."""
    text: str = router.health()["checks"]["destinations"]["detail"]
    return text


def test_an_alert_is_told_where_its_severity_says_and_resolved_there(chain: Chain):
    high = chain.library.alert("CheckoutErrorRate", "high", job="checkout-api")
    medium = chain.library.alert("RedisLowHitRate")
    chain.manager.fire(high, medium)

    eventually(lambda: chain.pages("CheckoutErrorRate") == ["triggered"])
    eventually(lambda: len(chain.slack("payments-alerts")) == len(chain.slack("platform-alerts")) == 1)
    assert "High: CheckoutErrorRate" in chain.slack("payments-alerts")[0]["text"]
    assert "Medium: RedisLowHitRate" in chain.slack("platform-alerts")[0]["text"]

    chain.manager.resolve(high, medium)

    eventually(lambda: chain.pages("CheckoutErrorRate") == ["resolved"])
    eventually(lambda: len(chain.slack("payments-alerts")) == len(chain.slack("platform-alerts")) == 2)
    for channel in ("payments-alerts", "platform-alerts"):
        message, reply = chain.slack(channel)
        assert "Resolved" in message["text"]
        assert reply["thread_ts"] == message["ts"]
        assert "Resolved after" in reply["text"]
    assert chain.pages("RedisLowHitRate") == []
    assert open_incidents(chain.router) == []


def test_an_alert_that_gets_worse_is_one_incident_although_inhibition_hides_its_lower_rung(chain: Chain):
    medium = chain.library.alert("CheckoutErrorRate", "medium", job="checkout-api")
    high = chain.library.alert("CheckoutErrorRate", "high", job="checkout-api")
    chain.manager.fire(medium)
    eventually(lambda: len(chain.slack("payments-alerts")) == 1)

    chain.manager.fire(high)

    eventually(lambda: chain.pages("CheckoutErrorRate") == ["triggered"])
    assert chain.manager.state(medium) == "suppressed"
    chain.router.settled()
    first, *replies = chain.slack("payments-alerts")
    assert "High: CheckoutErrorRate" in first["text"]
    assert all(reply["thread_ts"] == first["ts"] for reply in replies)
    assert open_incidents(chain.router) == ["CheckoutErrorRate"]

    chain.manager.resolve(high, medium)

    eventually(lambda: chain.pages("CheckoutErrorRate") == ["resolved"])
    eventually(lambda: open_incidents(chain.router) == [], what="nothing is open")


def test_an_inhibited_alert_is_told_to_nobody_while_its_cause_fires(chain: Chain):
    cause, witness = chain.library.alert("CheckoutDown"), chain.library.alert("RedisDown")
    symptom = chain.library.alert("CheckoutErrorRate", "high", job="checkout-api")
    chain.manager.fire(cause)
    eventually(lambda: chain.pages("CheckoutDown") == ["triggered"])
    chain.manager.fire(symptom)
    # Alertmanager looks at it before it looks at this one, which is as new.
    chain.manager.fire(witness)
    eventually(lambda: chain.pages("RedisDown") == ["triggered"])
    assert chain.manager.state(symptom) == "suppressed"
    assert chain.pages("CheckoutErrorRate") == []
    assert chain.slack("payments-alerts") == []

    chain.manager.resolve(cause)

    eventually(lambda: chain.pages("CheckoutErrorRate") == ["triggered"])
    eventually(lambda: chain.pages("CheckoutDown") == ["resolved"])


def test_the_routers_own_alerts_reach_pagerduty_past_the_router(chain: Chain):
    chain.router.kill()
    down = chain.library.alert("AlertRouterDown")

    chain.manager.fire(down)
    eventually(lambda: chain.pages("No replica of the alert router") == ["triggered"])
    chain.manager.resolve(down)
    eventually(lambda: chain.pages("No replica of the alert router") == ["resolved"])

    chain.router.start()
    assert received(chain.router) == 0


def test_a_short_outage_of_the_router_loses_nothing(chain: Chain):
    """Alertmanager tries a webhook again for ten seconds: what fires meanwhile is told, and so is what is over."""
    before, during, whole = (chain.library.alert(name) for name in ("CheckoutDown", "RedisDown", "CatalogApiDown"))
    chain.manager.fire(before)
    eventually(lambda: chain.pages("CheckoutDown") == ["triggered"])
    chain.router.settled()

    chain.router.kill()
    chain.manager.fire(whole, during)
    eventually(lambda: chain.manager.metric("alertmanager_notification_requests_failed_total") >= 3)
    chain.manager.resolve(before, whole)
    chain.router.start()

    eventually(lambda: chain.pages("RedisDown") == ["triggered"])
    eventually(lambda: chain.pages("CheckoutDown") == ["resolved"])
    # The try that was under way still tells that it fires, and the next that it is over.
    eventually(lambda: chain.pages("CatalogApiDown") == ["resolved"])
    eventually(lambda: open_incidents(chain.router) == ["RedisDown"])


def test_after_a_long_outage_of_the_router_what_still_fires_is_told_and_the_rest_left_no_trace(chain: Chain):
    """What fires and resolves while no try of Alertmanager's gets through is never sent by it; nobody is bothered."""
    lasting, over = chain.library.alert("RedisDown"), chain.library.alert("CheckoutDown")
    chain.router.kill()
    chain.manager.fire(lasting, over)
    eventually(lambda: chain.manager.metric("alertmanager_notification_requests_failed_total") >= 2)
    chain.manager.resolve(over)
    # The flush that took it for firing gives up after ten seconds; those that follow have nothing to say of it.
    eventually(lambda: chain.manager.metric("alertmanager_notifications_failed_total") >= 2, seconds=20)
    chain.router.start()

    eventually(lambda: chain.pages("RedisDown") == ["triggered"])
    eventually(lambda: received(chain.router) >= 1)
    chain.router.settled()
    assert chain.pages("CheckoutDown") == []
    assert open_incidents(chain.router) == ["RedisDown"]


def test_what_fires_during_an_outage_of_pagerduty_is_paged_after_it(chain: Chain):
    high = chain.library.alert("CheckoutErrorRate", "high", job="checkout-api")
    chain.providers.pagerduty.stop()
    chain.manager.fire(high)
    # The other channel doesn't wait for the one that is down.
    eventually(lambda: len(chain.slack("payments-alerts")) == 1)
    eventually(lambda: "PAYMENTS_PAGERDUTY_KEY" in destinations(chain.router), what="the breaker is open")

    chain.providers.pagerduty.start()

    eventually(lambda: chain.pages("CheckoutErrorRate") == ["triggered"])
    chain.manager.resolve(high)
    eventually(lambda: chain.pages("CheckoutErrorRate") == ["resolved"])
    eventually(lambda: len(chain.slack("payments-alerts")) == 2)
    eventually(lambda: destinations(chain.router) == "all take messages")


def test_what_is_over_before_pagerduty_is_back_pages_nobody_and_is_told_in_slack(chain: Chain):
    critical = chain.library.alert("CheckoutDown")
    chain.providers.pagerduty.stop()
    chain.manager.fire(critical)
    eventually(lambda: open_incidents(chain.router) == ["CheckoutDown"])
    chain.manager.resolve(critical)
    eventually(lambda: len(chain.slack("payments-alerts")) == 1)
    chain.providers.pagerduty.start()

    chain.router.settled()
    line = chain.slack("payments-alerts")[0]["text"]
    assert "Checkout" in line
    assert open_incidents(chain.router) == []
    assert chain.providers.pagerduty.state()["events"] == 0


def test_what_is_over_before_slack_is_back_is_told_in_one_message(chain: Chain):
    medium = chain.library.alert("RedisLowHitRate")
    chain.providers.slack.stop()
    chain.manager.fire(medium)
    eventually(lambda: open_incidents(chain.router) == ["RedisLowHitRate"])
    chain.manager.resolve(medium)
    eventually(lambda: open_incidents(chain.router) == [])
    chain.providers.slack.start()

    eventually(lambda: chain.slack("platform-alerts"))
    chain.router.settled()
    message, *replies = chain.slack("platform-alerts")
    assert "Resolved: RedisLowHitRate" in message["text"]
    assert all(reply["thread_ts"] == message["ts"] for reply in replies)
    assert chain.providers.pagerduty.state()["events"] == 0


def test_a_resolve_that_alertmanager_lost_when_it_was_killed_is_made_up_for(tmp_path: Path, providers: Providers):
    with Chain(tmp_path, providers, settings=RECONCILING) as chain:
        manager, router = chain.manager, chain.router
        watchdog = chain.library.alert("Watchdog")
        lost, lasting = chain.library.alert("CheckoutDown"), chain.library.alert("RedisDown")
        manager.fire(watchdog, lost, lasting)
        eventually(lambda: chain.pages("CheckoutDown") == chain.pages("RedisDown") == ["triggered"])

        manager.kill()
        manager.forget(lost)
        manager.start()
        # Its list is empty. Without the Watchdog that may be because Prometheus is the one that is silent.
        assert manager.state(lasting) == manager.state(watchdog) == ""
        left_alone(router, "the peers have no active Watchdog")
        assert sorted(open_incidents(router)) == ["CheckoutDown", "RedisDown"]

        manager.fire(lasting, watchdog)

        eventually(lambda: chain.pages("CheckoutDown") == ["resolved"])
        router.settled()
        assert chain.pages("RedisDown") == ["triggered"]
        assert open_incidents(router) == ["RedisDown"]


def test_an_alertmanager_that_has_just_started_proves_nothing_by_its_short_list(tmp_path: Path, providers: Providers):
    """The Watchdog is back before the alerts of another Prometheus are."""
    with Chain(tmp_path, providers, settings=RECONCILING | {"reconciler.peer_uptime": "1h"}) as chain:
        manager, router = chain.manager, chain.router
        watchdog, lasting = chain.library.alert("Watchdog"), chain.library.alert("RedisDown")
        manager.fire(watchdog, lasting)
        eventually(lambda: chain.pages("RedisDown") == ["triggered"])

        manager.kill()
        manager.start()
        manager.fire(watchdog)
        left_alone(router, "a peer has only just started")
        assert manager.state(lasting) == ""
        assert open_incidents(router) == ["RedisDown"]

        told = received(router)
        manager.fire(lasting)
        eventually(lambda: received(router) > told)
        router.settled()
        assert chain.pages("RedisDown") == ["triggered"]


def test_a_resolve_while_silenced_is_made_up_for(tmp_path: Path, providers: Providers):
    with Chain(tmp_path, providers, settings=RECONCILING) as chain:
        watchdog, silenced = chain.library.alert("Watchdog"), chain.library.alert("RedisDown")
        chain.manager.fire(watchdog, silenced)
        eventually(lambda: chain.pages("RedisDown") == ["triggered"])
        chain.manager.silence("RedisDown")
        eventually(lambda: chain.manager.state(silenced) == "suppressed")

        chain.manager.resolve(silenced)

        eventually(lambda: chain.pages("RedisDown") == ["resolved"])


def test_the_watchdog_is_a_heartbeat_and_pages_the_platform_team_when_it_stops(tmp_path: Path, providers: Providers):
    chain = Chain(tmp_path, providers)
    # The compiled repetition of a minute fits the deadline of five; here both are shorter.
    alertmanager, routes = chain.library.alertmanager, yaml.safe_load(chain.library.routes)
    heartbeat = alertmanager["route"]["routes"][0]
    assert heartbeat["matchers"] == ['alertname="Watchdog"']
    heartbeat |= {"group_interval": "500ms", "repeat_interval": "500ms"}
    routes["clusters"]["main"]["watchdog_deadline"] = "2s"
    chain.manager.configure(alertmanager)
    chain.router.write_routes(routes)

    with chain:
        watchdog = chain.library.alert("Watchdog")
        chain.manager.fire(watchdog)

        def heard() -> int:
            return max((beat.seen_at for beat in chain.router.ask(lambda tx: tx.heartbeats())), default=0)

        first = eventually(heard)
        eventually(lambda: heard() > first + 2.5 * SECOND, what="heartbeats for longer than the deadline")
        assert chain.providers.pagerduty.state()["events"] == 0
        assert chain.router.ask(lambda tx: tx.open_incidents(9)) == []

        # Alertmanager tells of its end, which is no heartbeat.
        chain.manager.resolve(watchdog)
        eventually(lambda: chain.pages("Watchdog") == ["triggered"])
        (incident,) = chain.providers.pagerduty.state()["incidents"]
        assert incident["routing_key"] == SECRETS["PLATFORM_PAGERDUTY_KEY"]
        assert incident["severity"] == "critical"

        chain.manager.fire(watchdog)
        eventually(lambda: chain.pages("Watchdog") == ["resolved"])


def test_an_alert_that_timed_out_during_a_partition_pages_again_when_it_returns(tmp_path: Path, providers: Providers):
    with Chain(tmp_path, providers, settings=RECONCILING | {"reconciler.interval": "1h"}) as chain:
        critical = chain.library.alert("RedisDown")
        chain.manager.fire(critical, lasts=2)
        eventually(lambda: chain.pages("RedisDown") == ["triggered"])
        # Prometheus can't be heard, so the alert ends by itself.
        eventually(lambda: chain.pages("RedisDown") == ["resolved"])

        chain.manager.fire(critical)

        # It has its old start. Alertmanager says at once that it is active, long before the horizon.
        eventually(lambda: chain.pages("RedisDown") == ["resolved", "triggered"], seconds=6)
        chain.manager.resolve(critical)
        eventually(lambda: chain.pages("RedisDown") == ["resolved", "resolved"])


class Pair:
    """Two Alertmanagers in one cluster, each posting to its own router, both routers on one PostgreSQL."""

    def __init__(self, folder: Path, providers: Providers, store: str) -> None:
        self.providers = providers
        self.managers = [AlertmanagerProcess(folder, f"alertmanager-{n}") for n in range(2)]
        # So short a wait lets both peers send before they hear of each other.
        self.managers[0].join(peer_timeout="1ms")
        self.managers[1].join(self.managers[0], peer_timeout="1ms")
        settings = {
            "delivery.lease": "3s",
            "delivery.heartbeat": "500ms",
            "delivery.call_timeout": "1s",
            **RECONCILING,
        }
        self.routers = [
            router_of(folder, self.providers, f"router-{n}", store=store, settings=settings) for n in range(2)
        ]
        self.libraries = [
            compiled(folder, self.providers, router, self.managers, posting=n) for n, router in enumerate(self.routers)
        ]

    def __enter__(self) -> Self:
        try:
            start(self.routers, self.managers)
            eventually(lambda: all(len(one.status()["cluster"]["peers"]) == 2 for one in self.managers))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for manager in self.managers:
            manager.stop()
        for router in self.routers:
            router.stop()


@pytest.fixture
def pair(tmp_path: Path, providers: Providers, postgres: PostgresServer) -> Iterator[Pair]:
    with Pair(tmp_path, providers, postgres.create_database()) as made:
        yield made


NAMES = ("CheckoutDown", "RedisDown", "CatalogApiDown", "PostgresDown", "HostDown")


def test_a_cluster_of_two_with_two_routers_pages_once_for_each_incident(pair: Pair):
    alerts = [pair.libraries[0].alert(name) for name in NAMES]
    high = pair.libraries[0].alert("CheckoutErrorRate", "high", job="other", environment="staging")
    for manager in pair.managers:
        manager.fire(*alerts, high)

    eventually(lambda: all(pages(pair.providers, name) for name in (*NAMES, "CheckoutErrorRate")))
    eventually(lambda: all(received(router) for router in pair.routers), what="both routers were told")
    eventually(lambda: slack(pair.providers, "payments-alerts"))
    pair.routers[0].settled()
    for manager in pair.managers:
        manager.resolve(*alerts, high)

    eventually(lambda: all(pages(pair.providers, name) == ["resolved"] for name in (*NAMES, "CheckoutErrorRate")))
    eventually(lambda: open_incidents(pair.routers[0]) == [])
    pair.routers[0].settled()
    assert pair.providers.pagerduty.state()["opened"] == len(NAMES) + 1
    assert len([one for one in slack(pair.providers, "payments-alerts") if "thread_ts" not in one]) == 1


def test_a_router_takes_over_what_another_that_was_killed_had_claimed(pair: Pair):
    critical, later = pair.libraries[0].alert("RedisDown"), pair.libraries[0].alert("CheckoutDown")
    pair.providers.pagerduty.faults({"always": {"kind": "hang"}})
    for manager in pair.managers:
        manager.fire(critical)

    def owner() -> RouterProcess | None:
        asked = pair.routers[0]
        rows = [row for incident in asked.ask(lambda tx: tx.open_incidents(9)) for row in asked.deliveries(incident.id)]
        return next((one for row in rows for one in pair.routers if f":{one.port}#" in row.owner), None)

    killed = eventually(owner, what="a router has claimed the page")
    eventually(lambda: pair.providers.pagerduty.state()["attempts"], what="the call is under way")
    killed.kill()
    at = time.monotonic()
    pair.providers.pagerduty.faults({"always": {"kind": "ok"}})

    eventually(lambda: pages(pair.providers, "RedisDown") == ["triggered"])
    # The lease, the tick that looks for dead replicas, and what a busy machine adds.
    assert time.monotonic() - at < 3 + 0.25 + 3

    # The Alertmanager whose router is gone can't tell; its peer can.
    for manager in pair.managers:
        manager.fire(later)
        manager.resolve(critical)
    eventually(lambda: pages(pair.providers, "CheckoutDown") == ["triggered"])
    eventually(lambda: pages(pair.providers, "RedisDown") == ["resolved"])

    # Back again, and now the other is stopped, as in a rolling upgrade.
    killed.start()
    other = next(router for router in pair.routers if router is not killed)
    assert other.stop() == 0
    for manager in pair.managers:
        manager.resolve(later)
    eventually(lambda: pages(pair.providers, "CheckoutDown") == ["resolved"])
    other.start()
    pair.routers[0].settled()
    assert open_incidents(other) == open_incidents(killed) == []
    assert pair.providers.pagerduty.state()["opened"] == 2


def test_a_peer_that_restarts_with_an_empty_list_closes_nothing_and_pages_nobody_again(pair: Pair):
    watchdog, lasting = pair.libraries[0].alert("Watchdog"), pair.libraries[0].alert("RedisDown")
    first, second = pair.managers
    for manager in pair.managers:
        manager.fire(watchdog, lasting)
    eventually(lambda: pages(pair.providers, "RedisDown") == ["triggered"])
    eventually(lambda: all(received(router) for router in pair.routers), what="both routers were told")

    second.kill()
    left_alone(pair.routers[0], "a peer can't be reached")
    second.start()
    second.fire(watchdog)
    eventually(lambda: len(second.status()["cluster"]["peers"]) == 2, what="the peers know each other again")
    asked = [polls(router) for router in pair.routers]
    eventually(lambda: all(polls(router) >= before + 12 for router, before in zip(pair.routers, asked, strict=True)))
    assert second.state(lasting) == ""
    assert first.state(lasting) == "active"
    assert open_incidents(pair.routers[0]) == ["RedisDown"]

    second.fire(lasting)
    eventually(lambda: second.state(lasting) == "active")
    for manager in pair.managers:
        manager.resolve(lasting)
    eventually(lambda: pages(pair.providers, "RedisDown") == ["resolved"])
