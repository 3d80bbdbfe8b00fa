"""A scenario in which the alert stays quiet must give the alert something to look at.

Where a scenario only asserts `quiet_at`, at least one of its series must be one that the alert reads, and must still
have samples, or have had them in the last five minutes, at the time of the assertion.

## Why

An alert without data is always quiet. A scenario with a misspelt metric, or one that looks an hour after its last
sample, passes whatever the threshold is: it proves nothing, and looks like a proof to whoever reviews it.

## Wrong

```yaml
- alert: CheckoutSlow
  expr: latency_seconds{job="checkout"}
  threshold: above 1s
  tests:
    - name: stays quiet at 900 ms
      series: {'latency_second{job="checkout"}': 0.9x30}
      quiet_at: [20m]
```

## Right

```yaml
- alert: CheckoutSlow
  expr: latency_seconds{job="checkout"}
  threshold: above 1s
  tests:
    - name: stays quiet at 900 ms
      series: {'latency_seconds{job="checkout"}': 0.9x30}
      quiet_at: [20m]
```

## How to mend it

Give the scenario a series that the expression selects, with enough samples: `0.9x30` has thirty-one, one every
`interval`. To show that an alert resolves when its series end, let it fire first in the same scenario.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from rules_gen.diagnostics import Problem
from rules_gen.fixtures.matching import wanted
from rules_gen.fixtures.series import parse_series
from rules_gen.model import Alert, Policy, RecordingRule, Scenario, Service, State
from rules_gen.promql import Selector, analyse

# A sample counts for five minutes, Prometheus's look-back.
_LOOKBACK_MS = 300_000
_REPEATED = re.compile(r"(?:[-+.\w]*|\{\{.*?\}\})x([0-9]+)")
_VALUE = re.compile(r"\{\{.*?\}\}(?:x[0-9]+)?|\S+")


def check(service: Service, policy: Policy) -> Iterable[Problem]:
    """Reports scenarios that are quiet because there is nothing to see."""
    records: dict[str, list[str]] = {}
    for alert in service.alerts:
        for scenario in alert.scenarios:
            if scenario.assertions and all(one.state is State.QUIET for one in scenario.assertions):
                if not records:
                    records = _records(service)
                yield from _vacuous(alert, scenario, records, policy)


def _records(service: Service) -> dict[str, list[str]]:
    """The expressions of the recording rules, by the series that they make. Never empty."""
    records: dict[str, list[str]] = {"": []}
    for _, groups in service.groups:
        for group in groups:
            for rule in group.rules:
                if isinstance(rule, RecordingRule):
                    records.setdefault(rule.record, []).append(rule.expr)
    return records


def _vacuous(alert: Alert, scenario: Scenario, records: dict[str, list[str]], policy: Policy) -> Iterator[Problem]:
    # The threshold reads nothing, and the signal has been analysed already.
    exprs = tuple({rule.signal: None for rule in alert.rules if rule.environment == scenario.environment})
    selectors = _selectors(exprs, records, policy)
    if selectors is None:
        return
    counts = [_count(samples) for name, samples in scenario.series if _is_read(name, selectors)]
    if not counts:
        message = f"{alert.name} reads none of these series, so it is quiet whatever they are"
        place = scenario.place.at("series").key()
        yield Problem("scenario-vacuous", message, place, "name a series that the expression selects")
        return
    last_ms = max(max(counts) - 1, 0) * scenario.interval_ms
    for one in scenario.assertions:
        if one.at_ms > last_ms + _LOOKBACK_MS:
            message = f"the samples have ended before {one.at}, so {alert.name} is quiet whatever they were"
            yield Problem("scenario-vacuous", message, one.place, "give the series more samples, or look earlier")


def _selectors(exprs: tuple[str, ...], records: dict[str, list[str]], policy: Policy) -> list[Selector] | None:
    """What the alert reads, through recording rules too; None when that isn't certain."""
    found: list[Selector] = []
    pending, seen = list(exprs), set(exprs)
    while pending:
        analysis = analyse(pending.pop(), policy.prometheus)
        if isinstance(analysis, tuple) or "info" in analysis.functions:
            return None
        for selector in analysis.selectors:
            if selector.name is None or selector.name in {"ALERTS", "ALERTS_FOR_STATE"}:
                return None
            found.append(selector)
            below = [expr for expr in records.get(selector.name, ()) if expr not in seen]
            seen.update(below)
            pending += below
    return found or None


def _is_read(series: str, selectors: list[Selector]) -> bool:
    """Whether a selector may select the series. True where that can't be told."""
    name = series.partition("{")[0].strip()
    named = [selector for selector in selectors if selector.name == name or not name]
    # Most authors write the series as the selector: then there is nothing to parse.
    if any(all(m.op == "=" and f'{m.name}="{m.value}"' in series for m in one.matchers) for one in named):
        return True
    labels = parse_series(series) if named else {}
    if labels is None:
        return True
    return any(one is None or one.may_match(labels) for one in map(wanted, named))


@lru_cache(maxsize=1024)
def _count(samples: str) -> int:
    """How many samples, gaps included: `axn` and `a+bxn` are n + 1, `_xn` is n."""
    count = 0
    for value in _VALUE.findall(samples):
        repeated = _REPEATED.fullmatch(value)
        if repeated is None:
            count += 1
        else:
            count += int(repeated[1]) + (0 if value.startswith("_") else 1)
    return count
