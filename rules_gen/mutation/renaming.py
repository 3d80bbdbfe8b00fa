"""Gives the rules and series of one scenario names of their own, so that many scenarios are played in one database.

promtool opens a database for each entry of a fixture and evaluates every rule in it, so an entry for each scenario
costs the square of their number. A mutant that has lost a matcher reads more series than its original, so that the
sharing which is right for originals is wrong for it. With names of its own a scenario is alone however many there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from rules_gen.gotmpl import check_template
from rules_gen.model import AlertRule, RecordingRule
from rules_gen.model.rules import Pairs
from rules_gen.mutation.mutant import Rule
from rules_gen.promql import Kind, PromqlError, Target, analyse, tokenize
from rules_gen.promql.places import find_places

_NAME: Final = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)")
OWN: Final = frozenset({"ALERTS", "ALERTS_FOR_STATE"})
"""The metrics that Prometheus makes of every alert."""
# info() reads metrics that it doesn't name; the others choose by a hash of all labels, the metric's name among them.
_BY_NAME: Final = frozenset({"info", "limitk", "limit_ratio"})
_LABEL_MAKERS: Final = ("label_replace", "label_join", "count_values")
_MATCH_OPERATORS: Final = frozenset({"=", "!=", "=~", "!~"})
_WORD: Final = re.compile(r"[A-Za-z0-9_]+")
# All labels at once, the metric's name among them, by any of the names that they have in a template.
_ALL_LABELS: Final = re.compile(r"(?:\$labels|\.Labels)(?!\.[A-Za-z_])|(?<![\w$.)\"`])[.$](?![\w.\"])")
_ACTION: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def renamed(expr: str, names: dict[str, str], prefix: str, target: Target) -> str | None:
    """The expression with each metric called `prefix` and its name, or what `names` says.

    None where the names of metrics don't tell all that it reads.
    """
    if "__name__" in expr:
        return None
    places, analysis = find_places(expr), analyse(expr, target)
    if places is None or isinstance(analysis, tuple) or analysis.functions & _BY_NAME:
        return None
    spans = [place.metric for place in places.selectors]
    known = [None if span is None else expr[slice(*span)] for span in spans]
    if known != [selector.name for selector in analysis.selectors]:
        return None
    parts: list[str] = []
    position = 0
    for span, name in zip(spans, known, strict=True):
        if span is None or name is None or name in OWN:
            return None
        parts += [expr[position : span[0]], names.get(name, prefix + name)]
        position = span[1]
    return "".join(parts) + expr[position:]


def metric_of(series: str) -> str | None:
    """The metric of an input series; None for one whose name stands in its braces, or is that of alerts."""
    match = _NAME.match(series)
    return None if match is None or "__name__" in series or match[1] in OWN else match[1]


def renamed_series(series: str, names: dict[str, str], prefix: str) -> str | None:
    """An input series with its metric renamed as in expressions; None where its metric can't be told."""
    metric = metric_of(series)
    return None if metric is None else series.replace(metric, names.get(metric, prefix + metric), 1)


def queries(rule: Rule, target: Target) -> bool:
    """Whether a template of the rule reads series by itself."""
    infos = (check_template(text, target) for text in _templates(rule))
    return any(info.errors or "query" in info.functions_used for info in infos)


def shows_name(rule: Rule) -> bool:
    """Whether a template of the rule may show the name of the metric."""
    actions = (action for text in _templates(rule) for action in _ACTION.findall(text))
    return any("__name__" in action or _ALL_LABELS.search(action) for action in actions)


def _templates(rule: Rule) -> list[str]:
    if isinstance(rule, RecordingRule):
        return []
    return [text for pairs in (rule.labels, rule.annotations) for _, text in pairs if "{{" in text]


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """All that could be the name of a label in these texts."""
    return frozenset(word for text in texts for word in _WORD.findall(text))


def words_outside_values(expr: str) -> frozenset[str]:
    """All that could be the name of a label in an expression: its words, less those in the values of matchers."""
    tokens = tokenize(expr)
    if isinstance(tokens, PromqlError):
        return words_of([expr])
    before = [None, *tokens]
    return words_of(
        token.text
        for last, token in zip(before, tokens, strict=False)
        if token.kind is not Kind.COMMENT and not (last is not None and last.text in _MATCH_OPERATORS)
    )


def lightened(rule: AlertRule, brought: frozenset[str], *, annotated: bool) -> tuple[AlertRule, Pairs]:
    """The alert without what promtool needn't expand, and the labels that have to be put back on what fires.

    promtool expands every label and annotation as a template for each result at each evaluation, which takes several
    times as long as evaluating the expression. A label that is no template is always the same, unless what is evaluated
    may bring one of its name, which is one of the words in `brought`: then two results could become one, and all labels
    stay.
    """
    annotations = tuple((name, text) for name, text in rule.annotations if "{{" in text) if annotated else ()
    fixed = tuple((name, text) for name, text in rule.labels if "{{" not in text)
    if any(name in brought or not _WORD.fullmatch(name) for name, _ in fixed) or not brought.isdisjoint(_LABEL_MAKERS):
        return rule._replace(annotations=annotations), ()
    labels = tuple((name, text) for name, text in rule.labels if "{{" in text)
    return rule._replace(annotations=annotations, labels=labels), fixed
