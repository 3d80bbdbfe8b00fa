"""What is missing in words: the place, what isn't shown, and what to add."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules_gen.check_support.names import listed
from rules_gen.diagnostics import Place
from rules_gen.model import PROOF_STATES

if TYPE_CHECKING:
    from rules_gen.coverage.values import Coverage, RecordCoverage, RuleCoverage

_WORDS = {"fires": "firing", "quiet": "quiet", "pending": "pending", "resolved": "quiet again after it fired"}
_WAYS_OUT = {
    "fires": "add a scenario with `firing_at:`, best with a signal just beyond the threshold",
    "quiet": "add `quiet_at:`, best to a scenario whose signal stays just short of the threshold",
    "pending": "add `pending_at:` to a scenario that fires, before `for` has passed since the condition began to hold",
    "resolved": "let the series recover in a scenario that fires, and add `quiet_at:` behind its `firing_at:`",
}


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that the policy demands and no scenario shows. `suggestion` is the way out, with code in backticks."""

    message: str
    place: Place
    suggestion: str


def all_missing(coverage: Coverage) -> tuple[Missing, ...]:
    """One for each state that is missing of an alert, whatever the rungs and environments, and for each recording
    rule.
    """
    alerts: dict[tuple[str, str, str], list[RuleCoverage]] = {}
    for rule in coverage.rules:
        alerts.setdefault((rule.team, rule.service, rule.alert), []).append(rule)
    found = [missing for rules in alerts.values() for missing in _of_alert(rules)]
    return (*found, *(missing_record(record) for record in coverage.records if record.missing))


def missing_state(rule: RuleCoverage, state: str) -> Missing:
    """What is said of one rule and one state."""
    return _missing(rule, state, f"no scenario shows {rule_title(rule)} {_WORDS[state]}")


def rule_title(rule: RuleCoverage) -> str:
    """The alert with its severity and environment."""
    where = "" if rule.environment is None else f", {rule.environment}"
    return f"{rule.alert} ({rule.severity}{where})"


def _of_alert(rules: list[RuleCoverage]) -> Iterator[Missing]:
    for state in PROOF_STATES:
        lacking = [rule for rule in rules if state in rule.missing]
        if not lacking:
            continue
        severities = dict.fromkeys(rule.severity for rule in lacking)
        environments = dict.fromkeys(rule.environment for rule in lacking if rule.environment is not None)
        rungs = f"{listed(severities)} of " if len({rule.severity for rule in rules}) > 1 else ""
        everywhere = {rule.environment for rule in rules}
        where = f" in {listed(environments)}" if environments and set(environments) != everywhere else ""
        yield _missing(lacking[0], state, f"no scenario shows {rungs}{lacking[0].alert}{where} {_WORDS[state]}")


def _missing(rule: RuleCoverage, state: str, message: str) -> Missing:
    return Missing(message, rule.place.at("tests").key(), _WAYS_OUT[state])


def missing_record(record: RecordCoverage) -> Missing:
    """What is said of a recording rule that isn't reached."""
    where = "" if record.environment is None else f" in `{record.environment}`"
    return Missing(
        f"the recording rule {record.title} gives no result in any scenario of {record.team}/{record.service}{where}",
        record.place,
        "add the series that it reads to a scenario of this service, or remove the rule if nothing uses it",
    )
