"""Alerts and the incidents they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select

from router.model import SNAPSHOT_ALERTS, AlertState, AlertStatus, Incident, Micros, Snapshot
from router.store import AlertKey
from router.stores import rows as r
from router.stores.database import Bulk, Database, Each, Query, Writer, constant, number, string
from router.stores.encoding import free, text
from router.stores.tables import ALERTS, INCIDENTS

_FIRING = constant(AlertStatus.FIRING.value)
_HELD = constant(AlertStatus.HELD.value)
_RESOLVED = constant(AlertStatus.RESOLVED.value)

_SAVE_ALERTS = Bulk(ALERTS, "replace")
# A closed incident has no counts any more; the team it was opened for still counts in `new_incidents`.
_SAVE_INCIDENTS = Bulk(INCIDENTS, "replace", kept="team")

_ALERT = tuple(column for column in ALERTS.c if column.name != "severity_rank")
_INCIDENT = tuple(column for column in INCIDENTS.c if column.name != "team")

_ALERTS = Query(
    lambda writer: select(*_ALERT).where(
        ALERTS.c.cluster == string("cluster"), writer.one_of(ALERTS.c.fingerprint, "fingerprints")
    )
)
_FIND = Query(lambda _: select(*_ALERT).where(ALERTS.c.fingerprint == string("fingerprint")).order_by(ALERTS.c.cluster))
_FIRING_OF_CLUSTER = Query(
    lambda _: (
        select(*_ALERT)
        .where(ALERTS.c.cluster == string("cluster"), ALERTS.c.status != _RESOLVED)
        .order_by(ALERTS.c.fingerprint)
    )
)
_HELD_ALERTS = Query(
    lambda _: (
        select(*_ALERT)
        .where(ALERTS.c.status == _HELD, ALERTS.c.held_at < number("before"))
        .order_by(ALERTS.c.held_at, ALERTS.c.cluster, ALERTS.c.fingerprint)
    )
)
_FIRST = Each(
    lambda key: (
        select(*_ALERT)
        .where(ALERTS.c.status == _FIRING, ALERTS.c.incident_id == key)
        .order_by(ALERTS.c.severity_rank, ALERTS.c.starts_at, ALERTS.c.fingerprint)
        .limit(constant(SNAPSHOT_ALERTS))
    )
)
_LAST = Each(
    lambda key: (
        select(*_ALERT)
        .where(ALERTS.c.status != _FIRING, ALERTS.c.incident_id == key)
        .order_by(ALERTS.c.ends_at.desc(), ALERTS.c.severity_rank, ALERTS.c.fingerprint)
        .limit(constant(1))
    )
)
_INCIDENTS = Query(lambda writer: select(*_INCIDENT).where(writer.one_of(INCIDENTS.c.id, "ids")))
_OPEN = Query(
    lambda _: (
        select(*_INCIDENT)
        .where(INCIDENTS.c.open == constant(1))
        .order_by(INCIDENTS.c.opened_at, INCIDENTS.c.id)
        .limit(number("most"))
    )
)
_NEW = Query(
    lambda _: (
        select(INCIDENTS.c.team, func.count())
        .where(INCIDENTS.c.open.in_([constant(0), constant(1)]), INCIDENTS.c.opened_at >= number("since"))
        .group_by(INCIDENTS.c.team)
    )
)


class Incidents:
    """Part of a Transaction."""

    __slots__ = ()
    db: Database
    writer: Writer

    def lock(self, incident_ids: Iterable[str]) -> None:
        self.db.lock(list(incident_ids))

    def alerts(self, keys: Sequence[AlertKey]) -> dict[AlertKey, AlertState]:
        clusters: dict[str, list[str]] = {}
        for cluster, fingerprint in keys:
            clusters.setdefault(cluster, []).append(text(fingerprint))
        found: dict[AlertKey, AlertState] = {}
        for cluster, fingerprints in clusters.items():
            params = {"cluster": text(cluster), "fingerprints": self.writer.strings(fingerprints)}
            for row in self.db.fetch(_ALERTS, params):
                alert = r.alert_of(row)
                found[cluster, alert.fingerprint] = alert
        return found

    def incidents(self, ids: Sequence[str]) -> dict[str, Incident]:
        if not ids:
            return {}
        rows = self.db.fetch(_INCIDENTS, {"ids": self.writer.strings(ids)})
        return {row[0]: r.incident_of(row) for row in rows}

    def save_alerts(self, rows: Sequence[AlertState]) -> None:
        self.db.save(_SAVE_ALERTS, [r.alert_row(row) for row in rows])

    def save_incidents(self, rows: Sequence[Incident]) -> None:
        self.db.save(_SAVE_INCIDENTS, [r.incident_row(row) for row in rows])

    def firing_alerts(self, cluster: str) -> list[AlertState]:
        return [r.alert_of(row) for row in self.db.fetch(_FIRING_OF_CLUSTER, {"cluster": text(cluster)})]

    def held_alerts(self, held_before: Micros) -> list[AlertState]:
        return [r.alert_of(row) for row in self.db.fetch(_HELD_ALERTS, {"before": held_before})]

    def find_alerts(self, fingerprint: str) -> list[AlertState]:
        return [r.alert_of(row) for row in self.db.fetch(_FIND, {"fingerprint": text(fingerprint)})]

    def snapshots(self, incident_ids: Sequence[str]) -> dict[str, Snapshot]:
        found = self.incidents(incident_ids)
        firing = self._by_incident(_FIRST, list(found))
        # An alert that is only recorded is shown when there is no other.
        told = {key: [alert for alert in alerts if alert.severity is not None] for key, alerts in firing.items()}
        ended = self._by_incident(_LAST, [key for key in found if not told.get(key)])
        return {
            key: Snapshot(incident, tuple(told.get(key) or ended.get(key) or firing.get(key) or ()))
            for key, incident in found.items()
        }

    def _by_incident(self, each: Each, ids: Sequence[str]) -> dict[str, list[AlertState]]:
        alerts: dict[str, list[AlertState]] = {}
        if ids:
            for row in self.db.fetch_each(each, ids):
                alerts.setdefault(row[2], []).append(r.alert_of(row))
        return alerts

    def open_incidents(self, limit: int) -> list[Incident]:
        return [r.incident_of(row) for row in self.db.fetch(_OPEN, {"most": limit})]

    def new_incidents(self, since: Micros) -> dict[str, int]:
        return {free(team): count for team, count in self.db.fetch(_NEW, {"since": since})}
