"""A threshold's unit must be the unit of its signal.

A threshold with a unit is compiled to base units: `5%` becomes 0.05, `500ms` becomes 0.5, `2GiB` becomes
2147483648. The signal must be in base units too: a ratio of one, seconds, bytes.

## Why

A signal that is multiplied by 100, or whose metric ends with `_percent` or `_milliseconds`, is a hundred or
a thousand times larger than its threshold. Such an alert pages for ever (`above 5%` means more than 0.05 of
100), or, with `below`, never. The second kind is found in the review after the incident that it should have
announced.

The unit is taken from the metric's name and the arithmetic around it. Where these don't tell for certain,
nothing is reported, and a threshold without a unit is always taken as it is.

## Wrong

```yaml
expr: |
  100 * sum(rate(http_requests_total{status=~"5.."}[5m]))
    / sum(rate(http_requests_total[5m]))
threshold: above 5%
```

## Right

```yaml
expr: |
  sum(rate(http_requests_total{status=~"5.."}[5m]))
    / sum(rate(http_requests_total[5m]))
threshold: above 5%
```

## How to mend it

- Take the factor out of the expression. `{{ $value | humanizePercentage }}` prints a ratio as a percentage,
  and `{{ $value | humanizeDuration }}` seconds as milliseconds.
- Where the metric itself is in another unit, write a plain number in that unit: `above 500` for a metric in
  milliseconds.
- The rate of a counter of seconds (`rate(process_cpu_seconds_total[5m])`) is seconds per second, a ratio:
  `above 80%` is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rules_gen.check_support.places import part
from rules_gen.check_support.units import Unit, same_scale, unit_of
from rules_gen.diagnostics import Problem
from rules_gen.model import AlertRule, Policy, Service, Threshold

_SCALED: dict[str, tuple[tuple[float, str], ...]] = {
    "ratio": ((100.0, "percent, 0 to 100"),),
    "seconds": (
        (1e3, "milliseconds"),
        (1e6, "microseconds"),
        (1e9, "nanoseconds"),
        (1 / 60, "minutes"),
        (1 / 3600, "hours"),
        (1 / 86400, "days"),
    ),
    "bytes": (
        (8.0, "bits"),
        (1e-3, "kilobytes"),
        (1e-6, "megabytes"),
        (1e-9, "gigabytes"),
        (1 / 1024, "KiB"),
        (1 / 1024**2, "MiB"),
        (1 / 1024**3, "GiB"),
    ),
}
_WHAT = {"ratio": "a ratio", "seconds": "a time in seconds", "bytes": "a number of bytes"}
_UNITS = {"ratio": "5%", "seconds": "500ms", "bytes": "2GiB"}
_BASE = {"ratio": "a ratio of 1", "seconds": "seconds", "bytes": "bytes"}
_PARTS = re.compile(r"\s*(\D+?)\s*([-+.\d].*)", re.DOTALL)


def check(service: Service, policy: Policy) -> Iterable[Problem]:  # noqa: ARG001 - the seam's signature
    """Reports thresholds in another unit than their signal's."""
    for alert in service.alerts:
        for rule in alert.rules:
            threshold = rule.threshold
            if threshold is None or not threshold.unit or alert.slo is not None:
                continue
            unit = unit_of(rule.signal)
            if unit.dimension != threshold.dimension or unit.scale != 1.0:
                problem = _compared(rule, threshold, unit)
                if problem is not None:
                    yield problem


def _compared(rule: AlertRule, threshold: Threshold, unit: Unit) -> Problem | None:
    dimension, wanted = unit.dimension, threshold.dimension
    if dimension == "seconds" and unit.per_second:
        if wanted == "seconds":
            return None
        dimension = "ratio"
    if dimension in {"", "events"}:
        # What is multiplied by 100 and compared with a percentage is a percentage, whatever it is made of.
        if wanted != "ratio":
            return None
        dimension = wanted
    if dimension != wanted:
        measured = _WHAT[wanted].removesuffix(" in seconds")
        message = f"the signal is {_WHAT[dimension]}, and `{threshold.unit}` measures {measured}"
        return _problem(rule, threshold, message, f"write a threshold as `{_UNITS[dimension]}`, or a plain number")
    scaled = next(((scale, words) for scale, words in _SCALED[wanted] if same_scale(scale, unit.scale)), None)
    if scaled is None:
        return None
    scale, words = scaled
    operator, number = _parts(threshold)
    message = f"the signal is in {words}, and `{number}` means {threshold.literal}{_harm(threshold.operator, scale)}"
    mended = f"write `threshold: {operator} {threshold.value * scale:.12g}`"
    return _problem(rule, threshold, message, f"{mended}, or bring the signal to {_BASE[wanted]}")


def _parts(threshold: Threshold) -> tuple[str, str]:
    match = _PARTS.fullmatch(threshold.text)
    return (match[1], match[2]) if match else ("", threshold.text)


def _harm(operator: str, scale: float) -> str:
    if operator in {"==", "!="}:
        return ""
    return ": it would fire for ever" if (operator[0] == ">") == (scale > 1) else ": it would never fire"


def _problem(rule: AlertRule, threshold: Threshold, message: str, suggestion: str) -> Problem:
    _, number = _parts(threshold)
    place = part(rule.threshold_place, rule, threshold.text, threshold.text.find(number), len(number))
    return Problem("threshold-unit", message, place, suggestion, related=(("the signal is here", rule.expr_place),))
