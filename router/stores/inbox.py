"""Webhooks that wait to be applied, and bodies that nobody could read."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from sqlalchemy import ClauseElement, or_, select, update

from router.model import InboxRow, Quarantined
from router.stores import rows as r
from router.stores.database import Bulk, Database, Query, Writer, number, string
from router.stores.encoding import text
from router.stores.tables import INBOX, QUARANTINE

_ADD_INBOX = Bulk(INBOX, "ignore")
_ADD_QUARANTINE = Bulk(QUARANTINE, "ignore")


def _take(writer: Writer) -> ClauseElement:
    chosen = (
        select(INBOX.c.id)
        .where(or_(INBOX.c.owner == string("owner"), ~writer.one_of(INBOX.c.owner, "alive")))
        .order_by(INBOX.c.received_at, INBOX.c.id)
        .limit(number("most"))
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    mine = update(INBOX).where(INBOX.c.id.in_(select(chosen.c.id))).values(owner=string("owner"))
    return mine.returning(*INBOX.c)


_TAKE = Query(_take)
_REMOVE = Query(lambda writer: INBOX.delete().where(writer.one_of(INBOX.c.id, "ids")))
_QUARANTINE = Query(
    lambda _: (
        select(*QUARANTINE.c).order_by(QUARANTINE.c.received_at.desc(), QUARANTINE.c.id.desc()).limit(number("most"))
    )
)


class Inbox:
    """Part of a Transaction."""

    __slots__ = ()
    db: Database
    writer: Writer

    def add_inbox(self, rows: Sequence[InboxRow]) -> None:
        self.db.save(_ADD_INBOX, [r.inbox_row(row) for row in rows])

    def take_inbox(self, owner: str, alive: Sequence[str], limit: int) -> list[InboxRow]:
        others = self.writer.strings([text(name) for name in alive if name != owner])
        found = self.db.fetch(_TAKE, {"owner": text(owner), "alive": others, "most": limit})
        # RETURNING promises no order.
        return sorted((r.inbox_of(row) for row in found), key=attrgetter("received_at", "id"))

    def remove_inbox(self, ids: Sequence[str]) -> None:
        if ids:
            self.db.run(_REMOVE, {"ids": self.writer.strings(ids)})

    def add_quarantine(self, rows: Sequence[Quarantined]) -> None:
        self.db.save(_ADD_QUARANTINE, [r.quarantined_row(row) for row in rows])

    def quarantine(self, limit: int) -> list[Quarantined]:
        return [r.quarantined_of(row) for row in self.db.fetch(_QUARANTINE, {"most": limit})]
