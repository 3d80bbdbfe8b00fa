"""Asks the Alertmanagers what still fires, and about alerts that are held."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from router.applier import Applied, Incoming
from router.duties.alertmanager_api import poll
from router.duties.core import Ground
from router.model import AlertState, Heartbeat
from router.policies import maintenance, reconcile
from router.policies.reconcile import Limits, Memory, PeerAnswer, PeerState
from router.policies.watchdog import fresh
from router.routes import Cluster
from router.routing import resolve
from router.store import AlertKey, Transaction

if TYPE_CHECKING:
    import aiohttp

log = structlog.get_logger("router.reconciler")

POLL_SECONDS = 10.0
HELD_SECONDS = 1.0
"""How long until a held alert is asked about again while nobody has answered."""


class Reconciling:
    """One for all clusters."""

    def __init__(self, ground: Ground, session: Callable[[], aiohttp.ClientSession]) -> None:
        self._ground = ground
        self._session = session
        self._memory: dict[str, Memory] = defaultdict(lambda: reconcile.NO_MEMORY)
        self.held = asyncio.Event()
        """Set when an alert is held: it is asked about at once."""
        setting = ground.settings.reconciler
        self._limits = Limits(
            min_uptime=setting.peer_uptime,
            known_for=setting.known_for,
            absent_for=setting.absent_for,
            missed_after=setting.missed_after,
            held_horizon=setting.held_horizon,
        )

    async def _ask(self, cluster: Cluster, known: Sequence[str]) -> list[PeerAnswer]:
        now = self._ground.now()
        answers = await asyncio.gather(
            *(
                poll(self._session(), peer, timeout=POLL_SECONDS, asked_at=now, known=frozenset(known))
                for peer in cluster.peers
            )
        )
        for answer in answers:
            self._ground.metrics.poll(cluster.name, "ok" if isinstance(answer, PeerState) else "unreachable")
        return list(answers)

    async def clusters(self) -> None:
        """Compare every cluster with its peers."""
        for cluster in list(self._ground.routes().clusters.values()):
            await self._cluster(cluster)

    async def _cluster(self, cluster: Cluster) -> None:
        ground = self._ground

        def read(tx: Transaction) -> tuple[list[AlertState], list[Heartbeat]]:
            return tx.firing_alerts(cluster.name), tx.heartbeats()

        ours, _ = await ground.writer.submit(read)
        answers = await self._ask(cluster, [state.fingerprint for state in ours])
        # Read again: what came while the peers were asked is not to be mistaken for what they don't know.
        ours, beats = await ground.writer.submit(read)
        now = ground.now()
        routes = ground.routes()
        beat = next((beat for beat in beats if beat.cluster == cluster.name), None)
        verdict = reconcile.judge(
            ours,
            answers,
            heartbeat_fresh=fresh(cluster, beat, now),
            memory=self._memory[cluster.name],
            now=now,
            muted=lambda labels: maintenance.muted(routes, labels, resolve(labels, routes).severity, now),
            limits=self._limits,
        )
        self._memory[cluster.name] = verdict.memory
        if verdict.blocked:
            log.debug("the reconciler closes nothing", cluster=cluster.name, reason=verdict.blocked)
        keys: dict[AlertKey, int] = {(state.cluster, state.fingerprint): verdict.asked_at for state in verdict.close}
        suppression: dict[AlertKey, bool] = {
            (cluster.name, fingerprint): suppressed for fingerprint, suppressed in verdict.suppression.items()
        }
        missed = tuple(reconcile.opening(cluster.name, alert) for alert in verdict.missed)

        def close(tx: Transaction) -> Applied | None:
            return ground.applier.close_absent(tx, keys, now) if keys else None

        def suppress(tx: Transaction) -> Applied | None:
            return ground.applier.mark_suppressed(tx, suppression, now) if suppression else None

        def open_missed(tx: Transaction) -> Applied | None:
            return ground.applier.apply(tx, [Incoming("", now, missed)], now) if missed else None

        for action, number, job in (
            ("closed", len(keys), close),
            ("suppression", len(suppression), suppress),
            ("opened", len(missed), open_missed),
        ):
            if number:
                await ground.apply(job)
                ground.metrics.reconciled(cluster.name, action, number)
                log.info("reconciled with Alertmanager", cluster=cluster.name, action=action, alerts=number)

    async def held_alerts(self) -> None:
        """Decide about alerts of which a firing with an old start has come."""
        ground = self._ground
        held = await ground.writer.submit(lambda tx: tx.held_alerts(ground.now()))
        by_cluster: dict[str, list[AlertState]] = defaultdict(list)
        for state in held:
            by_cluster[state.cluster].append(state)
        for name, states in by_cluster.items():
            cluster = ground.routes().clusters.get(name)
            answers: list[PeerAnswer] = []
            if cluster is not None and ground.settings.reconciler.enabled:
                answers = await self._ask(cluster, [state.fingerprint for state in states])
            now = ground.now()
            verdict = reconcile.judge_held(states, answers, now, self._limits)
            if not verdict.reopen and not verdict.drop:
                continue
            reopened = [(state.cluster, state.fingerprint) for state in verdict.reopen]
            dropped = [(state.cluster, state.fingerprint) for state in verdict.drop]

            def decide(
                tx: Transaction,
                reopened: list[AlertKey] = reopened,
                dropped: list[AlertKey] = dropped,
                now: int = now,
            ) -> Applied:
                return ground.applier.decide_held(tx, reopened, dropped, now)

            await ground.apply(decide)
            ground.metrics.reconciled(name, "held", len(reopened) + len(dropped))
