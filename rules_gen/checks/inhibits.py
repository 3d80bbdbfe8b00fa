"""An alert can only keep other alerts of its service quiet, never worse ones, and never in a circle.

`inhibits:` names alerts that are effects of this one: while the cause fires, they are kept quiet.

## Why

A name that no alert has mutes nothing: the author believes that a dead database brings one page, and gets
one for each service behind it. A circle is worse. When A keeps B quiet and B keeps A quiet, and both fire,
both are muted: the alert that should page is silent exactly when everything is broken. And a low alert that
keeps a critical one quiet turns a page into a line in tomorrow's mail. Alertmanager accepts such rules without a
word.

## Wrong

```yaml
- alert: DatabaseDown
  inhibits: [CheckoutFails]
- alert: CheckoutFails
  inhibits: [DatabaseDown]
```

## Right

```yaml
- alert: DatabaseDown
  inhibits: [CheckoutFails]
- alert: CheckoutFails
```

## How to mend it

Name alerts of the same service, in one direction only: from the cause to its effects. A cause is at least as
severe as what it keeps quiet: raise its severity where it isn't.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rules_gen.check_support.names import nearest
from rules_gen.diagnostics import Place, Problem
from rules_gen.model import SEVERITIES, Alert, Policy, Service


def check(service: Service, policy: Policy) -> Iterable[Problem]:  # noqa: ARG001 - the seam's signature
    """Reports inhibitions of nothing, of oneself, and in a circle."""
    inhibiting = [alert for alert in service.alerts if alert.inhibits]
    if not inhibiting:
        return
    by_name = {alert.name: alert for alert in service.alerts}
    for alert in inhibiting:
        for index, name in enumerate(alert.inhibits):
            place = alert.place.at("inhibits", index)
            if name == alert.name:
                yield Problem("inhibits", f"{name} can't keep itself quiet", place, "remove it")
            elif name not in by_name and name not in service.left_out:
                near = nearest(name, by_name.keys() - {alert.name})
                hint = f"did you mean `{near}`?" if near else "only alerts of the same service can be named"
                yield Problem("inhibits", f"{service.name} has no alert `{name}`", place, hint)
            elif name in by_name:
                yield from _milder(alert, by_name[name], place)
    yield from _circles(inhibiting, by_name)


def _circles(inhibiting: list[Alert], by_name: dict[str, Alert]) -> Iterator[Problem]:
    told: set[str] = set()
    for alert in inhibiting:
        circle = None if alert.name in told else _way_back(alert, by_name)
        if circle is None:
            continue
        told.update(circle)
        others = [by_name[name] for name in circle[1:]]
        shown = " -> ".join([*circle, alert.name])
        yield Problem(
            "inhibits",
            f"these alerts keep each other quiet, so that all of them would be silent: {shown}",
            alert.place.at("inhibits", alert.inhibits.index(circle[1])),
            "let the cause keep its effects quiet, and not the other way round",
            related=tuple(
                (f"{other.name} inhibits {after}", other.place.at("inhibits", other.inhibits.index(after)))
                for other, after in zip(others, [*circle[2:], alert.name], strict=True)
            ),
        )


def _way_back(alert: Alert, by_name: dict[str, Alert]) -> list[str] | None:
    """The shortest way along `inhibits` from this alert back to itself, without its end."""
    ways = [[alert.name]]
    seen = {alert.name}
    while ways:
        way = ways.pop(0)
        for name in by_name[way[-1]].inhibits:
            if name == alert.name and len(way) > 1:
                return way
            if name in by_name and name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return None


def _milder(source: Alert, target: Alert, place: Place) -> Iterator[Problem]:
    """Reports a source that can fire less severely than what it keeps quiet, in the same environment."""
    for environment in dict.fromkeys(rule.environment for rule in source.rules):
        mine = [rule.severity for rule in source.rules if rule.environment == environment]
        theirs = [rule.severity for rule in target.rules if rule.environment == environment]
        mildest = max(mine, key=SEVERITIES.index)
        worst = min(theirs, key=SEVERITIES.index, default="low")
        if SEVERITIES.index(mildest) > SEVERITIES.index(worst):
            where = "" if environment is None else f" in {environment}"
            message = f"{source.name} is {mildest}{where}, yet it would keep {target.name} quiet, which is {worst}"
            yield Problem("inhibits", message, place, f"make {source.name} at least {worst}, or remove it")
