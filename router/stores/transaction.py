"""A transaction, put together from what can be asked about each kind of thing."""

from __future__ import annotations

from router.stores.database import Database
from router.stores.deliveries import Deliveries
from router.stores.inbox import Inbox
from router.stores.incidents import Incidents
from router.stores.ledger import Ledger
from router.stores.retention import Retention


class SqlTransaction(Inbox, Incidents, Deliveries, Ledger, Retention):
    """Implements router.store.Transaction on an open connection."""

    __slots__ = ("db", "writer")

    def __init__(self, db: Database) -> None:
        self.db = db
        self.writer = db.writer
