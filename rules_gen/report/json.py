"""Diagnostics for programs: a JSON list, one object each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rules_gen.diagnostics import Diagnostic, Span


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    """Every field of every diagnostic. Lines and columns count from 1, `end_column` is the first one behind.

    Written in ASCII, so that the text of a definition can't act on a terminal that shows it.
    """
    listed = [diagnostic_data(diagnostic) for diagnostic in diagnostics]
    return json.dumps(listed, indent=2, ensure_ascii=True) + "\n"


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, Any]:
    """Every field of a diagnostic as plain data."""
    return {
        "check": diagnostic.check,
        "level": diagnostic.level.value,
        "message": diagnostic.message,
        "suggestion": diagnostic.suggestion,
        "help": f"docs/checks/{diagnostic.check}.md",
        **_place(diagnostic.span),
        "related": [{"message": word, **_place(span)} for word, span in diagnostic.related],
    }


def _place(span: Span) -> dict[str, str | int]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_column": span.column + span.length,
        "source": span.source,
    }
