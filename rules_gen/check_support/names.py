"""Names in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(found: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, None where none is."""
    import difflib  # Imported here because only a mistake needs it.

    return next(iter(difflib.get_close_matches(found, sorted(known), n=1, cutoff=0.6)), None)


def listed(names: Iterable[str], last: str = "and") -> str:
    """The names in backticks: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"
