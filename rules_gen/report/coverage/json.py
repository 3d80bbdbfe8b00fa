"""Coverage for programs: one JSON object, its shape told by `version`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rules_gen.coverage.missing import all_missing
from rules_gen.model import PROOF_STATES
from rules_gen.report.json import diagnostic_data

if TYPE_CHECKING:
    from rules_gen.coverage.values import Coverage, RecordCoverage, RuleCoverage
    from rules_gen.report.coverage import Report

VERSION = 1
"""Grows when a key changes its meaning or goes; a new key is no reason."""


def render_json(report: Report) -> str:
    """Everything. `met` is null, and there are no other keys, when `problems` kept it from being measured.

    Written in ASCII, so that the text of a definition can't act on a terminal that shows it.
    """
    data: dict[str, Any] = {
        "version": VERSION,
        "met": None if report.coverage is None else report.coverage.is_met,
        "problems": [diagnostic_data(problem) for problem in report.problems],
    }
    if report.coverage is not None:
        data.update(_coverage(report, report.coverage))
    return json.dumps(data, indent=2, ensure_ascii=True) + "\n"


def _coverage(report: Report, coverage: Coverage) -> dict[str, Any]:
    shares = {state: coverage.share(state) for state in PROOF_STATES}
    return {
        "narrowed": coverage.narrowed,
        "summary": {
            "alerts": coverage.alerts(),
            "rules": len(coverage.rules),
            "demanded": coverage.demanded,
            "missing": coverage.lacking,
            "states": {state: {"shown": part, "of": whole} for state, (part, whole) in shares.items()},
            "recording_rules": {
                "reached": sum(bool(record.reached_by) for record in coverage.records),
                "of": len(coverage.records),
            },
        },
        "missing": [
            {"message": one.message, "suggestion": one.suggestion, **_place(report, one)}
            for one in all_missing(coverage)
        ],
        "rules": [_rule(report, rule) for rule in coverage.rules],
        "recording_rules": [_record(report, record) for record in coverage.records],
    }


def _rule(report: Report, rule: RuleCoverage) -> dict[str, Any]:
    return {
        "id": rule.id,
        "team": rule.team,
        "service": rule.service,
        "alert": rule.alert,
        "severity": rule.severity,
        "environment": rule.environment,
        **_place(report, rule),
        "demanded": list(rule.demanded),
        "missing": list(rule.missing),
        "exempt": None if rule.exempt is None else {"reason": rule.exempt, "until": rule.until},
        "shown": {state: list(scenarios) for state, scenarios in rule.shown},
    }


def _record(report: Report, record: RecordCoverage) -> dict[str, Any]:
    return {
        "id": record.id,
        "team": record.team,
        "service": record.service,
        "record": record.record,
        "labels": dict(record.labels),
        "environment": record.environment,
        **_place(report, record),
        "demanded": record.demanded,
        "missing": record.missing,
        "reached_by": [{"alert": alert, "scenario": scenario} for alert, scenario in record.reached_by],
    }


def _place(report: Report, item: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever has a place
    span = report.spans.get(item.place)
    return {"file": item.place.file, "line": None if span is None else span.line}
