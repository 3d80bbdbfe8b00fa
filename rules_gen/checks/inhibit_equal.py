"""When one alert keeps another quiet, it must be known for which labels they have to agree.

A ladder's higher rung keeps the lower one quiet, and `inhibits:` keeps effects quiet while their cause
fires. Alertmanager compares the labels in `equal:` of both alerts. They are taken from the expressions
where those say which labels their results carry (`by (instance)`); where they don't, the author has to.

## Why

With too few labels one host's alert mutes the same alert of all other hosts: the second outage happens in
silence. With a label that one of the two never has, or whose values never agree, nothing is muted at all,
and on-call gets the cause and its forty effects.

## Wrong

```yaml
- alert: DiskFull
  expr: node_filesystem_avail_bytes / node_filesystem_size_bytes
  severities:
    high: {threshold: below 5%, for: 5m}
    medium: {threshold: below 10%, for: 30m}
```

## Right

```yaml
- alert: DiskFull
  expr: node_filesystem_avail_bytes / node_filesystem_size_bytes
  equal: [instance, mountpoint]
  severities:
    high: {threshold: below 5%, for: 5m}
    medium: {threshold: below 10%, for: 30m}
```

## How to mend it

State `equal:` with the labels that name the thing that is broken. `equal: []` says that they need not agree
in anything. Or aggregate the expression with `by (...)`, then the labels are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rules_gen.check_support.names import nearest
from rules_gen.diagnostics import Problem
from rules_gen.inhibition import undecided
from rules_gen.model import Alert, Policy, Service
from rules_gen.promql import analyse


def check(service: Service, policy: Policy) -> Iterable[Problem]:
    """Reports inhibitions whose labels nobody knows, and labels that can't agree."""
    inhibiting = [alert for alert in service.alerts if alert.inhibits or (len(alert.rules) > 1 and alert.is_ladder)]
    if not inhibiting:
        return
    by_name = {alert.name: alert for alert in service.alerts}
    for source, target in undecided(service, policy):
        if source is not target or source.is_ladder:
            yield _undecided(source, target)
    for alert in inhibiting:
        if alert.equal and alert.slo is None:
            targets = [by_name[name] for name in alert.inhibits if name in by_name]
            yield from _wrong_labels(alert, [*targets, alert] if alert.is_ladder else targets, policy)


def _undecided(source: Alert, target: Alert) -> Problem:
    if source is target:
        place = source.place.at("severities").key()
        what = f"{source.name}'s rungs, so that one host's alert could mute another's"
    else:
        place = source.place.at("inhibits", source.inhibits.index(target.name))
        what = f"{source.name} and {target.name}, so that the one could mute the other elsewhere"
    related = (("its labels can't be told from this expression", _open_rule(source, target).rules[0].expr_place),)
    return Problem(
        "inhibit-equal",
        f"nobody knows which labels must agree between {what}",
        place,
        "state them, for example `equal: [instance]`, or aggregate the expression with `by (...)`",
        related=related,
    )


def _open_rule(source: Alert, target: Alert) -> Alert:
    """The one of the two whose expression leaves its labels open, for the author to look at."""
    analysis = analyse(source.rules[0].signal, (2, 42))
    return target if not isinstance(analysis, tuple) and analysis.labels.kind == "exact" else source


def _wrong_labels(alert: Alert, targets: list[Alert], policy: Policy) -> Iterator[Problem]:
    for index, label in enumerate(alert.equal or ()):
        place = alert.place.at("equal", index)
        lacking = next((one for one in (alert, *targets) if not _may_carry(one, label, policy)), None)
        unequal = next((target for target in targets if _never_agree(alert, target, label)), None)
        if lacking is not None:
            near = nearest(label, _known(lacking, policy))
            hint = f"did you mean `{near}`?" if near else "remove it, or keep it in the expression"
            related = (("its expression is here", lacking.rules[0].expr_place),)
            message = f"{lacking.name} never has the label `{label}`"
            yield Problem("inhibit-equal", message, place, hint, related=related)
        elif unequal is not None:
            message = f"`{label}` is never the same for {_two(alert, unequal)}, so nothing would be kept quiet"
            yield Problem("inhibit-equal", message, place, "remove it")


def _two(alert: Alert, target: Alert) -> str:
    return f"{alert.name}'s rungs" if alert is target else f"{alert.name} and {target.name}"


def _may_carry(alert: Alert, label: str, policy: Policy) -> bool:
    if label == "alertname" or label in policy.external_labels:
        return True
    for rule in alert.rules:
        if any(name == label for name, _ in rule.labels):
            return True
        analysis = analyse(rule.signal, policy.prometheus)
        if isinstance(analysis, tuple) or analysis.labels.may_have(label):
            return True
    return False


def _known(alert: Alert, policy: Policy) -> set[str]:
    known = {name for rule in alert.rules for name, _ in rule.labels}
    for rule in alert.rules:
        analysis = analyse(rule.signal, policy.prometheus)
        if not isinstance(analysis, tuple):
            known |= analysis.labels.labels
    return known


def _never_agree(alert: Alert, target: Alert, label: str) -> bool:
    if label == "alertname":
        return alert is not target
    if alert is target:
        return label == "severity"
    mine = [dict(rule.labels).get(label) for rule in alert.rules]
    theirs = [dict(rule.labels).get(label) for rule in target.rules]
    fixed = all(value is not None and "{{" not in value for value in (*mine, *theirs))
    return fixed and set(mine).isdisjoint(theirs)
