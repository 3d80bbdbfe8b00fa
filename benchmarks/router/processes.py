"""The processes that take part: the router, the bare server, providers, load generators, Alertmanager, PostgreSQL.

Each is stopped by its own process id.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from benchmarks.router.load import TOKEN, Plan, encoded

ROOT = Path(__file__).resolve().parents[2]
KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask(port: int, path: str, body: bytes | None = None, *, timeout: float = 30) -> tuple[int, bytes]:
    """One HTTP call: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def until(question: Callable[[], bool], what: str, *, seconds: float = 60, pause: float = 0.02) -> None:
    """Ask until the answer is yes. RuntimeError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not question():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {seconds:g} s: {what}")
        time.sleep(pause)


class Process:
    """A process that listens on a port."""

    def __init__(
        self, command: list[str], port: int, folder: Path, *, ready: str = "", environment: Mapping[str, str] = {}
    ) -> None:
        """`ready`: a path that answers 200 once it is; empty: when it takes connections."""
        self.port = port
        self._log = (folder / f"{port}.log").open("w+b")
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        try:
            until(lambda: self._is_ready(ready), f"{command[:4]} is ready", seconds=30)
        except BaseException:
            self.stop()
            raise

    def _is_ready(self, path: str) -> bool:
        if self._process.poll() is not None:
            self._log.seek(0)
            raise RuntimeError(f"it ended:\n{self._log.read().decode('utf-8', 'replace')[-2000:]}")
        try:
            if path:
                return ask(self.port, path, timeout=2)[0] == 200
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    def cpu(self) -> float:
        """Seconds of processor time so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, which: str = "VmRSS") -> int:
        """Resident bytes now, or at most so far (`VmHWM`)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{which}:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"no {which}")

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that doesn't help."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Provider(Process):
    """provider.py."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        super().__init__([sys.executable, "-m", "benchmarks.router.provider", str(port)], port, folder)

    def set(self, **wanted: float) -> None:
        """How it answers from now on."""
        ask(self.port, "/_set", json.dumps(wanted).encode())

    def count(self) -> int:
        """How many calls there were."""
        return int(ask(self.port, "/_count")[1])

    def calls(self) -> list[tuple[float, int, int]]:
        """When each came, the number of the alert it was about, and how it was answered."""
        return [tuple(call) for call in json.loads(ask(self.port, "/_calls")[1])]

    def reset(self) -> None:
        """Forget the calls."""
        ask(self.port, "/_reset", b"")


class Bare(Process):
    """bare.py."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        super().__init__([sys.executable, "-m", "benchmarks.router.bare", str(port)], port, folder)


def routes(channel: str) -> dict[str, Any]:
    """A routes.yml whose critical alerts go to a channel."""
    team = {
        "name": "Payments",
        "pagerduty": {"routing_key": "PAYMENTS_KEY"},
        "webhook": {"url": "PAYMENTS_WEBHOOK"},
        "escalate_medium": False,
    }
    names = ("critical", "high", "medium", "low")
    severities = {name: {"response": "at once", "channels": [channel]} for name in names}
    return {
        "version": 1,
        "default_team": "payments",
        "group_by": ["team", "service", "alertname"],
        "severities": severities,
        "aliases": {"none": "none"},
        "teams": {"payments": team},
        "repeat_interval": "4h",
        "fallback_after": "10m",
        "digest": {"at": "09:00", "weekdays": ["monday"], "time_zone": "UTC"},
        "storm": {"enabled": False, "incidents_per_minute": 30},
        "flap": {"enabled": False, "reopenings": 4, "within": "1h"},
        "clusters": {"main": {"peers": ["http://127.0.0.1:1"], "watchdog_deadline": "1h"}},
        "maintenance": [],
    }


class Router(Process):
    """`alert-router serve`, with the providers' rate limits off."""

    def __init__(
        self,
        folder: Path,
        provider: Provider,
        *,
        store: str = "",
        channel: str = "pagerduty",
        profile: str = "",
    ) -> None:
        port = free_port()
        path = folder / f"routes-{port}.yml"
        path.write_text(yaml.safe_dump(routes(channel)))
        self.database = folder / f"router-{port}.db"
        command = [sys.executable, "-m", "router", "serve", "--routes", str(path), "--listen", f"127.0.0.1:{port}"]
        if profile:
            command[1:3] = [profile]
        command += ["--store", store or f"sqlite:///{self.database}", "--set", "log.level=warning"]
        command += ["--set", "reconciler.enabled=false", "--set", "storm.enabled=false"]
        command += ["--set", f"channels.pagerduty.url=http://127.0.0.1:{provider.port}"]
        environment = {
            "ALERT_ROUTER_TOKEN": TOKEN,
            "PAYMENTS_KEY": KEY,
            "PAYMENTS_WEBHOOK": f"http://127.0.0.1:{provider.port}/hook",
            "TOCSIN_BENCH_UNLIMITED": "1",
        }
        super().__init__(command, port, folder, ready="/health/ready", environment=environment)

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = ask(self.port, "/metrics")[1].decode().splitlines()
        found = (line.rpartition(" ") for line in lines if line.startswith((f"{name} ", f"{name}{{")))
        return sum(float(value) for _, _, value in found)

    def applied(self) -> int:
        """How many alerts were applied."""
        return int(self.metric("alert_router_alerts_received_total"))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load generator measured; times in seconds, `started` by the monotonic clock."""

    webhooks: int
    refused: int
    started: float
    seconds: float
    p50: float
    p99: float
    cpu: float

    @property
    def rate(self) -> float:
        """Webhooks a second."""
        return self.webhooks / self.seconds


@contextlib.contextmanager
def loading(plan: Plan) -> Iterator[Callable[[], Loaded]]:
    """A load generator that stands ready; what is yielded lets it go and waits for it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.router.load", encoded(plan)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def go() -> Loaded:
        stdin.write("go\n")
        stdin.flush()
        found = Loaded(**json.loads(stdout.readline() or "{}"))
        if found.refused:
            print(f"{found.refused} webhooks were put off and sent again", file=sys.stderr)
        return found

    try:
        if stdout.readline() != "ready\n":
            raise RuntimeError("the load generator didn't start")
        yield go
    finally:
        stdin.close()
        stdout.close()
        if process.poll() is None:
            process.terminate()
        process.wait(10)


def load(plan: Plan) -> Loaded:
    """Post, and wait until all is answered."""
    with loading(plan) as go:
        return go()


def alertmanager() -> str:
    """The program: Debian's package gives it a longer name."""
    for name in ("alertmanager", "prometheus-alertmanager"):
        if found := shutil.which(name):
            return found
    raise RuntimeError("there is no Alertmanager on PATH; run scripts/setup-tools.sh alertmanager")
