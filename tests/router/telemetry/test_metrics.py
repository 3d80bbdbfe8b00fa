"""What Prometheus is told: names that the alerts use, bounded labels, ages that grow by themselves."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from router.model import SECOND, Heartbeat
from router.store import Backlog
from router.telemetry.metrics import MOST_DESTINATIONS, OTHER, Metrics

ROOT = Path(__file__).parents[3]
PARKED = 'alert_router_destination_dead_letters{destination="slack:T/#a"}'


class Clock:
    now = 1_000 * SECOND

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def metrics(clock):
    metrics = Metrics("1.2.3", clock)
    metrics.know(["main"], ["slack:T/#a", "pagerduty:KEY"])
    return metrics


def shown(metrics):
    page, _ = metrics.render()
    samples = (line.rpartition(" ") for line in page.decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


def used(metrics):
    """Calls everything once."""
    metrics.webhook("main", "accepted")
    metrics.alerts("main", "critical", 3)
    metrics.alerts("main", None)
    metrics.unknown_severity()
    metrics.quarantined("main")
    metrics.delivery("pagerduty:KEY", "retry", "timeout")
    metrics.delivered("pagerduty", "critical", 999 * SECOND)
    metrics.in_flight(2)
    metrics.backlog([Backlog("slack:T/#a", 2, 990 * SECOND, 1)])
    metrics.destinations(1, 2)
    metrics.commit(0.002)
    metrics.store_error("unavailable")
    metrics.inbox(4)
    metrics.watchdogs([Heartbeat("main", 940 * SECOND)])
    metrics.poll("main", "ok")
    metrics.reconciled("main", "closed")
    metrics.routes_loaded(ok=True)


def test_every_metric_that_an_alert_or_page_names_is_there(metrics):
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in [*(ROOT / "alerts/platform").glob("*.yaml"), *(ROOT / "dashboards/platform").glob("*.json")]
    )
    wanted = set(re.findall(r"alert_router_[a-z_]+", text))

    assert {"alert_router_dead_letters", "alert_router_backlog_age_seconds"} < wanted
    # Before anything has happened: `max(...)` of nothing would be no alert at all.
    assert wanted - shown(metrics).keys() == set()


def test_what_happened_is_counted(metrics):
    used(metrics)
    page = shown(metrics)

    assert page['alert_router_webhooks_received_total{cluster="main",result="accepted"}'] == 1
    assert page['alert_router_alerts_received_total{cluster="main",severity="critical"}'] == 3
    assert page['alert_router_alerts_received_total{cluster="main",severity="none"}'] == 1
    retried = 'alert_router_deliveries_total{destination="pagerduty:KEY",outcome="retry",reason="timeout"}'
    assert page[retried] == 1
    assert page['alert_router_delivery_seconds_bucket{channel="pagerduty",le="1.0",severity="critical"}'] == 1
    assert page['alert_router_delivery_seconds_bucket{channel="pagerduty",le="0.5",severity="critical"}'] == 0
    assert page['alert_router_watchdog_age_seconds{cluster="main"}'] == 60
    assert page["alert_router_destinations_parked"] == 1
    assert (
        page['alert_router_build_info{python="' + __import__("platform").python_version() + '",version="1.2.3"}'] == 1
    )
    assert page["process_resident_memory_bytes"] > 1_000_000


def test_the_total_of_dead_letters_and_the_oldest_age_are_of_all_destinations(metrics):
    rows = [
        Backlog("slack:T/#a", 2, 990 * SECOND, 1),
        Backlog("pagerduty:KEY", 1, 940 * SECOND, 0),
        Backlog("x", 0, 0, 4),
    ]
    metrics.backlog(rows)
    page = shown(metrics)

    assert page["alert_router_dead_letters"] == 5
    assert page["alert_router_backlog_age_seconds"] == 60
    assert page['alert_router_destination_backlog_age_seconds{destination="slack:T/#a"}'] == 10
    assert page[f'alert_router_destination_dead_letters{{destination="{OTHER}"}}'] == 4


def test_ages_grow_although_nobody_updates_them(metrics, clock):
    metrics.backlog([Backlog("slack:T/#a", 1, 990 * SECOND, 0)])
    metrics.watchdogs([Heartbeat("main", 990 * SECOND)])
    clock.now += 100 * SECOND
    page = shown(metrics)

    assert page["alert_router_backlog_age_seconds"] == 110
    assert page['alert_router_watchdog_age_seconds{cluster="main"}'] == 110
    clock.now -= 500 * SECOND
    assert shown(metrics)["alert_router_backlog_age_seconds"] == 0


def test_what_is_drained_goes_back_to_zero(metrics):
    metrics.backlog([Backlog("slack:T/#a", 1, 990 * SECOND, 3)])
    metrics.backlog([])
    page = shown(metrics)

    assert page["alert_router_dead_letters"] == page["alert_router_backlog_age_seconds"] == page[PARKED] == 0


def test_no_label_takes_a_value_from_outside(metrics):
    for number in range(50):
        metrics.webhook(f"attacker-{number}", "not_found")
        metrics.alerts(f"attacker-{number}", f"urgent-{number}")
        metrics.delivery(f"slack:T/#{number}", "delivered")
    page = shown(metrics)

    assert page[f'alert_router_webhooks_received_total{{cluster="{OTHER}",result="not_found"}}'] == 50
    assert page[f'alert_router_alerts_received_total{{cluster="{OTHER}",severity="none"}}'] == 50
    assert not any("attacker" in name or "urgent" in name for name in page)


def test_a_configuration_without_bounds_is_bounded(metrics):
    metrics.know(["main"], [f"slack:T/#{number:05}" for number in range(3 * MOST_DESTINATIONS)])
    for number in range(3 * MOST_DESTINATIONS):
        metrics.delivery(f"slack:T/#{number:05}", "delivered")

    assert sum(name.startswith("alert_router_deliveries_total") for name in shown(metrics)) == MOST_DESTINATIONS + 1


def test_a_hostile_name_stays_one_label_value(clock):
    metrics = Metrics("1", clock)
    name = 'email:"}\n\\x@example.com'
    metrics.know([], [name])
    metrics.delivery(name, "delivered")
    page, _ = metrics.render()

    assert b'destination="email:\\"}\\n\\\\x@example.com"' in page


def test_a_refused_reload_shows_until_one_succeeds(metrics):
    metrics.routes_loaded(ok=True)
    metrics.routes_loaded(ok=False)
    assert shown(metrics)["alert_router_routes_reload_failed"] == 1
    assert shown(metrics)["alert_router_routes_loaded_timestamp_seconds"] == 1_000
    metrics.routes_loaded(ok=True)
    assert shown(metrics)["alert_router_routes_reload_failed"] == 0


def test_a_cluster_that_is_removed_has_no_watchdog(metrics):
    metrics.watchdogs([Heartbeat("main", 990 * SECOND)])
    metrics.watchdogs([Heartbeat("main", 0)])

    assert not any("watchdog_age" in name for name in shown(metrics))


def test_a_delivery_that_no_webhook_asked_for_has_no_latency(metrics):
    metrics.delivered("slack", "high", 0)

    assert not any("delivery_seconds_count" in name for name in shown(metrics))


def test_two_of_them_do_not_share_a_registry(clock):
    first, second = Metrics("1", clock), Metrics("1", clock)
    first.unknown_severity()

    assert shown(second)["alert_router_unknown_severity_total"] == 0


@pytest.mark.full
def test_promtool_finds_nothing_to_mend(metrics):
    used(metrics)
    page, content_type = metrics.render()
    local = ROOT / ".tools" / "bin" / "promtool"
    promtool = str(local) if local.exists() else shutil.which("promtool")
    assert promtool, "promtool is neither in .tools/bin nor on PATH"

    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False, timeout=30)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert content_type.startswith("text/plain")
