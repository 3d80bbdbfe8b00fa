"""A template may only use labels that the expression's result has.

`$labels` holds the labels of the series that made the alert fire: what the aggregation kept. It doesn't
hold the rule's own labels (`severity`, `team`, those under `labels:`), nor those that Prometheus adds when
it sends the alert.

## Why

A label that isn't there expands to nothing, without an error. On-call reads "Disk of  is full" and has to
find out which of two hundred disks is meant.

## Wrong

```yaml
expr: sum by (job) (rate(http_errors_total[5m]))
threshold: above 5
summary: "{{ $labels.instance }} fails"
```

## Right

```yaml
expr: sum by (job, instance) (rate(http_errors_total[5m]))
threshold: above 5
summary: "{{ $labels.instance }} fails"
```

## How to mend it

Keep the label in the aggregation (`by (...)`), or use one that is there. What the rule's own labels say is
known while you write: type it. External labels are `{{ $externalLabels.cluster }}`.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules_gen.check_support.names import listed, nearest
from rules_gen.check_support.places import part_of_text, templated
from rules_gen.diagnostics import Problem
from rules_gen.gotmpl import check_template
from rules_gen.model import AlertRule, Policy, Service
from rules_gen.promql import ResultLabels, analyse


def check(service: Service, policy: Policy) -> Iterable[Problem]:
    """Reports labels in templates that the result can't have."""
    target = policy.prometheus
    for alert in service.alerts:
        for rule in alert.rules:
            labels = None
            for source in templated(rule):
                for use in check_template(source[2], target).labels:
                    if labels is None:
                        # A threshold filters: what it leaves has the signal's labels.
                        analysis = analyse(rule.signal, target)
                        if isinstance(analysis, tuple):
                            break
                        labels = analysis.labels
                    if not labels.may_have(use.name):
                        yield Problem(
                            "template-label",
                            f"the expression's result has no label `{use.name}`, so this would be empty",
                            part_of_text(alert, rule, source, use.offset, use.length),
                            _hint(use.name, labels, rule, policy),
                            related=(("the expression is here", rule.expr_place),),
                        )


def _hint(name: str, labels: ResultLabels, rule: AlertRule, policy: Policy) -> str:
    own = dict(rule.labels).get(name)
    if own is not None:
        return f"`{name}` is a label of the rule, which its templates don't see: write `{own}`"
    if name == "alertname":
        return f"write `{rule.alert}`"
    if name in policy.external_labels:
        return f"Prometheus adds it when it sends the alert: write `$externalLabels.{name}`"
    known = labels.labels - {"__name__"}
    near = nearest(name, known)
    if near is not None:
        return f"did you mean `{near}`?"
    if labels.kind == "open":
        return f"the expression takes `{name}` away; keep it"
    return f"add it to the aggregation's `by (...)`; the result has {listed(sorted(known)) or 'no labels'}"
