"""When an alert fires, in words: its threshold, its rungs and environments, its burn rates."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rules_gen.emit.markdown import table
from rules_gen.model import Alert, AlertRule, Slo, Threshold
from rules_gen.promql.durations import parse_duration
from rules_gen.target_support.prose import code_block, duration_words, inline, is_zero

_NONE = "-"

OPERATOR_WORDS = {
    ">": "above",
    ">=": "at least",
    "<": "below",
    "<=": "at most",
    "==": "equal to",
    "!=": "other than",
}
_NUMBER = re.compile(r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*(\S*)\s*\Z")

# The short window and the share of the error budget that each long window may spend before somebody is told,
# from the multiwindow, multi-burn-rate alerts of the SRE workbook (chapter "Alerting on SLOs").
_BURN_WINDOWS = {"1h": ("5m", 0.02), "6h": ("30m", 0.05), "1d": ("2h", 0.1), "3d": ("6h", 0.1)}


def threshold_words(threshold: Threshold) -> str:
    """Return a threshold as words with the author's number and unit, as Markdown: ``above 5 %``."""
    return inline(threshold_text(threshold))


@lru_cache(maxsize=1024)
def threshold_text(threshold: Threshold) -> str:
    """Return the same as plain text."""
    typed = _NUMBER.search(threshold.text)
    # "10 m" would read as metres.
    number = f"{typed[1]} {unit_text(typed[2])}".rstrip() if typed else threshold.literal
    return f"{OPERATOR_WORDS[threshold.operator]} {number}"


def unit_text(unit: str) -> str:
    """Return an author's unit as it is shown to readers."""
    return "min" if unit == "m" else unit


def _hold_words(hold: str) -> str:
    return "at once, **without waiting**" if is_zero(hold) else f"for **{duration_words(hold)}**"


def _environment_words(environments: Iterable[str | None]) -> str:
    names = [inline(name) for name in environments if name is not None]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _condition_sentence(rule: AlertRule) -> str:
    """Return in a sentence or two when one rule fires."""
    if rule.threshold is None:
        condition = "the condition below holds"
    else:
        condition = f"the signal is **{threshold_words(rule.threshold)}**"
    sentence = f"Fires when {condition} {_hold_words(rule.hold)}."
    if rule.keep_firing_for is not None:
        sentence += f" Goes on firing for {duration_words(rule.keep_firing_for)} after that."
    return sentence


def _fires_when(rule: AlertRule) -> str:
    return "its condition holds" if rule.threshold is None else threshold_words(rule.threshold)


def _rung_cells(rule: AlertRule) -> tuple[str, ...]:
    hold = "at once" if is_zero(rule.hold) else duration_words(rule.hold)
    kept = duration_words(rule.keep_firing_for) if rule.keep_firing_for is not None else _NONE
    return (rule.severity, _fires_when(rule), hold, kept)


_RUNG_COLUMNS = ("Severity", "Fires when", "For", "Goes on firing")


def _rung_table(rules: Sequence[AlertRule]) -> str:
    """Return the rules of a ladder or of several environments as a table; equal environments share rows."""
    by_environment: dict[str | None, list[tuple[str, ...]]] = {}
    for rule in rules:
        by_environment.setdefault(rule.environment, []).append(_rung_cells(rule))
    shared: dict[tuple[tuple[str, ...], ...], list[str | None]] = {}
    for environment, rows in by_environment.items():
        shared.setdefault(tuple(rows), []).append(environment)
    columns = len(_RUNG_COLUMNS) if any(rule.keep_firing_for for rule in rules) else len(_RUNG_COLUMNS) - 1
    if len(shared) == 1:
        return table(_RUNG_COLUMNS[:columns], (row[:columns] for row in next(iter(shared))))
    return table(
        ("Environment", *_RUNG_COLUMNS[:columns]),
        ((_environment_words(environments), *row[:columns]) for rows, environments in shared.items() for row in rows),
    )


def _percent(ratio: float) -> str:
    return f"{ratio * 100:.6g} %"


def _burn_row(rule: AlertRule, slo: Slo) -> tuple[str, ...]:
    window = dict(rule.labels).get("window", "").partition("/")[0]
    known = _BURN_WINDOWS.get(window)
    period, length = parse_duration(slo.window), parse_duration(window)
    if known is None or not period or not length:
        return (rule.severity, inline(window) or _NONE, _NONE, _NONE, _NONE)
    short, share = known
    factor = share * period / length
    windows = f"{duration_words(window)} and {duration_words(short)}"
    return (rule.severity, windows, f"{factor:.3g}", _percent(factor * (1 - slo.target)), _percent(share))


def _burn_table(rules: Sequence[AlertRule], slo: Slo) -> str:
    """Return an objective's burn-rate rules as a table, each once however many environments there are."""
    rows = dict.fromkeys(_burn_row(rule, slo) for rule in rules)
    return table(("Severity", "Over the last", "Burn rate above", "Errors above", "Budget spent"), rows)


def _burn_sentence(slo: Slo) -> str:
    """Return in a sentence what an objective's alert means."""
    objective = inline(f"the objective {slo.objective.replace('%', ' %')}")
    return (
        f"Fires when the error budget of **{objective}** over {duration_words(slo.window)} "
        "is being spent too fast. A burn rate of 1 spends it exactly within that time. Each row is a rule, "
        "and fires when the burn rate is above its limit over both of its windows:"
    )


def _rule_words(rule: AlertRule) -> str:
    window = dict(rule.labels).get("window")
    words = f"of **{rule.severity}**"
    if window:
        words += f", window {inline(window)}"
    if rule.environment is not None:
        words += f", in {inline(rule.environment)}"
    return words


def _whose(some: Sequence[AlertRule], rules: Sequence[AlertRule]) -> str:
    """Which of the rules these are: all of some environments, or some that are named one by one."""
    environments = list(dict.fromkeys(rule.environment for rule in some))
    if None not in environments and len(some) == sum(rule.environment in environments for rule in rules):
        return f"in {_environment_words(environments)}"
    return "; ".join(map(_rule_words, some))


def _promql_blocks(rules: Sequence[AlertRule], noun: str, texts: Sequence[str]) -> str:
    """One text of each rule as code; what rules share is shown once."""
    shared: dict[str, list[AlertRule]] = {}
    for text, rule in zip(texts, rules, strict=True):
        shared.setdefault(text, []).append(rule)
    if len(shared) == 1:
        return f"The {noun}:\n\n{code_block(texts[0], 'promql')}"
    return "\n\n".join(
        f"The {noun} {_whose(some, rules)}:\n\n{code_block(text, 'promql')}" for text, some in shared.items()
    )


def _promql(rules: Sequence[AlertRule]) -> str:
    """What Prometheus evaluates.

    One rule has its whole condition. Several have their signals, for the table has the thresholds; where
    there are rules without a threshold, they have their conditions.
    """
    conditions = [rule.expr for rule in rules]
    if len(set(conditions)) > 1 and all(rule.threshold for rule in rules):
        return _promql_blocks(rules, "signal", [rule.signal for rule in rules])
    return _promql_blocks(rules, "condition", conditions)


def meaning(alert: Alert, slo: Slo | None) -> str:
    """Return when the alert fires: in words, as a table where it has several rules, then as PromQL."""
    if slo is not None:
        # A burn rate's signal is that of its long window alone, so only the conditions tell all.
        conditions = _promql_blocks(alert.rules, "condition", [rule.expr for rule in alert.rules])
        parts = [_burn_sentence(slo), _burn_table(alert.rules, slo), conditions]
    elif len(alert.rules) == 1 or len({_rung_cells(rule) for rule in alert.rules}) == 1:
        parts = [_condition_sentence(alert.rules[0]), _promql(alert.rules)]
    else:
        parts = ["Each row is a rule, and fires when its condition has held for the whole time:"]
        parts += [_rung_table(alert.rules), _promql(alert.rules)]
    return "\n\n".join(part.rstrip("\n") for part in parts)
