"""Tokens read one by one, and the mistakes found on the way: the base of the grammar."""

from __future__ import annotations

import math
from typing import Final, NamedTuple, NoReturn

from rules_gen.promql import gates
from rules_gen.promql.errors import PromqlError
from rules_gen.promql.functions import ValueType
from rules_gen.promql.lexer import Kind, Token, unquote
from rules_gen.promql.operators import PRECEDENCE

_END: Final = Token(Kind.NAME, "", 0, 0)


class Operand(NamedTuple):
    """A part of the expression: its type, None after an error in it, its place and its outermost form."""

    type: ValueType | None
    start: int
    end: int
    form: str = ""


class StopReadingError(Exception):
    """The grammar allows no token at this place: what follows can't be judged."""


class TokenReader:
    """A place among an expression's tokens (comments left out); `errors` grows on the way."""

    def __init__(self, tokens: list[Token], target: gates.Target) -> None:
        self.errors: list[PromqlError] = []
        self.regexes: list[Token] = []
        self._tokens = tokens
        self._target = target
        self._next = 0

    # Tokens

    @property
    def _token(self) -> Token:
        return self._tokens[self._next] if self._next < len(self._tokens) else _END

    def _text(self, ahead: int = 0) -> str:
        index = self._next + ahead
        return self._tokens[index].text if index < len(self._tokens) else ""

    def _keyword(self) -> str:
        return self._token.text.lower() if self._token.kind is Kind.NAME else ""

    def _take(self) -> Token:
        token = self._token
        if token is _END:
            self._unexpected("more")
        self._next += 1
        return token

    def _take_if(self, text: str) -> bool:
        if self._text() == text:
            self._next += 1
            return True
        return False

    def _expect(self, text: str, expected: str | None = None) -> Token:
        if self._text() != text:
            self._unexpected(expected or f"`{text}`")
        return self._take()

    def _unexpected(self, expected: str) -> NoReturn:
        token = self._token
        if token is _END:
            last = self._tokens[-1]
            self._error(last.start, last.end, f"the expression ends after `{last.text}` where {expected} must follow")
        else:
            suggestion = {"=": "compare with `==`", "=~": "regular expressions stand between braces"}.get(token.text)
            if self._next and self._tokens[self._next - 1].text.lower() in PRECEDENCE and token.text == "=":
                suggestion = None
            self._error(token.start, token.end, f"unexpected `{token.text}`: expected {expected}", suggestion)
        raise StopReadingError

    def _error(self, start: int, end: int, message: str, suggestion: str | None = None) -> None:
        self.errors.append(PromqlError(start, max(end - start, 1), message, suggestion))

    def _gate(self, feature: str, start: int, end: int) -> None:
        if (error := gates.check_syntax(feature, start, end - start, self._target)) is not None:
            self.errors.append(error)

    def _number(self) -> Token:
        token = self._take()
        if token.kind is Kind.NUMBER:
            if "_" in token.text:
                self._gate("a number with underscores", token.start, token.end)
            if token.text[:2] not in ("0x", "0X") and math.isinf(float(token.text)):
                self._error(token.start, token.end, "the number is too large", "write `Inf` for infinity")
        return token

    def _labels(self) -> set[str]:
        """A list of labels in parentheses."""
        self._expect("(", "`(` and a list of labels")
        labels: set[str] = set()
        while not self._take_if(")"):
            token = self._token
            if token.kind is Kind.STRING:
                self._gate("a quoted metric or label name", token.start, token.end)
                labels.add(self._value(token))
            elif token.kind is Kind.NAME and (":" not in token.text or self._target >= (3, 0)):
                labels.add(token.text)
            else:
                self._unexpected("a label or `)`")
            self._take()
            if self._text() != ")":
                self._expect(",", "`,` or `)`")
        return labels

    def _value(self, token: Token) -> str:
        value = unquote(token.text)
        if value is None:
            message = "the string has an escape that Prometheus doesn't know"
            self._error(token.start, token.end, message, "write a backslash twice, or use backticks")
        return value or ""
