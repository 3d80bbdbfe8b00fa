"""What a dashboard says in words."""

import re

from rules_gen.emit.markdown import escape_inline, link
from rules_gen.model import Alert, AlertRule

_ACTION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_LABEL = re.compile(r"\$labels\.([A-Za-z_][A-Za-z0-9_]*)")
# Grafana replaces its variables in descriptions too, before it reads the Markdown; a character reference
# survives that.
_VARIABLE = re.compile(r"\\?\$(?=[A-Za-z_{])")


def plain(template: str) -> str:
    """A template's text with its parts named: `{{ $labels.job }}` becomes `<job>`, a value `<value>`, the
    rest `…`.
    """
    return " ".join(_ACTION.sub(_name, template).split())


def _name(match: re.Match[str]) -> str:
    label = _LABEL.search(match[0])
    if label:
        return f"<{label[1]}>"
    return "<value>" if "$value" in match[0] else "…"


def markdown(text: str) -> str:
    """Escaped Markdown as Grafana shows it, with nothing in it that it takes for a variable."""
    return _VARIABLE.sub("&#36;", text)


def alert_description(alert: Alert, rules: tuple[AlertRule, ...]) -> str:
    """A panel's description in Markdown: the summary, when each of the panel's rules fires, where the runbook
    is.
    """
    lines = dict.fromkeys(f"- {escape_inline(_condition(rule))}" for rule in rules)
    parts = [escape_inline(plain(alert.summary)), "\n".join(lines), link("Runbook", alert.runbook_url)]
    return markdown("\n\n".join(parts))


def _condition(rule: AlertRule) -> str:
    where = f" in {rule.environment}" if rule.environment else ""
    what = rule.threshold.text if rule.threshold else "the condition holds"
    return f"{rule.severity}{where}: {what} for {rule.hold}"
