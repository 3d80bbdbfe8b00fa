"""The composition root: makes the parts, starts them in order, and stops them so that nothing is lost.

Starting: the store, what earlier processes left behind, the duties, the web server. Stopping: no new webhooks, no new
claims, the calls under way finish, claims are given back, the store closes.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import structlog

from router import backoff, payload
from router.applier import Applied, Applier, Incoming, Work
from router.clock import Clock
from router.config.routes_file import RoutesFile
from router.config.secrets import Secrets
from router.config.settings_types import Settings
from router.delivery import Call, Dispatcher, Hooks
from router.dry_run import DryRun, is_dry
from router.duties import core, reports
from router.duties.core import Duty, Ground
from router.duties.reconciling import Reconciling
from router.duties.watch import Watch, all_destinations
from router.ingest import PENDING_ALERTS, Ingest
from router.messages.message import Look
from router.messages.templating import Templates
from router.model import INTERNAL_CLUSTER, SECOND, Delivery, Micros, Replica
from router.notes import missed_note
from router.notifier import Context, Delivered, Notifier, Retry, Traits
from router.notifiers import channels
from router.policies import restored
from router.policies.internal import template_error, unknown_cluster
from router.settings import is_authenticated
from router.store import Backlog, StoreError, Transaction
from router.stores import open_store
from router.stores.sole import only_one
from router.telemetry.metrics import Metrics
from router.web import auth, server
from router.web.app import create_app
from router.web.ports import Check, Health, Refusal
from router.web.ports import Settings as WebSettings
from router.worker.claims import Rules
from router.worker.lanes import Lanes
from router.writer import Commit, Writer

if TYPE_CHECKING:
    from router.routes import Routes

log = structlog.get_logger("router.app")

BACKLOG_SECONDS = 2.0
INBOX_SECONDS = 5.0
INBOX_AT_ONCE = 200
REST = 9.0
"""What looks at all that is open takes at most a tenth of the time."""
ALL_OPEN = 1_000_000
REPLANNED_AT_ONCE = 250
"""Incidents that one transaction brings into line with new routes: acknowledgements wait for no more than that."""
PRUNE_SECONDS = 300.0
PRUNE_AT_ONCE = 5_000

COLLECT_AFTER = 50_000
"""Objects that are made before Python looks for cycles among them. Its default, 700, looks through all the alerts of a
storm again and again, which took up to a fifth of the time; applying it leaves no cycles."""

CREDENTIAL_SECONDS = 1.0
"""How long a credential that was valid is taken after it has been removed. A new one is valid at once."""


class App:
    """One router process."""

    def __init__(self, settings: Settings, secrets: Secrets, routes_file: RoutesFile, version: str) -> None:
        """`routes_file` has been loaded."""
        self._settings = settings
        self._secrets = secrets
        self._routes_file = routes_file
        self._version = version
        self._clock = Clock()
        self._metrics = Metrics(version, self._clock.now)
        self._channels = channels()
        self._traits: Mapping[str, Traits] = {name: channel.TRAITS for name, channel in self._channels.items()}
        self._name = f"{socket.gethostname()}:{settings.listen}"
        self._owner = f"{self._name}#{os.urandom(4).hex()}"
        self._session: aiohttp.ClientSession | None = None
        self._stop = asyncio.Event()
        self._ready = False
        self._replanning: asyncio.Task[None] | None = None
        self._beat_at = time.monotonic()
        self._escalates_from: Micros = 0
        self._store_fault = ""
        self._backlog: list[Backlog] = []
        self._statuses: list[str] = []
        self._live: dict[str, tuple[float, auth.Credentials]] = {}
        """What a webhook may show, by cluster, and until when that is believed without looking at the secrets."""
        self._locked = not settings.is_loopback
        """Whether webhooks need a credential: always where others reach us, else once there has been one."""
        self._in_force = self._switched()
        self._dry = is_dry(settings, secrets, self._in_force)
        self._templates = Templates(
            Path(settings.templates) if settings.templates else None,
            self._template_failed,
        )
        self._make()

    # Making

    def _routes(self) -> Routes:
        return self._in_force

    def _switched(self) -> Routes:
        """The routes, with what the settings switch off."""
        routes, settings = self._routes_file.routes, self._settings
        storm = routes.storm._replace(enabled=routes.storm.enabled and settings.storm.enabled)
        flap = routes.flap._replace(enabled=routes.flap.enabled and settings.flap.enabled)
        return replace(routes, storm=storm, flap=flap)

    def _look(self) -> Look:
        routes = self._routes()
        return Look(
            {key: team.name for key, team in routes.teams.items()},
            {name: severity.response for name, severity in routes.severities.items()},
            routes.urls.silence,
            routes.urls.query,
            self._settings.external_url,
        )

    def _make(self) -> None:
        settings, now = self._settings, self._clock.now
        password = self._secrets.get(settings.store.password_secret)
        self._store = open_store(settings.store_url(password))
        self._writer = Writer(self._store, on_commit=self._committed)
        self._lanes = Lanes(self._traits, limited=not os.environ.get("TOCSIN_BENCH_UNLIMITED"))
        self._notifiers: dict[str, Notifier] = {name: self._notifier(name) for name in self._channels}
        self._applier = Applier(
            routes=self._routes,
            traits=self._traits,
            owner=self._owner,
            # The dispatcher is made after it.
            room=lambda destination: self._dispatcher.room(destination),  # noqa: PLW0108
            fold=lambda tx, incident, at: reports.fold(self._ground, tx, incident, at),
        )
        self._dispatcher = Dispatcher(
            writer=self._writer,
            notifiers=self._notifiers,
            lanes=self._lanes,
            rules=Rules(
                owner=self._owner,
                traits=self._traits,
                repeat_interval=lambda: self._routes().repeat_interval,
                assert_after=settings.delivery.call_timeout + 2 * SECOND,
                alive=self._alive,
                missed=self._missed,
            ),
            now=now,
            chance=random.random,
            fence=self._fence,
            timeout=settings.delivery.call_timeout / SECOND,
            hooks=Hooks(called=self._called, in_flight=self._metrics.in_flight),
            in_flight=settings.delivery.window,
        )
        self._ingest = Ingest(
            writer=self._writer,
            applier=self._applier,
            decode=self._decode,
            owner=self._owner,
            now=now,
            offer=self._dispatcher.offer,
            on_applied=self._applied,
            on_quarantined=lambda cluster, _reason: self._metrics.quarantined(cluster),
        )
        self._ground = Ground(
            settings, self._routes, self._writer, self._applier, self._ingest, self._metrics, now, self._act
        )
        self._watch = Watch(self._ground, self._clock.undisturbed)
        self._reports = reports.Reports(self._ground)
        self._reconciling = Reconciling(self._ground, self._http)

    def _notifier(self, name: str) -> Notifier:
        if self._dry:
            return DryRun(name, self._look)
        return self._channels[name].build(
            Context(
                settings=self._settings.channels[name],
                secret=self._secrets.get,
                templates=self._templates,
                session=self._http,
                external_url=self._settings.external_url,
                now=self._clock.now,
                look=self._look,
            )
        )

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No cookies: nothing that one destination sets may reach another.
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
            )
        return self._session

    # Running

    async def run(self, on_ready: Callable[[int], None] = lambda _port: None) -> None:
        """Serve until told to stop. StoreError when the store can't be opened, OSError when the address can't be had.

        Both are had before anything is touched: a router that was started twice must not take the first one's work.
        """
        with only_one(self._settings.store.url):
            listener = await server.listen(self._settings.host, self._settings.port)
            try:
                await self._serve(listener, on_ready)
            finally:
                listener.close()

    async def _serve(self, listener: socket.socket, on_ready: Callable[[int], None]) -> None:
        await self._writer.start()
        await self._begin()
        duties = core.start(self._duties())
        dispatching = asyncio.create_task(self._dispatcher.run(), name="dispatcher")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

        def ready(port: int) -> None:
            self._ready = True
            log.info(
                "listening",
                host=self._settings.host,
                port=port,
                version=self._version,
                replica=self._owner,
                dry_run=self._dry,
                routes=self._routes_file.path,
            )
            on_ready(port)

        try:
            app = create_app(self, self._web_settings())
            bounds = server.Bounds(grace=min(5, self._settings.shutdown_grace // SECOND))
            host, port = self._settings.host, self._settings.port
            await server.serve(app, host, port, sock=listener, on_ready=ready, stop=self._stop, bounds=bounds)
        finally:
            self._ready = False
            await self._end(duties, dispatching)

    def _web_settings(self) -> WebSettings:
        limits = self._settings.limits
        return WebSettings(
            body=limits.body,
            protected=bool(self._settings.credentials.metrics),
            limits=self._limits(),
        )

    def _limits(self) -> payload.Limits:
        limits = self._settings.limits
        return payload.Limits(
            alerts=limits.alerts,
            labels=limits.labels,
            name=limits.name,
            label=limits.label,
            annotation=limits.annotation,
            url=limits.url,
        )

    async def _begin(self) -> None:
        """Take up what earlier processes left: their claims, their webhooks, and what was known of destinations."""

        def begin(tx: Transaction) -> bool:
            now = self._clock.now()
            stale = restored.resume(tx, now, self._routes().repeat_interval)
            alone = self._settings.store.url.startswith("sqlite:")
            for replica in tx.replicas():
                # An earlier process of the same name is gone: its claims needn't wait for its lease to run out.
                if alone or replica.id.partition("#")[0] == self._name:
                    tx.remove_replica(replica.id)
            tx.beat(Replica(self._owner, now, now, self._version))
            tx.recall(now + backoff.CAP, now)
            self._lanes.restore(tx.destinations(), now)
            return stale

        if await self._writer.submit(begin):
            log.warning("nobody has written to the store for long: a backup, or a long outage. Nothing is told twice")
            self._escalates_from = self._clock.now() + restored.DOUBTED_FOR
        self._beat_at = time.monotonic()
        self._routes_changed()
        self._metrics.routes_loaded(ok=True)
        # All of it: what comes from now on is applied after it.
        await self._adopt(PENDING_ALERTS)
        # The routes may have changed while nobody looked, such as by the deployment that has just restarted us.
        await self._replan()
        log.info("the store is open", store=self._settings.to_public()["store"]["url"])
        if self._dry:
            why = "told so" if self._settings.dry_run == "always" else "no destination has its secret"
            log.warning("dry run: messages are shown in the log and not sent", why=why)
        if not is_authenticated(self._settings, self._secrets):
            log.warning("webhooks need no credential: only this machine can reach the router")

    def _duties(self) -> Sequence[Duty]:
        settings = self._settings
        duties = [
            Duty("heartbeat", settings.delivery.heartbeat / SECOND, self._beat),
            Duty("routes", 2.0, self._check_routes),
            Duty("inbox", INBOX_SECONDS, self._adopt),
            Duty("backlog", BACKLOG_SECONDS, self._measure, rest=REST),
            Duty("conditions", 1.0, self._watch.conditions, rest=REST),
            Duty("fallback", 1.0, self._watch.fallbacks, rest=REST),
            Duty("retention", PRUNE_SECONDS, self._prune),
            Duty("notices", 60.0, self._reports.notices),
            Duty("held", 1.0, self._reconciling.held_alerts, self._reconciling.held),
        ]
        if settings.reconciler.enabled:
            duties.append(Duty("reconciler", settings.reconciler.interval / SECOND, self._reconciling.clusters))
        if settings.digest.enabled:
            duties.append(Duty("digest", 5.0, self._reports.digests))
        if settings.escalation.enabled:
            duties.append(Duty("escalation", 5.0, self._escalate, rest=REST))
        if settings.storm.enabled:
            duties.append(Duty("storm", 1.0, self._reports.storms, rest=REST))
        return duties

    async def _end(self, duties: Sequence[asyncio.Task[None]], dispatching: asyncio.Task[None]) -> None:
        log.info("stopping")
        for task in duties:
            task.cancel()
        await asyncio.gather(*duties, return_exceptions=True)
        clean = await self._dispatcher.drain(self._settings.shutdown_grace / SECOND)
        await dispatching
        if clean:
            try:
                await self._writer.submit(lambda tx: tx.remove_replica(self._owner))
            except StoreError as error:
                log.warning("the store could not be told of the end", error=str(error))
        await self._writer.stop()
        for notifier in self._notifiers.values():
            await notifier.close()
        if self._session is not None:
            await self._session.close()
        log.info("stopped", clean=clean)

    # Duties of the process itself

    async def _beat(self) -> None:
        step = self._clock.check()
        if step:
            log.warning("the machine's clock has jumped", seconds=step / SECOND)
            self._lanes.stepped(step)
        started = time.monotonic()
        now = self._clock.now()
        back = step < 0

        def beat(tx: Transaction) -> None:
            tx.beat(Replica(self._owner, now, now, self._version))
            if back:
                tx.recall(now + backoff.CAP, now)

        await self._writer.submit(beat)
        self._beat_at = started

    async def _escalate(self) -> None:
        # What a stale store takes for open may be over, and is closed by the reconciler first.
        if self._clock.now() >= self._escalates_from:
            await self._reports.escalations()

    def _fence(self) -> bool:
        """Whether our heartbeat is young enough that no other replica can have taken over what is ours."""
        return time.monotonic() - self._beat_at < self._settings.delivery.lease / SECOND / 2

    def _alive(self, tx: Transaction, now: Micros) -> Sequence[str]:
        lease = self._settings.delivery.lease
        jumped = self._clock.stepped_at and now - self._clock.stepped_at < lease
        # A heartbeat from the future was written by a clock that has been set back since; it must not live on for that.
        alive = [replica.id for replica in tx.replicas() if jumped or abs(now - replica.heartbeat_at) < lease]
        return [*alive, self._owner]

    async def _adopt(self, limit: int = INBOX_AT_ONCE) -> None:
        rows = await self._writer.submit(
            lambda tx: tx.take_inbox(self._owner, self._alive(tx, self._clock.now()), limit)
        )
        self._ingest.adopt(rows)

    async def _measure(self) -> None:
        backlog, statuses, beats = await self._writer.submit(
            lambda tx: (tx.backlog(), tx.destinations(), tx.heartbeats())
        )
        self._store_fault = ""
        self._backlog = backlog
        self._metrics.backlog(backlog)
        self._metrics.watchdogs(beats)
        configured = all_destinations(self._routes())
        bad = [status for status in statuses if status.destination in configured and status.state != "ok"]
        parked = sum(status.state == "parked" for status in bad)
        self._metrics.destinations(parked, len(bad) - parked)
        self._metrics.inbox(self._ingest.pending)
        self._statuses = [f"{status.destination} is {status.state}: {status.reason}" for status in bad]

    async def _prune(self) -> None:
        before = self._clock.now() - self._settings.retention
        pruned = PRUNE_AT_ONCE
        while pruned >= PRUNE_AT_ONCE:
            pruned = await self._writer.submit(lambda tx: tx.prune(before, PRUNE_AT_ONCE), lone=True)

    async def _check_routes(self) -> None:
        digest = self._routes_file.digest
        self._look_at_routes(self._routes_file.check)
        if self._routes_file.digest != digest:
            await self._replan()

    def _look_at_routes(self, look: Callable[[], object]) -> None:
        file = self._routes_file
        before = file.digest, file.problems
        look()
        if (file.digest, file.problems) != before:
            self._metrics.routes_loaded(ok=not file.problems)

    def _reload(self) -> None:
        self._templates.reload()
        self._look_at_routes(self._routes_file.reload)
        # The loop itself doesn't keep tasks alive.
        self._replanning = asyncio.get_running_loop().create_task(self._replan())

    async def _replan(self) -> None:
        """Bring what is open into line with new routes: a removed destination's messages go where they go now."""
        self._routes_changed()

        def replan(tx: Transaction, ids: Sequence[str]) -> Applied:
            return self._applier.change_incidents(tx, ids, lambda incident: incident, "routes", self._clock.now())

        try:
            everything = await self._writer.submit(lambda tx: [incident.id for incident in tx.open_incidents(ALL_OPEN)])
            for start in range(0, len(everything), REPLANNED_AT_ONCE):
                some = everything[start : start + REPLANNED_AT_ONCE]
                self._act(await self._writer.submit(partial(replan, ids=some)))
        except StoreError as error:
            log.warning("open incidents keep their old routes until they change", error=str(error))

    def _routes_changed(self) -> None:
        self._in_force = routes = self._switched()
        self._metrics.know([*routes.clusters, INTERNAL_CLUSTER], all_destinations(routes))

    # What follows commits and calls

    def _decode(self, body: bytes, cluster: str, received_at: Micros) -> payload.Webhook | str:
        webhook = payload.decode(body, cluster, received_at, self._limits())
        return webhook.reason if isinstance(webhook, payload.Unreadable) else webhook

    def _act(self, applied: Applied) -> None:
        if applied.work:
            self._dispatcher.offer(applied.work)
        self._applied(applied, ())

    def _applied(self, applied: Applied, _incoming: Sequence[Incoming]) -> None:
        for seen in applied.seen:
            self._metrics.alerts(seen.cluster, seen.severity)
            if seen.unknown_severity:
                self._metrics.unknown_severity()
        if applied.held:
            self._reconciling.held.set()

    def _called(self, call: Call) -> None:
        row, outcome = call.work.delivery, call.outcome
        if isinstance(outcome, Delivered):
            self._metrics.delivery(row.destination, "delivered")
            if call.work.snapshot is not None and row.since:
                channel = row.destination.partition(":")[0]
                self._metrics.delivered(channel, call.work.snapshot.incident.severity, row.received_at)
        else:
            kind = "retried" if isinstance(outcome, Retry) else "rejected"
            self._metrics.delivery(row.destination, kind, outcome.reason.value)

    def _missed(self, tx: Transaction, rows: Sequence[Delivery], now: Micros) -> Sequence[Work]:
        """Lines for episodes that ended before PagerDuty could be told."""
        ids = sorted({row.incident_id for row in rows})
        incidents, known = tx.incidents(ids), tx.deliveries(ids)
        notes = []
        for row in rows:
            incident = incidents.get(row.incident_id)
            if incident is not None:
                made = missed_note(incident, row, known.get(row.incident_id, []), self._routes(), now)
                if made is not None:
                    notes.append(made)
        return self._applier.send_notes(tx, notes, now).work if notes else ()

    def _committed(self, commit: Commit) -> None:
        self._metrics.commit(commit.seconds)
        if commit.failed:
            self._metrics.store_error("transaction")

    def _template_failed(self, name: str, error: str) -> None:
        log.error("a template fails, and the built-in text is used", template=name, error=error)
        if hasattr(self, "_ingest") and self._ready:
            self._ingest.tell(template_error(name, error))

    # What the web edge asks

    def clusters(self) -> Collection[str]:
        """Implements web.ports.Ports."""
        return self._routes().clusters

    async def accept(
        self, cluster: str, request_id: str, received_at: Micros, body: bytes, webhook: payload.Webhook
    ) -> None:
        """Implements web.ports.Ports."""
        await self._ingest.accept(cluster, request_id, received_at, body, webhook)
        self._metrics.webhook(cluster, "accepted")

    async def quarantine(
        self, cluster: str, request_id: str, received_at: Micros, reason: str, *, size: int, body: bytes
    ) -> None:
        """Implements web.ports.Ports."""
        await self._ingest.quarantine(cluster, request_id, received_at, reason, size=size, head=body)
        self._metrics.webhook(cluster, "quarantined")

    def unknown_cluster(self, name: str) -> None:
        """Implements web.ports.Ports."""
        log.error("a webhook for a cluster that routes.yml doesn't have; it is taken", cluster=name)
        self._ingest.tell(unknown_cluster(name))

    def refused(self, refusal: Refusal, cluster: str, request_id: str, error: Exception | None) -> None:
        """Implements web.ports.Ports."""
        self._metrics.webhook(cluster, refusal.value)
        if refusal is Refusal.STORE:
            self._store_fault = str(error)
        log.warning(
            "a request was refused",
            refusal=refusal.value,
            cluster=cluster,
            request_id=request_id,
            exc_info=error if refusal is Refusal.BUG else None,
            error=str(error) if error is not None else "",
        )

    def authenticate(self, authorization: bytes | None, cluster: str) -> bool:
        """Implements web.ports.Ports."""
        place = cluster if cluster in self._settings.credentials.clusters else ""
        until, live = self._live.get(place, (0.0, None))
        now = time.monotonic()
        if live is not None and now < until and auth.authenticated(authorization, live):
            return True
        # Whatever isn't known is judged by the secrets as they are at this moment. A file that is gone, or empty while
        # it is written, doesn't open the door again.
        if not self._locked:
            self._locked = is_authenticated(self._settings, self._secrets)
        if not self._locked:
            return True
        live = self._accepted(cluster)
        self._live[place] = (now + CREDENTIAL_SECONDS, live)
        return auth.authenticated(authorization, live)

    def may_read(self, authorization: bytes | None) -> bool:
        """Implements web.ports.Ports."""
        token = self._secrets.get(self._settings.credentials.metrics)
        return auth.authenticated(authorization, auth.credentials(bearer=[token] if token else []))

    def _accepted(self, cluster: str) -> auth.Credentials:
        credentials = self._settings.credentials
        names = [*credentials.webhook, *credentials.clusters.get(cluster, ())]
        tokens = [value for name in names if (value := self._secrets.get(name))]
        users = [
            f"{user}:{value}"
            for user, secrets in credentials.users.items()
            for name in secrets
            if (value := self._secrets.get(name))
        ]
        return auth.credentials(bearer=tokens, basic=users)

    def overloaded(self) -> bool:
        """Implements web.ports.Ports."""
        return self._ingest.overloaded() or self._writer.overloaded()

    def health(self) -> Health:
        """Implements web.ports.Ports."""
        fenced = not self._fence()
        store_ok = self._writer.running and not fenced
        dead = sum(row.dead for row in self._backlog)
        oldest = min((row.oldest for row in self._backlog if row.oldest), default=0)
        age = (self._clock.now() - oldest) // SECOND if oldest else 0
        problems = [f"{problem.place}: {problem.message}" for problem in self._routes_file.problems]
        checks = {
            "store": Check(store_ok, self._store_fault or ("answers" if store_ok else "doesn't take our heartbeat")),
            "destinations": Check(not self._statuses, "; ".join(self._statuses) or "all take messages"),
            "dead_letters": Check(dead == 0, f"{dead} wait for a person; see alert-router dead-letters list"),
            "backlog": Check(age < 120, f"the oldest message waits for {age} s" if age else "nothing waits"),
            "routes": Check(not problems, "; ".join(problems) or f"in force: {self._routes_file.digest}"),
            "inbox": Check(not self.overloaded(), f"{self._ingest.pending} alerts are to be applied"),
        }
        return Health(self._ready and store_ok and not self._stop.is_set(), self._version, checks)

    def metrics(self) -> bytes:
        """Implements web.ports.Ports."""
        return self._metrics.render()[0]

    def now(self) -> Micros:
        """Implements web.ports.Ports."""
        return self._clock.now()

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()


def run(settings: Settings, secrets: Secrets, routes_file: RoutesFile, version: str) -> int:
    """Serve until SIGTERM or SIGINT. The exit code: 1 when the store or the address can't be had."""
    gc.set_threshold(COLLECT_AFTER)
    gc.freeze()

    async def main() -> int:
        try:
            await App(settings, secrets, routes_file, version).run()
        except StoreError as error:
            log.error("the store can't be opened", error=str(error))  # noqa: TRY400  (the message says it all)
            return 1
        except OSError as error:
            log.error("can't listen", address=settings.listen, error=error.strerror or str(error))  # noqa: TRY400
            return 1
        return 0

    return server.run(main())
