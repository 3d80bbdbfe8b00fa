"""What has changed between two expressions: told by their trees, and only what is certain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from rules_gen.comparison.bounds import Reach, reach
from rules_gen.comparison.findings import Impact, Typed, Words
from rules_gen.comparison.places import CONDITION, SETS, Place
from rules_gen.comparison.selectors import selector_parts
from rules_gen.comparison.wording import listed, short_number
from rules_gen.promql.canonical import Node


class Part(NamedTuple):
    """One difference within an expression. `kind` and `impact` as in a finding."""

    kind: str
    impact: Impact
    words: Words


class NotUnderstoodError(Exception):
    """The two differ in a way that nothing here describes."""


_AVERAGING: Final = frozenset({"rate", "avg_over_time", "deriv", "quantile_over_time"})
_COUNTING: Final = frozenset({"increase", "changes", "resets", "count_over_time", "sum_over_time"})


def differences(old: Node, new: Node) -> tuple[Part, ...] | None:
    """The differences of two conditions; nothing when they mean the same, None when they aren't understood."""
    try:
        return tuple(dict.fromkeys(_compare(old, new, CONDITION)))
    except NotUnderstoodError:
        return None


def _compare(old: Node, new: Node, place: Place) -> Iterator[Part]:
    if old == new:
        return
    if place.sign and (part := _clause(old, new, place)):
        yield part
        return
    if old.kind != new.kind or len(old.parts) != len(new.parts):
        raise NotUnderstoodError
    match old.kind:
        case "select":
            if old.head[2:] != new.head[2:]:
                raise NotUnderstoodError
            yield from (Part(*found) for found in selector_parts(old, new, place.series))
        case "range":
            if old.head != new.head:
                yield _range(old.head[0], new.head[0], place)
            # The function around it is what the selector's series go through.
            yield from _compare(old.parts[0], new.parts[0], place)
        case "binary":
            yield from _binary(old, new, place)
        case "aggregate":
            yield from _aggregate(old, new, place)
        case "number":
            yield _number(old, new, place)
        case _:
            yield from _same_head(old, new, place)


def _same_head(old: Node, new: Node, place: Place) -> Iterator[Part]:
    if old.head != new.head:
        raise NotUnderstoodError
    below = place.argument(old.head[0]) if old.kind == "call" else place.below()
    for before, after in zip(old.parts, new.parts, strict=True):
        yield from _compare(before, after, below)


def _clause(old: Node, new: Node, place: Place) -> Part | None:
    """A condition that was added beside all of the old one, or taken away again."""
    for outer, inner, added in ((new, old, True), (old, new, False)):
        if outer.kind != "binary" or outer.head[0] not in SETS:
            continue
        operator = outer.head[0]
        matching_all = outer.head[2:4] == ("ignoring", ())
        if outer.parts[0] != inner and not (operator == "or" and matching_all and outer.parts[1] == inner):
            continue
        narrower = (operator != "or") == added
        words = {
            ("and", True): "fires only while a further condition holds as well",
            ("and", False): "a condition that had to hold as well is gone",
            ("unless", True): "no longer fires while an exception holds",
            ("unless", False): "an exception is gone",
            ("or", True): "fires on a further condition as well",
            ("or", False): "no longer fires on one of its conditions",
        }[operator, added]
        return Part("clause", _sensitivity(-1 if narrower else 1, place), (words,))
    return None


def _sensitivity(direction: int, place: Place) -> Impact:
    match direction * place.sign:
        case 1:
            return Impact.MORE_SENSITIVE
        case -1:
            return Impact.LESS_SENSITIVE
        case _:
            return Impact.CONDITION


def _binary(old: Node, new: Node, place: Place) -> Iterator[Part]:
    if old.filters and new.filters and old.parts[1].number is not None and new.parts[1].number is not None:
        yield from _threshold(old, new, place)
        return
    if old.head != new.head:
        raise NotUnderstoodError
    for index, (before, after) in enumerate(zip(old.parts, new.parts, strict=True)):
        yield from _compare(before, after, place.operand(old, right=index == 1))


def _threshold(old: Node, new: Node, place: Place) -> Iterator[Part]:
    """A comparison with a number. The direction is only certain where the same is compared."""
    bounds = [(str(node.head[0]), node.parts[1].number or 0.0) for node in (old, new)]
    directions = {place.compared(operator) for operator, _ in bounds}
    signal = directions.pop() if len(directions) == 1 else place.below()
    yield from _compare(old.parts[0], new.parts[0], signal)
    found = reach(bounds[0], bounds[1])
    if found is Reach.SAME:
        return
    texts = [f"{operator} {short_number(repr(value))}" for operator, value in bounds]
    # What stands after `unless` keeps the alert quiet: the more passes there, the less it fires.
    name = "an exception's threshold " if place.sign < 0 else "threshold "
    words: Words = (name, Typed(texts[0]), " -> ", Typed(texts[1]))
    if old.parts[0] != new.parts[0]:
        yield Part("threshold", Impact.CONDITION, (*words, ", and what is compared has changed too"))
    elif not place.sign:
        yield Part("threshold", Impact.CONDITION, (*words, ", inside an expression"))
    elif found is Reach.NEITHER:
        yield Part("threshold", Impact.CONDITION, (*words, ": another condition, neither more nor less sensitive"))
    else:
        impact = _sensitivity(found.value or 0, place)
        yield Part("threshold", impact, (*words, f": {impact.value.replace('-', ' ')}"))


def _aggregate(old: Node, new: Node, place: Place) -> Iterator[Part]:
    if old.head[0] != new.head[0]:
        words = ("aggregates with ", Typed(new.head[0]), " instead of ", Typed(old.head[0]))
        yield Part("aggregation", Impact.CONDITION, words)
    if old.head[1:] != new.head[1:]:
        yield Part("grouping", Impact.GROUPING, ("aggregates ", *_by(new), " instead of ", *_by(old)))
    inner = place.aggregated(old) if old.head[0] == new.head[0] else place.below(str(old.head[0]))
    yield from _compare(old.parts[0], new.parts[0], inner)
    for before, after in zip(old.parts[1:], new.parts[1:], strict=True):
        yield from _compare(before, after, place.below(str(old.head[0])))


def _by(node: Node) -> Words:
    _, kind, labels = node.head
    if not labels:
        return ("over everything",) if kind == "by" else ("with no label left out",)
    return (f"{kind} ", *listed(labels))


def _number(old: Node, new: Node, place: Place) -> Part:
    where: Words = (" in ", Typed(f"{place.function}()")) if place.function else (" in the expression",)
    before, after = (Typed(short_number(str(node.head[0]))) for node in (old, new))
    return Part("number", Impact.CONDITION, (after, " instead of ", before, *where))


def _range(old: float, new: float, place: Place) -> Part:
    wider = new > old
    function = place.function
    words: Words = (
        *((Typed(f"{function}()"), " looks") if function else ("looks",)),
        " back over ",
        Typed(duration(new)),
        " instead of ",
        Typed(duration(old)),
    )
    if function in _AVERAGING:
        told = ": smoother, slower to react" if wider else ": reacts faster, noisier"
        return Part("range", Impact.SMOOTHER if wider else Impact.NOISIER, (*words, told))
    # More series make for less that is absent: the sign is the opposite of that of the call.
    if function == "absent_over_time" and place.series < 0:
        told = ": slower to fire" if wider else ": faster to fire"
        return Part("range", Impact.SLOWER if wider else Impact.FASTER, (*words, told))
    if function in _COUNTING:
        words = (*words, ", so that it counts more" if wider else ", so that it counts less")
    return Part("range", Impact.CONDITION, words)


def duration(seconds: float) -> str:
    """A duration as PromQL writes it, `1h30m`."""
    milliseconds = round(seconds * 1000)
    text = ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        number, milliseconds = divmod(milliseconds, size)
        text += f"{number}{unit}" if number else ""
    return text or "0s"
