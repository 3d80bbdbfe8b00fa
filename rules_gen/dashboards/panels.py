"""Panels in Grafana's vocabulary, each made by the SDK's builders.

The builders of the SDK know every key, so none can be misspelt; what they leave to us are ids, places and
query names. Import this module only where dashboards are written: the SDK takes some 40 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from rules_gen.dashboards import queries
from rules_gen.dashboards.look import COLOURS, GOOD, NOTHING, Line, Steps, steps_of
from rules_gen.dashboards.plan import AlertPanel, Graph, Kind
from rules_gen.dashboards.text import alert_description

if TYPE_CHECKING:
    from rules_gen.dashboards.layout import Box

Builder = timeseries.Panel | statetimeline.Panel | stat.Panel | table.Panel
_Panel = TypeVar("_Panel", timeseries.Panel, statetimeline.Panel, stat.Panel, table.Panel)

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")

_HIDDEN_COLUMNS = ("Time", "Value", "__name__", "team", "service", "notify", "bypass_router")
_COLUMNS = {"alertname": "Alert", "severity": "Severity", "alertstate": "State", "runbook": "Runbook"}
_STATES = {"pending": "yellow", "firing": "red"}
_HISTORY = {"1": ("pending", _STATES["pending"]), "2": ("firing", _STATES["firing"])}


def alert_panel(plan: AlertPanel, panel_id: int, box: Box) -> Builder:
    """The panel of an alert: its signal with the thresholds over it, or the bands of its condition."""
    description = alert_description(plan.alert, plan.rules)
    target = _range_query(queries.protect(plan.query), "__auto", 0)
    if plan.kind is Kind.LINE:
        panel = _graph(steps_of(plan.lines), plan.unit, plan.axis)
        if plan.from_zero:
            panel.min(0)
        return _base(panel, plan.title, description, panel_id, box).with_target(target)
    colour = COLOURS[plan.severity]
    bands = _bands().unit(plan.unit)
    if plan.kind is Kind.STATE:
        line = plan.lines[0]
        bands.mappings([_value_map(_equality(line, colour))])
        bands.thresholds(_thresholds(Steps(((None, colour if line.operator == "!=" else GOOD),), area=False)))
    else:
        holds = dashboard.ValueMappingResult(text="holds", color=colour, index=0)
        bands.mappings([dashboard.RangeMap(dashboard.DashboardRangeMapOptions(None, None, holds))])
        bands.thresholds(_thresholds(Steps(((None, colour),), area=False))).no_value("The condition does not hold")
    return _base(bands, plan.title, description, panel_id, box).with_target(target)


def _equality(line: Line, colour: str) -> dict[str, tuple[str, str]]:
    """Names and colours for 0 and 1: one is what the alert waits for, or what it misses."""
    met, other = ("firing" if line.operator == "==" else "ok"), ("ok" if line.operator == "==" else "firing")
    colours = {"firing": colour, "ok": GOOD}
    value, opposite = f"{line.value:g}", f"{1 - line.value:g}"
    return {value: (f"{value}: {met}", colours[met]), opposite: (f"{opposite}: {other}", colours[other])}


def graph_panel(graph: Graph, panel_id: int, box: Box) -> timeseries.Panel:
    """A graph of several queries with lines over them."""
    panel = _base(_graph(steps_of(graph.lines), graph.unit, graph.axis), graph.title, graph.description, panel_id, box)
    for index, (legend, query) in enumerate(graph.targets):
        panel.with_target(_range_query(query, legend, index))
    return panel


def firing_panel(query: str, panel_id: int, box: Box) -> stat.Panel:
    """The number of firing alerts, green at none."""
    description = "How many alerts of this service fire now."
    panel = _base(stat.Panel(), "Firing alerts", description, panel_id, box)
    panel.unit("none").color_mode(common.BigValueColorMode.BACKGROUND).graph_mode(common.BigValueGraphMode.NONE)
    panel.thresholds(_thresholds(Steps(((None, GOOD), (1, _STATES["firing"])), area=False)))
    return panel.with_target(_instant_query(query))


def table_panel(query: str, runbook: str | None, panel_id: int, box: Box) -> table.Panel:
    """The active alerts, each with a link to its runbook.

    `runbook` is the address of any alert of the service, with `{alert}` for its name; None when the query
    gives a label `runbook` with the whole address instead.
    """
    description = "The alerts of this service that are pending or firing now. A row leads to its runbook."
    panel = _base(table.Panel(), "Active alerts", description, panel_id, box)
    panel.unit("none").no_value("No alert is active").filterable(True)
    panel.with_target(_instant_query(query).format(PromQueryFormat.TABLE))
    panel.sort_by([common_builders.TableSortByFieldState().display_name("Severity")])
    panel.with_transformation(
        dashboard.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": dict.fromkeys(_HIDDEN_COLUMNS, True),
                "indexByName": {name: index for index, name in enumerate(_COLUMNS)},
                "renameByName": _COLUMNS,
            },
        )
    )
    severities = {name: (name, colour) for name, colour in COLOURS.items()}
    states = {name: (name, colour) for name, colour in _STATES.items()}
    panel.override_by_name("Severity", _coloured(severities)).override_by_name("State", _coloured(states))
    if runbook is None:
        anything = dashboard.ValueMappingResult(text="Open", index=0)
        mapping = dashboard.RegexMap(dashboard.DashboardRegexMapOptions("..*", anything))
        properties = [_link_to("${__value.raw:raw}"), dashboard.DynamicConfigValue("mappings", [mapping])]
        return panel.override_by_name("Runbook", properties)
    return panel.override_by_name("Alert", [_link_to(runbook.replace("{alert}", "${__value.raw}"))])


def history_panel(query: str, panel_id: int, box: Box) -> statetimeline.Panel:
    """When each alert was pending and firing."""
    description = "When each alert of this service was pending (yellow) and firing (red)."
    panel = _base(_bands(), "Alert states", description, panel_id, box)
    panel.unit("none").mappings([_value_map(_HISTORY)]).no_value("No alert was active")
    panel.thresholds(_thresholds(Steps(((None, NOTHING),), area=False)))
    return panel.with_target(_range_query(query, "{{alertname}} {{severity}} {{environment}}", 0))


def grid_position(box: Box) -> dashboard.GridPos:
    """A place as the SDK writes it."""
    return dashboard.GridPos(x=box.x, y=box.y, w=box.w, h=box.h)


def _base(panel: _Panel, title: str, description: str, panel_id: int, box: Box) -> _Panel:
    panel.title(title).description(description).id(panel_id)
    return panel.datasource(DATASOURCE).grid_pos(grid_position(box))


def _graph(steps: Steps, unit: str, axis: tuple[float, float]) -> timeseries.Panel:
    style = common.GraphThresholdsStyleMode
    mode = style.DASHED_AND_AREA if steps.area else style.DASHED
    legend = common_builders.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM)
    tooltip = common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    return (
        timeseries.Panel()
        .unit(unit)
        .axis_soft_min(axis[0])
        .axis_soft_max(axis[1])
        .line_width(1)
        .fill_opacity(10)
        .show_points(common.VisibilityMode.NEVER)
        .span_nulls(False)
        .thresholds(_thresholds(steps))
        .thresholds_style(common_builders.GraphThresholdsStyleConfig().mode(mode))
        .legend(legend.display_mode(common.LegendDisplayMode.LIST))
        .tooltip(tooltip.sort(common.SortOrder.DESCENDING))
    )


def _bands() -> statetimeline.Panel:
    colours = builders.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS)
    legend = common_builders.VizLegendOptions().show_legend(False)
    return (
        statetimeline.Panel()
        .color_scheme(colours)
        .merge_values(True)
        .show_value(common.VisibilityMode.AUTO)
        .span_nulls(False)
        .fill_opacity(80)
        .line_width(0)
        .legend(legend)
        .tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    )


def _thresholds(steps: Steps) -> builders.ThresholdsConfig:
    config = builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE)
    return config.steps([dashboard.Threshold(value, colour) for value, colour in steps.steps])


def _value_map(meanings: dict[str, tuple[str, str]]) -> dashboard.ValueMap:
    return dashboard.ValueMap(
        {
            value: dashboard.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(meanings.items())
        }
    )


def _coloured(meanings: dict[str, tuple[str, str]]) -> list[dashboard.DynamicConfigValue]:
    return [
        dashboard.DynamicConfigValue("mappings", [_value_map(meanings)]),
        dashboard.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
    ]


def _link_to(url: str) -> dashboard.DynamicConfigValue:
    return dashboard.DynamicConfigValue("links", [{"title": "Runbook", "url": url, "targetBlank": True}])


def _range_query(expr: str, legend: str, index: int) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(queries.ref_id(index))
    return query.datasource(DATASOURCE).range()


def _instant_query(expr: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expr).ref_id(queries.ref_id(0)).datasource(DATASOURCE).instant()
