"""Other people's text, made fit for a message: cleaned, cut, and told in units that people read. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import quote, urlsplit

from router.model import DAY, HOUR, MINUTE, SECOND, Micros

LINE_CHARACTERS = 1_000
"""What one line may hold unless its caller says otherwise."""
URL_CHARACTERS = 2_000
"""Slack allows 3,000 in a button's address; browsers and mail programs grow unreliable beyond about 2,000."""

LINE_BREAKS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Control characters, lone surrogates (which no encoder takes), and the characters that reverse a line's direction, with
# which a label could make a link's text read as another address.
UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
BLANKS = re.compile(r"\s+")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
URL_SAFE = "%/:=&?~#+!$,;@()*[]-._"


@lru_cache(maxsize=1_024)
def safe_url(text: str) -> str:
    """The address when it is http or https, with a host and without a user name; otherwise empty.

    A user name is refused since `https://bank.example@evil.example` reads as another address than it is. What has a
    meaning in HTML or in Slack's markup is percent-encoded.
    """
    text = text.strip()
    if not text or len(text) > URL_CHARACTERS or BLANKS.search(text) or UNWANTED.search(text):
        return ""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:  # A host or a port that is none.
        return ""
    url = quote(text, safe=URL_SAFE)
    return url if usable and len(url) <= URL_CHARACTERS else ""


def clean(text: str, limit: int) -> str:
    """The text without control characters, its lines kept, with at most `limit` characters."""
    # Cut before and after: what is removed may be most of a very long text, which would take long to look at.
    text = LINE_BREAKS.sub("\n", text[: 4 * limit]).replace("\t", " ")
    return cut(UNWANTED.sub("", text).strip(), limit)


def one_line(text: str, limit: int = LINE_CHARACTERS) -> str:
    """The text on one line, without control characters, with at most `limit` characters."""
    if len(text) <= limit and text.isascii() and text.isprintable() and "  " not in text:
        # Most names and values are like that already.
        return text.strip()
    text = LINE_BREAKS.sub(" ", text[: 4 * limit])
    return cut(UNWANTED.sub("", BLANKS.sub(" ", text)).strip(), limit)


def cut(text: str, limit: int) -> str:
    """The text with at most `limit` characters; what is cut ends in `…`."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def percent_encoded(text: str) -> str:
    """The text as a part of an address, everything but letters and digits encoded."""
    return quote(text, safe="", errors="replace")


def humanize(duration: Micros) -> str:
    """A duration in its two largest units: `45 s`, `25 min`, `1 h 5 min`, `2 d 3 h`. Below a second: `0 s`."""
    duration = max(0, duration)
    days, hours = duration // DAY, duration % DAY // HOUR
    minutes, seconds = duration % HOUR // MINUTE, duration % MINUTE // SECOND
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((place for place, (count, _) in enumerate(units) if count), 3)
    # Seconds beside minutes would be precision that nobody needs.
    kept = units[first : first + 2] if first < 2 else units[first : first + 1]
    return " ".join(f"{count} {unit}" for place, (count, unit) in enumerate(kept) if count or not place)


def clock(at: Micros) -> str:
    """The time of day, `02:10`, in UTC."""
    return moment(at).strftime("%H:%M")


def date_and_time(at: Micros) -> str:
    """`2026-03-01 02:10 UTC`."""
    day = moment(at)
    return f"{day.year:04}-{day:%m-%d %H:%M} UTC"


def moment(at: Micros) -> datetime:
    """The time as a datetime in UTC; what lies outside the years 1 to 9999 becomes their nearest end."""
    try:
        return EPOCH + timedelta(microseconds=at)
    except OverflowError:
        return LAST if at > 0 else FIRST
