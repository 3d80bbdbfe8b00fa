"""A ladder's higher rung must ask for more than the rung below it.

A ladder is one alert in several severities over the same signal. The higher the severity, the worse the
value must be; with the same value, the longer it must last.

## Why

With `high` above 1% and `medium` above 5%, high fires first and keeps medium quiet: medium is dead, and
what was meant as a ticket wakes somebody up. With the same threshold and no longer `for`, both fire in the
same moment and the lower rung is never seen either.

## Wrong

```yaml
severities:
  high: {threshold: above 1%, for: 5m}
  medium: {threshold: above 5%, for: 15m}
```

## Right

```yaml
severities:
  high: {threshold: above 5%, for: 5m}
  medium: {threshold: above 1%, for: 15m}
```

## How to mend it

Swap the thresholds, or make the higher one stricter. Rungs with the same threshold need a longer `for` on
the higher one: "a ticket after five minutes, a page after an hour".
"""

from __future__ import annotations

from collections.abc import Iterable

from rules_gen.diagnostics import Problem
from rules_gen.model import AlertRule, Policy, Service
from rules_gen.promql import parse_duration


def check(service: Service, policy: Policy) -> Iterable[Problem]:  # noqa: ARG001 - the seam's signature
    """Reports rungs that are weaker than the one below them."""
    for alert in service.alerts:
        if len(alert.rules) < 2 or alert.slo is not None:
            continue
        # The rules of an alert stand by environment, and in each from the worst severity down.
        for higher, lower in zip(alert.rules, alert.rules[1:], strict=False):
            if higher.rung and lower.rung and higher.environment == lower.environment and higher.signal == lower.signal:
                problem = _compared(higher, lower)
                if problem is not None:
                    yield problem


def _compared(higher: AlertRule, lower: AlertRule) -> Problem | None:
    looser = _is_looser(higher, lower)
    if looser is None:
        return None
    word = f"the rung `{lower.severity}` is here"
    if looser and higher.threshold is not None and lower.threshold is not None:
        return Problem(
            "duration-order",
            f"`{higher.severity}` is met before `{lower.severity}`: "
            f"`{higher.threshold.text}` asks for less than `{lower.threshold.text}`",
            higher.threshold_place,
            "the higher severity needs the stricter threshold; were they swapped?",
            related=((word, lower.threshold_place),),
        )
    if higher.expr == lower.expr and (parse_duration(higher.hold) or 0) <= (parse_duration(lower.hold) or 0):
        return Problem(
            "duration-order",
            f"`{lower.severity}` would never be seen: `{higher.severity}` has the same condition and fires no later",
            higher.place.at("for"),
            f"give `{higher.severity}` a stricter threshold, or a longer `for` than {lower.hold}",
            related=((word, lower.place.at("for")),),
        )
    return None


def _is_looser(higher: AlertRule, lower: AlertRule) -> bool | None:
    """Whether the higher rung's threshold is met by more values; None where the two can't be compared."""
    one, other = higher.threshold, lower.threshold
    if one is None or other is None:
        return False if one is other else None
    if one.operator[0] != other.operator[0] or one.operator[0] not in "<>":
        return False if (one.operator, one.value) == (other.operator, other.value) else None
    if one.value == other.value:
        # `at least 5` is met by one value more than `above 5`.
        return len(one.operator) > len(other.operator)
    return (one.value < other.value) == (one.operator[0] == ">")
