"""What may be forgotten. Nothing that somebody still has to be told of is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Delete, Table, and_, exists, select, tuple_

from router.model import AlertStatus, Micros, Mode, Status
from router.stores.database import Database, Params, Query, Writer, constant, number
from router.stores.tables import ALERTS, ATTEMPTS, DELIVERIES, INCIDENTS, QUARANTINE, TRANSITIONS

_D = DELIVERIES.c
_OVER = _D.status.in_([constant(Status.SETTLED.value), constant(Status.EXPIRED.value)])
_FIRING = constant(AlertStatus.FIRING.value)


def _oldest(table: Table, condition: ColumnElement[bool], order: ColumnElement[Any]) -> Delete:
    """Delete the oldest rows, without ever waiting: rows that another transaction has locked are left for next time."""
    keys = tuple(table.primary_key)
    # With FOR UPDATE, PostgreSQL runs a common table expression once; a plain subquery it may run again and again.
    chosen = select(*keys).where(condition).order_by(order).limit(number("most")).with_for_update(skip_locked=True)
    one = chosen.cte("chosen")
    return table.delete().where((tuple_(*keys) if len(keys) > 1 else keys[0]).in_(select(*one.c)))


def _log(table: Table) -> Delete:
    """Rows of a log are deleted in the order in which they were written, which needs no index of their time."""
    first = select(table.c.id, table.c.at).order_by(table.c.id).limit(number("most")).cte("first")
    return table.delete().where(table.c.id.in_(select(first.c.id).where(first.c.at < number("before"))))


_ENDED_ALERT = and_(
    ALERTS.c.status == constant(AlertStatus.RESOLVED.value),
    ALERTS.c.ends_at < number("before"),
)
_CLOSED_INCIDENT = and_(INCIDENTS.c.open == constant(0), INCIDENTS.c.closed_at < number("before"))
_FORGOTTEN = and_(
    _CLOSED_INCIDENT,
    ~exists().where(_D.incident_id == INCIDENTS.c.id, ~_OVER),
    # Two conditions, since there is an index for each.
    ~exists().where(ALERTS.c.incident_id == INCIDENTS.c.id, ALERTS.c.status == _FIRING),
    ~exists().where(ALERTS.c.incident_id == INCIDENTS.c.id, ALERTS.c.status != _FIRING),
)
_SENT_NOTE = and_(
    _D.mode == constant(Mode.NOTE.value),
    _OVER,
    _D.shown_at < number("before"),
    _D.since < number("before"),
    _D.received_at < number("before"),
)

_ALERTS = Query(lambda _: _oldest(ALERTS, _ENDED_ALERT, ALERTS.c.ends_at))
_INCIDENTS = Query(lambda _: _oldest(INCIDENTS, _FORGOTTEN, INCIDENTS.c.closed_at).returning(INCIDENTS.c.id))
_DELIVERIES = Query(
    lambda writer: _oldest(DELIVERIES, and_(_OVER, writer.one_of(_D.incident_id, "ids")), _D.incident_id)
)
_NOTES = Query(lambda _: _oldest(DELIVERIES, _SENT_NOTE, _D.shown_at))
_QUARANTINE = Query(
    lambda _: _oldest(QUARANTINE, QUARANTINE.c.received_at < number("before"), QUARANTINE.c.received_at)
)
_LOGS = (Query(lambda _: _log(TRANSITIONS)), Query(lambda _: _log(ATTEMPTS)))


class Retention:
    """Part of a Transaction."""

    __slots__ = ()
    db: Database
    writer: Writer

    def prune(self, before: Micros, limit: int) -> int:
        params = {"before": before, "most": limit}
        gone = self.db.run(_ALERTS, params) + self._incidents(params)
        return gone + sum(self.db.run(query, params) for query in (_NOTES, _QUARANTINE, *_LOGS))

    def _incidents(self, params: Params) -> int:
        """Closed incidents with their deliveries. An incident outlives its alerts, so that no alert is without one.

        Whoever changes an incident or a delivery writes all of its row, so one that comes back just now is whole.
        """
        ids = [row[0] for row in self.db.fetch(_INCIDENTS, params)]
        if not ids:
            return 0
        return len(ids) + self.db.run(_DELIVERIES, {"ids": self.writer.strings(ids), "most": len(ids) * 1_000})
