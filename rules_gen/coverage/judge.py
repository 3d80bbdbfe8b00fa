"""From what promtool has proved to what is covered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rules_gen.check_support.proving import asserts, fires_by_construction
from rules_gen.coverage.values import CONSTANT, Coverage, Evidence, RecordCoverage, RuleCoverage
from rules_gen.definitions import is_meant
from rules_gen.fixtures.recorded import recording_rules
from rules_gen.model import PROOF_STATES, State
from rules_gen.promql.durations import parse_duration
from rules_gen.target_support.rules import rules_path

if TYPE_CHECKING:
    from rules_gen.model import Alert, AlertRule, Policy, Service
    from rules_gen.target import ProofScenario

EXEMPTS = "scenario-missing"
"""Whoever switches this check off for an alert owes no scenario of it, until the day that is given."""

_NONE = Evidence()


def judge(
    services: Iterable[Service],
    policy: Policy,
    evidence: Mapping[str, Evidence],
    today: str,
    names: Sequence[str] = (),
) -> Coverage:
    """What is covered of these services; with `names` (see `is_meant`) of those alerts only, and no recording rules.

    `evidence` is found by the path of a rule file; of a file that isn't there nothing is proved. `today` (ISO) decides
    which exemptions hold.
    """
    rules: list[RuleCoverage] = []
    records: list[RecordCoverage] = []
    for service in services:
        for alert in service.alerts:
            if not names or any(is_meant(name, service, alert) for name in names):
                rules += _rules(service, alert, policy, evidence, today)
        if not names:
            records += _records(service, policy, evidence)
    return Coverage(tuple(rules), tuple(records), narrowed=bool(names))


def _rules(
    service: Service, alert: Alert, policy: Policy, evidence: Mapping[str, Evidence], today: str
) -> Iterator[RuleCoverage]:
    exempt, until = _exemption(alert, policy, today)
    # Several rules of one severity, such as an objective's windows, stand in for each other.
    several: dict[tuple[str, str | None], list[AlertRule]] = {}
    for rule in alert.rules:
        several.setdefault((rule.severity, rule.environment), []).append(rule)
    for (severity, environment), rules in several.items():
        scenarios = evidence.get(rules_path(service, environment), _NONE).scenarios
        own = [scenario for scenario in scenarios if scenario.alert == alert.name]
        demanded = policy.proof.demanded(severity)
        if all(parse_duration(rule.hold) == 0 for rule in rules):
            # Without `for` it fires at once.
            demanded = tuple(state for state in demanded if state != "pending")
        yield RuleCoverage(
            team=service.team,
            service=service.name,
            alert=alert.name,
            severity=severity,
            environment=environment,
            place=alert.place,
            shown=tuple((state, _shown_by(own, state, severity)) for state in PROOF_STATES),
            demanded=demanded,
            exempt=exempt,
            until=until,
        )


def _exemption(alert: Alert, policy: Policy, today: str) -> tuple[str | None, str | None]:
    if fires_by_construction(alert, policy):
        return CONSTANT, None
    held = [one for one in alert.exemptions if one.check == EXEMPTS and one.until > today]
    last = max(held, key=lambda one: one.until, default=None)
    return (None, None) if last is None else (last.reason, last.until)


def _shown_by(scenarios: Sequence[ProofScenario], state: str, severity: str) -> tuple[str, ...]:
    """The names of the scenarios that show the rule of this severity in one of PROOF_STATES."""
    return tuple(dict.fromkeys(scenario.name for scenario in scenarios if _shows(scenario, state, severity)))


def _shows(scenario: ProofScenario, state: str, severity: str) -> bool:
    if state == "resolved":
        fired = _times(scenario, State.FIRING, severity)
        quiet = _times(scenario, State.QUIET, severity)
        return bool(fired and quiet) and max(quiet) > min(fired)
    asserted = {"fires": State.FIRING, "quiet": State.QUIET, "pending": State.PENDING}[state]
    return bool(_times(scenario, asserted, severity))


def _times(scenario: ProofScenario, state: State, severity: str) -> list[int]:
    return [parse_duration(found.at) or 0 for found in scenario.assertions if asserts(found, state, severity)]


def _records(service: Service, policy: Policy, evidence: Mapping[str, Evidence]) -> Iterator[RecordCoverage]:
    for environment, groups in service.groups:
        reached = evidence.get(rules_path(service, environment), _NONE).reached
        for number, rule in enumerate(recording_rules(groups)):
            yield RecordCoverage(
                team=service.team,
                service=service.name,
                record=rule.record,
                labels=rule.labels,
                environment=environment,
                number=number,
                place=rule.place,
                demanded=policy.proof.recording_rules,
                objective=None if rule.written else dict(rule.labels).get("slo"),
                reached_by=tuple(dict.fromkeys((who.alert, who.name) for who in reached.get(number, ()))),
            )
