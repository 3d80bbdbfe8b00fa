"""One router at a time on a SQLite file."""

import subprocess
import sys

import pytest
from router_process import Providers, RouterProcess
from webhooks import alert

from router.store import StoreError
from router.stores.sole import only_one


def test_a_second_holder_is_refused_until_the_first_lets_go(tmp_path):
    url = f"sqlite:///{tmp_path / 'router.db'}"
    with only_one(url):
        with pytest.raises(StoreError, match="another router serves from"), only_one(url):
            pass
        with only_one(f"sqlite:///{tmp_path / 'other.db'}"):
            pass
    with only_one(url):
        pass


def test_a_process_that_is_killed_lets_go(tmp_path):
    url = f"sqlite:///{tmp_path / 'router.db'}"
    program = f"""
import os, signal
from router.stores.sole import only_one
with only_one({url!r}):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    with only_one(url):
        pass


def test_postgresql_is_shared():
    with only_one("postgresql://router@127.0.0.1/router"), only_one("postgresql://router@127.0.0.1/router"):
        pass


def test_a_folder_that_is_missing_is_for_the_database_to_complain_of(tmp_path):
    with only_one(f"sqlite:///{tmp_path / 'nowhere' / 'router.db'}"):
        pass


@pytest.mark.full
@pytest.mark.parametrize("same_port", [True, False])
def test_a_second_router_ends_before_it_takes_anything_from_the_first(tmp_path, same_port):
    with Providers() as providers, RouterProcess(tmp_path, providers, name="first") as first:
        providers.slack.faults({"delay": 1.0})
        first.deliver([alert("Down", labels={"team": "payments", "severity": "medium"})])
        before = first.ask(lambda tx: tx.replicas())
        second = RouterProcess(tmp_path, providers, name="second")
        second.port = first.port if same_port else second.port
        second.start(wait=False)
        assert second.ended() == 1
        assert any("another router serves from" in line for line in second.log), second.log
        assert [row.id for row in first.ask(lambda tx: tx.replicas())] == [row.id for row in before]
        first.settled()
        assert len([call for call in providers.slack.calls() if "postMessage" in str(call)]) == 1


@pytest.mark.full
def test_a_second_router_on_the_first_ones_address_takes_nothing_from_it_on_postgresql_either(tmp_path, postgres):
    url = postgres.create_schema()
    with Providers() as providers, RouterProcess(tmp_path, providers, store=url, name="first") as first:
        before = [row.id for row in first.ask(lambda tx: tx.replicas())]
        second = RouterProcess(tmp_path, providers, store=url, name="second")
        second.port = first.port
        second.start(wait=False)
        assert second.ended() == 1
        assert any("Address already in use" in line for line in second.log), second.log
        assert [row.id for row in first.ask(lambda tx: tx.replicas())] == before
