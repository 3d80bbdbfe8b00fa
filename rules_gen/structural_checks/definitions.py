"""Pages on alerts, runbooks, templates and expressions."""

from __future__ import annotations

PAGES = {
    "runbook-missing": """\
Every alert has a runbook.

## Why

An alert wakes up somebody who didn't write it. Without a runbook the first half hour of the outage goes into
finding out what the alert means.

## Wrong

```yaml
- alert: CheckoutDown
  severity: critical
  expr: up{job="checkout-api"} == 0
  for: 1m
  summary: Checkout is down
```

## Right

```yaml
  runbook:
    first: Users notice at once. Roll back if a deploy went out in the last hour.
    impact: Customers can't pay.
    causes: [a bad deploy, the payment provider is down]
    investigate: Look at the last deploys.
    resolve: Roll back the deploy.
    verify: The error rate is below 1%.
    escalate: {after: 15m, to: payments-lead}
```

## How to mend it

Write its content, or give the address of a page elsewhere: `runbook: https://wiki.example.com/checkout-down`.
""",
    "runbook-missing-section": """\
A runbook has all sections that on-call needs.

These are `first`, `impact`, `causes`, `investigate`, `resolve`, `verify` and `escalate`. A shared runbook can
bring some.

## Why

The section that was left out is the one that is missed: without `verify` an incident is closed too early,
without `escalate` somebody tries alone for two hours.

## Wrong

```yaml
runbook:
  first: Roll back.
  impact: Customers can't pay.
```

## Right

```yaml
runbook:
  include: [kubernetes-deploy]
  first: Roll back.
  impact: Customers can't pay.
```

## How to mend it

Write the sections that the diagnostic names, or `include` a shared runbook that has them.
""",
    "runbook-unknown": """\
A shared runbook that is included must exist.

Shared runbooks are `alerts/_runbooks/<name>.yaml`.

## Why

An include that is passed over leaves a page without its sections, which nobody sees before the night in which
it is opened.

## Wrong

```yaml
runbook: {include: [postgress]}
```

## Right

```yaml
runbook: {include: [postgres]}
```

## How to mend it

Take the name that the diagnostic suggests, or write the shared runbook.
""",
    "template-unknown": """\
A template that a service uses, and an alert that it leaves out, must exist.

Templates are `alerts/_templates/<name>.yaml`. `except:` names alerts of the template that this service
doesn't take.

## Why

A misspelt template is a service without alerts. A misspelt exception is an alert that pages although the team
has decided against it.

## Wrong

```yaml
use: [{template: htp-service, with: {job: checkout-api}}]
```

## Right

```yaml
use: [{template: http-service, with: {job: checkout-api}}]
```

## How to mend it

Take the name that the diagnostic suggests. `except:` takes the names that the alerts have in this service.
""",
    "template-parameter": """\
A template gets the parameters that it declares, each of its type, and uses no others.

## Why

A missing parameter would leave `${job}` in an expression, which then selects nothing: the alert is there, and
can never fire.

## Wrong

```yaml
use:
  - template: http-service
    with: {limit: lots}
```

## Right

```yaml
use:
  - template: http-service
    with: {job: checkout-api, limit: above 5%}
```

## How to mend it

Add what is missing and correct what is misspelt or of another type. Inside a template a `${` that is meant as
text is written `$${`.
""",
    "environment": """\
What an environment changes must be there to be changed.

## Why

`staging: {alerts: {CheckoutDwon: {severity: low}}}` changes nothing. Staging then pages as if it were
production.

## Wrong

```yaml
environments:
  staging: {alerts: {CheckoutDwon: {severity: low}}}
```

## Right

```yaml
environments:
  staging: {alerts: {CheckoutDown: {severity: low}}}
```

## How to mend it

Take the alert's name as it is in this service, also for alerts that come from a template.
""",
    "exemption": """\
Only a check that exists, and that can be spared, can be switched off.

`disable:` takes the names of the checks that judge alerts. Mistakes in the file's structure can't be switched
off, since there would be nothing to compile.

## Why

An exemption with a misspelt name does nothing, and its reason and date then describe something that isn't so.

## Wrong

```yaml
disable: [{check: runbook-placeholders, reason: written next week, until: "2027-01-01"}]
```

## Right

```yaml
disable: [{check: runbook-placeholder, reason: written next week, until: "2027-01-01"}]
```

## How to mend it

Take the name between the square brackets of the diagnostic that is to be spared. From the day in `until` on,
the check applies again.
""",
    "promql-syntax": """\
An expression must be PromQL that the policy's Prometheus understands.

Syntax, functions and their arguments are checked, and whether the version in `prometheus:`
(alerts/policy.yaml) has them. All mistakes of an expression are reported at once.

## Why

Prometheus refuses a rule file with one such expression, and with it every alert in it. A function that came
with 3.x is fine on the laptop that wrote it and takes down the alerts of the cluster that still runs 2.42.

## Wrong

```yaml
expr: sum by (job) (rat(http_requests_total[5m]))
```

## Right

```yaml
expr: sum by (job) (rate(http_requests_total[5m]))
```

## How to mend it

The caret stands under the mistake, also inside an expression of several lines. Where a function is newer than
the target, write it without, or raise `prometheus:` when the last server is new enough.
""",
    "promql-version": """\
A field of the rule group must be known to the policy's Prometheus.

## Why

An older Prometheus refuses a rule file with a field that it doesn't know, with all the rules in it.

## Wrong

```yaml
# the policy says prometheus: "2.42"
group: {query_offset: 1m}
```

## Right

```yaml
# the policy says prometheus: "2.53"
group: {query_offset: 1m}
```

## How to mend it

Leave the field out, or raise `prometheus:` in alerts/policy.yaml when every server has that version.
""",
    "promql-type": """\
A recording rule must record an instant vector or a scalar.

## Why

Prometheus refuses a rule file in which a recording rule's expression is a range or a text, with all its
alerts.

## Wrong

```yaml
- record: job:http_requests:rate5m
  expr: http_requests_total[5m]
```

## Right

```yaml
- record: job:http_requests:rate5m
  expr: sum by (job) (rate(http_requests_total[5m]))
```

## How to mend it

Put a range vector into a function over time, such as `rate(...)` or `avg_over_time(...)`.
""",
    "collision": """\
Two services can't generate the same file, not even in another case.

## Why

On a disk that ignores case, as on macOS and Windows, one file overwrites the other. Which alerts then exist
depends on the machine that ran the build.

## Wrong

```text
alerts/payments/checkout.yaml with environment `eu`, and alerts/payments/checkout.eu.yaml
```

## Right

```text
alerts/payments/checkout.yaml with environment `eu`, and alerts/payments/checkout-edge.yaml
```

## How to mend it

Rename one of the two. The diagnostic shows both.
""",
}
