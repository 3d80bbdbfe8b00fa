"""Routers and their providers in one thread and on a virtual clock: what the fault matrix is played in.

    async def scenario():
        async with World() as world:
            await world.router.post([fire("Down")])
            await world.sleep(2)
            assert world.pages() == ["triggered"]
    virtual_loop.run(scenario())

All of the router is real (decoding, state machine, planning, dispatcher, breakers, notifiers, duties, stores); what is
not is the thread of the writer, the web server, and the network: a call reaches its provider's stub without a socket,
and fails as `Wire` or the stub's plan says. Hours take milliseconds.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import aiohttp
import virtual_loop
from http_stub import PAGE, Answer, Call, HttpStub, Kind, Request
from memory_store import Database, MemoryStore
from multidict import CIMultiDict
from pagerduty_stub import PagerDutyStub
from router_world import PAYMENTS_PAGERDUTY, routes
from slack_stub import SlackStub
from smtp_stub import SmtpStub
from virtual_loop import now
from webhooks import alert, webhook

from router import payload, planning
from router.applier import Applied, Applier, Work
from router.channels.http_faults import bad_answer, judge, judge_exception
from router.channels.redaction import redact
from router.config.settings_types import Settings
from router.delivery import Dispatcher
from router.duties import core, reports
from router.duties.core import Duty, Ground
from router.duties.reconciling import Reconciling
from router.duties.watch import Watch
from router.ingest import Ingest
from router.messages.message import Look
from router.messages.templating import Templates
from router.model import (
    DAY,
    SECOND,
    Attempt,
    Delivery,
    Destination,
    Incident,
    Micros,
    Replica,
    Transition,
    incident_id,
)
from router.notes import missed_note
from router.notifier import Context, Delivered, Job, Outcome, Reason, Rejected
from router.notifiers import email, pagerduty, slack
from router.policies import restored
from router.policies.reconcile import PeerAlert, PeerAnswer, PeerState, PeerUnreachable
from router.policies.watchdog import WATCHDOG
from router.routes import Cluster, Routes
from router.store import Store, StoreError, StoreUnavailable, Transaction
from router.stores import open_store
from router.telemetry.metrics import Metrics
from router.worker.claims import Rules
from router.worker.lanes import Lanes

LEASE = 30 * SECOND
CALL_SECONDS = 10.0
TICK_SECONDS = 1.0
ASSERT_AFTER = 12 * SECOND
CHANNELS = {"pagerduty": pagerduty, "slack": slack, "email": email}
KEYS = {"PAYMENTS_KEY": "a" * 32, "PLATFORM_KEY": "b" * 32}
SLACK_TOKEN = "xoxb-1-of-a-test"


def fire(
    name: str = "Down", *, severity: str | None = "critical", at: Micros | None = None, **labels: str | None
) -> dict[str, Any]:
    """An alert of payments' checkout that fires, since now unless told otherwise."""
    annotations = {"summary": f"{name} is wrong", "runbook_url": "https://runbooks.example.com/it"}
    given = {"team": "payments", "service": "checkout", "severity": severity, **labels}
    return alert(name, starts_at=now() if at is None else at, labels=given, annotations=annotations)


def end(fired: Mapping[str, Any], *, at: Micros | None = None) -> dict[str, Any]:
    """The same alert, resolved, now unless told otherwise."""
    ended = alert(firing=False, ends_at=now() if at is None else at)
    return {**fired, "status": "resolved", "endsAt": ended["endsAt"]}


def incident(name: str = "Down", *, team: str = "payments", service: str = "checkout", cluster: str = "main") -> str:
    """The id of the incident that `fire` belongs to."""
    return incident_id(cluster, {"team": team, "service": service, "alertname": name})


class Wire:
    """The way to a provider. What the provider was sent it acts upon, whether or not the caller still waits."""

    def __init__(self, stub: HttpStub) -> None:
        self.stub = stub
        self.down = False
        """Nothing listens."""
        self.seconds = 0.0
        """How long a call is under way before the provider acts."""
        self.open = asyncio.Event()
        """Cleared: calls are under way until it is set. See `hold`."""
        self.open.set()
        self.slow = ""
        """Only calls that contain this wait for `open`."""
        self._tasks: set[asyncio.Task[Answer]] = set()

    def hold(self) -> asyncio.Event:
        """Calls that are made from now on are under way until what is returned is set, or `pass_on` was called: those
        that are made after that are let through, and the ones before wait on.
        """
        self.open = asyncio.Event()
        return self.open

    def pass_on(self) -> None:
        """Let calls through again that are made from now on."""
        self.open = asyncio.Event()
        self.open.set()

    async def exchange(self, request: Request) -> Answer:
        if self.down:
            raise ConnectionRefusedError("refused")
        task = asyncio.create_task(self._carry(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _carry(self, request: Request) -> Answer:
        stub = self.stub
        gate = self.open
        fault = stub.plan.next()
        stub.attempts += 1
        if self.seconds:
            await asyncio.sleep(self.seconds)
        if self.slow.encode() in request.body:
            await gate.wait()
        if fault.kind is Kind.RESET_BEFORE:
            raise ConnectionResetError("reset")
        acts = fault.kind in {Kind.OK, Kind.RESET_AFTER} or fault.acts
        answer = stub.answer(request) if acts else Answer(stub.success, b"{}")
        if fault.kind is Kind.HANG:
            await asyncio.Event().wait()
        answers = {
            Kind.OK: answer,
            Kind.STATUS: Answer(fault.status, stub.refusal(fault.status)),
            Kind.HTML: Answer(200, PAGE, content_type="text/html"),
            Kind.BROKEN: Answer(stub.success, b'{"status": "succ'),
        }
        said = answers.get(fault.kind, answer)
        if fault.retry_after:
            said = said._replace(headers=(*said.headers, ("Retry-After", fault.retry_after)))
        stub.calls.append(Call(now() / SECOND, fault.id, request, said.status if fault.kind in answers else 0))
        if fault.kind not in answers:
            raise ConnectionResetError("reset")
        return said


class _PagerDuty(pagerduty.Notifier):
    """The notifier with its threads and its client left out."""

    def __init__(self, context: Context, wire: Wire) -> None:
        super().__init__(context)
        self._wire = wire

    async def close(self) -> None:
        self._threads.shutdown()

    async def _attempt(self, job: Job, key: str, call: Any) -> Outcome:
        event = {"routing_key": key, "event_action": call.action, "dedup_key": call.dedup_key, **call.event}
        request = Request("POST", "/v2/enqueue", {}, json.dumps(event).encode(), b"")

        def hide(text: str | bytes) -> str:
            return redact(text, [key])

        try:
            async with asyncio.timeout(min(job.timeout, self._settings.timeout)):
                answer = await self._wire.exchange(request)
        except OSError as error:
            return judge_exception(error, hide=hide)
        judged = judge(answer.status, CIMultiDict(answer.headers), answer.body, now=now(), hide=hide)
        if isinstance(judged, Rejected) and pagerduty.about_the_key(answer.body):
            return Rejected(Reason.BAD_CREDENTIALS, "destination", judged.detail)
        if judged is not None:
            return judged
        if call.dedup_key.encode() not in answer.body:
            return bad_answer(answer.status, answer.body, hide)
        return Delivered({"key": pagerduty.reference(key)}, provider_id=call.dedup_key)


class _Session:
    """As much of aiohttp's session as Slack's client uses."""

    closed = False

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def request(self, verb: str, url: str, **given: Any) -> _Exchange:
        headers = {name.lower(): value for name, value in given.get("headers", {}).items()}
        if given.get("json") is not None:
            body, kind = json.dumps(given["json"]).encode(), "application/json"
        else:
            body, kind = urlencode(given.get("data") or {}).encode(), "application/x-www-form-urlencoded"
        return _Exchange(self._wire, Request(verb, urlsplit(url).path, headers | {"content-type": kind}, body, b""))


class _Exchange:
    def __init__(self, wire: Wire, request: Request) -> None:
        self._wire = wire
        self._request = request
        self.content = self

    async def __aenter__(self) -> Self:
        try:
            answer = await self._wire.exchange(self._request)
        except ConnectionResetError as error:
            raise aiohttp.ServerDisconnectedError from error
        self.status, self.headers, self._body = answer.status, CIMultiDict(answer.headers), answer.body
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def read(self, limit: int) -> bytes:
        part, self._body = self._body[:limit], self._body[limit:]
        return part


class InlineWriter:
    """The writer without its thread: each job is a transaction of its own, in the order of submission."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.runs = asyncio.Event()
        """Cleared: the process stands still."""
        self.runs.set()
        self.stopped = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, job: Callable[[Transaction], Any], *, ingest: bool = False, lone: bool = False) -> Any:
        await self.runs.wait()
        await asyncio.sleep(0)
        return self._run(job)

    def submit_soon(
        self,
        job: Callable[[Transaction], Any],
        done: Callable[[Any], None],
        *,
        ingest: bool = False,
        lone: bool = False,
    ) -> None:
        async def run() -> None:
            await self.runs.wait()
            try:
                result = self._run(job)
            except Exception as error:  # noqa: BLE001  (as the writer does)
                result = error
            done(result)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _run(self, job: Callable[[Transaction], Any]) -> Any:
        if self.stopped:
            raise StoreUnavailable("the process is gone")
        with self.store.begin() as tx:
            return job(tx)


class Peer:
    """An Alertmanager, as the reconciler sees it."""

    def __init__(self, url: str = "http://127.0.0.1:9093", *, uptime: Micros = DAY) -> None:
        self.url = url
        self.reachable = True
        self.ready = True
        self.started_at = now() - uptime
        self.alerts: dict[str, PeerAlert] = {}

    def hold(self, *fired: Mapping[str, Any]) -> None:
        """It has these alerts."""
        for one in fired:
            self.alerts[one["fingerprint"]] = PeerAlert(
                one["fingerprint"],
                "active",
                payload.micros(one["startsAt"]),
                now(),
                now() + 240 * SECOND,
                (),
                (),
                (),
                ("alert-router",),
                one["labels"]["alertname"] == WATCHDOG,
                one["labels"],
                one["annotations"],
                "",
            )

    def forget(self, *fired: Mapping[str, Any]) -> None:
        """They have ended there."""
        for one in fired:
            self.alerts.pop(one["fingerprint"], None)

    def answer(self) -> PeerAnswer:
        if not self.reachable:
            return PeerUnreachable(self.url, now(), "refused")
        return PeerState(self.url, now(), self.ready, self.started_at, 1, dict(self.alerts))


class _Reconciling(Reconciling):
    def __init__(self, ground: Ground, peers: Mapping[str, Sequence[Peer]]) -> None:
        super().__init__(ground, lambda: None)  # type: ignore[arg-type, return-value]
        self._peers = peers

    async def _ask(self, cluster: Cluster, known: Sequence[str]) -> list[PeerAnswer]:
        return [peer.answer() for peer in self._peers[cluster.name]]


class Node:
    """One router process."""

    def __init__(self, world: World, name: str, store: Store) -> None:
        self.world, self.name, self.store = world, name, store
        self.writer = InlineWriter(store)
        self.beat_at = now()
        self.started_at = now()
        traits = {channel: module.TRAITS for channel, module in CHANNELS.items()}
        self.lanes = Lanes(traits)
        metrics = Metrics("test", now)
        self.rules = Rules(
            owner=name,
            traits=traits,
            repeat_interval=lambda: world.routes.repeat_interval,
            assert_after=ASSERT_AFTER,
            alive=self._alive,
            missed=self._missed,
        )
        self.applier = Applier(
            routes=lambda: world.routes,
            traits=traits,
            owner=name,
            room=lambda destination: self.dispatcher.room(destination),  # noqa: PLW0108  (it isn't there yet)
            fold=lambda tx, one, at: reports.fold(self.ground, tx, one, at),
        )
        self.notifiers = {channel: self._notifier(channel) for channel in CHANNELS}
        self.dispatcher = Dispatcher(
            writer=self.writer,
            notifiers=self.notifiers,
            lanes=self.lanes,
            rules=self.rules,
            now=now,
            chance=lambda: 0.0,
            fence=lambda: now() - self.beat_at < LEASE / 2,
            timeout=CALL_SECONDS,
        )
        self.ingest = Ingest(
            writer=self.writer,
            applier=self.applier,
            decode=self._decode,
            owner=name,
            now=now,
            offer=self.dispatcher.offer,
            on_applied=lambda applied, _incoming: self._held(applied),
            on_quarantined=lambda _cluster, _reason: None,
        )
        writer: Any = self.writer
        self.ground = Ground(
            Settings(), lambda: world.routes, writer, self.applier, self.ingest, metrics, now, self._act
        )
        self.watch = Watch(self.ground, lambda: now() - self.started_at)
        self.reconciling = _Reconciling(self.ground, world.peers)
        self.reports = reports.Reports(self.ground)
        self.tasks: list[asyncio.Task[None]] = []

    def _notifier(self, channel: str) -> Any:
        world = self.world
        context = Context(
            settings=world.channel_settings[channel],
            secret=world.secrets.get,
            templates=world.templates,
            session=lambda: _Session(world.slack_wire),  # type: ignore[arg-type, return-value]
            external_url="",
            now=now,
            look=lambda: Look({"payments": "Payments", "platform": "Platform"}, {}),
        )
        if channel == "pagerduty":
            return _PagerDuty(context, world.pagerduty_wire)
        return CHANNELS[channel].build(context)

    def _decode(self, body: bytes, cluster: str, received_at: Micros) -> Any:
        read = payload.decode(body, cluster, received_at)
        return read.reason if isinstance(read, payload.Unreadable) else read

    def _act(self, applied: Applied) -> None:
        self.dispatcher.offer(applied.work)
        self._held(applied)

    def _held(self, applied: Applied) -> None:
        if applied.held:
            self.reconciling.held.set()

    def _missed(self, tx: Transaction, rows: Sequence[Delivery], at: Micros) -> Sequence[Work]:
        ids = sorted({row.incident_id for row in rows})
        found, known = tx.incidents(ids), tx.deliveries(ids)
        notes = [
            missed_note(found[row.incident_id], row, known[row.incident_id], self.world.routes, at) for row in rows
        ]
        return self.applier.send_notes(tx, [row for row in notes if row is not None], at).work

    def _alive(self, tx: Transaction, at: Micros) -> Sequence[str]:
        return [*(replica.id for replica in tx.replicas() if replica.heartbeat_at > at - LEASE), self.name]

    # Running

    async def start(self) -> Self:
        self.store.open()
        with self.store.begin() as tx:
            restored.resume(tx, now(), self.world.routes.repeat_interval)
            self.lanes.restore(tx.destinations(), now())
        await self._beat()
        duties = [
            Duty("heartbeat", 5, self._beat),
            Duty("inbox", 5, self._adopt),
            Duty("conditions", 2, self.watch.conditions),
            Duty("fallback", 2, self.watch.fallbacks),
            Duty("held", 2, self.reconciling.held_alerts, self.reconciling.held),
            Duty("reconciler", 30, self.reconciling.clusters),
            Duty("digest", 5, self.reports.digests),
        ]
        self.tasks = [*core.start(duties), asyncio.create_task(self._dispatch())]
        return self

    async def _dispatch(self) -> None:
        """The dispatcher's own loop, with fewer beats: hours are played."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self.dispatcher._wake.wait()
            self.dispatcher._wake.clear()
            with suppress(StoreError):
                await self.dispatcher.tick()

    async def _beat(self) -> None:
        started = now()
        await self.writer.submit(lambda tx: tx.beat(Replica(self.name, self.started_at, now(), "test")))
        self.beat_at = started

    async def _adopt(self) -> None:
        self.ingest.adopt(await self.writer.submit(lambda tx: tx.take_inbox(self.name, self._alive(tx, now()), 200)))

    def freeze(self) -> None:
        """It stands still: no heartbeat, no transaction. What it has sent is on its way all the same."""
        self.writer.runs.clear()

    def thaw(self) -> None:
        """It goes on as if nothing had been."""
        self.writer.runs.set()

    def die(self) -> None:
        """kill -9."""
        self.writer.stopped = True
        self.freeze()
        for task in self.tasks:
            task.cancel()

    async def stop(self) -> None:
        """SIGTERM."""
        for task in self.tasks[:-1]:
            task.cancel()
        await self.dispatcher.drain(25)
        await self.writer.submit(lambda tx: tx.remove_replica(self.name))
        self.die()

    async def replan(self) -> None:
        """routes.yml was reloaded."""

        def replan(tx: Transaction) -> Applied:
            ids = [one.id for one in tx.open_incidents(1000)]
            return self.applier.change_incidents(tx, ids, lambda one: one, "routes", now())

        self._act(await self.writer.submit(replan))

    # What comes in

    async def post(self, alerts: Iterable[Mapping[str, Any]] | bytes, *, cluster: str = "main", **keys: Any) -> str:
        """A webhook: `accepted` or `quarantined`, once it is committed. `keys` go into the payload."""
        body = alerts if isinstance(alerts, bytes) else webhook(alerts, **keys)
        read = payload.decode(body, cluster, now())
        if isinstance(read, payload.Unreadable):
            await self.ingest.quarantine(cluster, "request", now(), read.reason, size=len(body), head=body)
            return "quarantined"
        await self.ingest.accept(cluster, "request", now(), body, read)
        return "accepted"

    async def replay(self, incident_id: str, destination: str = PAYMENTS_PAGERDUTY) -> Delivery:
        """What `dead-letters replay` does to a row; what it is then."""

        def job(tx: Transaction) -> Delivery:
            row = next(row for row in tx.deliveries([incident_id])[incident_id] if row.destination == destination)
            after = planning.requeue(row, now(), self.rules.traits_of(destination))
            tx.save_deliveries([after])
            return after

        row: Delivery = await self.writer.submit(job)
        self.dispatcher.wake()
        return row

    # What is kept

    def ask(self, question: Callable[[Transaction], Any]) -> Any:
        with self.store.begin() as tx:
            return question(tx)

    def delivery(self, incident_id: str, destination: str = PAYMENTS_PAGERDUTY) -> Delivery:
        rows: list[Delivery] = self.ask(lambda tx: tx.deliveries([incident_id]))[incident_id]
        return next(row for row in rows if row.destination == destination)

    def incident(self, incident_id: str) -> Incident:
        found: Incident = self.ask(lambda tx: tx.incidents([incident_id]))[incident_id]
        return found

    def history(self, incident_id: str) -> list[str]:
        """The kinds of an incident's transitions, the oldest first."""
        rows: tuple[list[Transition], list[Attempt]] = self.ask(lambda tx: tx.history(incident_id, 1000))
        return [row.kind for row in rows[0]]

    def ledger(self, incident_id: str, destination: str = PAYMENTS_PAGERDUTY) -> list[str]:
        """An incident's attempts as `action outcome` or `action reason`, the oldest first."""
        rows: tuple[list[Transition], list[Attempt]] = self.ask(lambda tx: tx.history(incident_id, 1000))
        return [f"{row.action} {row.reason or row.outcome}" for row in rows[1] if row.destination == destination]


class World:
    """The providers, and one router until more are added."""

    def __init__(self, store_url: str = "", *, smtp: bool = False, **changes: Any) -> None:
        """`store_url`: of an empty database; memory without. `changes` replace parts of the routes."""
        quiet = {"main": Cluster("main", ("http://127.0.0.1:9093",), 30 * DAY)}
        self.routes: Routes = routes(**{"clusters": quiet, **changes})
        self.store_url = store_url
        self.database = Database()
        self.secrets: dict[str, str] = {**KEYS, "SLACK_TOKEN": SLACK_TOKEN}
        self.templates = Templates()
        self.nodes: list[Node] = []
        self._smtp = smtp

    async def __aenter__(self) -> Self:
        self.pagerduty, self.slack, self.smtp = PagerDutyStub(), SlackStub(), SmtpStub()
        self.slack.clock = lambda: now() / SECOND
        self.pagerduty_wire, self.slack_wire = Wire(self.pagerduty), Wire(self.slack)
        mail = email.Settings()
        if self._smtp:
            await self.smtp.start()
            mail = email.Settings(
                host="127.0.0.1", port=self.smtp.port, tls="none", from_address="alerts@example.com", timeout=8.0
            )
        self.channel_settings = {"pagerduty": pagerduty.Settings(), "slack": slack.Settings(), "email": mail}
        self.peers = {name: [Peer(url) for url in one.peers] for name, one in self.routes.clusters.items()}
        for peers in self.peers.values():
            for peer in peers:
                peer.reachable = False
        self.peer = self.peers["main"][0]
        self.router = await self.add("router-1")
        return self

    async def __aexit__(self, *_: object) -> None:
        for node in self.nodes:
            for notifier in node.notifiers.values():
                await notifier.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._smtp:
            await self.smtp.stop()
        for node in self.nodes:
            node.store.close()

    async def add(self, name: str, store_url: str = "") -> Node:
        """One more router on the same store, or on another."""
        url = store_url or self.store_url
        return await self.add_store(name, open_store(url) if url else MemoryStore(self.database))

    async def add_store(self, name: str, store: Store) -> Node:
        """One more router on that store."""
        node = Node(self, name, store)
        self.nodes.append(node)
        return await node.start()

    def now(self) -> Micros:
        """The time."""
        return now()

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        await asyncio.sleep(seconds)

    # What people see

    def pages(self, name: str = "Down", *, key: str = "PAYMENTS_KEY") -> list[str]:
        """The states of the PagerDuty incidents that were ever opened for an alert's incident, the oldest first."""
        return [one["status"] for one in self.pagerduty.incidents.get((self.secrets[key], incident(name)), [])]

    def paged(self) -> Counter[str]:
        """How often each summary has opened an incident, with any key."""
        return Counter(one["summary"] for many in self.pagerduty.incidents.values() for one in many)

    def messages(self, channel: str = "#payments") -> list[str]:
        """What the channel's messages say now, in one text each."""
        return [
            json.dumps([one.get("text"), one.get("blocks"), one.get("attachments")], ensure_ascii=False)
            for one in self.slack.messages(channel)
        ]

    def replies(self, channel: str = "#payments", message: int = 0) -> list[str]:
        """What the thread of a message was told."""
        ts = self.slack.messages(channel)[message]["ts"]
        return [reply["text"] for reply in self.slack.thread(channel, ts)]

    def assert_at_rest(self, *, dead: int = 0) -> None:
        """The invariant: nothing is left in the inbox, and each delivery shows what it should or is a dead letter."""
        node = next(node for node in self.nodes if not node.writer.stopped)
        assert node.ask(lambda tx: tx.take_inbox("nobody", [], 10)) == []
        backlog = node.ask(lambda tx: tx.backlog())
        assert [row for row in backlog if row.waiting] == []
        assert sum(row.dead for row in backlog) == dead


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario on the virtual clock."""
    virtual_loop.run(scenario())


def replace_team(known: Routes, team: str, channel: str, told: tuple[Destination, ...]) -> Routes:
    """Routes in which a channel of a team leads to these destinations; to none: the team hasn't got it any more."""
    changed = {name: kept for name, kept in known.teams[team].destinations.items() if name != channel}
    if told:
        changed[channel] = told
    teams = {**known.teams, team: known.teams[team]._replace(destinations=changed)}
    return dataclasses.replace(known, teams=teams)


__all__ = ["Node", "Peer", "World", "end", "fire", "incident", "play", "replace_team"]
