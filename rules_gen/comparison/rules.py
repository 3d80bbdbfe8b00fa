"""What has changed of an alert's rules: condition, duration, severity, labels; told once where it holds for all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from rules_gen.comparison.conditions import below_findings, condition_findings
from rules_gen.comparison.environments import Environments, environment_findings, partners
from rules_gen.comparison.findings import Finding, Impact, Typed, Words
from rules_gen.comparison.records import Records
from rules_gen.comparison.telling import Owned, everybody, severity_finding, telling_findings, told_findings
from rules_gen.comparison.wording import listed
from rules_gen.model import SEVERITIES, AlertRule
from rules_gen.promql import parse_duration

_Pair = tuple[AlertRule, AlertRule]
_Scope = tuple[str | None, str]
_FIXED_LABELS = frozenset({"severity", "team", "service", "environment", "notify", "bypass_router"})
_FIXED_ANNOTATIONS = frozenset({"impact", "action", "runbook_url", "dashboard_url"})


def rule_findings(old: Owned, new: Owned, records: tuple[Records, Records], *, objective: bool) -> Iterator[Finding]:
    """The findings of all rules. With `objective` their conditions follow from one that has changed, which is told."""
    environments = partners(old.alert.rules, new.alert.rules)
    pairs, gone, come = _paired(old.alert.rules, new.alert.rules, environments)
    found: list[tuple[_Scope, Finding]] = []
    for before, after in pairs:
        scope = _own_scope(before, after)
        policies = (old.policy, new.policy)
        mine = list(
            below_findings(before, after, records)
            if objective
            else condition_findings(before, after, records, policies)
        )
        mine += _timing(before, after)
        if before.severity != after.severity:
            mine.append(severity_finding(old, new, before.severity, after.severity))
        mine += telling_findings(old, new, before.severity, after.severity)
        mine += _pairs_findings("label", _own_labels(before, old), _own_labels(after, new), old, new)
        mine += _pairs_findings("annotation", _own_annotations(before, old), _own_annotations(after, new), old, new)
        found += [(scope, finding) for finding in mine]
    yield from _folded(found, [_own_scope(before, after) for before, after in pairs])
    yield from environment_findings(old.alert.rules, new.alert.rules)
    yield from _rungs(gone, come, old, new)


def _own_scope(before: AlertRule, after: AlertRule) -> _Scope:
    return after.environment or before.environment, after.severity


def _paired(
    old: tuple[AlertRule, ...], new: tuple[AlertRule, ...], environments: Environments
) -> tuple[list[_Pair], list[AlertRule], list[AlertRule]]:
    """The rules that are each other's successor, and those that have none where both sides watch."""
    pairs: list[_Pair] = []
    gone: list[AlertRule] = []
    come: list[AlertRule] = []
    for was, now in environments:
        before = [rule for rule in old if rule.environment == was]
        after = [rule for rule in new if rule.environment == now]
        if len(before) == len(after) and (len(before) == 1 or [*map(_rung, before)] == [*map(_rung, after)]):
            pairs += zip(before, after, strict=True)
            continue
        for rule in list(before):
            match = next((other for other in after if _rung(other) == _rung(rule)), None)
            if match is not None:
                before.remove(rule)
                after.remove(match)
                pairs.append((rule, match))
        for rule in list(before):
            # A rung that only changed its severity.
            match = next((other for other in after if (other.expr, other.hold) == (rule.expr, rule.hold)), None)
            if match is not None:
                before.remove(rule)
                after.remove(match)
                pairs.append((rule, match))
        gone += before
        come += after
    return pairs, gone, come


def _rung(rule: AlertRule) -> tuple[str, str]:
    """What tells a rule from the others of its alert; those of an objective differ in their window."""
    return rule.severity, dict(rule.labels).get("window", "")


def _timing(old: AlertRule, new: AlertRule) -> Iterator[Finding]:
    before, after = parse_duration(old.hold) or 0, parse_duration(new.hold) or 0
    if before != after:
        slower = after > before
        words: Words = (
            "for ",
            Typed(old.hold),
            " -> ",
            Typed(new.hold),
            ": ",
            "slower" if slower else "faster",
            " to fire",
        )
        yield Finding("for", Impact.SLOWER if slower else Impact.FASTER, words, old.hold, new.hold)
    before, after = (parse_duration(rule.keep_firing_for or "0") or 0 for rule in (old, new))
    if before != after:
        longer = after > before
        words = (
            "keep_firing_for ",
            Typed(old.keep_firing_for or "none"),
            " -> ",
            Typed(new.keep_firing_for or "none"),
            ": fires longer after it is over" if longer else ": resolves sooner",
        )
        impact = Impact.HOLDS_LONGER if longer else Impact.HOLDS_SHORTER
        yield Finding("keep-firing-for", impact, words, old.keep_firing_for, new.keep_firing_for)


def _own_labels(rule: AlertRule, side: Owned) -> dict[str, str]:
    """The labels that the alert or its service chose; the policy's are told once, there."""
    of_policy = dict(side.policy.labels)
    return {k: v for k, v in rule.labels if k not in _FIXED_LABELS and of_policy.get(k) != v}


def _own_annotations(rule: AlertRule, side: Owned) -> dict[str, str]:
    """The annotations that somebody wrote; an objective without a description has one made from its promise."""
    made = _FIXED_ANNOTATIONS | ({"description"} if side.alert.slo and not side.alert.description else set())
    return {name: value for name, value in rule.annotations if name not in made}


def _pairs_findings(
    what: str, before: dict[str, str], after: dict[str, str], old: Owned, new: Owned
) -> Iterator[Finding]:
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        if what == "label":
            # A label that the policy took over, or gave up, reads the same in the rule.
            was = was if was is not None else dict(old.policy.labels).get(name)
            now = now if now is not None else dict(new.policy.labels).get(name)
            if was == now:
                continue
        known = what == "annotation" and name in ("summary", "description")
        words: Words = (*(() if known else (f"{what} ",)), Typed(name))
        if known or (was and now and len(was) + len(now) > 120):
            words = (*words, " changed" if was and now else " added" if now else " removed")
        elif was is None or now is None:
            words = (
                *words,
                " added: " if was is None else " removed; it was ",
                Typed(was or now or ""),
            )
        else:
            words = (*words, " ", Typed(was), " -> ", Typed(now))
        yield Finding(what, Impact.LABELS if what == "label" else Impact.TEXT, words, was, now)


def _folded(found: Iterable[tuple[_Scope, Finding]], scopes: list[_Scope]) -> Iterator[Finding]:
    """Each finding once, with the environments and rungs that it holds for unless it holds for all."""
    groups: defaultdict[tuple[object, ...], list[tuple[_Scope, Finding]]] = defaultdict(list)
    for scope, finding in found:
        groups[finding.kind, finding.impact, finding.words].append((scope, finding))
    every = set(scopes)
    for members in groups.values():
        yield members[0][1].within(*_scope({scope for scope, _ in members}, every))


def _scope(mine: set[_Scope], every: set[_Scope]) -> Words:
    if mine == every:
        return ()
    environments = {environment for environment, _ in mine}
    severities = {severity for _, severity in mine}
    # The environment first: one that changes an alert's severity is the reason, not the severity.
    if mine == {scope for scope in every if scope[0] in environments}:
        return listed(sorted(filter(None, environments)))
    if mine == {scope for scope in every if scope[1] in severities}:
        return (" and ".join(_by_rank(severities)),)
    words: list[str | Typed] = []
    for environment, severity in sorted(mine, key=lambda scope: (scope[0] or "", SEVERITIES.index(scope[1]))):
        words += [", " if words else "", severity, *((" in ", Typed(environment)) if environment else ())]
    return tuple(words)


def _by_rank(severities: Iterable[str]) -> list[str]:
    return sorted(severities, key=SEVERITIES.index)


def _rungs(gone: list[AlertRule], come: list[AlertRule], old: Owned, new: Owned) -> Iterator[Finding]:
    """Rungs that are gone, and new ones."""
    for rules, side, lost in ((gone, old, True), (come, new, False)):
        if rules and side is (old if gone else new):
            yield from told_findings(everybody(old), everybody(new))
        findings = []
        for rule in rules:
            text = f"{rule.threshold.text if rule.threshold else rule.expr} for {rule.hold}"
            words: Words = (f"rung {rule.severity} ", "removed: " if lost else "added: ", Typed(text))
            impact = Impact.REMOVED if lost else Impact.ADDED
            finding = Finding("rung", impact, words, text if lost else None, None if lost else text)
            findings.append(((rule.environment, rule.severity), finding))
        # A rung names itself; only the environments need to be said.
        every = [(rule.environment, rule.severity) for rule in side.alert.rules]
        present = {environment for environment, _ in every}
        for scope, finding in findings:
            in_all = {s[0] for s, f in findings if f.words == finding.words} == present
            yield finding.within(*(() if in_all or not scope[0] else (Typed(scope[0]),)))
