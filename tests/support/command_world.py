"""A folder in which `alert-router` commands run: routes, a store, and a stand-in for the running router.

The stand-in applies webhooks with the router's own applier and records what its provider answers with the router's own
code; it only has no dispatcher.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import yaml
from router_process import routes_document

from router import payload
from router.applier import Applier, Incoming, Work
from router.config.routes_file import by_channel, load_routes
from router.model import Alert, Delivery, Micros, Quarantined
from router.notifier import Delivered, Outcome
from router.notifiers import channels
from router.stores import open_store
from router.worker import claims
from router.worker.breaker import Breaker

OWNER = "stand-in"
Provider = Callable[[Delivery], Outcome | None]


def accept(row: Delivery) -> Outcome | None:
    """A provider that takes everything. None instead of an outcome: the call doesn't end."""
    return Delivered(provider_id=f"id-of-{row.claim.state}")


class CommandWorld:
    """`rules/routes.yml` and `alert-router.db` in a folder."""

    def __init__(self, folder: Path, **routes: Any) -> None:
        self.folder = folder
        document = routes_document(**routes)
        path = folder / "rules" / "routes.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        loaded = load_routes(path.read_text(), "routes.yml", by_channel(channels()))
        assert not isinstance(loaded, tuple), loaded
        self.routes = loaded
        self.traits = {name: channel.TRAITS for name, channel in channels().items()}
        self.store = open_store(f"sqlite:///{folder / 'alert-router.db'}")
        self.applier = Applier(routes=lambda: self.routes, traits=self.traits, owner=OWNER, room=lambda _: 100)

    def __enter__(self) -> Self:
        self.store.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def apply(self, alerts: Sequence[Alert], at: Micros, provider: Provider = accept) -> None:
        """Take in a webhook of these alerts, and deliver."""
        with self.store.begin() as tx:
            applied = self.applier.apply(tx, [Incoming("", at, tuple(alerts))], at)
        self.deliver(applied.work, at, provider)

    def deliver(self, work: Sequence[Work], at: Micros, provider: Provider) -> None:
        """Make the calls, and those that follow from them. Each takes 5 ms."""
        rules = claims.Rules(OWNER, self.traits, lambda: self.routes.repeat_interval, 0, lambda _tx, _now: [OWNER])
        while work:
            results = [
                claims.Result(item, outcome, at, 5_000, Breaker(), 0.0)
                for item in work
                if (outcome := provider(item.delivery)) is not None
            ]
            with self.store.begin() as tx:
                work = claims.record(tx, results, (), rules, at, repeated=False).work

    def tick(self, at: Micros, provider: Provider = accept) -> int:
        """Deliver what is due; how many calls that were."""
        rules = claims.Rules(OWNER, self.traits, lambda: self.routes.repeat_interval, 0, lambda _tx, _now: [OWNER])
        with self.store.begin() as tx:
            claimed = claims.take(tx, rules, at, {}, default_room=100, known=())
        self.deliver(claimed.work, at, provider)
        return len(claimed.work)

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """Ask the store."""
        with self.store.begin() as tx:
            return question(tx)

    def rows(self, incident: str) -> dict[str, Delivery]:
        """An incident's deliveries by destination."""
        return {row.destination: row for row in self.ask(lambda tx: tx.deliveries([incident])).get(incident, [])}

    def quarantine(self, *rows: Quarantined) -> None:
        """Keep bodies that can't be read."""
        self.ask(lambda tx: tx.add_quarantine(rows))


class StandIn:
    """Listens for webhooks. `statuses` are answered first, one to a request, without taking anything."""

    def __init__(self, world: CommandWorld, provider: Provider = accept, statuses: Sequence[int] = ()) -> None:
        self.requests: list[tuple[str, Mapping[str, str], bytes]] = []
        left = list(statuses)
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, dict(self.headers), body))
                status = left.pop(0) if left else 200
                self.send_response(status)
                if status in {301, 302, 307}:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")
                self.wfile.flush()
                if status == 200:
                    cluster = self.path.rpartition("/")[2]
                    now = time.time_ns() // 1000
                    webhook = payload.decode(body, cluster, now)
                    assert isinstance(webhook, payload.Webhook)
                    with lock:
                        world.apply(webhook.alerts, now, provider)

            def log_message(self, *_: object) -> None:
                """Nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.01))

    @property
    def address(self) -> str:
        """host:port"""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
