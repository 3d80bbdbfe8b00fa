"""Text as Slack takes it: escaped, counted and cut. Pure.

The figures are Slack's (docs.slack.dev: Block Kit reference, chat.postMessage). It doesn't say how it counts a
character; so what is escaped counts with its escapes, and what lies beyond U+FFFF counts twice, as in UTF-16.
"""

from __future__ import annotations

from router.messages.text import UNWANTED, date_and_time
from router.model import SECOND, Micros

HEADER_CHARACTERS = 150
SECTION_CHARACTERS = 3_000
FIELD_CHARACTERS = 2_000
BUTTON_CHARACTERS = 75
URL_CHARACTERS = 3_000
TEXT_CHARACTERS = 4_000
"""Beyond this Slack advises against a message's text; beyond 40,000 it cuts it."""
BLOCKS = 50
FIELDS = 10
MESSAGE_CHARACTERS = 13_200
"""What all blocks of a message may hold together, as their JSON. Slack documents no such limit and answers
msg_blocks_too_long; people measured 13,172 to 13,297 (github.com/slackapi/bolt-js/issues/2509)."""

ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_TABLE = str.maketrans(ESCAPES)


def escape(text: str) -> str:
    """The text with Slack's three control characters made inert: without `<` nobody can be mentioned."""
    return UNWANTED.sub("\N{REPLACEMENT CHARACTER}", text).translate(_TABLE)


def length(text: str) -> int:
    """The text's length in UTF-16 code units, the longest count that any of Slack's clients could use."""
    return len(text) + sum(character > "\uffff" for character in text)


def fit(text: str, limit: int) -> str:
    """The text, escaped, with at most `limit` characters as `length` counts them.

    What is cut ends in `…`; it is cut between characters, never inside an escape.
    """
    if len(text) <= limit:
        escaped = escape(text)
        if length(escaped) <= limit:
            return escaped
    kept: list[str] = []
    room = limit - 1
    for character in text[:limit]:
        piece = escape(character)
        room -= length(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + "…"


def one_line(text: str, limit: int) -> str:
    """As `fit`, on one line."""
    # Cut before as well: of a very long text most would be looked at for nothing.
    return fit(" ".join(text[: 4 * limit].split()), limit)


def date(at: Micros) -> str:
    """A time that each reader sees in their own time zone; notifications and old clients show it in UTC.

    `<!date^…>` is the only markup in angle brackets that Slack gets from us, and it mentions nobody.
    """
    if at < SECOND:  # A time before 1970 is nobody's time; Slack refuses it.
        return date_and_time(at)
    return f"<!date^{at // SECOND}^{{date_short_pretty}} {{time}}|{date_and_time(at)}>"
