"""Runs the state machine over what the store knows: webhooks in, alerts, incidents and claimed deliveries out.

It works within a transaction that is handed to it, and touches nothing else: what it returns may only be acted on once
that transaction has been committed.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from router import planning
from router.incident import (
    AlertChange,
    apply_alert,
    apply_to_incident,
    close,
    drop,
    new_incident,
    reopen,
    transition,
)
from router.model import (
    INTERNAL_CLUSTER,
    SEVERITY_RANK,
    SNAPSHOT_ALERTS,
    Alert,
    AlertState,
    AlertStatus,
    Delivery,
    Heartbeat,
    Incident,
    Micros,
    Mode,
    Snapshot,
    Status,
    Transition,
    incident_id,
)
from router.notes import missed_note
from router.notifier import Traits
from router.policies.internal import Trouble, firing
from router.policies.watchdog import is_watchdog
from router.routes import Routes
from router.routing import Resolved, group_labels, resolve
from router.store import AlertKey, Transaction


class Incoming(NamedTuple):
    """A webhook's alerts, or the router's own."""

    inbox_id: str
    """Empty when it never was in the inbox."""
    received_at: Micros
    alerts: tuple[Alert, ...]
    troubles: tuple[Trouble, ...] = ()
    """What the router itself has to say about this webhook."""


class Work(NamedTuple):
    """A claimed delivery with what its message shows."""

    delivery: Delivery
    snapshot: Snapshot | None


class Seen(NamedTuple):
    """An alert that was taken in, for the metrics."""

    cluster: str
    severity: str
    kind: str
    unknown_severity: bool


class Applied(NamedTuple):
    """What came of it; to be acted on after the commit."""

    work: tuple[Work, ...]
    seen: tuple[Seen, ...]
    held: tuple[AlertKey, ...]
    """Alerts that Alertmanager has to be asked about."""
    opened: tuple[Incident, ...]


class Applier:
    """Holds what doesn't change from one webhook to the next."""

    def __init__(
        self,
        *,
        routes: Callable[[], Routes],
        traits: Mapping[str, Traits],
        owner: str,
        room: Callable[[str], int],
        fold: Callable[[Transaction, Incident, Micros], str] = lambda _tx, _incident, _at: "",
    ) -> None:
        """`room` says how many more deliveries a destination takes now; `fold` names the storm that a new incident is
        folded into, or answers with an empty text.
        """
        self.routes = routes
        self.traits = traits
        self.owner = owner
        self.room = room
        self.fold = fold

    def apply(self, tx: Transaction, incoming: Sequence[Incoming], now: Micros) -> Applied:
        """Take in webhooks, in their order."""
        run = _Run(self, tx, now)
        pictures = [[(item.received_at, alert) for alert in _firing_first(item.alerts)] for item in incoming]
        pictures.append(run.own_alerts(incoming))
        run.take_heartbeats(itertools.chain(*pictures))
        run.load(alert for picture in pictures for _, alert in picture if not is_watchdog(alert))
        for picture in pictures:
            for at, alert in picture:
                if not is_watchdog(alert):
                    run.take(alert, at)
            run.end_picture()
        tx.remove_inbox([item.inbox_id for item in incoming if item.inbox_id])
        return run.finish()

    def decide_held(
        self, tx: Transaction, reopened: Sequence[AlertKey], dropped: Sequence[AlertKey], now: Micros
    ) -> Applied:
        """Reopen or drop alerts that were held. One that isn't held any more is left alone."""
        run = _Run(self, tx, now)
        run.load_keys([*reopened, *dropped])
        for key in reopened:
            run.change(key, lambda state: AlertChange(reopen(state, now), "reopened"), AlertStatus.HELD)
        for key in dropped:
            run.change(key, lambda state: AlertChange(drop(state), "dropped"), AlertStatus.HELD)
        return run.finish()

    def close_absent(self, tx: Transaction, keys: Mapping[AlertKey, Micros], now: Micros) -> Applied:
        """Close alerts that Alertmanager doesn't know any more, unless they were told of since that time."""
        run = _Run(self, tx, now)
        run.load_keys(list(keys))
        for key, asked_at in keys.items():

            def closed(state: AlertState, asked_at: Micros = asked_at) -> AlertChange | None:
                return None if state.seen_at >= asked_at else AlertChange(close(state, asked_at, now), "reconciled")

            run.change(key, closed, AlertStatus.FIRING)
        return run.finish()

    def mark_suppressed(self, tx: Transaction, keys: Mapping[AlertKey, bool], now: Micros) -> Applied:
        """Remember which alerts Alertmanager silences or inhibits."""
        run = _Run(self, tx, now)
        run.load_keys(list(keys))
        for key, suppressed in keys.items():
            kind = "suppressed" if suppressed else "unsuppressed"

            def marked(state: AlertState, suppressed: bool = suppressed, kind: str = kind) -> AlertChange | None:  # noqa: FBT001  (bound per key)
                if state.suppressed == suppressed:
                    return None
                return AlertChange(state._replace(suppressed=suppressed), kind)

            run.change(key, marked, AlertStatus.FIRING)
        return run.finish()

    def change_incidents(
        self, tx: Transaction, ids: Sequence[str], change: Callable[[Incident], Incident | None], kind: str, now: Micros
    ) -> Applied:
        """Change incidents as a whole, such as by an escalation, and bring their deliveries into line."""
        run = _Run(self, tx, now)
        tx.lock(ids)
        run.incidents.update(tx.incidents(ids))
        for known in ids:
            run.change_incident(known, change, kind)
        return run.finish()

    def send_notes(self, tx: Transaction, notes: Sequence[Delivery], now: Micros) -> Applied:
        """Write notes that aren't known yet, and claim them."""
        run = _Run(self, tx, now)
        known = tx.deliveries(sorted({row.incident_id for row in notes}))
        for row in notes:
            if all(row.destination != other.destination for other in known.get(row.incident_id, ())):
                run.add(row)
        return run.finish()


def _firing_first(alerts: tuple[Alert, ...]) -> Iterable[Alert]:
    """One webhook is one picture of a group: an alert that ends as another begins doesn't close their incident."""
    if len(alerts) == 1:
        return alerts
    return sorted(alerts, key=lambda alert: not alert.firing)


class _Run:
    """One application: what was read, and what has to be written."""

    def __init__(self, applier: Applier, tx: Transaction, now: Micros) -> None:
        self.tx = tx
        self.routes = applier.routes()
        self.traits = applier.traits
        self.owner = applier.owner
        self.room = applier.room
        self.fold = applier.fold
        self.now = now
        self.alerts: dict[AlertKey, AlertState] = {}
        self.incidents: dict[str, Incident] = {}
        self._resolved: dict[int, tuple[Resolved, dict[str, str], str]] = {}
        self._changed_alerts: dict[AlertKey, AlertState] = {}
        self._changed_incidents: dict[str, Micros] = {}
        self._before: dict[str, Incident] = {}
        """Incidents that the present webhook has changed, as they were before it."""
        self._pictured: set[str] = set()
        """Incidents that an earlier webhook of this run has changed."""
        self._passed: dict[str, list[Incident]] = {}
        """What incidents were between webhooks, where that differs from what they are now in more than counts."""
        self._transitions: list[Transition] = []
        self._seen: list[Seen] = []
        self._held: list[AlertKey] = []
        self._opened: dict[str, Incident] = {}
        self._rows: dict[tuple[str, str], Delivery] = {}

    # Reading

    def take_heartbeats(self, entries: Iterable[tuple[Micros, Alert]]) -> None:
        beats = {alert.cluster: at for at, alert in entries if alert.firing and is_watchdog(alert)}
        if beats:
            self.tx.save_heartbeats([Heartbeat(cluster, at) for cluster, at in beats.items()])

    def own_alerts(self, incoming: Sequence[Incoming]) -> list[tuple[Micros, Alert]]:
        """The router's own alerts: what is known of them decides where their episodes begin."""
        troubles = {trouble.fingerprint: (item.received_at, trouble) for item in incoming for trouble in item.troubles}
        if not troubles:
            return []
        known = self.tx.alerts([(INTERNAL_CLUSTER, fingerprint) for fingerprint in troubles])
        team = self.routes.default_team
        return [
            (at, firing(trouble, team, known.get((INTERNAL_CLUSTER, fingerprint)), at))
            for fingerprint, (at, trouble) in troubles.items()
        ]

    def load(self, alerts: Iterable[Alert]) -> None:
        """Lock what these alerts may change, and read it."""
        keys: dict[AlertKey, None] = {}
        ids: dict[str, None] = {}
        for alert in alerts:
            group = group_labels(alert.labels, self.routes)
            own = incident_id(alert.cluster, group)
            self._resolved[id(alert)] = (resolve(alert.labels, self.routes), group, own)
            keys[alert.cluster, alert.fingerprint] = None
            ids[own] = None
        if not keys:
            return
        self.tx.lock(ids)
        self.alerts.update(self.tx.alerts(list(keys)))
        # An alert that fires stays in its incident although `group_by` has changed since.
        more = {state.incident_id for state in self.alerts.values()} - ids.keys()
        if more:
            self.tx.lock(more)
            self.alerts.update(self.tx.alerts(list(keys)))
        self.incidents.update(self.tx.incidents([*ids, *more]))

    def load_keys(self, keys: Sequence[AlertKey]) -> None:
        if not keys:
            return
        ids = {state.incident_id for state in self.tx.alerts(keys).values()}
        self.tx.lock(ids)
        self.alerts.update(self.tx.alerts(keys))
        self.incidents.update(self.tx.incidents(sorted(ids)))

    # Changing

    def take(self, alert: Alert, at: Micros) -> None:
        key = (alert.cluster, alert.fingerprint)
        resolved, group, own = self._resolved[id(alert)]
        known = self.alerts.get(key)
        change = apply_alert(known, alert, resolved, own, at)
        self._seen.append(Seen(alert.cluster, resolved.severity or "none", change.kind, resolved.unknown_severity))
        if change.state.incident_id not in self.incidents:
            self.incidents[change.state.incident_id] = new_incident(change.state.incident_id, alert.cluster, group)
        if change.kind == "held":
            self._held.append(key)
        detail = ""
        if resolved.unknown_severity:
            detail = f"severity {alert.labels.get('severity', '')!r:.60} is unknown and counts as critical"
        self._apply(key, known, change, at, detail)

    def change(self, key: AlertKey, change: Callable[[AlertState], AlertChange | None], status: AlertStatus) -> None:
        known = self.alerts.get(key)
        if known is None or known.status is not status:
            return
        made = change(known)
        if made is None:
            return
        if known.incident_id not in self.incidents:
            # Of an alert of which only a resolve was seen before it was held, no incident was ever kept.
            group = group_labels(known.labels, self.routes)
            self.incidents[known.incident_id] = new_incident(known.incident_id, known.cluster, group)
        self._apply(key, known, made, self.now, "")

    def _apply(self, key: AlertKey, known: AlertState | None, change: AlertChange, at: Micros, detail: str) -> None:
        if known is not None and change.state == known:
            if change.kind == "stale_resolve":
                self._note(self.incidents[known.incident_id], known.fingerprint, change.kind, detail, at)
            return
        self.alerts[key] = self._changed_alerts[key] = change.state
        before = self.incidents[change.state.incident_id]
        after, kinds = apply_to_incident(before, known, change.state, self.routes.flap, at)
        if "opened" in kinds:
            after = self._fold_into_storm(after, at)
            self._opened[after.id] = after
        self.incidents[after.id] = after
        if after != before:
            self._before.setdefault(after.id, before)
            self._changed_incidents.setdefault(after.id, at)
        if change.kind not in ("repeated", "changed"):
            self._note(after, change.state.fingerprint, change.kind, detail, at)
        for kind in kinds:
            self._note(after, "", kind, after.severity, at)

    def end_picture(self) -> None:
        """A webhook ends. What it has put an end to, and an earlier one of this run has begun, must not vanish between
        them: it is planned as well, so that it is told or said to be superseded.
        """
        for known, before in self._before.items():
            after = self.incidents[known]
            if known in self._pictured and _level(before) != _level(after):
                self._passed.setdefault(known, []).append(before)
        self._pictured.update(self._before)
        self._before.clear()

    def _fold_into_storm(self, incident: Incident, at: Micros) -> Incident:
        storm_id = self.fold(self.tx, incident, at) if self.routes.storm.enabled else ""
        if storm_id:
            self._note(incident, "", "folded", f"into storm {storm_id}", at)
        return incident._replace(storm_id=storm_id)

    def _note(self, incident: Incident, fingerprint: str, kind: str, detail: str, at: Micros) -> None:
        self._transitions.append(transition(at, incident, fingerprint, kind, detail))

    def change_incident(self, known: str, change: Callable[[Incident], Incident | None], kind: str) -> None:
        before = self.incidents.get(known)
        after = change(before) if before is not None else None
        if before is None or after is None:
            return
        if after != before:
            after = after._replace(revision=before.revision + 1)
            self._note(after, "", kind, "", self.now)
        self.incidents[known] = after
        self._changed_incidents[known] = self.now

    def add(self, row: Delivery) -> None:
        self._rows[row.incident_id, row.destination] = row

    # Writing

    def finish(self) -> Applied:
        tx = self.tx
        if self._changed_alerts:
            tx.save_alerts(list(self._changed_alerts.values()))
        changed = [self.incidents[known] for known in self._changed_incidents]
        if changed:
            tx.save_incidents(changed)
            self._plan(changed)
        work = self._claim()
        if self._rows:
            tx.save_deliveries(list(self._rows.values()))
        if self._transitions:
            tx.add_transitions(self._transitions)
        return Applied(tuple(work), tuple(self._seen), tuple(self._held), tuple(self._opened.values()))

    def _plan(self, changed: Sequence[Incident]) -> None:
        known = self.tx.deliveries(sorted(self._changed_incidents))
        for incident in changed:
            rows = {row.destination: row for row in known.get(incident.id, ())}
            received_at = self._changed_incidents[incident.id]
            for picture in (*self._passed.get(incident.id, ()), incident):
                made = planning.plan(
                    picture, list(rows.values()), self.routes, self.traits, self.now, received_at=received_at
                )
                for row in made.deliveries:
                    self.add(row)
                    rows[row.destination] = row
                self._transitions += made.transitions
                for row in made.missed:
                    line = missed_note(picture, row, list(rows.values()), self.routes, self.now)
                    if line is not None:
                        self.add(line)

    def _claim(self) -> list[Work]:
        room: dict[str, int] = {}
        claimed: list[Delivery] = []
        for key, row in self._rows.items():
            if row.status is not Status.WAITING or row.mode is Mode.DIGEST or row.next_at > self.now:
                continue
            left = room[row.destination] if row.destination in room else self.room(row.destination)
            if left > 0:
                traits = self.traits.get(row.destination.partition(":")[0])
                taken = planning.claim(row, self.owner, traits, self.now) if traits is not None else row
                if taken.status is Status.CLAIMED:
                    claimed.append(taken)
                    left -= 1
                self._rows[key] = taken
            room[row.destination] = left
        claimed.sort(key=lambda row: not row.urgent)
        snapshots = self._snapshots({row.incident_id for row in claimed if row.mode is Mode.NOW})
        return [Work(row, snapshots.get(row.incident_id)) for row in claimed]

    def _snapshots(self, ids: set[str]) -> dict[str, Snapshot]:
        """What messages show; from memory where all of an incident's alerts came by just now."""
        if not ids:
            return {}
        firing: dict[str, list[AlertState]] = defaultdict(list)
        for state in self.alerts.values():
            if state.incident_id in ids and state.status is AlertStatus.FIRING and state.severity is not None:
                firing[state.incident_id].append(state)
        found: dict[str, Snapshot] = {}
        unknown: list[str] = []
        for known in ids:
            incident = self.incidents.get(known)
            states = firing.get(known, [])
            if incident is not None and states and len(states) == incident.firing:
                states.sort(key=_order)
                found[known] = Snapshot(incident, tuple(states[:SNAPSHOT_ALERTS]))
            else:
                unknown.append(known)
        if unknown:
            found.update(self.tx.snapshots(sorted(unknown)))
        return found


def _level(incident: Incident) -> tuple[int, bool, str]:
    return incident.episode, incident.open, incident.severity


def _order(state: AlertState) -> tuple[int, Micros, str]:
    return SEVERITY_RANK[state.severity or "low"], state.starts_at, state.fingerprint
