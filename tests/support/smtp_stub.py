"""A mail server on aiosmtpd that keeps what it is sent, and fails on request.

`async with SmtpStub() as stub` serves SMTP on `stub.port` in the running loop. It is an HttpStub as well, so that one
that runs as a process of its own is told its plan and asked for its state over HTTP; `GET /_state` gives the SMTP port
and the mails. An attempt is a connection, and each further mail on a connection; each takes one entry of the plan. What
the plan's kinds mean here, and what only SMTP has:

    status        the reply `Fault.status`, at the stage that `Fault.retry_after` names: greeting, ehlo, mail, data, or
                  rcpt, which is meant when none is named; `rcpt:bob@example.com` fails for that recipient only
    hang          no answer to the message, or at the stage that is named
    reset-before  the connection is reset in place of a greeting
    reset-after   the message is kept, then the connection is reset; at a stage that is named nothing is kept
    drip-*        the answer to the message comes a byte at a time
    broken, html  the answer to the message isn't SMTP
    echo          550 with all that the client has said
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import logging
import ssl
from email import policy
from email.message import EmailMessage
from typing import Any, NamedTuple

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from http_stub import DRIP_SECONDS, PAGE, Answer, Fault, HttpStub, Kind, Request, _reset, serve_process

# It logs all that it is sent, which is what a test for leaks would find.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)

WORDS = {
    421: "4.3.2 too busy, closing",
    450: "4.2.0 greylisted, try again later",
    451: "4.3.0 local error in processing",
    452: "4.3.1 out of storage",
    530: "5.7.0 authentication required",
    535: "5.7.8 credentials invalid",
    550: "5.1.1 no such user here",
    552: "5.3.4 message too big",
    553: "5.1.3 mailbox name not allowed",
    554: "5.6.0 message refused",
}
DROPS = {Kind.RESET_AFTER, Kind.RESET_BEFORE}
ON_DATA = {Kind.HANG, Kind.DRIP_HEADERS, Kind.DRIP_BODY, Kind.BROKEN, Kind.HTML, Kind.ECHO, Kind.RESET_AFTER}


class Received(NamedTuple):
    """A mail that was accepted, or kept before the connection broke."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """Parsed."""
        parsed = email.message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def part(self, kind: str) -> str:
        """The text of its `plain` or its `html` part; empty when there is none."""
        body = self.message.get_body((kind,))
        return str(body.get_content()) if body else ""


class SmtpStub(HttpStub):
    """The server. `users`: names with passwords; when there are any, a mail needs them."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        users: dict[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        smtp_port: int = 0,
        utf8: bool = True,
    ) -> None:
        super().__init__(host, port)
        self.users = users or {}
        self.tls, self.implicit, self.utf8 = tls, implicit, utf8
        self.mails: list[Received] = []
        self.port = smtp_port
        self.host = host
        self.sessions: set[_Session] = set()
        self._smtp: asyncio.Server | None = None

    async def start(self) -> None:
        await super().start()
        around = self.tls if self.implicit else None
        self._smtp = await asyncio.get_running_loop().create_server(
            lambda: _Session(self), self.host, self.port, ssl=around
        )
        self.port = self._smtp.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        tasks = [session.end() for session in list(self.sessions)]
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)
        # Transports close in the loop's next rounds.
        for _ in range(3):
            await asyncio.sleep(0)
        await super().stop()

    def answer(self, request: Request) -> Answer:
        return Answer(404, b"{}")

    def state(self) -> object:
        mails = [
            {
                "to": list(mail.recipients),
                "subject": str(mail.message["Subject"]),
                "message_id": str(mail.message["Message-ID"]),
                "incident": str(mail.message["X-Tocsin-Incident"]),
            }
            for mail in self.mails
        ]
        return {"host": self.host, "port": self.port, "mails": mails}

    def reset(self) -> None:
        super().reset()
        self.mails.clear()

    def drop_idle(self) -> None:
        """Close all connections, as a server does that has waited long enough."""
        for session in list(self.sessions):
            session.end()


class _Session(SMTP):
    def __init__(self, stub: SmtpStub) -> None:
        self.stub = stub
        self.fault = Fault()
        self.mails_begun = 0
        self.said: list[str] = []
        starttls = None if stub.implicit else stub.tls
        super().__init__(
            _Handler(self),
            hostname="stub.example.com",
            ident="stub",
            enable_SMTPUTF8=stub.utf8,
            tls_context=starttls,
            auth_require_tls=False,
            authenticator=self._check_login,
            auth_exclude_mechanism=None if stub.users else ("LOGIN", "PLAIN"),
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.transport is None:
            self.stub.sessions.add(self)
            self.begin()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.stub.sessions.discard(self)
        super().connection_lost(error)

    def begin(self) -> None:
        """An attempt begins."""
        self.fault = self.stub.plan.next()
        self.stub.attempts += 1

    def end(self) -> asyncio.Task[None] | None:
        task = self._handler_coroutine
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]
        if task is not None:
            task.cancel()
        return task

    @property
    def stage(self) -> str:
        default = (
            "data" if self.fault.kind in ON_DATA else "greeting" if self.fault.kind is Kind.RESET_BEFORE else "rcpt"
        )
        return self.fault.retry_after or default

    async def misconduct(self, stage: str) -> str | None:
        """What the plan wants at this stage, as a reply; None when it wants nothing there."""
        kind = self.fault.kind
        if kind is Kind.OK or stage != self.stage:
            return None
        if kind is Kind.STATUS:
            return f"{self.fault.status} {WORDS.get(self.fault.status, '')}".strip()
        if kind is Kind.ECHO:
            return f"550 5.6.0 refused: {' '.join(self.said)}"
        if kind is Kind.HANG:
            await asyncio.Event().wait()
        if kind in DROPS:
            _reset(self._writer)
            raise asyncio.CancelledError
        if kind in (Kind.BROKEN, Kind.HTML):
            self._writer.write(PAGE + b"\r\n")
            await self._writer.drain()
            await asyncio.Event().wait()
        for byte in b"250 2.0.0 " + b"x" * 10_000:
            self._writer.write(bytes([byte]))
            await self._writer.drain()
            await asyncio.sleep(DRIP_SECONDS)
        return None

    async def _handle_client(self) -> None:
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            reply = await self.misconduct("greeting")
            if reply is not None:
                await self.push(reply)
                self._writer.close()
                return
            await super()._handle_client()

    def _check_login(self, server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        name, password = data.login.decode(), data.password.decode()
        self.said += [name, password]
        return AuthResult(success=self.stub.users.get(name) == password, handled=False)


class _Handler:
    def __init__(self, session: _Session) -> None:
        self.session = session

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        reply = await self.session.misconduct("ehlo")
        session.host_name = hostname
        return [reply] if reply else responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if self.session.mails_begun:
            self.session.begin()
        self.session.mails_begun += 1
        self.session.said.append(address)
        reply = await self.session.misconduct("mail")
        if reply is None and self.session.stub.users and not session.authenticated:
            reply = f"530 {WORDS[530]}"
        if reply is None:
            envelope.mail_from = address
        return reply or "250 2.1.0 sender ok"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        self.session.said.append(address)
        reply = await self.session.misconduct("rcpt") or await self.session.misconduct(f"rcpt:{address}")
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 2.1.5 recipient ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        stub, fault = self.session.stub, self.session.fault
        if fault.kind in {Kind.OK, Kind.RESET_AFTER, Kind.DRIP_BODY, Kind.DRIP_HEADERS} or fault.acts:
            stub.mails.append(Received(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content))
        reply = await self.session.misconduct("data")
        if reply is None and self.session.stage.startswith("rcpt") and fault.kind is Kind.STATUS:
            # Another recipient was meant.
            stub.mails.append(Received(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content))
        return reply or "250 2.0.0 kept"


if __name__ == "__main__":
    serve_process(SmtpStub)
