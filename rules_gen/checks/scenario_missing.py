"""Every alert needs a scenario in which it fires, and the loud ones also one in which they stay quiet.

A scenario gives series over time and says when the alert must fire or be quiet. promtool plays it against
the compiled rule. Of a ladder each rung must be shown firing, with environments in each of them. Critical
and high wake somebody up, so they must also be shown quiet.

## Why

An alert that was never seen firing may be unable to: a label that doesn't exist, a comparison the wrong way
round, a rate over a gauge. All of these load without complaint. An alert that was never seen quiet may be
unable to be, and pages until somebody silences it.

## Wrong

```yaml
- alert: CheckoutDown
  severity: critical
  expr: up{job="checkout-api"}
  threshold: equals 0
  for: 1m
```

## Right

```yaml
  tests:
    - name: fires when the target is down
      series: {'up{job="checkout-api"}': 0+0x10}
      firing_at: [5m]
    - name: stays quiet while it is up
      series: {'up{job="checkout-api"}': 1x10}
      quiet_at: [5m]
```

## How to mend it

Add the scenario that the message asks for. Times without a severity hold for every rung: `firing_at:
[12m]`; with one for that rung: `firing_at: {high: [12m]}`. A Watchdog (`vector(1)`) fires by construction
and needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rules_gen.check_support.names import listed
from rules_gen.check_support.proving import asserts, fires_by_construction
from rules_gen.diagnostics import Problem
from rules_gen.model import Alert, AlertRule, Policy, Service, State

_LOUD = frozenset({"critical", "high"})
_FIRING, _QUIET = State.FIRING, State.QUIET


def check(service: Service, policy: Policy) -> Iterable[Problem]:
    """Reports rules that no scenario shows firing, and loud ones that none shows quiet."""
    for alert in service.alerts:
        rules = alert.rules
        if len(rules) == 1 and rules[0].environment is None:
            # By far the most alerts: every assertion is about the one rule.
            states = [assertion.state for scenario in alert.scenarios for assertion in scenario.assertions]
            if _FIRING in states and (_QUIET in states or rules[0].severity not in _LOUD):
                continue
        unfired = [rule for rule in rules if not _is_shown(alert, rule, _FIRING)]
        unquiet = [rule for rule in rules if rule.severity in _LOUD and not _is_shown(alert, rule, _QUIET)]
        # An expression that can't be parsed has a problem of its own.
        if (unfired or unquiet) and fires_by_construction(alert, policy) is False:
            yield from _problems(alert, unfired, unquiet)


def _is_shown(alert: Alert, rule: AlertRule, state: State) -> bool:
    return any(
        asserts(assertion, state, rule.severity)
        for scenario in alert.scenarios
        if scenario.environment == rule.environment
        for assertion in scenario.assertions
    )


def _problems(alert: Alert, unfired: list[AlertRule], unquiet: list[AlertRule]) -> Iterator[Problem]:
    place = alert.place.at("tests").key()
    if unfired:
        message = f"no scenario shows {_who(alert, unfired)} firing"
        yield Problem("scenario-missing", message, place, "add one with `firing_at:` to `tests:`")
    if unquiet:
        message = f"no scenario shows {_who(alert, unquiet)} quiet, and {_loud(unquiet)} wakes people up"
        yield Problem("scenario-missing", message, place, "add one with `quiet_at:` to `tests:`")


def _who(alert: Alert, rules: list[AlertRule]) -> str:
    """The alert, and which of its rungs and environments, unless it is all of it."""
    severities = dict.fromkeys(rule.severity for rule in rules)
    environments = dict.fromkeys(rule.environment for rule in rules if rule.environment is not None)
    rungs = f"{listed(severities)} of " if alert.is_ladder else ""
    everywhere = {rule.environment for rule in alert.rules}
    where = f" in {listed(environments)}" if environments and set(environments) != everywhere else ""
    return f"{rungs}{alert.name}{where}"


def _loud(rules: list[AlertRule]) -> str:
    return " or ".join(dict.fromkeys(rule.severity for rule in rules))
