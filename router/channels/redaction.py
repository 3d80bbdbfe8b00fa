"""Takes secrets out of what providers and libraries say, before it is kept, logged or shown. Pure.

What a provider answers may hold what it was sent: an error that quotes the request, a URL with a token in it. Exact
values of the secrets at hand are masked wherever they stand, and what looks like a secret of any provider is masked
too, since the text may hold somebody else's.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

MASK = "[redacted]"

DETAIL_CHARACTERS = 300
"""How much of an answer is kept: a provider's error message with some room. Ours."""

WINDOW_CHARACTERS = 4_096
"""How much is looked at: what lies behind can't come into the part that is kept."""

SHORTEST = 4
"""Shorter than this nothing is masked by its value: it would hide half of a text and protect nothing."""

TELLING_SEGMENT = 8
"""A part of a secret URL's path with so many characters is a secret by itself; shorter ones are words like `hooks`."""

UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")

PATTERNS = (
    # Credentials of a request that is quoted back, be it as headers or as JSON.
    (re.compile(r"(?i)\b(bearer|basic)([\s:]+)[\w.~+/=-]{4,}"), rf"\1\2{MASK}"),
    # Slack: bot, user, app, refresh and configuration tokens.
    (re.compile(r"\b(?:xox[a-z]|xapp|xoxe\.xox[a-z])-[\w-]+"), MASK),
    # Slack: the address of an incoming webhook is its secret.
    (re.compile(r"(?i)\bhooks\.slack\.com/\S+"), f"hooks.slack.com/{MASK}"),
    # PagerDuty: routing keys are 32 letters and digits.
    (re.compile(r"(?<![0-9A-Za-z])(?=[A-Za-z]*[0-9])[0-9A-Za-z]{32}(?![0-9A-Za-z])"), MASK),
    # A signature, or a longer key in hexadecimal digits.
    (re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{40,}"), MASK),
    # A key, a token, a password or a signature that is named.
    (
        re.compile(
            r"(?i)([\"']?\b[\w-]{0,40}(?:token|secret|passw(?:or)?d|api[_-]?key|routing[_-]?key|signature)[\"']?\s*[:=]\s*)"
            r"[\"']?[^\s\"',;&}\]]{4,}[\"']?"
        ),
        rf"\1{MASK}",
    ),
)

URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)([^\s\"'<>\\]+)")


def secret_forms(values: Iterable[str]) -> tuple[str, ...]:
    """Each way in which a secret may stand in a text, the longest first.

    A secret that is a URL also counts by its path, its query and the longer parts of its path, since servers and
    libraries quote those alone.
    """
    forms: set[str] = set()
    for value in values:
        # As it is, and as a URL, a page or a JSON document writes it.
        forms |= {value, value.strip(), html.escape(value), json.dumps(value)[1:-1], value.replace("/", "\\/")}
        forms |= {quote(value, safe="", errors="replace"), quote(value, errors="replace")}
        if "://" in value:
            forms |= _parts_of_url(value)
    return tuple(sorted((form for form in forms if len(form) >= SHORTEST), key=lambda form: (-len(form), form)))


def _parts_of_url(value: str) -> set[str]:
    try:
        parts = urlsplit(value)
    except ValueError:  # A host in brackets that is none.
        return set()
    segments = {part for part in parts.path.split("/") if len(part) >= TELLING_SEGMENT}
    fields = {part for field in parts.query.split("&") for part in field.split("=", 1) if len(part) >= TELLING_SEGMENT}
    path = {parts.path, parts.path.strip("/")} if len(parts.path) > TELLING_SEGMENT else set()
    return segments | fields | path | {part for part in (parts.query, parts.username, parts.password) if part}


def redact(text: str | bytes, secrets: Iterable[str] = (), limit: int = DETAIL_CHARACTERS) -> str:
    """The text on one line with at most `limit` characters, without secrets, control characters or URLs' private parts.

    `secrets` are the values that must not be in it. Bytes are read as UTF-8; what isn't UTF-8 becomes U+FFFD.
    """
    if isinstance(text, bytes):
        text = text[: 4 * WINDOW_CHARACTERS].decode("utf-8", "replace")
    forms = secret_forms(secrets)
    # The window is cut through a secret at most at its end, where a start of one is masked as well.
    window = text[: WINDOW_CHARACTERS + (len(forms[0]) if forms else 0)]
    for form in forms:
        window = window.replace(form, MASK)
    if len(text) > WINDOW_CHARACTERS:
        window = _without_started_secret(window, forms)
    window = UNWANTED.sub(" ", window)
    window = URL.sub(_bare_url, window)
    for pattern, mask in PATTERNS:
        window = pattern.sub(mask, window)
    window = " ".join(window.split())
    return window if len(window) <= limit else window[: limit - 1] + "…"


def _without_started_secret(text: str, forms: tuple[str, ...]) -> str:
    for form in forms:
        for length in range(min(len(form) - 1, len(text)), SHORTEST - 1, -1):
            if text.endswith(form[:length]):
                return text[:-length] + MASK
    return text


def _bare_url(found: re.Match[str]) -> str:
    rest = found[2]
    place = re.split(r"[?#]", rest, maxsplit=1)
    host, slash, path = place[0].partition("/")
    user, at, server = host.rpartition("@")
    shown = (MASK + at if user else "") + server + slash + path
    return found[1] + shown + (f"?{MASK}" if len(place) > 1 else "")
