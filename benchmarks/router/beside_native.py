"""The router behind a real Alertmanager, beside that Alertmanager's own receiver: one alert, and a storm.

One Alertmanager has both receivers, and a label says which an alert goes to. Both end at the same provider.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import yaml

from benchmarks.report import Figure
from benchmarks.router import alerts
from benchmarks.router.load import TOKEN
from benchmarks.router.processes import KEY, Process, Provider, Router, alertmanager, ask, free_port, until
from benchmarks.setting import Setting

BATCH = 64
"""Alerts of one POST, as Prometheus sends them (`maxBatchSize` in its notifier)."""

SUMMARY = "{{ (index .Alerts 0).Annotations.summary }}"


WAIT = 1
"""Seconds that Alertmanager waits for a group's alerts, and between its messages, where alerts are grouped."""


class _Storm(NamedTuple):
    """Seconds: from the first POST to the last call, and from an alert's POST to its call."""

    span: float
    p99: float
    p50: float


def _configuration(router: int, provider: int, native: str, *, grouped: bool = False) -> dict[str, Any]:
    receiver: dict[str, Any] = {"webhook_configs": [{"url": f"http://127.0.0.1:{provider}/hook", "max_alerts": 0}]}
    if native == "pagerduty":
        receiver = {
            "pagerduty_configs": [
                {"routing_key": KEY, "url": f"http://127.0.0.1:{provider}/v2/enqueue", "description": SUMMARY}
            ]
        }
    hook = {
        "url": f"http://127.0.0.1:{router}/webhook/main",
        "http_config": {"authorization": {"type": "Bearer", "credentials": TOKEN}},
    }
    return {
        "route": {
            "receiver": "router",
            "group_by": ["team", "service", "alertname"] if grouped else ["..."],
            "group_wait": f"{WAIT if grouped else 0}s",
            "group_interval": f"{WAIT if grouped else 300}s",
            "repeat_interval": "4h",
            "routes": [{"receiver": "native", "matchers": ['via="native"']}],
        },
        "receivers": [{"name": "router", "webhook_configs": [hook]}, {"name": "native", **receiver}],
    }


@contextlib.contextmanager
def _alertmanager(folder: Path, configuration: dict[str, Any]) -> Iterator[Process]:
    port = free_port()
    path = folder / f"alertmanager-{port}.yml"
    path.write_text(yaml.safe_dump(configuration))
    command = [alertmanager(), f"--config.file={path}", f"--storage.path={folder / f'alertmanager-{port}'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=error"]
    with Process(command, port, folder, ready="/-/ready") as process:
        yield process


def _post(manager: Process, body: bytes) -> float:
    """When it was sent."""
    at = time.monotonic()
    status, answer = ask(manager.port, "/api/v2/alerts", body)
    if status != 200:
        raise RuntimeError(answer.decode())
    return at


def one_alert(setting: Setting) -> list[Figure]:
    """One alert after the other, by turns natively and through the router, PagerDuty at the end of both."""
    number = 30 if setting.quick else 100
    with Provider(setting.folder) as provider, Router(setting.folder, provider) as router:
        configuration = _configuration(router.port, provider.port, "pagerduty")
        with _alertmanager(setting.folder, configuration) as manager:
            took: dict[str, list[float]] = {"native": [], "router": []}
            for turn in range(number + 5):
                for place, via in enumerate(took):
                    provider.reset()
                    at = _post(manager, alerts.posted(range(turn, turn + 1), prefix=f"o{place}n", via=via))
                    until(lambda: provider.count() > 0, "it is delivered", pause=0.005)
                    if turn >= 5:
                        took[via].append(provider.calls()[0][0] - at)
    native, mine = median(took["native"]) * 1e3, median(took["router"]) * 1e3
    group = "one alert, from the POST to Alertmanager to the call at PagerDuty, group_wait 0s"
    basis = f"p50 of {number}: {mine:.1f} ms - {native:.1f} ms"
    tails = [sorted(found)[int(len(found) * 0.95)] * 1e3 for found in took.values()]
    return [
        Figure(group, "added by the router, p50", mine - native, "ms", basis, 2.5),
        Figure(group, "added by the router, p95", tails[1] - tails[0], "ms", f"{tails[1]:.1f} ms - {tails[0]:.1f} ms"),
    ]


def storm(setting: Setting) -> list[Figure]:
    """A storm, natively and through the router: each alert its own message, then grouped as the compiler groups."""
    total = 2_000 if setting.quick else 10_000
    found = _storms(setting, total, "pagerduty", 0, 0.4)
    return found + _storms(setting, total, "pagerduty", 100, None)


def _storms(setting: Setting, total: int, channel: str, incidents: int, target: float | None) -> list[Figure]:
    seen: dict[str, list[_Storm]] = {"native": [], "router": []}
    grown, used = [], []
    for _ in range(1 if setting.quick or not incidents else 3):
        for via, storms in seen.items():
            # Each time anew: Alertmanager's memory of a storm makes the next one slower.
            with (
                Provider(setting.folder) as provider,
                Router(setting.folder, provider, channel=channel) as router,
                _alertmanager(
                    setting.folder, _configuration(router.port, provider.port, channel, grouped=incidents > 0)
                ) as manager,
            ):
                bodies = [
                    alerts.posted(range(at, min(at + BATCH, total)), prefix=via, incidents=incidents, via=via)
                    for at in range(0, total, BATCH)
                ]
                before, cpu = router.memory(), router.cpu()
                sent = [_post(manager, body) for body in bodies]
                calls = _all_told(provider, router, via, incidents or total, total)
                took = sorted(at - sent[number // BATCH] for at, number, _ in calls if number >= 0)
                storms.append(_Storm(calls[-1][0] - sent[0], took[int(len(took) * 0.99)], took[len(took) // 2]))
                if via == "router":
                    grown.append((router.memory("VmHWM") - before) / 1e6)
                    used.append(router.cpu() - cpu)
    how = f"grouped into {incidents} after {WAIT} s" if incidents else "each a message of its own"
    group = f"{total:,} alerts at once through Alertmanager, {how}, to {channel}"
    found = [
        _ratio(group, "until the last call", seen, lambda storm: storm.span, target),
        _ratio(group, "p99 of one alert", seen, lambda storm: storm.p99, 1 if target else None),
        _ratio(group, "p50 of one alert", seen, lambda storm: storm.p50, None),
    ]
    cpu_used = median(used)
    return [
        *found,
        Figure(group, "resident memory above start, router", median(grown), "MB", "the peak of one process", 90),
        Figure(group, "processor time of the router, an alert", cpu_used / total * 1e6, "us", f"{cpu_used:.1f} s"),
    ]


def _ratio(
    group: str, name: str, seen: dict[str, list[_Storm]], which: Callable[[_Storm], float], most: float | None
) -> Figure:
    mine, native = (median(which(storm) for storm in seen[via]) for via in ("router", "native"))
    basis = f"{mine:.2f} s / {native:.2f} s"
    return Figure(group, f"{name}, over the native receiver's", mine / native, "x", basis, most)


def _all_told(provider: Provider, router: Router, via: str, messages: int, total: int) -> list[tuple[float, int, int]]:
    """The calls, once there are all of them: the last one tells of the last alert."""
    until(lambda: provider.count() >= messages, "all is delivered", seconds=120, pause=0.1)
    if via == "router":
        until(lambda: router.applied() >= total, "all is applied", seconds=120, pause=0.1)
    last, seen = time.monotonic(), provider.count()
    while time.monotonic() - last < 1.5 * WAIT:
        if provider.count() != seen:
            last, seen = time.monotonic(), provider.count()
        time.sleep(0.1)
    return provider.calls()
