"""Every question that is asked often is answered by an index, however much is kept."""

from __future__ import annotations

import re
from typing import Any

import pytest

from router.stores import deliveries, inbox, incidents, ledger, retention
from router.stores.database import Each, Query
from router.stores.postgresql import PostgresStore
from router.stores.postgresql_database import PostgresWriter
from router.stores.sqlite import SqliteStore, SqliteWriter

QUERIES = {
    f"{module.__name__}.{name}.{place}": query
    for module in (inbox, incidents, deliveries, ledger, retention)
    for name, found in vars(module).items()
    for place, query in enumerate(found if isinstance(found, tuple) else (found,))
    if isinstance(query, (Query, Each))
}
SMALL = {"inbox", "replicas", "destinations", "heartbeats"}
"""Tables that hold what is under way, or a few rows for good."""
STEPS = {"found", "chosen", "first", "CONSTANT"}
"""What a statement makes itself."""
LOGS = {"transitions", "attempts"}
"""Pruning looks at the oldest rows of these, in the order in which they were written."""

NUMBERS = {"before", "beyond", "most", "now", "since"}


@pytest.fixture(scope="module")
def sqlite():
    store = SqliteStore(":memory:")
    store.open()
    yield store._connection
    store.close()


@pytest.fixture(scope="module")
def postgresql(postgres):
    store = PostgresStore(postgres.create_schema())
    store.open()
    # An empty table is read as a whole unless that is made to look dear.
    store._connection.execute("SET enable_seqscan = off")
    yield store._connection
    store.close()


PRUNING = {"_ALERTS": "alerts_ended", "_INCIDENTS": "incidents_closed", "_NOTES": "deliveries_notes"}


@pytest.mark.parametrize("name", PRUNING)
def test_pruning_looks_only_at_what_is_old(sqlite, name):
    text = QUERIES[f"router.stores.retention.{name}.0"].text(SqliteWriter())
    plan = [row[3] for row in sqlite.execute(f"EXPLAIN QUERY PLAN {text}", parameters(text, r":(\w+)", "[]"))]
    assert any(PRUNING[name] in step and "<?" in step for step in plan), plan


def parameters(text: str, pattern: str, strings: str) -> dict[str, Any]:
    return {name: 1 if name in NUMBERS else strings for name in re.findall(pattern, text)}


@pytest.mark.parametrize("name", QUERIES)
def test_sqlite_scans_no_table_that_grows(sqlite, name):
    text = QUERIES[name].text(SqliteWriter())
    plan = [row[3] for row in sqlite.execute(f"EXPLAIN QUERY PLAN {text}", parameters(text, r":(\w+)", "[]"))]
    # SCAN ... USING INDEX may walk a partial index, or one in the order asked for, but not all keys of a table.
    scanned = {step.split()[1] for step in plan if re.match(r"SCAN (?!.*(VIRTUAL|USING (?!.*autoindex)))", step)}
    assert scanned <= SMALL | STEPS | LOGS, plan
    if scanned & LOGS:
        assert "LIMIT" in text
        assert "TEMP B-TREE" not in str(plan)


@pytest.mark.full
@pytest.mark.parametrize("name", QUERIES)
def test_postgresql_scans_no_table_that_grows(postgresql, name):
    text = QUERIES[name].text(PostgresWriter())
    values = parameters(text, r"%\((\w+)\)s", "{}")
    plan = [row[0] for row in postgresql.execute(f"EXPLAIN {text}".encode(), values)]
    scanned = {found for line in plan for found in re.findall(r"Seq Scan on (\w+)", line)}
    assert scanned <= SMALL, plan
