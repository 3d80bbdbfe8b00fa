"""Email's part in the notifiers' suite."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import ClassVar

from http_stub import Fault, Kind
from notifier_jobs import PROBE
from notifier_suite import OK, Adapter, Expected, closed_url
from smtp_stub import SmtpStub

from router.model import Destination
from router.notifier import Delivered, Reason, Rejected, Retry
from router.notifiers.email import Settings

SECRETS = {"SMTP_USER": "mailer-7f3a9c51d2", "SMTP_PASSWORD": "Xq8/vT2+pLw9Zr4K"}


def status(code: int, stage: str) -> Fault:
    """A refusal at a stage of the session."""
    return Fault(Kind.STATUS, code, stage)


def again(reason: Reason, *, maybe_shown: bool = False) -> Expected:
    return Expected(Retry, reason, maybe_shown=maybe_shown)


TAGS = {"html", "head", "meta", "title", "style", "body", "div", "p", "span", "h1", "h2"}
TAGS |= {"table", "tr", "td", "ul", "li", "a"}
"""What our own templates are made of."""

CREDENTIALS = Expected(Rejected, Reason.BAD_CREDENTIALS, "destination")
RECIPIENT = Expected(Rejected, Reason.NO_SUCH_DESTINATION, "destination")
MESSAGE = Expected(Rejected, Reason.BAD_MESSAGE, "message")
SENDER = Expected(Rejected, Reason.MISCONFIGURED, "destination")


class ADAPTER(Adapter):
    channel = "email"
    destination = Destination("email", "", "oncall@example.com")
    secrets: ClassVar = SECRETS
    table: ClassVar = {
        OK: Expected(Delivered),
        status(421, "greeting"): again(Reason.RATE_LIMITED),
        status(554, "greeting"): CREDENTIALS,
        status(421, "mail"): again(Reason.RATE_LIMITED),
        status(451, "mail"): again(Reason.UNAVAILABLE),
        status(530, "mail"): CREDENTIALS,
        status(550, "mail"): SENDER,
        status(552, "mail"): MESSAGE,
        status(450, "rcpt"): again(Reason.RATE_LIMITED),
        status(452, "rcpt"): again(Reason.UNAVAILABLE),
        status(550, "rcpt"): RECIPIENT,
        status(551, "rcpt"): RECIPIENT,
        status(553, "rcpt"): RECIPIENT,
        status(554, "rcpt"): RECIPIENT,
        status(421, "data"): again(Reason.RATE_LIMITED),
        status(451, "data"): again(Reason.UNAVAILABLE),
        status(452, "data"): again(Reason.UNAVAILABLE),
        status(550, "data"): RECIPIENT,
        status(552, "data"): MESSAGE,
        status(554, "data"): MESSAGE,
        Fault(Kind.BROKEN): again(Reason.BAD_ANSWER, maybe_shown=True),
        Fault(Kind.HANG): again(Reason.TIMEOUT, maybe_shown=True),
        Fault(Kind.HANG, 0, "greeting"): again(Reason.TIMEOUT),
        Fault(Kind.HANG, 0, "rcpt"): again(Reason.TIMEOUT),
        Fault(Kind.DRIP_BODY): again(Reason.TIMEOUT, maybe_shown=True),
        Fault(Kind.RESET_BEFORE): again(Reason.UNREACHABLE),
        Fault(Kind.RESET_AFTER, 0, "rcpt"): again(Reason.UNREACHABLE),
        Fault(Kind.RESET_AFTER): again(Reason.RESET, maybe_shown=True),
        Fault(Kind.REFUSED): again(Reason.UNREACHABLE),
        Fault(Kind.NO_DNS): again(Reason.UNREACHABLE),
        Fault(Kind.ECHO): MESSAGE,
    }

    def __init__(self) -> None:
        super().__init__()
        self.stub = SmtpStub(users={SECRETS["SMTP_USER"]: SECRETS["SMTP_PASSWORD"]})

    async def start(self, fault: Fault) -> None:
        self.stub.plan.always = fault
        await self.stub.start()

    async def stop(self) -> None:
        await self.stub.stop()

    def settings(self, fault: Fault) -> object:
        named = {"username": "SMTP_USER", "password": "SMTP_PASSWORD"}
        host, port = self.stub.host, self.stub.port
        if fault.kind is Kind.REFUSED:
            port = int(closed_url().rpartition(":")[2])
        if fault.kind is Kind.NO_DNS:
            # A password goes to loopback only, when there is no TLS; a name that isn't one has none to give.
            host, named = "mail.invalid", {}
        return Settings(host=host, port=port, tls="none", from_address="alerts@example.com", **named)

    async def recover(self) -> None:
        self.stub.plan.always = OK

    def attempts(self) -> int:
        return self.stub.attempts

    def check_message(self, *, hostile: bool) -> None:
        mail = self.stub.mails[-1]
        head, _, _ = mail.content.partition(b"\r\n\r\n")
        names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
        assert len(names) == len(set(names))
        assert not {b"bcc", b"cc", b"x-injected", b"reply-to"} & set(names)
        assert max(map(len, mail.content.split(b"\r\n"))) <= 998
        assert mail.content.replace(b"\r\n", b"").count(b"\n") == 0
        assert mail.content.isascii()
        assert mail.recipients == (self.destination.address,)
        # The standard library leaves a blank on both sides of a fold before an encoded word.
        subject = " ".join(str(mail.message["Subject"]).split())
        assert len(subject) <= 200
        assert len(mail.content) < 400_000
        seen = Tags()
        seen.feed(mail.part("html"))
        assert seen.names <= TAGS
        assert {link.partition("://")[0] for link in seen.links} <= {"http", "https"}
        assert not {name for name in seen.attributes if name.startswith("on")}
        if hostile:
            for text in (mail.part("plain"), mail.part("html")):
                assert (PROBE in text) == bool(text)
                assert "1337" not in text
                assert "javascript:" not in text
            assert "{{ 7 * 191 }}" in mail.part("plain")
            assert PROBE in subject


class Tags(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in {"href", "src"}}
