"""All of a dashboard but its panels: identity, variables, links between siblings, annotations, rows.

Import this module only where dashboards are written, as `panels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from rules_gen.dashboards import queries
from rules_gen.dashboards.panels import DATASOURCE, grid_position
from rules_gen.dashboards.uid import dashboard_uid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rules_gen.dashboards.layout import Box
    from rules_gen.model import Service

TAG = "tocsin"
"""The tag of every generated dashboard."""


def dashboard(service: Service, filters: Sequence[str], description: str) -> builders.Dashboard:
    """A service's dashboard without panels; `filters` are the labels that get a variable."""
    page = builders.Dashboard(f"{service.team} / {service.name}").uid(dashboard_uid(service.team, service.name))
    page.description(description).tags(list(dict.fromkeys((TAG, service.team, service.name))))
    page.readonly().tooltip(models.DashboardCursorSync.CROSSHAIR).refresh("30s").time("now-6h", "now")
    page.timezone("browser").with_variable(_datasource())
    for label in filters:
        page.with_variable(_filter(service, label))
    page.link(_siblings("Team", [TAG, service.team])).link(_siblings("All services", [TAG]))
    return page.annotation(_starts(service))


def row(title: str, panel_id: int, box: Box) -> builders.Row:
    """A row's heading."""
    return builders.Row(title).id(panel_id).grid_pos(grid_position(box))


def _datasource() -> builders.DatasourceVariable:
    return builders.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _filter(service: Service, label: str) -> builders.QueryVariable:
    # Taken from ALERTS, for that is all that the variable filters: whatever else carries the label is of no
    # use here.
    query = f"label_values({queries.alerts_series(service.team, service.name)}, {label})"
    return (
        builders.QueryVariable(label)
        .label(label.capitalize())
        .description(f"Narrows the alerts on top; those without {label} stay.")
        .datasource(DATASOURCE)
        .query(query)
        .definition(query)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(models.VariableOption(text=["All"], value=["$__all"], selected=True))
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )


def _siblings(title: str, tags: list[str]) -> builders.DashboardLink:
    link = builders.DashboardLink(title).type(models.DashboardLinkType.DASHBOARDS).tags(tags)
    return link.as_dropdown(True).keep_time(True).include_vars(True)


def _starts(service: Service) -> builders.AnnotationQuery:
    return (
        builders.AnnotationQuery()
        .name("Alerts begin to fire")
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color("red")
        .expr(queries.firing_starts(service.team, service.name))
        # The same minute as in the query: a longer step would step over beginnings.
        .step("60s")
        .title_format("{{alertname}}")
        .text_format("{{severity}} {{instance}}")
        .tag_keys("severity")
    )
