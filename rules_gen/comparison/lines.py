"""Two texts as a difference of lines."""

from __future__ import annotations

from difflib import ndiff

_MOST = 200
"""More lines than this aren't compared line by line, which takes their product."""

_MOST_WITH_CONTEXT = 12
"""Of a longer difference only the lines that differ are shown."""


def line_difference(before: str | None, after: str | None) -> list[str]:
    """Each line with `- `, `+ ` or two blanks before it; blank lines and indentation at the end are left out."""
    old, new = ([line.rstrip() for line in (text or "").splitlines() if line.strip()] for text in (before, after))
    if len(old) + len(new) > _MOST:
        return [*(f"- {line}" for line in old), *(f"+ {line}" for line in new)]
    lines = [line for line in ndiff(old, new) if not line.startswith("?")]
    return lines if len(lines) <= _MOST_WITH_CONTEXT else [line for line in lines if not line.startswith(" ")]
