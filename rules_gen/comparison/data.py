"""A difference as plain data, for JSON."""

from __future__ import annotations

from typing import Any

from rules_gen.comparison.findings import Change, Difference, Finding, plain

VERSION = 1
"""The version of the format; it grows when a key changes its meaning or goes."""


def as_data(difference: Difference, against: dict[str, str]) -> dict[str, Any]:
    """Everything that was found. `against` says which revision it was compared with."""
    return {
        "version": VERSION,
        "against": against,
        "summary": {
            "alerts": len(difference.alerts),
            "risky_alerts": difference.risky,
            "general": len(difference.general),
            "risky_general": sum(change.is_risky for change in difference.general),
        },
        "not_compared": [plain(words) for words in difference.unread],
        "general": [_change(change) for change in difference.general],
        "alerts": [_change(change) for change in difference.alerts],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "team": change.team or None,
        "service": change.service,
        "alert": change.alert,
        "files": list(change.files),
        "runbook": change.page,
        "risky": change.is_risky,
        "findings": [_finding(finding) for finding in change.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "impact": finding.impact.value,
        "risky": finding.is_risky,
        "before": finding.before,
        "after": finding.after,
        "sentence": finding.sentence,
        "picture": finding.link,
    }
