"""Diagnostics as GitHub workflow commands, which show them in the diff of a pull request.

A command is one line, `::error file=F,line=L,...::message`; percent signs and line ends are escaped in all
of it, colons and commas in the properties too (GitHub's documentation of workflow commands).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules_gen.diagnostics import Level
from rules_gen.report.untrusted import visible, visible_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rules_gen.diagnostics import Diagnostic


def render_github(diagnostics: Sequence[Diagnostic]) -> str:
    """One workflow command for each diagnostic."""
    return "".join(f"{_command(diagnostic)}\n" for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    properties = {
        "file": visible(span.file),
        "line": str(span.line),
        "endLine": str(span.line),
        "col": str(span.column),
        "endColumn": str(span.column + span.length),
        "title": visible(diagnostic.check),
    }
    lines = visible_lines(diagnostic.message)
    for word, where in diagnostic.related:
        lines.append(f"{visible(where.file)}:{where.line}:{where.column}: {visible(word)}")
    if diagnostic.suggestion:
        lines.append("help: " + "\n".join(visible_lines(diagnostic.suggestion)))
    lines.append(f"see docs/checks/{visible(diagnostic.check)}.md")
    name = "error" if diagnostic.level is Level.ERROR else "warning"
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {listed}::{_data(chr(10).join(lines))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
