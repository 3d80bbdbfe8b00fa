"""Slack's part in the notifiers' suite."""

from __future__ import annotations

from typing import ClassVar

from http_stub import Fault, Kind
from notifier_jobs import NOW, PROBE
from notifier_suite import NOWHERE_URL, OK, Adapter, closed_url
from slack_stub import SlackStub, flaws, links, pings, texts

from router.model import Destination
from router.notifiers.slack import Settings

TOKEN = "xoxb-1234567890-abcDEF0123456789ghij"


class ADAPTER(Adapter):
    channel = "slack"
    destination = Destination("slack", "SLACK_TOKEN", "#payments-alerts")
    secrets: ClassVar = {"SLACK_TOKEN": TOKEN}

    def __init__(self) -> None:
        super().__init__()
        self.stub = SlackStub()
        self.stub.clock = lambda: NOW / 1_000_000

    async def start(self, fault: Fault) -> None:
        self.stub.plan.always = fault
        await self.stub.start()

    async def stop(self) -> None:
        await self.stub.stop()

    def settings(self, fault: Fault = OK) -> object:
        urls = {Kind.REFUSED: closed_url(), Kind.NO_DNS: NOWHERE_URL.replace("http:", "https:")}
        return Settings(api_url=f"{urls.get(fault.kind, self.stub.url)}/api/")

    async def recover(self) -> None:
        self.stub.plan.always = OK

    def attempts(self) -> int:
        return self.stub.attempts

    def check_message(self, *, hostile: bool) -> None:
        # The stub has refused what is over a limit.
        message = self.stub.channel("#payments-alerts").messages[-1]
        assert pings(message) == []
        assert flaws(message) == []
        if hostile:
            said = [text for text, _ in texts(message)]
            assert any(PROBE in text for text in said)
            assert not any("1337" in text for text in said)
            assert all(address.startswith(("https://", "http://")) for address in links(message))
            assert message["options"]["unfurl_links"] is False
            assert message["options"]["unfurl_media"] is False
