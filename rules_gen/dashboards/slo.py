"""The panels of an objective: the level against the target, the budget that is left, how fast it burns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rules_gen.dashboards import queries
from rules_gen.dashboards.look import Line
from rules_gen.dashboards.plan import Graph
from rules_gen.dashboards.text import markdown, plain
from rules_gen.emit.markdown import escape_inline, link

if TYPE_CHECKING:
    from rules_gen.model import Alert, Service, Slo

_PERIOD_MS = 30 * 24 * 3600 * 1000
BURN_FACTORS = ((14.4, True), (6.0, True), (3.0, False), (1.0, False))
"""How fast a budget of 30 days may burn, and whether going faster pages.

From the multiwindow burn-rate alerts of Google's SRE workbook. Another window scales them: a factor is the
share of the budget x the window / the long window of the alert.
"""


def graphs(slo: Slo, service: Service) -> tuple[Graph, Graph, Graph]:
    """An objective's level, budget and burn rate, each over time."""
    alert = next((alert for alert in service.alerts if alert.name == slo.alert), None)
    about = _description(slo, alert)
    page, ticket = _severities(alert)
    slo = _everywhere(slo)
    legend = "".join(f" {{{{{label}}}}}" for label in _kept_apart(slo, alert, service))
    levels = tuple((f"over {window}{legend}", queries.service_level(slo, record)) for window, record in _ends(slo))
    rates = tuple((f"over {window}{legend}", queries.burn_rate(slo, record)) for window, record in slo.ratio_records)
    left = ((f"of {slo.window}{legend}", queries.budget_left(slo)),)
    objective = (Line("<", slo.target, page),)
    spent = (Line("<", 0.0, page),)
    burning = tuple(Line(">", _scaled(factor, slo), page if pages else ticket) for factor, pages in BURN_FACTORS)
    budget = 1 - slo.target
    # An objective's level lives in the last fraction of the scale, so its axis shows two budgets and no more.
    return (
        Graph(
            f"{slo.name}: good events",
            about,
            levels,
            objective,
            "percentunit",
            (round(1 - 2 * budget, 9), 1.0),
        ),
        Graph(f"{slo.name}: error budget left", about, left, spent, "percentunit", (-0.1, 1.0)),
        Graph(f"{slo.name}: burn rate", about, rates, burning, "short", (0.0, round(burning[0].value * 1.1, 9))),
    )


def _everywhere(slo: Slo) -> Slo:
    """The objective without its environment: one dashboard shows them all."""
    return replace(slo, labels=tuple(pair for pair in slo.labels if pair[0] != "environment"))


def _kept_apart(slo: Slo, alert: Alert | None, service: Service) -> tuple[str, ...]:
    """The labels that tell the objective's series apart: environments, and those with their own budget."""
    fixed = {name for name, _ in slo.labels}
    budgets = alert.equal or () if alert else ()
    environment = ("environment",) if any(service.environments) else ()
    return (*environment, *(label for label in budgets if label not in fixed))


def _severities(alert: Alert | None) -> tuple[str, str]:
    """What the fast and the slow burn are worth: the first and the last rule's severity."""
    if alert is None or not alert.rules:
        return "critical", "medium"
    return alert.rules[0].severity, alert.rules[-1].severity


def _ends(slo: Slo) -> tuple[tuple[str, str], ...]:
    """The shortest and the longest recorded window."""
    records = slo.ratio_records
    return tuple(dict.fromkeys((records[0], records[-1])))


def _scaled(factor: float, slo: Slo) -> float:
    from rules_gen.promql.durations import parse_duration

    window = parse_duration(slo.window) or _PERIOD_MS
    return round(factor * window / _PERIOD_MS, 6)


def _description(slo: Slo, alert: Alert | None) -> str:
    promise = f"{slo.objective} of events are good, over {slo.window}."
    parts = [escape_inline(plain(slo.description)), escape_inline(promise)]
    if alert:
        parts += [escape_inline(plain(alert.summary)), link("Runbook", alert.runbook_url)]
    return markdown("\n\n".join(filter(None, parts)))
