"""What is wrong with something that a person wrote: values, gathered and told together. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One mistake. None of its texts ever holds a secret's value."""

    place: str
    """`rules/routes.yml:12`, a variable's name, an option."""
    message: str
    hint: str = ""
    """The way out; empty when the message says it all."""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """A suggestion for a misspelt name: the nearest known one, or all of them where they are few; else nothing."""
    import difflib  # Imported here because only a mistake needs it.

    options = sorted(known)
    near = difflib.get_close_matches(found, options, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known here: {', '.join(options)}" if 0 < len(options) <= 16 else ""


def render(problems: Iterable[Problem]) -> str:
    """One line each, in the order in which they were found."""
    return "\n".join(str(problem) for problem in problems)
