"""Which labels the result of an expression can carry, as far as its text tells.

The rules are those of the engine's `resultMetric` and of the functions themselves (Prometheus 3.15, and the
same in 2.42). They err on the side of a label that may be there and of a label that isn't guaranteed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

NAME: Final = "__name__"
_NAME_ONLY: Final = frozenset({NAME})
_EMPTY: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class ResultLabels:
    """The labels of a result.

    `exact`: no label outside `labels` can be there, and `dropped` is empty. `open`: every label of the stored
    series may be there, except those in `dropped`, and `labels` is empty. `guaranteed` are labels that
    each sample certainly has, because a matcher demands a value; the metric's name is never among them.
    """

    kind: Literal["exact", "open"]
    labels: frozenset[str] = _EMPTY
    dropped: frozenset[str] = _EMPTY
    guaranteed: frozenset[str] = _EMPTY

    def may_have(self, label: str) -> bool:
        """Whether a sample of the result can carry the label."""
        return label in self.labels if self.kind == "exact" else label not in self.dropped


NO_LABELS: Final = ResultLabels("exact")
ALL_LABELS: Final = ResultLabels("open")


def of_selector(guaranteed: Iterable[str]) -> ResultLabels:
    """The labels of series as they are stored."""
    names = frozenset(guaranteed) - _NAME_ONLY
    return ResultLabels("open", guaranteed=names) if names else ALL_LABELS


def exactly(labels: Iterable[str], guaranteed: Iterable[str] = ()) -> ResultLabels:
    """These labels and no other."""
    return ResultLabels("exact", frozenset(labels), _EMPTY, frozenset(guaranteed))


def without(given: ResultLabels, names: frozenset[str]) -> ResultLabels:
    """The labels after some are removed."""
    if given.kind == "exact":
        return ResultLabels("exact", given.labels - names, _EMPTY, given.guaranteed - names)
    return ResultLabels("open", _EMPTY, given.dropped | names, given.guaranteed - names)


def without_name(given: ResultLabels) -> ResultLabels:
    """The labels after the metric's name is removed, as most functions do."""
    return given if not given.may_have(NAME) else without(given, _NAME_ONLY)


def only(given: ResultLabels, names: Iterable[str]) -> ResultLabels:
    """The labels after all others are removed: `by (...)`."""
    kept = frozenset(name for name in names if given.may_have(name))
    return ResultLabels("exact", kept, _EMPTY, given.guaranteed & kept)


def with_label(given: ResultLabels, name: str, *, certain: bool) -> ResultLabels:
    """The labels after one is set; not `certain` when its value can turn out empty, which removes it."""
    guaranteed = (given.guaranteed | {name} if certain else given.guaranteed - {name}) - _NAME_ONLY
    if given.kind == "exact":
        return ResultLabels("exact", given.labels | {name}, _EMPTY, guaranteed)
    return ResultLabels("open", _EMPTY, given.dropped - {name}, guaranteed)


def either(left: ResultLabels, right: ResultLabels) -> ResultLabels:
    """The labels of samples that come from one of two places, as with `or`."""
    guaranteed = left.guaranteed & right.guaranteed
    if left.kind == right.kind == "exact":
        return ResultLabels("exact", left.labels | right.labels, _EMPTY, guaranteed)
    dropped = frozenset(
        name for name in left.dropped | right.dropped if not left.may_have(name) and not right.may_have(name)
    )
    return ResultLabels("open", _EMPTY, dropped, guaranteed)


def matched(left: ResultLabels, right: ResultLabels, names: frozenset[str], *, on: bool) -> ResultLabels:
    """The labels of one-to-one pairs that carry the same values in `names`, or in all others than `names`.

    Each pair's samples agree on the matched labels, so what one side can't have, or surely has, holds for
    both. The metric's name takes no part in matching without `on`, and stays as it is on the left.
    """
    if on:
        kept = frozenset(name for name in names if left.may_have(name) and right.may_have(name))
        return ResultLabels("exact", kept, _EMPTY, (left.guaranteed | right.guaranteed) & kept)
    guaranteed = (left.guaranteed | right.guaranteed) - names
    if left.kind == right.kind == "open":
        return ResultLabels("open", _EMPTY, left.dropped | (right.dropped - _NAME_ONLY) | names, guaranteed)
    known = left.labels if left.kind == "exact" else right.labels | _NAME_ONLY
    kept = frozenset(name for name in known - names if left.may_have(name) and (name == NAME or right.may_have(name)))
    return ResultLabels("exact", kept, _EMPTY, guaranteed & kept)


def grouped(
    many: ResultLabels, one: ResultLabels, names: frozenset[str], extra: Iterable[str], *, on: bool
) -> ResultLabels:
    """The labels with `group_left` or `group_right`: the many side's, and `extra` from the one side."""
    agreed = one.guaranteed & names if on else one.guaranteed - names
    agreed = frozenset(name for name in agreed if many.may_have(name))
    result = ResultLabels(many.kind, many.labels, many.dropped, many.guaranteed | agreed)
    for name in extra:
        if one.may_have(name):
            result = with_label(result, name, certain=name in one.guaranteed)
        else:
            result = without(result, frozenset({name}))
    return result
