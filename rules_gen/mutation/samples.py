"""The samples of an input series as values, and back into promtool's notation."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

Sample = Fraction | None
"""A value, or None for a gap. A fraction, so that what grows evenly still does after any scaling."""

MOST: Final = 5_000
"""Longer series are left as they are: what is made of them would help nobody."""

_NUMBER: Final = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_ITEM: Final = re.compile(rf"({_NUMBER})(?:([+-](?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)x([0-9]+)|x([0-9]+))?")
_GAPS: Final = re.compile(r"_(?:x([0-9]+))?")
_EXACT_DIGITS: Final = 12
_ROUNDED_DIGITS: Final = 6


def read_samples(text: str) -> list[Sample] | None:
    """The values one by one; None for histograms, `stale`, special values, and series that are too long."""
    values: list[Sample] = []
    for item in text.split():
        if gap := _GAPS.fullmatch(item):
            values += [None] * int(gap[1] or 1)
        elif match := _ITEM.fullmatch(item):
            first, step, stepped, repeated = match.groups()
            count = int(stepped or repeated or 0)
            if count > MOST:
                return None
            by = Fraction(step or 0)
            values += [Fraction(first) + by * number for number in range(count + 1)]
        else:
            return None
        if len(values) > MOST:
            return None
    return values


def write_samples(values: Sequence[Sample]) -> str:
    """The values in promtool's notation: what repeats, or grows by the same, in one item."""
    parts: list[str] = []
    index = 0
    while index < len(values):
        value = values[index]
        end = index + 1
        if value is None:
            while end < len(values) and values[end] is None:
                end += 1
            parts.append(f"_x{end - index}" if end - index > 1 else "_")
        else:
            step = _step(values, index)
            while step is not None and end < len(values) and values[end] == value + step * (end - index):
                end += 1
            parts.append(_item(value, step or Fraction(0), end - index))
        index = end
    return " ".join(parts)


def _step(values: Sequence[Sample], index: int) -> Fraction | None:
    """By how much the values grow from here, if three or more do alike, or two are the same."""
    window = values[index : index + 3]
    one, two = window[0], window[1] if len(window) > 1 else None
    if one is None or two is None:
        return None
    if one == two:
        return Fraction(0)
    return two - one if len(window) > 2 and window[2] is not None and window[2] - two == two - one else None


def _item(value: Fraction, step: Fraction, count: int) -> str:
    if count == 1:
        return number(value)
    if not step:
        return f"{number(value)}x{count - 1}"
    return f"{number(value)}{'+' if step > 0 else '-'}{number(abs(step))}x{count - 1}"


def number(value: Fraction) -> str:
    """A value as people write it: exactly where that takes few digits, else rounded to what matters."""
    with localcontext() as context:
        context.prec = _EXACT_DIGITS
        exact = Decimal(value.numerator) / value.denominator
        if Fraction(exact) != value:
            context.prec = _ROUNDED_DIGITS
        shown = (+exact).normalize()
    return format(shown, "f") if -_EXACT_DIGITS < shown.adjusted() < 2 * _EXACT_DIGITS else format(shown, "e")


def mapped(text: str, change: Callable[[list[Sample]], list[Sample]]) -> str | None:
    """The samples changed as a whole; None where they can't be read."""
    values = read_samples(text)
    return None if values is None else write_samples(change(values))


def scaled(factor: Fraction) -> Callable[[list[Sample]], list[Sample]]:
    """Every value times the factor."""
    return lambda values: [None if value is None else value * factor for value in values]


def shifted(by: Fraction) -> Callable[[list[Sample]], list[Sample]]:
    """Every value plus something."""
    return lambda values: [None if value is None else value + by for value in values]


def stopped(at: int) -> Callable[[list[Sample]], list[Sample]]:
    """The last value kept from some sample on: a counter that no longer counts."""
    return lambda values: [*values[:at], *(values[at - 1 : at] * max(0, len(values) - at))]


def delayed(by: int) -> Callable[[list[Sample]], list[Sample]]:
    """The first value for a while, then all: a counter that begins to count later."""
    return lambda values: [*(values[:1] * by), *values[: max(0, len(values) - by)]]


def ended(at: int) -> Callable[[list[Sample]], list[Sample]]:
    """Nothing from some sample on."""
    return lambda values: [*values[:at], *([None] * max(0, len(values) - at))]
