"""What the terminal at the other end can show."""

from __future__ import annotations

from typing import Any


def has_colour(stream: Any) -> bool:  # noqa: ANN401
    """Whether it is a terminal that wants colours."""
    import os

    return bool(stream.isatty()) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def can_show(stream: Any, text: str) -> bool:  # noqa: ANN401
    """Whether its encoding has these characters."""
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
