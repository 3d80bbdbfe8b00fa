"""The real router as a process, with stubs of its providers as processes beside it.

    with Providers() as providers, RouterProcess(tmp_path, providers) as router:
        router.post([alert("Down")])
        router.settled()
        providers.pagerduty.state()

The router keeps its port over `kill` and `start`. All that is started is stopped by its own process id.
"""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from webhooks import webhook

from router.model import Delivery, Mode, Status
from router.store import Store, Transaction
from router.stores import open_store

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = Path(__file__).resolve().parent
TOKEN = "webhook-token-of-a-test"
PAGERDUTY_KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
PLATFORM_KEY = "ffffffffeeeeeeeeddddddddcccccccc"
SLACK_TOKEN = "xoxb-000000000000-of-a-test"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now.

    It is below those that Linux gives to outgoing connections: one of these could take it while its server is down.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def fetch(url: str, body: bytes | None = None, *, timeout: float = 10, **headers: str) -> tuple[int, bytes]:
    """One HTTP call: status and body, whatever the status is."""
    request = urllib.request.Request(url, data=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def eventually(question: Callable[[], Any], *, seconds: float = 20, what: str = "") -> Any:
    """Ask until the answer is true; its last answer. AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or question}")
        time.sleep(0.02)


class Stub:
    """A provider's stub as a process: `python -m MODULE`."""

    def __init__(self, module: str, plan: Mapping[str, Any] | None = None) -> None:
        self.module = module
        self.port = free_port()
        self.plan = plan
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it, on the same port as before."""
        command = [sys.executable, "-m", self.module, "--port", str(self.port)]
        if self.plan is not None:
            command += ["--plan", json.dumps(self.plan)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SUPPORT), str(ROOT)])}
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        eventually(self._answers, what=f"{self.module} listens")
        return self

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.module} didn't start"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """End it: from now on connections are refused."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None

    def state(self) -> Any:
        """What the provider believes now."""
        return json.loads(fetch(f"{self.url}/_state")[1])

    def calls(self) -> list[dict[str, Any]]:
        """The last calls."""
        found: list[dict[str, Any]] = json.loads(fetch(f"{self.url}/_calls")[1])
        return found

    def reset(self) -> None:
        """As it was at first: it runs, has no faults, and has forgotten what happened."""
        if self._process is None:
            self.start()
        fetch(f"{self.url}/_reset", b"{}")
        self.faults({"script": [], "always": {"kind": "ok"}, "delay": 0})

    def faults(self, plan: Mapping[str, Any]) -> None:
        """What to do with the calls to come (http_stub.Plan)."""
        status, answer = fetch(f"{self.url}/_faults", json.dumps(plan).encode())
        assert status < 300, answer


class Providers:
    """PagerDuty and Slack."""

    def __init__(self) -> None:
        self.pagerduty = Stub("pagerduty_stub")
        self.slack = Stub("slack_stub")

    def __enter__(self) -> Self:
        self.pagerduty.start()
        self.slack.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.pagerduty.stop()
        self.slack.stop()


def routes_document(**changes: Any) -> dict[str, Any]:
    """A routes.yml with the teams payments and platform, each other's fallback. `changes` replace keys at the top."""

    def team(name: str, key: str, fallback: str) -> dict[str, Any]:
        return {
            "name": name.title(),
            "pagerduty": {"routing_key": key},
            "slack": {"channel": f"#{name}", "token": "SLACK_TOKEN"},
            "email": {"to": [f"{name}@example.com"]},
            "fallback": fallback,
            "escalate_medium": False,
        }

    document: dict[str, Any] = {
        "version": 1,
        "default_team": "platform",
        "group_by": ["team", "service", "alertname"],
        "severities": {
            "critical": {"response": "at once", "channels": ["pagerduty"]},
            "high": {"response": "15m", "channels": ["pagerduty", "slack"]},
            "medium": {"response": "1h", "channels": ["slack"]},
            "low": {"response": "next business day", "channels": ["email"]},
        },
        "aliases": {"P1": "critical", "warning": "medium", "info": "none"},
        "teams": {
            "payments": team("payments", "PAYMENTS_KEY", "platform"),
            "platform": team("platform", "PLATFORM_KEY", "payments"),
        },
        "repeat_interval": "4h",
        "fallback_after": "1m",
        "digest": {"at": "09:00", "weekdays": ["monday"], "time_zone": "UTC"},
        "storm": {"enabled": False, "incidents_per_minute": 30},
        "flap": {"enabled": False, "reopenings": 4, "within": "1h"},
        "clusters": {"main": {"peers": ["http://127.0.0.1:1"], "watchdog_deadline": "1h"}},
        "maintenance": [],
    }
    document.update(changes)
    return document


class RouterProcess:
    """`python -m router serve` in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        providers: Providers | None,
        *,
        store: str = "",
        routes: Mapping[str, Any] | None = None,
        settings: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        name: str = "router",
    ) -> None:
        """`settings` by dotted name, as `serve --set` takes them; `secrets` are environment variables on top."""
        self.folder = folder
        self.name = name
        self.port = free_port()
        self.store_url = store or f"sqlite:///{folder / 'alert-router.db'}"
        self.routes_path = folder / f"{name}-routes.yml"
        self.write_routes(routes or routes_document())
        self.settings = {
            "reconciler.enabled": "false",
            "log.level": "info",
            **({"channels.pagerduty.url": providers.pagerduty.url} if providers else {}),
            **({"channels.slack.api_url": f"{providers.slack.url}/api/"} if providers else {}),
            **(settings or {}),
        }
        self.secrets = {
            "ALERT_ROUTER_TOKEN": TOKEN,
            "PAYMENTS_KEY": PAGERDUTY_KEY,
            "PLATFORM_KEY": PLATFORM_KEY,
            "SLACK_TOKEN": SLACK_TOKEN,
            **(secrets or {}),
        }
        self.program: Sequence[str] = ("-m", "router")
        """What Python runs; `killed_router.py` for one that dies at a point of its own."""
        self.log: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._store: Store | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    def write_routes(self, routes: Mapping[str, Any]) -> None:
        """Replace routes.yml."""
        self.routes_path.write_text(yaml.safe_dump(dict(routes), sort_keys=False))

    def start(self, *, wait: bool = True) -> Self:
        """Start it. `wait`: until it is ready."""
        command = [sys.executable, *self.program, "serve", "--routes", str(self.routes_path)]
        command += ["--listen", f"127.0.0.1:{self.port}", "--store", self.store_url]
        for key, value in self.settings.items():
            command += ["--set", f"{key}={value}"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ALERT_ROUTER")}
        environment |= {"PYTHONPATH": str(ROOT), **self.secrets}
        process = subprocess.Popen(command, cwd=self.folder, env=environment, stderr=subprocess.PIPE, text=True)
        self._process = process
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()
        if wait:
            eventually(self._ready, what=f"{self.name} is ready")
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line.rstrip("\n"))

    def _ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the router ended with {self._process.returncode}:\n" + "\n".join(self.log[-20:]))
        try:
            return fetch(f"{self.url}/health/ready", timeout=2)[0] == 200
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(number)
        code = process.wait(timeout=40)
        assert self._reader is not None
        assert process.stderr is not None
        self._reader.join(timeout=5)
        process.stderr.close()
        self._process = None
        return code

    def ended(self, *, seconds: float = 20) -> int:
        """Wait until it has ended by itself; its exit code, negative for a signal."""
        process = self._process
        assert process is not None
        process.wait(timeout=seconds)
        return self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: it hangs, as under a hypervisor that has forgotten it."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def post(self, alerts: Sequence[Mapping[str, Any]] | bytes, *, cluster: str = "main", timeout: float = 10) -> int:
        """Post a webhook; the status."""
        body = alerts if isinstance(alerts, bytes) else webhook(list(alerts))
        return fetch(
            f"{self.url}/webhook/{cluster}",
            body,
            timeout=timeout,
            Authorization=f"Bearer {TOKEN}",
            Content_Type="application/json",
        )[0]

    def deliver(self, alerts: Sequence[Mapping[str, Any]], *, cluster: str = "main", seconds: float = 30) -> None:
        """Post until it is acknowledged, as Alertmanager does."""
        body = webhook(list(alerts))

        def acknowledged() -> bool:
            try:
                return self.post(body, cluster=cluster) // 100 == 2
            except OSError:
                return False

        eventually(acknowledged, seconds=seconds, what="the webhook is acknowledged")

    def health(self) -> dict[str, Any]:
        """What /health answers."""
        found: dict[str, Any] = json.loads(fetch(f"{self.url}/health")[1])
        return found

    def metrics(self) -> dict[str, float]:
        """/metrics as {name{labels}: value}."""
        text = fetch(f"{self.url}/metrics")[1].decode()
        pairs = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in pairs}

    # The store, by a second connection

    def ask(self, question: Callable[[Transaction], Any]) -> Any:
        """Ask the router's store."""
        store = open_store(self.store_url)
        store.open()
        try:
            with store.begin() as tx:
                return question(tx)
        finally:
            store.close()

    def deliveries(self, incident_id: str) -> list[Delivery]:
        """An incident's deliveries."""
        found: list[Delivery] = self.ask(lambda tx: tx.deliveries([incident_id]).get(incident_id, []))
        return found

    def settled(self, *, seconds: float = 20) -> None:
        """Wait until nothing is to be applied and nothing is to be sent; dead letters and digests aside."""

        def quiet(tx: Transaction) -> bool:
            # Counted, since asking for the rows skips those that are just being applied. The inbox first: what leaves
            # it is among the deliveries by then.
            inbox = tx.db.cursor.execute("SELECT count(*) FROM inbox").fetchone()[0]  # type: ignore[attr-defined]
            return inbox == 0 and all(not row.waiting for row in tx.backlog())

        eventually(lambda: self.ask(quiet), seconds=seconds, what="nothing waits in the router")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def basic(user: str, password: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def unsettled(rows: Sequence[Delivery]) -> list[Delivery]:
    """Those that still have to be sent."""
    return [row for row in rows if row.mode is not Mode.DIGEST and row.status in (Status.WAITING, Status.CLAIMED)]
