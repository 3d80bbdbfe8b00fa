"""An alert that bypasses the router needs a way of its own, and the Watchdog must not bypass it.

`bypass_router: true` has Alertmanager send an alert to PagerDuty itself. That is for what watches the
router: an alert that the router is down can't be delivered by the router.

## Why

Without `alertmanager.native_pagerduty_key_file` in alerts/policy.yaml Alertmanager has no key to page with,
and the alert that says "nobody is paged any more" is the one that nobody gets.

The Watchdog (an alert on `vector(1)`) is the opposite case. It fires all the time, and the router raises
the alarm when it stops arriving. Past the router it would open one incident for ever, and nobody would
notice its silence.

## Wrong

```yaml
# alerts/policy.yaml has no native_pagerduty_key_file
- alert: AlertRouterDown
  bypass_router: true
```

## Right

```yaml
# alerts/policy.yaml
alertmanager:
  native_pagerduty_key_file: /etc/alertmanager/secrets/pagerduty
```

## How to mend it

Add the key's file to the policy, or remove `bypass_router`.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules_gen.diagnostics import Problem
from rules_gen.model import Policy, Service
from rules_gen.promql import analyse


def check(service: Service, policy: Policy) -> Iterable[Problem]:
    """Reports alerts that bypass the router and reach nobody, and Watchdogs that do."""
    for alert in service.alerts:
        if not alert.bypass_router:
            continue
        place = alert.place.at("bypass_router")
        if policy.alertmanager.native_pagerduty_key_file is None:
            yield Problem(
                "bypass-router",
                f"{alert.name} would reach nobody: Alertmanager has no PagerDuty key of its own",
                place,
                "set `alertmanager: {native_pagerduty_key_file: ...}` in alerts/policy.yaml",
            )
        analysis = analyse(alert.rules[0].signal, policy.prometheus)
        if not isinstance(analysis, tuple) and analysis.is_constant:
            yield Problem(
                "bypass-router",
                f"{alert.name} always fires, so that the router notices when it stops: past the router nobody would",
                place,
                "remove `bypass_router`",
            )
