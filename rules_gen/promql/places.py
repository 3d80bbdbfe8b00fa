"""Where the parts of a correct expression stand in its text, so that one of them can be exchanged.

promql-parser gives no places, and printing its tree would lose the author's layout. So the tokens are sorted into the
roles that they can have in a correct expression; whoever depends on the answer compares it with the tree's selectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rules_gen.promql.errors import PromqlError
from rules_gen.promql.functions import AGGREGATIONS, SIGNATURES
from rules_gen.promql.lexer import Kind, Token, tokenize, unquote
from rules_gen.promql.operators import COMPARISONS, PRECEDENCE, SET_OPERATORS
from rules_gen.promql.parts import (
    CallPlace,
    DurationPlace,
    LabelsPlace,
    MatcherPlace,
    OperatorPlace,
    Places,
    SelectorPlace,
)

_ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "%", "^"})
_GROUPINGS: Final = frozenset({"by", "without"})
_MATCHINGS: Final = frozenset({"on", "ignoring", "group_left", "group_right"})
_OPENERS: Final = {"(": ")", "[": "]", "{": "}"}


def find_places(text: str) -> Places | None:
    """The parts of a correct expression; None where its tokens can't be told apart."""
    tokens = tokenize(text)
    if isinstance(tokens, PromqlError):
        return None
    reader = _Reader([token for token in tokens if token.kind is not Kind.COMMENT])
    try:
        reader.read()
    except LookupError:
        # It ends where it must go on, so it was no correct expression.
        return None
    return reader.places()


class _Reader:
    """One pass over the tokens. `_partner` finds each opening bracket's closing one, by index."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._partner = _partners(tokens)
        self._selectors: list[SelectorPlace] = []
        self._groupings: list[LabelsPlace] = []
        self._matchings: list[LabelsPlace] = []
        self._ranges: list[DurationPlace] = []
        self._offsets: list[DurationPlace] = []
        self._calls: list[CallPlace] = []
        self._operators: list[tuple[int, int]] = []
        """Index of each binary operator's token, and of the first token of its right side."""

    def places(self) -> Places:
        return Places(
            tuple(self._selectors),
            tuple(self._operator(index, after) for index, after in self._operators),
            tuple(self._groupings),
            tuple(self._matchings),
            tuple(self._ranges),
            tuple(self._offsets),
            tuple(self._calls),
        )

    def read(self) -> None:
        """Sort every token; LookupError when they end too early, or a bracket is never closed."""
        index = 0
        operand = True  # Whether an operand must come next.
        while index < len(self._tokens):
            token = self._tokens[index]
            word = token.text.lower() if token.kind is Kind.NAME else token.text
            if token.text in ("(", ",") and token.kind is not Kind.STRING:
                index, operand = index + 1, True
            elif token.text in (")", "]"):
                index, operand = index + 1, False
            elif token.text == "{":
                index, operand = self._selector(None, index), False
            elif token.text == "[":
                index = self._range(index)
            elif operand and token.text in ("+", "-"):
                index += 1
            elif operand:
                index, operand = self._operand(index, word)
            else:
                index, operand = self._after_operand(index, word)

    def _operand(self, index: int, word: str) -> tuple[int, bool]:
        token = self._tokens[index]
        if token.kind is not Kind.NAME:
            return index + 1, False
        following = self._text(index + 1)
        if word in AGGREGATIONS and (following == "(" or following.lower() in _GROUPINGS):
            return self._aggregation(index), True
        if following == "(" and token.text in SIGNATURES:
            self._call(index, index + 1)
            return index + 1, True
        if word in ("inf", "nan"):
            return index + 1, False
        return self._selector(index, index + 1), False

    def _after_operand(self, index: int, word: str) -> tuple[int, bool]:
        token = self._tokens[index]
        if word == "offset":
            return self._offset(index), False
        if word in _GROUPINGS:
            # The labels may also follow the arguments: `sum(x) by (job)`.
            return self._labels(index, self._groupings), False
        if word in PRECEDENCE and token.kind in (Kind.OPERATOR, Kind.NAME):
            after = index + 1
            if self._text(after).lower() == "bool":
                after += 1
            while self._text(after).lower() in _MATCHINGS:
                after = (
                    self._labels(after, self._matchings)
                    if self._text(after + 1) == "(" and self._text(after).lower() in ("on", "ignoring")
                    else self._skip_labels(after)
                )
            self._operators.append((index, after))
            return after, True
        if token.text == "@":
            return self._at(index), False
        return index + 1, False

    def _at(self, index: int) -> int:
        """After `@`: a time, or `start()` or `end()`."""
        index += 1
        if self._text(index) in ("+", "-"):
            index += 1
        return self._partner[index + 1] + 1 if self._text(index + 1) == "(" else index + 1

    def _aggregation(self, index: int) -> int:
        following = index + 1
        if self._text(following).lower() in _GROUPINGS:
            following = self._labels(following, self._groupings)
        self._call(index, following)
        return following

    def _call(self, name: int, opener: int) -> None:
        closer = self._partner[opener]
        arguments: list[tuple[int, int]] = []
        first = opener + 1
        index = first
        while index <= closer:
            token = self._tokens[index]
            if index == closer or token.kind is Kind.COMMA:
                if index > first:
                    arguments.append((self._tokens[first].start, self._tokens[index - 1].end))
                first = index + 1
            index = self._partner.get(index, index) + 1
        self._calls.append(
            CallPlace(self._tokens[name].text, self._tokens[name].start, tuple(arguments), self._tokens[closer].end)
        )

    def _labels(self, index: int, into: list[LabelsPlace]) -> int:
        """A word and its list of labels; the index after it."""
        word, opener = self._tokens[index], index + 1
        closer = self._partner[opener]
        inner = self._tokens[opener + 1 : closer]
        names = [token for token in inner if token.kind is not Kind.COMMA]
        inside = (self._tokens[opener].end, self._tokens[closer].start)
        cuts = _cuts([(token.start, token.end) for token in names], inside)
        labels = tuple((token.text, cut) for token, cut in zip(names, cuts, strict=True))
        into.append(LabelsPlace(word.text, word.start, labels))
        return closer + 1

    def _skip_labels(self, index: int) -> int:
        return self._partner[index + 1] + 1 if self._text(index + 1) == "(" else index + 1

    def _selector(self, name: int | None, index: int) -> int:
        """A selector whose braces, if any, open at `index`; the index after it."""
        metric = None if name is None else (self._tokens[name].start, self._tokens[name].end)
        if self._text(index) != "{" or self._tokens[index].kind is Kind.STRING:
            assert metric is not None
            self._selectors.append(SelectorPlace(metric, (), *metric))
            return index
        closer = self._partner[index]
        start = metric[0] if metric else self._tokens[index].start
        matchers = tuple(self._matchers(index, closer))
        self._selectors.append(SelectorPlace(metric, matchers, start, self._tokens[closer].end))
        return closer + 1

    def _matchers(self, opener: int, closer: int) -> Iterator[MatcherPlace]:
        # A metric's name may stand among them, in quotes and by itself.
        found: list[tuple[Token, ...]] = []
        index = opener + 1
        while index < closer:
            length = 3 if self._text(index + 1) in ("=", "!=", "=~", "!~") else 1
            if length > 1 or self._tokens[index].kind is Kind.STRING:
                found.append(tuple(self._tokens[index : index + length]))
            index += length
        inside = (self._tokens[opener].end, self._tokens[closer].start)
        cuts = _cuts([(tokens[0].start, tokens[-1].end) for tokens in found], inside)
        for tokens, cut in zip(found, cuts, strict=True):
            if len(tokens) == 1:
                continue
            label, op, value = tokens
            yield MatcherPlace(label.text, op.text, unquote(value.text) or "", label.start, value.end, cut, op.start)

    def _range(self, index: int) -> int:
        """A range or a subquery; the index after its bracket. Arithmetic on durations is left alone."""
        closer = self._partner[index]
        first = self._tokens[index + 1]
        if first.kind is Kind.DURATION and (index + 2 == closer or self._tokens[index + 2].kind is Kind.COLON):
            self._ranges.append(DurationPlace(first.text, first.start, first.end, (first.start, first.end)))
        return closer + 1

    def _offset(self, index: int) -> int:
        value = index + 1
        if self._text(value) in ("+", "-"):
            value += 1
        if self._text(value) == "(":
            return self._partner[value] + 1
        token = self._tokens[value]
        if token.kind is Kind.DURATION:
            before, sign = self._tokens[index - 1].end, "-" if self._text(index + 1) == "-" else ""
            self._offsets.append(DurationPlace(sign + token.text, token.start, token.end, (before, token.end)))
        return value + 1

    def _operator(self, index: int, after: int) -> OperatorPlace:
        token = self._tokens[index]
        strength = PRECEDENCE[token.text.lower()]
        flagged = self._text(index + 1).lower() == "bool"
        boolean = (token.end, self._tokens[index + 1].end) if flagged else None
        return OperatorPlace(
            token.text.lower(),
            token.start,
            token.end,
            (self._tokens[self._left(index, strength)].start, self._tokens[index - 1].end),
            (self._tokens[after].start, self._tokens[self._right(after, strength) - 1].end),
            boolean,
        )

    def _left(self, index: int, strength: int) -> int:
        """The first token of an operator's left side: all that binds as tightly, as operators group to the left."""
        operators = dict(self._operators)
        closers = {closer: opener for opener, closer in self._partner.items()}
        position = first = index - 1
        while position >= 0:
            token = self._tokens[position]
            if position in closers:
                position = closers[position]
            elif token.text in ("(", ",", "[") and token.kind is not Kind.STRING:
                break
            elif position in operators:
                other = PRECEDENCE[token.text.lower()]
                # Only the power groups to the right.
                if other < strength or other == strength == PRECEDENCE["^"]:
                    return operators[position]
            first = position
            position -= 1
        return first

    def _right(self, index: int, strength: int) -> int:
        """The token after an operator's right side."""
        operators = dict(self._operators)
        while index < len(self._tokens):
            token = self._tokens[index]
            if token.text in (")", ",", "]") and token.kind is not Kind.STRING:
                break
            if index in operators:
                other = PRECEDENCE[token.text.lower()]
                # Only the power groups to the right.
                if other < strength or (other == strength and strength != PRECEDENCE["^"]):
                    break
            index = self._partner.get(index, index) + 1
        return index

    def _text(self, index: int) -> str:
        return self._tokens[index].text if index < len(self._tokens) else ""


def _partners(tokens: list[Token]) -> dict[int, int]:
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind is not Kind.BRACKET:
            continue
        if token.text in _OPENERS:
            opened.append(index)
        elif opened:
            pairs[opened.pop()] = index
    return pairs


def _cuts(items: list[tuple[int, int]], inside: tuple[int, int]) -> list[tuple[int, int]]:
    """For each item of a list within these brackets: what to cut so that its comma goes too."""
    cuts: list[tuple[int, int]] = []
    for number, (start, end) in enumerate(items):
        if number + 1 < len(items):
            cuts.append((start, items[number + 1][0]))
        elif number:
            cuts.append((items[number - 1][1], end))
        else:
            cuts.append(inside)
    return cuts


def is_comparison(operator: str) -> bool:
    """Whether it is `==`, `!=`, `<`, `<=`, `>` or `>=`."""
    return operator in COMPARISONS


def is_set_operator(operator: str) -> bool:
    """Whether it is `and`, `or` or `unless`."""
    return operator in SET_OPERATORS


def is_arithmetic(operator: str) -> bool:
    """Whether it is `+`, `-`, `*`, `/`, `%` or `^`."""
    return operator in _ARITHMETIC
