"""A label's value must not change from one evaluation to the next.

Labels are an alert's identity. `{{ $value }}` in an annotation is right, in a label it makes a new alert of
every new value.

## Why

An alert with `for: 5m` must be the same alert for five minutes. When a label holds the measured value, each
evaluation starts another one with its own clock, and none of them ever fires. Without `for` it is the other
way round: a new page for every evaluation, while the ones before resolve.

## Wrong

```yaml
labels:
  current: "{{ $value }}"
```

## Right

```yaml
annotations:
  current: "{{ $value }}"
```

## How to mend it

Move the text to an annotation. A label that sorts values into a few classes belongs into a ladder, one rung
per severity.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules_gen.check_support.places import text_place
from rules_gen.diagnostics import Problem
from rules_gen.gotmpl import check_template
from rules_gen.model import Policy, Service


def check(service: Service, policy: Policy) -> Iterable[Problem]:
    """Reports labels that hold the measured value."""
    for alert in service.alerts:
        for rule in alert.rules:
            for name, text in rule.labels:
                if "{{" in text and check_template(text, policy.prometheus).uses_value:
                    yield Problem(
                        "label-value",
                        f"the label `{name}` changes with the value: each evaluation starts another alert",
                        text_place(alert, rule, "labels", name),
                        "move it to `annotations:`; with `for` this alert could never fire",
                    )
