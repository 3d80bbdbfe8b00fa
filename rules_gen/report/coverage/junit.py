"""Coverage as JUnit XML: a suite for each service, a case for each demanded state of a rule and each recording rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules_gen.coverage.missing import Missing, missing_record, missing_state
from rules_gen.emit.junit import Case, Suite, emit_junit
from rules_gen.report.coverage.words import exemption, rung
from rules_gen.report.junit import diagnostics_suite
from rules_gen.report.untrusted import visible

if TYPE_CHECKING:
    from rules_gen.coverage.values import RecordCoverage, RuleCoverage
    from rules_gen.report.coverage import Report


def render_junit(report: Report) -> str:
    """The document. When coverage couldn't be measured, it has the problems as cases that fail."""
    if report.coverage is None:
        return emit_junit("rules-gen coverage", [diagnostics_suite(report.problems)])
    suites = []
    for key, (rules, records) in report.coverage.services().items():
        cases = [case for rule in rules for case in _rule(report, rule)]
        cases += [_record(report, record) for record in records if record.demanded]
        if cases:
            suites.append(Suite(key, cases))
    return emit_junit("rules-gen coverage", suites)


def _rule(report: Report, rule: RuleCoverage) -> Iterator[Case]:
    shown = dict(rule.shown)
    where = "" if rule.environment is None else f".{rule.environment}"
    for state in rule.demanded:
        yield Case(
            classname=f"{rule.team}.{rule.service}{where}.{rule.alert}",
            name=f"{rule.alert} ({rung(rule)}) {state}",
            failure=_failure(report, missing_state(rule, state)) if state in rule.missing else None,
            skipped=None if rule.exempt is None or shown[state] else visible(exemption(rule)),
            output="\n".join(visible(f"shown by {name}") for name in shown[state]) or None,
        )


def _record(report: Report, record: RecordCoverage) -> Case:
    where = "" if record.environment is None else f".{record.environment}"
    title = visible(record.title)
    return Case(
        classname=f"{record.team}.{record.service}{where}.recording_rules",
        name=f"{title} #{record.number + 1}",
        failure=_failure(report, missing_record(record)) if record.missing else None,
        output="\n".join(visible(f"reached by {alert}: {name}") for alert, name in record.reached_by) or None,
    )


def _failure(report: Report, missing: Missing) -> str:
    return f"{visible(missing.message)}\n{visible(report.where(missing.place))}\n{missing.suggestion}"
