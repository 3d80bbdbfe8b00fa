"""Where the texts of a rule were written, as exactly as the model still knows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rules_gen.diagnostics import Place
    from rules_gen.model import Alert, AlertRule

_FROM_RUNBOOK = {"impact": "impact", "action": "first"}
_TEMPLATES = "alerts/_templates/"


def templated(rule: AlertRule) -> list[tuple[str, str, str]]:
    """The rule's labels and annotations that are Go templates: `labels` or `annotations`, the name, the text."""
    found = [("annotations", name, text) for name, text in rule.annotations if "{{" in text]
    for name, text in rule.labels:
        if "{{" in text:
            found.append(("labels", name, text))
    return found


def text_place(alert: Alert, rule: AlertRule, kind: str, name: str) -> Place:
    """Where this label or annotation was written; a label of the service or its environment has no place here."""
    if kind == "labels":
        return alert.place.at("labels", name)
    if name == "summary":
        return rule.summary_place
    if name == "description":
        return alert.place.at("description")
    if name in _FROM_RUNBOOK:
        return alert.place.at("runbook", _FROM_RUNBOOK[name])
    return alert.place.at("annotations", name)


def part_of_text(alert: Alert, rule: AlertRule, source: tuple[str, str, str], offset: int, length: int) -> Place:
    """The place of `length` characters from `offset` in a label or annotation; `source` is one of `templated`."""
    kind, name, text = source
    shift = _stripped(alert, kind, name, text)
    return part(text_place(alert, rule, kind, name), rule, text, offset + shift, length)


def part(place: Place, rule: AlertRule, text: str, offset: int, length: int) -> Place:
    """`length` characters from `offset` in `text`, which was written at `place`.

    The whole place where a parameter's or an environment's value may stand before that part: what was typed is then
    of another length than what it became, and a caret under the wrong word is worse than one under the whole line.
    """
    if place.file.startswith(_TEMPLATES) or (rule.environment is not None and rule.environment in text[:offset]):
        return place
    return place.within(offset, max(length, 1))


def _stripped(alert: Alert, kind: str, name: str, text: str) -> int:
    """How many blanks stood before the text where it was typed: annotations are compiled without them."""
    if kind == "labels":
        return 0
    typed = {"summary": alert.summary, "description": alert.description}.get(name, text)
    if alert.runbook is not None and name in _FROM_RUNBOOK:
        typed = alert.runbook.impact if name == "impact" else alert.runbook.first
    return len(typed) - len(typed.lstrip()) if typed.strip() == text else 0
