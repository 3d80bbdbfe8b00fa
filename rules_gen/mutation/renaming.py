"""Gives the rules and series of one scenario names of their own, so that many scenarios are played in one database.

promtool opens a database for each entry of a fixture and evaluates every rule in it, so an entry for each scenario
costs the square of their number. A mutant that has lost a matcher reads more series than its original, so that the
sharing which is right for originals is wrong for it. With names of its own a scenario is alone however many there are.
"""

from __future__ import annotations

import re
from typing import Final

from rules_gen.model import AlertRule, RecordingRule
from rules_gen.model.rules import Pairs
from rules_gen.mutation.mutant import Rule
from rules_gen.promql import Target, analyse
from rules_gen.promql.places import find_places

_NAME: Final = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)")
# These are made by Prometheus for every alert; info() reads metrics that it doesn't name.
_OWN: Final = frozenset({"ALERTS", "ALERTS_FOR_STATE"})
_LABEL_MAKERS: Final = ("label_replace", "label_join", "count_values")
_TEMPLATE_QUERY: Final = re.compile(r"\{\{[^}]*\bquery\b")


def renamed(expr: str, names: dict[str, str], prefix: str, target: Target) -> str | None:
    """The expression with each metric called `prefix` and its name, or what `names` says.

    None where the names of metrics don't tell all that it reads.
    """
    if "__name__" in expr:
        return None
    places, analysis = find_places(expr), analyse(expr, target)
    if places is None or isinstance(analysis, tuple) or "info" in analysis.functions:
        return None
    spans = [place.metric for place in places.selectors]
    known = [None if span is None else expr[slice(*span)] for span in spans]
    if known != [selector.name for selector in analysis.selectors]:
        return None
    parts: list[str] = []
    position = 0
    for span, name in zip(spans, known, strict=True):
        if span is None or name is None or name in _OWN:
            return None
        parts += [expr[position : span[0]], names.get(name, prefix + name)]
        position = span[1]
    return "".join(parts) + expr[position:]


def renamed_series(series: str, prefix: str) -> str | None:
    """An input series with its metric renamed; None for one whose name stands in its braces, or is that of alerts."""
    match = _NAME.match(series)
    if match is None or "__name__" in series or match[1] in _OWN:
        return None
    return series[: match.start(1)] + prefix + series[match.start(1) :]


def queries(rule: Rule) -> bool:
    """Whether a template of the rule reads series by itself, or asks for the metric's name."""
    if isinstance(rule, RecordingRule):
        return False
    texts = [text for pairs in (rule.labels, rule.annotations) for _, text in pairs if "{{" in text]
    return any("__name__" in text or _TEMPLATE_QUERY.search(text) for text in texts)


def lightened(rule: AlertRule, series_labels: frozenset[str], *, annotated: bool) -> tuple[AlertRule, Pairs]:
    """The alert without what promtool needn't expand, and the labels that have to be put back on what fires.

    promtool expands every label and annotation as a template for each result at each evaluation, which takes several
    times as long as evaluating the expression. A label that is no template is always the same, unless a series brings
    one of its name: then two results could become one, and all labels stay.
    """
    annotations = tuple((name, text) for name, text in rule.annotations if "{{" in text) if annotated else ()
    fixed = tuple((name, text) for name, text in rule.labels if "{{" not in text)
    made = {name for name, _ in fixed} & series_labels or any(word in rule.expr for word in _LABEL_MAKERS)
    if made:
        return rule._replace(annotations=annotations), ()
    labels = tuple((name, text) for name, text in rule.labels if "{{" in text)
    return rule._replace(annotations=annotations, labels=labels), fixed
