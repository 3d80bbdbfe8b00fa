"""Which alert keeps which other quiet: the rungs of a ladder, and causes over their effects. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from rules_gen.model import SEVERITIES, Alert, AlertRule, Inhibition, Policy, Service
from rules_gen.promql import analyse


def equal_labels(rules: Iterable[AlertRule], policy: Policy) -> frozenset[str] | None:
    """The labels that the results of all these rules carry, where the expressions say so exactly; else None."""
    common: frozenset[str] | None = None
    for rule in rules:
        analysis = analyse(rule.expr, policy.prometheus)
        if isinstance(analysis, tuple) or analysis.labels.kind != "exact":
            return None
        labels = frozenset(analysis.labels.labels)
        if common is not None and labels != common:
            return None
        common = labels
    return common


def inhibitions_of(service: Service, policy: Policy) -> tuple[Inhibition, ...]:
    """The inhibitions of a service. Pairs whose labels nobody knows are left out; a check reports them."""
    always = (*policy.external_labels, *(("environment",) if service.environments != (None,) else ()))
    by_name = {alert.name: alert for alert in service.alerts}
    found: list[Inhibition] = []
    for alert in service.alerts:
        if alert.is_ladder:
            equal = _equal(alert, alert, policy)
            rungs = [severity for severity in SEVERITIES if severity in alert.severities]
            if equal is not None:
                found += [
                    Inhibition(alert.name, severity, alert.name, tuple(rungs[index + 1 :]), (*equal, *always))
                    for index, severity in enumerate(rungs[:-1])
                ]
        for name in alert.inhibits:
            target = by_name.get(name)
            if target is None or target is alert:
                continue
            equal = _equal(alert, target, policy)
            if equal is not None:
                found.append(Inhibition(alert.name, "", name, (), (*equal, *always)))
    return tuple(found)


def _equal(source: Alert, target: Alert, policy: Policy) -> tuple[str, ...] | None:
    """The author's labels, or those of the source where the target carries them all.

    A source by instance and a target by job have nothing that could agree: one instance would mute every job.
    """
    if source.equal is not None:
        return source.equal
    mine, theirs = equal_labels(source.rules, policy), equal_labels(target.rules, policy)
    if mine is None or theirs is None or not mine <= theirs:
        return None
    return tuple(sorted(mine))


def undecided(service: Service, policy: Policy) -> list[tuple[Alert, Alert]]:
    """Pairs of which nobody knows the labels that must be equal."""
    by_name = {alert.name: alert for alert in service.alerts}
    pairs = [(alert, alert) for alert in service.alerts if alert.is_ladder and len(alert.severities) > 1]
    pairs += [(alert, by_name[name]) for alert in service.alerts for name in alert.inhibits if name in by_name]
    return [(source, target) for source, target in pairs if _equal(source, target, policy) is None]
