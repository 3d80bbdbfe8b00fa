"""The real Alertmanager as a process, with the configuration that the compiler makes of this repository's alerts/.

    library = compile_library(tmp_path / "library", router_url=router.url, peers=[manager.url])
    manager.configure(library.alertmanager)
    with manager:
        manager.fire(library.alert("CheckoutDown"))
        manager.resolve(library.alert("CheckoutDown"))

Alerts are posted as Prometheus posts them. All that is started is stopped by its own process id.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

import yaml
from router_process import ROOT, TOKEN, eventually, fetch, free_port

from rules_gen import builder

TARGETS = frozenset({"alertmanager", "routes", "prometheus-rules"})
NATIVE_KEY = "0123456789abcdef0123456789abcdef"
SECRETS = {
    "PAYMENTS_PAGERDUTY_KEY": "a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "PLATFORM_PAGERDUTY_KEY": "ffffffffeeeeeeeeddddddddcccccccc",
    "SHOP_PAGERDUTY_KEY": "55555555555555555555555555555555",
    "DATA_PAGERDUTY_KEY": "dddddddddddddddddddddddddddddddd",
}
"""What the names in alerts/policy.yaml stand for, as the router's environment."""
PROMETHEUS_SECONDS = 240
"""After which an alert that Prometheus doesn't repeat ends: four times its resend delay of a minute."""


def executable() -> str:
    """The program: Debian's package gives it a longer name."""
    candidates = ("alertmanager", "prometheus-alertmanager")
    found = next((path for name in candidates if (path := shutil.which(name))), None)
    assert found, "there is no Alertmanager on PATH; run scripts/setup-tools.sh alertmanager"
    return found


class SentAlert(NamedTuple):
    """An alert as Prometheus would send it."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def name(self) -> str:
        """Its alertname."""
        return self.labels["alertname"]


class Library(NamedTuple):
    """What the compiler wrote."""

    folder: Path
    alertmanager: dict[str, Any]
    routes: bytes

    def alert(self, name: str, severity: str = "", **labels: str) -> SentAlert:
        """A firing of a rule; of the rung with that severity where there are several."""
        for file in sorted((self.folder / "rules").rglob("*.rules.yml")):
            for rule in _rules(file):
                if rule.get("alert") == name and severity in ("", rule["labels"]["severity"]):
                    known = {"alertname": name, "cluster": "eu-1", "environment": "production", **rule["labels"]}
                    annotations = {key: re.sub(r"\{\{.*?\}\}", "7", text) for key, text in rule["annotations"].items()}
                    return SentAlert({**known, **labels}, annotations)
        raise AssertionError(f"no rule {name} {severity}")


@functools.cache
def _rules(file: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def compile_library(
    folder: Path,
    *,
    router_url: str,
    peers: Sequence[str],
    pagerduty_url: str = "http://127.0.0.1:1",
) -> Library:
    """Compile this repository's alerts/, with addresses, credential files and timings fit for a test.

    Nothing else is changed, so that grouping, inhibition, receivers and the routes of both are those that are shipped.
    """
    shutil.copytree(ROOT / "alerts", folder / "alerts")
    (folder / "token").write_text(TOKEN)
    (folder / "key").write_text(NATIVE_KEY)
    path = folder / "alerts" / "policy.yaml"
    policy = yaml.safe_load(path.read_text())
    policy["alertmanager"] |= {
        "group_wait": "100ms",
        "group_interval": "1s",
        "native_pagerduty_key_file": str(folder / "key"),
    }
    policy["router"] |= {
        "url": router_url,
        "credentials_file": str(folder / "token"),
    }
    policy["router"]["clusters"]["main"]["peers"] = list(peers)
    path.write_text(yaml.safe_dump(policy, sort_keys=False))
    result = builder.build(builder.Options(root=folder, today="2026-01-15", only=TARGETS, processes=1))
    assert not result.failed, result.diagnostics
    alertmanager = yaml.safe_load((folder / "rules" / "alertmanager.yml").read_text())
    alertmanager["global"] = {"pagerduty_url": f"{pagerduty_url}/v2/enqueue"}
    return Library(folder, alertmanager, (folder / "rules" / "routes.yml").read_bytes())


class AlertmanagerProcess:
    """One peer, on loopback."""

    def __init__(self, folder: Path, name: str = "alertmanager") -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.gossip_port = free_port()
        self._options = ["--cluster.listen-address="]
        self._process: subprocess.Popen[bytes] | None = None
        self._started: dict[str, datetime] = {}

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def configure(self, document: Mapping[str, Any]) -> None:
        """Write its configuration, for the next start."""
        (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(dict(document), sort_keys=False))

    def join(self, *others: AlertmanagerProcess, peer_timeout: str) -> None:
        """Be in a cluster with others. The peers that come later in it wait for `peer_timeout` each, for what those
        before them say that they have sent."""
        self._options = [
            f"--cluster.listen-address=127.0.0.1:{self.gossip_port}",
            f"--cluster.advertise-address=127.0.0.1:{self.gossip_port}",
            f"--cluster.peer-timeout={peer_timeout}",
            # By default a cluster takes some ten seconds to settle.
            "--cluster.gossip-interval=20ms",
            *(f"--cluster.peer=127.0.0.1:{other.gossip_port}" for other in others),
        ]

    def start(self) -> Self:
        """Start it, and wait until it is ready. It knows no alerts: they are in no file of Alertmanager's."""
        command = [executable(), "--config.file=alertmanager.yml", "--storage.path=data"]
        command += [f"--web.listen-address=127.0.0.1:{self.port}", *self._options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        eventually(self._ready, what="Alertmanager is ready")
        return self

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()[-3000:]
        try:
            return (
                fetch(f"{self.url}/-/ready", timeout=2)[0] == 200 and self.status()["cluster"]["status"] != "settling"
            )
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # What Prometheus does

    def fire(self, *alerts: SentAlert, lasts: float = PROMETHEUS_SECONDS) -> None:
        """Send firing alerts, which end after `lasts` seconds unless they are sent again. An alert that has been sent
        and not been resolved keeps its start."""
        now = datetime.now(UTC)
        for alert in alerts:
            self._post(alert, self._started.setdefault(str(alert.labels), now), now + timedelta(seconds=lasts))

    def resolve(self, *alerts: SentAlert) -> None:
        """Send the end of alerts, as Prometheus does once their expression is false."""
        now = datetime.now(UTC)
        for alert in alerts:
            self._post(alert, self._started.pop(str(alert.labels)), now)

    def forget(self, *alerts: SentAlert) -> None:
        """They end without Alertmanager being told: it is down, or can't be reached."""
        for alert in alerts:
            del self._started[str(alert.labels)]

    def _post(self, alert: SentAlert, started: datetime, ends: datetime) -> None:
        body = {
            "labels": alert.labels,
            "annotations": alert.annotations,
            "startsAt": started.isoformat(),
            "endsAt": ends.isoformat(),
            "generatorURL": "http://prometheus.example.com/graph?g0.expr=up&g0.tab=1",
        }
        self._ask("/api/v2/alerts", [body])

    # What people see

    def silence(self, alertname: str) -> None:
        """Silence an alert for an hour."""
        now = datetime.now(UTC)
        matcher = {"name": "alertname", "value": alertname, "isRegex": False, "isEqual": True}
        wish = {
            "matchers": [matcher],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "a test",
            "comment": "a test",
        }
        self._ask("/api/v2/silences", wish)

    def state(self, alert: SentAlert) -> str:
        """active, suppressed or unprocessed; empty when it hasn't got the alert, or the alert has ended."""
        found = self._ask("/api/v2/alerts")
        return next((one["status"]["state"] for one in found if one["labels"] == alert.labels), "")

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        found: dict[str, Any] = self._ask("/api/v2/status")
        return found

    def uptime(self) -> float:
        """Seconds since it started."""
        started = datetime.fromisoformat(self.status()["uptime"])
        return (datetime.now(UTC) - started).total_seconds()

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        text = fetch(f"{self.url}/metrics")[1].decode()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if re.match(rf"{name}[{{ ]", line))

    def _ask(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        status, answer = fetch(f"{self.url}{path}", data, Content_Type="application/json")
        assert status == 200, answer
        return json.loads(answer) if answer else None
