"""Alertmanager's configuration: grouping, inhibition, maintenance windows, the router as receiver.

The first cluster's file is rules/alertmanager.yml; the others' carry the cluster's name, since each cluster
tells the router who it is by the path that it posts to. The fields are those of
https://prometheus.io/docs/alerting/latest/configuration/, none newer than Alertmanager 0.25.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rules_gen.emit.yaml import emit_yaml, generated_header
from rules_gen.model import SEVERITIES
from rules_gen.model.policy import WEEKDAYS
from rules_gen.target import GeneratedFile
from rules_gen.target_support.matchers import equals, one_of
from rules_gen.target_support.muting import MutedRoute, muted_routes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rules_gen.model import Catalog, Cluster, Inhibition, MaintenanceWindow, Policy, ServiceDigest

ROUTER = "router"
"""The receiver that posts to the router."""

NATIVE = "pagerduty"
"""The receiver that reaches PagerDuty past the router."""

# Alertmanager refuses zero for group_interval and repeat_interval, and repeats only at a tick of
# group_interval: a repeat_interval of one minute with ticks of 15 seconds gives a heartbeat every 60 to 75
# seconds. Four of them fit into the default deadline of five minutes, and a lost one is tried again within 15
# seconds.
_HEARTBEAT = {"group_wait": "0s", "group_interval": "15s", "repeat_interval": "1m"}

# PagerDuty's severities (https://developer.pagerduty.com/docs/events-api-v2/trigger-events/) for ours, from
# the worst.
_PAGERDUTY_SEVERITIES = ("critical", "error", "warning", "info")

# A group holds one alert or more. The first that fires speaks for it; when all have resolved, the first.
_FIRST = "{{ with index (or .Alerts.Firing .Alerts) 0 }}%s{{ end }}"


def catalog_files(catalog: Catalog) -> Iterable[GeneratedFile]:
    """One configuration for each Alertmanager cluster."""
    policy = catalog.policy
    shared = {
        "route": _root(catalog),
        "inhibit_rules": [
            rule for service in catalog.services for rule in _inhibit_rules(service, policy.external_labels)
        ],
        "time_intervals": [_time_interval(window) for window in policy.maintenance],
    }
    for index, cluster in enumerate(policy.router.clusters):
        document = {"route": shared["route"], "receivers": _receivers(policy, cluster)}
        document |= {key: value for key, value in shared.items() if value}
        name = "alertmanager" if index == 0 else f"alertmanager.{cluster.name}"
        text = emit_yaml(document, header=generated_header("alerts/"))
        yield GeneratedFile(f"rules/{name}.yml", text.encode())


def _root(catalog: Catalog) -> dict[str, Any]:
    policy = catalog.policy
    timings = policy.alertmanager
    routes: list[dict[str, Any]] = [
        # First of all: a heartbeat that were muted or paged would be worth nothing.
        {"receiver": ROUTER, "matchers": [equals("alertname", "Watchdog")], **_HEARTBEAT}
    ]
    if timings.native_pagerduty_key_file or _anything_bypasses(catalog):
        receiver = NATIVE if timings.native_pagerduty_key_file else ROUTER
        routes.append({"receiver": receiver, "matchers": [equals("bypass_router", "true")], "continue": False})
    # Last, so that no maintenance window mutes what stands above.
    routes += map(_muted, muted_routes(policy.maintenance, policy.aliases))
    return {
        "receiver": ROUTER,
        "group_by": list(policy.group_by),
        "group_wait": timings.group_wait,
        "group_interval": timings.group_interval,
        "repeat_interval": timings.repeat_interval,
        "routes": routes,
    }


def _anything_bypasses(catalog: Catalog) -> bool:
    return any(alert.bypass_router for service in catalog.services for alert in service.alerts)


def _muted(route: MutedRoute) -> dict[str, Any]:
    document: dict[str, Any] = {
        "receiver": ROUTER,
        "matchers": list(route.matchers),
        "mute_time_intervals": list(route.windows),
    }
    if route.routes:
        document["routes"] = [_muted(inner) for inner in route.routes]
    return document


def _receivers(policy: Policy, cluster: Cluster) -> list[dict[str, Any]]:
    # A redirect would turn the POST into a GET without a body, whose success Alertmanager takes for delivery.
    http: dict[str, Any] = {"follow_redirects": False}
    if policy.router.credentials_file:
        http["authorization"] = {"type": "Bearer", "credentials_file": policy.router.credentials_file}
    webhook = {
        "url": f"{policy.router.url}/webhook/{cluster.name}",
        "send_resolved": True,
        # Any other number loses the alerts beyond it.
        "max_alerts": 0,
        "http_config": http,
    }
    receivers: list[dict[str, Any]] = [{"name": ROUTER, "webhook_configs": [webhook]}]
    key_file = policy.alertmanager.native_pagerduty_key_file
    if key_file:
        receivers.append({"name": NATIVE, "pagerduty_configs": [_pagerduty(key_file)]})
    return receivers


def _pagerduty(key_file: str) -> dict[str, Any]:
    several = "{{ if gt (len .Alerts) 1 }} ({{ len .Alerts }} alerts){{ end }}"
    return {
        "routing_key_file": key_file,
        "send_resolved": True,
        "severity": _pagerduty_severity(),
        "description": _FIRST % "{{ or .Annotations.summary .Labels.alertname }}" + several,
        "class": "{{ .CommonLabels.alertname }}",
        "component": "{{ .CommonLabels.service }}",
        "group": "{{ .CommonLabels.team }}",
        "details": {
            name: _FIRST % f"{{{{ .Annotations.{name} }}}}"
            for name in ("description", "impact", "action", "runbook_url")
        },
        # Alertmanager leaves out a link whose address comes out empty.
        "links": [
            {"href": _FIRST % "{{ .Annotations.runbook_url }}", "text": "Runbook"},
            {"href": _FIRST % "{{ .Annotations.dashboard_url }}", "text": "Dashboard"},
        ],
    }


def _pagerduty_severity() -> str:
    """A template from our severity to PagerDuty's; an unknown one, or a mixed group, is critical."""
    cases = "".join(
        f'{{{{ else if eq .CommonLabels.severity "{ours}" }}}}{theirs}'
        for ours, theirs in zip(SEVERITIES[1:], _PAGERDUTY_SEVERITIES[1:], strict=True)
    )
    first = cases.removeprefix("{{ else ")
    return f"{{{{ {first}{{{{ else }}}}{_PAGERDUTY_SEVERITIES[0]}{{{{ end }}}}"


def _inhibit_rules(service: ServiceDigest, external_labels: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """One rule for all targets that a source inhibits alike: Alertmanager tries each rule on each alert."""
    targets: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for inhibition in service.inhibitions:
        key = (
            inhibition.source,
            inhibition.source_severity,
            inhibition.target_severities,
            _equal(inhibition, external_labels),
        )
        names = targets.setdefault(key, [])
        if inhibition.target not in names:
            names.append(inhibition.target)
    owner = [equals("team", service.team), equals("service", service.service)]
    for (source, source_severity, target_severities, equal), names in targets.items():
        source_matchers = [*owner, equals("alertname", source)]
        if source_severity:
            source_matchers.append(equals("severity", source_severity))
        target_matchers = [*owner, one_of("alertname", names)]
        if target_severities:
            target_matchers.append(one_of("severity", target_severities))
        yield {"source_matchers": source_matchers, "target_matchers": target_matchers, "equal": list(equal)}


def _equal(inhibition: Inhibition, external_labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels that must agree: no environment's or Prometheus's alert ever keeps another's quiet.

    Alertmanager takes a label that both alerts lack as equal, so a label more costs those without it nothing.
    """
    return tuple(dict.fromkeys((*inhibition.equal, *external_labels, "environment")))


def _time_interval(window: MaintenanceWindow) -> dict[str, Any]:
    interval: dict[str, Any] = {"times": [{"start_time": window.start, "end_time": window.end}]}
    if window.weekdays and set(window.weekdays) != set(WEEKDAYS):
        interval["weekdays"] = [day for day in WEEKDAYS if day in window.weekdays]
    interval["location"] = window.time_zone
    return {"name": window.name, "time_intervals": [interval]}
