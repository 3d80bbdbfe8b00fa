"""A signal that compares already doesn't take a threshold as well.

With a `threshold:` beside it, `expr` is the signal: the value that is drawn on the dashboard and compared
with the number. A comparison in the signal itself filters first, and the threshold then compares what is
left.

## Why

`rate(errors_total[5m]) > 10` with `threshold: above 5` fires above 10, while the page, the dashboard and
the backtest all say 5. Whoever moves the threshold to 8 changes nothing and believes that it is done.

## Wrong

```yaml
expr: rate(http_errors_total[5m]) > 10
threshold: above 5
```

## Right

```yaml
expr: rate(http_errors_total[5m])
threshold: above 10
```

## How to mend it

Keep one of the two. A band (above 5 and below 10) is a condition of its own: write both comparisons into
`expr` and leave `threshold` out.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules_gen.check_support.places import part
from rules_gen.diagnostics import Place, Problem
from rules_gen.model import AlertRule, Policy, Service
from rules_gen.promql import Analysis, Kind, PromqlError, analyse, tokenize

_COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})


def check(service: Service, policy: Policy) -> Iterable[Problem]:
    """Reports signals that compare, where a threshold stands beside them."""
    target = policy.prometheus
    for alert in service.alerts:
        for rule in alert.rules:
            if rule.threshold is None:
                continue
            analysis = analyse(rule.signal, target)
            if isinstance(analysis, tuple) or (
                analysis.top_comparison is None and analysis.top_operator not in _COMPARISONS
            ):
                continue
            if alert.slo is None and _filters(rule.signal, analysis):
                yield Problem(
                    "threshold-twice",
                    f"the signal compares already, and `{rule.threshold.text}` compares what is left of it",
                    _operator_place(rule),
                    "keep one of the two; a band goes into `expr`, without `threshold`",
                    related=(("the threshold is here", rule.threshold_place),),
                )


def _filters(signal: str, analysis: Analysis) -> bool:
    # A comparison with bool gives 0 or 1, which a threshold may well compare.
    return analysis.top_comparison is not None or (analysis.has_condition and "bool" not in signal)


def _operator_place(rule: AlertRule) -> Place:
    """The outermost comparison: the last one at the least depth of brackets."""
    tokens = tokenize(rule.signal)
    if isinstance(tokens, PromqlError):
        return rule.expr_place
    depth, best, found = 0, None, rule.expr_place
    for token in tokens:
        if token.kind is Kind.BRACKET:
            depth += 1 if token.text in "([{" else -1
        elif token.text in _COMPARISONS and (best is None or depth <= best):
            best = depth
            found = part(rule.expr_place, rule, rule.signal, token.start, token.end - token.start)
    return found
