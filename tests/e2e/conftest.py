"""Servers of the end-to-end tests: the real programs, on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for the whole session; take a database of your own from it."""
    server = PostgresServer()
    server.start()
    yield server
    server.stop()
