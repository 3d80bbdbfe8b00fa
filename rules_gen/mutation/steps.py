"""By how much a number or a duration is moved: enough to be a mistake, little enough to be overlooked."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from rules_gen.fixtures.times import duration_text
from rules_gen.promql import parse_duration
from rules_gen.source.thresholds import literal

_LEADS: Final = (Decimal(5), Decimal(2), Decimal(1))
ZERO_HOLD_TICKS: Final = 5
"""How many evaluations a `for` of nothing is lengthened by."""


def step(value: Decimal, unit: str) -> Decimal:
    """A tenth of the value, rounded down to 1, 2 or 5 times a power of ten, in the author's unit.

    A whole number without a unit is mostly a count, so it moves by one at least; zero moves by one. A percentage close
    to 100 moves by half of what is left at most, since more than all is no mistake that anybody makes.
    """
    if value == 0:
        return Decimal(1)
    most = abs(value) / 10
    if unit == "%" and 0 < value < 100:
        most = min(most, (100 - value) / 2)
    if unit == "" and value == value.to_integral_value() and most < 1:
        return Decimal(1)
    power = Decimal(10) ** most.adjusted()
    return next(lead * power for lead in _LEADS if lead * power <= most)


def moved(value: Decimal, unit: str) -> tuple[Decimal, Decimal]:
    """The value a step lower, and a step higher."""
    by = step(value, unit)
    return value - by, value + by


def moved_quantile(value: Decimal) -> tuple[Decimal, ...]:
    """A quantile with twice and with half as much beyond it: 0.95 becomes 0.9 and 0.975."""
    if not 0 < value < 1:
        return ()
    beyond = min(value, 1 - value)
    if value >= Decimal("0.5"):
        return (1 - 2 * beyond, 1 - beyond / 2) if beyond < Decimal("0.5") else (Decimal("0.25"), Decimal("0.75"))
    return (beyond / 2, 2 * beyond)


def moved_duration(text: str, tick_ms: int) -> tuple[str, ...]:
    """Half and twice a `for`, in whole evaluations; one of nothing is only lengthened."""
    milliseconds = parse_duration(text) or 0
    shorter = milliseconds // 2 // tick_ms * tick_ms
    longer = max(milliseconds * 2, milliseconds + tick_ms) if milliseconds else ZERO_HOLD_TICKS * tick_ms
    if not milliseconds:
        return (duration_text(longer),)
    return (short_duration(shorter), duration_text(longer))


def moved_range(text: str) -> tuple[str, ...]:
    """Half and twice a window."""
    milliseconds = parse_duration(text) or 0
    half = milliseconds // 2 // 1000 * 1000 or milliseconds // 2
    return tuple(duration_text(ms) for ms in (half, milliseconds * 2) if ms)


def short_duration(milliseconds: int) -> str:
    """A duration as a definition has it: nothing is `0m`."""
    return duration_text(milliseconds) if milliseconds else "0m"


def number_text(value: Decimal) -> str:
    """The number as PromQL reads it."""
    return literal(value)
