"""PostgreSQL through psycopg: for several replicas that share one store."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from router.store import CommitUnknown, StoreError
from router.stores.migrations import MIGRATIONS, Migration, migrate
from router.stores.postgresql_database import PostgresDatabase, PostgresWriter, translated
from router.stores.transaction import SqlTransaction

_MIGRATION_LOCK = 0x746F6303

STATEMENT_TIMEOUT = 10_000
"""Milliseconds."""
LOCK_TIMEOUT = 5_000
"""Milliseconds to wait for what another replica has locked."""
MIGRATION_LOCK_TIMEOUT = 60_000
"""Milliseconds to wait for another replica that is changing the schema."""

# Seconds, in libpq's words. A peer that has vanished is noticed after 15 + 3 * 5 = 30 seconds, or as soon as what was
# sent isn't acknowledged for 10 (tcp_user_timeout is in milliseconds).
_CONNECTION = {
    "application_name": "alert-router",
    "client_encoding": "utf8",
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    # Of several hosts, and after a failover, only the primary will do.
    "target_session_attrs": "read-write",
}

# The server may have ended the session without telling how the commit went.
_LOST = ("08", "57P")
# Connecting anew is what helps: to the new primary, or past a server that is shutting down.
_RECONNECT = ("08", "57P", "25006", "25P03", "25P04")


class PostgresStore:
    """Implements router.store.Store on a PostgreSQL database, at READ COMMITTED.

    The URL is libpq's (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING); what it says about
    timeouts goes before what is set here. It is never repeated in a message.
    """

    def __init__(
        self,
        url: str,
        *,
        statement_timeout: int = STATEMENT_TIMEOUT,
        lock_timeout: int = LOCK_TIMEOUT,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> None:
        try:
            given = conninfo_to_dict(url)
        except psycopg.Error:
            raise StoreError("the PostgreSQL URL can't be read") from None
        self._conninfo = make_conninfo("", **{**_CONNECTION, **given})
        self._password = str(given.get("password") or "")
        self._settings = (
            f"SET statement_timeout = {statement_timeout:d}; SET lock_timeout = {lock_timeout:d};"
            " SET idle_in_transaction_session_timeout = 60000;"
            # What is acknowledged has to be on disk, whatever the database's default. Stricter settings stay.
            " SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        ).encode()
        self._migrations = migrations
        self._writer = PostgresWriter()
        self._connection: psycopg.Connection | None = None
        self._migrated = False

    def __repr__(self) -> str:
        return "PostgresStore(...)"

    def open(self) -> None:
        self._connected()

    @contextmanager
    def begin(self) -> Generator[SqlTransaction]:
        connection = self._begun()
        database = PostgresDatabase(connection, self._writer)
        try:
            yield SqlTransaction(database)
            self._commit(database)
        except BaseException as exc:
            self._undo(connection, exc)
            raise
        finally:
            database.cursor.close()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    def _begun(self) -> psycopg.Connection:
        """A connection in a transaction. One that was lost while nothing was under way is replaced unnoticed."""
        idle = self._connection is not None
        try:
            connection = self._connected()
            connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        except psycopg.Error as exc:
            self.close()
            if not idle:
                raise self._translated(exc) from exc
            return self._begun()
        return connection

    def _commit(self, database: PostgresDatabase) -> None:
        if database.failed:
            raise StoreError("a statement of this transaction has failed, so nothing of it is kept")
        try:
            done = database.connection.execute("COMMIT").statusmessage
        except psycopg.Error as exc:
            state = exc.sqlstate
            if state is None or state.startswith(_LOST):
                self.close()
                raise CommitUnknown("PostgreSQL was lost while committing") from exc
            raise self._translated(exc) from exc
        if done != "COMMIT":
            raise StoreError("PostgreSQL rolled the transaction back instead of committing it")

    def _undo(self, connection: psycopg.Connection, exc: BaseException) -> None:
        cause = exc.__cause__
        state = (cause.sqlstate or "") if isinstance(cause, psycopg.Error) else ""
        if connection.closed or state.startswith(_RECONNECT):
            self.close()
            return
        if connection.info.transaction_status is not TransactionStatus.IDLE:
            try:
                connection.execute("ROLLBACK")
            except psycopg.Error:
                self.close()

    def _connected(self) -> psycopg.Connection:
        if self._connection is not None:
            return self._connection
        try:
            connection = psycopg.connect(self._conninfo, autocommit=True)
        except psycopg.Error as exc:
            raise self._translated(exc) from None
        try:
            _refuse_other_encodings(connection)
            connection.execute(self._settings)
            if not self._migrated:
                migrate(_PostgresTarget(connection), self._migrations)
                self._migrated = True
        except BaseException as exc:
            connection.close()
            if isinstance(exc, psycopg.Error):
                raise self._translated(exc) from exc
            raise
        self._connection = connection
        return connection

    def _translated(self, exc: psycopg.Error) -> StoreError:
        return translated(exc, self._password)


def _refuse_other_encodings(connection: psycopg.Connection) -> None:
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise StoreError("the PostgreSQL database isn't encoded in UTF8: make one that is")


class _PostgresTarget:
    """Implements migrations.Target."""

    types = {  # noqa: RUF012  (the Protocol's own type)
        # Compared byte by byte, as SQLite and Python compare text.
        "text": 'TEXT COLLATE "C"',
        "bytes": "BYTEA",
        "serial": "BIGINT GENERATED BY DEFAULT AS IDENTITY",
    }

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def tables(self) -> set[str]:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        return {name for (name,) in self._connection.execute(query).fetchall()}

    def start(self) -> None:
        self._connection.execute("BEGIN")
        # Building an index over a large table may take its time.
        self._connection.execute("SET LOCAL statement_timeout = 0")
        self._connection.execute(f"SET LOCAL lock_timeout = {MIGRATION_LOCK_TIMEOUT:d}".encode())
        self._connection.execute("SELECT pg_advisory_xact_lock(%s::bigint)", (_MIGRATION_LOCK,))

    def versions(self) -> list[tuple[int, int]]:
        query = "SELECT version, min_reader FROM schema_versions ORDER BY version"
        return self._connection.execute(query).fetchall()

    def script(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self._connection.execute(statement.encode())

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        with suppress(psycopg.Error):
            self._connection.execute("ROLLBACK")
