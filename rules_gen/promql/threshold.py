"""Take a threshold off an expression and put one on, without a change of meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rules_gen.promql.errors import PromqlError
from rules_gen.promql.lexer import Kind, Token, tokenize
from rules_gen.promql.operators import COMPARISONS, PRECEDENCE

MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_PLAIN_NUMBER: Final = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")
_VALUE_OPERATORS: Final = frozenset("+-*/%^()")
_COMPARISON_STRENGTH: Final = PRECEDENCE[">"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """An expression seen as `signal op value`, turned round where the author wrote the number first.

    `signal_text` and `value_text` are the author's text, with the comments inside the signal; `comments`
    are the others, which a caller that goes on with the parts alone would lose. `value_text` is a plain
    number where `is_literal` holds, otherwise arithmetic such as `24 * 3600` or a duration, worth `value`.
    """

    op: str
    value: float
    value_text: str
    signal_text: str
    comments: tuple[str, ...] = ()

    @property
    def is_literal(self) -> bool:
        return _PLAIN_NUMBER.fullmatch(self.value_text) is not None


def compose_threshold(signal: str, top_operator: str | None, op: str, value_text: str) -> str:
    """Print `signal op value` so that it means just that, in the author's layout.

    `top_operator` is the signal's operator outside parentheses (`Analysis.top_operator`). The signal must be
    an instant vector; `value_text` a number, or arithmetic on numbers.
    """
    text = signal.rstrip()
    breaks = "\n" in text.lstrip() or _ends_in_comment(text)
    if PRECEDENCE.get(top_operator or "", 99) <= _COMPARISON_STRENGTH:
        return f"(\n{text}\n) {op} {value_text}" if breaks else f"({text.lstrip()}) {op} {value_text}"
    return f"{text}\n{op} {value_text}" if breaks else f"{text.lstrip()} {op} {value_text}"


def _ends_in_comment(text: str) -> bool:
    if "#" not in text:
        return False
    tokens = tokenize(text)
    # An expression that can't be read is kept apart from the operator, which is always safe.
    return isinstance(tokens, PromqlError) or (bool(tokens) and tokens[-1].kind is Kind.COMMENT)


def split_threshold(text: str, operator: str, value: float, *, number_first: bool) -> Comparison | None:
    """Find the parts of an expression that is known to be a comparison with a number, through outer
    parentheses.

    None where the parts can't be told apart by a cut in the text.
    """
    if not number_first and "#" not in text:
        last = max(text.rfind(">"), text.rfind("<"), text.rfind("=")) + 1
        plain = _PLAIN_NUMBER.fullmatch(text, last)
        # The number is all of the right side, so what stands before it is the outermost operator.
        if plain is not None and text.endswith(operator, 0, last):
            return Comparison(operator, value, plain[1], text[: last - len(operator)].strip())
    return _split_by_tokens(text, operator, value, number_first=number_first)


def _split_by_tokens(text: str, operator: str, value: float, *, number_first: bool) -> Comparison | None:
    everything = tokenize(text)
    if isinstance(everything, PromqlError):
        return None
    tokens = [token for token in everything if token.kind is not Kind.COMMENT]
    start, end = 0, len(text)
    while tokens and tokens[0].text == "(" and _closing(tokens) == len(tokens) - 1:
        start, end = tokens[0].end, tokens[-1].start
        tokens = tokens[1:-1]
    cut = _last_comparison(tokens)
    if cut is None or tokens[cut].text != operator:
        return None
    value_tokens = tokens[:cut] if number_first else tokens[cut + 1 :]
    if not all(_is_arithmetic(token) for token in value_tokens):
        return None
    signal = (tokens[cut].end, end) if number_first else (start, tokens[cut].start)
    value_place = (value_tokens[0].start, value_tokens[-1].end)
    outside: list[str] = []
    for token in everything:
        if token.kind is Kind.COMMENT and not signal[0] <= token.start < signal[1]:
            if value_place[0] <= token.start < value_place[1]:
                return None
            outside.append(token.text)
    op = MIRRORED[operator] if number_first else operator
    return Comparison(op, value, text[slice(*value_place)], text[slice(*signal)].strip(), tuple(outside))


def _closing(tokens: list[Token]) -> int:
    """The index of the bracket that closes the first token."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind is Kind.BRACKET:
            depth += 1 if token.text in "([{" else -1
            if depth == 0:
                return index
    return -1


def _last_comparison(tokens: list[Token]) -> int | None:
    """The index of the last comparison outside brackets: comparisons group to the left, so it is the
    outermost.
    """
    depth, found = 0, None
    for index, token in enumerate(tokens):
        if token.kind is Kind.BRACKET:
            depth += 1 if token.text in "([{" else -1
        elif depth == 0 and token.kind is Kind.OPERATOR and token.text in COMPARISONS:
            found = index
    return found


def _is_arithmetic(token: Token) -> bool:
    if token.kind in (Kind.NUMBER, Kind.DURATION):
        return True
    return token.text in _VALUE_OPERATORS or token.text.lower() in ("inf", "nan")
