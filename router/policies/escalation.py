"""Which medium incidents count as high from now on, since nobody has ended them within their response time. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.model import AlertStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from router.model import AlertState, Incident, Micros
    from router.routes import Routes

ESCALATES = "medium"


def may_escalate(incident: Incident, routes: Routes, now: Micros) -> bool:
    """Whether its alerts have to be looked at: what is not so for thousands of incidents needn't be read each time."""
    response = routes.severities[ESCALATES].response_after
    asking = (routes.teams.get(entry.team) for entry in incident.counts)
    return (
        response >= 0
        and incident.open
        and not incident.escalated
        and incident.severity == incident.worst == ESCALATES
        and incident.opened_at + response <= now
        and any(team is not None and team.escalate_medium for team in asking)
    )


def escalating(
    incidents: Iterable[Incident], alerts: Mapping[str, Sequence[AlertState]], routes: Routes, now: Micros
) -> tuple[str, ...]:
    """The ids of the incidents that escalate now, in the order given.

    `alerts` are the alerts of each incident, by its id, as far as they fire. An incident that has been worse in this
    episode doesn't escalate: people were paged for it and know of it. Nor does one whose alerts that count are all
    suppressed, or of a team that hasn't asked for it; the second team that an alert notifies has no say. A response
    time of `next business day` is no time that could run out at night, so it never escalates.
    """
    return tuple(
        incident.id
        for incident in incidents
        if may_escalate(incident, routes, now) and any(_counts(alert, routes) for alert in alerts.get(incident.id, ()))
    )


def _counts(alert: AlertState, routes: Routes) -> bool:
    team = routes.teams.get(alert.team)
    return (
        alert.status is AlertStatus.FIRING
        and alert.severity == ESCALATES
        and not alert.suppressed
        and team is not None
        and team.escalate_medium
    )
