"""Words that several formats use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules_gen.coverage.values import CONSTANT
from rules_gen.model import PROOF_STATES

if TYPE_CHECKING:
    from rules_gen.coverage.values import Coverage, RuleCoverage


def summary(coverage: Coverage) -> str:
    """All in one line: how many rules are shown in each state, and how many recording rules are reached."""
    shares = ", ".join(f"{state} {percent(*coverage.share(state))}" for state in PROOF_STATES)
    said = f"{count(coverage.alerts(), 'alert')}, {count(len(coverage.rules), 'rule')}: {shares}"
    if coverage.records:
        reached = sum(bool(record.reached_by) for record in coverage.records)
        said += f"; recording rules {reached}/{len(coverage.records)}"
    return said


def verdict(coverage: Coverage) -> str:
    """Whether the policy's demand is met, in a sentence."""
    if not coverage.demanded:
        return "The policy demands nothing of these."
    met = f"{coverage.demanded - coverage.lacking} of {coverage.demanded} shown"
    return f"The policy's demand is met: {met}." if coverage.is_met else f"Below the policy's demand: {met}."


def exemption(rule: RuleCoverage) -> str:
    """Why nothing is owed of an exempt rule, and until when."""
    if rule.exempt == CONSTANT or rule.until is None:
        return rule.exempt or ""
    return f"exempt until {rule.until}: {rule.exempt}"


def rung(rule: RuleCoverage) -> str:
    """The severity, and the environment if there is one."""
    return rule.severity if rule.environment is None else f"{rule.severity}, {rule.environment}"


def percent(part: int, whole: int) -> str:
    """A share, rounded down: 100% is all of it."""
    return f"{100 * part // whole}%" if whole else "-"


def count(number: int, word: str) -> str:
    """A number with its word."""
    return f"{number} {word}{'' if number == 1 else 's'}"
