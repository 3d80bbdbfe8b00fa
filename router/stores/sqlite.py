"""SQLite: one file, in WAL mode, every commit synced to disk."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn

import orjson
from sqlalchemy import bindparam as bind
from sqlalchemy import func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.dialects.sqlite.pysqlite import dialect as sqlite_dialect

from router.store import StoreError, StoreUnavailable
from router.stores.database import Bulk, Each, Params, Query, string
from router.stores.migrations import MIGRATIONS, Migration, migrate
from router.stores.transaction import SqlTransaction

if TYPE_CHECKING:
    from sqlalchemy import ClauseElement, ColumnElement

APPLICATION_ID = 0x546F6373
"""`Tocs`, in the file's header: https://www.sqlite.org/fileformat.html#application_id."""

BUSY_TIMEOUT = 5_000
"""Milliseconds to wait for another process, such as the command line, to end its transaction."""

_IN_MEMORY = ":memory:"

_AT_ONCE = (32, 8)
"""Rows that one INSERT takes. Between two steps of a statement sqlite3 lets go of the interpreter, and while webhooks
pour in it is long before the writer's thread has it again: fewer steps are what makes it fast. 32 rows of the widest
table are 928 parameters; SQLite before 3.32 took 999 (https://www.sqlite.org/limits.html#max_variable_number)."""

# Primary result codes (https://www.sqlite.org/rescode.html) of which a later try may be spared.
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
# After these the connection itself is as good as ever.
_HARMLESS = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_LOCKED})


class SqliteWriter:
    """Implements database.Writer."""

    name = "sqlite"

    def __init__(self) -> None:
        self._named = sqlite_dialect(paramstyle="named")
        self._positional = sqlite_dialect(paramstyle="qmark")
        self._several: dict[tuple[Bulk, int], str] = {}

    def compile(self, statement: ClauseElement) -> str:
        compiled = statement.compile(dialect=self._named)
        # Core adds "OFFSET 0" to each LIMIT, as a parameter of its own.
        text = str(compiled)
        for name, value in compiled.params.items():
            if value is not None:
                text = re.sub(rf":{name}\b", f"{value:d}", text)
        return text

    def one_of(self, column: ColumnElement[str], param: str) -> ColumnElement[bool]:
        values = func.json_each(string(param)).table_valued("value", name=f"{param}_values")
        return column.in_(select(values.c.value))

    def strings(self, values: Sequence[str]) -> str:
        return orjson.dumps(list(values)).decode()

    def each(self, each: Each) -> str:
        return self.compile(each.build(string("key")))

    def bulk(self, bulk: Bulk) -> str:
        values: dict[str, ColumnElement[Any]] = {name: bind(name) for name in bulk.names}
        if bulk.conflict == "impossible":
            return str(insert(bulk.table).values(values).compile(dialect=self._positional))
        statement = upsert(bulk.table).values(values)
        keys = [column.name for column in bulk.table.primary_key]
        if bulk.conflict == "ignore":
            statement = statement.on_conflict_do_nothing(index_elements=keys)
        else:
            statement = statement.on_conflict_do_update(
                index_elements=keys,
                set_=bulk.changes(statement.excluded),
                where=bulk.condition(statement.excluded),
            )
        return str(statement.compile(dialect=self._positional))

    def several(self, bulk: Bulk, number: int) -> str:
        """The text of a bulk insert that takes so many rows at once."""
        found = self._several.get((bulk, number))
        if found is None:
            one = f"({', '.join('?' * len(bulk.names))})"
            found = bulk.text(self).replace(f"VALUES {one}", f"VALUES {', '.join([one] * number)}", 1)
            self._several[bulk, number] = found
        return found


class SqliteDatabase:
    """Implements database.Database."""

    __slots__ = ("connection", "cursor", "failed", "writer")

    def __init__(self, connection: sqlite3.Connection, writer: SqliteWriter) -> None:
        self.connection = connection
        self.cursor = connection.cursor()
        self.writer = writer
        self.failed = False

    def fetch(self, query: Query, params: Params) -> list[tuple[Any, ...]]:
        try:
            return self.cursor.execute(query.text(self.writer), params).fetchall()
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as exc:
            self._fail(exc)

    def fetch_each(self, each: Each, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        text = each.text(self.writer)
        rows: list[tuple[Any, ...]] = []
        try:
            for key in keys:
                rows += self.cursor.execute(text, {"key": key}).fetchall()
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as exc:
            self._fail(exc)
        return rows

    def run(self, query: Query, params: Params) -> int:
        # `rowcount` says nothing when a statement begins with WITH.
        before = self.connection.total_changes
        try:
            self.cursor.execute(query.text(self.writer), params)
            return self.connection.total_changes - before
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as exc:
            self._fail(exc)

    def save(self, bulk: Bulk, rows: list[tuple[Any, ...]]) -> None:
        if not rows:
            return
        done = 0
        try:
            for number in _AT_ONCE:
                while len(rows) - done >= number:
                    values = list(chain.from_iterable(rows[done : done + number]))
                    self.cursor.execute(self.writer.several(bulk, number), values)
                    done += number
            self.cursor.executemany(bulk.text(self.writer), rows[done:])
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as exc:
            self._fail(exc)

    def lock(self, names: Sequence[str]) -> None:
        """BEGIN IMMEDIATE lets nobody else write."""

    def try_lock(self, name: str) -> bool:  # noqa: ARG002  (the Protocol's)
        """BEGIN IMMEDIATE lets nobody else write."""
        return True

    def commit(self) -> None:
        """Keep it all, unless a statement has failed and somebody took no notice."""
        if self.failed:
            raise StoreError("a statement of this transaction has failed, so nothing of it is kept")
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error as exc:
            self._fail(exc)

    def _fail(self, exc: Exception) -> NoReturn:
        self.failed = True
        raise translated(exc) from exc


class SqliteStore:
    """Implements router.store.Store on a file, or in memory for tests (`:memory:`).

    The file is made readable by its owner only; its `-wal` and `-shm` take over its mode.
    """

    def __init__(
        self, path: str, *, busy_timeout: int = BUSY_TIMEOUT, migrations: Sequence[Migration] = MIGRATIONS
    ) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._migrations = migrations
        self._writer = SqliteWriter()
        self._connection: sqlite3.Connection | None = None

    def __repr__(self) -> str:
        return f"SqliteStore({self._path!r})"

    def open(self) -> None:
        if self._connection is None:
            self._connection = self._connect()

    @contextmanager
    def begin(self) -> Generator[SqlTransaction]:
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as exc:
            self._forget_if_broken(exc)
            raise translated(exc) from exc
        database = SqliteDatabase(connection, self._writer)
        try:
            yield SqlTransaction(database)
            database.commit()
        except BaseException as exc:
            self._undo(exc)
            raise
        finally:
            with suppress(sqlite3.Error):
                database.cursor.close()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        try:
            if self._path != _IN_MEMORY:
                # SQLite itself would make it with whatever the umask leaves.
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(
                self._path, timeout=self._busy_timeout / 1_000, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as exc:
            raise StoreUnavailable(f"the database file can't be opened: {_words(exc)}") from exc
        try:
            connection.execute("PRAGMA synchronous = FULL")
            _refuse_strangers(connection)
            migrate(_SqliteTarget(connection), self._migrations)
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except BaseException as exc:
            connection.close()
            if isinstance(exc, sqlite3.Error):
                raise translated(exc) from exc
            raise
        return connection

    def _undo(self, exc: BaseException) -> None:
        if self._connection is not None and self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                self.close()
        self._forget_if_broken(exc.__cause__ or exc)

    def _forget_if_broken(self, exc: BaseException) -> None:
        """After an error of the disk or the file, the next transaction opens the file anew."""
        if isinstance(exc, sqlite3.Error) and _code(exc) not in _HARMLESS and self._path != _IN_MEMORY:
            self.close()


def _refuse_strangers(connection: sqlite3.Connection) -> None:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    if owner not in {0, APPLICATION_ID}:
        raise StoreError("the database file isn't the router's: another program has marked it as its own")


class _SqliteTarget:
    """Implements migrations.Target."""

    types = {"text": "TEXT", "bytes": "BLOB", "serial": "INTEGER"}  # noqa: RUF012  (the Protocol's own type)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def tables(self) -> set[str]:
        rows = self._connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {name for (name,) in rows}

    def start(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def versions(self) -> list[tuple[int, int]]:
        query = "SELECT version, min_reader FROM schema_versions ORDER BY version"
        return self._connection.execute(query).fetchall()

    def script(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self._connection.execute(statement)

    def commit(self) -> None:
        # The mark is part of the transaction. Nothing is written when it is there already.
        if self._connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def translated(exc: Exception) -> StoreError:
    """The store's error for one of sqlite3."""
    if isinstance(exc, sqlite3.Error):
        kind = StoreUnavailable if _code(exc) in _PASSING else StoreError
        return kind(f"SQLite: {_words(exc)}")
    return StoreError(f"SQLite can't keep this value: {type(exc).__name__}")


def _code(exc: sqlite3.Error) -> int:
    """The primary result code, which is the lower byte of the extended one."""
    code: int = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


def _words(exc: BaseException) -> str:
    """An error's words on one line. SQLite's name tables and columns, never values."""
    text = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
    return " ".join(text.split())[:300]
