"""An expression without a threshold must hold a condition of its own.

Every series that the expression returns becomes an alert, whatever its value. Without a comparison, `and`,
`unless` or `absent` there is nothing that could make the result empty, and so nothing that could make the
alert quiet.

## Why

The alert fires for every series from the moment it is deployed: a page for each instance, at once. After
the first night somebody silences it, and the silence outlives the memory of why it is there.

An `or` needs a condition on both sides, since either side alone can make the alert fire. A comparison with
`bool` is no condition: it answers 0 or 1, and both are answers.

## Wrong

```yaml
expr: node_filesystem_avail_bytes / node_filesystem_size_bytes
for: 5m
```

## Right

```yaml
expr: node_filesystem_avail_bytes / node_filesystem_size_bytes
threshold: below 10%
for: 5m
```

## How to mend it

Add a `threshold:`. Where one number can't say it, write the comparison into the expression. An expression
that selects no series at all, as `vector(1)`, is a Watchdog that fires on purpose, and is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules_gen.diagnostics import Problem
from rules_gen.model import Policy, Service
from rules_gen.promql import Analysis, analyse


def check(service: Service, policy: Policy) -> Iterable[Problem]:
    """Reports expressions that always fire."""
    target = policy.prometheus
    for alert in service.alerts:
        for rule in alert.rules:
            if rule.threshold is not None:
                continue
            analysis = analyse(rule.signal, target)
            if isinstance(analysis, tuple) or analysis.has_condition:
                continue
            if analysis.is_constant or analysis.result_type != "vector":
                continue
            message, hint = _words(rule.signal, analysis)
            yield Problem(
                "no-condition",
                f"{alert.name} would fire for every series, whatever its value: {message}",
                rule.expr_place,
                hint,
            )


def _words(signal: str, analysis: Analysis) -> tuple[str, str]:
    if analysis.top_operator == "or":
        return (
            "each side of an `or` needs a condition",
            "compare both sides, or put the `or` in brackets and add a `threshold:`",
        )
    if "bool" in signal:
        return (
            "with `bool` a comparison answers 0 or 1 and leaves nothing out",
            "remove `bool`, or add `threshold: equals 1`",
        )
    return "the expression holds no condition", "add a threshold, for example `threshold: above 5%`"
