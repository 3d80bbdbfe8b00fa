"""Holds two compiled sides against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rules_gen.comparison.findings import Change, Difference, Finding, Impact, Typed, Words, by_weight
from rules_gen.comparison.objectives import objective_findings, objective_of, promises_differ
from rules_gen.comparison.pairing import pair, renamed_services
from rules_gen.comparison.policies import policy_findings
from rules_gen.comparison.quieting import (
    Inhibitions,
    exemption_findings,
    inhibition_findings,
    inhibitions,
    mutant_findings,
)
from rules_gen.comparison.records import Records
from rules_gen.comparison.rules import rule_findings
from rules_gen.comparison.runbooks import runbook_findings
from rules_gen.comparison.scenarios import scenario_findings
from rules_gen.comparison.services import service_changes
from rules_gen.comparison.telling import Owned, summary
from rules_gen.model import Alert, Policy, Scenario, Service

PicturePath = Callable[[Service, Alert, Scenario], "str | None"]
"""Where the picture of a scenario stands in the repository, None where there is none."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one side's definitions mean. `unread` are the keys (`team/service`) of services that don't compile."""

    services: tuple[Service, ...]
    policy: Policy
    unread: frozenset[str] = frozenset()


def compare(old: Side, new: Side, unread: tuple[Words, ...] = (), picture: PicturePath | None = None) -> Difference:
    """All that differs. A service that one side can't read is left out of both."""
    hidden = old.unread | new.unread
    before = tuple(service for service in old.services if service.key not in hidden)
    after = tuple(service for service in new.services if service.key not in hidden)
    return _Comparison(Side(before, old.policy), Side(after, new.policy), unread, picture).made()


class _Comparison:
    """One comparison under way."""

    def __init__(self, old: Side, new: Side, unread: tuple[Words, ...], picture: PicturePath | None) -> None:
        self._old, self._new = old, new
        self._unread, self._picture = unread, picture
        self._records = (Records(old.services, old.policy), Records(new.services, new.policy))
        self._pairs = pair(old.services, new.services)
        self._renamed = renamed_services(self._pairs, old.services, new.services)
        # With one policy for both, so that what it changes for all isn't told at each alert.
        self._quiet: tuple[dict[str, Inhibitions], ...] = tuple(
            {service.key: inhibitions(service, new.policy) for service in side.services} for side in (old, new)
        )

    def made(self) -> Difference:
        pairs = self._pairs
        names: dict[str, dict[str, str]] = {}
        for (was, old), (_, new) in pairs.pairs:
            names.setdefault(was.key, {})[old.name] = new.name
        alerts = [_change(new, self._findings(old, new, names.get(old[0].key, {})), old) for old, new in pairs.pairs]
        alerts += [_change(owned, [_alone(owned, self._old.policy, Impact.REMOVED)]) for owned in pairs.gone]
        alerts += [_change(owned, [_alone(owned, self._new.policy, Impact.ADDED)]) for owned in pairs.come]
        told = frozenset(
            (finding.before, finding.after)
            for change in alerts
            for finding in change.findings
            if finding.kind == "recording-rule"
        )
        general = list(self._policy())
        general += service_changes(self._old.services, self._new.services, self._renamed, told)
        return Difference(tuple(general), tuple(sorted(filter(_is_change, alerts), key=_rank)), self._unread)

    def _policy(self) -> Iterator[Change]:
        findings = list(policy_findings(self._old.policy, self._new.policy, self._new.services))
        if findings:
            yield Change("", None, None, (self._new.policy.place.file,), by_weight(findings))

    def _findings(self, was: tuple[Service, Alert], now: tuple[Service, Alert], names: dict[str, str]) -> list[Finding]:
        (old_service, old), (new_service, new) = was, now
        before, after = objective_of(old_service, old), objective_of(new_service, new)
        mine = Owned(old, old_service.team, old_service.name, self._old.policy)
        theirs = Owned(new, new_service.team, new_service.name, self._new.policy)
        findings = list(_identity(was, now, self._renamed))
        rules = rule_findings(mine, theirs, self._records, objective=promises_differ(before, after))
        if before is not None and after is not None:
            told = list(_counted_once(rules))
            same_events = all(finding.kind != "objective-events" for finding in told)
            findings += [*objective_findings(before, after, (old, new), same_events=same_events), *told]
        else:
            findings += rules
        findings += runbook_findings(old, new)
        findings += scenario_findings(old, new, self._picture_of(new_service, new))
        # A new rung is told as one; that the worse keeps it quiet belongs to that.
        left_out = set() if old.is_ladder and new.is_ladder else {old.name, new.name}
        quiet = [
            {target: equal for target, equal in side[service.key].get(alert.name, {}).items() if target not in left_out}
            for side, (service, alert) in zip(self._quiet, (was, now), strict=True)
        ]
        findings += inhibition_findings(quiet[0], quiet[1], names)
        findings += exemption_findings(old, new)
        findings += mutant_findings(old.equivalents, new.equivalents)
        return findings

    def _picture_of(self, service: Service, alert: Alert) -> Callable[[Scenario], str | None]:
        picture = self._picture
        if picture is None:
            return lambda _scenario: None
        return lambda scenario: picture(service, alert, scenario)


def _counted_once(findings: Iterator[Finding]) -> Iterator[Finding]:
    """An objective's recording rules say the same for each window: its events are one thing."""
    for finding in findings:
        if finding.kind != "recording-rule":
            yield finding
        else:
            words: Words = ("the events that the objective counts have changed",)
            yield Finding("objective-events", Impact.CONDITION, words)


def _identity(was: tuple[Service, Alert], now: tuple[Service, Alert], renamed: Mapping[str, str]) -> Iterator[Finding]:
    (old_service, old), (new_service, new) = was, now
    if old.name != new.name:
        words: Words = ("renamed from ", Typed(old.name))
        yield Finding("name", Impact.RENAMED, words, old.name, new.name)
    if old_service.key not in (new_service.key, renamed.get(new_service.key)):
        words = ("moved from ", Typed(old_service.key))
        yield Finding("place", Impact.MOVED, words, old_service.key, new_service.key)


def _alone(owned: tuple[Service, Alert], policy: Policy, impact: Impact) -> Finding:
    service, alert = owned
    said = summary(Owned(alert, service.team, service.name, policy))
    removed = impact is Impact.REMOVED
    words: Words = ("alert removed; it was ", *said) if removed else ("new alert: ", *said)
    return Finding("alert", impact, words, alert.name if removed else None, None if removed else alert.name)


def _change(owned: tuple[Service, Alert], findings: list[Finding], old: tuple[Service, Alert] | None = None) -> Change:
    service, alert = owned
    files = [alert.place.file, service.source]
    if old is not None and old[0].source != service.source:
        files += [old[0].source]
    page = None if alert.runbook is None else f"runbooks/{service.team}/{service.name}/{alert.name}.md"
    gone = any(finding.kind == "alert" and finding.impact is Impact.REMOVED for finding in findings)
    return Change(
        service.team,
        service.name,
        alert.name,
        tuple(dict.fromkeys(files)),
        by_weight(findings),
        None if gone else page,
    )


def _is_change(change: Change) -> bool:
    return bool(change.findings)


def _rank(change: Change) -> tuple[bool, int, str, str, str]:
    """The riskiest first, then by what is worst of it, then by name."""
    worst = list(Impact).index(change.findings[0].impact)
    return (not change.is_risky, worst, change.team, change.service or "", change.alert or "")
