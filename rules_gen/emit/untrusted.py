"""Other people's text, made safe to show."""

from __future__ import annotations

import re

# C0, DEL and C1 move the cursor, ring and recolour; bidirectional controls and the like show a line in
# another order than it is read; line and paragraph separators break lines in some viewers. A lone surrogate
# can't be written at all.
_UNSAFE = re.compile(
    "[\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""The text with each character that could act on a terminal as an escape, such as \x1b. Tabs stay."""
    return _UNSAFE.sub(lambda found: _escape(found[0]), text)


def visible_lines(text: str) -> list[str]:
    """The same for a message, whose line breaks are its author's."""
    return [visible(line.removesuffix("\r")) for line in text.split("\n")]


def _escape(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r"}.get(character)
    number = ord(character)
    return named or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


# GitHub makes a mention of @name and a reference of #1 and GH-1, whatever is escaped; an unseen joiner ends that.
_REFERENCE = re.compile(r"@|#(?=[0-9])|(?<=[Gg][Hh])-(?=[0-9])")


def unreferenced(text: str) -> str:
    """The text with nothing in it that GitHub would take for a mention of somebody or a reference to something."""
    return _REFERENCE.sub(lambda found: found[0] + "\u2060", text)
