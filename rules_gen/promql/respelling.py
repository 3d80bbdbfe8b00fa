"""Spellings that promql-parser doesn't read, or reads wrongly, in words that it does."""

from __future__ import annotations

from rules_gen.promql.durations import parse_duration
from rules_gen.promql.errors import PromqlError
from rules_gen.promql.lexer import Kind, Token, quoted, tokenize, unquote


def respell(text: str) -> str:
    """The same expression in a spelling that promql-parser understands; only ever parsed, never printed."""
    tokens = tokenize(text)
    if isinstance(tokens, PromqlError):
        return text
    parts: list[str] = []
    end = 0
    previous: Token | None = None
    for token in tokens:
        parts.append(text[end : token.start])
        parts.append(_spelling(token, previous))
        end, previous = token.end, token
    parts.append(text[end:])
    return "".join(parts)


def _spelling(token: Token, previous: Token | None) -> str:
    if token.kind is Kind.STRING and token.text.startswith("`"):
        return quoted(unquote(token.text) or "")
    if token.kind is Kind.NUMBER and "_" in token.text:
        return token.text.replace("_", "")
    if token.kind is Kind.DURATION and parse_duration(token.text) == 0:
        # An offset of zero, where the target accepts it: only there is zero no mistake.
        return "1ms"
    follows_selector = previous is not None and (previous.text in ("]", "}", ")") or previous.kind is Kind.NAME)
    if token.text.lower() in ("anchored", "smoothed") and follows_selector:
        # They change how a window's edges are read, and nothing that is asked here.
        return " "
    return token.text
