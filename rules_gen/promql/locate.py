"""Find the place of every mistake in an expression: promql-parser says what is wrong, but not where."""

from __future__ import annotations

from typing import Final

from rules_gen.promql.errors import PromqlError
from rules_gen.promql.gates import Target
from rules_gen.promql.grammar import Grammar
from rules_gen.promql.lexer import Kind, Token, quoted, tokenize, unquote

_CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}


def find_errors(text: str, target: Target) -> tuple[PromqlError, ...]:
    """The mistakes that the grammar, the types and the target's version show, in the order of the text.

    After a token that can't stand where it does, nothing further is reported: it would be guesswork.
    """
    tokens = tokenize(text)
    if isinstance(tokens, PromqlError):
        return (tokens,)
    tokens = [token for token in tokens if token.kind is not Kind.COMMENT]
    if not tokens:
        return (PromqlError(0, max(len(text), 1), "the expression is empty"),)
    if (unbalanced := _find_unbalanced(tokens)) is not None:
        return (unbalanced,)
    grammar = Grammar(tokens, target)
    try:
        grammar.read()
    except RecursionError:
        return (too_deep(text),)
    errors = [
        *grammar.errors,
        *(error for token in grammar.regexes if (error := _check_regex(token)) is not None),
    ]
    return tuple(sorted(errors, key=lambda error: error.offset))


def too_deep(text: str) -> PromqlError:
    """The error for an expression that is correct, for all we know, but deeper than we can follow."""
    return PromqlError(0, len(text), "the expression is nested too deeply")


def _find_unbalanced(tokens: list[Token]) -> PromqlError | None:
    """The first bracket that closes nothing or the wrong one, or the innermost one that is never closed."""
    open_brackets: list[Token] = []
    for token in tokens:
        if token.kind is not Kind.BRACKET:
            continue
        if token.text in _CLOSERS:
            open_brackets.append(token)
        elif not open_brackets:
            return PromqlError(token.start, 1, f"`{token.text}` closes nothing", "remove it, or open it before")
        elif _CLOSERS[open_brackets[-1].text] != token.text:
            opener = open_brackets[-1]
            message = f"`{opener.text}` is never closed: `{token.text}` stands where `{_CLOSERS[opener.text]}` must"
            return PromqlError(opener.start, 1, message, f"add `{_CLOSERS[opener.text]}` before `{token.text}`")
        else:
            open_brackets.pop()
    if open_brackets:
        opener = open_brackets[-1]
        return PromqlError(opener.start, 1, f"`{opener.text}` is never closed", f"add `{_CLOSERS[opener.text]}`")
    return None


def _check_regex(token: Token) -> PromqlError | None:
    """Ask promql-parser alone about one regular expression."""
    import promql_parser

    value = unquote(token.text)
    if value is None:
        return None
    try:
        promql_parser.parse("x{y=~" + quoted(value) + "}")
    except ValueError as error:
        if "regex" in str(error):
            return PromqlError(token.start, token.end - token.start, f"{token.text} is not a valid regular expression")
    return None
