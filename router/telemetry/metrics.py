"""What Prometheus is told, in a registry of our own.

Every label has a closed set of values: clusters and destinations are those of routes.yml, anything else is `other`.
Ages are worked out when they are asked for, so that they grow although whoever updates them hangs. All methods may be
called from any thread.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from router.model import SECOND, SEVERITIES, Heartbeat, Micros
from router.store import Backlog

OTHER = "other"

MOST_DESTINATIONS = 1_000
"""Destinations that are told apart. More than that would cost Prometheus more than they tell anybody."""

DELIVERY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
"""Seconds: from a few milliseconds, which is the target, to the ten minutes at which AlertRouterBacklog is critical."""

COMMIT_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""Seconds: a commit is one sync of the disk. A fast disk was measured to do 5,000 a second, a slower one 500."""


class Metrics:
    """All metrics of a process."""

    def __init__(self, version: str, now: Callable[[], Micros]) -> None:
        """`now`: the time in microseconds."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._now = now
        self._clusters: frozenset[str] = frozenset()
        self._destinations: frozenset[str] = frozenset()
        self._backlogged: set[str] = set()
        self._watched: set[str] = set()
        self._oldest: Micros = 0
        ProcessCollector(registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"alert_router_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"alert_router_{name}", text, labels, registry=registry)

        gauge("build_info", "1; the labels say what runs.", "version", "python").labels(
            version, platform.python_version()
        ).set(1)
        self._webhooks = counter("webhooks_received_total", "Webhooks, by how they were answered.", "cluster", "result")
        self._alerts = counter("alerts_received_total", "Alerts in webhooks.", "cluster", "severity")
        self._unknown_severity = counter(
            "unknown_severity_total", "Alerts that count as critical, theirs being unknown."
        )
        self._quarantined = counter("quarantined_total", "Bodies that couldn't be read as webhooks.", "cluster")
        self._deliveries = counter("deliveries_total", "Calls to providers.", "destination", "outcome", "reason")
        self._latency = Histogram(
            "alert_router_delivery_seconds",
            "From a webhook's arrival to the provider's acceptance.",
            ["channel", "severity"],
            buckets=DELIVERY_BUCKETS,
            registry=registry,
        )
        self._commit = Histogram(
            "alert_router_store_commit_seconds", "Commits of the store.", buckets=COMMIT_BUCKETS, registry=registry
        )
        self._store_errors = counter("store_errors_total", "Transactions that the store refused.", "kind")
        self._dead = gauge("dead_letters", "Messages that wait for a person.")
        self._dead_by = gauge("destination_dead_letters", "The same, by destination.", "destination")
        self._waiting_by = gauge("destination_backlog", "Messages that aren't delivered yet.", "destination")
        self._age_by = gauge("destination_backlog_age_seconds", "Age of the oldest of them.", "destination")
        gauge("backlog_age_seconds", "Age of the oldest message that isn't delivered yet.").set_function(
            lambda: self._age(self._oldest)
        )
        self._parked = gauge("destinations_parked", "Destinations that refuse us for a reason no retry mends.")
        self._limited = gauge("destinations_open", "Destinations that aren't called now: limited, or in trouble.")
        self._in_flight = gauge("calls_in_flight", "Calls to providers under way.")
        self._inbox = gauge("inbox_waiting", "Acknowledged webhooks that aren't applied yet.")
        self._watchdog_age = gauge("watchdog_age_seconds", "Since a cluster's Watchdog was last heard.", "cluster")
        self._polls = counter("reconciler_polls_total", "Questions to Alertmanagers.", "cluster", "result")
        self._reconciled = counter("reconciled_total", "What the reconciler set right.", "cluster", "action")
        self._reloads = counter("routes_reloads_total", "Loads of the routes.", "result")
        self._reload_failed = gauge("routes_reload_failed", "1 while the file with the routes is refused.")
        self._loaded_at = gauge("routes_loaded_timestamp_seconds", "When the routes in force were loaded.")

    # What is known
    def know(self, clusters: Iterable[str], destinations: Iterable[str]) -> None:
        """The clusters and destinations of the configuration; called at start and after each reload."""
        self._clusters = frozenset(clusters)
        self._destinations = frozenset(sorted(destinations)[:MOST_DESTINATIONS])
        for cluster in self._clusters:
            # A counter that begins with its first event hides that event from rate().
            self._webhooks.labels(cluster, "accepted")
            self._quarantined.labels(cluster)

    def _cluster(self, name: str) -> str:
        return name if name in self._clusters else OTHER

    def _destination(self, key: str) -> str:
        return key if key in self._destinations else OTHER

    def _age(self, since: Micros) -> float:
        return max(0.0, (self._now() - since) / SECOND) if since else 0.0

    # Receiving
    def webhook(self, cluster: str, result: str) -> None:
        """A webhook was answered. `result`: accepted, quarantined, unauthorized, unavailable, not_found, too_large."""
        self._webhooks.labels(self._cluster(cluster), result).inc()

    def alerts(self, cluster: str, severity: str | None, number: int = 1) -> None:
        """Alerts of a resolved severity; None: record only."""
        shown = severity if severity in SEVERITIES else "none"
        self._alerts.labels(self._cluster(cluster), shown).inc(number)

    def unknown_severity(self, number: int = 1) -> None:
        """Alerts whose severity nobody has mapped."""
        self._unknown_severity.inc(number)

    def quarantined(self, cluster: str) -> None:
        """A body went into quarantine."""
        self._quarantined.labels(self._cluster(cluster)).inc()

    # Delivering
    def delivery(self, destination: str, outcome: str, reason: str = "") -> None:
        """A call ended. `outcome`: delivered, retry, rejected, dead; `reason`: one of notifier.Reason, or empty."""
        self._deliveries.labels(self._destination(destination), outcome, reason).inc()

    def delivered(self, channel: str, severity: str, received_at: Micros) -> None:
        """A provider has accepted what a webhook that arrived then asked for. 0: none did, nothing is measured."""
        if received_at:
            shown = severity if severity in SEVERITIES else "none"
            self._latency.labels(channel, shown).observe(self._age(received_at))

    def in_flight(self, number: int) -> None:
        """How many calls are under way."""
        self._in_flight.set(number)

    def backlog(self, rows: Sequence[Backlog]) -> None:
        """What waits and what is dead now, for all destinations that have either."""
        oldest: dict[str, Micros] = {}
        waiting: dict[str, int] = {}
        dead: dict[str, int] = {}
        for row in rows:
            name = self._destination(row.destination)
            waiting[name] = waiting.get(name, 0) + row.waiting
            dead[name] = dead.get(name, 0) + row.dead
            if row.oldest:
                oldest[name] = min(oldest.get(name, row.oldest), row.oldest)
        self._dead.set(sum(dead.values()))
        self._oldest = min(oldest.values(), default=0)
        for name in self._backlogged | set(waiting):
            since = oldest.get(name, 0)
            self._waiting_by.labels(name).set(waiting.get(name, 0))
            self._dead_by.labels(name).set(dead.get(name, 0))
            self._age_by.labels(name).set_function(partial(self._age, since))
        self._backlogged |= set(waiting)

    def destinations(self, parked: int, limited: int) -> None:
        """How many destinations are parked by a fault of theirs, and how many are limited or behind an open breaker."""
        self._parked.set(parked)
        self._limited.set(limited)

    # The store
    def commit(self, seconds: float) -> None:
        """A commit took that long."""
        self._commit.observe(seconds)

    def store_error(self, kind: str) -> None:
        """A transaction failed. `kind`: unavailable, commit_unknown, poisoned."""
        self._store_errors.labels(kind).inc()

    def inbox(self, waiting: int) -> None:
        """How many acknowledged webhooks aren't applied yet."""
        self._inbox.set(waiting)

    # Watching
    def watchdogs(self, heartbeats: Iterable[Heartbeat]) -> None:
        """When each cluster's Watchdog was last heard. One that was never heard has no age."""
        now = {self._cluster(beat.cluster): beat.seen_at for beat in heartbeats if beat.seen_at}
        for name in self._watched - now.keys():
            self._watchdog_age.remove(name)
        for name, seen_at in now.items():
            self._watchdog_age.labels(name).set_function(partial(self._age, seen_at))
        self._watched = set(now)

    def poll(self, cluster: str, result: str) -> None:
        """The reconciler asked a cluster. `result`: ok, unreachable, not_ready."""
        self._polls.labels(self._cluster(cluster), result).inc()

    def reconciled(self, cluster: str, action: str, number: int = 1) -> None:
        """The reconciler changed alerts. `action`: closed, opened, reopened, dropped."""
        self._reconciled.labels(self._cluster(cluster), action).inc(number)

    # The routes
    def routes_loaded(self, *, ok: bool) -> None:
        """The file was read: its routes are in force, or it was refused and the last good ones are."""
        self._reloads.labels("ok" if ok else "refused").inc()
        self._reload_failed.set(0 if ok else 1)
        if ok:
            self._loaded_at.set(self._now() / SECOND)

    def render(self) -> tuple[bytes, str]:
        """The page for Prometheus, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4
