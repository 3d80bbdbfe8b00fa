"""The seam to the store: what the router keeps, and the few questions it asks.

A store has one connection, used by one thread (writer.py's). All that a transaction does is committed together or not
at all. Whoever reads an incident to change it calls `lock` first, whoever changes a delivery reads it through
`deliveries` or `take_due`, which lock the rows: every change is then a pure function of a row that nobody else changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from router.model import (
    AlertState,
    Attempt,
    Delivery,
    DestinationStatus,
    Heartbeat,
    InboxRow,
    Incident,
    Micros,
    Quarantined,
    Replica,
    Snapshot,
    Transition,
)

AlertKey = tuple[str, str]
"""(cluster, fingerprint)"""
DeliveryKey = tuple[str, str]
"""(incident or note id, destination key)"""


class StoreError(Exception):
    """The store refused; nothing of the transaction was kept. The message names no secret."""


class StoreUnavailable(StoreError):  # noqa: N818  (it names a state; Error would repeat the base)
    """It can't be reached, is locked, or is full. Trying again later may work."""


class CommitUnknown(StoreError):  # noqa: N818
    """The connection was lost while committing: kept or not, nobody knows. All that is committed can be done twice."""


class Backlog(NamedTuple):
    """What waits, for one destination."""

    destination: str
    waiting: int
    """Rows that differ and aren't dead, digests aside."""
    oldest: Micros
    """Since when the oldest of them differs; 0 when none waits."""
    dead: int


class Transaction(Protocol):
    """What can be done between begin and commit. Times are microseconds."""

    # The inbox
    def add_inbox(self, rows: Sequence[InboxRow]) -> None:
        """Keep acknowledged webhooks. A row whose id is there already is left as it is."""
        ...

    def take_inbox(self, owner: str, alive: Sequence[str], limit: int) -> list[InboxRow]:
        """The oldest rows that belong to `owner` or to nobody in `alive`, locked. They become `owner`'s."""
        ...

    def remove_inbox(self, ids: Sequence[str]) -> None:
        """Forget webhooks that have been applied."""
        ...

    def add_quarantine(self, rows: Sequence[Quarantined]) -> None:
        """Keep bodies that could not be read."""
        ...

    def quarantine(self, limit: int) -> list[Quarantined]:
        """The newest bodies that could not be read."""
        ...

    # Alerts and incidents
    def lock(self, incident_ids: Iterable[str]) -> None:
        """Keep every other transaction from locking these incidents until this one ends. Call it once, with all."""
        ...

    def alerts(self, keys: Sequence[AlertKey]) -> dict[AlertKey, AlertState]:
        """The alerts of these keys, as far as they are known."""
        ...

    def incidents(self, ids: Sequence[str]) -> dict[str, Incident]:
        """The incidents of these ids, as far as they are known."""
        ...

    def save_alerts(self, rows: Sequence[AlertState]) -> None:
        """Insert or replace."""
        ...

    def save_incidents(self, rows: Sequence[Incident]) -> None:
        """Insert or replace."""
        ...

    def firing_alerts(self, cluster: str) -> list[AlertState]:
        """All alerts of a cluster that fire, held ones included."""
        ...

    def held_alerts(self, held_before: Micros) -> list[AlertState]:
        """Alerts of any cluster whose status is HELD since before that time."""
        ...

    def snapshots(self, incident_ids: Sequence[str]) -> dict[str, Snapshot]:
        """Each incident with its first SNAPSHOT_ALERTS firing alerts: worst severity first, then the oldest start, then
        the fingerprint. When none fires, the one that ended last.
        """
        ...

    def open_incidents(self, limit: int) -> list[Incident]:
        """Incidents that are open, the oldest first."""
        ...

    # Deliveries
    def deliveries(self, incident_ids: Sequence[str]) -> dict[str, list[Delivery]]:
        """The deliveries of these incidents or notes, locked until the transaction ends; sorted by destination."""
        ...

    def save_deliveries(self, rows: Sequence[Delivery]) -> None:
        """Insert or replace."""
        ...

    def take_due(
        self, now: Micros, alive: Sequence[str], room: Mapping[str, int], default_room: int, limit: int
    ) -> list[Delivery]:
        """Deliveries to send now, locked; rows that another transaction has locked are skipped.

        Due is: mode NOW or NOTE and WAITING with next_at <= now; SETTLED with 0 < repeat_at <= now; CLAIMED by an owner
        that isn't in `alive`. Urgent ones first, then the oldest next_at. At most `room[destination]` of each
        destination (`default_room` for one that isn't in it), at most `limit` in all. Nothing is changed.
        """
        ...

    def recall(self, beyond: Micros, now: Micros) -> int:
        """Let deliveries that are WAITING for a time after `beyond` be due now: a clock that ran ahead has set it. How
        many there were. What it has dated after `beyond` counts as of now: since when deliveries differ, which would
        keep the fallback waiting, and Watchdogs, whose next beats would be too old to be taken.
        """
        ...

    def digest_deliveries(self) -> list[Delivery]:
        """All deliveries of mode DIGEST whose shown differs from wanted, or whose wanted state is FIRING, locked."""
        ...

    def overdue(self, since_before: Micros, limit: int) -> list[Delivery]:
        """Urgent deliveries of mode NOW via `route`, WAITING or CLAIMED, that differ since before that time and want
        FIRING. Not locked.
        """
        ...

    def dead_letters(self, statuses: Sequence[str], limit: int) -> list[Delivery]:
        """Deliveries whose status is one of these (`dead`, `expired`), the oldest first."""
        ...

    def backlog(self) -> list[Backlog]:
        """What waits and what is dead, for each destination that has either."""
        ...

    def shown_firing(self, destinations: Sequence[str] | None) -> list[Delivery]:
        """Deliveries, not notes, that show FIRING or UNKNOWN or want FIRING: to all destinations, or to these."""
        ...

    # The ledger
    def add_transitions(self, rows: Sequence[Transition]) -> None:
        """Write history."""
        ...

    def add_attempts(self, rows: Sequence[Attempt]) -> None:
        """Write the ledger."""
        ...

    def history(self, incident_id: str, limit: int) -> tuple[list[Transition], list[Attempt]]:
        """An incident's transitions and attempts, the newest `limit` of each, oldest first."""
        ...

    def find_alerts(self, fingerprint: str) -> list[AlertState]:
        """Alerts of any cluster with that fingerprint."""
        ...

    # Replicas, destinations, heartbeats, small facts
    def beat(self, replica: Replica) -> None:
        """Insert or replace a replica."""
        ...

    def replicas(self) -> list[Replica]:
        """All replicas, the dead ones too."""
        ...

    def remove_replica(self, replica_id: str) -> None:
        """Forget a replica, after it has released what it held."""
        ...

    def save_destination(self, status: DestinationStatus) -> None:
        """Insert or replace."""
        ...

    def destinations(self) -> list[DestinationStatus]:
        """All destinations whose health was ever recorded."""
        ...

    def save_heartbeats(self, rows: Sequence[Heartbeat]) -> None:
        """Insert or replace; a newer seen_at is never replaced by an older one."""
        ...

    def heartbeats(self) -> list[Heartbeat]:
        """All clusters' Watchdogs."""
        ...

    def get(self, key: str) -> str | None:
        """A small fact, such as when the last digest was flushed."""
        ...

    def put(self, key: str, value: str) -> None:
        """Remember a small fact."""
        ...

    def try_leader(self, task: str) -> bool:
        """Whether this transaction may do a task that only one replica should do at a time. Held until it ends."""
        ...

    def new_incidents(self, since: Micros) -> dict[str, int]:
        """How many incidents opened since then, by their worst-hit team (the first in `counts`, or the team label)."""
        ...

    def prune(self, before: Micros, limit: int) -> int:
        """Delete at most `limit` rows of each kind that ended before: resolved alerts, closed incidents whose
        deliveries are all settled or expired, those deliveries, settled notes, history, ledger, quarantine. Returns how
        many.
        """
        ...


class Store(Protocol):
    """A database."""

    def open(self) -> None:
        """Connect and bring the schema up to date. StoreUnavailable when it can't; StoreError when the schema is newer
        than this release or the file isn't ours.
        """
        ...

    def begin(self) -> AbstractContextManager[Transaction]:
        """A transaction: committed when the block ends, rolled back when it raises.

        A lost connection raises StoreUnavailable and the next begin connects anew; lost while committing it raises
        CommitUnknown. Deadlocks and serialization failures are StoreUnavailable too: nothing was kept.
        """
        ...

    def close(self) -> None:
        """Give back the connection. Closing twice does nothing."""
        ...
