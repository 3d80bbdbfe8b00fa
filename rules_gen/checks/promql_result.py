"""An alert's expression must be an instant vector: one value per series, now.

Prometheus turns every series in the result of an alerting rule into one alert. A range vector, a text or a
bare number isn't a set of series with one value each.

## Why

Prometheus refuses a rule file with such an expression, the whole file and not only this rule. On a reload
it goes on with the old rules, so the new ones quietly don't exist; on a restart it doesn't come up at all,
and with it every alert that it evaluates is gone.

## Wrong

```yaml
expr: http_requests_total{job="checkout-api"}[5m]
threshold: above 100
```

## Right

```yaml
expr: rate(http_requests_total{job="checkout-api"}[5m])
threshold: above 100
```

## How to mend it

- A **range vector** (`[5m]`) goes into a function that makes one value of it: `rate(...)` for counters,
  `avg_over_time(...)` or `max_over_time(...)` for gauges.
- A **scalar** comes from `scalar(...)`, `time()` or a bare number. Leave `scalar` out, or wrap the number
  in `vector(...)`.
- A **string** can't be evaluated at all. Remove the quotes around the expression.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules_gen.diagnostics import Problem
from rules_gen.model import Policy, Service
from rules_gen.promql import analyse

_WORDS = {
    "matrix": (
        "a range vector",
        "put it into a function over time: rate(...) or increase(...) for a counter, avg_over_time(...) for a gauge",
    ),
    "scalar": ("a scalar", "leave out scalar(...), or wrap the number in vector(...)"),
    "string": ("a string", "remove the quotes around the expression"),
}


def check(service: Service, policy: Policy) -> Iterable[Problem]:
    """Reports alerts whose expression is no instant vector."""
    target = policy.prometheus
    for alert in service.alerts:
        for rule in alert.rules:
            analysis = analyse(rule.signal, target)
            if isinstance(analysis, tuple) or analysis.result_type == "vector":
                continue
            what, hint = _WORDS[analysis.result_type]
            message = f"an alert needs an instant vector, this is {what}"
            yield Problem("promql-result", message, rule.expr_place, hint)
