"""PagerDuty's Events API v2, as far as it can be seen from outside. Also `python -m pagerduty_stub`.

Incidents are kept by routing key and dedup_key: a trigger on an open one adds to it, a trigger after a resolve opens a
new one, a resolve without an open one is dropped. An event is checked as strictly as PagerDuty is anywhere said to do.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter, deque
from datetime import datetime
from typing import Any

from http_stub import Answer, HttpStub, Request, serve_process

EVENT_BYTES = 512 * 1024
SEVERITIES = {"critical", "error", "warning", "info"}


class PagerDutyStub(HttpStub):
    success = 202

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(host, port)
        self.known_keys: set[str] | None = None
        """Routing keys that exist; None: any of the right form."""
        self.rejects_long_summaries = True
        self.per_minute = 0
        """Events a minute and routing key before 429; 0: no limit."""
        self.incidents: dict[tuple[str, str], list[dict[str, Any]]] = {}
        """Of a routing key and a dedup_key, the oldest first."""
        self.dropped: list[dict[str, Any]] = []
        self.events: deque[dict[str, Any]] = deque(maxlen=50_000)
        self._recent: dict[str, deque[float]] = {}

    def answer(self, request: Request) -> Answer:
        if request.path != "/v2/enqueue":
            return _answer(404, {"status": "not found"})
        if request.method != "POST":
            return _answer(405, {"status": "method not allowed"})
        if len(request.body) > EVENT_BYTES:
            return _answer(413, {"status": "payload too large", "message": "Event exceeds 512KB"})
        try:
            event = json.loads(request.body)
        except ValueError:
            return invalid(["JSON could not be parsed"])
        if not isinstance(event, dict):
            return invalid(["Event must be an object"])
        errors = self._errors(event)
        if errors:
            return invalid(errors)
        if self.known_keys is not None and event["routing_key"] not in self.known_keys:
            return invalid(["Invalid routing key"])
        if self._limited(event["routing_key"]):
            return _answer(429, {"status": "throttle exceeded", "message": "Too many events"})
        self.events.append(event)
        event.setdefault("dedup_key", f"{len(self.events):032x}")
        self._apply(event)
        return _answer(202, {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]})

    def refusal(self, status: int) -> bytes:
        if status == 400:
            return invalid(["'payload.severity' is invalid"]).body
        if status == 429:
            return json.dumps({"status": "throttle exceeded", "message": "Too many events"}).encode()
        return json.dumps({"status": "error", "message": f"status {status}"}).encode()

    def state(self) -> object:
        return {
            "incidents": [
                {"routing_key": key, "dedup_key": dedup, **incident}
                for (key, dedup), incidents in self.incidents.items()
                for incident in incidents
            ],
            "opened": sum(len(incidents) for incidents in self.incidents.values()),
            "dropped": len(self.dropped),
            "dropped_keys": Counter(event["dedup_key"] for event in self.dropped),
            "events": len(self.events),
            "attempts": self.attempts,
        }

    def reset(self) -> None:
        super().reset()
        self.incidents.clear()
        self.dropped.clear()
        self.events.clear()

    def opened(self, dedup_key: str) -> list[dict[str, Any]]:
        """The incidents that were ever opened under a dedup_key."""
        return [one for (_, dedup), incidents in self.incidents.items() if dedup == dedup_key for one in incidents]

    def _apply(self, event: dict[str, Any]) -> None:
        incidents = self.incidents.setdefault((event["routing_key"], event["dedup_key"]), [])
        current = incidents[-1] if incidents and incidents[-1]["status"] != "resolved" else None
        action, now = event["event_action"], time.time()
        if action == "trigger" and current is None:
            payload = event["payload"]
            incidents.append(
                {
                    "status": "triggered",
                    "summary": payload["summary"],
                    "severity": payload["severity"],
                    "opened_at": now,
                    "resolved_at": None,
                    "triggers": 1,
                }
            )
        elif action == "trigger" and current is not None:
            current["triggers"] += 1
        elif current is None:
            self.dropped.append(event)
        elif action == "acknowledge":
            current["status"] = "acknowledged"
        else:
            current |= {"status": "resolved", "resolved_at": now}

    def _limited(self, key: str) -> bool:
        if not self.per_minute:
            return False
        recent = self._recent.setdefault(key, deque())
        now = time.monotonic()
        while recent and recent[0] < now - 60:
            recent.popleft()
        if len(recent) >= self.per_minute:
            return True
        recent.append(now)
        return False

    def _errors(self, event: dict[str, Any]) -> list[str]:
        errors = []
        key = event.get("routing_key")
        if not isinstance(key, str) or len(key) != 32:
            errors.append("Length of 'routing_key' is incorrect (should be 32 characters)")
        if isinstance(key, str) and not re.fullmatch("[0-9A-Za-z]*", key):
            errors.append("'routing_key' cannot contain non-alphanumeric characters.")
        action = event.get("event_action")
        if action not in {"trigger", "acknowledge", "resolve"}:
            errors.append("'event_action' is missing or invalid")
        dedup = event.get("dedup_key")
        if dedup is None and action != "trigger":
            errors.append("'dedup_key' is missing or blank")
        if dedup is not None and (not isinstance(dedup, str) or not 0 < len(dedup) <= 255):
            errors.append("'dedup_key' is too long (maximum is 255 characters)")
        if action == "trigger":
            errors += self._payload_errors(event.get("payload"))
            errors += _link_errors(event.get("links", []))
        return errors

    def _payload_errors(self, payload: object) -> list[str]:
        if not isinstance(payload, dict):
            return ["'payload' is missing or blank"]
        errors = [
            f"'payload.{name}' is missing or blank"
            for name in ("summary", "source", "severity")
            if not isinstance(payload.get(name), str) or not payload[name].strip()
        ]
        if self.rejects_long_summaries and len(str(payload.get("summary", ""))) > 1024:
            errors.append("'payload.summary' is too long (maximum is 1024 characters)")
        if payload.get("severity") not in SEVERITIES:
            errors.append("'payload.severity' is invalid")
        errors += [
            f"'payload.{name}' is not a string"
            for name in ("component", "group", "class")
            if not isinstance(payload.get(name, ""), str)
        ]
        if "timestamp" in payload:
            try:
                datetime.fromisoformat(payload["timestamp"])
            except (TypeError, ValueError):
                errors.append("'payload.timestamp' is invalid")
        return errors


def _link_errors(links: object) -> list[str]:
    if not isinstance(links, list):
        return ["'links' is not an array"]
    return [
        "'links.href' is invalid"
        for link in links
        if not isinstance(link, dict) or not str(link.get("href", "")).startswith(("http://", "https://"))
    ]


def invalid(errors: list[str]) -> Answer:
    return _answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})


def _answer(status: int, document: object) -> Answer:
    return Answer(status, json.dumps(document).encode())


if __name__ == "__main__":
    serve_process(PagerDutyStub)
