"""The router's own conditions."""

from types import SimpleNamespace

from memory_store import MemoryStore
from router_world import TRAITS, routes

from router.applier import Applier, Incoming
from router.duties.watch import Watch
from router.model import HOUR, INTERNAL_CLUSTER, MINUTE, SECOND, AlertStatus
from router.policies import internal
from router.policies.watchdog import Silence

NOW = 1_000_000 * SECOND


def world(*, enabled):
    applier = Applier(routes=routes, traits=TRAITS, owner="one", room=lambda _destination: 9)
    switch = SimpleNamespace(enabled=enabled)
    ground = SimpleNamespace(
        settings=SimpleNamespace(watchdog=switch), routes=routes, applier=applier, now=lambda: NOW + HOUR
    )
    store = MemoryStore()
    store.open()
    told = internal.firing(internal.watchdog_silent(Silence("main", 0, MINUTE)), "platform", None, NOW)
    with store.begin() as tx:
        applier.apply(tx, [Incoming("", NOW, (told,))], NOW)
    return store, Watch(ground, lambda: HOUR), (INTERNAL_CLUSTER, told.fingerprint)


def status_after_a_look(*, enabled):
    store, watch, key = world(enabled=enabled)
    with store.begin() as tx:
        watch._conditions(tx)
        return tx.alerts([key])[key].status


def test_a_cluster_that_stays_silent_stays_open():
    assert status_after_a_look(enabled=True) is AlertStatus.FIRING


def test_a_silence_that_was_told_ends_when_the_watch_is_switched_off():
    assert status_after_a_look(enabled=False) is AlertStatus.RESOLVED
