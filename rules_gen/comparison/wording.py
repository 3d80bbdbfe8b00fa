"""Small pieces of sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rules_gen.comparison.findings import Change, Typed, Words


def listed(items: Iterable[str], last: str = "and") -> Words:
    """What people typed, as `a, b and c`."""
    names = [Typed(item) for item in items]
    words: list[str | Typed] = []
    for index, name in enumerate(names):
        if index:
            words.append(f" {last} " if index == len(names) - 1 else ", ")
        words.append(name)
    return tuple(words)


def count(number: int, word: str) -> str:
    """`1 alert`, `2 alerts`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def grouped(labels: Sequence[str]) -> Words:
    """The labels that tell alerts apart, after `one alert`."""
    return (" for each ", *listed(labels)) if labels else (" in all",)


def short_number(text: str) -> str:
    """A number as people write it: Python's `5.0` is `5`."""
    return text.removesuffix(".0")


def subject(change: Change) -> tuple[str, str]:
    """What has changed, and where it is defined."""
    if change.service is None:
        return "policy", ", ".join(change.files)
    where = f"{change.team}/{change.service}"
    if change.alert is None:
        return f"service {where}", ", ".join(change.files)
    return change.alert, ", ".join((where, *change.files))
