"""Coverage for a comment on a pull request: short, with the whole folded away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules_gen.coverage.missing import all_missing
from rules_gen.emit.markdown import code_span, escape_inline, table
from rules_gen.model import PROOF_STATES
from rules_gen.report.coverage.words import count, exemption, rung, summary, verdict
from rules_gen.report.untrusted import visible

if TYPE_CHECKING:
    from rules_gen.coverage.values import Coverage, RecordCoverage, RuleCoverage
    from rules_gen.report.coverage import Report

_MOST_MISSING = 50
_MOST_ROWS = 150
"""GitHub takes 65,536 characters in a comment; more rows than these are only counted."""


def render_markdown(report: Report) -> str:
    """The comment. When coverage couldn't be measured, it says so and why."""
    return "\n".join(_measured(report, report.coverage) if report.coverage else _unmeasured(report)) + "\n"


def _unmeasured(report: Report) -> Iterator[str]:
    yield "### Alert coverage: not measured"
    yield ""
    yield "A scenario that isn't proved covers nothing. These come first:"
    yield ""
    rows = [
        (code_span(f"{visible(one.span.file)}:{one.span.line}"), escape_inline(visible(one.message)))
        for one in report.problems[:_MOST_MISSING]
    ]
    yield table(("where", "what"), rows)
    yield from _rest(len(report.problems) - len(rows))


def _measured(report: Report, coverage: Coverage) -> Iterator[str]:
    yield f"### Alert coverage: {'met' if coverage.is_met else 'below what the policy demands'}"
    yield ""
    yield f"{escape_inline(summary(coverage))}. {escape_inline(verdict(coverage))}"
    yield ""
    missing = all_missing(coverage)
    if missing:
        rows = [
            (
                code_span(visible(report.where(one.place))),
                escape_inline(visible(one.message.replace("`", ""))),
                # Our own words, with code in backticks.
                one.suggestion,
            )
            for one in missing[:_MOST_MISSING]
        ]
        yield table(("where", "missing", "way out"), rows)
        yield from _rest(len(missing) - len(rows))
    yield from _details(coverage)


def _details(coverage: Coverage) -> Iterator[str]:
    yield f"<details><summary>All {count(len(coverage.rules), 'rule')}</summary>"
    yield ""
    shown = coverage.rules[:_MOST_ROWS]
    yield table(("service", "alert", "severity", *PROOF_STATES), [_rule(rule) for rule in shown])
    yield from _rest(len(coverage.rules) - len(shown))
    if coverage.records:
        records = coverage.records[:_MOST_ROWS]
        yield table(("service", "recording rule", "reached by"), [_record(record) for record in records])
        yield from _rest(len(coverage.records) - len(records))
    yield "</details>"


def _rule(rule: RuleCoverage) -> tuple[str, ...]:
    marks = []
    for state in PROOF_STATES:
        if rule.shows(state):
            marks.append("✓")
        elif state in rule.missing:
            marks.append("**missing**")
        else:
            marks.append("")
    name = code_span(rule.alert) + (f" {escape_inline(visible(exemption(rule)))}" if rule.exempt else "")
    return (escape_inline(f"{rule.team}/{rule.service}"), name, escape_inline(rung(rule)), *marks)


def _record(record: RecordCoverage) -> tuple[str, ...]:
    said = "**nothing**" if record.missing else ""
    if record.reached_by:
        (alert, scenario), *others = record.reached_by
        said = f"{code_span(alert)}: {escape_inline(visible(scenario))}"
        said += f", and {len(others)} more" if others else ""
    where = "" if record.environment is None else f" ({record.environment})"
    return (escape_inline(f"{record.team}/{record.service}{where}"), code_span(visible(record.title)), said)


def _rest(number: int) -> Iterator[str]:
    if number > 0:
        yield f"and {number} more."
        yield ""
