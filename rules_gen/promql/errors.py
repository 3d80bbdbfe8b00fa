"""What is wrong with an expression, as data: the compiler turns it into a diagnostic in the author's file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PromqlError:
    """One mistake in an expression.

    `offset` and `length` count characters of the author's text; `length` is at least 1 except for an
    empty expression. `suggestion` is a correction in words, without a full stop, or None.
    """

    offset: int
    length: int
    message: str
    suggestion: str | None = None
