"""A service's dashboard: what fires on top, then objectives, then a panel for each alert, the worst first.

Import this module only where dashboards are written: it loads the SDK, which takes some 40 ms.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import orjson

from rules_gen.dashboards import queries, slo
from rules_gen.dashboards.layout import COLUMNS, Box, flow
from rules_gen.dashboards.plan import Comparison, alert_panels
from rules_gen.dashboards.text import markdown
from rules_gen.emit.markdown import escape_inline
from rules_gen.model import SEVERITIES, Policy, Service

with warnings.catch_warnings():
    # The SDK would rather see dashboards of version 2, which Grafana can't load from provisioned files.
    warnings.simplefilter("ignore", DeprecationWarning)
    from rules_gen.dashboards import frame, panels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from grafana_foundation_sdk.builders import dashboard as builders

    from rules_gen.dashboards.panels import Builder

OPEN_PANELS = 20
"""How many panels are shown before the rest waits in collapsed rows: each is a query at every refresh."""

_HALF = (COLUMNS // 2, 8)
_THIRD = (COLUMNS // 3, 8)
_TOP = ((4, 8), (20, 8), (COLUMNS, 8))


@dataclass(frozen=True, slots=True)
class _Section:
    """A row of the dashboard. Each panel has a size and is made once its id and place are known."""

    title: str
    panels: tuple[tuple[tuple[int, int], Callable[[int, Box], Builder]], ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True)
class Questions:
    """What a dashboard asks about expressions: the comparison at their top, and whether a result can carry a
    label.
    """

    comparison: Callable[[str], Comparison | None]
    may_have: Callable[[str, str], bool]


def render(service: Service, policy: Policy, questions: Questions) -> bytes:
    """The dashboard's JSON, with sorted keys."""
    built = build(service, policy, questions).build()
    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(built, default=lambda value: value.to_json(), option=option)


def build(service: Service, policy: Policy, questions: Questions) -> builders.Dashboard:
    """The dashboard as the SDK's builder."""
    filters = _filters(service, questions)
    page = frame.dashboard(service, filters, _about(service))
    ids = count(1)
    boxes, top = flow(_TOP, 0)
    selector = (service.team, service.name, filters)
    page.with_panel(panels.firing_panel(queries.firing_count(*selector), next(ids), boxes[0]))
    query, runbook = _table(service, policy, filters)
    page.with_panel(panels.table_panel(query, runbook, next(ids), boxes[1]))
    page.with_panel(panels.history_panel(queries.history(*selector), next(ids), boxes[2]))
    for section in _folded(_sections(service, questions), OPEN_PANELS - len(boxes)):
        top = _add(page, section, ids, top)
    return page


def _add(page: builders.Dashboard, section: _Section, ids: Iterator[int], top: int) -> int:
    row = frame.row(section.title, next(ids), Box(0, top, COLUMNS, 1))
    boxes, bottom = flow((size for size, _ in section.panels), top + 1)
    made = [make(next(ids), box) for (_, make), box in zip(section.panels, boxes, strict=True)]
    if section.collapsed:
        for panel in made:
            row.with_panel(panel)
        page.with_row(row)
        return top + 1
    page.with_row(row)
    for panel in made:
        page.with_panel(panel)
    return bottom


def _sections(service: Service, questions: Questions) -> list[_Section]:
    sections = []
    for objective in service.slos:
        graphs = tuple((_THIRD, partial(panels.graph_panel, graph)) for graph in slo.graphs(objective, service))
        sections.append(_Section(f"Objective {objective.name}: {objective.objective}", graphs))
    drawn = {objective.alert for objective in service.slos}
    planned = [
        plan
        for alert in service.alerts
        if alert.name not in drawn
        for plan in alert_panels(alert, questions.comparison)
    ]
    for severity in SEVERITIES:
        of_severity = [plan for plan in planned if plan.severity == severity]
        if of_severity:
            made = tuple((_HALF, partial(panels.alert_panel, plan)) for plan in of_severity)
            sections.append(_Section(f"{severity.capitalize()} alerts", made))
    return sections


def _folded(sections: Sequence[_Section], room: int) -> Iterator[_Section]:
    """The sections, with all panels that there is no room for in collapsed rows."""
    for section in sections:
        if len(section.panels) <= room:
            yield section
        else:
            if room:
                yield _Section(section.title, section.panels[:room])
            title = f"{section.title}, continued" if room else section.title
            yield _Section(title, section.panels[room:], collapsed=True)
        room = max(0, room - len(section.panels))


def _filters(service: Service, questions: Questions) -> tuple[str, ...]:
    """The labels that some alert of the service can carry, so that a variable has values to offer."""
    expressions = dict.fromkeys(rule.expr for alert in service.alerts for rule in alert.rules)
    return tuple(label for label in queries.FILTERS if any(questions.may_have(expr, label) for expr in expressions))


def _table(service: Service, policy: Policy, filters: tuple[str, ...]) -> tuple[str, str | None]:
    """The query for the active alerts; and the address pattern of their runbooks, unless the query brings
    addresses.
    """
    series = queries.alerts_series(service.team, service.name, filters)
    pattern = policy.urls.runbook.replace("{team}", service.team).replace("{service}", service.name)
    elsewhere = [
        (alert.name, alert.runbook_url)
        for alert in service.alerts
        if alert.runbook_url != pattern.replace("{alert}", alert.name)
    ]
    if elsewhere:
        return queries.with_runbooks(series, pattern, elsewhere), None
    return series, pattern


def _about(service: Service) -> str:
    made = f"Generated by rules-gen from {service.source}: edit that file and run make rules."
    return markdown(" ".join(filter(None, (escape_inline(service.description), escape_inline(made)))))
