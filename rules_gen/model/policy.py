"""What holds for all alerts: severities, teams, addresses, windows. Durations are kept as typed."""

from __future__ import annotations

from dataclasses import dataclass

from rules_gen.diagnostics import Place

SEVERITIES = ("critical", "high", "medium", "low")
"""The severities, from the worst down."""

CHANNELS = ("pagerduty", "slack", "email", "webhook")
"""The channels that a severity can name."""

PROOF_STATES = ("fires", "quiet", "pending", "resolved")
"""What a scenario can show of an alert; `resolved` is quiet after it fired, within one scenario."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class SeverityPolicy:
    """A severity's response time (`at once`, `next business day` or a duration) and its channels."""

    name: str
    response: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Team:
    """A team and its destinations; what it hasn't got is None or empty. Secrets are names, never values."""

    key: str
    name: str
    lead: str | None
    pagerduty_routing_key: str | None
    slack_channel: str | None
    slack_token: str | None
    email_to: tuple[str, ...]
    fallback: str | None
    escalate_medium: bool
    place: Place
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """When matching alerts are muted. `start` and `end` are HH:MM in `time_zone`."""

    name: str
    matchers: tuple[tuple[str, str], ...]
    severities: tuple[str, ...]
    weekdays: tuple[str, ...]
    start: str
    end: str
    time_zone: str
    notice: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Urls:
    """Address patterns with placeholders; `query` and `silence` can be absent."""

    runbook: str
    dashboard: str
    query: str | None
    silence: str | None


@dataclass(frozen=True, slots=True)
class AlertmanagerPolicy:
    """Alertmanager's timings, and the file with its own PagerDuty key."""

    group_wait: str
    group_interval: str
    repeat_interval: str
    native_pagerduty_key_file: str | None


@dataclass(frozen=True, slots=True)
class Digest:
    """When low alerts are mailed: HH:MM on these weekdays in this time zone."""

    at: str
    weekdays: tuple[str, ...]
    time_zone: str


@dataclass(frozen=True, slots=True)
class Storm:
    """When new incidents of a team are folded into one summary."""

    enabled: bool
    incidents_per_minute: int


@dataclass(frozen=True, slots=True)
class Flap:
    """When an incident that reopens often is held in one thread."""

    enabled: bool
    reopenings: int
    within: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """An Alertmanager cluster: its peers' addresses and how long its Watchdog may be silent."""

    name: str
    peers: tuple[str, ...]
    watchdog_deadline: str


@dataclass(frozen=True, slots=True)
class RouterPolicy:
    """What the router is told."""

    url: str
    credentials_file: str | None
    repeat_interval: str
    fallback_after: str
    digest: Digest
    storm: Storm
    flap: Flap
    clusters: tuple[Cluster, ...]


@dataclass(frozen=True, slots=True)
class ProofPolicy:
    """What scenarios must prove. `coverage` gives each severity the states that its alerts must be shown in.

    `recording_rules`: whether each must give a result in some scenario. `mutation_score` is the share (0 to 1) of an
    alert's mutants that its scenarios must tell from the original.
    """

    coverage: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("critical", ("fires", "quiet")),
        ("high", ("fires", "quiet")),
        ("medium", ("fires",)),
        ("low", ("fires",)),
    )
    recording_rules: bool = True
    mutation_score: float = 0.0

    def demanded(self, severity: str) -> tuple[str, ...]:
        """The states that an alert of this severity must be shown in."""
        return dict(self.coverage).get(severity, ())


@dataclass(frozen=True, slots=True)
class Policy:
    """alerts/policy.yaml. `prometheus` is the target version as (major, minor)."""

    prometheus: tuple[int, int]
    urls: Urls
    severities: tuple[SeverityPolicy, ...]
    aliases: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    external_labels: tuple[str, ...]
    group_by: tuple[str, ...]
    teams: tuple[Team, ...]
    default_team: str
    maintenance: tuple[MaintenanceWindow, ...]
    alertmanager: AlertmanagerPolicy
    router: RouterPolicy
    outputs: tuple[str, ...]
    place: Place
    proof: ProofPolicy = ProofPolicy()

    def severity(self, name: str) -> SeverityPolicy:
        """The policy of one of the four severities. KeyError for anything else."""
        for severity in self.severities:
            if severity.name == name:
                return severity
        raise KeyError(name)

    def team(self, key: str) -> Team | None:
        """The team of that key, None when the policy doesn't know it."""
        return next((team for team in self.teams if team.key == key), None)
