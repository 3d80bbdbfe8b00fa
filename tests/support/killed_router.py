"""The router with a point at which it kills itself, as `kill -9` would at exactly that moment.

Run as a script in place of `python -m router`. KILL_AT is `EVENT:MOMENT:NUMBER`, and names a transaction: the NUMBERth
(from 1) in which EVENT happens; it dies there by SIGKILL at MOMENT: `inside` (when the event is about to happen),
`before` (all is done but the commit) or `after` (committed, and nobody has been told). Events:

    inbox       webhooks are inserted into the inbox        apply     webhooks are applied, alerts saved already
    record      results of calls are written down           digest    a digest is flushed
    migration   (`inside` only) statement NUMBER of the schema's next version

KILL_MIGRATION=1 lets the release know one more schema version, to be migrated to.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from router.stores import migrations
from router.stores.postgresql import PostgresStore, _PostgresTarget
from router.stores.sqlite import SqliteDatabase, SqliteStore, _SqliteTarget
from router.stores.transaction import SqlTransaction

EVENT, MOMENT, NUMBER = (os.environ.get("KILL_AT") or "none:none:0").split(":")
METHODS = {"inbox": "add_inbox", "apply": "save_incidents", "record": "add_attempts", "digest": "digest_deliveries"}
NEXT = migrations.Migration(
    migrations.MIGRATIONS[-1].version + 1,
    1,
    (
        "ALTER TABLE incidents ADD COLUMN next_column BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE deliveries ADD COLUMN next_column BIGINT NOT NULL DEFAULT 0",
        "CREATE TABLE next_table (id {text} PRIMARY KEY NOT NULL)",
    ),
)


def die() -> NoReturn:
    """SIGKILL, to this very process."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class Transactions:
    """Watches them; the store is one thread's, so they come one after the other."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.marked = False

    def watch(self, event: str, method: str) -> None:
        """Mark transactions in which this is called with something to do."""
        original = getattr(SqlTransaction, method)

        def called(tx: SqlTransaction, *rows: Any) -> Any:
            if not rows or rows[0]:
                self.happens(event)
            return original(tx, *rows)

        setattr(SqlTransaction, method, called)

    def happens(self, event: str) -> None:
        if event == EVENT and not self.marked:
            self.seen[event] += 1
            self.marked = self.seen[event] == int(NUMBER)
            if self.marked and MOMENT == "inside":
                die()

    def commits(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A commit with the two moments around it."""

        def commit(*arguments: Any) -> None:
            if self.marked and MOMENT == "before":
                die()
            original(*arguments)
            if self.marked and MOMENT == "after":
                die()

        return commit


def one_by_one(original: Callable[..., None]) -> Callable[..., None]:
    """A migration's script, whose NUMBERth statement is never begun."""
    number = int(NUMBER)

    def script(target: Any, statements: Sequence[str]) -> None:
        for position, statement in enumerate(statements, 1):
            if len(statements) > 1 and position == number:
                die()
            original(target, [statement])

    return script


def main() -> int:
    transactions = Transactions()
    for event, method in METHODS.items():
        transactions.watch(event, method)
    for owner, name in ((SqliteDatabase, "commit"), (PostgresStore, "_commit")):
        setattr(owner, name, transactions.commits(getattr(owner, name)))
    if os.environ.get("KILL_MIGRATION"):
        for store in (SqliteStore, PostgresStore):
            store.__init__.__kwdefaults__["migrations"] = (*migrations.MIGRATIONS, NEXT)  # type: ignore[misc]
    if EVENT == "migration":
        for target in (_SqliteTarget, _PostgresTarget):
            target.script = one_by_one(target.script)  # type: ignore[method-assign]

    from router.cli import main as run

    return run(sys.argv[1:]) or 0


if __name__ == "__main__":
    sys.exit(main())
