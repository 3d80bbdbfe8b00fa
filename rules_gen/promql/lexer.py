"""Tokens of a PromQL expression, with their places.

Only errors and a few rare spellings need tokens; the ordinary path of `analyse` never comes here.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import cache
from typing import Final, NamedTuple

from rules_gen.promql.durations import parse_duration
from rules_gen.promql.errors import PromqlError


class Kind(Enum):
    """What a token is. Keywords are names: which of them is meant depends on where they stand."""

    NAME = "name"
    NUMBER = "number"
    DURATION = "duration"
    STRING = "string"
    OPERATOR = "operator"
    BRACKET = "bracket"
    COMMA = "comma"
    COLON = "colon"
    COMMENT = "comment"


class Token(NamedTuple):
    """`text[start:end]` of the expression, offsets in characters."""

    kind: Kind
    text: str
    start: int
    end: int


_CODE: Final = r"""
    (?P<space>[ \t\r\n]+)
  | (?P<comment>\#[^\n]*)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
  | (?P<duration>(?:[0-9]+(?:ms|[smhdwy]))+(?![A-Za-z0-9_.]))
  | (?P<number>(?:0[xX][0-9a-fA-F_]+|(?:DIGITS(?:\.(?:DIGITS)?)?|\.DIGITS)(?:[eE][+-]?DIGITS)?)
      (?![A-Za-z0-9_.]))
  | (?P<name>NAME)
  | (?P<operator>==|!=|=~|!~|<=|>=|</|>/|[-+*/%^=<>@])
  | (?P<bracket>[()\[\]{}])
  | (?P<comma>,)
  | (?P<colon>:)
"""
_DIGITS: Final = "[0-9](?:_?[0-9])*"
# A colon belongs to a metric's name, but separates range and step between brackets, and is no part of a
# label.
_NAME_OUTSIDE: Final = "[A-Za-z_:][A-Za-z0-9_:]*"
_NAME_INSIDE: Final = "[A-Za-z_][A-Za-z0-9_]*"
_WORD: Final = re.compile(r"[A-Za-z0-9_.]+")
_KINDS: Final = {kind.value: kind for kind in Kind}


@cache
def _tokens(name: str) -> re.Pattern[str]:
    """Compiled at first use: it takes milliseconds, and most runs need no token."""
    return re.compile(_CODE.replace("DIGITS", _DIGITS).replace("NAME", name), re.VERBOSE)


def tokenize(text: str) -> list[Token] | PromqlError:
    """The tokens of an expression, comments among them, or the first character that can't start one."""
    tokens: list[Token] = []
    position, nested, length = 0, 0, len(text)
    while position < length:
        match = _tokens(_NAME_INSIDE if nested else _NAME_OUTSIDE).match(text, position)
        if match is None:
            return _refuse(text, position)
        end = match.end()
        group = str(match.lastgroup)
        if group != "space":
            token = Token(_KINDS[group], match.group(), position, end)
            tokens.append(token)
            if token.text in "[{":
                nested += 1
            elif token.text in "]}" and nested:
                nested -= 1
            elif group == "duration" and parse_duration(token.text) is None:
                return PromqlError(
                    position,
                    end - position,
                    f"`{token.text}` is not a duration",
                    "write the units from large to small, each once, as in `1h30m`",
                )
        position = end
    return tokens


def _refuse(text: str, position: int) -> PromqlError:
    """Say why no token starts at this place."""
    character = text[position]
    if character in "\"'`":
        return PromqlError(position, 1, f"the string that starts with {character} here is never closed")
    if character.isascii() and (character.isdigit() or character == "."):
        word = _WORD.match(text, position)
        length = len(word.group()) if word else 1
        return PromqlError(position, length, f"`{text[position : position + length]}` is not a number or a duration")
    if character == "!":
        return PromqlError(position, 1, "`!` stands alone", "write `!=` or `!~`")
    suggestion = {"&": "write `and`", "|": "write `or`", "$": "template variables work in annotations only"}
    return PromqlError(position, 1, f"unexpected character {character!r}", suggestion.get(character))


def unquote(text: str) -> str | None:
    r"""The value of a string token, or None where Go would refuse an escape in it.

    A backtick string has no escapes. The others know those of Go: octal, `\x`, `\u`, `\U` and the letters.
    """
    quote, body = text[0], text[1:-1]
    if quote == "`":
        return body
    if "\\" not in body:
        return body
    parts: list[str] = []
    end = 0
    for match in _ESCAPE.finditer(body):
        parts.append(body[end : match.start()])
        end = match.end()
        value = _unescape(match.group()[1:], quote)
        if value is None:
            return None
        parts.append(value)
    parts.append(body[end:])
    return "".join(parts)


_ESCAPE: Final = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_LETTERS: Final = dict(zip("abfnrtv\\", "\a\b\f\n\r\t\v\\", strict=True))


def _unescape(escape: str, quote: str) -> str | None:
    """The character that an escape, given without its backslash, stands for."""
    if escape == quote:
        return quote
    if escape in _LETTERS:
        return _LETTERS[escape]
    if len(escape) == 1:
        return None
    code = int(escape, 8) if escape[0] in "01234567" else int(escape[1:], 16)
    # Octal and \x escapes are bytes of UTF-8 in Go. A lone byte above ASCII has no character of its own here.
    limit = 0xFF if escape[0] in "01234567x" else 0x10FFFF
    if code > limit or 0xD800 <= code < 0xE000:
        return None
    return chr(code)


def quoted(value: str) -> str:
    """A value as a double-quoted string that every Prometheus reads back as that value."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
