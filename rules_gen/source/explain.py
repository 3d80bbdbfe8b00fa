"""A YAML parser's complaint in the words of somebody who writes alert definitions."""

from __future__ import annotations

import re
from typing import NamedTuple

from rules_gen.diagnostics import Place, Problem

SYNTAX = "yaml-syntax"
_THRESHOLD = "threshold-unquoted"

_WORDS = {">": "above", ">=": "at least", "!=": "not"}

_VALUE = r"^(?P<lead>[ \t]*(?:-[ \t]+)*(?:[\w.$/-]+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*:[ \t]+|[ \t]*(?:-[ \t]+)+)"
THRESHOLD_SLIP = re.compile(
    r"^(?P<lead>[^#\n]*?(?<![\w-])threshold:[ \t]+)(?P<operator>>=|!=|>)(?P<rest>[^\n,}]*)", re.MULTILINE
)
TEMPLATE_SLIP = re.compile(_VALUE + r"(?P<value>\{\{[^\n]*)", re.MULTILINE)
_BLOCK_HEADER = re.compile(r"[>|][+-]?[1-9]?[+-]?[ \t]*(?:[ \t]#.*)?\r?$")

# Lines. A complaint may come long after what was left open, but a whole file isn't worth the search.
_FAR = 200

_Explained = tuple[Problem, "Repair | None"]


class ParseError(NamedTuple):
    """What the parser said. Line and column are 0 where it told none."""

    line: int
    column: int
    reason: str


class Repair(NamedTuple):
    """Characters to paint over so that the reading can go on."""

    start: int
    end: int
    paint: str


def sentence(reason: str) -> str:
    """The parser's own words, for what there is no better explanation of."""
    if reason.startswith("alias replay limit"):
        return "this file's aliases (`*name`) expand to too much"
    if reason.startswith("recursion limit"):
        return "this is nested too deeply"
    if reason.startswith("duplicate mapping key"):
        return reason.replace("mapping key:", "key").replace("'", "`")
    return "this isn't valid YAML: " + re.sub(r"^while [^,]*, ", "", reason)


class Reading:
    """One text in the course of being explained."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self._file = file
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def paint(self, repair: Repair) -> None:
        """Replace characters one for one."""
        self.text = self.text[: repair.start] + repair.paint + self.text[repair.end :]

    def _line(self, number: int) -> str:
        if not 1 <= number <= len(self._starts):
            return ""
        stop = self.text.find("\n", self._starts[number - 1])
        return self.text[self._starts[number - 1] : stop if stop >= 0 else len(self.text)].rstrip("\r")

    def _problem(self, start: int, length: int, message: str, suggestion: str | None, check: str = SYNTAX) -> Problem:
        line = self.text.count("\n", 0, start)
        place = Place(self._file, line=line + 1, column=start - self._starts[line] + 1, length=max(length, 1))
        return Problem(check, message, place, suggestion)

    def explain(self, error: ParseError) -> _Explained:
        """A problem in the author's words, and how to read on."""
        number = min(max(error.line, 1), len(self._starts))
        begin = self._starts[number - 1]
        line = self._line(number)
        known = self._known(error, number, begin, line)
        if known is not None:
            return known
        column = min(max(error.column, 1), len(line) + 1)
        return self._problem(begin + column - 1, 1, sentence(error.reason), None), None

    def _known(self, error: ParseError, number: int, begin: int, line: str) -> _Explained | None:
        slip = THRESHOLD_SLIP.match(self.text, begin)
        if slip and not _BLOCK_HEADER.match(self.text[slip.end("lead") : begin + len(line)]):
            return self.threshold(slip)
        for start in (begin, self._starts[number - 2] if number > 1 else begin):
            if slip := TEMPLATE_SLIP.match(self.text, start):
                return self.template(slip)
        return (
            self._tab(error, number, begin, line)
            or self._quote(error, number, begin, line)
            or self._bracket(error, number)
            or self._value(error, begin, line)
            or self._layout(error, number, begin, line)
        )

    def threshold(self, slip: re.Match[str]) -> _Explained:
        """`threshold: > 5%`: YAML reads the operator as an indicator of its own."""
        operator, rest = slip["operator"], slip["rest"]
        amount = re.split(r"\s#", rest, maxsplit=1)[0].strip()
        typed = (
            f"{operator}{rest}".rstrip() if not amount else (operator + re.split(r"\s#", rest, maxsplit=1)[0]).rstrip()
        )
        start = slip.end("lead")
        meaning = "the start of a block of text" if operator[0] == ">" else "a tag"
        message = f"YAML takes an unquoted `{operator}` for {meaning}, so this threshold isn't read as one"
        words = f"{_WORDS[operator]} {amount}".strip() if amount else f"{_WORDS[operator]} 5%"
        problem = self._problem(start, len(typed), message, f"write `threshold: {words}`", _THRESHOLD)
        return problem, Repair(start, start + len(typed), "x" * len(typed))

    def template(self, slip: re.Match[str]) -> _Explained:
        """A value that starts with `{{`: YAML reads a mapping."""
        value, start = slip["value"].rstrip(), slip.end("lead")
        lead = slip["lead"].strip()
        message = "YAML takes a value that starts with `{{` for a mapping, so a template there must be quoted"
        if '"' not in value and "\\" not in value:
            suggestion = f'quote it: `{lead} "{value}"`'
        elif "'" not in value:
            suggestion = f"quote it: `{lead} '{value}'`"
        else:
            suggestion = f"write `{lead} |` and put the text on the next line, indented"
        return self._problem(start, len(value), message, suggestion), Repair(
            start, start + len(value), "x" * len(value)
        )

    def second_document(self, start: int) -> Problem:
        """A line `---` with a document before it."""
        message = "a second document starts here, and a definition file holds one"
        return self._problem(start, 3, message, "put it in a file of its own, or remove the `---`")

    def _tab(self, error: ParseError, number: int, begin: int, line: str) -> _Explained | None:
        if "tab" not in error.reason and "valid YAML whitespace" not in error.reason:
            return None
        for where in (number, number + 1):
            text = self._line(where)
            indentation = text[: len(text) - len(text.lstrip())]
            if "\t" in indentation:
                start = self._starts[where - 1] + indentation.index("\t")
                count = indentation.count("\t")
                message = "a tab in the indentation: YAML indents with spaces only"
                return self._problem(start, count, message, "replace it with spaces"), None
        tab = line.find("\t", max(error.column - 2, 0))
        if tab < 0:
            return None
        message = "a tab where YAML wants a space"
        start = begin + tab
        return self._problem(start, 1, message, "replace it with a space"), Repair(start, start + 1, " ")

    def _quote(self, error: ParseError, number: int, begin: int, line: str) -> _Explained | None:
        reason = error.reason
        if "escape character" in reason:
            for bad in re.finditer(r"\\(.)", line):
                if bad.start() >= error.column - 1 and bad[1] not in '0abtnvfre "/\\N_LPxuU':
                    start = begin + bad.start()
                    message = f"in double quotes a backslash starts an escape, and `{bad[0]}` isn't one"
                    suggestion = f"use single quotes or a `|` block, or double it: `\\{bad[0]}`"
                    return self._problem(start, 2, message, suggestion), Repair(start, start + 1, "x")
            return None
        if "trailing content after" in reason:
            quote = '"' if "double" in reason else "'"
            opened = self._open_quote(number, quote)
            if opened is not None and opened < begin:
                message = f"this quote is closed only by the next `{quote}`, lines below"
                return self._problem(opened, 1, message, f"close it with `{quote}` on its own line"), None
            rest = len(line.rstrip()) - error.column + 1
            message = "there is text behind the closing quote"
            suggestion = "put the whole value in quotes, or use a `|` block"
            return self._problem(begin + error.column - 1, rest, message, suggestion), None
        if "quote" not in reason and "end of stream" not in reason:
            return None
        opened = self._open_quote(number, "\"'")
        if opened is None:
            return None
        quote = self.text[opened]
        return self._problem(opened, 1, f"this `{quote}` is never closed", f"close it with `{quote}`"), None

    def _open_quote(self, number: int, quotes: str) -> int | None:
        """The nearest quote, at this line or before, that opens a value and isn't closed in its own line."""
        for where in range(number, max(number - _FAR, 0), -1):
            line = self._line(where)
            for found in re.finditer(rf"(?:^[ \t]*(?:-[ \t]+)*|[:\[{{,][ \t]+)([{quotes}])", line):
                quote = found[1]
                body = line[found.end() :].replace("\\" + quote if quote == '"' else "''", "")
                if quote not in body:
                    return self._starts[where - 1] + found.start(1)
        return None

    def _bracket(self, error: ParseError, number: int) -> _Explained | None:
        reason = error.reason
        if reason.startswith("misplaced bracket"):
            start = self._starts[number - 1] + max(error.column - 1, 0)
            for back in range(start, max(start - 2, -1), -1):
                if self.text[back : back + 1] in {"]", "}"}:
                    bracket = self.text[back]
                    message = f"this `{bracket}` closes nothing"
                    return self._problem(back, 1, message, "remove it, or quote the value"), None
            return None
        told = ("unclosed bracket", "illegal placement", "did not find expected ','", "invalid indentation")
        if not reason.startswith(told) and "expected ','" not in reason:
            return None
        for where in range(number, max(number - _FAR, 0), -1):
            line = re.sub(
                r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|(?:^|\s)#.*",
                lambda m: "x" * len(m[0]),
                self._line(where),
            )
            opened: list[int] = []
            for index, character in enumerate(line):
                if character in "[{":
                    opened.append(index)
                elif character in "]}" and opened:
                    opened.pop()
            if opened:
                bracket = line[opened[-1]]
                closing = "]" if bracket == "[" else "}"
                message = f"this `{bracket}` is never closed"
                start = self._starts[where - 1] + opened[-1]
                return self._problem(start, 1, message, f"close it with `{closing}`"), None
        return None

    def _value(self, error: ParseError, begin: int, line: str) -> _Explained | None:
        """A value that should have been quoted."""
        reason, at = error.reason, max(error.column - 1, 0)
        start, rest = begin + at, line[at:].rstrip()
        if unexpected := re.match(r"unexpected character: `(.)'", reason):
            what = "a backtick" if unexpected[1] == "`" else f"`{unexpected[1]}`"
            message = f"a value can't start with {what} unless it is quoted"
            paint = Repair(start, start + 1, "x") if self.text[start : start + 1] == unexpected[1] else None
            return self._problem(start, len(rest), message, _quoted(rest)), paint
        if "unknown anchor" in reason or "anchor or alias" in reason:
            name = re.match(r"\S*", rest)
            if rest.startswith("&"):
                message = "YAML takes an unquoted `&` for the name of an anchor"
            else:
                message = f"`{name[0] if name else rest}` refers to an anchor (`&name`) that isn't there"
            suggestion = _quoted(rest) + ", if it is meant as text" if rest else None
            return self._problem(start, len(rest), message, suggestion), Repair(start, start + 1, "x")
        if "comment or line break" in reason:
            message = f"behind `{rest[:1]}` the text must start on the next line"
            suggestion = "break the line there and indent the text, or quote the value"
            return self._problem(start, len(rest), message, suggestion), Repair(start, start + 1, "x")
        if reason.startswith("mapping values are not allowed"):
            first = re.search(r":(?=\s|$)", line)
            if first and first.start() < at and line[at : at + 1] == ":":
                value = line[first.end() :].strip()
                message = "a second `: ` in one line: YAML takes it for another key"
                problem = self._problem(start, 1, message, _quoted(value))
                return problem, Repair(start, start + 1, "x")
        return None

    def _layout(self, error: ParseError, number: int, begin: int, line: str) -> _Explained | None:
        """Indentation, and lines that are neither a key nor an item."""
        reason = error.reason
        indent = len(line) - len(line.lstrip())
        rest = len(line.rstrip()) - indent
        if reason.startswith("mapping values are not allowed"):
            message = "this line is indented deeper than the line above it allows"
            return self._problem(begin + indent, rest, message, "align it with the other keys"), None
        if reason.startswith("simple key expect"):
            # It is noticed at the line behind, which may be the end of the text.
            behind = error.line if line.strip() else number
            above = next((n for n in range(behind - 1, 0, -1) if self._line(n).strip()), number)
            text = self._line(above)
            indent = len(text) - len(text.lstrip())
            start, length = self._starts[above - 1] + indent, len(text.strip())
            if tight := re.match(r"\s*(?:- +)*([\w.-]+):(\S.*)", text):
                message = "there must be a space behind the colon"
                return self._problem(start, length, message, f"write `{tight[1]}: {tight[2].rstrip()}`"), None
            return self._problem(start, length, "this line is neither a `key: value` nor a `- item`", None), None
        if "block sequence entries are not allowed" in reason:
            message = "a list can't start in the line of its key"
            return self._problem(
                begin + max(error.column - 1, 0), 1, message, "put each `- item` on a line of its own"
            ), None
        if "did not find expected" in reason and rest:
            message = "this line's indentation matches nothing above it"
            return self._problem(
                begin + indent, rest, message, "align it with the keys or items that it belongs to"
            ), None
        return None


def _quoted(value: str) -> str:
    """How to write this value instead."""
    if "'" not in value:
        return f"quote it: `'{value}'`"
    if '"' not in value and "\\" not in value:
        return f'quote it: `"{value}"`'
    return "write it as a `|` block"
