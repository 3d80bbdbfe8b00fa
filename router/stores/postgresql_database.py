"""PostgreSQL's way of saying things, and a psycopg connection inside a transaction."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import orjson
import psycopg
from sqlalchemy import LargeBinary, Text, cast, func, select
from sqlalchemy import column as typed
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.dialects.postgresql.psycopg import dialect as psycopg_dialect

from router.store import StoreError, StoreUnavailable
from router.stores.database import Bulk, Each, Params, Query, constant, string

if TYPE_CHECKING:
    from sqlalchemy import ClauseElement, ColumnElement

STRIPES = 256
"""Into how many locks incidents are put: one for each would fill PostgreSQL's lock table in a storm (it has room for
max_locks_per_transaction, 64, times the connections)."""

_INCIDENT_LOCKS = 0x746F6301
_TASK_LOCKS = 0x746F6302

# SQLSTATE classes and codes (https://www.postgresql.org/docs/current/errcodes-appendix.html) that may pass: connection,
# resources such as the disk, an operator or a timeout, the system; lock timeout, deadlock, serialization, read-only.
_PASSING = ("08", "53", "57", "58", "55P03", "40P01", "40001", "25006", "25P03", "25P04")


class PostgresWriter:
    """Implements database.Writer."""

    name = "postgresql"

    def __init__(self) -> None:
        self._dialect = psycopg_dialect()  # type: ignore[no-untyped-call]

    def compile(self, statement: ClauseElement) -> str:
        return str(statement.compile(dialect=self._dialect))

    def one_of(self, column: ColumnElement[str], param: str) -> ColumnElement[bool]:
        return column.in_(select(func.unnest(cast(string(param), ARRAY(Text)))))

    def strings(self, values: Sequence[str]) -> str:
        """An array as PostgreSQL reads it: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO."""
        quoted = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
        return '{"' + '","'.join(quoted) + '"}' if quoted else "{}"

    def each(self, each: Each) -> str:
        keys = func.unnest(cast(string("keys"), ARRAY(Text))).table_valued("key", with_ordinality="place")
        keys = keys.render_derived(name="wanted")
        found = each.build(keys.c.key).lateral("found")
        return self.compile(
            select(found).select_from(keys.join(found, constant(1) == constant(1))).order_by(keys.c.place)
        )

    def bulk(self, bulk: Bulk) -> str:
        """All rows come as one JSON parameter, which costs the client a tenth of what as many parameters do."""
        columns = [bulk.table.c[name] for name in bulk.names]
        rows = (
            func.json_to_recordset(cast(string("rows"), JSON))
            .table_valued(*(typed(c.name, Text() if isinstance(c.type, LargeBinary) else c.type) for c in columns))
            .render_derived(name="new_rows", with_types=True)
        )
        values = [
            func.decode(rows.c[c.name], constant("base64")) if isinstance(c.type, LargeBinary) else rows.c[c.name]
            for c in columns
        ]
        statement = upsert(bulk.table).from_select(list(bulk.names), select(*values))
        keys = [column.name for column in bulk.table.primary_key]
        if bulk.conflict == "ignore":
            statement = statement.on_conflict_do_nothing(index_elements=keys)
        elif bulk.conflict == "replace":
            statement = statement.on_conflict_do_update(
                index_elements=keys,
                set_=bulk.changes(statement.excluded),
                where=bulk.condition(statement.excluded),
            )
        return self.compile(statement)


class PostgresDatabase:
    """Implements database.Database."""

    __slots__ = ("_held", "connection", "cursor", "failed", "writer")

    def __init__(self, connection: psycopg.Connection, writer: PostgresWriter) -> None:
        self.connection = connection
        self.cursor = connection.cursor()
        self.writer = writer
        self.failed = False
        self._held: set[int] = set()

    def fetch(self, query: Query, params: Params) -> list[tuple[Any, ...]]:
        try:
            return self.cursor.execute(query.text(self.writer).encode(), params).fetchall()
        except (psycopg.Error, UnicodeEncodeError) as exc:
            self._fail(exc)

    def fetch_each(self, each: Each, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        try:
            params = {"keys": self.writer.strings(keys)}
            return self.cursor.execute(each.text(self.writer).encode(), params).fetchall()
        except (psycopg.Error, UnicodeEncodeError) as exc:
            self._fail(exc)

    def run(self, query: Query, params: Params) -> int:
        try:
            return self.cursor.execute(query.text(self.writer).encode(), params).rowcount
        except (psycopg.Error, UnicodeEncodeError) as exc:
            self._fail(exc)

    def save(self, bulk: Bulk, rows: list[tuple[Any, ...]]) -> None:
        if not rows:
            return
        if bulk.keys and len(rows) > 1:
            # PostgreSQL refuses to replace a row twice in one statement, and two transactions that write the same rows
            # in the same order can't lock each other out.
            keys = bulk.keys
            latest = {row[:keys]: row for row in rows}
            rows = [latest[key] for key in sorted(latest)]
        names = bulk.names
        try:
            text = orjson.dumps([dict(zip(names, row, strict=True)) for row in rows], default=_base64).decode()
            self.cursor.execute(bulk.text(self.writer).encode(), {"rows": text})
        except (psycopg.Error, TypeError) as exc:
            self._fail(exc)

    def lock(self, names: Sequence[str]) -> None:
        wanted = {zlib.crc32(name.encode("utf-8", "surrogatepass")) % STRIPES for name in names} - self._held
        if wanted:
            # In one order, so that no two transactions wait for each other.
            stripes = "{" + ",".join(map(str, sorted(wanted))) + "}"
            try:
                self.cursor.execute(_LOCK, {"class": _INCIDENT_LOCKS, "stripes": stripes})
            except psycopg.Error as exc:
                self._fail(exc)
            self._held |= wanted

    def try_lock(self, name: str) -> bool:
        number = zlib.crc32(name.encode("utf-8", "surrogatepass")) - 2**31
        try:
            row = self.cursor.execute(_TRY_LOCK, {"class": _TASK_LOCKS, "number": number}).fetchone()
        except psycopg.Error as exc:
            self._fail(exc)
        return row is not None and row[0] is True

    def _fail(self, exc: Exception) -> NoReturn:
        self.failed = True
        raise translated(exc) from exc


_LOCK = b"SELECT pg_advisory_xact_lock(%(class)s::int, stripe) FROM unnest(%(stripes)s::int[]) AS stripe"
_TRY_LOCK = b"SELECT pg_try_advisory_xact_lock(%(class)s::int, %(number)s::int)"


def translated(exc: Exception, password: str = "") -> StoreError:
    """The store's error for one of psycopg."""
    if not isinstance(exc, psycopg.Error):
        return StoreError(f"PostgreSQL can't keep this value: {type(exc).__name__}")
    state = exc.sqlstate
    if state is None:
        # The driver's or libpq's own: the connection is lost, or was never made.
        passing = isinstance(exc, (psycopg.OperationalError, psycopg.InterfaceError))
    else:
        passing = state.startswith(_PASSING)
    words = " ".join((exc.diag.message_primary or str(exc)).split())[:300]
    if password:
        words = words.replace(password, "***")
    return (StoreUnavailable if passing else StoreError)(f"PostgreSQL: {words}")


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} can't be kept")
