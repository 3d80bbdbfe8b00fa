"""Stores for the fault matrix: SQLite in the quick tier, PostgreSQL in the full one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from router_process import Providers, RouterProcess, fetch
from store_factory import STORES


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all; take a database of your own from it."""
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, for each kind of store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'router.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create_database()


@pytest.fixture(scope="module")
def provider_processes() -> Iterator[Providers]:
    """PagerDuty's and Slack's stubs as processes, for all tests of a file."""
    with Providers() as found:
        yield found


@pytest.fixture
def providers(provider_processes: Providers) -> Providers:
    """The same, with nothing in their memory and nothing wrong with them."""
    for stub in (provider_processes.pagerduty, provider_processes.slack):
        stub.faults({"script": [], "always": {}, "delay": 0.0})
        fetch(f"{stub.url}/_reset", b"{}")
    return provider_processes


@pytest.fixture
def real_router(tmp_path: Path, providers: Providers, store_url: str) -> Iterator[RouterProcess]:
    """A router that isn't started, on each kind of store. What of it still runs in the end is killed."""
    made = RouterProcess(tmp_path, providers, store=store_url)
    yield made
    made.kill()
