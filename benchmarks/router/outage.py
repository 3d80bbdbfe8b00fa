"""A provider that answers 503 for a while: how often it is asked meanwhile, and how soon all is told afterwards."""

from __future__ import annotations

import time

from benchmarks.report import Figure
from benchmarks.router.load import Plan
from benchmarks.router.processes import Provider, Router, load, until
from benchmarks.setting import Setting

INCIDENTS = 500
PROBE_SECONDS = 5.0


def figures(setting: Setting) -> list[Figure]:
    """An outage of one provider with 500 incidents waiting."""
    seconds = 11.0 if setting.quick else 21.0
    with Provider(setting.folder) as provider, Router(setting.folder, provider) as router:
        provider.set(status=503)
        load(Plan(router.port, INCIDENTS))
        until(lambda: provider.count() > 0, "the outage is noticed")
        time.sleep(seconds)
        calls = provider.calls()
        # What was under way when the breaker opened isn't a probe.
        opened = calls[0][0] + 1.0
        probes = [at for at, _, _ in calls if at > opened]
        provider.reset()
        provider.set(status=202)
        until(lambda: provider.count() >= 1, "the next probe", seconds=15, pause=0.005)
        until(lambda: len({number for _, number, _ in provider.calls()}) >= INCIDENTS, "all is told", pause=0.05)
        told = provider.calls()
        recovered = told[0][0]
        drained = next(at for at, seen in _seen(told) if seen == INCIDENTS) - recovered
    group = f"a provider that answers 503 for {seconds:.0f} s, {INCIDENTS} incidents waiting"
    rate = len(probes) / ((seconds - 1.0) / PROBE_SECONDS)
    early = sum(1 for at, _, _ in calls if at <= opened)
    return [
        Figure(group, "probes in 5 s", rate, "", f"{len(probes)} in {seconds - 1:.0f} s; {early} calls before", 1.25),
        Figure(group, "all is told, after the first success", drained, "s", f"{INCIDENTS / drained:,.0f}/s", 2),
    ]


def _seen(calls: list[tuple[float, int, int]]) -> list[tuple[float, int]]:
    """How many different incidents had been told by each call."""
    known: set[int] = set()
    found = []
    for at, number, _ in calls:
        known.add(number)
        found.append((at, len(known)))
    return found
