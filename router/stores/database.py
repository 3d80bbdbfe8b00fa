"""Between the questions and a driver: SQLAlchemy Core writes each statement once, the driver's own cursor runs it.

Core's execution layer is left out on purpose: a webhook takes about ten statements, and what Core does around each
(contexts, result objects, processors) costs several times as much as the statement does in SQLite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sqlalchemy import BigInteger, ColumnElement, Table, Text, bindparam, case, literal_column

if TYPE_CHECKING:
    from sqlalchemy import ClauseElement, ColumnCollection, Select

Params = Mapping[str, Any]


class Writer(Protocol):
    """How one database says what the two say differently."""

    name: str
    """`sqlite` or `postgresql`."""

    def compile(self, statement: ClauseElement) -> str:
        """The text, in the driver's parameter style."""
        ...

    def one_of(self, column: ColumnElement[str], param: str) -> ColumnElement[bool]:
        """Whether a column is among the strings of a parameter, which is one value made by `strings`: the statement
        then stays the same for any number of them.
        """
        ...

    def strings(self, values: Sequence[str]) -> str:
        """A parameter for `one_of`."""
        ...

    def bulk(self, bulk: Bulk) -> str:
        """The text of a bulk insert."""
        ...

    def each(self, each: Each) -> str:
        """The text of a select for each key."""
        ...


class Query:
    """A statement that is written once for each kind of database, when it is first asked for."""

    __slots__ = ("_build", "_texts")

    def __init__(self, build: Callable[[Writer], ClauseElement]) -> None:
        self._build = build
        self._texts: dict[str, str] = {}

    def text(self, writer: Writer) -> str:
        found = self._texts.get(writer.name)
        if found is None:
            found = self._texts[writer.name] = writer.compile(self._build(writer))
        return found


class Each:
    """A select that is asked for each of many keys, such as "the first ten of each"."""

    __slots__ = ("_texts", "build")

    def __init__(self, build: Callable[[ColumnElement[str]], Select[Any]]) -> None:
        """`build` is given what stands for the key."""
        self.build = build
        self._texts: dict[str, str] = {}

    def text(self, writer: Writer) -> str:
        found = self._texts.get(writer.name)
        if found is None:
            found = self._texts[writer.name] = writer.each(self)
        return found


class Bulk:
    """An insert of rows, tuples in the order of `names`. When a row's key is there already: replace or ignore."""

    __slots__ = ("_texts", "conflict", "kept", "keys", "names", "newest", "table")

    def __init__(
        self,
        table: Table,
        conflict: Literal["replace", "ignore", "impossible"],
        *,
        kept: str = "",
        newest: str = "",
    ) -> None:
        """`kept`: a column that an empty text doesn't replace. `newest`: a row is only replaced when this grows."""
        self.table = table
        self.conflict = conflict
        self.kept = kept
        self.newest = newest
        # A serial number is the database's to give.
        self.names = tuple(str(column.name) for column in table.columns if column.autoincrement is not True)
        self.keys = 0 if conflict == "impossible" else len(table.primary_key)
        self._texts: dict[str, str] = {}

    def text(self, writer: Writer) -> str:
        found = self._texts.get(writer.name)
        if found is None:
            found = self._texts[writer.name] = writer.bulk(self)
        return found

    def changes(self, new: ColumnCollection[str, Any]) -> dict[str, ColumnElement[Any]]:
        """What replacing a row sets. Columns that a newer release has added are left as they are."""
        changes: dict[str, ColumnElement[Any]] = {name: new[name] for name in self.names[self.keys :]}
        if self.kept:
            changes[self.kept] = case((new[self.kept] == constant(""), self.table.c[self.kept]), else_=new[self.kept])
        return changes

    def condition(self, new: ColumnCollection[str, Any]) -> ColumnElement[bool] | None:
        """When a row is replaced at all."""
        return new[self.newest] > self.table.c[self.newest] if self.newest else None


class Database(Protocol):
    """An open connection inside a transaction."""

    @property
    def writer(self) -> Writer:
        """Its way of saying things."""
        ...

    def fetch(self, query: Query, params: Params) -> list[tuple[Any, ...]]:
        """All rows. Raises StoreError and its kinds, as all of these do."""
        ...

    def fetch_each(self, each: Each, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        """All rows of all keys, those of one key together and in order."""
        ...

    def run(self, query: Query, params: Params) -> int:
        """How many rows were changed."""
        ...

    def save(self, bulk: Bulk, rows: list[tuple[Any, ...]]) -> None:
        """Insert rows; of two with the same key the later one counts."""
        ...

    def lock(self, names: Sequence[str]) -> None:
        """Hold a lock for each name until the transaction ends, waiting for whoever holds one."""
        ...

    def try_lock(self, name: str) -> bool:
        """Hold a lock until the transaction ends unless somebody else does."""
        ...


def constant(value: str | int) -> ColumnElement[Any]:
    """A word of ours or a number, in the statement's text: a partial index is only used when its condition is seen."""
    return literal_column(str(value) if isinstance(value, int) else f"'{value}'")


def number(name: str) -> ColumnElement[int]:
    """A parameter that is a whole number."""
    return bindparam(name, type_=BigInteger)


def string(name: str) -> ColumnElement[str]:
    """A parameter that is text."""
    return bindparam(name, type_=Text)
