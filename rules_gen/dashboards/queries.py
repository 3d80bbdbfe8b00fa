"""The PromQL of a dashboard: what Grafana substitutes in it, and what it must leave alone."""

import json
import re
from collections.abc import Iterable, Sequence

from rules_gen.model import Slo

FILTERS = ("job", "instance")
"""The labels that a dashboard can be narrowed by."""

_LITERAL = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`""", re.DOTALL)
_VARIABLE = re.compile(r"\$(?=[A-Za-z_{])|\[(?=\[)")


def quote(text: str) -> str:
    """Text as a double-quoted PromQL string."""
    return json.dumps(text, ensure_ascii=False)


def without_strings(expr: str) -> str:
    """An expression without its strings and comments, for a look at its words."""
    return _LITERAL.sub("", expr)


def protect(expr: str) -> str:
    """An expression of the same meaning in which Grafana finds no variable.

    A dollar sign or a double bracket inside a string (`label_replace(..., "$job", ...)`) would be replaced
    when a variable has that name. It is written as its code instead; a raw string, which knows no codes,
    becomes a quoted one.
    """
    return _LITERAL.sub(_hide_variables, expr) if "$" in expr or "[[" in expr else expr


def _hide_variables(match: re.Match[str]) -> str:
    text = match[0]
    if text[0] == "#":
        # What a value brings into a comment may hold a line break, so the sign itself has to go.
        return _VARIABLE.sub("", text)
    if not _VARIABLE.search(text):
        return text
    if text[0] == "`":
        text = quote(text[1:-1])
    return _VARIABLE.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def ref_id(index: int) -> str:
    """The name of a panel's query, as Grafana counts: A to Z, then AA."""
    letters = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def alerts_series(team: str, service: str, filters: Iterable[str] = (), state: str | None = None) -> str:
    """The selector of a service's `ALERTS`, narrowed to a state and by the dashboard's variables.

    The empty alternative keeps what carries no such label: a filter must not hide the alert that nothing is
    scraped.
    """
    matchers = [f"team={quote(team)}", f"service={quote(service)}"]
    if state:
        matchers.insert(0, f"alertstate={quote(state)}")
    matchers += [f'{label}=~"${label}|"' for label in filters]
    return f"ALERTS{{{', '.join(matchers)}}}"


def firing_count(team: str, service: str, filters: Sequence[str]) -> str:
    """How many alerts fire, 0 rather than nothing when none does."""
    return f"count({alerts_series(team, service, filters, 'firing')}) or vector(0)"


def history(team: str, service: str, filters: Sequence[str]) -> str:
    """Each alert over time: 2 while firing, else 1 while pending."""
    by = "by (alertname, severity, environment)"
    firing = alerts_series(team, service, filters, "firing")
    pending = alerts_series(team, service, filters, "pending")
    return f"2 * max {by} ({firing}) or max {by} ({pending})"


def firing_starts(team: str, service: str) -> str:
    """The moments at which alerts begin to fire: firing now, and not a minute ago."""
    firing = alerts_series(team, service, state="firing")
    return f"{firing} unless {firing} offset 1m"


def with_runbooks(series: str, pattern: str, elsewhere: Iterable[tuple[str, str]]) -> str:
    """The series with a label `runbook`: the pattern's address, or the one given for an alert whose page is
    elsewhere.

    `pattern` has `{alert}` for the alert's name.
    """
    general = pattern.replace("$", "$$").replace("{alert}", "${1}")
    text = f'label_replace({series}, "runbook", {_address(general)}, "alertname", "(.+)")'
    for alert, url in elsewhere:
        address = _address(url.replace("$", "$$"))
        text = f'label_replace({text}, "runbook", {address}, "alertname", {quote(alert)})'
    return text


def _address(text: str) -> str:
    return protect(quote(text))


def recorded(record: str, labels: Iterable[tuple[str, str]]) -> str:
    """The selector of a recorded series."""
    matchers = ", ".join(f"{name}={quote(value)}" for name, value in labels)
    return f"{record}{{{matchers}}}" if matchers else record


def burn_rate(slo: Slo, record: str) -> str:
    """How many times faster than allowed the error budget is spent."""
    return protect(f"{recorded(record, slo.labels)} / (1 - {slo.target!r})")


def service_level(slo: Slo, record: str) -> str:
    """The share of good events."""
    return protect(f"1 - {recorded(record, slo.labels)}")


def budget_left(slo: Slo) -> str:
    """The share of the error budget that is left at the end of a whole window; negative when overspent.

    Taken from the ratio recorded over the whole window where there is one; else the shortest ratio is
    averaged, weighted by traffic so that a quiet night counts for little.
    """
    records = dict(slo.ratio_records)
    if slo.window in records:
        spent = recorded(records[slo.window], slo.labels)
    else:
        total = recorded(slo.total_record, slo.labels)
        errors = f"{recorded(slo.ratio_records[0][1], slo.labels)} * {total}"
        over = f"[{slo.window}:5m]"
        spent = f"(sum_over_time(({errors}){over}) / sum_over_time({total}{over}))"
    return protect(f"1 - {spent} / (1 - {slo.target!r})")
