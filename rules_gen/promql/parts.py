"""The parts of an expression with their places in its text, as `find_places` gives them."""

from __future__ import annotations

from typing import NamedTuple


class MatcherPlace(NamedTuple):
    """`text[start:end]` is one matcher; `cut` is what has to go with it so that the rest is a list again."""

    label: str
    op: str
    value: str
    start: int
    end: int
    cut: tuple[int, int]
    op_start: int


class SelectorPlace(NamedTuple):
    """A selector: the place of its metric's name (None without), and its matchers. `end` is that of the braces."""

    metric: tuple[int, int] | None
    matchers: tuple[MatcherPlace, ...]
    start: int
    end: int


class OperatorPlace(NamedTuple):
    """A binary operator. `left` and `right` are its operands' places as the text groups them.

    `bool_place` is that of the word `bool` with the blank before it, None without.
    """

    operator: str
    start: int
    end: int
    left: tuple[int, int]
    right: tuple[int, int]
    bool_place: tuple[int, int] | None


class LabelsPlace(NamedTuple):
    """The labels after `by`, `without`, `on` or `ignoring`: the word, and each label with what goes when it goes."""

    word: str
    word_start: int
    labels: tuple[tuple[str, tuple[int, int]], ...]


class DurationPlace(NamedTuple):
    """A duration; for an offset, `cut` covers the word and a sign too."""

    text: str
    start: int
    end: int
    cut: tuple[int, int]


class CallPlace(NamedTuple):
    """A call of a function or an aggregation: its name, the arguments' places, and the end of its bracket."""

    name: str
    start: int
    arguments: tuple[tuple[int, int], ...]
    end: int


class Places(NamedTuple):
    """The parts of one expression, each in the order of the text."""

    selectors: tuple[SelectorPlace, ...]
    operators: tuple[OperatorPlace, ...]
    groupings: tuple[LabelsPlace, ...]
    matchings: tuple[LabelsPlace, ...]
    ranges: tuple[DurationPlace, ...]
    offsets: tuple[DurationPlace, ...]
    calls: tuple[CallPlace, ...]
