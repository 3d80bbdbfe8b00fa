"""A picture as a committed file: a recording, found again by the key of all that it shows.

The first line says that the file was generated. The second has the key, and a digest of the drawing below, so that one
which somebody has edited is drawn anew.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from rules_gen.target_support.prose import comment_header

FORMAT = "2"
"""The version of what pictures show and how they look; a new one draws every picture anew."""

_DASHES = re.compile("-(?=-)")
_SECOND_LINE = re.compile(r"<!-- picture ([0-9a-f]+) ([0-9a-f]+) -->")
_DESCRIPTION = re.compile(r"<desc[^>]*>([^<]*)</desc>")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def picture_file(source: str, key: str, drawing: str) -> bytes:
    """The file with this drawing; `source` is the definition that it was made from."""
    # A comment in XML must not contain two dashes.
    header = comment_header(_DASHES.sub("- ", source))
    return f"{header}<!-- picture {key} {_digest(drawing)} -->\n{drawing}".encode()


def recalled(committed: bytes, key: str) -> str | None:
    """The drawing in a committed file; None when it shows something else or isn't as it was drawn."""
    try:
        _, second, drawing = committed.decode().split("\n", 2)
    except ValueError:  # Not three lines, or not UTF-8.
        return None
    match = _SECOND_LINE.fullmatch(second)
    return drawing if match and match[1] == key and match[2] == _digest(drawing) else None


def description(drawing: str) -> str:
    """What a drawing says of itself in words; nothing when it doesn't."""
    match = _DESCRIPTION.search(drawing)
    text = match[1] if match else ""
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return text


def _digest(drawing: str) -> str:
    return blake2b(drawing.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
