"""A few connections to one SMTP server, kept open between mails. Each hands over one mail at a time."""

from __future__ import annotations

import asyncio
import base64
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

from router.channels.email.faults import Stage

if TYPE_CHECKING:
    import aiosmtplib

    from router.channels.email.mime import Mail

KEPT_SECONDS = 60
"""Idle connections are closed after this. RFC 5321 (4.5.3.2.7) lets a server close them after five minutes."""
GOODBYE_SECONDS = 1.0

Tls = Literal["starttls", "implicit", "none"]


class Server(NamedTuple):
    """Where mails are handed over."""

    host: str
    port: int
    tls: Tls
    ca_file: str
    """Certificates to trust instead of the system's; empty: the system's."""
    hello: str
    """How the router names itself. Its host's own name might take a slow look-up."""
    timeout: float


class Credentials(NamedTuple):
    """What opens the server; both empty when it needs nothing."""

    username: str = ""
    password: str = ""

    @property
    def forms(self) -> tuple[str, ...]:
        """How they may stand in an answer that quotes us: as they are, and as AUTH PLAIN and LOGIN send them."""
        plain = f"\0{self.username}\0{self.password}" if self.username else ""
        encoded = (base64.b64encode(text.encode()).decode() for text in (plain, self.username, self.password) if text)
        return tuple(filter(None, (self.username, self.password, *encoded)))


class Progress:
    """How far an attempt got."""

    def __init__(self) -> None:
        self.stage = Stage.CONNECT
        self.sending = False
        """Whether the message may have reached the server."""


class UnusableServer(Exception):  # noqa: N818 - It tells what the server is.
    """The server, or what the settings say of it, can't be used as it is."""


class _Idle(NamedTuple):
    client: aiosmtplib.SMTP
    credentials: Credentials
    used_at: float


class Pool:
    """The connections. At most `size` are in use at a time; who comes then waits."""

    def __init__(self, server: Server, size: int) -> None:
        self._server = server
        self._idle: list[_Idle] = []
        self._room = asyncio.Semaphore(max(1, size))
        self._tls: ssl.SSLContext | None = None

    async def hand_over(self, mail: Mail, content: bytes, credentials: Credentials, progress: Progress) -> str:
        """Hand over one mail; the server's last answer. Raises aiosmtplib's errors, OSError and UnusableServer."""
        async with self._room:
            client = await self._kept(credentials) or await self._connect(credentials, progress)
            kept = False
            try:
                reply = await _transact(client, mail, content, progress)
            except Exception as error:
                # After a refusal the connection is as good as before, RSET clears the rest; 421 announces its end.
                code = getattr(error, "code", None)
                kept = isinstance(code, int) and 400 <= code < 600 and code != 421
                raise
            else:
                kept = True
                return reply
            finally:
                if kept and client.is_connected:
                    self._idle.append(_Idle(client, credentials, asyncio.get_running_loop().time()))
                else:
                    client.close()

    async def close(self) -> None:
        """Say goodbye on all idle connections."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_leave(connection.client) for connection in idle))

    async def _kept(self, credentials: Credentials) -> aiosmtplib.SMTP | None:
        """An idle connection that still answers; nothing has been sent on it when it doesn't."""
        from aiosmtplib import SMTPException

        oldest = asyncio.get_running_loop().time() - KEPT_SECONDS
        while self._idle:
            client, known, used_at = self._idle.pop()
            ready = False
            try:
                if client.is_connected and known == credentials and used_at > oldest:
                    with suppress(OSError, SMTPException):
                        await client.rset()
                        ready = True
                if ready:
                    return client
            finally:
                if not ready:
                    client.close()
        return None

    async def _connect(self, credentials: Credentials, progress: Progress) -> aiosmtplib.SMTP:
        import aiosmtplib

        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=server.hello,
            timeout=server.timeout,
            use_tls=server.tls == "implicit",
            start_tls=False,
            tls_context=self._context(),
        )
        ready = False
        try:
            await client.connect()
            if server.tls == "starttls":
                await client.ehlo()
                if not client.supports_extension("starttls"):
                    raise UnusableServer("the server has no STARTTLS, and without it nothing is sent")
                await client.starttls()
            if credentials.username:
                progress.stage = Stage.LOGIN
                await client.ehlo()
                if not client.supported_auth_methods:
                    raise UnusableServer("the server takes no password: it offers none of CRAM-MD5, PLAIN and LOGIN")
                await client.login(credentials.username, credentials.password)
            ready = True
        finally:
            if not ready:
                client.close()
        return client

    def _context(self) -> ssl.SSLContext | None:
        if self._server.tls != "none" and self._tls is None:
            try:
                self._tls = ssl.create_default_context(cafile=self._server.ca_file or None)
            except OSError as error:
                raise UnusableServer("email.ca_file can't be read as certificates") from error
        return self._tls


async def _transact(client: aiosmtplib.SMTP, mail: Mail, content: bytes, progress: Progress) -> str:
    from aiosmtplib import SMTPNotSupported

    encoding: Literal["utf-8", "ascii"] = "utf-8" if mail.needs_utf8 else "ascii"
    if mail.needs_utf8:
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
        if not client.supports_extension("smtputf8"):
            raise SMTPNotSupported("the server takes no address beyond ASCII")
    progress.stage = Stage.SENDER
    await client.mail(mail.sender, options=["SMTPUTF8"] if mail.needs_utf8 else [], encoding=encoding)
    progress.stage = Stage.RECIPIENT
    await client.rcpt(mail.recipient, encoding=encoding)
    progress.stage, progress.sending = Stage.DATA, True
    return (await client.data(content)).message


async def _leave(client: aiosmtplib.SMTP) -> None:
    from aiosmtplib import SMTPException

    with suppress(OSError, SMTPException):
        await client.quit(timeout=GOODBYE_SECONDS)
    client.close()
