"""PagerDuty's part in the notifiers' suite."""

from __future__ import annotations

import json
from typing import ClassVar

from http_stub import Fault, Kind
from notifier_jobs import PROBE
from notifier_suite import NOWHERE_URL, OK, Adapter, closed_url
from pagerduty_stub import PagerDutyStub

from router.model import Destination
from router.notifiers.pagerduty import Settings


class ADAPTER(Adapter):
    channel = "pagerduty"
    destination = Destination("pagerduty", "PAGERDUTY_KEY", "")
    secrets: ClassVar = {"PAGERDUTY_KEY": "R0UT1NGK3Yabcdefghijklmnopqrstu1"}

    def __init__(self) -> None:
        super().__init__()
        self.stub = PagerDutyStub()

    async def start(self, fault: Fault) -> None:
        self.stub.plan.always = fault
        await self.stub.start()

    async def stop(self) -> None:
        await self.stub.stop()

    def settings(self, fault: Fault) -> object:
        # No loopback name fails to resolve, and http is for loopback only: the name is https.
        url = {Kind.REFUSED: closed_url(), Kind.NO_DNS: NOWHERE_URL.replace("http:", "https:")}
        return Settings(url=url.get(fault.kind, self.stub.url), connect_timeout=2.0)

    async def recover(self) -> None:
        self.stub.plan.always = OK

    def attempts(self) -> int:
        return self.stub.attempts

    def check_message(self, *, hostile: bool) -> None:
        request = self.stub.requests()[-1]
        assert len(request.body) <= 512_000
        event = self.stub.events[-1]
        if event["event_action"] == "resolve":
            # It carries the dedup_key alone.
            assert set(event) == {"routing_key", "event_action", "dedup_key"}
            return
        assert len(event["payload"]["summary"]) <= 1_024
        assert {link["href"].partition("://")[0] for link in event.get("links", [])} <= {"http", "https"}
        if hostile:
            text = json.dumps(event, ensure_ascii=False)
            assert PROBE in text
            assert "{{ 7 * 191 }}" in text
            assert "1337" not in text
            assert "javascript:" not in text
            assert "\n" not in event["payload"]["summary"]
            assert not set(range(0x20)) & {ord(character) for character in text}
