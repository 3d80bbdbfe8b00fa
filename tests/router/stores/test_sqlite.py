from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from store_factory import a_delivery, an_alert, an_incident

from router.model import InboxRow
from router.store import StoreError, StoreUnavailable
from router.stores import open_store
from router.stores.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "router.db")


@pytest.fixture
def store(path):
    store = SqliteStore(path, busy_timeout=20)
    store.open()
    yield store
    store.close()


def test_nobody_else_may_read_the_files(store, path):
    with store.begin() as tx:
        tx.put("key", "value")
    files = list(Path(path).parent.iterdir())
    assert {file.name for file in files} == {"router.db", "router.db-wal", "router.db-shm"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_commits_are_synced(store):
    connection = store._connection
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_locked_database_is_unavailable_and_then_works_again(store, path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"), store.begin():
        raise AssertionError
    other.execute("COMMIT")
    other.close()
    with store.begin() as tx:
        tx.put("key", "value")


def test_a_full_disk_is_unavailable_and_then_works_again(store):
    connection = store._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    rows = [InboxRow(f"w{n}", "main", n, "", "me", bytes(5000)) for n in range(50)]
    with pytest.raises(StoreUnavailable, match="full"), store.begin() as tx:
        tx.add_inbox(rows)
    assert store._connection is connection
    connection.execute("PRAGMA max_page_count = 1000000")
    with store.begin() as tx:
        assert tx.take_inbox("me", [], 10) == []
        tx.add_inbox(rows)


def test_a_read_only_database_is_unavailable(store):
    store._connection.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreUnavailable, match="readonly"), store.begin() as tx:
        tx.put("key", "value")
    # The next transaction has a new connection.
    with store.begin() as tx:
        tx.put("key", "value")


def test_a_folder_that_is_not_there_is_unavailable(tmp_path):
    store = SqliteStore(str(tmp_path / "missing" / "router.db"))
    with pytest.raises(StoreUnavailable, match="No such file"):
        store.open()
    (tmp_path / "missing").mkdir()
    with store.begin() as tx:
        assert tx.backlog() == []
    store.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(path):
    Path(path).write_text("a letter to a friend, which is somewhat longer than a header of SQLite is, you know\n" * 20)
    before = Path(path).read_bytes()
    with pytest.raises(StoreError, match="not a database") as caught:
        SqliteStore(path).open()
    assert not isinstance(caught.value, StoreUnavailable)
    assert Path(path).read_bytes() == before


def test_a_database_marked_by_another_program_is_refused(path):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA application_id = 77")
    connection.execute("CREATE TABLE mine (id INTEGER)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(path).open()


def test_two_processes_may_share_the_file(path):
    one, two = SqliteStore(path), SqliteStore(path)
    one.open()
    two.open()
    with one.begin() as tx:
        tx.put("key", "1")
    with two.begin() as tx:
        assert tx.get("key") == "1"
        tx.put("key", "2")
    with one.begin() as tx:
        assert tx.get("key") == "2"
    one.close()
    two.close()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///router.db", "router.db"),
        ("sqlite:////var/lib/router.db", "/var/lib/router.db"),
        ("sqlite:///:memory:", ":memory:"),
        ("/var/lib/router.db", "/var/lib/router.db"),
        (":memory:", ":memory:"),
    ],
)
def test_a_url_or_a_path_names_the_file(url, path):
    assert repr(open_store(url)) == f"SqliteStore({path!r})"


@pytest.mark.parametrize(
    "url", ["mysql://u:hunter2@h/db", "sqlite://router.db", "sqlite:///", "sqlite://u:hunter2@h/db"]
)
def test_a_url_of_another_kind_is_refused_without_repeating_it(url):
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


CRASH = """
import os, signal, sys
from router.stores import migrations, sqlite

statements, path = int(sys.argv[1]), sys.argv[2]
seen = 0

class Fragile(sqlite._SqliteTarget):
    def script(self, lines):
        global seen
        for line in lines:
            super().script([line])
            seen += 1
            if seen == statements:
                os.kill(os.getpid(), signal.SIGKILL)

    def commit(self):
        if statements == -1:
            os.kill(os.getpid(), signal.SIGKILL)
        super().commit()

sqlite._SqliteTarget = Fragile
second = migrations.Migration(2, 1, ("CREATE TABLE wards (id INTEGER)", "INSERT INTO wards VALUES (1)"))
sqlite.SqliteStore(path, migrations=(*migrations.MIGRATIONS, second)).open()
"""


@pytest.mark.full
@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("statements", [1, 2, -1])
def test_killed_while_migrating_leaves_the_old_schema_or_the_new(path, fresh, statements):
    if not fresh:
        store = SqliteStore(path)
        with store.begin() as tx:
            tx.save_alerts([an_alert()])
            tx.save_incidents([an_incident()])
            tx.save_deliveries([a_delivery()])
        store.close()
    ended = subprocess.run(
        [sys.executable, "-c", CRASH, str(statements), path], timeout=60, check=False, env={**os.environ}
    )
    assert ended.returncode == -signal.SIGKILL
    connection = sqlite3.connect(path)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    connection.close()
    assert tables == set() if fresh else "wards" not in tables
    store = SqliteStore(path)
    with store.begin() as tx:
        assert tx.find_alerts("f1") == ([] if fresh else [an_alert()])
    store.close()


@pytest.mark.parametrize("number", [1, 7, 8, 9, 32, 33, 73])
def test_rows_are_saved_in_their_order_however_many_share_a_statement(store, number):
    with store.begin() as tx:
        tx.save_alerts([an_alert(fingerprint=f"{place:016x}", episode=1) for place in range(number)])
        # Half of them again, and the first one last: the later row counts.
        again = [an_alert(fingerprint=f"{place:016x}", episode=2) for place in range(number // 2)]
        tx.save_alerts([*again, an_alert(fingerprint=f"{0:016x}", episode=3)])
        cluster = an_alert().cluster
        found = tx.alerts([(cluster, f"{place:016x}") for place in range(number)])
    episodes = [found[cluster, f"{place:016x}"].episode for place in range(number)]
    assert episodes == [3 if place == 0 else 2 if place < number // 2 else 1 for place in range(number)]
