"""Coverage as promtool and the judgement tell it, of definitions typed in a test."""

import textwrap
from pathlib import Path

import pytest

from rules_gen.coverage.judge import judge
from rules_gen.definitions import compile_definitions
from rules_gen.proof.coverage import gather

TODAY = "2026-01-15"


class Measured:
    """What was measured; `rule` and `record` find one of each."""

    def __init__(self, coverage, problems):
        self.coverage = coverage
        self.problems = problems

    def rule(self, alert="Down", severity="high", environment=None):
        [found] = [
            rule
            for rule in self.coverage.rules
            if (rule.alert, rule.severity, rule.environment) == (alert, severity, environment)
        ]
        return found

    def shown(self, *which):
        return {state for state, scenarios in self.rule(*which).shown if scenarios}

    def reached(self, environment=None):
        return {
            record.title: [scenario for _, scenario in record.reached_by]
            for record in self.coverage.records
            if record.environment == environment
        }


@pytest.fixture
def measure(repository):
    """The coverage of a service of these rules, as YAML; `proof` is the policy's."""

    def call(rules, *, head="", proof="", names=(), today=TODAY):
        policy = repository.policy + (f"proof: {proof}\n" if proof else "")
        service = f"service: checkout\nteam: payments\n{textwrap.dedent(head)}alerts:\n" + textwrap.indent(
            textwrap.dedent(rules), "  "
        )
        contents = {"alerts/policy.yaml": policy.encode(), "alerts/payments/checkout.yaml": service.encode()}
        definitions = compile_definitions(contents, today, frozenset({"promtool-tests"}))
        assert not definitions.errors, definitions.errors
        fixtures = [fixture for result in definitions.compiled for fixture in result.fixtures]
        alerts = frozenset(alert.name for _, alert in definitions.alerts(names)) if names else None
        evidence, problems = gather(Path(), fixtures, (2, 42), lambda *_: None, alerts)
        return Measured(judge(definitions.services, definitions.policy, evidence, today, names), problems)

    return call
