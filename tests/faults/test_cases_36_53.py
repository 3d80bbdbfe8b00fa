"""The fault matrix, cases 36 to 53: what people would have seen, and what the ledger says."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_world import World, end, fire, incident, play, replace_team
from http_stub import Fault, Kind
from router_process import (
    PAGERDUTY_KEY,
    ROOT,
    TOKEN,
    Providers,
    RouterProcess,
    eventually,
    fetch,
    routes_document,
)
from web_edge import BEARER, FakePorts, call
from webhooks import alert, document, webhook

from router.model import INTERNAL_CLUSTER, MINUTE, SECOND, Destination, Shown, Status, incident_id
from router.policies.internal import REFUSED, UNREADABLE, WATCHDOG_SILENT
from router.routes import Cluster
from router.store import Store, StoreError, Transaction
from router.stores.migrations import MIGRATIONS, Migration
from router.stores.postgresql import PostgresStore
from router.stores.sqlite import SqliteStore
from router.web.app import create_app
from router.web.ports import Settings as WebSettings

MAIN = {"main": Cluster("main", ("http://127.0.0.1:9093",), 5 * MINUTE)}


def own(name: str) -> str:
    """The incident of one of the router's own alerts."""
    return incident(name, team="platform", service="alert-router", cluster=INTERNAL_CLUSTER)


def own_pages(world: World, name: str) -> list[str]:
    """What the platform team was paged for by one of the router's own alerts."""
    found = world.pagerduty.incidents.get((world.secrets["PLATFORM_KEY"], own(name)), [])
    return [one["status"] for one in found]


def platform_pages(world: World, name: str = "Down") -> list[str]:
    """What the platform team was paged for in the place of payments."""
    return world.pages(name, key="PLATFORM_KEY")


def watchdog() -> dict[str, object]:
    """The heartbeat of a cluster."""
    return fire("Watchdog", severity="none", team=None, service=None)


# 36: a destination is removed with work queued


def test_case_36_work_for_a_removed_destination_goes_where_its_team_is_told_now(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            world.pagerduty_wire.down = True
            await world.router.post([fire()])
            await world.sleep(3)
            world.routes = replace_team(world.routes, "payments", "pagerduty", ())
            await world.router.replan()
            world.pagerduty_wire.down = False
            await world.sleep(60)
            # Payments has none of the severity's channels any more, so its fallback is paged, once.
            assert world.pages() == []
            assert platform_pages(world) == ["triggered"]
            assert world.router.delivery(incident()).status is Status.SETTLED
            assert "superseded" in world.router.history(incident())
            world.assert_at_rest()

    play(scenario)


def test_case_36_what_a_removed_destination_shows_is_taken_back_there(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            fired = fire()
            await world.router.post([fired])
            await world.sleep(2)
            world.secrets["NEW_KEY"] = "c" * 32
            moved = (Destination("pagerduty", "NEW_KEY", ""),)
            world.routes = replace_team(world.routes, "payments", "pagerduty", moved)
            await world.router.replan()
            await world.sleep(5)
            assert world.pages() == ["resolved"]
            assert world.pages(key="NEW_KEY") == ["triggered"]
            await world.router.post([end(fired)])
            await world.sleep(5)
            assert world.pages(key="NEW_KEY") == ["resolved"]
            world.assert_at_rest()

    play(scenario)


def test_case_36_a_removed_destination_whose_secret_is_gone_as_well_keeps_its_open_page_in_sight(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            fired = fire()
            await world.router.post([fired])
            await world.sleep(2)
            del world.secrets["PAYMENTS_KEY"]
            world.routes = replace_team(world.routes, "payments", "pagerduty", ())
            await world.router.replan()
            await world.sleep(10)
            # The page there is open, and nobody can close it: that is told rather than forgotten.
            row = world.router.delivery(incident())
            assert (row.status, row.wanted.state, row.reason) == (Status.WAITING, Shown.RESOLVED, "misconfigured")
            assert own_pages(world, REFUSED) == ["triggered"]
            world.secrets["PAYMENTS_KEY"] = "a" * 32
            await world.sleep(70)
            assert world.pages() == ["resolved"]
            assert own_pages(world, REFUSED) == ["resolved"]
            world.assert_at_rest()

    play(scenario)


@pytest.mark.full
def test_case_36_a_real_router_reloads_routes_without_a_channel_that_has_work_queued(tmp_path: Path, store_url: str):
    with Providers() as providers, RouterProcess(tmp_path, providers, store=store_url) as router:
        providers.slack.faults({"always": {"kind": "status", "status": 503}})
        router.deliver([alert("Down", labels={"team": "payments", "severity": "medium"})])
        eventually(lambda: providers.slack.state()["attempts"] > 0)
        without = routes_document()
        del without["teams"]["payments"]["slack"]
        router.write_routes(without)
        key = incident_id("main", {"team": "payments", "service": "payments", "alertname": "Down"})
        moved = "slack:SLACK_TOKEN/#platform"
        eventually(lambda: any(row.destination == moved for row in router.deliveries(key)))
        providers.slack.faults({"always": {"kind": "ok"}})
        eventually(lambda: any(row.destination == moved and row.shown_at for row in router.deliveries(key)))
        router.settled()
        channels = {channel["name"]: channel["messages"] for channel in providers.slack.state()["channels"]}
        assert len(channels["platform"]) == 1
        assert channels.get("payments", []) == []


@pytest.mark.full
def test_case_36_routes_that_changed_while_the_router_was_down_are_in_force_for_what_is_open(
    tmp_path: Path, store_url: str
):
    with Providers() as providers, RouterProcess(tmp_path, providers, store=store_url) as router:
        providers.pagerduty.faults({"always": {"kind": "status", "status": 503}})
        router.deliver([alert("Down", labels={"team": "payments"})])
        eventually(lambda: providers.pagerduty.state()["attempts"] > 0)
        router.stop()
        moved = routes_document()
        moved["teams"]["payments"]["pagerduty"]["routing_key"] = "NEW_KEY"
        router.write_routes(moved)
        router.secrets["NEW_KEY"] = "9" * 32
        providers.pagerduty.faults({"always": {"kind": "ok"}})
        router.start()
        eventually(lambda: "9" * 32 in {one["routing_key"] for one in providers.pagerduty.state()["incidents"]})
        router.settled()
        assert PAGERDUTY_KEY not in {one["routing_key"] for one in providers.pagerduty.state()["incidents"]}


# 37: credentials rotate mid-retry


def test_case_37_a_key_that_is_replaced_mid_retry_is_used_by_the_next_attempt():
    async def scenario():
        async with World() as world:
            old = world.secrets["PAYMENTS_KEY"]
            world.pagerduty.known_keys = {"c" * 32, world.secrets["PLATFORM_KEY"]}
            await world.router.post([fire()])
            await world.sleep(8)
            row = world.router.delivery(incident())
            assert (row.status, row.attempts, row.reason) == (Status.WAITING, 0, "bad_credentials")
            assert own_pages(world, REFUSED) == ["triggered"]
            world.secrets["PAYMENTS_KEY"] = "c" * 32
            await world.sleep(70)
            assert world.pages() == ["triggered"]
            assert own_pages(world, REFUSED) == ["resolved"]
            ledger = world.router.ask(lambda tx: tx.history(incident(), 100))[1]
            assert old not in repr(ledger)
            world.assert_at_rest()

    play(scenario)


def test_case_37_a_slack_token_that_is_rotated_edits_the_message_of_the_old_one():
    async def scenario():
        async with World() as world:
            fired = fire(severity="medium")
            await world.router.post([fired])
            await world.sleep(2)
            world.slack.plan.script.append(Fault(Kind.STATUS, 503))
            await world.router.post([end(fired)])
            await world.sleep(0.2)
            world.slack.control({"revoke": world.secrets["SLACK_TOKEN"]})
            world.secrets["SLACK_TOKEN"] = "xoxb-2-of-a-test"
            await world.sleep(10)
            assert len(world.messages()) == 1
            assert "Resolved: Down" in world.messages()[0]
            world.assert_at_rest()

    play(scenario)


# 38: PagerDuty up, Slack dead: independent


@pytest.mark.parametrize("dead", ["refused", "hangs", "429", "503", "html"])
def test_case_38_a_dead_slack_delays_no_page_and_catches_up_with_one_message_each(dead):
    async def scenario():
        async with World() as world:
            world.slack_wire.down = dead == "refused"
            faults = {
                "hangs": Fault(Kind.HANG),
                "429": Fault(Kind.STATUS, 429),
                "503": Fault(Kind.STATUS, 503),
                "html": Fault(Kind.HTML),
            }
            world.slack.plan.always = faults.get(dead, Fault())
            names = [f"Down{number}" for number in range(8)]
            fired = [fire(name, severity="high") for name in names]
            for one in fired:
                await world.router.post([one])
            await world.sleep(5)
            assert [world.pages(name) for name in names] == [["triggered"]] * 8
            await world.sleep(130)
            await world.router.post([end(fired[0])])
            await world.sleep(2)
            assert world.pages("Down0") == ["resolved"]
            world.slack_wire.down = False
            world.slack.plan.always = Fault()
            await world.sleep(80)
            assert len(world.messages()) == 8
            assert sum("Resolved: Down0" in text for text in world.messages()) == 1
            world.assert_at_rest()

    play(scenario)


# 39: dead letter replayed twice, or after resolve


async def dead_letter(world: World) -> dict[str, object]:
    """An alert whose trigger PagerDuty refuses in both forms."""
    world.pagerduty.plan.script.extend([Fault(Kind.STATUS, 400)] * 2)
    fired = fire()
    await world.router.post([fired])
    await world.sleep(5)
    assert world.router.delivery(incident()).status is Status.DEAD
    assert world.router.ledger(incident()) == ["firing bad_message"] * 2
    return fired


def test_case_39_a_dead_letter_that_is_replayed_twice_pages_once(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            await dead_letter(world)
            await world.router.replay(incident())
            await world.router.replay(incident())
            await world.sleep(3)
            assert world.pages() == ["triggered"]
            assert world.router.ledger(incident())[2:] == ["firing delivered"]
            # And once more when it is delivered: nothing happens.
            row = await world.router.replay(incident())
            assert row.status is Status.SETTLED
            await world.sleep(3)
            assert world.pages() == ["triggered"]
            assert world.router.ledger(incident())[2:] == ["firing delivered"]
            world.assert_at_rest()

    play(scenario)


def test_case_39_a_dead_letter_of_what_is_over_expires_and_pages_nobody_when_replayed(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            fired = await dead_letter(world)
            await world.router.post([end(fired)])
            await world.sleep(2)
            assert world.router.delivery(incident()).status is Status.EXPIRED
            row = await world.router.replay(incident())
            assert row.status is Status.SETTLED
            await world.sleep(10)
            assert world.pages() == []
            # The fallback was told of it, and that it is over.
            assert "Resolved: Down" in world.messages("#platform")[0]
            assert "superseded" in world.router.history(incident())
            world.assert_at_rest()

    play(scenario)


def test_case_39_a_dead_letter_goes_to_the_fallback_at_once(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            fired = await dead_letter(world)
            await world.sleep(3)
            assert platform_pages(world) == ["triggered"]
            await world.router.post([end(fired)])
            await world.sleep(3)
            assert platform_pages(world) == ["resolved"]
            world.assert_at_rest()

    play(scenario)


@pytest.mark.full
def test_case_39_dead_letters_are_replayed_twice_by_the_command_line(tmp_path: Path, store_url: str):
    with Providers() as providers, RouterProcess(tmp_path, providers, store=store_url) as router:
        providers.slack.faults({"always": {"kind": "status", "status": 400}})
        router.deliver([alert("Down", labels={"team": "payments", "severity": "medium"})])
        key = incident_id("main", {"team": "payments", "service": "payments", "alertname": "Down"})
        eventually(lambda: [row for row in router.deliveries(key) if row.status is Status.DEAD])
        providers.slack.faults({"always": {"kind": "ok"}})
        replay = [sys.executable, "-m", "router", "dead-letters", "replay", key, "--store", store_url]
        replay += ["--routes", str(router.routes_path)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **router.secrets}
        for _ in range(2):
            done = subprocess.run(replay, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        eventually(lambda: providers.slack.state()["posts"])
        router.settled()
        assert providers.slack.state()["posts"] == {f"{key}/1": 1}
        assert router.ask(lambda tx: tx.dead_letters(["dead"], 10)) == []


# 40: a slow destination starves others


def test_case_40_a_slow_destination_starves_no_other():
    async def scenario():
        async with World() as world:
            for number in range(150):
                await world.router.post([fire(f"Slow{number}", severity="medium")])
            world.slack_wire.seconds = 9.0
            await world.sleep(20)
            await world.router.post([fire("Down")])
            # Not even one beat of the ticker passes before it is paged.
            await world.sleep(0.2)
            assert world.pages() == ["triggered"]

    play(scenario)


def test_case_40_a_slow_channel_starves_no_other_channel_of_the_same_provider():
    async def scenario():
        async with World() as world:
            world.slack_wire.open.clear()
            world.slack_wire.slow = "#payments"
            for number in range(40):
                await world.router.post([fire(f"Slow{number}", severity="medium")])
            await world.router.post([fire("Other", severity="medium", team="platform")])
            await world.sleep(1)
            assert len(world.messages("#platform")) == 1
            assert world.messages("#payments") == []
            world.slack_wire.open.set()
            await world.sleep(120)
            assert len(world.messages("#payments")) == 40
            world.assert_at_rest()

    play(scenario)


def test_case_40_within_a_destination_the_urgent_go_first():
    async def scenario():
        async with World() as world:
            world.slack_wire.seconds = 1.0
            for number in range(60):
                await world.router.post([fire(f"Mild{number}", severity="medium")])
            await world.router.post([fire("Down", severity="high")])
            await world.sleep(15)
            assert any("Down ·" in text for text in world.messages())
            assert len(world.messages()) < 20

    play(scenario)


# 41: Alertmanager outage, lost resolve


def test_case_41_a_resolve_that_was_lost_in_an_outage_of_alertmanager_is_made_good():
    async def scenario():
        async with World() as world:
            world.peer.reachable = True
            fired, beat = fire(severity="high"), watchdog()
            world.peer.hold(fired, beat)
            await world.router.post([fired])
            await world.router.post([beat])
            await world.sleep(120)
            world.peer.reachable = False
            world.peer.forget(fired)
            await world.sleep(600)
            # Nobody knows anything: what fired last, fires.
            assert world.pages() == ["triggered"]
            world.peer.reachable = True
            await world.sleep(200)
            assert world.pages() == ["resolved"]
            assert "Resolved: Down" in world.messages()[0]
            assert "reconciled" in world.router.history(incident())
            world.assert_at_rest()

    play(scenario)


def test_case_41_an_alert_that_alertmanager_could_not_tell_of_is_found_there():
    async def scenario():
        async with World() as world:
            world.peer.reachable = True
            beat = watchdog()
            world.peer.hold(fire(), beat)
            await world.router.post([beat])
            await world.sleep(250)
            assert world.pages() == []
            await world.sleep(150)
            assert world.pages() == ["triggered"]
            world.assert_at_rest()

    play(scenario)


# 42: Alertmanager restart with an empty list


def test_case_42_an_alertmanager_that_restarted_with_an_empty_list_closes_nothing():
    async def scenario():
        async with World() as world:
            world.peer.reachable = True
            fired, beat = fire(), watchdog()
            await world.router.post([fired])
            await world.router.post([beat])
            world.peer.hold(fired, beat)
            await world.sleep(60)
            # It starts again, and Prometheus tells it of all that fires a minute later.
            world.peer.started_at = world.router.ground.now()
            world.peer.alerts.clear()
            world.peer.hold(beat)
            await world.sleep(600)
            assert world.pages() == ["triggered"]
            world.peer.hold(fired)
            await world.sleep(1200)
            assert world.pages() == ["triggered"]
            assert "reconciled" not in world.router.history(incident())
            world.assert_at_rest()

    play(scenario)


def test_case_42_what_ended_while_alertmanager_was_down_is_closed_once_it_has_been_up_for_long():
    async def scenario():
        async with World() as world:
            world.peer.reachable = True
            fired, beat = fire(), watchdog()
            await world.router.post([fired])
            await world.router.post([beat])
            world.peer.started_at = world.router.ground.now()
            world.peer.hold(beat)
            await world.sleep(14 * 60)
            assert world.pages() == ["triggered"]
            await world.sleep(5 * 60)
            assert world.pages() == ["resolved"]
            world.assert_at_rest()

    play(scenario)


# 43: Watchdog silent


def test_case_43_a_silent_watchdog_pages_after_its_deadline_and_resolves_when_it_is_back():
    async def scenario():
        async with World(clusters=MAIN) as world:
            for _ in range(8):
                await world.router.post([watchdog()])
                await world.sleep(60)
            assert world.paged() == {}
            await world.sleep(230)
            assert own_pages(world, WATCHDOG_SILENT) == []
            await world.sleep(15)
            assert own_pages(world, WATCHDOG_SILENT) == ["triggered"]
            await world.sleep(300)
            await world.router.post([watchdog()])
            await world.sleep(3)
            assert own_pages(world, WATCHDOG_SILENT) == ["resolved"]
            # The heartbeat itself never was an incident.
            assert sum(world.paged().values()) == 1
            assert world.messages("#platform") == []
            world.assert_at_rest()

    play(scenario)


def test_case_43_a_watchdog_that_never_came_pages_too_and_two_replicas_page_once():
    async def scenario():
        async with World(clusters=MAIN) as world:
            await world.add("router-2")
            await world.sleep(310)
            assert own_pages(world, WATCHDOG_SILENT) == ["triggered"]
            assert sum(world.paged().values()) == 1

    play(scenario)


def test_case_43_after_a_restart_a_whole_deadline_is_waited():
    async def scenario():
        async with World(clusters=MAIN) as world:
            await world.router.post([watchdog()])
            await world.sleep(10)
            world.router.die()
            await world.sleep(3600)
            again = await world.add("router-1b")
            await world.sleep(290)
            assert world.paged() == {}
            await again.post([watchdog()])
            await world.sleep(60)
            assert world.paged() == {}

    play(scenario)


# 44: unknown keys, wrong version, gzip, chunked


class _Ports(FakePorts):
    """The web edge before a router of the world."""

    def __init__(self, world: World) -> None:
        super().__init__("main")
        self.router = world.router

    def now(self):
        return self.router.ground.now()

    async def accept(self, cluster, request_id, received_at, body, webhook):
        await self.router.ingest.accept(cluster, request_id, received_at, body, webhook)

    async def quarantine(self, cluster, request_id, received_at, reason, *, size, body):
        await self.router.ingest.quarantine(cluster, request_id, received_at, reason, size=size, head=body)


def spellings() -> Iterator[tuple[str, bytes | list[bytes], tuple[tuple[str, str], ...]]]:
    """One webhook in the forms that it may come in: name, body or its pieces, headers."""
    body = webhook([fire()])
    newer = document([fire() | {"newKey": {"a": [1]}, "labelsV2": None}], futureKey=[{}], notificationReason="x")
    plain = (("content-type", "application/json"),)
    yield "unknown keys", json.dumps(newer).encode(), plain
    yield "version 5", webhook([fire()], version="5"), plain
    yield "version as a number", webhook([fire()], version=4), plain
    yield "no version", json.dumps({"alerts": [fire()]}).encode(), plain
    yield "a byte order mark", b"\xef\xbb\xbf" + body, plain
    yield "gzip", gzip.compress(body), (*plain, ("content-encoding", "gzip"))
    yield "gzip in capitals", gzip.compress(body), (*plain, ("content-encoding", "GZIP"))
    yield "in pieces", [body[start : start + 7] for start in range(0, len(body), 7)], plain
    yield "no content type", body, ()
    yield "another content type", body, (("content-type", "text/plain"),)


@pytest.mark.parametrize("number", range(10))
def test_case_44_a_webhook_in_an_unusual_form_pages_all_the_same(number):
    async def scenario():
        async with World() as world:
            name, body, headers = list(spellings())[number]
            app = create_app(_Ports(world))
            answer = await call(app, "POST", "/webhook/main", body, headers=(*BEARER, *headers))
            assert (answer.status, answer.json()) == (200, {"status": "accepted"}), name
            await world.sleep(3)
            assert world.pages() == ["triggered"], name
            assert sum(world.paged().values()) == 1
            world.assert_at_rest()

    play(scenario)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", ()),
        (b"", ()),
        (b"[]", ()),
        (b'{"version": "4"}', ()),
        (b"\x1f\x8b broken", (("content-encoding", "gzip"),)),
        (zlib.compress(b"{}"), (("content-encoding", "deflate"),)),
        (gzip.compress(b"0" * 200_000_000), (("content-encoding", "gzip"),)),
    ],
    ids=["half", "empty", "a list", "no alerts", "broken gzip", "deflate", "a bomb"],
)
def test_case_44_what_can_not_be_read_is_kept_and_pages_the_platform_team(body, headers):
    async def scenario():
        async with World() as world:
            app = create_app(_Ports(world))
            answer = await call(app, "POST", "/webhook/main", body, headers=(*BEARER, *headers))
            # A 4xx would make Alertmanager drop it.
            assert (answer.status, answer.json()) == (200, {"status": "quarantined"})
            await world.sleep(3)
            assert own_pages(world, UNREADABLE) == ["triggered"]
            kept = world.router.ask(lambda tx: tx.quarantine(10))
            assert [row.body[:10] for row in kept] == [body[:10]] or len(body) > 10
            assert kept[0].cluster == "main"
            world.assert_at_rest()

    play(scenario)


@pytest.mark.full
def test_case_44_a_real_router_takes_gzip_and_chunks(tmp_path: Path):
    import http.client

    with Providers() as providers, RouterProcess(tmp_path, providers) as router:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        zipped = gzip.compress(webhook([alert("Zipped", labels={"team": "payments"})]))
        status, _ = fetch(
            f"{router.url}/webhook/main", zipped, Authorization=f"Bearer {TOKEN}", Content_Encoding="gzip"
        )
        assert status == 200
        body = webhook([alert("Chunked", labels={"team": "payments"})])
        connection = http.client.HTTPConnection("127.0.0.1", router.port, timeout=10)
        pieces = (body[start : start + 100] for start in range(0, len(body), 100))
        connection.request("POST", "/webhook/main", body=pieces, headers=headers, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"status":"accepted"}')
        connection.close()
        eventually(lambda: providers.pagerduty.state()["opened"] == 2)


# 45: rolling upgrade on one schema

ADDS = Migration(2, 1, ("ALTER TABLE alerts ADD COLUMN owner_of_tomorrow {text} NOT NULL DEFAULT ''",))
BREAKS = Migration(2, 2, ("ALTER TABLE deliveries ADD COLUMN shape_of_tomorrow BIGINT NOT NULL DEFAULT 0",))


def newer(url: str, migration: Migration) -> Store:
    """The store of a release to come."""
    versions = (*MIGRATIONS, migration)
    if url.startswith("sqlite"):
        return SqliteStore(url.removeprefix("sqlite:///"), migrations=versions)
    return PostgresStore(url, migrations=versions)


def test_case_45_old_and_new_release_work_on_one_schema_and_nobody_is_paged_twice(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            fired = [fire(f"Down{number}") for number in range(3)]
            await world.router.post([fired[0]])
            await world.sleep(2)
            # A call of the old release is under way while the new one starts and migrates.
            world.pagerduty_wire.open.clear()
            await world.router.post([fired[1]])
            await world.sleep(1)
            new = await world.add_store("router-2", newer(store_url, ADDS))
            world.pagerduty_wire.open.set()
            await world.sleep(2)
            # Both work, each on what the other has begun.
            await new.post([end(fired[0])])
            await world.router.post([fired[2]])
            await world.sleep(2)
            await world.router.stop()
            await new.post([end(fired[1])])
            await world.sleep(2)
            assert [world.pages(f"Down{number}") for number in range(3)] == [["resolved"], ["resolved"], ["triggered"]]
            # And back: the old release starts on the newer schema.
            old = await world.add("router-1b")
            await old.post([end(fired[2])])
            await world.sleep(2)
            assert [world.pages(f"Down{number}") for number in range(3)] == [["resolved"]] * 3
            assert [len(one) for one in world.pagerduty.incidents.values()] == [1, 1, 1]
            world.assert_at_rest()

    play(scenario)


def test_case_45_an_old_release_refuses_a_schema_that_it_would_spoil(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            await world.router.post([fire()])
            await world.sleep(2)
            await world.router.stop()
            await world.add_store("router-2", newer(store_url, BREAKS))
            with pytest.raises(StoreError, match="upgrade the router"):
                await world.add("router-1b")
            assert world.nodes[1].delivery(incident()).status is Status.SETTLED

    play(scenario)


@pytest.mark.full
def test_case_45_a_real_old_router_goes_on_while_the_schema_is_upgraded_under_it(tmp_path: Path, store_url: str):
    with Providers() as providers, RouterProcess(tmp_path, providers, store=store_url) as router:
        router.deliver([alert("Before", labels={"team": "payments"})])
        eventually(lambda: providers.pagerduty.state()["opened"] == 1)
        store = newer(store_url, ADDS)
        store.open()
        store.close()
        router.deliver([alert("Meanwhile", labels={"team": "payments"})])
        eventually(lambda: providers.pagerduty.state()["opened"] == 2)
        assert router.stop() == 0
        router.start()
        router.deliver([alert("After", labels={"team": "payments"}), alert("Before", labels={"team": "payments"})])
        eventually(lambda: providers.pagerduty.state()["opened"] == 3)
        router.settled()
        assert providers.pagerduty.state()["opened"] == 3


# 46: backup restored: no mass page


def backup(source: Path, target: Path) -> None:
    """SQLite's own backup, of a database that is in use."""
    with sqlite3.connect(source) as one, sqlite3.connect(target) as other:
        one.backup(other)
    one.close()
    other.close()


def test_case_46_a_restored_backup_pages_nobody_for_what_is_over(tmp_path: Path):
    async def scenario():
        path, kept = tmp_path / "router.db", tmp_path / "kept.db"
        async with World(f"sqlite:///{path}", repeat_interval=3600 * SECOND) as world:
            world.peer.reachable = True
            fired, beat = [fire(f"Down{number}", severity="high") for number in range(20)], watchdog()
            world.peer.hold(*fired, beat)
            await world.router.post([*fired, beat])
            await world.sleep(60)
            backup(path, kept)
            await world.sleep(60)
            # All but two end, and a third one begins; then the disk is lost.
            world.peer.forget(*fired[2:])
            await world.router.post([end(one) for one in fired[2:]])
            later = fire("Later")
            world.peer.hold(later)
            await world.router.post([later])
            await world.sleep(60)
            posted, paged = len(world.messages()), sum(world.paged().values())
            assert (posted, paged) == (20, 21)
            world.router.die()
            # The repeats of all that was open in the backup are overdue by hours.
            await world.sleep(5 * 3600)
            restored = await world.add("router-2", f"sqlite:///{kept}")
            await world.sleep(20)
            assert (len(world.messages()), sum(world.paged().values())) == (posted, paged)
            await restored.post([beat])
            await world.sleep(900)
            # What ended since has been closed quietly, what still fires is open, what began since is known again.
            assert (len(world.messages()), sum(world.paged().values())) == (posted, paged)
            still = restored.ask(lambda tx: tx.open_incidents(100))
            assert {one.group["alertname"] for one in still} == {"Down0", "Down1", "Later"}
            await restored.post([end(later)])
            await world.sleep(5)
            assert world.pages("Later") == ["resolved"]
            world.assert_at_rest()

    play(scenario)


def test_case_46_a_page_that_is_undelivered_in_the_backup_and_open_at_pagerduty_pages_nobody_again(tmp_path: Path):
    async def scenario():
        path, kept = tmp_path / "router.db", tmp_path / "kept.db"
        async with World(f"sqlite:///{path}") as world:
            world.pagerduty_wire.down = True
            fired = fire()
            await world.router.post([fired])
            await world.sleep(3)
            backup(path, kept)
            world.pagerduty_wire.down = False
            await world.sleep(60)
            assert world.pages() == ["triggered"]
            world.router.die()
            await world.sleep(400)
            restored = await world.add("router-2", f"sqlite:///{kept}")
            await world.sleep(60)
            assert world.pages() == ["triggered"]
            assert restored.delivery(incident()).status is Status.SETTLED
            await restored.post([end(fired)])
            await world.sleep(5)
            assert world.pages() == ["resolved"]
            world.assert_at_rest()

    play(scenario)


def test_case_46_a_message_that_is_undelivered_in_the_backup_and_posted_since_is_looked_up(tmp_path: Path):
    async def scenario():
        path, kept = tmp_path / "router.db", tmp_path / "kept.db"
        async with World(f"sqlite:///{path}") as world:
            world.slack_wire.down = True
            fired = fire(severity="medium")
            await world.router.post([fired])
            await world.sleep(3)
            backup(path, kept)
            world.slack_wire.down = False
            await world.sleep(60)
            assert len(world.messages()) == 1
            world.router.die()
            await world.sleep(400)
            restored = await world.add("router-2", f"sqlite:///{kept}")
            await world.sleep(60)
            assert len(world.messages()) == 1
            await restored.post([end(fired)])
            await world.sleep(5)
            assert len(world.messages()) == 1
            assert "Resolved: Down" in world.messages()[0]
            world.assert_at_rest()

    play(scenario)


@pytest.mark.full
def test_case_46_a_real_router_on_a_restored_backup_pages_nobody_again(tmp_path: Path, store_url: str):
    with Providers() as providers:
        router = RouterProcess(
            tmp_path, providers, store=store_url, routes=routes_document(repeat_interval="1m")
        ).start()
        names = [f"Down{number}" for number in range(10)]
        alerts = [alert(name, labels={"team": "payments"}) for name in names]
        router.deliver(alerts)
        eventually(lambda: providers.pagerduty.state()["opened"] == 10)
        router.settled()
        # As it would be two hours later: each repeat, and each heartbeat, is long past.
        router.kill()
        age(store_url, 2 * 3600 * SECOND)
        saved = tmp_path / "saved.db"
        if store_url.startswith("sqlite"):
            for suffix in ("", "-wal", "-shm"):
                if Path(f"{tmp_path}/router.db{suffix}").exists():
                    shutil.copy(f"{tmp_path}/router.db{suffix}", f"{saved}{suffix}")
        key = router.secrets["PAYMENTS_KEY"]
        for name in names:
            dedup = incident_id("main", {"team": "payments", "service": "payments", "alertname": name})
            event = f'{{"routing_key": "{key}", "event_action": "resolve", "dedup_key": "{dedup}"}}'
            assert fetch(f"{providers.pagerduty.url}/v2/enqueue", event.encode())[0] == 202
        if store_url.startswith("sqlite"):
            router.store_url = f"sqlite:///{saved}"
        router.start()
        try:
            router.deliver([alert("Fresh", labels={"team": "payments"})])
            eventually(lambda: providers.pagerduty.state()["opened"] >= 11)

            def repeated_or_put_off(tx: Transaction) -> bool:
                rows = tx.shown_firing(None)
                return all(row.status is Status.SETTLED and row.repeat_at > time.time() * SECOND for row in rows)

            eventually(lambda: router.ask(repeated_or_put_off))
            assert providers.pagerduty.state()["opened"] == 11
        finally:
            router.stop()


def age(store_url: str, by: int) -> None:
    """Make what a store holds that much older."""
    statements = [
        f"UPDATE deliveries SET repeat_at = repeat_at - {by}, due_at = due_at - {by} WHERE repeat_at > 0",
        f"UPDATE replicas SET heartbeat_at = heartbeat_at - {by}",
    ]
    if store_url.startswith("sqlite"):
        connection = sqlite3.connect(store_url.removeprefix("sqlite:///"))
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()
        return
    import psycopg

    with psycopg.connect(store_url, autocommit=True) as postgres:
        for statement in statements:
            postgres.execute(statement.encode())


# 47: partition: an alert times out and returns with its old startsAt


def test_case_47_an_alert_that_returns_from_a_partition_with_its_old_start_pages_again():
    async def scenario():
        async with World() as world:
            world.peer.reachable = True
            fired = fire()
            world.peer.hold(fired)
            await world.router.post([fired])
            await world.sleep(300)
            # Prometheus can't reach Alertmanager: the alert times out there, and comes back as it was.
            world.peer.forget(fired)
            await world.router.post([end(fired)])
            await world.sleep(60)
            assert world.pages() == ["resolved"]
            world.peer.hold(fired)
            await world.router.post([fired])
            await world.sleep(3)
            assert world.pages() == ["resolved", "triggered"]
            assert world.router.history(incident())[-3:] == ["held", "reopened", "opened"]
            await world.sleep(60)
            await world.router.post([end(fired)])
            await world.sleep(3)
            assert world.pages() == ["resolved", "resolved"]
            world.assert_at_rest()

    play(scenario)


def test_case_47_it_pages_within_the_horizon_when_alertmanager_is_cut_off_from_the_router_as_well():
    async def scenario():
        async with World() as world:
            fired = fire()
            await world.router.post([fired])
            await world.sleep(60)
            await world.router.post([end(fired)])
            await world.sleep(60)
            await world.router.post([fired])
            await world.sleep(12)
            assert world.pages() == ["resolved", "triggered"]
            world.assert_at_rest()

    play(scenario)


# 48: trigger's answer lost, then resolved


@pytest.mark.parametrize("arrived", [True, False])
def test_case_48_a_trigger_whose_answer_was_lost_is_resolved_whether_or_not_it_had_arrived(arrived):
    async def scenario():
        async with World() as world:
            world.pagerduty.plan.script.append(Fault(Kind.RESET_AFTER) if arrived else Fault(Kind.HANG))
            fired = fire()
            await world.router.post([fired])
            await world.sleep(0.5 if arrived else 10.5)
            assert world.router.delivery(incident()).shown.state is Shown.UNKNOWN
            await world.router.post([end(fired)])
            await world.sleep(30)
            assert world.pages() == (["resolved"] if arrived else [])
            assert len(world.pagerduty.dropped) == (0 if arrived else 1)
            assert world.router.ledger(incident())[-1] == "resolved delivered"
            world.assert_at_rest()

    play(scenario)


def test_case_48_a_slack_message_whose_answer_was_lost_is_found_and_not_posted_again():
    async def scenario():
        async with World() as world:
            # So that the channel's id is known, or it is looked up first, which is the same in the end.
            world.slack.plan.script.append(Fault(Kind.RESET_AFTER))
            fired = fire(severity="medium")
            await world.router.post([fired])
            await world.sleep(0.5)
            await world.router.post([end(fired)])
            await world.sleep(30)
            assert len(world.messages()) == 1
            assert "Resolved: Down" in world.messages()[0]
            world.assert_at_rest()

    play(scenario)


# 49: refire within one window


def test_case_49_an_alert_that_ends_and_fires_again_in_one_batch_pages_again():
    async def scenario():
        async with World() as world:
            first = fire()
            await world.router.post([first])
            await world.sleep(60)
            await asyncio.gather(world.router.post([end(first)]), world.router.post([fire(at=world.now() + 1)]))
            await world.sleep(3)
            assert world.pages() == ["resolved", "triggered"]
            assert [event["event_action"] for event in world.pagerduty.events] == ["trigger", "resolve", "trigger"]
            world.assert_at_rest()

    play(scenario)


def test_case_49_a_refire_whose_resolve_was_lost_at_pagerduty_pages_again():
    async def scenario():
        async with World() as world:
            first = fire()
            await world.router.post([first])
            await world.sleep(60)
            world.pagerduty.plan.script.append(Fault(Kind.HANG))
            await world.router.post([end(first)])
            await world.sleep(1)
            await world.router.post([fire()])
            await world.sleep(60)
            # The new trigger would be swallowed by the page that is open, had the resolve not been made sure of first.
            assert world.pages() == ["resolved", "triggered"]
            world.assert_at_rest()

    play(scenario)


def test_case_49_a_refire_that_alertmanager_tells_without_the_resolve_between_keeps_the_page_open():
    async def scenario():
        async with World() as world:
            await world.router.post([fire()])
            await world.sleep(60)
            refired = fire()
            await world.router.post([refired])
            await world.sleep(3)
            assert world.pages() == ["triggered"]
            assert world.router.incident(incident()).episode == 1
            await world.router.post([end(refired)])
            await world.sleep(3)
            assert world.pages() == ["resolved"]
            world.assert_at_rest()

    play(scenario)


def test_case_49_a_resolve_that_comes_after_an_untold_refire_does_not_close_what_burns():
    async def scenario():
        async with World() as world:
            first = fire()
            await world.router.post([first])
            await world.sleep(60)
            ended = end(first)
            await world.sleep(10)
            refired = fire()
            await world.router.post([refired])
            # The other peer's retries of the firing and of the end between the two.
            await world.router.post([first])
            await world.router.post([ended])
            await world.sleep(2)
            assert world.pages() == ["triggered"]
            await world.router.post([end(refired)])
            await world.sleep(2)
            assert world.pages() == ["resolved"]
            world.assert_at_rest()

    play(scenario)


# 50: closed by hand in PagerDuty while firing


def test_case_50_what_was_closed_by_hand_while_it_burns_pages_again_after_the_repeat_interval():
    async def scenario():
        async with World(repeat_interval=10 * MINUTE) as world:
            fired = fire()
            await world.router.post([fired])
            await world.sleep(60)
            world.pagerduty.incidents[world.secrets["PAYMENTS_KEY"], incident()][-1]["status"] = "resolved"
            await world.sleep(8 * 60)
            assert world.pages() == ["resolved"]
            await world.sleep(2 * 60)
            assert world.pages() == ["resolved", "triggered"]
            await world.router.post([end(fired)])
            await world.sleep(11 * 60)
            assert world.pages() == ["resolved", "resolved"]
            world.assert_at_rest()

    play(scenario)


@pytest.mark.parametrize("status", ["triggered", "acknowledged"])
def test_case_50_what_is_open_or_acknowledged_is_not_paged_again_by_the_repeats(status):
    async def scenario():
        async with World(repeat_interval=10 * MINUTE) as world:
            await world.router.post([fire()])
            await world.sleep(60)
            world.pagerduty.incidents[world.secrets["PAYMENTS_KEY"], incident()][-1]["status"] = status
            await world.sleep(20 * 60)
            assert world.pages() == [status]
            assert world.pagerduty.opened(incident())[0]["triggers"] == 3
            world.assert_at_rest()

    play(scenario)


def test_case_50_a_repeat_that_fails_is_tried_again_and_is_no_dead_letter():
    async def scenario():
        async with World(repeat_interval=10 * MINUTE) as world:
            await world.router.post([fire()])
            await world.sleep(9 * 60)
            world.pagerduty.incidents[world.secrets["PAYMENTS_KEY"], incident()][-1]["status"] = "resolved"
            world.pagerduty.plan.always = Fault(Kind.STATUS, 500)
            await world.sleep(6 * 60)
            world.pagerduty.plan.always = Fault()
            await world.sleep(2 * 60)
            assert world.pages() == ["resolved", "triggered"]
            world.assert_at_rest()

    play(scenario)


# 51: Prometheus gone, Alertmanagers healthy


def test_case_51_without_the_watchdog_nothing_is_closed_and_its_silence_pages():
    async def scenario():
        async with World(clusters=MAIN) as world:
            world.peer.reachable = True
            fired = [fire(f"Down{number}") for number in range(5)]
            beat = watchdog()
            world.peer.hold(*fired, beat)
            await world.router.post(fired)
            await world.router.post([beat])
            await world.sleep(60)
            # Prometheus dies: all that it held alive at Alertmanager times out, the Watchdog with it.
            world.peer.alerts.clear()
            await world.sleep(20 * 60)
            assert [world.pages(f"Down{number}") for number in range(5)] == [["triggered"]] * 5
            assert own_pages(world, WATCHDOG_SILENT) == ["triggered"]
            # It is back, and one alert is over.
            world.peer.hold(*fired[1:], beat)
            for _ in range(6):
                await world.router.post([beat])
                await world.sleep(60)
            assert [world.pages(f"Down{number}") for number in range(5)] == [["resolved"], *[["triggered"]] * 4]
            assert own_pages(world, WATCHDOG_SILENT) == ["resolved"]
            world.assert_at_rest()

    play(scenario)


# 52: a body over the cap


def test_case_52_a_body_over_the_cap_is_answered_with_2xx_kept_in_part_and_paged():
    async def scenario():
        async with World() as world:
            app = create_app(_Ports(world), WebSettings(body=100_000))
            body = webhook([fire(instance=f"web-{number}") for number in range(1_000)])
            assert len(body) > 200_000
            pieces = [body[start : start + 10_000] for start in range(0, len(body), 10_000)]
            answer = await call(app, "POST", "/webhook/main", pieces)
            assert (answer.status, answer.json()) == (200, {"status": "quarantined"})
            await world.sleep(3)
            assert own_pages(world, UNREADABLE) == ["triggered"]
            (kept,) = world.router.ask(lambda tx: tx.quarantine(10))
            assert kept.size == len(body)
            assert kept.body == body[: len(kept.body)]
            assert 0 < len(kept.body) <= 65_536
            # The alerts in it are unknown; the next webhook is taken as usual.
            assert world.pages() == []
            answer = await call(app, "POST", "/webhook/main", webhook([fire()]))
            assert answer.json() == {"status": "accepted"}
            await world.sleep(3)
            assert world.pages() == ["triggered"]
            world.assert_at_rest()

    play(scenario)


@pytest.mark.full
def test_case_52_a_real_router_answers_a_body_over_its_cap_and_goes_on(tmp_path: Path):
    with (
        Providers() as providers,
        RouterProcess(tmp_path, providers, settings={"limits.body": "100000"}) as router,
    ):
        huge = webhook([alert("Down", labels={"team": "payments", "instance": f"web-{n}"}) for n in range(20_000)])
        assert len(huge) > 8_000_000
        assert router.post(huge) == 200
        eventually(lambda: providers.pagerduty.state()["opened"] == 1)
        assert providers.pagerduty.state()["incidents"][0]["routing_key"] == router.secrets["PLATFORM_KEY"]
        router.deliver([alert("Down", labels={"team": "payments"})])
        eventually(lambda: providers.pagerduty.state()["opened"] == 2)


# 53: a call of a fenced replica lands late


def test_case_53_a_trigger_of_a_fenced_replica_that_lands_after_the_resolve_leaves_no_page(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            other = await world.add("router-2")
            wire = world.pagerduty_wire
            late = wire.hold()
            fired = fire()
            await world.router.post([fired])
            await world.sleep(0.1)
            # Its trigger is somewhere in the network when it freezes; the other replica takes over.
            world.router.freeze()
            assert world.pagerduty.attempts == 1
            wire.pass_on()
            await other.post([end(fired)])
            await world.sleep(36)
            assert other.ledger(incident()) == ["resolved delivered"]
            assert world.pages() == []
            late.set()
            await world.sleep(1)
            assert world.pages() == ["triggered"]
            # What the other replica believes is asserted once more.
            await world.sleep(15)
            assert world.pages() == ["resolved"]
            world.router.thaw()
            await world.sleep(10)
            assert world.pages() == ["resolved"]
            # And the ledger says that the frozen one's answer came too late.
            attempts = other.ask(lambda tx: tx.history(incident(), 100))[1]
            assert [row.action for row in attempts if row.detail.startswith("too late")] == ["firing"]
            world.assert_at_rest()

    play(scenario)


def test_case_53_a_call_that_lands_after_even_the_assertion_is_made_good_when_its_replica_is_back(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            other = await world.add("router-2")
            late = world.pagerduty_wire.hold()
            fired = fire()
            await world.router.post([fired])
            await world.sleep(0.1)
            world.router.freeze()
            world.pagerduty_wire.pass_on()
            await other.post([end(fired)])
            await world.sleep(300)
            assert other.delivery(incident()).status is Status.SETTLED
            # As from a thread that stood still between the look at the fence and the first byte.
            late.set()
            await world.sleep(1)
            assert world.pages() == ["triggered"]
            world.router.thaw()
            await world.sleep(5)
            assert world.pages() == ["resolved"]
            world.assert_at_rest()

    play(scenario)


def test_case_53_a_resolve_of_a_fenced_replica_that_lands_after_the_next_trigger_leaves_the_page_open(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            other = await world.add("router-2")
            wire = world.pagerduty_wire
            fired = fire()
            await world.router.post([fired])
            await world.sleep(2)
            late = wire.hold()
            await world.router.post([end(fired)])
            await world.sleep(0.1)
            world.router.freeze()
            wire.pass_on()
            await other.post([fire()])
            await world.sleep(36)
            assert world.pages() == ["resolved", "triggered"]
            late.set()
            await world.sleep(15)
            # It closed the page of the episode that burns; the assertion opens it again.
            assert world.pages() == ["resolved", "resolved", "triggered"]
            world.assert_at_rest()

    play(scenario)


def test_case_53_a_fenced_replica_makes_no_call_before_it_knows_the_time_again(store_url: str):
    async def scenario():
        async with World(store_url) as world:
            other = await world.add("router-2")
            world.pagerduty_wire.down = True
            fired = fire()
            await world.router.post([fired])
            await world.sleep(0.5)
            world.router.freeze()
            world.pagerduty_wire.down = False
            await world.sleep(60)
            await other.post([end(fired)])
            await world.sleep(5)
            before = len(world.pagerduty.events)
            world.router.thaw()
            await world.sleep(30)
            assert len(world.pagerduty.events) == before
            assert world.pages() in ([], ["resolved"])
            world.assert_at_rest()

    play(scenario)


@pytest.mark.full
def test_case_53_a_real_replica_is_frozen_with_its_trigger_on_the_way_and_no_page_stays(tmp_path: Path, postgres):
    url = postgres.create_schema()
    settings = {"delivery.call_timeout": "1s", "delivery.lease": "3s", "delivery.heartbeat": "250ms"}
    with (
        Providers() as providers,
        RouterProcess(tmp_path, providers, store=url, settings=settings, name="one") as one,
        RouterProcess(tmp_path, providers, store=url, settings=settings, name="two") as two,
    ):
        key = incident_id("main", {"team": "payments", "service": "payments", "alertname": "Down"})
        fired = alert("Down", labels={"team": "payments"})
        # The stub acts on the trigger four and a half seconds later: after the lease, before the assertion.
        providers.pagerduty.faults({"delay": 4.5})
        one.deliver([fired])
        eventually(lambda: providers.pagerduty.state()["attempts"] == 1)
        one.freeze()
        try:
            providers.pagerduty.faults({"delay": 0})
            two.deliver([{**fired, "status": "resolved", "endsAt": "2025-06-15T15:30:00Z"}])
            eventually(lambda: providers.pagerduty.state()["opened"] == 1, what="the late trigger lands")
            assert providers.pagerduty.state()["dropped"] >= 1
            eventually(
                lambda: [page["status"] for page in providers.pagerduty.state()["incidents"]] == ["resolved"],
                what="the final state is asserted once more",
            )
        finally:
            one.thaw()
        one.settled()
        assert [page["status"] for page in providers.pagerduty.state()["incidents"]] == ["resolved"]
        assert [row.shown.state for row in two.deliveries(key)] == [Shown.RESOLVED]
