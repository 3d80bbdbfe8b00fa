"""Whether a request's credential is one of those that are live. Pure.

Two of each kind can be live at once, so that a credential is replaced without a moment in which neither works: add the
new one, change the senders, remove the old one. A token in a URL is never looked at: URLs end up in logs.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is accepted, as SHA-256 digests. Its repr shows none of them."""

    bearer: tuple[bytes, ...] = field(default=(), repr=False)
    """Of tokens."""
    basic: tuple[bytes, ...] = field(default=(), repr=False)
    """Of `user:password`."""

    @property
    def any(self) -> bool:
        """Whether there is any; without one nothing is accepted."""
        return bool(self.bearer or self.basic)


def credentials(bearer: Iterable[str] = (), basic: Iterable[str] = ()) -> Credentials:
    """Credentials of tokens and of `user:password` pairs. An empty token or password is left out: it opens nothing.

    Space around them is dropped, since a secret's file mostly ends in a newline.
    """
    tokens = [token.strip() for token in bearer]
    pairs = [pair.strip() for pair in basic]
    return Credentials(
        bearer=tuple(_digest(token.encode()) for token in tokens if token),
        basic=tuple(_digest(pair.encode()) for pair in pairs if pair.partition(":")[2]),
    )


def authenticated(header: bytes | None, accepted: Credentials) -> bool:
    """Whether an Authorization header carries one of them. Without a header, or with one that can't be read: no.

    Digests of equal length are compared, all of them and each in constant time: how long it takes tells neither how
    much of a secret was right, nor its length, nor which of them it was.
    """
    if header is None:
        return False
    scheme, _, value = header.strip().partition(b" ")
    value = value.strip()
    match scheme.lower():
        case b"bearer":
            given, live = value, accepted.bearer
        case b"basic":
            given, live = _decoded(value), accepted.basic
        case _:
            return False
    digest = _digest(given)
    found = False
    for one in live:
        found |= hmac.compare_digest(digest, one)
    return found


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


def _decoded(value: bytes) -> bytes:
    """What Basic carries; empty, which is never accepted, when it isn't base64."""
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except binascii.Error:
        return b""
