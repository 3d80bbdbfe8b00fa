"""Pages on service level objectives and scenarios."""

from __future__ import annotations

PAGES = {
    "slo": """\
An objective must be one that rules can be made of.

An objective lies between 0% and 100%. Its events are selectors of counters, without `rate()`; a latency bound
needs the `_bucket` series of a histogram.

## Why

The compiler puts the rates and windows around the selectors. A `rate()` of a `rate()` is a number, and a
wrong one. An objective of 100% has no budget: its alert fires at the first failed request of the month.

## Wrong

```yaml
objective: 100%
events: {bad: "rate(errors_total[5m])", total: requests_total}
```

## Right

```yaml
objective: 99.9%
events: {bad: errors_total, total: requests_total}
```

## How to mend it

Give the bare selectors, with matchers where needed. `page` and `ticket` need different severities.
""",
    "slo-unreachable": """\
An objective's burn-rate alerts must be able to fire.

An alert fires when the error budget burns a number of times too fast: 14.4 times over an hour for a window of
30 days.

## Why

With an objective of 90% the budget is 10%, and 14.4 times that is 144% of all requests: more than everything
would have to fail. The alert would be there, tested by nobody, and silent while all requests fail.

## Wrong

```yaml
objective: 90%
window: 30d
```

## Right

```yaml
objective: 99%
window: 30d
```

## How to mend it

Raise the objective or shorten its window. A service that may fail one request in ten is better watched by an
alert with a plain threshold. A window shorter than about a week leaves no room for the slow burn.
""",
    "scenario": """\
A scenario must speak of rungs, environments and samples that exist.

## Why

An assertion about a rung that the alert doesn't have proves nothing, and looks like a proof. So does `0x30`
for thirty zeros: promtool reads it as one sample, the hexadecimal number 48.

## Wrong

```yaml
tests:
  - name: fires when it is slow
    series: {up: 0x30}
    firing_at: {medum: [10m]}
```

## Right

```yaml
tests:
  - name: fires when it is slow
    series: {up: 0+0x30}
    firing_at: {medium: [10m]}
```

## How to mend it

Take the names that the alert has. Give each scenario a name of its own, and at least a second between two
samples.
""",
    "scenario-does-not-fire": """\
A scenario says that the alert fires at a time, and promtool says that it doesn't.

The message gives the expression's value at that time, its threshold, and what the series were.

## Why

Either the scenario is wrong or the alert would have missed the outage that the scenario describes. This is
the mistake that scenarios exist to find: a label that isn't there, a comparison the wrong way round, a `for`
that is too long.

## Wrong

```yaml
for: 15m
tests:
  - name: fires when the target is down
    series: {'up{job="checkout-api"}': 0+0x20}
    firing_at: [10m]
```

## Right

```yaml
for: 15m
tests:
  - name: fires when the target is down
    series: {'up{job="checkout-api"}': 0+0x30}
    firing_at: [20m]
```

## How to mend it

Read the value in the message. No value at all: the series' labels don't match the expression's. A value on
the wrong side: the samples or the threshold are wrong. Pending: assert a later time, with samples until then.
""",
    "scenario-not-quiet": """\
A scenario says that the alert is quiet at a time, and promtool says that it isn't.

Quiet means neither pending nor firing.

## Why

The scenario describes a state in which nobody should be called. An alert that is pending there needs only a
little more time to page for it.

## Wrong

```yaml
threshold: above 5
tests:
  - name: stays quiet below the limit
    series: {queue_length: 6x20}
    quiet_at: [10m]
```

## Right

```yaml
threshold: above 5
tests:
  - name: stays quiet below the limit
    series: {queue_length: 4x20}
    quiet_at: [10m]
```

## How to mend it

Compare the value in the message with the threshold, and decide which of the two is wrong: the samples or the
alert.
""",
    "scenario-not-pending": """\
A scenario says that the alert is pending at a time, and promtool says that it isn't.

Pending means that the condition holds and `for` hasn't passed yet.

## Why

A pending assertion proves that `for` does what it should: that a short blip doesn't page. An alert that fires
there already is too hasty; one that is quiet there will be late.

## Wrong

```yaml
for: 5m
tests:
  - name: waits before it fires
    series: {queue_length: 9x20}
    pending_at: [6m]
```

## Right

```yaml
for: 5m
tests:
  - name: waits before it fires
    series: {queue_length: 9x20}
    pending_at: [3m]
    firing_at: [6m]
```

## How to mend it

Move the time between the moment from which the condition holds and that moment plus `for`.
""",
}
