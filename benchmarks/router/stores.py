"""PostgreSQL beside SQLite, and two replicas beside one."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from benchmarks.report import Figure
from benchmarks.router.load import Plan
from benchmarks.router.processes import ROOT, Loaded, Provider, Router, load, loading, until
from benchmarks.setting import Setting

SLOW = 0.05
"""Seconds that the provider takes when it is what bounds the speed."""


@contextlib.contextmanager
def _postgres() -> Iterator[Any]:
    """The tests' server. It comes with a pip package and keeps PostgreSQL's defaults, fsync among them."""
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    server = importlib.import_module("postgres_server").PostgresServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _counted(provider: Provider, number: int) -> Callable[[], bool]:
    return lambda: provider.count() >= number


def beside_sqlite(setting: Setting) -> list[Figure]:
    """The same load on both stores, by turns: until acknowledged, and until the last is delivered."""
    number, rounds = (500, 2) if setting.quick else (1_500, 5)
    group = f"PostgreSQL over SQLite, {number:,} webhooks of one alert"
    acked: dict[str, list[float]] = {"SQLite": [], "PostgreSQL": []}
    told: dict[str, list[float]] = {"SQLite": [], "PostgreSQL": []}
    with (
        _postgres() as server,
        Provider(setting.folder) as provider,
        Router(setting.folder, provider, channel="webhook") as lite,
        Router(setting.folder, provider, channel="webhook", store=server.create_database()) as postgres,
    ):
        for turn in range(-1, rounds):
            for name, router in (("SQLite", lite), ("PostgreSQL", postgres)):
                provider.reset()
                found = load(Plan(router.port, number if turn >= 0 else 200, prefix=f"t{turn + 1}n"))
                until(_counted(provider, found.webhooks), "all is delivered", pause=0.05)
                if turn >= 0:
                    acked[name].append(found.rate)
                    told[name].append(number / (provider.calls()[-1][0] - found.started))
    result = []
    for name, kind, least in (("acknowledged and delivered", told, 0.7), ("acknowledged", acked, None)):
        mine, lite_rate = median(kind["PostgreSQL"]), median(kind["SQLite"])
        basis = f"{mine:,.0f}/s / {lite_rate:,.0f}/s"
        result.append(Figure(group, f"{name} a second", mine / lite_rate, "x", basis, least=least))
    return result


def replicas(setting: Setting) -> list[Figure]:
    """Webhooks by turns to one replica and to two, and a provider that answers after 50 ms."""
    number, rounds = (200, 1) if setting.quick else (400, 3)
    rates: dict[int, list[float]] = {1: [], 2: []}
    with _postgres() as server, Provider(setting.folder) as provider:
        provider.set(delay=SLOW)
        for turn in range(rounds):
            for size, found in rates.items():
                url = server.create_database()
                with contextlib.ExitStack() as stack:
                    routers = [
                        stack.enter_context(Router(setting.folder, provider, channel="webhook", store=url))
                        for _ in range(size)
                    ]
                    provider.reset()
                    started = time.monotonic()
                    _shared(routers, number, f"r{turn}n")
                    until(_counted(provider, number), "all is delivered", pause=0.05)
                    calls = provider.calls()
                    found.append(number / (calls[-1][0] - started))
                    twice = len(calls) - len({called for _, called, _ in calls})
                    if twice > size:
                        raise RuntimeError(f"{twice} of {number} messages were sent twice")
    one, two = median(rates[1]), median(rates[2])
    group = f"two replicas on one PostgreSQL, {number} messages to a provider that answers after 50 ms"
    name = "delivered a second, over one replica"
    return [Figure(group, name, two / one, "x", f"{two:.0f}/s / {one:.0f}/s", least=1.9)]


def _shared(routers: list[Router], number: int, prefix: str) -> list[Loaded]:
    """Each takes its part of the webhooks, one after the other, before much is delivered."""
    part = number // len(routers)
    plans = [
        Plan(router.port, part, prefix=prefix, first=place * part, connections=16)
        for place, router in enumerate(routers)
    ]
    if len(plans) == 1:
        return [load(plans[0])]
    with loading(plans[0]) as first, loading(plans[1]) as second:
        return [first(), second()]
