from __future__ import annotations

import sqlite3
import threading

import psycopg
import pytest
import sqlalchemy
from store_factory import an_alert

from router.store import StoreError
from router.stores.migrations import MIGRATIONS, TABLES, Migration
from router.stores.postgresql import PostgresStore
from router.stores.sqlite import SqliteStore
from router.stores.tables import METADATA

SECOND = Migration(
    MIGRATIONS[-1].version + 1,
    MIGRATIONS[-1].version,
    ("ALTER TABLE alerts ADD COLUMN ward {text} NOT NULL DEFAULT ''", "CREATE TABLE wards (id {serial} PRIMARY KEY)"),
)
BREAKING = SECOND._replace(min_reader=SECOND.version)
BROKEN = SECOND._replace(statements=("CREATE TABLE wards (id {serial} PRIMARY KEY)", "ALTER TABLE nonsense ADD x"))


def store_on(url: str, *more: Migration):
    migrations = (*MIGRATIONS, *more)
    if url.startswith("sqlite:///"):
        return SqliteStore(url.removeprefix("sqlite:///"), migrations=migrations)
    return PostgresStore(url, migrations=migrations)


def opened(url: str, *more: Migration):
    store = store_on(url, *more)
    store.open()
    return store


def inspected(url: str):
    if not url.startswith("sqlite:"):
        url = url.replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
    return sqlalchemy.inspect(engine)


def versions(url: str) -> list[tuple[int, int]]:
    query = "SELECT version, min_reader FROM schema_versions ORDER BY version"
    if url.startswith("sqlite:///"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    else:
        connection = psycopg.connect(url)
    try:
        return [tuple(row) for row in connection.execute(query).fetchall()]
    finally:
        connection.close()


def test_the_schema_is_what_the_statements_are_made_for(store_url):
    opened(store_url).close()
    inspector = inspected(store_url)
    assert set(inspector.get_table_names()) == set(METADATA.tables) == TABLES | {"schema_versions"}
    for name, table in METADATA.tables.items():
        columns = inspector.get_columns(name)
        assert [column["name"] for column in columns] == [column.name for column in table.columns]
        for found, known in zip(columns, table.columns, strict=True):
            assert found["type"]._type_affinity is known.type._type_affinity, f"{name}.{known.name}"
            assert known.primary_key or found["nullable"] == known.nullable, f"{name}.{known.name}"
        keys = inspector.get_pk_constraint(name)["constrained_columns"]
        assert keys == [column.name for column in table.primary_key]


def test_opening_twice_changes_nothing(store_url):
    opened(store_url).close()
    opened(store_url).close()
    assert versions(store_url) == [(1, 1)]


def test_a_new_version_keeps_what_is_there(store_url):
    old = opened(store_url)
    with old.begin() as tx:
        tx.save_alerts([an_alert()])
    old.close()
    new = opened(store_url, SECOND)
    with new.begin() as tx:
        assert tx.find_alerts("f1") == [an_alert()]
    new.close()
    assert versions(store_url) == [(1, 1), (SECOND.version, SECOND.min_reader)]


def test_an_old_release_goes_on_beside_a_new_one(store_url):
    old = opened(store_url)
    with old.begin() as tx:
        tx.save_alerts([an_alert()])
    opened(store_url, SECOND).close()
    with old.begin() as tx:
        tx.save_alerts([an_alert(episode=2), an_alert("f2")])
    old.close()
    restarted = opened(store_url)
    with restarted.begin() as tx:
        assert tx.find_alerts("f1") == [an_alert(episode=2)]
    restarted.close()
    assert len(versions(store_url)) == 2


def test_a_schema_that_needs_a_newer_release_is_refused(store_url):
    opened(store_url, BREAKING).close()
    with pytest.raises(
        StoreError, match="schema version 2, which needs a release that knows version 2; this one knows 1"
    ):
        opened(store_url)


def test_a_failed_version_leaves_the_old_one(store_url):
    opened(store_url).close()
    with pytest.raises(StoreError):
        opened(store_url, BROKEN)
    assert versions(store_url) == [(1, 1)]
    assert "wards" not in inspected(store_url).get_table_names()
    opened(store_url, SECOND).close()


def test_somebody_elses_database_is_refused_and_left_alone(store_url):
    if store_url.startswith("sqlite:///"):
        connection = sqlite3.connect(store_url.removeprefix("sqlite:///"))
    else:
        connection = psycopg.connect(store_url)
    connection.execute("CREATE TABLE alerts (id INTEGER)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="isn't the router's: it has a table alerts"):
        opened(store_url)
    assert inspected(store_url).get_table_names() == ["alerts"]


def test_replicas_that_start_at_once_do_not_collide(store_url):
    errors: list[Exception] = []
    ready = threading.Barrier(4)

    def start() -> None:
        store = store_on(store_url, SECOND)
        ready.wait(10)
        try:
            store.open()
        except StoreError as exc:
            errors.append(exc)
        store.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert len(versions(store_url)) == 2
