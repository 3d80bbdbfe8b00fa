"""How fast webhooks are acknowledged, all of them committed to disk, applied and delivered meanwhile."""

from __future__ import annotations

from itertools import count
from statistics import median

from benchmarks.report import Figure
from benchmarks.router.disk import syncs_a_second
from benchmarks.router.load import Plan
from benchmarks.router.processes import Bare, Loaded, Provider, Router, load, until
from benchmarks.setting import Setting

WEBHOOKS = 1_000
CONNECTIONS = 32
LARGE = 1_000
STEADY = 500
_names = count()


def figures(setting: Setting) -> list[Figure]:
    """The router beside the same HTTP server without a store, and beside the disk."""
    folder = setting.folder
    rounds = 3 if setting.quick else 7
    with Provider(folder) as provider, Bare(folder) as bare, Router(folder, provider, channel="webhook") as router:
        load(Plan(bare.port, 200))
        _posted(router, provider, Plan(router.port, 200))
        found = _bursts(setting, rounds, bare, router, provider)
        found += _large(rounds, bare, router, provider)
        found += _steady(3, bare, router, provider)
    return found


def _posted(router: Router, provider: Provider, plan: Plan) -> Loaded:
    """What posting took; then all that came of it is waited for."""
    provider.reset()
    calls = min(plan.incidents or plan.webhooks * plan.alerts, plan.webhooks * plan.alerts)
    before = router.applied()
    found = load(plan)
    until(lambda: router.applied() - before >= plan.webhooks * plan.alerts, "all is applied", pause=0.05)
    until(lambda: provider.count() >= calls, "all is delivered", pause=0.05)
    return found


def _bursts(setting: Setting, rounds: int, bare: Bare, router: Router, provider: Provider) -> list[Figure]:
    group = f"{WEBHOOKS:,} webhooks of one alert at once, {CONNECTIONS} connections: acknowledged a second"
    bares, routers, disks, longer = [], [], [], []
    for _ in range(rounds):
        disks.append(syncs_a_second(setting.folder, 0.3))
        bares.append(load(Plan(bare.port, WEBHOOKS * 2, connections=CONNECTIONS)).rate)
        plan = Plan(router.port, WEBHOOKS, connections=CONNECTIONS, prefix=f"b{next(_names)}n")
        routers.append(_posted(router, provider, plan).rate)
    for _ in range(3):
        plan = Plan(router.port, 5 * WEBHOOKS, connections=CONNECTIONS, prefix=f"b{next(_names)}n")
        longer.append(_posted(router, provider, plan).rate)
    mine, theirs, disk, long = median(routers), median(bares), median(disks), median(longer)
    return [
        Figure(
            group, "over the server without a store", mine / theirs, "x", f"{mine:,.0f}/s / {theirs:,.0f}/s", least=0.6
        ),
        Figure(group, "over syncs of 4 KiB", mine / disk, "x", f"{mine:,.0f}/s / {disk:,.0f}/s", least=1.5),
        Figure(
            group,
            f"{5 * WEBHOOKS:,} at once, over the server without a store",
            long / theirs,
            "x",
            f"{long:,.0f}/s / {theirs:,.0f}/s",
        ),
    ]


def _large(rounds: int, bare: Bare, router: Router, provider: Provider) -> list[Figure]:
    group = f"webhooks of {LARGE:,} alerts, 2 connections: acknowledged a second"
    bares, routers = [], []
    for _ in range(rounds):
        bares.append(load(Plan(bare.port, 10, alerts=LARGE, connections=2)).rate)
        plan = Plan(router.port, 10, alerts=LARGE, connections=2, prefix=f"l{next(_names)}n", incidents=10)
        routers.append(_posted(router, provider, plan).rate)
    mine, theirs = median(routers), median(bares)
    return [
        Figure(
            group, "over the server without a store", mine / theirs, "x", f"{mine:.0f}/s / {theirs:.0f}/s", least=0.5
        )
    ]


def _steady(rounds: int, bare: Bare, router: Router, provider: Provider) -> list[Figure]:
    group = f"{STEADY} webhooks a second, each delivered at once: until acknowledged"
    bares, routers = [], []
    for _ in range(rounds):
        bares.append(load(Plan(bare.port, 3 * STEADY, rate=STEADY)))
        plan = Plan(router.port, 3 * STEADY, rate=STEADY, prefix=f"s{next(_names)}n")
        routers.append(_posted(router, provider, plan))
    mine, theirs = median(found.p99 for found in routers), median(found.p99 for found in bares)
    half, bare_half = median(found.p50 for found in routers), median(found.p50 for found in bares)
    over = "over the server without a store"
    return [
        Figure(group, f"p99, {over}", mine / theirs, "x", f"{mine * 1e3:.1f} ms / {theirs * 1e3:.1f} ms", 3),
        Figure(group, f"p50, {over}", half / bare_half, "x", f"{half * 1e3:.2f} ms / {bare_half * 1e3:.2f} ms"),
    ]
