"""What has changed between two selectors: fewer series, more, or others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from rules_gen.comparison.findings import Impact, Typed, Words
from rules_gen.comparison.wording import listed
from rules_gen.promql.canonical import Node

Matcher = tuple[str, str, str]
_LITERALS: Final = re.compile(r"[A-Za-z0-9_\-:/, @%=]+(?:\|[A-Za-z0-9_\-:/, @%=]+)*")


def selector_parts(old: Node, new: Node, sign: int) -> Iterator[tuple[str, Impact, Words]]:
    """The differences of two selectors that are alike but for their name and matchers, as parts of an expression.

    `sign` is 1 where more series make for more alerts, -1 where they keep the alert quiet, 0 where nobody knows.
    """
    before, after = set(old.head[1]), set(new.head[1])
    gone, come = sorted(before - after), sorted(after - before)
    name: Words = (Typed(new.head[0]),) if new.head[0] else ("the selector",)
    if old.head[0] != new.head[0]:
        was: Words = (Typed(old.head[0]),) if old.head[0] else ("a selector without a name",)
        yield "metric", Impact.OTHER_SERIES, ("reads ", *name, " instead of ", *was)
    if not gone and not come:
        return
    narrower, rest_gone, rest_come = _pairs(gone, come)
    if not rest_gone and not rest_come:
        text: Words = (*_shown(come), " instead of ", *_shown(gone))
        direction = narrower
    else:
        direction = None if gone and come else bool(come)
        text = ("only ", *_shown(come)) if come else ("no longer only ", *_shown(gone))
        if gone and come:
            text = (*_shown(come), " instead of ", *_shown(gone))
    said = {True: "fewer", False: "more", None: "other"}[direction]
    if direction is None:
        yield "matcher", Impact.OTHER_SERIES, (*name, f": {said} series, now ", *text)
    elif sign > 0:
        impact = Impact.FEWER_SERIES if direction else Impact.MORE_SERIES
        yield "matcher", impact, (*name, f": {said} series, now ", *text)
    elif sign < 0:
        impact = Impact.MORE_SENSITIVE if direction else Impact.LESS_SENSITIVE
        verdict = f": {impact.value.replace('-', ' ')}"
        yield "matcher", impact, (*name, f": kept quiet by {said} series, now ", *text, verdict)
    else:
        yield "matcher", Impact.OTHER_SERIES, (*name, f": reads {said} series, now ", *text)


def _pairs(gone: Sequence[Matcher], come: Sequence[Matcher]) -> tuple[bool | None, list[Matcher], list[Matcher]]:
    """Matchers of one label, before and after: whether all became narrower (True) or wider (False).

    The other two are those that have no partner.
    """
    if len(gone) != len(come) or [m[0] for m in gone] != [m[0] for m in come]:
        return None, list(gone), list(come)
    directions = {_narrower(before, after) for before, after in zip(gone, come, strict=True)}
    return (directions.pop() if len(directions) == 1 else None), [], []


def _narrower(old: Matcher, new: Matcher) -> bool | None:
    """Whether a matcher lets less through than before, where both are plain words or alternatives of them."""
    before, after = _words(old), _words(new)
    if before is None or after is None or ("!" in old[1]) != ("!" in new[1]) or before == after:
        return None
    if not (before < after or after < before):
        return None
    return (after < before) != ("!" in old[1])


def _words(matcher: Matcher) -> frozenset[str] | None:
    _, operator, value = matcher
    if not operator.endswith("~"):
        return frozenset((value,))
    return frozenset(value.split("|")) if _LITERALS.fullmatch(value) else None


def _shown(matchers: Sequence[Matcher]) -> Words:
    return listed(f'{name}{operator}"{value}"' for name, operator, value in matchers)
