"""Fires thousands of transitions at a router that is killed with SIGKILL again and again while its providers misbehave.

    outcome = run_kills(folder, Wishes(seed=1, kills=12, transitions=2_000))
    assert not outcome.verdict.problems

Everything that chance decides comes from the seed: the alerts, the webhooks' order, what the providers do to calls, and
after how many acknowledged webhooks the router is killed. How far the processes get meanwhile is theirs. Also

    python scripts/soak.py

which kills it 1,000 times, prints the figures and what is wrong, and ends with 1 when something is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import sqlalchemy
from alertmanager_stub import AlertmanagerStub
from kill_check import Evidence, Verdict, explained, judge, told
from kill_script import CLUSTER, Script, Step, make_script
from router_process import TOKEN, Providers, RouterProcess, fetch, routes_document

from router.model import Transition
from router.store import Transaction
from router.stores.tables import DELIVERIES, TRANSITIONS

WORKERS = 16
TEAMS = ["payments", "search", "checkout", "platform"]
RETRY_SECONDS = 0.05
"""Alertmanager waits 0.5 s and longer; a shorter wait tries more in the same time."""
ACKNOWLEDGED_SECONDS = 60.0
"""A restart takes a second or two."""
SETTLED_SECONDS = 240.0
"""The longest back-off is 60 s, and a row may have two of them before it."""

TROUBLE: list[dict[str, Any]] = [
    {"kind": "status", "status": 429, "retry_after": "1"},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 500, "acts": True},
    {"kind": "status", "status": 503},
    {"kind": "reset-before"},
    {"kind": "reset-after"},
    {"kind": "html"},
    {"kind": "hang"},
    {"kind": "hang", "acts": True},
]
WELL: dict[str, Any] = {"always": {"kind": "ok"}, "delay": 0.0, "random": {"seed": 0, "rate": 0.0, "choices": []}}


class Wishes(NamedTuple):
    """What to run."""

    seed: int = 20_261_121
    kills: int = 50
    transitions: int = 10_000
    incidents: int = 240
    replicas: int = 1
    store: str = ""
    """Empty: SQLite in the folder."""


class Outcome(NamedTuple):
    """What came of it."""

    evidence: Evidence
    verdict: Verdict
    figures: Mapping[str, float]

    def table(self) -> str:
        """For people."""
        rows = {**self.figures, **self.verdict.counts}
        width = max(len(name) for name in rows)
        return "\n".join(
            f"{name.replace('_', ' '):{width}}  {value:>10,.2f}"
            if isinstance(value, float)
            else f"{name.replace('_', ' '):{width}}  {value:>10,}"
            for name, value in rows.items()
        )


def routes(peer: str) -> dict[str, Any]:
    """Four teams, each with a key and a channel of its own, and no fallback: it would open pages of its own."""

    def team(name: str) -> dict[str, Any]:
        return {
            "name": name.title(),
            "pagerduty": {"routing_key": f"{name.upper()}_KEY"},
            "slack": {"channel": f"#{name}", "token": "SLACK_TOKEN"},
            "escalate_medium": False,
        }

    return routes_document(
        teams={name: team(name) for name in TEAMS},
        fallback_after="24h",
        clusters={CLUSTER: {"peers": [peer], "watchdog_deadline": "24h"}},
    )


SETTINGS = {
    "delivery.call_timeout": "1s",
    "delivery.lease": "3s",
    "delivery.heartbeat": "500ms",
    # Of the reconciler only the question about a held alert is wanted: it asks when one is held.
    "reconciler.enabled": "true",
    "reconciler.interval": "1h",
    "reconciler.held_horizon": "30s",
    "log.level": "warning",
}


class Run:
    """One run."""

    def __init__(self, folder: Path, wishes: Wishes, providers: Providers, peer: AlertmanagerStub) -> None:
        self._wishes = wishes
        self._providers = providers
        self._peer = peer
        keys = {f"{name.upper()}_KEY": f"{number:032x}" for number, name in enumerate(TEAMS, 1)}
        secrets = {**keys, "TOCSIN_BENCH_UNLIMITED": "1"}
        self.routers = [
            RouterProcess(
                folder,
                providers,
                name=f"router{number}",
                routes=routes(peer.url),
                settings=SETTINGS,
                secrets=secrets,
                store=wishes.store,
            )
            for number in range(wishes.replicas)
        ]
        self.script: Script = make_script(
            wishes.seed,
            transitions=wishes.transitions,
            incidents=wishes.incidents,
            workers=WORKERS,
            teams=TEAMS,
            start=time.time_ns() // 1000 - 3_600_000_000,
        )
        self._chance = random.Random(wishes.seed + 1)
        self.sent = 0
        self.acknowledged = 0
        self.recoveries: list[float] = []
        self.deaths = 0
        self._names: dict[str, str] = {}
        self._awaited = 0
        self._reached = asyncio.Event()

    # Alertmanager's part

    async def _post(self, session: aiohttp.ClientSession, body: bytes, chance: random.Random) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        deadline = time.monotonic() + ACKNOWLEDGED_SECONDS
        said = ""
        while True:
            url = f"{chance.choice(self.routers).url}/webhook/{CLUSTER}"
            self.sent += 1
            try:
                async with session.post(url, data=body, headers=headers) as answer:
                    if answer.status // 100 == 2:
                        break
                    said = str(answer.status)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                said = repr(error)
            assert time.monotonic() < deadline, f"not acknowledged within {ACKNOWLEDGED_SECONDS:g} s: {said}"
            await asyncio.sleep(RETRY_SECONDS * (0.5 + chance.random()))
        self.acknowledged += 1
        if self.acknowledged >= self._awaited:
            self._reached.set()

    async def _until(self, acknowledged: int) -> None:
        self._awaited = acknowledged
        self._reached.clear()
        if self.acknowledged < acknowledged:
            await self._reached.wait()

    async def _work(self, session: aiohttp.ClientSession, number: int) -> None:
        chance = random.Random(self._wishes.seed * 1_000 + number)
        late: dict[int, list[Step]] = defaultdict(list)
        place = 0
        for place, step in enumerate(self.script.workers[number]):
            for fingerprint, labels in step.fired:
                name = self._peer.fire(labels["alertname"], **{k: v for k, v in labels.items() if k != "alertname"})
                self._names[fingerprint] = name
                self._peer.alerts[name]["fingerprint"] = fingerprint
            for fingerprint in step.resolved:
                self._peer.resolve(self._names[fingerprint])
            copies = 2 if step.twice else 1
            await asyncio.gather(*(self._post(session, step.body, chance) for _ in range(copies)))
            if step.again_after:
                late[place + step.again_after].append(step)
            for old in late.pop(place, ()):
                await self._post(session, old.body, chance)
        for old in (step for steps in late.values() for step in steps):
            await self._post(session, old.body, chance)

    # What goes wrong

    async def _kill(self) -> None:
        """At moments that are told by how many webhooks were acknowledged, with a random rest; some while it starts."""
        moments = sorted(self._chance.randrange(self.script.webhooks) for _ in range(self._wishes.kills))
        for moment in moments:
            await self._until(moment)
            await asyncio.sleep(self._chance.random() * 0.08)
            router = self._chance.choice(self.routers)
            early = self._chance.random() < 0.1
            wait = self._chance.random() * 0.9
            began = time.monotonic()
            await asyncio.to_thread(router.kill)
            self.deaths += 1
            if early and self.deaths < self._wishes.kills:
                await asyncio.to_thread(router.start, wait=False)
                await asyncio.sleep(wait)
                await asyncio.to_thread(router.kill)
                self.deaths += 1
            await asyncio.to_thread(router.start)
            self.recoveries.append(time.monotonic() - began)
            if self.deaths >= self._wishes.kills:
                break

    async def _misbehave(self) -> None:
        """The providers' moods, one after the other."""
        chance = random.Random(self._wishes.seed + 2)
        while True:
            for stub in (self._providers.pagerduty, self._providers.slack):
                mood = chance.choices(("well", "flaky", "slow", "down", "strict"), (4, 4, 2, 1, 1))[0]
                plan = dict(WELL)
                if mood == "flaky":
                    plan["random"] = {"seed": chance.randrange(2**32), "rate": 0.15, "choices": TROUBLE}
                elif mood == "slow":
                    plan["delay"] = chance.uniform(0.02, 0.4)
                elif mood == "down":
                    plan["always"] = {"kind": chance.choice(["status", "reset-before"]), "status": 503}
                elif mood == "strict":
                    choices = [{"kind": "status", "status": 429, "retry_after": "1"}]
                    plan["random"] = {"seed": chance.randrange(2**32), "rate": 0.5, "choices": choices}
                await asyncio.to_thread(stub.faults, plan)
            await asyncio.sleep(chance.uniform(0.3, 1.5))

    # From start to end

    async def run(self) -> Outcome:
        began = time.monotonic()
        for router in self.routers:
            await asyncio.to_thread(router.start)
        misbehaving = asyncio.create_task(self._misbehave())
        limits = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=limits, timeout=aiohttp.ClientTimeout(10)) as session:
            await asyncio.gather(self._kill(), *(self._work(session, number) for number in range(WORKERS)))
        misbehaving.cancel()
        await asyncio.gather(misbehaving, return_exceptions=True)
        for stub in (self._providers.pagerduty, self._providers.slack):
            await asyncio.to_thread(stub.faults, WELL)
        told = time.monotonic()
        await self._settle()
        settled = time.monotonic()
        evidence = await asyncio.to_thread(self._collect)
        figures: dict[str, float] = {
            "kills": self.deaths,
            "transitions": self.script.transitions,
            "webhooks": self.sent,
            "acknowledged": self.acknowledged,
            "seconds": settled - began,
            "seconds_to_settle": settled - told,
            "longest_recovery": max(self.recoveries, default=0.0),
        }
        return Outcome(evidence, judge(evidence), figures)

    async def _settle(self) -> None:
        deadline = time.monotonic() + SETTLED_SECONDS
        while not await asyncio.to_thread(self._is_settled):
            if time.monotonic() > deadline:
                # The judge says what is left over.
                return
            await asyncio.sleep(0.1)

    def _is_settled(self) -> bool:
        def at_rest(tx: Transaction) -> bool:
            waiting = any(row.waiting for row in tx.backlog())
            return not waiting and not tx.take_inbox("nobody", [], 1) and not tx.held_alerts(2**62)

        answer: bool = self.routers[0].ask(at_rest)
        return answer

    def _collect(self) -> Evidence:
        script = self.script
        history = _history(self.routers[0].store_url)
        notes = [identity for identity in history.incidents if identity not in script.truth]

        def read(tx: Transaction) -> Evidence:
            pagerduty, slack = (
                json.loads(fetch(f"{stub.url}/_state", timeout=300)[1])
                for stub in (self._providers.pagerduty, self._providers.slack)
            )
            known = list(script.truth)
            return Evidence(
                replicas=len(self.routers),
                truth=script.truth,
                pagerduty_key={name: f"pagerduty:{team.upper()}_KEY" for name, team in script.teams.items()},
                slack_key={name: f"slack:SLACK_TOKEN/#{team}" for name, team in script.teams.items()},
                alerts=tx.firing_alerts(CLUSTER),
                incidents=tx.incidents(known),
                deliveries=tx.deliveries(known),
                notes=[row for rows in tx.deliveries(notes).values() for row in rows],
                transitions=history.transitions,
                attempts=[attempt for name in known for attempt in tx.history(name, 1_000_000)[1]],
                inbox=len(tx.take_inbox("nobody", [], 100)),
                quarantine=len(tx.quarantine(100)),
                pages=pagerduty["incidents"],
                dropped=pagerduty["dropped_keys"],
                messages=[message for channel in slack["channels"] for message in channel["messages"]],
            )

        found: Evidence = self.routers[0].ask(read)
        return found

    def stop(self) -> None:
        """End all that was started."""
        for router in self.routers:
            router.stop()


class _History(NamedTuple):
    transitions: Mapping[str, list[Transition]]
    incidents: list[str]
    """Whatever has deliveries: incidents and notes."""


def _history(url: str) -> _History:
    """All transitions in the order in which they were written, which the store's own question doesn't promise."""
    columns = [column for column in TRANSITIONS.c if column.name != "id"]
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    found: dict[str, list[Transition]] = defaultdict(list)
    try:
        with engine.connect() as connection:
            for row in connection.execute(sqlalchemy.select(*columns).order_by(TRANSITIONS.c.id)):
                line = Transition(*row)
                found[line.incident_id].append(line)
            ids = list(connection.execute(sqlalchemy.select(DELIVERIES.c.incident_id).distinct()).scalars())
    finally:
        engine.dispose()
    return _History(found, ids)


def run_kills(folder: Path, wishes: Wishes) -> Outcome:
    """Run it in that folder. Takes about a second for each kill; nothing that it started is left running."""

    async def run() -> Outcome:
        async with AlertmanagerStub() as peer:
            with Providers() as providers:
                run = Run(folder, wishes, providers, peer)
                try:
                    return await run.run()
                finally:
                    await asyncio.to_thread(run.stop)

    return asyncio.run(run())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Wishes()
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--kills", type=int, default=default.kills)
    parser.add_argument("--transitions", type=int, default=default.transitions)
    parser.add_argument("--incidents", type=int, default=default.incidents)
    parser.add_argument("--postgresql", action="store_true", help="two replicas on a PostgreSQL of its own")
    given = parser.parse_args(arguments)
    wishes = Wishes(given.seed, given.kills, given.transitions, given.incidents)
    with tempfile.TemporaryDirectory() as folder:
        outcome = on_postgresql(Path(folder), wishes) if given.postgresql else run_kills(Path(folder), wishes)
    sys.stdout.write(f"{outcome.table()}\n")
    for duplicate in explained(outcome.evidence):
        sys.stdout.write(f"TWICE AT SLACK: {duplicate}\n")
    for problem in outcome.verdict.problems:
        sys.stdout.write(f"WRONG: {problem}\n")
    for identity in sorted(
        {problem.partition(":")[0] for problem in outcome.verdict.problems} & set(outcome.evidence.truth)
    )[:3]:
        for key in (outcome.evidence.pagerduty_key[identity], outcome.evidence.slack_key[identity]):
            sys.stdout.write(f"{identity} {key}: {told(outcome.evidence, identity, key)}\n")
    sys.stdout.write(f"{len(outcome.verdict.problems)} problems\n")
    return 1 if outcome.verdict.problems else 0


def on_postgresql(folder: Path, wishes: Wishes) -> Outcome:
    """The same with two replicas on a PostgreSQL that is started for it."""
    from postgres_server import PostgresServer

    server = PostgresServer()
    server.start()
    try:
        return run_kills(folder, wishes._replace(replicas=2, store=server.create_database()))
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
