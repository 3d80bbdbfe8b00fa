"""Whether a cluster's Watchdog, the alert that always fires, still arrives. Pure.

It is a heartbeat and never an incident: while it comes, rules are evaluated, Prometheus reaches Alertmanager, and
Alertmanager reaches the router.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router.model import Alert, Heartbeat, Micros
    from router.routes import Cluster

WATCHDOG = "Watchdog"
"""The name that the compiler, kube-prometheus and most others give to it."""


class Silence(NamedTuple):
    """A cluster whose Watchdog is overdue."""

    cluster: str
    seen_at: Micros
    """When it last came; 0 when never."""
    deadline: Micros
    """How long it may be silent."""


def is_watchdog(alert: Alert) -> bool:
    """Whether an alert is the heartbeat of its cluster."""
    return alert.labels.get("alertname") == WATCHDOG


def fresh(cluster: Cluster, heartbeat: Heartbeat | None, now: Micros) -> bool:
    """Whether the heartbeat has come within its deadline. One from beyond it in the future proves nothing: a clock
    has jumped.
    """
    return heartbeat is not None and abs(now - heartbeat.seen_at) <= cluster.watchdog_deadline


def silent(
    clusters: Mapping[str, Cluster], heartbeats: Iterable[Heartbeat], started_at: Micros, now: Micros
) -> tuple[Silence, ...]:
    """The clusters whose Watchdog is overdue, by name.

    `started_at` is when this router began to listen; a whole deadline is waited from then on, since what came while it
    was down it could not see. It is best reckoned as now minus the running time of a monotonic clock, so that a jump of
    the wall clock can't stretch the wait.
    """
    seen = {heartbeat.cluster: heartbeat.seen_at for heartbeat in heartbeats}
    found = []
    for name, cluster in sorted(clusters.items()):
        deadline = cluster.watchdog_deadline
        last = seen.get(name, 0)
        if last > now + deadline:
            last = 0
        if now - max(last, started_at) > deadline:
            found.append(Silence(name, last, deadline))
    return tuple(found)
