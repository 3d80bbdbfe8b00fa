"""The generic webhook's part in the notifiers' suite."""

from __future__ import annotations

import json
from typing import ClassVar

from http_stub import Fault, Kind
from notifier_jobs import PROBE
from notifier_suite import HTTP_TABLE, NOWHERE_URL, OK, Adapter, Expected, closed_url
from webhook_stub import WebhookStub

from router.model import Destination
from router.notifier import Delivered
from router.notifiers.webhook import Settings

TOKEN = "t0ken-of-the-address-9f8e7d6c"
BEARER = "b3arer-0123456789-abcdef"
SIGNING_KEY = "s1gning-key-of-the-webhook"


class ADAPTER(Adapter):
    channel = "webhook"
    destination = Destination("webhook", "HOOK_URL", "")
    # The address is made when the stub's is known; its token is what must not leak.
    secrets: ClassVar = {"HOOK_URL": TOKEN, "HOOK_BEARER": BEARER, "HOOK_SIGNING": SIGNING_KEY}
    # Any 2xx is a success, whatever its body is and however slowly it comes.
    table: ClassVar = HTTP_TABLE | {
        fault: Expected(Delivered) for fault in (Fault(Kind.HTML), Fault(Kind.BROKEN), Fault(Kind.DRIP_BODY))
    }

    def __init__(self) -> None:
        super().__init__()
        self.stub = WebhookStub()
        self.stub.bearer = BEARER

    async def start(self, fault: Fault) -> None:
        self.stub.plan.always = fault
        await self.stub.start()
        urls = {Kind.REFUSED: closed_url(), Kind.NO_DNS: NOWHERE_URL}
        if "HOOK_URL" in self.present:
            self.present["HOOK_URL"] = f"{urls.get(fault.kind, self.stub.url)}/hooks/{TOKEN}?key={TOKEN}"

    async def stop(self) -> None:
        await self.stub.stop()

    def settings(self, fault: Fault = OK) -> object:
        return Settings(
            connect_timeout=2.0, bearer={"HOOK_URL": "HOOK_BEARER"}, signing_key={"HOOK_URL": "HOOK_SIGNING"}
        )

    async def recover(self) -> None:
        self.stub.plan.always = OK

    def attempts(self) -> int:
        return self.stub.attempts

    def check_message(self, *, hostile: bool) -> None:
        request = self.stub.requests()[-1]
        assert len(request.body) <= 1_000_000
        document = json.loads(request.body)
        assert document["version"] == 1
        if hostile:
            assert PROBE in request.body.decode()
            assert {"bcc", "x-injected"}.isdisjoint(request.headers)
            assert b"1337" not in request.body
            assert b"javascript:" not in request.body
            assert b"\\u0000" not in request.body
            assert b"\\u001b" not in request.body
