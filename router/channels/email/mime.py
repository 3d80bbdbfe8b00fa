"""A mail as bytes: headers that nobody's text can break out of, a text part and an HTML part. Pure.

The same mail always has the same bytes, its Message-ID and its boundary included, so that a mail that is sent again
after a lost answer is recognised by mailboxes that drop what they have already.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import NamedTuple

from router.messages.text import moment, one_line
from router.model import Micros

SUBJECT_CHARACTERS = 200
"""Longer than any list of mails shows. RFC 5322 has no limit for a folded header, 998 characters for a line."""

# As routes.yml's schema has it, without control characters, which would end an SMTP command.
ADDRESS = re.compile(r"[^@\s<>,;\"\\\x00-\x20\x7f]+@[^@\s<>,;\"\\\x00-\x20\x7f]+")
ID_UNWANTED = re.compile(r"[^A-Za-z0-9-]+")


class Mail(NamedTuple):
    """One mail to one recipient."""

    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    """Empty: there is only text."""
    message_id: str
    """With its angle brackets."""
    first_id: str
    """The Message-ID of the episode's first mail; empty when this is it."""
    incident: str
    """The incident's or the note's id."""
    at: Micros

    @property
    def needs_utf8(self) -> bool:
        """Whether an address has characters that only a server with SMTPUTF8 (RFC 6531) takes."""
        return not (self.sender.isascii() and self.recipient.isascii())


class Thread(NamedTuple):
    """What a delivery remembers of the mails that it sent for an episode: the `parts` of an email delivery."""

    episode: int = 0
    mails: int = 0
    """How many, repetitions not counted."""
    last: str = ""
    """What the last of them told: its state and content."""
    first_id: str = ""

    @classmethod
    def of(cls, parts: Mapping[str, object]) -> Thread:
        """What the parts say; what isn't there or isn't ours counts as nothing."""
        episode, mails = parts.get("episode"), parts.get("mails")
        return cls(
            episode if isinstance(episode, int) else 0,
            mails if isinstance(mails, int) else 0,
            str(parts.get("last", "")),
            str(parts.get("first_id", "")),
        )

    def next(self, incident: str, episode: int, told: str, sender: str) -> tuple[Thread, str]:
        """The thread with a mail that tells `told`, and that mail's Message-ID.

        Telling the same again is a repetition and has the same id, since nothing changed between. Telling it again
        after something else is a new mail: with an old id it would be dropped as known.
        """
        same = self.episode == episode
        mails = self.mails if same and self.last == told else self.mails + 1 if same else 1
        message_id = make_id(sender, incident, str(episode), str(mails), told)
        first_id = self.first_id if same and self.first_id else message_id
        return Thread(episode, mails, told, first_id), message_id


def make_id(sender: str, *parts: str) -> str:
    """A Message-ID made of these, at the sender's domain."""
    domain = sender.rpartition("@")[2]
    left = ".".join(filter(None, (ID_UNWANTED.sub("-", part) for part in parts)))
    if len(left) > 200:
        left = hashlib.sha256(left.encode()).hexdigest()
    return f"<{left}@{domain if domain.isascii() and domain else 'alert-router.invalid'}>"


def is_address(text: str) -> bool:
    """Whether it may stand in an SMTP command."""
    return ADDRESS.fullmatch(text) is not None and len(text) <= 254  # RFC 5321, 4.5.3.1.3: a path has 256 characters.


def compose(mail: Mail) -> bytes:
    """The mail as SMTP takes it: lines that end in CRLF, none above 998 characters. ValueError for a bad address."""
    message = EmailMessage(policy.SMTPUTF8 if mail.needs_utf8 else policy.SMTP)
    message["From"] = _address(mail.sender)
    message["To"] = _address(mail.recipient)
    message["Subject"] = one_line(mail.subject, SUBJECT_CHARACTERS) or "alert"
    message["Date"] = format_datetime(moment(mail.at).replace(microsecond=0))
    message["Message-ID"] = mail.message_id
    if mail.first_id and mail.first_id != mail.message_id:
        message["In-Reply-To"] = mail.first_id
        message["References"] = mail.first_id
    # RFC 3834: no vacation notice answers it. The second header tells Exchange the same.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Tocsin-Incident"] = ID_UNWANTED.sub("-", mail.incident)
    # Quoted-printable keeps lines short and needs no extension of the server.
    message.set_content(mail.text, cte="quoted-printable")
    if mail.html:
        message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
        # The library's own boundary is a random number. A hash of the content can't occur in the content.
        digest = hashlib.sha256(f"{mail.message_id}\0{mail.text}\0{mail.html}".encode()).hexdigest()
        message.set_boundary(f"=_{digest[:32]}")
    return message.as_bytes()


def _address(text: str) -> Address:
    if not is_address(text):
        raise ValueError("not a mail address")
    user, _, domain = text.rpartition("@")
    return Address(username=user, domain=domain)
