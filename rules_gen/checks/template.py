"""A template in a label or annotation must be one that Prometheus can parse.

Annotations and labels are Go templates: `{{ $value }}`, `{{ $labels.job }}`, and functions behind a pipe.
They are parsed here as the policy's version of Prometheus would, and the PromQL inside `query` as well.

## Why

Prometheus refuses a rule file in which one template doesn't parse, with all its rules. What parses but
fails when it is expanded is worse: the alert fires, and on-call reads `<error expanding template ...>` at
three in the morning instead of what is broken.

## Wrong

```yaml
summary: Checkout answers {{ $value | humanizePercent }} of requests with an error
```

## Right

```yaml
summary: Checkout answers {{ $value | humanizePercentage }} of requests with an error
```

## How to mend it

The caret stands under the part that can't be parsed. Braces that are meant as text are written `{{ "{{"
}}`. Functions are those of Prometheus and of Go's `text/template`; a function that is newer than the
policy's `prometheus:` isn't one there.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules_gen.check_support.places import part_of_text, templated
from rules_gen.diagnostics import Problem
from rules_gen.gotmpl import check_template
from rules_gen.model import Alert, AlertRule, Policy, Service
from rules_gen.promql import analyse


def check(service: Service, policy: Policy) -> Iterable[Problem]:
    """Reports templates that don't parse."""
    target = policy.prometheus
    for alert in service.alerts:
        for rule in alert.rules:
            for source in templated(rule):
                info = check_template(source[2], target)
                if info.errors or info.queries:
                    yield from _errors(alert, rule, source, policy)


def _errors(alert: Alert, rule: AlertRule, source: tuple[str, str, str], policy: Policy) -> Iterable[Problem]:
    info = check_template(source[2], policy.prometheus)
    for error in info.errors:
        place = part_of_text(alert, rule, source, error.offset, error.length)
        yield Problem("template", error.message, place, f"write `{error.suggestion}`" if error.suggestion else None)
    for query in info.queries:
        result = analyse(query.text, policy.prometheus)
        # Where the template escapes something, offsets in the query aren't those in the text.
        exact = len(query.text) == query.length
        for mistake in result if isinstance(result, tuple) else ():
            offset, length = (query.offset + mistake.offset, mistake.length) if exact else (query.offset, query.length)
            place = part_of_text(alert, rule, source, offset, length)
            yield Problem("template", f"in the query: {mistake.message}", place, mistake.suggestion)
