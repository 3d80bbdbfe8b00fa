"""Diagnostics as JUnit XML: a case for each, that fails if it is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules_gen.diagnostics import Level
from rules_gen.emit.junit import Case, Suite, emit_junit
from rules_gen.report.untrusted import visible, visible_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rules_gen.diagnostics import Diagnostic


def render_junit(diagnostics: Sequence[Diagnostic]) -> str:
    """The document. It always has a case, since some CI systems take a report without any for a mistake."""
    return emit_junit("rules-gen", [diagnostics_suite(diagnostics)])


def diagnostics_suite(diagnostics: Sequence[Diagnostic]) -> Suite:
    """The diagnostics as cases; one that passes when there is none."""
    cases = [_case(diagnostic) for diagnostic in diagnostics]
    return Suite("definitions", cases or [Case("definitions", "no mistake was found")])


def _case(diagnostic: Diagnostic) -> Case:
    span = diagnostic.span
    lines = visible_lines(diagnostic.message)
    lines.append(f"{visible(span.file)}:{span.line}:{span.column}")
    lines += [f"{visible(at.file)}:{at.line}:{at.column}: {visible(word)}" for word, at in diagnostic.related]
    if diagnostic.suggestion:
        lines += [f"help: {line}" for line in visible_lines(diagnostic.suggestion)]
    lines.append(f"see docs/checks/{visible(diagnostic.check)}.md")
    text = "\n".join(lines)
    failed = diagnostic.level is Level.ERROR
    return Case(
        classname=visible(span.file),
        name=f"{visible(diagnostic.check)} {span.line}:{span.column}",
        failure=text if failed else None,
        output=None if failed else f"warning: {text}",
    )
