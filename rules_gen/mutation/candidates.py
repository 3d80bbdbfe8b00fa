"""Scenarios that might tell a surviving mutant from its original, made from those that its alert has.

They are guesses: promtool plays them, and one that shows no difference is thrown away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from typing import Final, NamedTuple

from rules_gen.fixtures.layout import Case
from rules_gen.fixtures.series import parse_series
from rules_gen.model import State
from rules_gen.mutation.edits import constant
from rules_gen.mutation.mutant import Mutant, Rule
from rules_gen.mutation.samples import Sample, delayed, ended, mapped, number, read_samples, scaled, shifted, stopped
from rules_gen.mutation.strangers import Guess, Series, newcomers, strangers, twins, with_label
from rules_gen.promql.places import find_places, is_comparison

MOST: Final = 160
"""Candidates for one mutant; beyond that the guesses become wild."""

_TYPED: Final = re.compile(r"(\S+) to (\S+?)(?: #[0-9]+)?$")


class Candidate(NamedTuple):
    """A scenario's series, and in words what sets it apart from the scenario that it was made from."""

    base: Case
    series: Series
    words: str


class Compared(NamedTuple):
    """What a mutant compares differently: the operand, and the values of it that may show the difference."""

    operand: str
    targets: tuple[tuple[Fraction, str], ...]


def bases(cases: Sequence[Case]) -> list[Case]:
    """The scenarios to start from: the first that fires, the first that is quiet throughout, and one more."""
    fires = [case for case in cases if _has(case, State.FIRING)]
    quiet = [case for case in cases if not _has(case, State.FIRING)]
    return list({id(case): case for case in (*fires[:1], *quiet[:1], *fires[1:2], *quiet[1:2])}.values())


def _has(case: Case, state: State) -> bool:
    return any(assertion.state is state for assertion in case.scenario.assertions)


def compared(original: Rule, changed: Rule) -> Compared | None:
    """The comparison that the mutant has changed, if it is one with a number."""
    before, after = find_places(original.expr), find_places(changed.expr)
    if before is None or after is None or len(before.operators) != len(after.operators):
        return None
    for old, new in zip(before.operators, after.operators, strict=True):
        if not is_comparison(old.operator) or not is_comparison(new.operator):
            continue
        for side, other in (("right", "left"), ("left", "right")):
            here, there = (
                expr[slice(*getattr(place, side))] for expr, place in ((original.expr, old), (changed.expr, new))
            )
            limit, moved = constant(here), constant(there)
            if limit is None or moved is None or (here, old.operator) == (there, new.operator):
                continue
            targets = [(Fraction(limit), "at exactly the limit")]
            if moved != limit:
                targets.insert(0, (Fraction(limit + moved) / 2, f"between {here} and {there}"))
            return Compared(original.expr[slice(*getattr(old, other))], tuple(targets))
    return None


def candidates(mutant: Mutant, original: Rule, cases: Sequence[Case], values: Sequence[Fraction]) -> list[Candidate]:
    """What is worth a try for a mutant, the likely first. `values` are those of the compared operand, if there is one.

    The scenarios themselves come first: often only a time is missing.
    """
    found: list[Candidate] = [Candidate(case, case.scenario.series, "") for case in cases]
    changed = next(iter(mutant.changes.values()))
    for base in bases(cases):
        made = _made(mutant, original, changed, base, values)
        found += islice(made, MOST // max(1, len(bases(cases))))
    unique: dict[tuple[Series, int], Candidate] = {}
    for one in found:
        unique.setdefault((one.series, one.base.scenario.interval_ms), one)
    return list(unique.values())


def _made(mutant: Mutant, original: Rule, changed: Rule, base: Case, values: Sequence[Fraction]) -> Iterator[Candidate]:
    comparison = compared(original, changed)
    if comparison is not None:
        typed = _TYPED.search(mutant.name) if mutant.operator == "threshold" else None
        for target, words in comparison.targets:
            # In the author's unit where there is one: `between 5% and 5.5%`.
            if typed and words.startswith("between"):
                ends = (typed[1], typed[2]) if target > comparison.targets[-1][0] else (typed[2], typed[1])
                yield from _aimed(base, original, values, target, f"between {ends[0]} and {ends[1]}")
            else:
                yield from _aimed(base, original, values, target, words)
    series = base.scenario.series
    guesses: list[Guess] = []
    if mutant.operator == "matcher":
        guesses += strangers(series, original.expr, changed.expr)
    if mutant.operator in ("grouping", "set"):
        guesses += twins(series)
    guesses += newcomers(series, original.expr)
    yield from (Candidate(base, *guess) for guess in guesses)
    yield from _reshaped(base)


def _aimed(base: Case, original: Rule, values: Sequence[Fraction], target: Fraction, words: str) -> Iterator[Candidate]:
    """Series changed so that what is compared may come to the target: as a part of it, as what is left of one, or as
    a distance. A histogram is made anew.
    """
    quantiles = list(_quantiles(base, original, target, words))
    yield from quantiles
    for value in dict.fromkeys(() if quantiles else values):
        changes: list[Callable[[list[Sample]], list[Sample]]] = []
        if value and target / value > 0:
            changes.append(scaled(target / value))
        if value != 1 and (1 - target) / (1 - value) > 0:
            changes.append(scaled((1 - target) / (1 - value)))
        if target and value / target > 0:
            changes.append(scaled(value / target))
        if 0 < value < 1 and 0 < target < 1:
            # A part of a whole that grows with it: the part, or what is left, by the odds.
            odds = target / (1 - target) * (1 - value) / value
            changes += [scaled(1 / odds), scaled(odds)]
        changes += [shifted(target - value), shifted(value - target)]
        for change in changes:
            for chosen in _groups(base.scenario.series):
                yield from _changed(base, chosen, change, words)


def _quantiles(base: Case, original: Rule, target: Fraction, words: str) -> Iterator[Candidate]:
    """Histograms whose quantile is the target itself: it is a bucket's bound, and just that share is in the bucket."""
    places = find_places(original.expr)
    calls = [] if places is None else [call for call in places.calls if call.name == "histogram_quantile"]
    if len(calls) != 1 or target <= 0:
        return
    quantile = constant(original.expr[slice(*calls[0].arguments[0])])
    if quantile is None:
        return
    share = Fraction(quantile)
    whole = Fraction(100) if (share * 100) % 1 == 0 else Fraction(1000)
    made: dict[str, str] = {}
    for name, text in base.scenario.series:
        if "le" not in (parse_series(name) or {}):
            made[name] = text
            continue
        last = len(read_samples(text) or ()) - 1
        if last < 1:
            return
        made[with_label(name, "le", number(target))] = f"0+{number(whole * share)}x{last}"
        made[with_label(name, "le", "+Inf")] = f"0+{number(whole)}x{last}"
    yield Candidate(base, tuple(made.items()), words)


def _groups(series: Series) -> list[frozenset[int]]:
    """Which series are changed together: all, those of one metric, and each by itself."""
    metrics: dict[str, set[int]] = {}
    for index, (name, _) in enumerate(series):
        metrics.setdefault(name.partition("{")[0], set()).add(index)
    groups = [frozenset(range(len(series))), *map(frozenset, metrics.values())]
    groups += [frozenset({index}) for index in range(min(len(series), 6))]
    return list(dict.fromkeys(groups))


def _changed(
    base: Case, chosen: frozenset[int], change: Callable[[list[Sample]], list[Sample]], words: str
) -> Iterator[Candidate]:
    made: list[tuple[str, str]] = []
    for index, (name, text) in enumerate(base.scenario.series):
        samples = mapped(text, change) if index in chosen else text
        if samples is None:
            return
        made.append((name, samples))
    yield Candidate(base, tuple(made), words)


def _reshaped(base: Case) -> Iterator[Candidate]:
    """What any mutant may stumble over: series that stop, begin later, go away, or weigh more or less."""
    lengths = [len(values) for _, text in base.scenario.series if (values := read_samples(text))]
    longest = max(lengths, default=0)
    groups = _groups(base.scenario.series)
    for share in (2, 3):
        at = longest // share
        if at > 1:
            for chosen in groups:
                yield from _changed(base, chosen, stopped(at), "when it stops")
                yield from _changed(base, chosen, delayed(at), "when it begins later")
                yield from _changed(base, chosen, ended(at), "when series end")
    for chosen in groups:
        rest = tuple(one for index, one in enumerate(base.scenario.series) if index not in chosen)
        if rest:
            yield Candidate(base, rest, "without some of the series")
        for factor in ("0", "0.1", "0.5", "0.9", "1.1", "2", "10"):
            yield from _changed(base, chosen, scaled(Fraction(factor)), "with other values")
        for by in (1, -1):
            yield from _changed(base, chosen, shifted(Fraction(by)), "with other values")
