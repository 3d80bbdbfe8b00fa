"""History, the ledger of calls, and the small things that replicas share."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, select

from router.model import Attempt, DestinationStatus, Heartbeat, Micros, Replica, Transition
from router.stores import rows as r
from router.stores.database import Bulk, Database, Query, Writer, number, string
from router.stores.encoding import free, text
from router.stores.tables import ATTEMPTS, DESTINATIONS, FACTS, HEARTBEATS, REPLICAS, TRANSITIONS

_ADD_TRANSITIONS = Bulk(TRANSITIONS, "impossible")
_ADD_ATTEMPTS = Bulk(ATTEMPTS, "impossible")
_SAVE_REPLICA = Bulk(REPLICAS, "replace")
_SAVE_DESTINATION = Bulk(DESTINATIONS, "replace")
_SAVE_HEARTBEATS = Bulk(HEARTBEATS, "replace", newest="seen_at")
_SAVE_FACT = Bulk(FACTS, "replace")


def _newest(table: Table) -> Query:
    columns = [column for column in table.c if column.name != "id"]
    return Query(
        lambda _: (
            select(*columns)
            .where(table.c.incident_id == string("incident_id"))
            .order_by(table.c.at.desc(), table.c.id.desc())
            .limit(number("most"))
        )
    )


_TRANSITIONS = _newest(TRANSITIONS)
_ATTEMPTS = _newest(ATTEMPTS)
_REPLICAS = Query(lambda _: select(*REPLICAS.c).order_by(REPLICAS.c.id))
_REMOVE_REPLICA = Query(lambda _: REPLICAS.delete().where(REPLICAS.c.id == string("id")))
_DESTINATIONS = Query(lambda _: select(*DESTINATIONS.c).order_by(DESTINATIONS.c.destination))
_HEARTBEATS = Query(lambda _: select(*HEARTBEATS.c).order_by(HEARTBEATS.c.cluster))
_FACT = Query(lambda _: select(FACTS.c.value).where(FACTS.c.key == string("key")))


class Ledger:
    """Part of a Transaction."""

    __slots__ = ()
    db: Database
    writer: Writer

    def add_transitions(self, rows: Sequence[Transition]) -> None:
        self.db.save(_ADD_TRANSITIONS, [r.transition_row(row) for row in rows])

    def add_attempts(self, rows: Sequence[Attempt]) -> None:
        self.db.save(_ADD_ATTEMPTS, [r.attempt_row(row) for row in rows])

    def history(self, incident_id: str, limit: int) -> tuple[list[Transition], list[Attempt]]:
        params = {"incident_id": incident_id, "most": limit}
        transitions = [r.transition_of(row) for row in self.db.fetch(_TRANSITIONS, params)]
        attempts = [r.attempt_of(row) for row in self.db.fetch(_ATTEMPTS, params)]
        return transitions[::-1], attempts[::-1]

    def beat(self, replica: Replica) -> None:
        self.db.save(_SAVE_REPLICA, [r.replica_row(replica)])

    def replicas(self) -> list[Replica]:
        return [r.replica_of(row) for row in self.db.fetch(_REPLICAS, {})]

    def remove_replica(self, replica_id: str) -> None:
        self.db.run(_REMOVE_REPLICA, {"id": text(replica_id)})

    def save_destination(self, status: DestinationStatus) -> None:
        self.db.save(_SAVE_DESTINATION, [r.destination_row(status)])

    def destinations(self) -> list[DestinationStatus]:
        return [r.destination_of(row) for row in self.db.fetch(_DESTINATIONS, {})]

    def save_heartbeats(self, rows: Sequence[Heartbeat]) -> None:
        newest: dict[str, Micros] = {}
        for row in rows:
            newest[row.cluster] = max(row.seen_at, newest.get(row.cluster, 0))
        self.db.save(_SAVE_HEARTBEATS, [(text(cluster), seen_at) for cluster, seen_at in newest.items()])

    def heartbeats(self) -> list[Heartbeat]:
        return [Heartbeat(free(cluster), seen_at) for cluster, seen_at in self.db.fetch(_HEARTBEATS, {})]

    def get(self, key: str) -> str | None:
        found = self.db.fetch(_FACT, {"key": text(key)})
        return free(found[0][0]) if found else None

    def put(self, key: str, value: str) -> None:
        self.db.save(_SAVE_FACT, [(text(key), text(value))])

    def try_leader(self, task: str) -> bool:
        return self.db.try_lock(task)
