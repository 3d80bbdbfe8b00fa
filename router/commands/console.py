"""What commands print, and how they fail. It imports nothing heavy: `--help` needs it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # See cli.py.
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CELL = 60
"""Characters of a table's cell; `show` and the JSON have the whole text."""


class CommandError(Exception):
    """A command can't do what it was asked for. The message is for people, and holds no secret."""

    def __init__(self, message: str, code: int = 1) -> None:
        """`code` is the process's exit code."""
        super().__init__(message)
        self.code = code


def say(text: str = "") -> None:
    """A line, or several, on standard output."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """A line, or several, on standard error."""
    sys.stderr.write(f"{text}\n")


def say_json(document: object) -> None:
    """A JSON document on standard output."""
    import json

    # Escaped: half a surrogate pair from a label is in no UTF-8.
    say(json.dumps(document, indent=2))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows in columns that are as wide as their widest cell; the last one has no padding."""
    from router.messages.text import one_line

    cells = [list(headings), *([one_line(cell, CELL) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)
    return "\n".join(lines)


class Progress:
    """A line on a terminal that is written over; nothing at all elsewhere."""

    def __init__(self) -> None:
        self._shown = 0
        self._on = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._on:
            sys.stderr.write("\r" + text.ljust(self._shown))
            sys.stderr.flush()
            self._shown = len(text)

    def clear(self) -> None:
        """Take the line away."""
        if self._on and self._shown:
            sys.stderr.write("\r" + " " * self._shown + "\r")
            sys.stderr.flush()
            self._shown = 0
