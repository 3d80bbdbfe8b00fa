"""A whole store in plain dicts, for tests that are about what the router does rather than about SQL.

`Database` is what is kept; `MemoryStore` is one process's connection to it, so that two replicas are two stores on one
database. Transactions run one after the other, which is stricter than any lock. Failures are ordered with `fail`:

    store.fail("begin")                       # StoreUnavailable, nothing ran
    store.fail("commit")                      # StoreUnavailable, rolled back
    store.fail("commit-kept")                 # CommitUnknown, and it was kept
    store.fail("commit-lost")                 # CommitUnknown, and it was not
    store.fail("save_deliveries", times=2)    # that call raises, twice
    store.down = True                         # every begin raises StoreUnavailable
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

from router.model import (
    SEVERITY_RANK,
    SNAPSHOT_ALERTS,
    AlertState,
    AlertStatus,
    Attempt,
    Delivery,
    DestinationStatus,
    Heartbeat,
    InboxRow,
    Incident,
    Micros,
    Mode,
    Quarantined,
    Replica,
    Shown,
    Snapshot,
    Status,
    Transition,
)
from router.store import AlertKey, Backlog, CommitUnknown, StoreUnavailable, Transaction

_DONE = (Status.SETTLED, Status.EXPIRED)


class Database:
    """What is kept. Tests may look into it and change it between transactions."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.numbers = itertools.count()
        self.inbox: dict[str, InboxRow] = {}
        self.quarantined: dict[str, Quarantined] = {}
        self.alerts: dict[AlertKey, AlertState] = {}
        self.alerts_of: dict[str, frozenset[AlertKey]] = {}
        self.incidents: dict[str, Incident] = {}
        self.deliveries_of: dict[str, dict[str, Delivery]] = {}
        self.transitions: dict[int, Transition] = {}
        self.attempts: dict[int, Attempt] = {}
        self.replicas: dict[str, Replica] = {}
        self.destinations: dict[str, DestinationStatus] = {}
        self.heartbeats: dict[str, Heartbeat] = {}
        self.facts: dict[str, str] = {}
        self.led_elsewhere: set[str] = set()
        """Tasks that another replica is said to lead."""
        self.commits = 0

    def deliveries(self) -> list[Delivery]:
        """All of them."""
        return [row for rows in self.deliveries_of.values() for row in rows.values()]

    def delivery(self, incident_id: str, destination: str) -> Delivery:
        return self.deliveries_of[incident_id][destination]

    def seed(self, *rows: AlertState | Incident | Delivery | Replica) -> None:
        """Put rows there without a transaction."""
        tx = MemoryTransaction(self)
        for row in rows:
            match row:
                case AlertState():
                    tx.save_alerts([row])
                case Incident():
                    tx.save_incidents([row])
                case Delivery():
                    tx.save_deliveries([row])
                case Replica():
                    tx.beat(row)


class MemoryTransaction:
    """What `router.store.Transaction` asks for, with an undo log."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._undo: list[Callable[[], object]] = []

    def rollback(self) -> None:
        while self._undo:
            self._undo.pop()()

    def _put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        if key in table:
            self._undo.append(partial(table.__setitem__, key, table[key]))
        else:
            self._undo.append(partial(table.pop, key))
        table[key] = value

    def _drop(self, table: dict[Any, Any], key: Any) -> None:
        if key in table:
            self._undo.append(partial(table.__setitem__, key, table.pop(key)))

    # The inbox
    def add_inbox(self, rows: Sequence[InboxRow]) -> None:
        for row in rows:
            if row.id not in self._db.inbox:
                self._put(self._db.inbox, row.id, row)

    def take_inbox(self, owner: str, alive: Sequence[str], limit: int) -> list[InboxRow]:
        free = [row for row in self._db.inbox.values() if row.owner == owner or row.owner not in alive]
        free.sort(key=lambda row: (row.received_at, row.id))
        taken = [row._replace(owner=owner) for row in free[:limit]]
        for row in taken:
            self._put(self._db.inbox, row.id, row)
        return taken

    def remove_inbox(self, ids: Sequence[str]) -> None:
        for row_id in ids:
            self._drop(self._db.inbox, row_id)

    def add_quarantine(self, rows: Sequence[Quarantined]) -> None:
        for row in rows:
            if row.id not in self._db.quarantined:
                self._put(self._db.quarantined, row.id, row)

    def quarantine(self, limit: int) -> list[Quarantined]:
        return sorted(self._db.quarantined.values(), key=lambda row: (-row.received_at, row.id))[:limit]

    # Alerts and incidents
    def lock(self, incident_ids: Iterable[str]) -> None:
        set(incident_ids)

    def alerts(self, keys: Sequence[AlertKey]) -> dict[AlertKey, AlertState]:
        return {key: self._db.alerts[key] for key in keys if key in self._db.alerts}

    def incidents(self, ids: Sequence[str]) -> dict[str, Incident]:
        return {key: self._db.incidents[key] for key in ids if key in self._db.incidents}

    def save_alerts(self, rows: Sequence[AlertState]) -> None:
        for row in rows:
            key = (row.cluster, row.fingerprint)
            old = self._db.alerts.get(key)
            if old is not None and old.incident_id != row.incident_id:
                self._put(self._db.alerts_of, old.incident_id, self._db.alerts_of[old.incident_id] - {key})
            self._put(self._db.alerts, key, row)
            members = self._db.alerts_of.get(row.incident_id, frozenset())
            if key not in members:
                self._put(self._db.alerts_of, row.incident_id, members | {key})

    def save_incidents(self, rows: Sequence[Incident]) -> None:
        for row in rows:
            self._put(self._db.incidents, row.id, row)

    def firing_alerts(self, cluster: str) -> list[AlertState]:
        return [
            row for row in self._db.alerts.values() if row.cluster == cluster and row.status != AlertStatus.RESOLVED
        ]

    def held_alerts(self, held_before: Micros) -> list[AlertState]:
        held = [row for row in self._db.alerts.values() if row.status == AlertStatus.HELD]
        return [row for row in held if row.held_at < held_before]

    def snapshots(self, incident_ids: Sequence[str]) -> dict[str, Snapshot]:
        return {key: self._snapshot(key) for key in incident_ids if key in self._db.incidents}

    def _snapshot(self, incident_id: str) -> Snapshot:
        alerts = [self._db.alerts[key] for key in self._db.alerts_of.get(incident_id, ())]
        firing = [row for row in alerts if row.status == AlertStatus.FIRING]
        firing.sort(key=lambda row: (_rank(row.severity), row.starts_at, row.fingerprint))
        if not firing:
            firing = sorted(alerts, key=lambda row: (-row.ends_at, row.fingerprint))[:1]
        return Snapshot(self._db.incidents[incident_id], tuple(firing[:SNAPSHOT_ALERTS]))

    def open_incidents(self, limit: int) -> list[Incident]:
        found = [row for row in self._db.incidents.values() if row.open]
        return sorted(found, key=lambda row: (row.opened_at, row.id))[:limit]

    # Deliveries
    def deliveries(self, incident_ids: Sequence[str]) -> dict[str, list[Delivery]]:
        found = {key: self._db.deliveries_of[key] for key in incident_ids if self._db.deliveries_of.get(key)}
        return {key: [rows[name] for name in sorted(rows)] for key, rows in found.items()}

    def save_deliveries(self, rows: Sequence[Delivery]) -> None:
        for row in rows:
            before = self._db.deliveries_of.get(row.incident_id, {})
            self._put(self._db.deliveries_of, row.incident_id, {**before, row.destination: row})

    def take_due(
        self, now: Micros, alive: Sequence[str], room: Mapping[str, int], default_room: int, limit: int
    ) -> list[Delivery]:
        due = [row for row in self._db.deliveries() if _due(row, now, alive)]
        due.sort(key=lambda row: (not row.urgent, row.next_at))
        taken: list[Delivery] = []
        used: Counter[str] = Counter()
        for row in due:
            if len(taken) < limit and used[row.destination] < room.get(row.destination, default_room):
                used[row.destination] += 1
                taken.append(row)
        return taken

    def recall(self, beyond: Micros, now: Micros) -> int:
        rows = [row for row in self._db.deliveries() if row.status == Status.WAITING and row.mode != Mode.DIGEST]
        early = [row._replace(next_at=now) for row in rows if row.next_at > beyond]
        self.save_deliveries(early)
        unsettled = [row for row in self._db.deliveries() if row.status not in _DONE]
        self.save_deliveries([row._replace(since=now) for row in unsettled if row.since > beyond])
        for cluster, beat in list(self._db.heartbeats.items()):
            if beat.seen_at > beyond:
                self._put(self._db.heartbeats, cluster, beat._replace(seen_at=now))
        return len(early)

    def digest_deliveries(self) -> list[Delivery]:
        rows = [row for row in self._db.deliveries() if row.mode == Mode.DIGEST]
        return [row for row in rows if row.shown != row.wanted or row.wanted.state == Shown.FIRING]

    def overdue(self, since_before: Micros, limit: int) -> list[Delivery]:
        rows = [row for row in self._db.deliveries() if row.urgent and row.mode == Mode.NOW and row.via == "route"]
        rows = [row for row in rows if row.status in (Status.WAITING, Status.CLAIMED)]
        rows = [row for row in rows if 0 < row.since < since_before and row.wanted.state == Shown.FIRING]
        return sorted(rows, key=lambda row: row.since)[:limit]

    def dead_letters(self, statuses: Sequence[str], limit: int) -> list[Delivery]:
        rows = [row for row in self._db.deliveries() if row.status in statuses]
        return sorted(rows, key=lambda row: (row.since, row.incident_id, row.destination))[:limit]

    def backlog(self) -> list[Backlog]:
        answer: dict[str, Backlog] = {}
        for row in self._db.deliveries():
            known = answer.get(row.destination, Backlog(row.destination, 0, 0, 0))
            if row.status == Status.DEAD:
                answer[row.destination] = known._replace(dead=known.dead + 1)
            elif row.status in (Status.WAITING, Status.CLAIMED) and row.mode != Mode.DIGEST and row.shown != row.wanted:
                oldest = min(known.oldest, row.since) if known.waiting else row.since
                answer[row.destination] = known._replace(waiting=known.waiting + 1, oldest=oldest)
        return [answer[name] for name in sorted(answer)]

    def shown_firing(self, destinations: Sequence[str] | None) -> list[Delivery]:
        rows = [row for row in self._db.deliveries() if row.mode != Mode.NOTE]
        rows = [row for row in rows if destinations is None or row.destination in destinations]
        return [
            row for row in rows if row.shown.state in (Shown.FIRING, Shown.UNKNOWN) or row.wanted.state == Shown.FIRING
        ]

    # The ledger
    def add_transitions(self, rows: Sequence[Transition]) -> None:
        for row in rows:
            self._put(self._db.transitions, next(self._db.numbers), row)

    def add_attempts(self, rows: Sequence[Attempt]) -> None:
        for row in rows:
            self._put(self._db.attempts, next(self._db.numbers), row)

    def history(self, incident_id: str, limit: int) -> tuple[list[Transition], list[Attempt]]:
        transitions = [row for row in self._db.transitions.values() if row.incident_id == incident_id]
        attempts = [row for row in self._db.attempts.values() if row.incident_id == incident_id]
        transitions.sort(key=lambda row: row.at)
        attempts.sort(key=lambda row: row.at)
        return (transitions[-limit:], attempts[-limit:]) if limit else ([], [])

    def find_alerts(self, fingerprint: str) -> list[AlertState]:
        return [row for row in self._db.alerts.values() if row.fingerprint == fingerprint]

    # Replicas, destinations, heartbeats, small facts
    def beat(self, replica: Replica) -> None:
        self._put(self._db.replicas, replica.id, replica)

    def replicas(self) -> list[Replica]:
        return sorted(self._db.replicas.values(), key=lambda row: row.id)

    def remove_replica(self, replica_id: str) -> None:
        self._drop(self._db.replicas, replica_id)

    def save_destination(self, status: DestinationStatus) -> None:
        self._put(self._db.destinations, status.destination, status)

    def destinations(self) -> list[DestinationStatus]:
        return sorted(self._db.destinations.values(), key=lambda row: row.destination)

    def save_heartbeats(self, rows: Sequence[Heartbeat]) -> None:
        for row in rows:
            known = self._db.heartbeats.get(row.cluster)
            if known is None or known.seen_at < row.seen_at:
                self._put(self._db.heartbeats, row.cluster, row)

    def heartbeats(self) -> list[Heartbeat]:
        return sorted(self._db.heartbeats.values(), key=lambda row: row.cluster)

    def get(self, key: str) -> str | None:
        return self._db.facts.get(key)

    def put(self, key: str, value: str) -> None:
        self._put(self._db.facts, key, value)

    def try_leader(self, task: str) -> bool:
        return task not in self._db.led_elsewhere

    def new_incidents(self, since: Micros) -> dict[str, int]:
        opened = [row for row in self._db.incidents.values() if row.opened_at >= since]
        return dict(Counter(row.counts[0].team if row.counts else row.group.get("team", "") for row in opened))

    def prune(self, before: Micros, limit: int) -> int:
        database = self._db
        gone = [
            key
            for key, row in database.incidents.items()
            if not row.open
            and 0 < row.closed_at < before
            and all(delivery.status in _DONE for delivery in database.deliveries_of.get(key, {}).values())
        ][:limit]
        count = len(gone)
        for key in gone:
            count += len(database.deliveries_of.get(key, ()))
            self._drop(database.incidents, key)
            self._drop(database.deliveries_of, key)
        notes = [
            row
            for row in database.deliveries()
            if row.mode == Mode.NOTE and row.status in _DONE and max(row.shown_at, row.received_at) < before
        ][:limit]
        for row in notes:
            left = {name: kept for name, kept in database.deliveries_of[row.incident_id].items() if kept is not row}
            self._put(database.deliveries_of, row.incident_id, left)
        ended = [
            row for row in database.alerts.values() if row.status == AlertStatus.RESOLVED and 0 < row.ends_at < before
        ][:limit]
        for alert in ended:
            alert_key = (alert.cluster, alert.fingerprint)
            self._drop(database.alerts, alert_key)
            members = database.alerts_of[alert.incident_id] - {alert_key}
            self._put(database.alerts_of, alert.incident_id, members)
        count += len(notes) + len(ended)
        for table, at in (
            (database.transitions, lambda row: row.at),
            (database.attempts, lambda row: row.at),
            (database.quarantined, lambda row: row.received_at),
        ):
            old = [key for key, row in cast("dict[Any, Any]", table).items() if cast("Any", at)(row) < before][:limit]
            for name in old:
                self._drop(cast("dict[Any, Any]", table), name)
            count += len(old)
        return count


class MemoryStore:
    """One process's connection to a Database."""

    def __init__(self, database: Database | None = None) -> None:
        self.database = database or Database()
        self.down = False
        self.opened = False
        self.threads: set[int] = set()
        """Who has begun transactions: a store is one thread's."""
        self.calls: Counter[str] = Counter()
        """How often each method of a transaction was asked for."""
        self.at_commit: Callable[[Transaction], None] = lambda _tx: None
        """What is checked only when committing, such as a deferred constraint; it raises to refuse."""
        self._faults: dict[str, list[BaseException | None]] = {}

    def fail(self, point: str, *, times: int = 1, after: int = 0, error: BaseException | None = None) -> None:
        """Let `point` fail `times` times, once it has worked `after` times. See the module's docstring."""
        chosen: BaseException = error or StoreUnavailable(f"{point} was told to fail")
        if error is None and point in ("commit-kept", "commit-lost"):
            chosen = CommitUnknown(f"{point} was told to fail")
        self._faults.setdefault(point, []).extend([*[None] * after, *[chosen] * times])

    def _check(self, point: str) -> None:
        queued = self._faults.get(point)
        if queued:
            error = queued.pop(0)
            if error is not None:
                raise error

    def _check_up(self) -> None:
        if self.down:
            raise StoreUnavailable("the store is down")

    def open(self) -> None:
        self._check("open")
        self._check_up()
        self.opened = True

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        self.threads.add(threading.get_ident())
        self._check("begin")
        self._check_up()
        with self.database.mutex:
            inner = MemoryTransaction(self.database)
            try:
                yield cast("Transaction", _Watched(inner, self))
                self.at_commit(cast("Transaction", inner))
                self._check("commit")
                self._check("commit-lost")
                self._check_up()
            except BaseException:
                inner.rollback()
                raise
            self.database.commits += 1
        self._check("commit-kept")

    def close(self) -> None:
        self.opened = False


class _Watched:
    """A transaction whose calls are counted and can be told to fail."""

    def __init__(self, inner: MemoryTransaction, store: MemoryStore) -> None:
        self._inner = inner
        self._store = store

    def __getattr__(self, name: str) -> Any:
        self._store.calls[name] += 1
        self._store._check(name)
        return getattr(self._inner, name)


def _rank(severity: str | None) -> int:
    return len(SEVERITY_RANK) if severity is None else SEVERITY_RANK[severity]


def _due(row: Delivery, now: Micros, alive: Sequence[str]) -> bool:
    if row.mode == Mode.DIGEST:
        return False
    if row.status == Status.WAITING:
        return row.next_at <= now
    if row.status == Status.SETTLED:
        return 0 < row.repeat_at <= now
    return row.status == Status.CLAIMED and row.owner not in alive
