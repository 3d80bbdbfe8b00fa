"""The schema's versions, and how a database is brought up to date.

Each version is one transaction together with its row in `schema_versions`: killed at any moment, a database has the old
schema or the new one. A version's SQL is frozen once it has been released.

During a rolling upgrade an older release works on a newer schema, as long as the newest version's `min_reader` allows
it. It does when a version only adds: columns with defaults, tables, indexes; every statement names its columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from router.store import StoreError

TABLES = frozenset(
    {
        "alerts",
        "attempts",
        "deliveries",
        "destinations",
        "facts",
        "heartbeats",
        "inbox",
        "incidents",
        "quarantine",
        "replicas",
        "transitions",
    }
)
"""The names that version 1 creates: one of them without `schema_versions` is somebody else's table."""

VERSIONS_TABLE = "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, min_reader INTEGER NOT NULL)"


class Migration(NamedTuple):
    """One version of the schema."""

    version: int
    min_reader: int
    """The oldest version whose releases can work on this schema."""
    statements: tuple[str, ...]
    """SQL, in which {text}, {bytes} and {serial} are replaced by the database's own type."""


class Target(Protocol):
    """A connection that migrations run on."""

    types: dict[str, str]
    """What {text}, {bytes} and {serial} stand for."""

    def tables(self) -> set[str]:
        """The names of all tables."""
        ...

    def start(self) -> None:
        """Begin a transaction that no other migration runs beside."""
        ...

    def versions(self) -> list[tuple[int, int]]:
        """All (version, min_reader), in order."""
        ...

    def script(self, statements: Sequence[str]) -> None:
        """Run statements."""
        ...

    def commit(self) -> None:
        """Keep it."""
        ...

    def rollback(self) -> None:
        """Undo it."""
        ...


def migrate(target: Target, migrations: Sequence[Migration]) -> None:
    """Bring a database up to date. Raises StoreError when it is newer than this release can use, or isn't ours."""
    known = migrations[-1].version
    while True:
        target.start()
        try:
            tables = target.tables()
            if "schema_versions" not in tables:
                _refuse_strangers(tables)
                target.script([VERSIONS_TABLE])
            versions = target.versions()
            version, min_reader = versions[-1] if versions else (0, 0)
            if version > known:
                _refuse_the_future(version, min_reader, known)
            pending = next((migration for migration in migrations if migration.version > version), None)
            if pending is not None:
                target.script([statement.format(**target.types) for statement in pending.statements])
                values = f"{pending.version:d}, {pending.min_reader:d}"
                target.script([f"INSERT INTO schema_versions (version, min_reader) VALUES ({values})"])  # noqa: S608
        except BaseException:
            target.rollback()
            raise
        target.commit()
        if pending is None:
            return


def _refuse_the_future(version: int, min_reader: int, known: int) -> None:
    if min_reader > known:
        raise StoreError(
            f"the database has schema version {version}, which needs a release that knows version {min_reader};"
            f" this one knows {known}: upgrade the router"
        )


def _refuse_strangers(tables: set[str]) -> None:
    strangers = sorted(tables & TABLES)
    if strangers:
        raise StoreError(f"the database isn't the router's: it has a table {strangers[0]} that the router didn't make")


_VERSION_1 = (
    """CREATE TABLE inbox (
        id {text} PRIMARY KEY NOT NULL, cluster {text} NOT NULL, received_at BIGINT NOT NULL,
        request_id {text} NOT NULL, owner {text} NOT NULL, body {bytes} NOT NULL)""",
    """CREATE TABLE quarantine (
        id {text} PRIMARY KEY NOT NULL, cluster {text} NOT NULL, received_at BIGINT NOT NULL,
        reason {text} NOT NULL, size BIGINT NOT NULL, body {bytes} NOT NULL)""",
    "CREATE INDEX quarantine_received ON quarantine (received_at)",
    """CREATE TABLE alerts (
        fingerprint {text} NOT NULL, cluster {text} NOT NULL, incident_id {text} NOT NULL, status {text} NOT NULL,
        episode BIGINT NOT NULL, starts_at BIGINT NOT NULL, ends_at BIGINT NOT NULL, severity {text},
        team {text} NOT NULL, notify {text} NOT NULL, labels {text} NOT NULL, annotations {text} NOT NULL,
        generator_url {text} NOT NULL, seen_at BIGINT NOT NULL, held_at BIGINT NOT NULL, suppressed INTEGER NOT NULL,
        severity_rank INTEGER NOT NULL, PRIMARY KEY (fingerprint, cluster))""",
    # Messages show an incident's first alerts in this order.
    """CREATE INDEX alerts_firing ON alerts (incident_id, severity_rank, starts_at, fingerprint)
        WHERE status = 'firing'""",
    "CREATE INDEX alerts_not_firing ON alerts (incident_id, ends_at) WHERE status != 'firing'",
    "CREATE INDEX alerts_active ON alerts (cluster) WHERE status != 'resolved'",
    "CREATE INDEX alerts_held ON alerts (held_at) WHERE status = 'held'",
    "CREATE INDEX alerts_ended ON alerts (ends_at) WHERE status = 'resolved'",
    """CREATE TABLE incidents (
        id {text} PRIMARY KEY NOT NULL, cluster {text} NOT NULL, group_labels {text} NOT NULL, episode BIGINT NOT NULL,
        open INTEGER NOT NULL, severity {text} NOT NULL, worst {text} NOT NULL, counts {text} NOT NULL,
        total BIGINT NOT NULL, opened_at BIGINT NOT NULL, closed_at BIGINT NOT NULL, revision BIGINT NOT NULL,
        summary {text} NOT NULL, reopened {text} NOT NULL, flapping INTEGER NOT NULL, escalated INTEGER NOT NULL,
        fallback INTEGER NOT NULL, storm_id {text} NOT NULL, received_at BIGINT NOT NULL, team {text} NOT NULL)""",
    "CREATE INDEX incidents_opened ON incidents (open, opened_at, team)",
    "CREATE INDEX incidents_closed ON incidents (open, closed_at) WHERE open = 0",
    """CREATE TABLE deliveries (
        incident_id {text} NOT NULL, destination {text} NOT NULL, mode {text} NOT NULL, team {text} NOT NULL,
        urgent INTEGER NOT NULL, via {text} NOT NULL,
        wanted_episode BIGINT NOT NULL, wanted_state {text} NOT NULL, wanted_content BIGINT NOT NULL,
        shown_episode BIGINT NOT NULL, shown_state {text} NOT NULL, shown_content BIGINT NOT NULL,
        claim_episode BIGINT NOT NULL, claim_state {text} NOT NULL, claim_content BIGINT NOT NULL,
        owner {text} NOT NULL, status {text} NOT NULL, attempts BIGINT NOT NULL, next_at BIGINT NOT NULL,
        since BIGINT NOT NULL, shown_at BIGINT NOT NULL, repeat_at BIGINT NOT NULL, plain INTEGER NOT NULL,
        reason {text} NOT NULL, detail {text} NOT NULL, parts {text} NOT NULL, payload {text} NOT NULL,
        received_at BIGINT NOT NULL, due_at BIGINT NOT NULL, PRIMARY KEY (incident_id, destination))""",
    "CREATE INDEX deliveries_due ON deliveries (destination, urgent DESC, due_at) WHERE due_at > 0",
    "CREATE INDEX deliveries_unsettled ON deliveries (status, urgent, since) WHERE status != 'settled'",
    """CREATE INDEX deliveries_live ON deliveries (destination) WHERE mode != 'note'
        AND (shown_state = 'firing' OR shown_state = 'unknown' OR wanted_state = 'firing')""",
    """CREATE INDEX deliveries_digest ON deliveries (incident_id, destination) WHERE mode = 'digest'
        AND (wanted_state = 'firing' OR wanted_episode != shown_episode OR wanted_state != shown_state
        OR wanted_content != shown_content)""",
    """CREATE INDEX deliveries_notes ON deliveries (shown_at)
        WHERE mode = 'note' AND status IN ('settled', 'expired')""",
    """CREATE TABLE transitions (
        id {serial} PRIMARY KEY, at BIGINT NOT NULL, incident_id {text} NOT NULL, fingerprint {text} NOT NULL,
        episode BIGINT NOT NULL, kind {text} NOT NULL, detail {text} NOT NULL)""",
    "CREATE INDEX transitions_incident ON transitions (incident_id, at, id)",
    """CREATE TABLE attempts (
        id {serial} PRIMARY KEY, at BIGINT NOT NULL, incident_id {text} NOT NULL, destination {text} NOT NULL,
        episode BIGINT NOT NULL, action {text} NOT NULL, outcome {text} NOT NULL, reason {text} NOT NULL,
        detail {text} NOT NULL, provider_id {text} NOT NULL, took BIGINT NOT NULL)""",
    "CREATE INDEX attempts_incident ON attempts (incident_id, at, id)",
    """CREATE TABLE replicas (
        id {text} PRIMARY KEY NOT NULL, started_at BIGINT NOT NULL, heartbeat_at BIGINT NOT NULL,
        version {text} NOT NULL)""",
    """CREATE TABLE destinations (
        destination {text} PRIMARY KEY NOT NULL, state {text} NOT NULL, reason {text} NOT NULL, detail {text} NOT NULL,
        since BIGINT NOT NULL, until BIGINT NOT NULL)""",
    "CREATE TABLE heartbeats (cluster {text} PRIMARY KEY NOT NULL, seen_at BIGINT NOT NULL)",
    "CREATE TABLE facts (key {text} PRIMARY KEY NOT NULL, value {text} NOT NULL)",
)

MIGRATIONS = (Migration(version=1, min_reader=1, statements=_VERSION_1),)
