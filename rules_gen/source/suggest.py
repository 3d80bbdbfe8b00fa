"""Did you mean ...?"""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(found: str, known: Iterable[str]) -> str | None:
    """A suggestion for a misspelt name: the nearest known one, or all of them where they are few."""
    import difflib  # Imported here because only a mistake needs it.

    options = sorted(known)
    near = difflib.get_close_matches(found, options, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known here: {', '.join(options)}" if 0 < len(options) <= 12 else None
