"""What has changed of a service beside its alerts: that it is there, how it is evaluated, what it records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rules_gen.comparison.conditions import record_findings
from rules_gen.comparison.findings import Change, Finding, Impact, Typed, Words, by_weight
from rules_gen.comparison.quieting import mutant_findings
from rules_gen.comparison.wording import count
from rules_gen.model import EquivalentMutant, RecordingRule, RuleGroup, Service
from rules_gen.promql import parse_duration

Told = frozenset[tuple[str | None, str | None]]


def service_changes(
    old: Sequence[Service], new: Sequence[Service], renamed: Mapping[str, str], told: Told
) -> Iterator[Change]:
    """Services that came, went or changed. `told` are the recording rules, before and after, that were spoken of at
    an alert.

    `renamed` gives the former key of a service that has another one now.
    """
    before, after = ({service.key: service for service in side} for side in (old, new))
    for key in sorted({*before, *after} - set(renamed.values())):
        was, now = before.get(renamed.get(key, key)), after.get(key)
        service = now or was
        findings = list(_findings(was, now, told))
        if service is not None and findings:
            yield Change(service.team, service.name, None, (service.source,), by_weight(findings))


def _findings(old: Service | None, new: Service | None, told: Told) -> Iterator[Finding]:
    if old is None or new is None:
        service = old or new
        if service is not None:
            impact = Impact.ADDED if old is None else Impact.REMOVED
            words: Words = (f"service {impact.value}, with {count(len(service.alerts), 'alert')}",)
            yield Finding(
                "service", impact, words, None if old is None else old.name, None if new is None else new.name
            )
        return
    if old.key != new.key:
        words = ("renamed from ", Typed(old.key))
        yield Finding("service", Impact.RENAMED, words, old.key, new.key)
    if old.description != new.description:
        yield Finding("description", Impact.TEXT, ("description changed",), old.description, new.description)
    for environment in dict.fromkeys((*old.environments, *new.environments)):
        if environment is not None and (environment in old.environments) != (environment in new.environments):
            added = environment in new.environments
            words = ("environment ", Typed(environment), " added" if added else " removed")
            yield Finding("environment", Impact.SETTING, words)
    yield from _groups(old, new)
    yield from _records(old, new, told)


def _groups(old: Service, new: Service) -> Iterator[Finding]:
    """How often, and over which limits, its rules are evaluated, whatever the service is called now."""
    was, now = _typed_group(old), _typed_group(new)
    if was is None or now is None:
        return
    for field in ("interval", "limit", "query_offset"):
        values = [getattr(side, field) for side in (was, now)]
        if values[0] == values[1]:
            continue
        shown = [str(value) if value is not None else "Prometheus's default" for value in values]
        words: Words = (f"group's {field} ", Typed(shown[0]), " -> ", Typed(shown[1]))
        impact, verdict = _evaluation(field, *values)
        yield Finding("group", impact, (*words, verdict), shown[0], shown[1])


def _typed_group(service: Service) -> RuleGroup | None:
    """The group whose fields somebody typed, which are the same in each environment; an objective's have none."""
    groups = (group for _, groups in service.groups for group in groups)
    return next((group for group in groups if "/slo/" not in group.name), None)


def _evaluation(field: str, was: str | None, now: str | None) -> tuple[Impact, str]:
    if field == "limit":
        return Impact.CONDITION, ": beyond it no alert of the group fires"
    # A group without an interval takes Prometheus's own, which isn't known here; without an offset it has none.
    absent = "0" if field == "query_offset" else ""
    before, after = parse_duration(was or absent), parse_duration(now or absent)
    if before is None or after is None:
        return Impact.CONDITION, ""
    if before == after:
        return Impact.SETTING, ""
    return (Impact.SLOWER, ": slower to fire") if after > before else (Impact.FASTER, ": faster to fire")


_Records = dict[str, tuple[RecordingRule, ...]]


def _records(old: Service, new: Service, told: Told) -> Iterator[Finding]:
    """Recording rules that people wrote, as far as no alert that reads them says it."""
    before, after = _written(old), _written(new)
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name, ()), after.get(name, ())
        yield from mutant_findings(_equivalents(was), _equivalents(now))
        if not was or not now:
            words: Words = ("recording rule ", Typed(name), " removed" if was else " added")
            expr = (was or now)[0].expr
            sides = (expr if was else None, expr if now else None)
            found = [Finding("recording-rule", Impact.SETTING, words, *sides, is_code=True)]
        else:
            found = list(record_findings(name, was, now))
        yield from (finding for finding in found if (finding.before, finding.after) not in told)


def _written(service: Service) -> _Records:
    found: dict[str, list[RecordingRule]] = {}
    for _, groups in service.groups:
        for rule in _recording(groups):
            found.setdefault(rule.record, []).append(rule)
    return {name: tuple(rules) for name, rules in found.items()}


def _recording(groups: Sequence[RuleGroup]) -> Iterator[RecordingRule]:
    for group in groups:
        for rule in group.rules:
            if isinstance(rule, RecordingRule) and rule.written:
                yield rule


def _equivalents(rules: tuple[RecordingRule, ...]) -> list[EquivalentMutant]:
    return [one for rule in rules for one in rule.equivalents]
