"""When an alert fires, before and after: its expression, and the recording rules below it."""

from __future__ import annotations

from collections.abc import Iterator

from rules_gen.comparison.expressions import Part, differences
from rules_gen.comparison.findings import Finding, Impact, Typed, Words
from rules_gen.comparison.records import Records
from rules_gen.comparison.wording import grouped, short_number
from rules_gen.model import AlertRule, Policy, RecordingRule, Threshold
from rules_gen.promql import Analysis, analyse
from rules_gen.promql.canonical import meaning


def condition_findings(
    old: AlertRule, new: AlertRule, records: tuple[Records, Records], policies: tuple[Policy, Policy]
) -> tuple[Finding, ...]:
    """What has changed of one rule's condition, and of what it reads."""
    below = tuple(below_findings(old, new, records))
    return (*_own(old, new, policies, same_records=not below), *below)


def expressions(old: str, new: str) -> tuple[Part, ...] | None:
    """The differences of two expressions; None when they can't be told."""
    if old == new:
        return ()
    before, after = meaning(old), meaning(new)
    return None if before is None or after is None else differences(before, after)


def _own(old: AlertRule, new: AlertRule, policies: tuple[Policy, Policy], *, same_records: bool) -> Iterator[Finding]:
    parts = expressions(old.expr, new.expr)
    if parts is None:
        yield Finding("condition", Impact.CONDITION, ("the condition has changed",), old.expr, new.expr, is_code=True)
        return
    by_labels = _grouping(old, new, policies)
    for part in parts:
        if part.kind == "grouping" and by_labels is not None:
            yield by_labels
        elif part.kind == "threshold":
            yield _threshold(part, old, new, sure=same_records)
        elif part.impact in _SENSITIVITIES and not same_records:
            said = part.words[:-1] if _has_verdict(part.words) else part.words
            words = (*said, ", and a recording rule that is read has changed too")
            yield Finding(part.kind, Impact.CONDITION, words, old.expr, new.expr, is_code=True)
        else:
            yield Finding(part.kind, part.impact, part.words, old.expr, new.expr, is_code=True)


def _threshold(part: Part, old: AlertRule, new: AlertRule, *, sure: bool) -> Finding:
    impact, words = part.impact, part.words
    before, after = (word.text for word in words if isinstance(word, Typed))
    typed = (old.threshold, new.threshold)
    if typed[0] is not None and typed[1] is not None and (before, after) == (bound(typed[0]), bound(typed[1])):
        # The author's own words, unless it is another comparison, within the signal.
        before, after = typed[0].text, typed[1].text
        words = ("threshold ", Typed(before), " -> ", Typed(after), *words[4:])
    if not sure and impact is not Impact.CONDITION:
        impact, words = Impact.CONDITION, (*words[:4], ", and a recording rule that is compared has changed too")
    return Finding("threshold", impact, words, before, after)


def bound(threshold: Threshold) -> str:
    """A threshold as the difference of two expressions writes it."""
    return f"{threshold.operator} {short_number(repr(threshold.value))}"


def _grouping(old: AlertRule, new: AlertRule, policies: tuple[Policy, Policy]) -> Finding | None:
    labels = []
    for rule, policy in zip((old, new), policies, strict=True):
        analysis = analyse(rule.expr, policy.prometheus)
        if not isinstance(analysis, Analysis) or analysis.labels.kind != "exact":
            return None
        labels.append(sorted(analysis.labels.labels))
    if labels[0] == labels[1]:
        return None
    words: Words = ("one alert", *grouped(labels[1]), " instead of one", *grouped(labels[0]))
    return Finding("grouping", Impact.GROUPING, words, old.expr, new.expr, is_code=True)


def below_findings(old: AlertRule, new: AlertRule, records: tuple[Records, Records]) -> Iterator[Finding]:
    """What has changed of the recording rules that a rule reads before and after."""
    read, before = records[0].read_by(old.expr, old.environment)
    reads, after = records[1].read_by(new.expr, new.environment)
    for name, rules in before.items():
        if name not in reads:
            continue
        if name not in after:
            words: Words = ("the recording rule ", Typed(name), " is gone, and is still read")
            yield Finding("recording-rule", Impact.REMOVED, words, rules[0].expr, None, is_code=True)
        else:
            yield from record_findings(name, rules, after[name])
    for name, rules in after.items():
        if name in read and name not in before:
            words = ("what it reads as ", Typed(name), " is now made by a recording rule")
            yield Finding("recording-rule", Impact.CONDITION, words, None, rules[0].expr, is_code=True)


def record_findings(name: str, old: tuple[RecordingRule, ...], new: tuple[RecordingRule, ...]) -> Iterator[Finding]:
    """What has changed of the recording rules that make one series."""
    rest_old = [rule for rule in old if not any(_same(rule, other) for other in new)]
    rest_new = [rule for rule in new if not any(_same(rule, other) for other in old)]
    scope: Words = ("recording rule ", Typed(name))
    if not rest_old and not rest_new:
        return
    if len(rest_old) != len(rest_new):
        words: Words = ("another set of recording rules makes it",)
        yield _of_record(words, rest_old, rest_new).within(*scope)
        return
    for before, after in zip(rest_old, rest_new, strict=True):
        if sorted(before.labels) != sorted(after.labels):
            yield _of_record(("its labels have changed",), [before], [after]).within(*scope)
        parts = expressions(before.expr, after.expr)
        if parts is None:
            yield _of_record(("its expression has changed",), [before], [after]).within(*scope)
        for part in parts or ():
            # More that passes in a recording rule isn't more that fires, and neither are more series.
            judged = part.impact in _VERDICTS
            impact = Impact.CONDITION if judged else part.impact
            impact = Impact.OTHER_SERIES if impact is Impact.MORE_SERIES else impact
            words = _without_verdict(part.words) if judged else part.words
            yield _of_record(words, [before], [after])._replace(impact=impact).within(*scope)


_SENSITIVITIES = frozenset({Impact.LESS_SENSITIVE, Impact.MORE_SENSITIVE})
_VERDICTS = _SENSITIVITIES | {Impact.SLOWER, Impact.FASTER}


def _without_verdict(words: Words) -> Words:
    return words[:-1] if _has_verdict(words) else ("its condition has changed",)


def _has_verdict(words: Words) -> bool:
    last = words[-1]
    return isinstance(last, str) and last.startswith(": ")


def _same(one: RecordingRule, other: RecordingRule) -> bool:
    return sorted(one.labels) == sorted(other.labels) and expressions(one.expr, other.expr) == ()


def _of_record(words: Words, old: list[RecordingRule], new: list[RecordingRule]) -> Finding:
    before, after = ("\n".join(rule.expr for rule in side) or None for side in (old, new))
    return Finding("recording-rule", Impact.CONDITION, words, before, after, is_code=True)
