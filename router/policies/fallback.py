"""Which urgent incidents nobody was told of in time, and so go to the fallback. Pure.

A few are told one by one. Many at once, which means that a destination and not a message is at fault, are folded into
one message for each destination: a fallback that gets a hundred pages is as good as none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from router.model import INTERNAL_CLUSTER, Destination, Mode, Shown, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from router.model import Delivery, DestinationStatus, Incident, Micros
    from router.routes import Routes

FOLD_ABOVE = 3
"""More incidents than this that miss one destination are folded."""


class Fold(NamedTuple):
    """Incidents that one destination wasn't told of, to be told in one message (`internal.undelivered`)."""

    destination: str
    team: str
    """Who is told: the fallback of the team that the destination belongs to, or the default team."""
    incident_ids: tuple[str, ...]


class Decision(NamedTuple):
    """What the fallback is told."""

    tell: tuple[str, ...]
    """The ids of incidents that get `fallback`, sorted."""
    folds: tuple[Fold, ...]
    """All that hold now, by destination. One that was there before and isn't any more has ended."""


def untold(delivery: Delivery) -> bool:
    """Whether a destination may not know that this episode fires. A lost answer counts as not told; an outdated
    message does not, since whoever has it knows of the incident.
    """
    return delivery.wanted.state is Shown.FIRING and not (
        delivery.shown.episode == delivery.wanted.episode and delivery.shown.state is Shown.FIRING
    )


def undelivered(deliveries: Iterable[Delivery]) -> tuple[Delivery, ...]:
    """Those of an incident's deliveries that leave it undelivered; empty when it counts as delivered.

    PagerDuty is what wakes people: where it belongs to the route, what else was told doesn't count. Elsewhere one
    destination that knows is enough.
    """
    route = [
        delivery
        for delivery in deliveries
        if delivery.via == "route"
        and delivery.mode is Mode.NOW
        and delivery.urgent
        and delivery.wanted.state is Shown.FIRING
        and delivery.status is not Status.EXPIRED
    ]
    paging = [delivery for delivery in route if Destination.parse(delivery.destination).channel == "pagerduty"]
    missing = tuple(delivery for delivery in paging or route if untold(delivery))
    return missing if paging or len(missing) == len(route) else ()


def decide(
    candidates: Mapping[str, Sequence[Delivery]],
    *,
    incidents: Mapping[str, Incident],
    destinations: Mapping[str, DestinationStatus],
    folded: Collection[str],
    routes: Routes,
    now: Micros,
) -> Decision:
    """What to tell the fallback.

    `candidates`: all deliveries of each incident that has an overdue one (and of those with a dead letter, which is
    undelivered as well), by its id. `folded`: destinations that are folded already; they stay so until all that they
    miss is delivered, so that the end of an outage doesn't page one by one. The router's own incidents are never
    folded, or the message about the fold would be.
    """
    alone: set[str] = set()
    missed: dict[str, list[str]] = {}
    teams: dict[str, str] = {}
    for incident_id, deliveries in sorted(candidates.items()):
        incident = incidents.get(incident_id)
        if incident is None or not incident.open:
            continue
        late = [delivery for delivery in undelivered(deliveries) if _late(delivery, destinations, routes, now)]
        if incident.cluster == INTERNAL_CLUSTER or incident.fallback:
            alone.update([incident_id] if late and not incident.fallback else [])
            continue
        for delivery in late:
            missed.setdefault(delivery.destination, []).append(incident_id)
            teams.setdefault(delivery.destination, delivery.team)
    folds = []
    for destination, ids in sorted(missed.items()):
        if len(ids) > FOLD_ABOVE or destination in folded:
            team = routes.teams.get(teams[destination])
            folds.append(Fold(destination, (team.fallback if team else "") or routes.default_team, tuple(ids)))
        else:
            alone.update(ids)
    return Decision(tuple(sorted(alone)), tuple(folds))


def _late(delivery: Delivery, destinations: Mapping[str, DestinationStatus], routes: Routes, now: Micros) -> bool:
    """Whether waiting any longer is no use: its time is over, its destination refuses, or it is a dead letter."""
    status = destinations.get(delivery.destination)
    return (
        delivery.status is Status.DEAD
        or (status is not None and status.state == "parked")
        or (delivery.since > 0 and now - delivery.since >= routes.fallback_after)
    )
