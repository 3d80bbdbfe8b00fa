"""The tables as SQLAlchemy Core knows them: what statements are built from.

What creates them is `migrations.py`, whose SQL is frozen; a test holds the two to each other. Key columns come first in
every table. A yes or no is 0 or 1, a time is microseconds, and what nobody asks about is JSON.

Three columns are derived, so that the questions the router asks often are answered by an index alone:
`alerts.severity_rank`, `incidents.team` and `deliveries.due_at`. See `rows.py`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text

METADATA = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True, nullable=False)


def _big(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _small(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _serial() -> Column[int]:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


INBOX = Table(
    "inbox",
    METADATA,
    _key("id"),
    _text("cluster"),
    _big("received_at"),
    _text("request_id"),
    _text("owner"),
    Column("body", LargeBinary, nullable=False),
)

QUARANTINE = Table(
    "quarantine",
    METADATA,
    _key("id"),
    _text("cluster"),
    _big("received_at"),
    _text("reason"),
    _big("size"),
    Column("body", LargeBinary, nullable=False),
)

ALERTS = Table(
    "alerts",
    METADATA,
    _key("fingerprint"),
    _key("cluster"),
    _text("incident_id"),
    _text("status"),
    _big("episode"),
    _big("starts_at"),
    _big("ends_at"),
    Column("severity", Text, nullable=True),
    _text("team"),
    _text("notify"),
    _text("labels"),
    _text("annotations"),
    _text("generator_url"),
    _big("seen_at"),
    _big("held_at"),
    _small("suppressed"),
    _small("severity_rank"),
)

INCIDENTS = Table(
    "incidents",
    METADATA,
    _key("id"),
    _text("cluster"),
    _text("group_labels"),
    _big("episode"),
    _small("open"),
    _text("severity"),
    _text("worst"),
    _text("counts"),
    _big("total"),
    _big("opened_at"),
    _big("closed_at"),
    _big("revision"),
    _text("summary"),
    _text("reopened"),
    _small("flapping"),
    _small("escalated"),
    _small("fallback"),
    _text("storm_id"),
    _big("received_at"),
    _text("team"),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    _key("incident_id"),
    _key("destination"),
    _text("mode"),
    _text("team"),
    _small("urgent"),
    _text("via"),
    _big("wanted_episode"),
    _text("wanted_state"),
    _big("wanted_content"),
    _big("shown_episode"),
    _text("shown_state"),
    _big("shown_content"),
    _big("claim_episode"),
    _text("claim_state"),
    _big("claim_content"),
    _text("owner"),
    _text("status"),
    _big("attempts"),
    _big("next_at"),
    _big("since"),
    _big("shown_at"),
    _big("repeat_at"),
    _small("plain"),
    _text("reason"),
    _text("detail"),
    _text("parts"),
    _text("payload"),
    _big("received_at"),
    _big("due_at"),
)

TRANSITIONS = Table(
    "transitions",
    METADATA,
    _serial(),
    _big("at"),
    _text("incident_id"),
    _text("fingerprint"),
    _big("episode"),
    _text("kind"),
    _text("detail"),
)

ATTEMPTS = Table(
    "attempts",
    METADATA,
    _serial(),
    _big("at"),
    _text("incident_id"),
    _text("destination"),
    _big("episode"),
    _text("action"),
    _text("outcome"),
    _text("reason"),
    _text("detail"),
    _text("provider_id"),
    _big("took"),
)

REPLICAS = Table("replicas", METADATA, _key("id"), _big("started_at"), _big("heartbeat_at"), _text("version"))

DESTINATIONS = Table(
    "destinations",
    METADATA,
    _key("destination"),
    _text("state"),
    _text("reason"),
    _text("detail"),
    _big("since"),
    _big("until"),
)

HEARTBEATS = Table("heartbeats", METADATA, _key("cluster"), _big("seen_at"))

FACTS = Table("facts", METADATA, _key("key"), _text("value"))

SCHEMA_VERSIONS = Table(
    "schema_versions",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    _small("min_reader"),
)
