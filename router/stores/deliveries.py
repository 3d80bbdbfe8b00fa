"""Deliveries: what each destination shows and should show, and which of them are due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update

from router.model import Delivery, Micros, Mode, Shown, Status
from router.store import Backlog, DeliveryKey
from router.stores import rows as r
from router.stores.database import Bulk, Database, Query, Writer, constant, number, string
from router.stores.encoding import free, text
from router.stores.tables import DELIVERIES, HEARTBEATS

_D = DELIVERIES.c
_DELIVERY = tuple(column for column in _D if column.name != "due_at")
_KEY = (_D.incident_id, _D.destination)
_SAVE = Bulk(DELIVERIES, "replace")

_WAITING = constant(Status.WAITING.value)
_CLAIMED = constant(Status.CLAIMED.value)
_DEAD = constant(Status.DEAD.value)
_SETTLED = constant(Status.SETTLED.value)
_FIRING = constant(Shown.FIRING.value)
_UNKNOWN = constant(Shown.UNKNOWN.value)
_DIGEST = constant(Mode.DIGEST.value)
_NOTE = constant(Mode.NOTE.value)

# The conditions of partial indexes stand in the statements word for word, see migrations.py.
_UNSETTLED = _D.status != _SETTLED
_DIFFERS = or_(
    _D.wanted_episode != _D.shown_episode,
    _D.wanted_state != _D.shown_state,
    _D.wanted_content != _D.shown_content,
)
_LIVE = and_(
    _D.mode != _NOTE,
    or_(_D.shown_state == _FIRING, _D.shown_state == _UNKNOWN, _D.wanted_state == _FIRING),
)

_OF_INCIDENTS = Query(
    lambda writer: select(*_DELIVERY).where(writer.one_of(_D.incident_id, "ids")).order_by(*_KEY).with_for_update()
)


def _first_destination(*conditions: ColumnElement[bool]) -> ColumnElement[str]:
    return select(func.min(_D.destination)).where(*conditions).scalar_subquery()


def _due_destinations(_: Writer) -> ColumnElement[bool]:
    """The destinations that have a due row, by one index look-up each, however many rows wait."""
    by_clock = _D.due_at > constant(0)
    first = select(_first_destination(by_clock).label("destination"))
    found = first.cte("found", recursive=True)
    found = found.union_all(
        select(_first_destination(by_clock, _D.destination > found.c.destination)).where(
            found.c.destination.is_not(None)
        )
    )
    due = select(constant(1)).where(by_clock, _D.destination == found.c.destination, _D.due_at <= number("now"))
    return select(found.c.destination).where(found.c.destination.is_not(None), due.exists())  # type: ignore[return-value]


_DUE_DESTINATIONS = Query(_due_destinations)
_DUE = Query(
    lambda _: (
        select(*_DELIVERY)
        .where(_D.due_at > constant(0), _D.destination == string("destination"), _D.due_at <= number("now"))
        .order_by(_D.urgent.desc(), _D.due_at, _D.incident_id)
        .limit(number("most"))
        .with_for_update(skip_locked=True)
    )
)
_LEFT_BEHIND = Query(
    lambda writer: (
        select(_D.destination, _D.incident_id)
        .where(_UNSETTLED, _D.status == _CLAIMED, ~writer.one_of(_D.owner, "alive"))
        .order_by(_D.urgent.desc(), _D.next_at, *_KEY)
    )
)
_TAKE_OVER = Query(
    lambda writer: (
        select(*_DELIVERY)
        .where(
            _D.destination == string("destination"),
            writer.one_of(_D.incident_id, "ids"),
            _D.status == _CLAIMED,
            ~writer.one_of(_D.owner, "alive"),
        )
        .order_by(*_KEY)
        .with_for_update(skip_locked=True)
    )
)
_RECALL = Query(
    lambda _: (
        update(DELIVERIES)
        .where(_UNSETTLED, _D.status == _WAITING, _D.due_at > number("beyond"))
        .values(next_at=number("now"), due_at=number("now"))
    )
)
_REDATED = (
    Query(
        lambda _: (
            update(DELIVERIES)
            .where(_UNSETTLED, _D.status.in_([_WAITING, _CLAIMED, _DEAD]), _D.since > number("beyond"))
            .values(since=number("now"))
        )
    ),
    Query(lambda _: update(HEARTBEATS).where(HEARTBEATS.c.seen_at > number("beyond")).values(seen_at=number("now"))),
)
_DIGESTS = Query(
    lambda _: (
        select(*_DELIVERY)
        .where(_D.mode == _DIGEST, or_(_D.wanted_state == _FIRING, _DIFFERS))
        .order_by(*_KEY)
        .with_for_update()
    )
)
_OVERDUE = Query(
    lambda _: (
        select(*_DELIVERY)
        .where(
            _UNSETTLED,
            _D.status.in_([_WAITING, _CLAIMED]),
            _D.urgent == constant(1),
            _D.since > constant(0),
            _D.since < number("before"),
            _D.mode == constant(Mode.NOW.value),
            _D.via == constant("route"),
            _D.wanted_state == _FIRING,
        )
        .order_by(_D.since, *_KEY)
        .limit(number("most"))
    )
)
_DEAD_LETTERS = Query(
    lambda writer: (
        select(*_DELIVERY)
        .where(_UNSETTLED, writer.one_of(_D.status, "statuses"))
        .order_by(_D.since, *_KEY)
        .limit(number("most"))
    )
)
_IS_DEAD = case((_D.status == _DEAD, constant(1)), else_=constant(0))
_BACKLOG = Query(
    lambda _: (
        select(
            _D.destination,
            func.sum(constant(1) - _IS_DEAD),
            func.min(case((_D.status != _DEAD, _D.since))),
            func.sum(_IS_DEAD),
        )
        .where(
            _UNSETTLED,
            _D.status.in_([_WAITING, _CLAIMED, _DEAD]),
            or_(_D.status == _DEAD, _D.mode != _DIGEST),
        )
        .group_by(_D.destination)
        .order_by(_D.destination)
    )
)
_LIVE_ALL = Query(lambda _: select(*_DELIVERY).where(_LIVE).order_by(_D.destination, _D.incident_id))
_LIVE_SOME = Query(
    lambda writer: (
        select(*_DELIVERY)
        .where(_LIVE, writer.one_of(_D.destination, "destinations"))
        .order_by(_D.destination, _D.incident_id)
    )
)


class Deliveries:
    """Part of a Transaction."""

    __slots__ = ()
    db: Database
    writer: Writer

    def deliveries(self, incident_ids: Sequence[str]) -> dict[str, list[Delivery]]:
        found: dict[str, list[Delivery]] = {}
        if incident_ids:
            for row in self.db.fetch(_OF_INCIDENTS, {"ids": self.writer.strings(incident_ids)}):
                found.setdefault(row[0], []).append(r.delivery_of(row))
        return found

    def save_deliveries(self, rows: Sequence[Delivery]) -> None:
        self.db.save(_SAVE, [r.delivery_row(row) for row in rows])

    def take_due(
        self, now: Micros, alive: Sequence[str], room: Mapping[str, int], default_room: int, limit: int
    ) -> list[Delivery]:
        taken: dict[str, list[Delivery]] = {}
        for (stored,) in self.db.fetch(_DUE_DESTINATIONS, {"now": now}):
            destination = free(stored)
            most = min(room.get(destination, default_room), limit)
            if most > 0:
                params = {"destination": stored, "now": now, "most": most}
                taken[destination] = [r.delivery_of(row) for row in self.db.fetch(_DUE, params)]
        for destination, rows in self._left_behind(alive, room, default_room, limit).items():
            taken.setdefault(destination, []).extend(rows)
        kept: list[Delivery] = []
        for destination, rows in taken.items():
            rows.sort(key=_turn)
            kept += rows[: room.get(destination, default_room)]
        kept.sort(key=_turn)
        return kept[:limit]

    def _left_behind(
        self, alive: Sequence[str], room: Mapping[str, int], default_room: int, limit: int
    ) -> dict[str, list[Delivery]]:
        """Rows whose owner is dead: chosen without a lock, so that no more are locked than there is room for."""
        living = self.writer.strings([text(name) for name in alive])
        chosen: dict[str, list[str]] = {}
        for stored, incident_id in self.db.fetch(_LEFT_BEHIND, {"alive": living}):
            ids = chosen.setdefault(stored, [])
            if len(ids) < min(room.get(free(stored), default_room), limit):
                ids.append(incident_id)
        taken: dict[str, list[Delivery]] = {}
        for stored, ids in chosen.items():
            if ids:
                params = {"destination": stored, "ids": self.writer.strings(ids), "alive": living}
                taken[free(stored)] = [r.delivery_of(row) for row in self.db.fetch(_TAKE_OVER, params)]
        return taken

    def recall(self, beyond: Micros, now: Micros) -> int:
        params = {"beyond": beyond, "now": now}
        for query in _REDATED:
            self.db.run(query, params)
        return self.db.run(_RECALL, params)

    def digest_deliveries(self) -> list[Delivery]:
        return [r.delivery_of(row) for row in self.db.fetch(_DIGESTS, {})]

    def overdue(self, since_before: Micros, limit: int) -> list[Delivery]:
        params = {"before": since_before, "most": limit}
        return [r.delivery_of(row) for row in self.db.fetch(_OVERDUE, params)]

    def dead_letters(self, statuses: Sequence[str], limit: int) -> list[Delivery]:
        params = {"statuses": self.writer.strings([str(status) for status in statuses]), "most": limit}
        return [r.delivery_of(row) for row in self.db.fetch(_DEAD_LETTERS, params)]

    def backlog(self) -> list[Backlog]:
        return [
            Backlog(free(destination), int(waiting), oldest or 0, int(dead))
            for destination, waiting, oldest, dead in self.db.fetch(_BACKLOG, {})
        ]

    def shown_firing(self, destinations: Sequence[str] | None) -> list[Delivery]:
        if destinations is None:
            return [r.delivery_of(row) for row in self.db.fetch(_LIVE_ALL, {})]
        params = {"destinations": self.writer.strings([text(name) for name in destinations])}
        return [r.delivery_of(row) for row in self.db.fetch(_LIVE_SOME, params)]


def _turn(delivery: Delivery) -> tuple[bool, Micros, DeliveryKey]:
    """Urgent ones first, then the one that has waited longest. A repeat waits since its own time."""
    at = delivery.repeat_at if delivery.status is Status.SETTLED else delivery.next_at
    return (not delivery.urgent, at, (delivery.incident_id, delivery.destination))
