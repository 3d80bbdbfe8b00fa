"""What the compiler tells its user: problems found by pure code, and their rendering as diagnostics.

A `Problem` says where something is wrong in terms of the definition (a file, a path of keys, an offset inside a
scalar). A `Diagnostic` is the same with the place found in the text, ready to be rendered. Both are values; nothing
here raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

Keys = tuple[str | int, ...]


class Level(StrEnum):
    """How bad it is. Only an error stops a build."""

    ERROR = "error"
    WARNING = "warning"


class Place(NamedTuple):
    """A place in a definition file. A tuple, since a compile of 10,000 alerts makes 200,000 of them.

    `keys` is the path from the document's root. `offset` counts characters inside the scalar's *value* at that path,
    None for the whole value; `length` is the number of characters meant. With `on_key` the key itself is meant rather
    than its value. `line` and `column` (from 1) are set instead where a parser has told the place itself.
    """

    file: str
    keys: Keys = ()
    offset: int | None = None
    length: int = 0
    on_key: bool = False
    line: int | None = None
    column: int | None = None

    def at(self, *keys: str | int) -> Place:
        """The place of something below this one."""
        # Not Place(...): filling in the defaults takes longer than all the rest, and this runs twenty times an alert.
        return tuple.__new__(Place, (self.file, self.keys + keys, None, 0, False, None, None))

    def within(self, offset: int, length: int) -> Place:
        """A part of this scalar: `length` characters from `offset`."""
        return Place(self.file, self.keys, offset, length)

    def key(self) -> Place:
        """The key of this place rather than its value."""
        return Place(self.file, self.keys, on_key=True)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong, as pure code reports it.

    `check` is the name of the check, which is also its page in docs/checks/. `related` are further places with a
    word on each (where the other one is, where the template was used).
    """

    check: str
    message: str
    place: Place
    suggestion: str | None = None
    level: Level = Level.ERROR
    related: tuple[tuple[str, Place], ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text file: line and column from 1, length in characters, and the line itself."""

    file: str
    line: int
    column: int
    length: int = 1
    source: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A problem with its place found, ready to be rendered."""

    check: str
    level: Level
    message: str
    span: Span
    suggestion: str | None = None
    related: tuple[tuple[str, Span], ...] = field(default=())

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Reading order: by file, line and column."""
        return (self.span.file, self.span.line, self.span.column, self.check, self.message)
