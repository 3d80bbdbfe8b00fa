"""What a router does first that finds the store as it was some time ago: a backup was restored, or an outage was long.

What the store believes of the world may then be wrong in both directions. What it takes for open may be over, and what
it takes for untold may have been told. The reconciler puts alerts right within minutes; until then

- nothing is told again merely because its repeat is overdue: PagerDuty has closed what is over, and would open it anew,
  for everything that was open in the backup at once;
- what waits to be told counts as possibly told: PagerDuty takes the same trigger once, Slack is looked through before
  anything is posted, and a resolve is sent in any case.

What nobody can know is still told: an alert that waits, and that was told and ended since, pages once more.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.model import MINUTE, Delivery, Heartbeat, Micros, Mode, Replica, Shown, Status, View
from router.store import Transaction

STALE = 5 * MINUTE
"""A store that nobody has written to for this long may be an old one. A replica writes each few seconds, a Watchdog
comes each minute or so, and a restart takes less."""

DOUBTED_FOR = 15 * MINUTE
"""How long what such a store takes for open isn't escalated: the reconciler believes a peer that has been up for this
long, and the machine of the router may have started together with Alertmanager's."""

ALL = 1_000_000


def is_stale(replicas: Sequence[Replica], heartbeats: Sequence[Heartbeat], now: Micros) -> bool:
    """Whether the last sign of life in a store is old. Without any, as in a new one, it isn't."""
    signs = [replica.heartbeat_at for replica in replicas] + [beat.seen_at for beat in heartbeats]
    return bool(signs) and now - max(signs) > STALE


def resume(tx: Transaction, now: Micros, repeat_interval: Micros) -> bool:
    """Put right what a stale store would make us do, before anything is sent. Whether it was one.

    Call it before this process writes its own first heartbeat.
    """
    replicas = tx.replicas()
    if not is_stale(replicas, tx.heartbeats(), now):
        return False
    found = [*tx.take_due(now, [], {}, ALL, ALL), *tx.shown_firing(None)]
    rows = {(row.incident_id, row.destination): row for row in found}
    changed = [after for row in rows.values() if (after := doubted(row, now, repeat_interval)) != row]
    if changed:
        tx.save_deliveries(changed)
    return True


def doubted(row: Delivery, now: Micros, repeat_interval: Micros) -> Delivery:
    """A delivery of a stale store. What was claimed isn't changed here: its take-over is as careful."""
    if row.status is Status.SETTLED:
        return row._replace(repeat_at=now + repeat_interval) if row.repeat_at else row
    if row.status is not Status.WAITING or row.mode is Mode.DIGEST:
        return row
    if row.shown.state in (Shown.FIRING, Shown.UNKNOWN) and row.mode is not Mode.NOTE:
        return row
    return row._replace(shown=View(row.wanted.episode, Shown.UNKNOWN, 0))
