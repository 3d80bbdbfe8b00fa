"""The index of all runbooks: by severity as on-call is paged, then by team and service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules_gen.emit.markdown import link
from rules_gen.model import SEVERITIES
from rules_gen.target import GeneratedFile
from rules_gen.target_support.prose import comment_header, inline, readable, response_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rules_gen.model import AlertDigest, Catalog, Policy, ServiceDigest

_FOLDER = "runbooks/"
_PATH = "runbooks/README.md"


def catalog_files(catalog: Catalog) -> Iterable[GeneratedFile]:
    """The index of the pages that are here, and of those that lie elsewhere."""
    sections = [(name, _services_with(name, catalog)) for name in SEVERITIES]
    filled = [(name, services) for name, services in sections if services]
    parts = [comment_header("alerts/"), "# Runbooks\n", _overview(filled, catalog.policy)]
    parts += [_severity(name, services, catalog.policy) for name, services in filled]
    yield GeneratedFile(_PATH, "\n".join(parts).encode())


_Services = list[tuple["ServiceDigest", list["AlertDigest"]]]


def _services_with(severity: str, catalog: Catalog) -> _Services:
    found = (
        (service, [alert for alert in service.alerts if severity in alert.severities]) for service in catalog.services
    )
    return [(service, alerts) for service, alerts in found if alerts]


def _overview(sections: Sequence[tuple[str, _Services]], policy: Policy) -> str:
    """One line per severity that leads to its section; an alert of several severities is under each."""
    if not sections:
        return "There are no alerts yet.\n"
    lines = []
    for name, services in sections:
        alerts = sum(len(alerts) for _, alerts in services)
        noun = "alert" if alerts == 1 else "alerts"
        response = response_words(policy.severity(name).response)
        lines.append(f"- [{name.capitalize()}](#{name}): {alerts} {noun}, respond {response}\n")
    return "".join(lines)


def _severity(severity: str, services: _Services, policy: Policy) -> str:
    parts = [f"## {severity.capitalize()}\n"]
    for service, alerts in services:
        parts.append(f"### {_owner(service, policy)}\n")
        parts.append("".join(f"- {_alert(alert)}\n" for alert in alerts))
    return "\n".join(parts)


def _owner(service: ServiceDigest, policy: Policy) -> str:
    team = policy.team(service.team)
    return inline(f"{team.name if team else service.team}: {service.service}")


def _alert(alert: AlertDigest) -> str:
    summary = inline(readable(alert.summary))
    if alert.page is None:
        return f"{link(alert.name, alert.runbook_url)} (elsewhere): {summary}"
    return f"{link(alert.name, alert.page.removeprefix(_FOLDER))}: {summary}"
