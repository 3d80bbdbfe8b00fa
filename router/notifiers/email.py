"""Email by SMTP: one mail for each recipient, in text and HTML, threaded by episode."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from router.channels.email.faults import judge
from router.channels.email.mime import Mail, Thread, compose, is_address, make_id
from router.channels.email.pool import Credentials, Pool, Progress, Server, Tls, UnusableServer
from router.channels.redaction import redact
from router.messages.message import Message, Note, build_message, decode_note
from router.messages.text import one_line
from router.model import Destination
from router.notifier import Context, Delivered, Job, Outcome, Reason, Rejected, Retry, Traits

TRAITS = Traits(
    content="severity",
    tells_the_past=True,
    repeats=False,
    folds=True,
    concurrency=2,
    per_minute=0,
    # The same Message-ID twice: some mailboxes show one, many show both.
    idempotent=False,
)

PORTS = {"starttls": 587, "implicit": 465, "none": 25}
"""RFC 8314 (465), RFC 6409 (587), RFC 5321 (25)."""
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Email's part of the settings."""

    host: str = ""
    """The SMTP server. Empty: no mail can be sent."""
    port: int = 0
    """0: 587 with STARTTLS, 465 with implicit TLS, 25 without TLS."""
    tls: Tls = "starttls"
    """starttls, implicit (TLS from the first byte), or none."""
    username: str = ""
    """The name of the secret that holds the user name; empty: no authentication."""
    password: str = ""
    """The name of the secret that holds the password."""
    from_address: str = ""
    """Who the mails are from, and where what can't be delivered comes back."""
    ca_file: str = ""
    """Certificates to trust instead of the system's."""
    timeout: float = 15.0
    """Seconds that one mail may take, from the connection to the server's last answer."""
    connections: int = 4
    """How many connections there may be at a time."""


def destinations(team: Mapping[str, object]) -> tuple[Destination, ...]:
    """One for each address of the team's `email: {to: [...]}`."""
    email = team.get("email")
    addresses = email.get("to", ()) if isinstance(email, Mapping) else ()
    return tuple(Destination("email", "", str(address)) for address in addresses)


def build(context: Context) -> Notifier:
    """The notifier; it connects when it has something to send."""
    return Notifier(context)


def preview(job: Job, context: Context) -> str:
    """The mail's subject and its text."""
    mail, _ = Notifier(context).mail(job)
    return f"To: {mail.recipient}\nSubject: {mail.subject}\n\n{mail.text}"


class _Refused(Exception):  # noqa: N818 - It carries an outcome, it is no error of ours.
    def __init__(self, outcome: Rejected) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


def _misconfigured(detail: str) -> _Refused:
    return _Refused(Rejected(Reason.MISCONFIGURED, "destination", detail))


class Notifier:
    """Sends mails over a few kept connections."""

    def __init__(self, context: Context) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._settings = context.settings
        self._pool = Pool(_server(self._settings), self._settings.connections)

    async def send(self, job: Job) -> Outcome:
        credentials = Credentials("", "")
        progress = Progress()
        thread = Thread()
        try:
            credentials = self._credentials()
            mail, thread = self.mail(job)
            content = compose(mail)
            async with asyncio.timeout(min(job.timeout, self._settings.timeout)):
                reply = await self._pool.hand_over(mail, content, credentials, progress)
            return Delivered(_parts(thread), mail.message_id, detail=redact(reply, credentials.forms))
        except _Refused as refused:
            return refused.outcome
        except Exception as error:  # noqa: BLE001 - Whatever is wrong with one mail, the others go on.
            outcome = _outcome(error, progress, redact(_words(error), credentials.forms))
            if isinstance(outcome, Retry) and outcome.maybe_shown:
                # The next mail of the episode answers this one, and the same one again has the same id.
                return Retry(outcome.reason, None, maybe_shown=True, detail=outcome.detail, parts=_parts(thread))
            return outcome

    async def close(self) -> None:
        await self._pool.close()

    def mail(self, job: Job) -> tuple[Mail, Thread]:
        """The mail that a job asks for, and the thread with it."""
        sender, recipient = self._settings.from_address, job.destination.address
        if not is_address(recipient):
            raise _misconfigured("the recipient is no mail address")
        message: Message | Note
        templates, team, incident = self._context.templates, job.delivery.team, job.delivery.incident_id
        if job.snapshot is None:
            try:
                note = decode_note(job.delivery.payload)
            except ValueError as error:
                raise _Refused(Rejected(Reason.BAD_MESSAGE, "message", "the note's payload can't be read")) from error
            name, message, thread = "email_note", note, Thread()
            subject, message_id, first_id = note.title, make_id(sender, "note", incident), ""
        else:
            step = job.step
            told = build_message(job.snapshot, step, job.delivery, self._context.look())
            name, message = "email", told
            known = Thread.of(job.delivery.parts)
            thread, message_id = known.next(incident, step.episode, f"{step.state}-{step.content}", sender)
            subject, first_id = templates.render("email_subject.txt", team, told), thread.first_id
        text = templates.render(f"{name}.txt", team, message)
        html = "" if job.delivery.plain else templates.render(f"{name}.html", team, message)
        at = self._context.now()
        return Mail(sender, recipient, subject, text, html, message_id, first_id, incident, at), thread

    def _credentials(self) -> Credentials:
        settings = self._settings
        if not settings.host:
            raise _misconfigured("no SMTP server is configured: email.host")
        if not is_address(settings.from_address):
            raise _misconfigured("no sender is configured: email.from_address")
        if not settings.username:
            return Credentials("", "")
        values = [self._context.secret(name) if name else None for name in (settings.username, settings.password)]
        for name, value in zip((settings.username, settings.password), values, strict=True):
            if not value:
                raise _misconfigured(f"the secret {name} isn't there" if name else "email.password names no secret")
        if settings.tls == "none" and settings.host not in LOCAL_HOSTS:
            raise _misconfigured("a password isn't sent without TLS: email.tls is none")
        return Credentials(*((value or "").strip("\r\n") for value in values))


def _server(settings: Settings) -> Server:
    port = settings.port or PORTS[settings.tls]
    hello = _ascii_domain(settings.from_address)
    return Server(settings.host, port, settings.tls, settings.ca_file, hello, settings.timeout)


def _ascii_domain(address: str) -> str:
    try:
        return address.rpartition("@")[2].encode("idna").decode()
    except UnicodeError:  # A part of it is empty or too long.
        return "localhost"


def _parts(thread: Thread) -> dict[str, object]:
    return thread._asdict() if thread.mails else {}


def _words(error: Exception) -> str:
    code, message = getattr(error, "code", None), getattr(error, "message", None)
    if isinstance(code, int) and code > 0:
        return f"{code} {message}"
    return f"{type(error).__name__}: {message if isinstance(message, str) else error}"


def _outcome(error: Exception, progress: Progress, detail: str) -> Outcome:
    import aiosmtplib

    maybe_shown = progress.sending
    match error:
        case UnusableServer():
            return Rejected(Reason.MISCONFIGURED, "destination", str(error))
        case aiosmtplib.SMTPResponseException():
            return judge(error.code, error.message, progress.stage, one_line(f"{progress.stage}: {detail}"))
        case aiosmtplib.SMTPNotSupported():
            return Rejected(Reason.NO_SUCH_DESTINATION, "destination", detail)
        case TimeoutError():
            return Retry(Reason.TIMEOUT, maybe_shown=maybe_shown, detail=f"no answer in time to {progress.stage}")
        case aiosmtplib.SMTPConnectError():
            return Retry(Reason.UNREACHABLE, detail=detail)
        case aiosmtplib.SMTPServerDisconnected() | OSError():
            # Before the message is sent a lost connection is one that wasn't there.
            return Retry(Reason.RESET if maybe_shown else Reason.UNREACHABLE, maybe_shown=maybe_shown, detail=detail)
        case _:
            return Retry(Reason.BUG, maybe_shown=maybe_shown, detail=detail)
