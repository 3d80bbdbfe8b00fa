"""What a slip could make of an expression: each edit exchanges one part of its text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from rules_gen.mutation.steps import moved, moved_quantile, moved_range, number_text
from rules_gen.promql import parse_duration
from rules_gen.promql.canonical import meaning
from rules_gen.promql.parts import OperatorPlace, Places, SelectorPlace
from rules_gen.promql.places import find_places, is_arithmetic, is_comparison, is_set_operator
from rules_gen.promql.threshold import MIRRORED

COMPARISONS: Final = {
    ">": (">=", "<"),
    ">=": (">", "<"),
    "<": ("<=", ">"),
    "<=": ("<", ">"),
    "==": ("!=",),
    "!=": ("==",),
}
"""What each comparison becomes: its neighbour at the boundary, and its opposite."""

_NEGATED: Final = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}
_ARITHMETIC: Final = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "^": "*"}
_SETS: Final = {"and": ("or", "unless"), "or": ("and", "unless"), "unless": ("and", "or")}
_NUMBER: Final = re.compile(r"[+-]?\s*(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ARITHMETIC_TEXT: Final = re.compile(r"[-+*/%^()0-9.eE\s]+")
_QUANTILES: Final = frozenset({"histogram_quantile", "quantile", "quantile_over_time"})
_GUARDS: Final = {"absent": "", "absent_over_time": "present_over_time"}


class Edit(NamedTuple):
    """`text[start:end]` becomes `new`. `operator` is the family, `name` says what happens in the author's words."""

    operator: str
    name: str
    start: int
    end: int
    new: str

    def apply(self, text: str) -> str:
        """The text with the edit made."""
        return text[: self.start] + self.new + text[self.end :]


def edits(text: str) -> tuple[Edit, ...]:
    """All edits of a correct expression, in the order of the families; each has a name of its own."""
    places = find_places(text)
    if places is None:
        return ()
    return numbered([edit for family in _FAMILIES for edit in family(text, places)])


def numbered(found: Sequence[Edit]) -> tuple[Edit, ...]:
    """The edits, with `#2` and so on behind a name that an earlier one has."""
    seen: Counter[str] = Counter()
    result: list[Edit] = []
    for edit in found:
        seen[edit.name] += 1
        count = seen[edit.name]
        result.append(edit if count == 1 else edit._replace(name=f"{edit.name} #{count}"))
    return tuple(result)


def matcher_edits(text: str, places: Places) -> Iterator[Edit]:
    """Each label matcher dropped, and negated."""
    for selector in places.selectors:
        metric = metric_of(text, selector)
        for matcher in selector.matchers:
            if matcher.label == "__name__":
                continue
            where = f"{matcher.label} of {metric}" if metric else matcher.label
            yield Edit("matcher", f"matcher dropped: {where}", *matcher.cut, "")
            end = matcher.op_start + len(matcher.op)
            yield Edit("matcher", f"matcher negated: {where}", matcher.op_start, end, _NEGATED[matcher.op])


def metric_of(text: str, selector: SelectorPlace) -> str:
    """The selector's metric, empty without one."""
    return "" if selector.metric is None else text[slice(*selector.metric)]


def _comparisons(text: str, places: Places) -> Iterator[Edit]:
    for place in places.operators:
        if not is_comparison(place.operator):
            continue
        for other in COMPARISONS[place.operator]:
            yield Edit("comparison", f"comparison: {place.operator} to {other}", place.start, place.end, other)
        if place.bool_place is not None:
            yield Edit("bool", f"bool dropped after {place.operator}", *place.bool_place, "")
        else:
            yield Edit("bool", f"bool added after {place.operator}", place.end, place.end, " bool")
        yield from _limits(text, place)


def _limits(text: str, place: OperatorPlace) -> Iterator[Edit]:
    """A number that something is compared with, moved both ways."""
    for (start, end), operator in ((place.right, place.operator), (place.left, MIRRORED[place.operator])):
        value = constant(text[start:end])
        if value is None:
            continue
        for other in map(number_text, moved(value, "")):
            yield Edit("threshold", f"limit: {operator} {number_text(value)} to {other}", start, end, other)


def constant(text: str) -> Decimal | None:
    """The value of a number, or of arithmetic on numbers such as `24 * 3600`; None for everything else."""
    if _NUMBER.fullmatch(text):
        return Decimal("".join(text.split()))
    if not _ARITHMETIC_TEXT.fullmatch(text):
        return None
    tree = meaning(text)
    return None if tree is None or tree.number is None else Decimal(repr(tree.number))


def _groupings(_text: str, places: Places) -> Iterator[Edit]:
    for grouping in places.groupings:
        word = grouping.word.lower()
        other = "without" if word == "by" else "by"
        labels = ", ".join(label for label, _ in grouping.labels)
        for label, cut in grouping.labels:
            yield Edit("grouping", f"{word}: {label} dropped", *cut, "")
        end = grouping.word_start + len(grouping.word)
        yield Edit("grouping", f"{word} to {other} ({labels})", grouping.word_start, end, other)


def _ranges(_text: str, places: Places) -> Iterator[Edit]:
    for place in places.ranges:
        for other in moved_range(place.text):
            yield Edit("range", f"range: {place.text} to {other}", place.start, place.end, other)


def _sets(_text: str, places: Places) -> Iterator[Edit]:
    for place in places.operators:
        if is_set_operator(place.operator):
            for other in _SETS[place.operator]:
                yield Edit("set", f"set operator: {place.operator} to {other}", place.start, place.end, other)


def _offsets(_text: str, places: Places) -> Iterator[Edit]:
    for place in places.offsets:
        yield Edit("offset", f"offset: {place.text} dropped", *place.cut, "")
        length = place.text.removeprefix("-")
        if parse_duration(length):
            twice = moved_range(length)[-1]
            sign = place.text.removesuffix(length)
            yield Edit("offset", f"offset: {place.text} to {sign}{twice}", place.start, place.end, twice)


def _arithmetic(_text: str, places: Places) -> Iterator[Edit]:
    for place in places.operators:
        if is_arithmetic(place.operator):
            other = _ARITHMETIC[place.operator]
            yield Edit("arithmetic", f"arithmetic: {place.operator} to {other}", place.start, place.end, other)


def _guards(_text: str, places: Places) -> Iterator[Edit]:
    """What watches for a series that is missing: taken away as one side of `or`, and turned into its opposite."""
    for call in places.calls:
        if call.name not in _GUARDS:
            continue
        within = (call.start, call.end)
        for place in places.operators:
            if place.operator != "or":
                continue
            if _is_all_that_reads(place.right, within, places):
                yield Edit("guard", f"guard dropped: {call.name}", place.left[1], place.right[1], "")
            elif _is_all_that_reads(place.left, within, places):
                yield Edit("guard", f"guard dropped: {call.name}", place.left[0], place.right[0], "")
        end = call.start + len(call.name)
        yield Edit("guard", f"guard undone: {call.name}", call.start, end, _GUARDS[call.name])


def _is_all_that_reads(side: tuple[int, int], call: tuple[int, int], places: Places) -> bool:
    """Whether the call is in this side of an operator, and nothing else in it reads series."""
    if not (side[0] <= call[0] and call[1] <= side[1]):
        return False
    readers = [s for s in places.selectors if side[0] <= s.start < side[1]]
    return all(call[0] <= selector.start < call[1] for selector in readers)


def _quantiles(text: str, places: Places) -> Iterator[Edit]:
    for call in places.calls:
        if call.name.lower() not in _QUANTILES or not call.arguments:
            continue
        start, end = call.arguments[0]
        value = constant(text[start:end])
        if value is not None:
            for other in map(number_text, moved_quantile(value)):
                yield Edit("quantile", f"quantile: {number_text(value)} to {other}", start, end, other)


_FAMILIES: Final[tuple[Callable[[str, Places], Iterator[Edit]], ...]] = (
    _comparisons,
    matcher_edits,
    _groupings,
    _ranges,
    _sets,
    _offsets,
    _arithmetic,
    _guards,
    _quantiles,
)
