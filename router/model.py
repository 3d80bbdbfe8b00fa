"""The values that the router is about: alerts, incidents, deliveries, destinations.

All times are integers: microseconds since 1970-01-01T00:00:00Z. All values are frozen; what changes is made anew.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from typing import NamedTuple

Micros = int
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

SEVERITIES = ("critical", "high", "medium", "low")
"""From the worst down. Their order is their rank."""

SEVERITY_RANK = {name: rank for rank, name in enumerate(SEVERITIES)}

INTERNAL_CLUSTER = "alert-router"
"""The source of what the router itself has to say, such as a silent Watchdog. No Alertmanager cluster may have it."""


class Alert(NamedTuple):
    """One alert as a webhook tells it."""

    cluster: str
    fingerprint: str
    firing: bool
    starts_at: Micros
    ends_at: Micros
    """When it ended; 0 while it fires."""
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str


class AlertStatus(enum.StrEnum):
    """What the router holds an alert for."""

    FIRING = "firing"
    RESOLVED = "resolved"
    HELD = "held"
    """Resolved, and a firing with an old start has come since: stale, or back from a partition. See incident.py."""


class AlertState(NamedTuple):
    """What is known of an alert: one for each (cluster, fingerprint)."""

    cluster: str
    fingerprint: str
    incident_id: str
    status: AlertStatus
    episode: int
    """1 for the first time that it fired. 0: only a resolve has been seen."""
    starts_at: Micros
    ends_at: Micros
    """The end of this episode, or of the last one while it fires; 0 when it has never ended."""
    severity: str | None
    """One of SEVERITIES; None: recorded, nobody is told."""
    team: str
    notify: str
    """A second team that is told, or empty."""
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str
    seen_at: Micros
    """When it was last told of."""
    held_at: Micros
    """When it was first held; 0 when it is not."""
    suppressed: bool
    """Whether Alertmanager silences or inhibits it, as the reconciler last saw."""


class IncidentCounts(NamedTuple):
    """How many alerts of an incident fire, for one severity and the teams that are told."""

    severity: str
    team: str
    notify: str
    firing: int


class Incident(NamedTuple):
    """Alerts of a cluster that share the `group_by` labels."""

    id: str
    cluster: str
    group: Mapping[str, str]
    """The group_by labels with their values."""
    episode: int
    """Counts from 1; 0 before it ever opened."""
    open: bool
    severity: str
    """The worst of its firing alerts; once closed, the worst of its last alert to end."""
    worst: str
    """The worst severity of this episode."""
    counts: tuple[IncidentCounts, ...]
    """Only entries above 0."""
    total: int
    """How many alerts have fired in this episode, each counted once an alert episode."""
    opened_at: Micros
    closed_at: Micros
    """The end of this episode, or of the last one while it is open; 0 when it has never closed."""
    revision: int
    """Grows with each change that a message shows."""
    summary: str
    """The lead alert's summary, for lists."""
    reopened: tuple[Micros, ...]
    """When it reopened, as far back as the flap window goes."""
    flapping: bool
    escalated: bool
    """A medium of this episode went unresolved for its response time, and counts as high."""
    fallback: bool
    """In this episode the fallback is told as well."""
    storm_id: str
    """The storm that this episode is folded into, or empty."""
    received_at: Micros
    """When the webhook that opened this episode arrived."""

    @property
    def firing(self) -> int:
        """How many of its alerts fire."""
        return sum(entry.firing for entry in self.counts)


class Destination(NamedTuple):
    """Where a message goes. It holds a secret's name, never the secret."""

    channel: str
    secret: str
    """The name of the secret that opens it; empty when it needs none."""
    address: str
    """A Slack channel, a mail address; empty when the secret says it all."""

    @property
    def key(self) -> str:
        """`pagerduty:KEY`, `slack:TOKEN/#channel`, `email:a@example.com`, `webhook:URL`: also a metric's label."""
        if self.secret and self.address:
            return f"{self.channel}:{self.secret}/{self.address}"
        return f"{self.channel}:{self.secret or self.address}"

    @staticmethod
    def parse(key: str) -> Destination:
        """The destination of a key. Addresses contain `@` or `#`; a secret's name never does."""
        channel, _, rest = key.partition(":")
        secret, slash, address = rest.partition("/")
        if slash and "@" not in secret and "#" not in secret:
            return Destination(channel, secret, address)
        if "@" in rest or "#" in rest:
            return Destination(channel, "", rest)
        return Destination(channel, rest, "")


class Shown(enum.StrEnum):
    """What a destination shows."""

    NONE = "none"
    FIRING = "firing"
    RESOLVED = "resolved"
    UNKNOWN = "unknown"
    """A call's answer was lost: it counts as possibly shown."""


class View(NamedTuple):
    """What a destination shows or should show: the level, not the edge."""

    episode: int
    state: Shown
    content: int
    """What else a message of the same state must agree in; its meaning is the channel's (see notifier.Traits)."""


NOTHING = View(0, Shown.NONE, 0)


class Status(enum.StrEnum):
    """Where a delivery stands."""

    SETTLED = "settled"
    WAITING = "waiting"
    CLAIMED = "claimed"
    DEAD = "dead"
    """A dead letter: a person has to look."""
    EXPIRED = "expired"
    """A dead letter that was put aside, by a person or because its incident has ended."""


class Mode(enum.StrEnum):
    """How a delivery leaves."""

    NOW = "now"
    DIGEST = "digest"
    """It waits for the digest, which reads it and writes a note."""
    NOTE = "note"
    """A message with a frozen payload, sent once."""


class Delivery(NamedTuple):
    """One row for each (incident, destination), or a note's (note id, destination)."""

    incident_id: str
    destination: str
    """A Destination's key."""
    mode: Mode
    team: str
    """The team on whose behalf it is told; chooses the templates."""
    urgent: bool
    """A critical or high: undelivered for `fallback_after` it goes to the fallback."""
    via: str
    """Why this destination: `route`, `fallback`, `storm`, `digest`, `notice`."""
    wanted: View
    shown: View
    claim: View
    """What its owner may send now, committed before the call. NOTHING when it isn't claimed."""
    owner: str
    """The replica that has claimed it, or empty."""
    status: Status
    attempts: int
    """Attempts spent on the present difference."""
    next_at: Micros
    """Not before this."""
    since: Micros
    """Since when shown differs from wanted; 0 when settled."""
    shown_at: Micros
    """When it was last delivered; 0 before."""
    repeat_at: Micros
    """When it is sent again although nothing changed: PagerDuty's repeat, or what a take-over asserts. 0: never."""
    plain: bool
    """The provider rejected the message; the plain text is tried."""
    reason: str
    """Why the last attempt failed, one of notifier.Reason; empty after a success."""
    detail: str
    """The provider's words, redacted and cut."""
    parts: Mapping[str, object]
    """The provider's references, and what each part of a message shows: the channel's own business."""
    payload: str
    """A note's frozen content as JSON; empty otherwise."""
    received_at: Micros
    """When the webhook behind the present difference arrived, for the latency."""


class InboxRow(NamedTuple):
    """A webhook that was acknowledged, or is about to be, and isn't applied yet."""

    id: str
    cluster: str
    received_at: Micros
    request_id: str
    owner: str
    """The replica that will apply it."""
    body: bytes


class Quarantined(NamedTuple):
    """A body that could not be read as a webhook."""

    id: str
    cluster: str
    received_at: Micros
    reason: str
    size: int
    """Bytes received; `body` holds the first of them."""
    body: bytes


class Transition(NamedTuple):
    """A line of the history that `alert-router explain` reads back."""

    at: Micros
    incident_id: str
    fingerprint: str
    """Empty when it is about the incident as a whole."""
    episode: int
    kind: str
    """fired, resolved, severity, stale, held, reopened, escalated, folded, superseded, expired, replayed ..."""
    detail: str


class Attempt(NamedTuple):
    """A line of the ledger: one call to a provider and its answer."""

    at: Micros
    incident_id: str
    destination: str
    episode: int
    action: str
    """What was asked for: firing, resolved, note; with the part, such as `firing thread`."""
    outcome: str
    """delivered, retry, rejected."""
    reason: str
    detail: str
    """The provider's answer, redacted and cut."""
    provider_id: str
    took: Micros


class Snapshot(NamedTuple):
    """An incident and the first of its firing alerts, as a message shows them."""

    incident: Incident
    alerts: tuple[AlertState, ...]
    """At most SNAPSHOT_ALERTS: the worst first, then the oldest. When none fires: the last that ended."""


SNAPSHOT_ALERTS = 10


class Replica(NamedTuple):
    """A router process that shares the store."""

    id: str
    started_at: Micros
    heartbeat_at: Micros
    version: str


class DestinationStatus(NamedTuple):
    """What is known of a destination's health, as far as replicas share it."""

    destination: str
    state: str
    """ok, limited (429), open (the breaker), parked (a fault of the destination)."""
    reason: str
    detail: str
    since: Micros
    until: Micros


class Heartbeat(NamedTuple):
    """A cluster's Watchdog."""

    cluster: str
    seen_at: Micros
    """When it last came; 0 when never."""


def incident_id(cluster: str, group: Mapping[str, str]) -> str:
    """An incident's id: 32 hexadecimal digits made of its cluster and its group_by labels.

    Never of Alertmanager's groupKey, which changes when a route is edited. It is PagerDuty's dedup_key, of which at
    most 255 characters are allowed (PagerDuty Events API v2).
    """
    text = "\0".join([cluster, *(f"{name}\1{group[name]}" for name in sorted(group))])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
