"""What the definitions mean, as frozen values: the policy, services, rules, runbooks and scenarios.

What a compile makes by the ten thousand is a NamedTuple, the rest are frozen dataclasses: a frozen dataclass of sixteen
fields takes twice as long to make.
"""

from rules_gen.model.policy import (
    CHANNELS,
    PROOF_STATES,
    SEVERITIES,
    AlertmanagerPolicy,
    Cluster,
    Digest,
    Flap,
    MaintenanceWindow,
    Policy,
    ProofPolicy,
    RouterPolicy,
    SeverityPolicy,
    Storm,
    Team,
    Urls,
)
from rules_gen.model.rules import AlertRule, EquivalentMutant, RecordingRule, RuleGroup, Threshold
from rules_gen.model.runbook import Escalation, Runbook, Step
from rules_gen.model.scenario import Assertion, Scenario, State
from rules_gen.model.service import (
    Alert,
    AlertDigest,
    Catalog,
    Exemption,
    Inhibition,
    Service,
    ServiceDigest,
    Slo,
)

__all__ = [
    "CHANNELS",
    "PROOF_STATES",
    "SEVERITIES",
    "Alert",
    "AlertDigest",
    "AlertRule",
    "AlertmanagerPolicy",
    "Assertion",
    "Catalog",
    "Cluster",
    "Digest",
    "EquivalentMutant",
    "Escalation",
    "Exemption",
    "Flap",
    "Inhibition",
    "MaintenanceWindow",
    "Policy",
    "ProofPolicy",
    "RecordingRule",
    "RouterPolicy",
    "RuleGroup",
    "Runbook",
    "Scenario",
    "Service",
    "ServiceDigest",
    "SeverityPolicy",
    "Slo",
    "State",
    "Step",
    "Storm",
    "Team",
    "Threshold",
    "Urls",
]
