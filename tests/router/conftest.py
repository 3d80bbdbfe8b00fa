from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from store_factory import STORES


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for the whole session; take a database or a schema of your own from it."""
    server = PostgresServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, for each kind of store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'router.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create_schema()
