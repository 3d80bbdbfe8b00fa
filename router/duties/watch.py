"""Watches the router's own world: silent Watchdogs, parked destinations, urgent messages that don't get through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from router.applier import Applied, Incoming
from router.duties.core import Ground
from router.model import INTERNAL_CLUSTER, AlertState, Incident, Micros
from router.policies import fallback, internal, watchdog
from router.routes import Routes
from router.store import Transaction

OVERDUE_AT_ONCE = 20_000
"""All of them in practice: those that have been told already stay overdue, and must not hide others."""


class Watch:
    """The router's own alerts, and the fallback."""

    def __init__(self, ground: Ground, running: Callable[[], Micros]) -> None:
        """`running`: how long this process has been listening with a clock that nobody has set."""
        self._ground = ground
        self._running = running

    async def conditions(self) -> None:
        """Begin and end the router's own alerts."""
        await self._ground.apply(self._conditions)

    def _conditions(self, tx: Transaction) -> Applied | None:
        if not tx.try_leader("conditions"):
            return None
        ground = self._ground
        routes, now = ground.routes(), ground.now()
        known = tx.firing_alerts(INTERNAL_CLUSTER)
        keys = [(INTERNAL_CLUSTER, state.fingerprint) for state in known]
        present: list[internal.Trouble] = []
        # Also while it is switched off: a silence that was told before ends then.
        kinds = {internal.REFUSED, internal.WATCHDOG_SILENT}
        if ground.settings.watchdog.enabled:
            silences = watchdog.silent(routes.clusters, tx.heartbeats(), now - self._running(), now)
            present += [internal.watchdog_silent(silence) for silence in silences]
        configured = all_destinations(routes)
        busy = {row.destination for row in tx.backlog() if row.waiting}
        present += [
            internal.destination_refused(status.destination, status.reason, status.detail)
            for status in tx.destinations()
            if status.state == "parked" and (status.destination in configured or status.destination in busy)
        ]
        missing = [
            (INTERNAL_CLUSTER, trouble.fingerprint)
            for trouble in present
            if (INTERNAL_CLUSTER, trouble.fingerprint) not in keys
        ]
        states: list[AlertState] = [*known, *tx.alerts(missing).values()]
        alerts = internal.changed_conditions(kinds, present, states, routes.default_team, now)
        alerts += internal.ended_events(known, now)
        return ground.applier.apply(tx, [Incoming("", now, alerts)], now) if alerts else None

    async def fallbacks(self) -> None:
        """Tell the fallback of what is urgent and undelivered."""
        if await self._ground.apply(self._tell_fallback) is not None:
            # What was told one by one isn't folded as well.
            await self._ground.apply(self._fold_fallback)

    def _tell_fallback(self, tx: Transaction) -> Applied | None:
        """Tell one by one, or fold when there is nobody to tell: in an outage, looking once costs enough."""
        decided = self._decide(tx)
        if decided is None:
            return None
        return self._tell(tx, decided.decision.tell) if decided.decision.tell else self._fold(tx, decided)

    def _fold_fallback(self, tx: Transaction) -> Applied | None:
        decided = self._decide(tx)
        return None if decided is None else self._fold(tx, decided)

    def _decide(self, tx: Transaction) -> _Decided | None:
        if not tx.try_leader("fallback"):
            return None
        ground = self._ground
        routes, now = ground.routes(), ground.now()
        statuses = {status.destination: status for status in tx.destinations()}
        parked = {name for name, status in statuses.items() if status.state == "parked"}
        late = tx.overdue(now - routes.fallback_after, OVERDUE_AT_ONCE)
        late += [row for row in tx.overdue(now, OVERDUE_AT_ONCE) if row.destination in parked] if parked else []
        late += [row for row in tx.dead_letters(["dead"], OVERDUE_AT_ONCE) if row.urgent and row.via == "route"]
        known = tx.firing_alerts(INTERNAL_CLUSTER)
        folded = {
            state.labels.get("destination", "")
            for state in known
            if state.labels.get("alertname") == internal.UNDELIVERED
        }
        if not late and not folded:
            return None
        ids = sorted({row.incident_id for row in late})
        decision = fallback.decide(
            tx.deliveries(ids),
            incidents=tx.incidents(ids),
            destinations=statuses,
            folded=folded,
            routes=routes,
            now=now,
        )
        return _Decided(decision, known)

    def _tell(self, tx: Transaction, ids: Sequence[str]) -> Applied:
        def told(incident: Incident) -> Incident | None:
            return incident._replace(fallback=True) if incident.open and not incident.fallback else None

        ground = self._ground
        return ground.applier.change_incidents(tx, ids, told, "fallback", ground.now())

    def _fold(self, tx: Transaction, decided: _Decided) -> Applied | None:
        ground = self._ground
        now = ground.now()
        present = [
            internal.undelivered(fold.destination, fold.team, len(fold.incident_ids)) for fold in decided.decision.folds
        ]
        missing = [(INTERNAL_CLUSTER, trouble.fingerprint) for trouble in present]
        states = {state.fingerprint: state for state in [*tx.alerts(missing).values(), *decided.known]}
        alerts = internal.changed_conditions(
            {internal.UNDELIVERED}, present, states.values(), ground.routes().default_team, now
        )
        return ground.applier.apply(tx, [Incoming("", now, alerts)], now) if alerts else None


class _Decided(NamedTuple):
    decision: fallback.Decision
    known: list[AlertState]


def all_destinations(routes: Routes) -> frozenset[str]:
    """The keys of every destination that is configured."""
    return frozenset(
        destination.key
        for team in routes.teams.values()
        for destinations in team.destinations.values()
        for destination in destinations
    )
