"""Diagnostics for people: the line, a caret under the place, and what to do about it."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from rules_gen.diagnostics import Diagnostic, Level, Span
from rules_gen.report.untrusted import visible, visible_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

# Wider than most terminals are; a generated line can have megabytes.
_WIDEST = 160
_LEAD = 60

RED, YELLOW, BLUE, GREEN, BOLD = "31;1", "33;1", "34;1", "32", "1"


def render_text(diagnostics: Sequence[Diagnostic], *, color: bool = False) -> str:
    """Each diagnostic as a paragraph, then how many there are of each level."""
    if not diagnostics:
        return ""
    paint = Paint(on=color)
    paragraphs = [_paragraph(diagnostic, paint) for diagnostic in diagnostics]
    return "\n\n".join([*paragraphs, _summary(diagnostics)]) + "\n"


class Paint:
    """Colours, where they are wanted."""

    def __init__(self, *, on: bool) -> None:
        self._on = on

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._on and style and text else text


def _summary(diagnostics: Sequence[Diagnostic]) -> str:
    counts = [
        _count(sum(diagnostic.level is level for diagnostic in diagnostics), level.value)
        for level in (Level.ERROR, Level.WARNING)
    ]
    files = _count(len({diagnostic.span.file for diagnostic in diagnostics}), "file")
    return f"{', '.join(filter(None, counts))} in {files}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}" if number else ""


def _paragraph(diagnostic: Diagnostic, paint: Paint) -> str:
    spans = [diagnostic.span, *(span for _, span in diagnostic.related)]
    gutter = max(len(str(span.line)) for span in spans)
    style = RED if diagnostic.level is Level.ERROR else YELLOW
    label = paint(style, f"{diagnostic.level.value}[{visible(diagnostic.check)}]")
    lines = _headed(f"{paint(BOLD, _where(diagnostic.span))} {label}: ", diagnostic.message)
    lines += _source(diagnostic.span, gutter, paint, style)
    for word, span in diagnostic.related:
        lines += _headed(f"{paint(BOLD, _where(span))} {paint(BLUE, 'note')}: ", word)
        lines += _source(span, gutter, paint, BLUE)
    if diagnostic.suggestion:
        lines += _headed(f"  {paint(GREEN, 'help')}: ", diagnostic.suggestion)
    lines.append(f"  see docs/checks/{visible(diagnostic.check)}.md")
    return "\n".join(lines)


def _where(span: Span) -> str:
    file = visible(span.file)
    # A line that starts so would be a GitHub workflow command.
    file = f"./{file}" if file.lstrip().startswith("::") else file
    return f"{file}:{span.line}:{span.column}:"


def _headed(head: str, message: str) -> list[str]:
    """A message behind its head. Its further lines are marked, so that none can pass for a head or for a
    command of the system that runs the build.
    """
    first, *others = visible_lines(message)
    return [f"{head}{first}", *(f"  | {line}".rstrip() for line in others)]


def _source(span: Span, gutter: int, paint: Paint, style: str) -> list[str]:
    """The source line and the caret line; nothing where the line isn't known."""
    if not span.source:
        return []
    line, column, more_before, more_behind = _crop(span.source, span.column)
    before = line[: column - 1]
    marked = line[column - 1 : column - 1 + span.length]
    number = f"  {span.line:>{gutter}} | "
    empty = f"  {'':>{gutter}} | "
    shown = f"{'…' if more_before else ''}{visible(line)}{'…' if more_behind else ''}"
    room = (" " if more_before else "") + _room(before)
    return [paint(BLUE, number) + shown, paint(BLUE, empty) + room + paint(style, _mark(marked))]


def _crop(line: str, column: int) -> tuple[str, int, bool, bool]:
    """The part of a long line around a column, that column in it, and whether text around it is cut."""
    if len(line) <= _WIDEST:
        return line, column, False, False
    start = min(max(column - 1 - _LEAD, 0), max(len(line) - _WIDEST, 0))
    return line[start : start + _WIDEST], column - start, start > 0, start + _WIDEST < len(line)


def _room(before: str) -> str:
    """White space as wide as this text is shown. A tab is as wide as a tab in the same place."""
    return "".join("\t" if character == "\t" else " " * _width(character) for character in before)


def _mark(marked: str) -> str:
    """A caret and a tail under this text."""
    if not marked:
        return "^"
    tail = "".join("\t" if character == "\t" else "~" * _width(character) for character in marked[1:])
    first = "\t" if marked[0] == "\t" and tail else "~" * (_width(marked[0]) - 1)
    return ("^" + first + tail).rstrip("\t")


def _width(character: str) -> int:
    """How many columns a terminal gives to a character (Unicode Standard Annex 11)."""
    shown = visible(character)
    if len(shown) > 1:
        return len(shown)
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
