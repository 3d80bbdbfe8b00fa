"""Makes the mutants of a service: of its alerts, its recording rules and its objectives."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rules_gen.diagnostics import Place
from rules_gen.model import SEVERITIES, Alert, AlertRule, Policy, RecordingRule, Service
from rules_gen.mutation.edits import COMPARISONS, Edit, edits
from rules_gen.mutation.mutant import Change, Mutant, Rule, Spot
from rules_gen.mutation.objectives import objective_changes
from rules_gen.mutation.simplify import simplified
from rules_gen.mutation.steps import moved, moved_duration, number_text
from rules_gen.promql import Target, analyse, compose_threshold, parse_duration
from rules_gen.source.thresholds import WORDS, parse_threshold, typed_number
from rules_gen.target_support.rules import rule_document

_DEFAULT_TICK_MS = 60_000  # Prometheus's own default of evaluation_interval.


class Spots(NamedTuple):
    """The rules of a service by their spots, and how often each is evaluated (ms)."""

    rules: Mapping[Spot, Rule]
    ticks_ms: Mapping[Spot, int]

    def of_alert(self, alert: Alert) -> list[tuple[Spot, AlertRule]]:
        """The rules of an alert, in the order of their files."""
        return [(s, r) for s, r in self.rules.items() if isinstance(r, AlertRule) and r.alert == alert.name]

    def records(self) -> list[tuple[Spot, RecordingRule]]:
        """All recording rules."""
        return [(spot, rule) for spot, rule in self.rules.items() if isinstance(rule, RecordingRule)]


def spots_of(service: Service) -> Spots:
    """The service's rules, numbered file by file."""
    rules: dict[Spot, Rule] = {}
    ticks: dict[Spot, int] = {}
    counts: defaultdict[str | None, int] = defaultdict(int)
    for environment, groups in service.groups:
        for group in groups:
            tick = parse_duration(group.interval) if group.interval else None
            for rule in group.rules:
                spot = (environment, counts[environment])
                counts[environment] += 1
                rules[spot] = rule
                ticks[spot] = tick or _DEFAULT_TICK_MS
    return Spots(rules, ticks)


def mutants_of(service: Service, policy: Policy) -> tuple[Mutant, ...]:
    """All mutants of a service's alerts that have scenarios, and of what these alerts read.

    Two that mean the same are one.
    """
    spots = spots_of(service)
    found: list[Mutant] = []
    for alert in service.alerts:
        if not any(scenario.assertions for scenario in alert.scenarios):
            continue
        rules = spots.of_alert(alert)
        changes = list(_rule_changes(rules, spots, policy, alert))
        if alert.slo is not None:
            changes += objective_changes(alert, service, spots.rules)
        else:
            changes += _signal_changes(rules, policy.prometheus)
        found += _merged(alert.name, alert.place, changes, spots, policy.prometheus)
    written = [(spot, rule) for spot, rule in spots.records() if rule.written]
    for (name, place), rules_of in _by_definition(written).items():
        changes = [
            Change(edit.operator, edit.name, spot, rule._replace(expr=edit.apply(rule.expr)))
            for spot, rule in rules_of
            for edit in edits(rule.expr)
        ]
        found += _merged(name, place, changes, spots, policy.prometheus)
    return tuple(found)


def _by_definition(
    rules: list[tuple[Spot, RecordingRule]],
) -> dict[tuple[str, Place], list[tuple[Spot, RecordingRule]]]:
    """The recording rules by what was typed: one definition is a rule in every environment."""
    by: defaultdict[tuple[str, Place], list[tuple[Spot, RecordingRule]]] = defaultdict(list)
    for spot, rule in rules:
        by[rule.record, rule.place].append((spot, rule))
    return by


def _rule_changes(rules: list[tuple[Spot, AlertRule]], spots: Spots, policy: Policy, alert: Alert) -> Iterator[Change]:
    """Mistakes in what is typed for each rung: threshold, `for`, severity; and in the team."""
    for spot, rule in rules:
        rung = f"{rule.severity} " if alert.is_ladder else ""
        if alert.slo is None:
            yield from _threshold_changes(rung, spot, rule, policy.prometheus)
            for other in moved_duration(rule.hold, spots.ticks_ms[spot]):
                if parse_duration(other) != parse_duration(rule.hold):
                    yield Change("for", f"{rung}for: {rule.hold} to {other}", spot, rule._replace(hold=other))
            kept = rule.keep_firing_for
            for other in moved_duration(kept, spots.ticks_ms[spot]) if kept else ():
                if parse_duration(other) != parse_duration(kept or ""):
                    name = f"{rung}keep_firing_for: {kept} to {other}"
                    yield Change("keep_firing_for", name, spot, rule._replace(keep_firing_for=other))
        position = SEVERITIES.index(rule.severity)
        other = SEVERITIES[position + 1] if position + 1 < len(SEVERITIES) else SEVERITIES[position - 1]
        yield Change("label", f"severity: {rule.severity} to {other}", spot, _relabelled(rule, "severity", other))
        team = dict(rule.labels).get("team", "")
        stranger = next((one.key for one in policy.teams if one.key != team), None)
        if stranger is not None:
            yield Change("label", f"team: {team} to {stranger}", spot, _relabelled(rule, "team", stranger))


def _relabelled(rule: AlertRule, label: str, value: str) -> AlertRule:
    return rule._replace(labels=tuple((name, value if name == label else old) for name, old in rule.labels))


def _threshold_changes(rung: str, spot: Spot, rule: AlertRule, target: Target) -> Iterator[Change]:
    threshold = rule.threshold
    if threshold is None:
        return
    for operator in COMPARISONS[threshold.operator]:
        name = f"{rung}comparison: {threshold.operator} to {operator}"
        yield Change("comparison", name, spot, _compared(rule, rule.signal, operator, threshold.literal, target))
    flagged = _compared(rule, rule.signal, f"{threshold.operator} bool", threshold.literal, target)
    yield Change("bool", f"{rung}bool added after {threshold.operator}", spot, flagged)
    words = WORDS[threshold.operator]
    number = typed_number(threshold.text)
    for other in moved(number, threshold.unit):
        shown = f"{number_text(other)}{threshold.unit}"
        made = parse_threshold(f"{words} {shown}")
        if made is not None:
            name = f"{rung}threshold: {number_text(number)}{threshold.unit} to {shown}"
            yield Change(
                "threshold", name, spot, _compared(rule, rule.signal, threshold.operator, made.literal, target)
            )


def _compared(rule: AlertRule, signal: str, operator: str, number: str, target: Target) -> AlertRule:
    """The rule with another signal, operator or number. A signal that is wrong is left for promtool to refuse."""
    analysis = analyse(signal, target)
    if isinstance(analysis, tuple):
        return rule._replace(expr=f"(\n{signal}\n) {operator} {number}")
    return rule._replace(expr=compose_threshold(signal, analysis, operator, number))


def _signal_changes(rules: list[tuple[Spot, AlertRule]], target: Target) -> list[Change]:
    """Mistakes in what is compared, or in the whole condition where no threshold is split off.

    An expression that all rungs share is typed once, so a mistake in it is in all of them.
    """
    changes: list[Change] = []
    for environment in dict.fromkeys(spot[0] for spot, _ in rules):
        mine = [(spot, rule) for spot, rule in rules if spot[0] == environment]
        signals = list(dict.fromkeys(rule.signal for _, rule in mine))
        for signal in signals:
            found = edits(signal)
            for spot, rule in mine:
                if rule.signal != signal:
                    continue
                rung = f"{rule.severity} " if len(signals) > 1 else ""
                changes += [_edited(rung, edit, spot, rule, target) for edit in found]
    return changes


def _edited(rung: str, edit: Edit, spot: Spot, rule: AlertRule, target: Target) -> Change:
    signal = edit.apply(rule.signal)
    if rule.threshold is None:
        return Change(edit.operator, rung + edit.name, spot, rule._replace(expr=signal, signal=signal))
    made = _compared(rule, signal, rule.threshold.operator, rule.threshold.literal, target)
    return Change(edit.operator, rung + edit.name, spot, made._replace(signal=signal))


def _merged(subject: str, place: Place, changes: list[Change], spots: Spots, target: Target) -> Iterator[Mutant]:
    """The changes of one name as one mutant, less what another one does already."""
    by_name: dict[str, list[Change]] = {}
    seen_at: Counter[tuple[str, Spot]] = Counter()
    for change in changes:
        # A threshold and the signal below it can be mistaken in the same way: the later one is numbered.
        seen_at[change.name, change.spot] += 1
        count = seen_at[change.name, change.spot]
        by_name.setdefault(change.name if count == 1 else f"{change.name} #{count}", []).append(change)
    seen: set[object] = set()
    for name, parts in by_name.items():
        made = {part.spot: part.rule for part in parts}
        meaning = tuple((spot, meaning_of(rule, target)) for spot, rule in made.items())
        unchanged = tuple((spot, meaning_of(spots.rules[spot], target)) for spot in made)
        if meaning in seen:
            continue
        # What means the same as the original is told so by its name, each of them.
        if meaning != unchanged:
            seen.add(meaning)
        first = parts[0]
        before, after = _difference(spots.rules[first.spot], first.rule)
        yield Mutant(subject, name, first.operator, before, after, made, place)


def meaning_of(rule: Rule, target: Target) -> object:
    """What tells two rules apart: their expressions simplified, and their other fields."""
    expression = simplified(rule.expr, target)
    if isinstance(rule, RecordingRule):
        return (rule.record, expression, rule.labels)
    held = (parse_duration(rule.hold), parse_duration(rule.keep_firing_for or "0s"))
    return (rule.alert, expression, held, rule.labels, rule.annotations)


def is_equivalent(mutant: Mutant, spots: Spots, target: Target) -> bool:
    """Whether simplifying shows that every changed rule means what it meant."""
    return all(
        meaning_of(rule, target) == meaning_of(spots.rules[spot], target) for spot, rule in mutant.changes.items()
    )


def _difference(original: Rule, changed: Rule) -> tuple[str, str]:
    """The lines of the rule that differ, as they were and as they are."""
    old, new = (_lines(rule) for rule in (original, changed))
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    gone: list[str] = []
    come: list[str] = []
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag != "equal":
            gone += old[a1:a2]
            come += new[b1:b2]
    return "\n".join(gone), "\n".join(come)


def _lines(rule: Rule) -> list[str]:
    lines: list[str] = []
    for key, value in rule_document(rule).items():
        if isinstance(value, dict):
            lines += [f"{key}.{name}: {text}" for name, text in value.items()]
        else:
            first, *rest = str(value).split("\n")
            lines += [f"{key}: {first}", *rest]
    return lines
