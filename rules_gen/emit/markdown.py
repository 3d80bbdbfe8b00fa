"""Markdown text (CommonMark with GitHub's tables) in which what people typed stays text."""

import re
from collections.abc import Iterable, Sequence

_ACTIVE = re.compile(r"[\\`*\[\]#|~!$]|(?<![^\W_])_|_(?![^\W_])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = re.compile(r"[&<>]")
# At the start of a line these open a list, a heading's underline or a table.
_LINE_OPENER = re.compile(r"\A(?:[-+=:]|[0-9]+(?=[.)]))")
# GitHub turns bare addresses into links.
_BARE_LINK = re.compile(r"(?<=:)//|(?<=www)\.", re.IGNORECASE)
_BACKTICKS = re.compile(r"`+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_NOT_IN_ANCHOR = re.compile(r"[^\w\- ]")
_NOT_IN_URL = re.compile(r"[ \"'()<>\[\]\\^`{|}*_]")
_CELL_PIPE = re.compile(r"\\.|\|")


def _backslash(match: re.Match[str]) -> str:
    return "".join("\\" + char for char in match[0])


def _single_line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def escape_inline(text: str) -> str:
    """Return ``text`` as one line of Markdown that shows it and formats nothing; blanks are collapsed."""
    line = _single_line(text)
    opener = _LINE_OPENER.match(line)
    start = ""
    if opener:
        start = opener[0]
        line = line[len(start) :]
        if start[0].isdigit():
            start += "\\" + line[0]
            line = line[1:]
        else:
            start = "\\" + start
    line = _ACTIVE.sub(_backslash, line)
    line = _BARE_LINK.sub(_backslash, line)
    return start + _MARKUP.sub(lambda match: _ENTITIES[match[0]], line)


def code_span(text: str) -> str:
    """Return ``text`` as inline code on one line; nothing for text without a visible character."""
    line = _single_line(text)
    if not line:
        return ""
    fence = "`" * _shortest_unused(line, 1)
    gap = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{gap}{line}{gap}{fence}"


def _shortest_unused(text: str, least: int) -> int:
    """Return a number of backticks, ``least`` or more, longer than every run of them in ``text``."""
    return max([least, *(len(run) + 1 for run in _BACKTICKS.findall(text))])


def fenced(text: str, lang: str = "") -> str:
    """Return ``text`` as a code block of ``lang``, ending with a newline; no line inside can close it."""
    body = text.replace("\r\n", "\n").replace("\r", "\n")
    if body and not body.endswith("\n"):
        body += "\n"
    fence = "`" * _shortest_unused(body, 3)
    info = "".join(char for char in lang if char.isalnum() or char in "+-_")
    return f"{fence}{info}\n{body}{fence}\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already (see `escape_inline`, `code_span`).

    The text ends with a newline. A bare ``|`` in a cell is escaped and a line break becomes a space. Raises
    ValueError for a row whose length isn't the header's.
    """
    lines = [_row(header), "|" + " --- |" * len(header)]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row of {len(row)} cells in a table of {len(header)} columns")
        lines.append(_row(row))
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(cell: str) -> str:
    line = _single_line(cell)
    # A lone backslash at the end would escape the cell's own border.
    if (len(line) - len(line.rstrip("\\"))) % 2:
        line += "\\"
    return _CELL_PIPE.sub(lambda match: "\\|" if match[0] == "|" else match[0], line)


def slug(text: str) -> str:
    """Return the anchor that GitHub gives a heading; the caller numbers a second one of the same text."""
    return _NOT_IN_ANCHOR.sub("", text.strip().lower()).replace(" ", "-")


def link(text: str, url: str) -> str:
    """Return a link for an http, https or relative ``url``, and the escaped ``text`` alone for any other.

    Both are as people typed them. An address relative to the protocol (``//host``) is refused with the rest,
    for it leaves the site.
    """
    shown = escape_inline(text)
    target = url.strip()
    scheme = _SCHEME.match(target)
    if scheme:
        allowed = target.lower().startswith(("http://", "https://"))
    else:
        allowed = not target.startswith(("//", "/\\", "\\"))
    if not shown or not target or not allowed or _CONTROL.search(target):
        return shown
    encoded = _NOT_IN_URL.sub(lambda match: f"%{ord(match[0]):02X}", target)
    return f"[{shown}]({encoded.replace('&', '&amp;')})"
