"""Walks over the tokens of one action."""

from rules_gen.gotmpl.info import TemplateError
from rules_gen.gotmpl.lexer import Token, unquoted

TEXTS = frozenset({"string", "raw"})


class ActionError(Exception):
    """A mistake after which the rest of the action can't be read."""

    def __init__(self, message: str, offset: int, length: int, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.error = TemplateError(offset, length, message, suggestion)


def unexpected(token: Token, place: str) -> ActionError:
    """The mistake of a token that can't stand in ``place``."""
    if token.kind == "close":
        return ActionError(f"{place} ends too early", token.offset, len(token.text))
    if token.text == "/":
        return ActionError("a comment is written {{/* like this */}}, without a space after {{", token.offset, 1)
    shown = token.text if len(token.text) <= 40 else token.text[:37] + "..."
    return ActionError(f"{shown.strip() or 'a space'} can't stand in {place}", token.offset, len(token.text))


class Cursor:
    """A place between the tokens of an action, the last of which is always of kind ``close``."""

    def __init__(self) -> None:
        self._tokens: list[Token] = []
        self._at = 0

    def load(self, tokens: list[Token]) -> None:
        """Start with the tokens of another action."""
        self._tokens = tokens
        self._at = 0

    def next(self) -> Token:
        """The next token that isn't a space."""
        while self._tokens[self._at].kind == "space":
            self._at += 1
        self._at += 1
        return self._tokens[self._at - 1]

    def peek(self) -> Token:
        """The next token that isn't a space, left to be read."""
        token = self.next()
        self._at -= 1
        return token

    def expect(self, kinds: frozenset[str], place: str) -> Token:
        """The next token, of one of ``kinds``. Raises ActionError."""
        token = self.next()
        if token.kind not in kinds:
            raise unexpected(token, place)
        return token

    def template_name(self, place: str) -> str:
        """The quoted name of a template. Raises ActionError."""
        return unquoted(self.expect(TEXTS, place))
