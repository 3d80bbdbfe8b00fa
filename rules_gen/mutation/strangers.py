"""Series that a scenario lacks: those that a matcher leaves out, a second of each, and metrics that it has none of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from rules_gen.fixtures.series import parse_series
from rules_gen.mutation.samples import mapped, read_samples, scaled
from rules_gen.promql.parts import MatcherPlace
from rules_gen.promql.places import find_places

_LABEL: Final = re.compile(r'([{,]\s*)([a-zA-Z_][a-zA-Z0-9_]*)(\s*=\s*)"((?:[^"\\]|\\.)*)"')

Series = tuple[tuple[str, str], ...]
"""Input series and their samples."""

Guess = tuple[Series, str]
"""Series, and in words what sets them apart from those that they were made from."""


def strangers(series: Series, original: str, changed: str) -> Iterator[Guess]:
    """Series that the original's matcher leaves out, beside those that it selects."""
    label, matcher, metric = _lost(original, changed)
    if matcher is None:
        return
    value = _outsider(matcher)
    mine = [(name, text) for name, text in series if name.partition("{")[0].strip() == metric]
    for factor in (1, 100, 0):
        made = [(with_label(name, label, value), mapped(text, scaled(Fraction(factor))) or text) for name, text in mine]
        names = {name for name, _ in series}
        added = [(name, text) for name, text in made if name not in names]
        if added:
            yield (*series, *added), f"beside a {label} that doesn't count"
        for one in added:
            yield (*series, one), f"beside a {label} that doesn't count"
    swapped = tuple(
        (with_label(name, label, value), text) if name.partition("{")[0].strip() == metric else (name, text)
        for name, text in series
    )
    yield swapped, f"for a {label} that doesn't count"


def _lost(original: str, changed: str) -> tuple[str, MatcherPlace | None, str]:
    """The matcher that the mutant has dropped or negated, its label and its metric."""
    before, after = find_places(original), find_places(changed)
    if before is None or after is None or len(before.selectors) != len(after.selectors):
        return "", None, ""
    for old, new in zip(before.selectors, after.selectors, strict=True):
        kept = [(one.label, one.op, one.value) for one in new.matchers]
        for one in old.matchers:
            if (one.label, one.op, one.value) not in kept:
                return one.label, one, original[slice(*old.metric)] if old.metric else ""
    return "", None, ""


def _outsider(matcher: MatcherPlace) -> str:
    """A value of the label that the matcher leaves out."""
    if matcher.op in ("=", "=~"):
        return "another"
    if matcher.op == "!=":
        return matcher.value
    first = matcher.value.partition("|")[0].strip("()^$")
    return re.sub(r"\\(.)", r"\1", re.sub(r"\.[*+]|\[[^\]]*\]|\.", "x", first)) or "another"


def with_label(series: str, label: str, value: str) -> str:
    """The series with that label, in place of the one that it has or besides all others."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    if label in (parse_series(series) or {}):
        return _LABEL.sub(lambda m: f'{m[1]}{m[2]}{m[3]}"{quoted}"' if m[2] == label else m[0], series)
    if "{" not in series:
        return f'{series.strip()}{{{label}="{quoted}"}}'
    return series.replace("{", f'{{{label}="{quoted}", ' if _LABEL.search(series) else f'{{{label}="{quoted}"', 1)


def twins(series: Series) -> Iterator[Guess]:
    """Each label once more with another value, so that what is grouped by it has two of everything."""
    labels: dict[str, None] = {}
    for name, _ in series:
        labels.update(dict.fromkeys(key for key in (parse_series(name) or {}) if key != "__name__"))
    for label in labels:
        for factor in (1, 0, 3):
            made = [
                (with_label(name, label, "another"), mapped(text, scaled(Fraction(factor))) or text)
                for name, text in series
                if label in (parse_series(name) or {})
            ]
            yield ((*series, *made), f"for two values of {label}")


def newcomers(series: Series, original: str) -> Iterator[Guess]:
    """Metrics of the expression that the scenario has no series of, such as that of a maintenance."""
    places = find_places(original)
    present = {name.partition("{")[0].strip() for name, _ in series}
    length = max((len(values) for _, text in series if (values := read_samples(text))), default=0)
    for selector in places.selectors if places is not None and length > 1 else ():
        metric = original[slice(*selector.metric)] if selector.metric else ""
        if not metric or metric in present:
            continue
        # With the labels of what is there, so that the two can be joined.
        for name in dict.fromkeys(metric + name[len(name.partition("{")[0]) :] for name, _ in series):
            made = name
            for matcher in selector.matchers:
                made = with_label(made, matcher.label, matcher.value if matcher.op == "=" else _insider(matcher))
            for value in (1, 0, 2):
                yield ((*series, (made, f"{value}x{length - 1}")), f"with {metric} at {value}")


def _insider(matcher: MatcherPlace) -> str:
    """A value of the label that the matcher lets in."""
    return "another" if matcher.op in ("!=", "!~") else _outsider(matcher._replace(op="!~"))
