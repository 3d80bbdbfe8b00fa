"""Two alerts of a service can't share a name, not even in another case, nor two recording rules a series.

An alert's name is its page's file name, the name that scenarios and inhibitions use, and what on-call talks
about. A recording rule is told apart by the series it writes: its name and its labels.

## Why

Two alerts of one name write the same page, and the second overwrites the first: on-call reads the wrong
runbook. `CheckoutDown` and `Checkoutdown` do the same on a disk that ignores case, as on macOS, while all
is well in CI. Of two recording rules that write one series, Prometheus drops the second one's samples at
every evaluation, with no more than a warning in its log.

## Wrong

```yaml
- alert: CheckoutSlow
  severity: high
- alert: CheckoutSlow
  severity: medium
```

## Right

```yaml
- alert: CheckoutSlow
  severities:
    high: {threshold: above 2s, for: 5m}
    medium: {threshold: above 1s, for: 15m}
```

## How to mend it

One alert in several severities is a ladder: `severities:`. Two different alerts need two names. A template
that is used twice needs a parameter in its alerts' names. Recording rules need another name, or a label
that sets them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rules_gen.diagnostics import Place, Problem
from rules_gen.model import Alert, Policy, RecordingRule, Service


def check(service: Service, policy: Policy) -> Iterable[Problem]:  # noqa: ARG001 - the seam's signature
    """Reports alerts and recording rules that can't be told apart."""
    if len({alert.name.lower() for alert in service.alerts}) < len(service.alerts):
        yield from _alerts(service)
    for _, groups in service.groups:
        first: dict[tuple[str, frozenset[tuple[str, str]]], Place] = {}
        for group in groups:
            for rule in group.rules:
                if type(rule) is not RecordingRule or not rule.written:
                    continue
                place = rule.place.at("record")
                before = first.setdefault((rule.record, frozenset(rule.labels)), place)
                if before is not place:
                    yield Problem(
                        "name-collision",
                        f"two recording rules write `{rule.record}` with the same labels",
                        place,
                        "give one another name, or a label that sets it apart",
                        related=_other(before, place),
                    )


def _alerts(service: Service) -> Iterator[Problem]:
    first: dict[str, Alert] = {}
    for alert in service.alerts:
        before = first.setdefault(alert.name.lower(), alert)
        if before is alert:
            continue
        same = before.name == alert.name
        message = (
            f"two alerts are called `{alert.name}`"
            if same
            else f"`{alert.name}` and `{before.name}` differ in case only"
        )
        place = _name_place(alert)
        yield Problem(
            "name-collision",
            f"{message}: the page of one would overwrite the other's",
            place,
            _hint(before, alert),
            related=_other(_name_place(before), place),
        )


def _hint(before: Alert, alert: Alert) -> str:
    if before.place == alert.place:
        return "use the template once, or give it a parameter that stands in its alerts' names"
    if before.name != alert.name:
        return "rename one of them"
    return "one alert in several severities is a ladder, `severities:`; two alerts need two names"


def _name_place(alert: Alert) -> Place:
    return alert.place.at("alert" if alert.slo is None else "slo")


def _other(before: Place, place: Place) -> tuple[tuple[str, Place], ...]:
    # A template that is used twice has both in one place; the compiler then says where it is used.
    return () if before == place else (("the other one", before),)
