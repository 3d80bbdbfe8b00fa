"""What is told on a schedule or as a summary: digests, storms, escalations, notices of maintenance."""

from __future__ import annotations

import orjson

from router.applier import Applied
from router.duties.core import Ground
from router.messages.message import encode_note
from router.model import Delivery, Destination, Incident, Micros
from router.notes import quiet_destination
from router.planning import note
from router.policies import digest, escalation, maintenance, storm
from router.store import Transaction

OPEN_AT_MOST = 20_000
ESCALATED_AT_ONCE = 500
"""The rest is escalated next time: no webhook is acknowledged meanwhile."""
STORMS = "storm:"
FLUSHED = "digest:flushed"
NOTICES = "maintenance:told"
NOTICES_KEPT = 200


class Reports:
    """Each method is one duty."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def digests(self) -> None:
        """Send the digest that is due."""
        await self._ground.apply(self._digests)

    def _digests(self, tx: Transaction) -> Applied | None:
        if not tx.try_leader("digest"):
            return None
        ground = self._ground
        setting, now = ground.routes().digest, ground.now()
        flushed = tx.get(FLUSHED)
        if flushed is None:
            tx.put(FLUSHED, digest.baseline(setting, now))
            return None
        occurrence = digest.due(setting, flushed, now)
        if occurrence is None:
            return None
        rows = tx.digest_deliveries()
        incidents = tx.incidents(sorted({row.incident_id for row in rows}))
        notes: list[Delivery] = []
        for recipient, mine in digest.by_recipient(rows).items():
            made = digest.compose(recipient, mine, incidents, setting=setting, occurrence=occurrence, now=now)
            tx.save_deliveries(list(made.deliveries))
            if made.note is not None:
                known = made.note_id
                if tx.deliveries([known]):
                    # A clock that ran ahead has used up this day's. Its rows count as told from here on, so that what
                    # it says mustn't be taken for that one.
                    known = digest.note_id(recipient, f"{occurrence.day} {now}")
                target = Destination.parse(recipient)
                payload = encode_note(made.note)
                notes.append(note(known, target, made.team, payload, now, urgent=False, via="digest"))
        tx.put(FLUSHED, occurrence.day)
        return ground.applier.send_notes(tx, notes, now)

    async def escalations(self) -> None:
        """Raise what has gone unresolved for its response time."""
        await self._ground.apply(self._escalations)

    def _escalations(self, tx: Transaction) -> Applied | None:
        ground = self._ground
        routes, now = ground.routes(), ground.now()
        if not any(team.escalate_medium for team in routes.teams.values()) or not tx.try_leader("escalation"):
            return None
        mild = [one for one in tx.open_incidents(OPEN_AT_MOST) if escalation.may_escalate(one, routes, now)]
        alerts = {known: shot.alerts for known, shot in tx.snapshots([incident.id for incident in mild]).items()}
        ids = escalation.escalating(mild, alerts, routes, now)[:ESCALATED_AT_ONCE]

        def escalated(incident: Incident) -> Incident | None:
            return incident._replace(escalated=True) if incident.open and not incident.escalated else None

        return ground.applier.change_incidents(tx, ids, escalated, "escalated", now) if ids else None

    async def storms(self) -> None:
        """Send the summaries that are due."""
        await self._ground.apply(self._storms)

    def _storms(self, tx: Transaction) -> Applied | None:
        if not tx.try_leader("storm"):
            return None
        ground = self._ground
        routes, now = ground.routes(), ground.now()
        notes: list[Delivery] = []
        for team in routes.teams:
            text = tx.get(STORMS + team)
            if not text:
                continue
            state = storm.decode(team, text)
            still_open = 0
            if state.id and storm.is_over(state, routes.storm, now):
                still_open = sum(incident.storm_id == state.id for incident in tx.open_incidents(OPEN_AT_MOST))
            after, summary = storm.step(state, routes.storm, still_open, now)
            if after != state:
                tx.put(STORMS + team, storm.encode(after))
            target = quiet_destination(routes, team)
            if summary is not None and target is not None:
                payload = encode_note(summary.note)
                notes.append(note(summary.note_id, target, team, payload, now, urgent=False, via="storm"))
        return ground.applier.send_notes(tx, notes, now) if notes else None

    async def notices(self) -> None:
        """Tell teams of maintenance that is coming."""
        await self._ground.apply(self._notices)

    def _notices(self, tx: Transaction) -> Applied | None:
        ground = self._ground
        routes, now = ground.routes(), ground.now()
        if not any(window.notice for window in routes.maintenance) or not tx.try_leader("maintenance"):
            return None
        told: list[str] = orjson.loads(tx.get(NOTICES) or "[]")
        due = maintenance.notices(routes, told, now)
        if not due:
            return None
        rows: list[Delivery] = []
        for notice in due:
            for team in notice.teams:
                target = quiet_destination(routes, team)
                if target is not None:
                    payload = encode_note(notice.note)
                    rows.append(note(notice.id, target, team, payload, now, urgent=False, via="notice"))
        tx.put(NOTICES, orjson.dumps([*told, *(notice.id for notice in due)][-NOTICES_KEPT:]).decode())
        return ground.applier.send_notes(tx, rows, now)


def fold(ground_routes: Ground, tx: Transaction, incident: Incident, at: Micros) -> str:
    """Count a new incident, and name the storm that it is folded into."""
    routes = ground_routes.routes()
    team = incident.counts[0].team
    state, storm_id = storm.opened(
        storm.decode(team, tx.get(STORMS + team)), incident.group.get("alertname", ""), routes.storm, at
    )
    tx.put(STORMS + team, storm.encode(state))
    return storm_id
