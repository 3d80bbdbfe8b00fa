"""Text and JSON as the databases can hold them. Pure: what is read equals what was saved, whatever it contains.

PostgreSQL's TEXT can't hold NUL, and neither database can hold half a surrogate pair. Both can come from outside, in a
label for example. So free text that has one is stored as a mark followed by Python's escapes; JSON has its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

_MARK = "\x01"


def text(value: str) -> str:
    """Free text as it is stored. Keys are compared in this form."""
    if value.isascii():
        if "\0" not in value and not value.startswith(_MARK):
            return value
    elif "\0" not in value and not value.startswith(_MARK):
        try:
            value.encode()
        except UnicodeEncodeError:
            pass
        else:
            return value
    return _MARK + value.encode("unicode_escape").decode()


def free(stored: str) -> str:
    """Free text as it was."""
    if stored.startswith(_MARK):
        return stored[1:].encode().decode("unicode_escape")
    return stored


def to_json(value: object) -> str:
    """A JSON column. Escapes what the databases can't hold. (Both halves of a surrogate pair, one after the other as
    two characters, come back as the character that they mean. No JSON reader makes such text.)
    """
    try:
        return orjson.dumps(value, default=_plain).decode()
    except TypeError:
        # It has half a surrogate pair, which orjson refuses to write.
        return json.dumps(value, default=_plain)


def of_json(stored: str) -> Any:  # noqa: ANN401  (JSON is what it is)
    """What a JSON column says."""
    try:
        return orjson.loads(stored)
    except orjson.JSONDecodeError:
        return json.loads(stored)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} can't be kept as JSON")
