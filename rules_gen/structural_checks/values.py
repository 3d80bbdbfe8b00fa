"""Pages on keys and values."""

from __future__ import annotations

PAGES = {
    "secret-value": """\
The policy holds the names of secrets, never the secrets.

A routing key or a token is named by the variable that holds it: capital letters, digits and underscores.

## Why

`alerts/` is committed, and so is `rules/routes.yml`: whoever reads the repository could page your teams. Because what
stands there may be a secret, neither the message nor the line under it shows it.

## Wrong

```yaml
pagerduty: {routing_key: the key itself}
```

## Right

```yaml
pagerduty: {routing_key: PAYMENTS_PAGERDUTY_KEY}
```

## How to mend it

Give the router the secret in a variable, or in a file that `PAYMENTS_PAGERDUTY_KEY_FILE` names, and write the
variable's name here. A key that was committed has to be replaced: it stays in the history.
""",
    "unknown-key": """\
Only keys that the format knows are allowed.

## Why

An ignored key is a wish that nobody fulfils. `treshold: above 5%` that is passed over leaves a signal without
a condition, and `keep_fireing_for` an alert that flaps.

## Wrong

```yaml
- alert: CheckoutSlow
  treshold: above 500ms
```

## Right

```yaml
- alert: CheckoutSlow
  threshold: above 500ms
```

## How to mend it

Take the key that the diagnostic suggests. Editors complete and check keys with the schema that `rules-gen
schema` prints. A value that should reach Prometheus under a name of your own is a label or an annotation.
""",
    "missing-key": """\
A key that has no sensible default must be written.

## Why

`for` decides between a page at the first bad sample and one after an hour, `severity` between a page and a
mail. A default for these would be a decision about somebody's night that nobody has made.

## Wrong

```yaml
- alert: CheckoutDown
  severity: critical
  expr: up{job="checkout-api"}
  threshold: equals 0
```

## Right

```yaml
- alert: CheckoutDown
  severity: critical
  expr: up{job="checkout-api"}
  threshold: equals 0
  for: 1m
```

## How to mend it

Add the key. `for: 0m` says on purpose that the alert fires at once.
""",
    "wrong-type": """\
A value must be of the kind that its key takes: text, number, list, mapping, true or false.

## Why

Labels are text in Prometheus. YAML reads `version: 1.10` as the number 1.1, and the label then matches
nothing. Instead of guessing which text was meant, the definition has to say it.

## Wrong

```yaml
labels: {tier: 1, version: 1.10}
```

## Right

```yaml
labels: {tier: "1", version: "1.10"}
```

## How to mend it

Quote numbers and truth values that are meant as text. Put a single item of a list in brackets. Give a key
without a value one, or remove it.
""",
    "wrong-value": """\
A value must have the form that its key takes.

Durations, thresholds, names and addresses have forms of their own; some keys exclude each other.

## Why

Prometheus would refuse some of these values with the whole file, and read others differently: `5M` isn't five
minutes, and a misspelt channel tells nobody.

## Wrong

```yaml
for: 5 minutes
threshold: more than 5
```

## Right

```yaml
for: 5m
threshold: above 5
```

## How to mend it

- Durations: a number and a unit, the largest first: `30s`, `5m`, `1h30m`, `7d`.
- Thresholds: a comparison in words, a number, an optional unit: `above 5%`, `at least 500ms`, `below 2GiB`,
  `equals 0`.
- Services and teams: lower-case letters, digits and dashes. Alerts and labels: letters, digits and
  underscores.
- In a ladder `severity` stands in the rungs, below `severities:`, and nowhere else.
""",
    "empty-section": """\
A section that is there must say something.

## Why

An empty section on a runbook page looks as if the page had failed to load. A service without any alert looks
as if it were watched.

## Wrong

```yaml
runbook:
  causes: []
```

## Right

```yaml
runbook:
  causes: [a bad deploy, the payment provider is down]
```

## How to mend it

Write it, or leave the key out where it is optional.
""",
    "severity-unknown": """\
A severity is critical, high, medium or low, or an alias that the policy maps to one of these.

## Why

The severity decides whom the alert reaches and how fast. A word that nobody has mapped (`P2`, `Warning`,
`urgent`) would have to be guessed, either into silence or into a page at night.

## Wrong

```yaml
severity: Critical
```

## Right

```yaml
severity: critical
```

## How to mend it

Take one of the four, or add the alias to `aliases:` in alerts/policy.yaml. An alias that is mapped to `none`
is only recorded by the router, for alerts of other origin; no alert can be defined with it.
""",
    "team-unknown": """\
Every team that is named must be in the policy.

## Why

An alert for a team without destinations goes to the default team, at three in the morning, with a runbook
that says "ask the owners".

## Wrong

```yaml
notify: paymets
```

## Right

```yaml
notify: payments
```

## How to mend it

Take the name that the diagnostic suggests, or add the team to `teams:` in alerts/policy.yaml.
""",
    "team-unreachable": """\
A team must have a destination for every severity.

## Why

With `low: {channels: [email]}` in the policy and a team that has no address, the team's low alerts are
delivered to nobody, and everything looks as if it worked.

## Wrong

```yaml
severities:
  low: {response: next business day, channels: [email]}
teams:
  payments: {slack: {channel: "#payments"}}
```

## Right

```yaml
teams:
  payments:
    slack: {channel: "#payments"}
    email: {to: [payments@example.com]}
```

## How to mend it

Give the team one of the channels of that severity, or the severity another channel.
""",
    "policy": """\
The policy must be there, and must make sense as a whole.

alerts/policy.yaml says what holds for all alerts: the Prometheus version, addresses, severities, teams,
windows.

## Why

A mistake here is a mistake in every alert. An address without `{alert}` sends all pages to one runbook;
`severity` among `group_by` opens a second incident when an alert gets worse; a window that ends before it
starts mutes nothing.

## Wrong

```yaml
urls:
  runbook: "https://runbooks.example.com/"
group_by: [alertname, severity]
```

## Right

```yaml
urls:
  runbook: "https://runbooks.example.com/{team}/{service}/{alert}"
group_by: [team, service, alertname]
```

## How to mend it

The diagnostic says what can't be. `rules-gen init` writes a policy to start from.
""",
    "reserved-label": """\
Labels that the compiler sets itself can't be set by hand.

These are `severity`, `team`, `service`, `alertname`, `environment`, `notify`, `bypass_router`, and all that
begin with two underscores; for objectives also `slo` and `window`.

## Why

Routing is built on these labels. An alert whose `team` label differs from its owner pages people who can't
help, and no review of the routes would show it.

## Wrong

```yaml
labels: {team: sre}
```

## Right

```yaml
notify: sre
```

## How to mend it

Say it with the key that is meant for it (`severity:`, `notify:`, `bypass_router:`, `environments:`), or use
another name.
""",
    "reserved-annotation": """\
Annotations that the compiler writes itself can't be written by hand.

These are `summary`, `description`, `impact`, `action`, `runbook_url` and `dashboard_url`.

## Why

Notifications and pages are made of them. Two sources for one text means that the reviewed one isn't the one
that on-call reads.

## Wrong

```yaml
annotations: {runbook_url: "https://wiki.example.com/checkout"}
```

## Right

```yaml
runbook: https://wiki.example.com/checkout
```

## How to mend it

Use the alert's own keys: `summary`, `description`, `runbook` (its `impact` and `first`), `dashboard`.
""",
}
