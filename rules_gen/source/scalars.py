"""From an offset in a scalar's value back to the place in the text where that character was typed.

A value is what is left after indentation, folding, quotes and escapes have been taken away (YAML 1.2,
chapters 7.3 and 8.1). The functions here take the same steps and remember where each character came from.
The result is compared with the YAML parser's value; where the two differ, the place isn't known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rules_gen.source.nodes import Node

_BREAK = re.compile(r"\r\n|\r|\n")
_BLANKS = re.compile(r"[ \t]*")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s*(?:#.*\n\s*)*)*")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)

# YAML 1.2, chapter 5.7.
_ESCAPED = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r",
    "e": "\x1b", " ": " ", '"': '"', "/": "/",
    "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip


@dataclass(slots=True)
class Origins:
    """Where each character of a value begins and ends in the text."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    characters: list[str] = field(default_factory=list)

    def add(self, character: str, start: int, end: int) -> None:
        """The next character of the value, and where it was typed."""
        self.characters.append(character)
        self.starts.append(start)
        self.ends.append(end)


def content_start(text: str, node: Node) -> int:
    """Where the node itself begins, behind its tag and anchor."""
    found = _PROPERTIES.match(text, node.start)
    return min(found.end(), node.end) if found else node.start


def origins(text: str, node: Node) -> Origins | None:
    """Where the characters of this scalar were typed; None when that can't be told.

    `text` must be the text that the tree was read from, with the characters replaced that PyYAML can't take.
    """
    start = content_start(text, node)
    if node.style in {"|", ">"}:
        found = _block(text, start, node.text, folded=node.style == ">")
    elif node.style == "'":
        found = _flow(text, start + 1, node.end - 1, "'")
    elif node.style == '"':
        found = _flow(text, start + 1, node.end - 1, '"')
    else:
        found = _flow(text, start, node.end, "")
    if found is None or not "".join(found.characters).startswith(node.text):
        return None
    count = len(node.text)
    del found.characters[count:], found.starts[count:], found.ends[count:]
    return found


def _block_indentation(text: str, start: int, value: str) -> int | None:
    """How many spaces the parser took off each line: what the first line that says anything has lost."""
    typed = re.compile(r"^( *)(?=[^ \r\n])", re.MULTILINE).search(text, start)
    kept = re.compile(r"^( *)(?=[^ \n])", re.MULTILINE).search(value)
    if typed is None or kept is None:
        return None
    return len(typed.group(1)) - len(kept.group(1))


def _block(text: str, start: int, value: str, *, folded: bool) -> Origins | None:
    header = _BREAK.search(text, start)
    if header is None:
        return None
    indentation = _block_indentation(text, header.end(), value)
    if indentation is None or indentation < 0:
        return None
    found = Origins()
    position = header.end()
    # Breaks wait here until the next line decides whether they fold.
    waiting: list[tuple[int, int]] = []
    first, after_blank = True, False
    while position < len(text) and len(found.characters) < len(value):
        broken = _BREAK.search(text, position)
        stop, following = (broken.start(), broken.end()) if broken else (len(text), len(text))
        body = position + indentation
        if body >= stop and not text[position:stop].strip(" "):
            waiting.append((stop, following))
            position = following
            continue
        if text[position:body].strip(" "):
            break
        blank = text[body] in " \t"
        if folded and not first and not blank and not after_blank:
            _fold(found, waiting)
        else:
            for place in waiting:
                found.add("\n", *place)
        for index in range(body, stop):
            found.add(text[index], index, index + 1)
        waiting = [(stop, following)]
        first, after_blank = False, blank
        position = following
    for place in waiting:
        found.add("\n", *place)
    return found


def _fold(found: Origins, breaks: list[tuple[int, int]]) -> None:
    """One break becomes a space; of several the first goes and the others stay."""
    if len(breaks) == 1:
        found.add(" ", *breaks[0])
    for place in breaks[1:]:
        found.add("\n", *place)


def _flow(text: str, start: int, end: int, quote: str) -> Origins | None:
    """A plain or quoted scalar between two indexes, without its quotes."""
    found = Origins()
    position = start
    while position < end:
        character = text[position]
        if character in " \t\r\n":
            position = _white_space(text, position, end, found, joined=False)
        elif quote == "'" and character == "'":
            found.add("'", position, position + 2)
            position += 2
        elif quote == '"' and character == "\\":
            if broken := _BREAK.match(text, position + 1):
                position = _white_space(text, broken.end(), end, found, joined=True)
                continue
            escape = _ESCAPE.match(text, position)
            meant = _meant(escape) if escape else None
            if escape is None or meant is None:
                return None
            found.add(meant, position, escape.end())
            position = escape.end()
        else:
            found.add(character, position, position + 1)
            position += 1
    return found


def _white_space(text: str, position: int, end: int, found: Origins, *, joined: bool) -> int:
    """Take white space, fold its breaks, and say where it ends. `joined`: an escaped break came before."""
    begin = position
    breaks: list[tuple[int, int]] = []
    while position < end:
        blanks = _BLANKS.match(text, position, end)
        position = blanks.end() if blanks else position
        broken = _BREAK.match(text, position, end)
        if broken is None:
            break
        breaks.append(broken.span())
        position = broken.end()
    if joined:
        for place in breaks:
            found.add("\n", *place)
    elif breaks:
        _fold(found, breaks)
    else:
        for index in range(begin, position):
            found.add(text[index], index, index + 1)
    return position


def _meant(escape: re.Match[str]) -> str | None:
    digits = escape[1] or escape[2] or escape[3]
    if digits is None:
        return _ESCAPED.get(escape[4])
    number = int(digits, 16)
    return chr(number) if number <= 0x10FFFF else None
