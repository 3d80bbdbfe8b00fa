"""Grafana: dashboards/<team>/<service>.json, what fires and each signal with its threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules_gen.target import GeneratedFile, Output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rules_gen.model import Policy, Service


def service_files(service: Service, policy: Policy) -> Iterable[Output]:
    """The service's dashboard; none for a service that only records rules."""
    if service.alerts:
        # Imported here because the SDK and orjson are of no use to commands that write no dashboard.
        from rules_gen.dashboards.expressions import questions
        from rules_gen.dashboards.page import render

        path = f"dashboards/{service.team}/{service.name}.json"
        yield GeneratedFile(path, render(service, policy, questions(policy.prometheus)))
