"""Splits the inside of one ``{{ action }}`` into tokens, as Go's ``text/template`` does."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from rules_gen.gotmpl.literals import bad_escape, bad_escape_error, char_problem, number_problem, resolved

KEYWORDS = frozenset({"block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"})

_TRIM_MARKERS = ("- ", "-\t", "-\r", "-\n")
# What may follow a name, a field or a variable without a space between.
_TERMINATOR = r"(?=[ \t\r\n.,|:)(]|\}\}|\Z)"
_TOKEN = re.compile(
    r"""
      (?P<close> (?:[ \t\r\n]-)?\}\} )
    | (?P<space> [ \t\r\n]+(?=[ \t\r\n]-\}\}) | [ \t\r\n]+ )
    | (?P<string> "(?:[^"\\\n]|\\[^\n])*" )
    | (?P<raw> `[^`]*` )
    | (?P<char> '(?:[^'\\\n]|\\[^\n])*' )
    | (?P<variable> \$\w* )
    | (?P<number>
          [+-]?[0-9][\w.]* (?:(?<=[eEpP])[+-][\w.]*)? (?:[+-][\w.+-]*)?
        | [+-][\w.]*
        | \.[0-9][\w.]* (?:(?<=[eE])[+-]\w*)? )
    | (?P<field> \.\w* )
    | (?P<name> \w+ )
    | (?P<declare> := )
    | (?P<assign> = )
    | (?P<pipe> \| )
    | (?P<open> \( )
    | (?P<shut> \) )
    """,
    re.VERBOSE,
)
_TERMINATED = re.compile(_TERMINATOR)
_NAMES = frozenset({"variable", "field", "name"})
_COMMENT = re.compile(r"\{\{(?:-[ \t\r\n])?/\*")
_COMMENT_CLOSE = re.compile(r"(?:[ \t\r\n]-)?\}\}")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an action: ``kind`` is a group of the lexer's expression, a keyword, bool, dot or other."""

    kind: str
    text: str
    offset: int

    @property
    def end(self) -> int:
        """Offset just after the token."""
        return self.offset + len(self.text)


class LexError(Exception):
    """The action can't be split further; the offset and length mark the place that is wrong."""

    def __init__(self, message: str, offset: int, length: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.length = length


def comment_end(text: str, offset: int) -> int | None:
    """Where the comment that opens at ``offset`` ends; None if an action opens there. Raises LexError."""
    opening = _COMMENT.match(text, offset)
    if not opening:
        return None
    stop = text.find("*/", opening.end())
    if stop < 0:
        raise LexError("the comment isn't closed with */}}", offset, opening.end() - offset)
    closing = _COMMENT_CLOSE.match(text, stop + 2)
    if not closing:
        raise LexError("a comment must end with */}}, nothing between", stop, 2)
    return closing.end()


def action_start(text: str, offset: int) -> int:
    """Where the inside of the action that opens at ``offset`` begins, after a trim marker."""
    inside = offset + 2
    trimmed = text.startswith(_TRIM_MARKERS, inside)
    return inside + 2 if trimmed else inside


def tokens(text: str, opening: int) -> Iterator[Token]:
    """The tokens of the action that opens at ``opening``, the last of kind ``close``. Raises LexError."""
    offset = action_start(text, opening)
    depth: list[int] = []
    while True:
        match = _TOKEN.match(text, offset)
        if not match:
            yield _other(text, offset, opening)
            offset += 1
            continue
        kind = match.lastgroup or ""
        value = match[0]
        if kind == "open":
            depth.append(offset)
        elif kind == "shut":
            if not depth:
                raise LexError("this ) closes nothing", offset, 1)
            depth.pop()
        elif kind == "close" and depth:
            raise LexError("this ( isn't closed", depth[-1], 1)
        elif kind in _NAMES:
            kind = _checked_name(text, kind, value, offset)
        elif kind in ("number", "char"):
            problem = number_problem(value) if kind == "number" else char_problem(value)
            if problem:
                raise LexError(problem, offset, len(value))
        elif kind == "string" and (bad := bad_escape(value, '"')):
            raise LexError(*bad_escape_error(bad, offset))
        yield Token(kind, value, offset)
        if kind == "close":
            return
        offset = match.end()


def _other(text: str, offset: int, opening: int) -> Token:
    """A character that opens no token: punctuation that the parser judges. Raises LexError for all else."""
    if offset >= len(text):
        raise LexError("the action isn't closed with }}", opening, 2)
    char = text[offset]
    if char == ":":
        raise LexError("a lone : means nothing here; declare a variable with :=", offset, 1)
    if char in "\"'`":
        line_end = text.find("\n", offset)
        length = (len(text) if line_end < 0 or char == "`" else line_end) - offset
        raise LexError(f"the text isn't closed with {char}", offset, length)
    if not (char.isascii() and char.isprintable()):
        raise LexError(f"the character {char!r} can't stand in an action", offset, 1)
    return Token("other", char, offset)


def _checked_name(text: str, kind: str, value: str, offset: int) -> str:
    """The kind of a name, variable or field that ends where it may. Raises LexError."""
    for index, char in enumerate(value) if not value.isascii() else ():
        # Python counts more characters as part of a word than Go does.
        if unicodedata.category(char) not in ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd") and char not in "_$.":
            raise LexError(f"the character {char!r} can't stand in a name", offset + index, 1)
    end = offset + len(value)
    if not _TERMINATED.match(text, end):
        raise LexError(f"the character {text[end]!r} can't follow {value}", end, 1)
    if kind == "field" and value == ".":
        return "dot"
    if kind == "name":
        if value in KEYWORDS:
            return value
        if value in ("true", "false"):
            return "bool"
    return kind


def unquoted(token: Token) -> str:
    """What a ``string`` or ``raw`` token stands for. Only the escapes that queries use are resolved."""
    inside = token.text[1:-1]
    if token.kind == "raw" or "\\" not in inside:
        return inside.replace("\r", "") if token.kind == "raw" else inside
    return resolved(inside)
