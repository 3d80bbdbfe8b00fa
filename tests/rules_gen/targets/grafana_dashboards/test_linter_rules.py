"""The rules of grafana/dashboard-linter, restated: there is no Grafana to ask.

Where a rule isn't followed, EXCLUSIONS says why, and a test holds that the exclusion is still needed.
"""

import re

import promql_parser
import pytest

EXCLUSIONS = {
    "target-rate-interval": (
        "An alert's panel draws exactly what the alert compares: with another window than the"
        " rule's, the line and the threshold would say what Prometheus never evaluated."
    ),
    "target-job": (
        "For the same reason an alert's signal isn't narrowed. The panels on ALERTS are, by a matcher with an"
        " empty alternative, which keeps alerts without the label, such as those on absent()."
    ),
    "target-instance": "As target-job.",
    "target-counter-agg": "The author's signal is drawn as it is; the compiler's checks judge it before.",
}

UNITS = {"none", "short", "percentunit", "s", "bytes"}


def variable(dashboard, name):
    (found,) = (one for one in dashboard["templating"]["list"] if one["name"] == name)
    return found


def test_template_datasource(dashboard):
    found = variable(dashboard, "datasource")
    assert (found["type"], found["query"], found["label"]) == ("datasource", "prometheus", "Data source")
    assert len([one for one in dashboard["templating"]["list"] if one["type"] == "datasource"]) == 1


@pytest.mark.parametrize("name", ["job", "instance"])
def test_template_job_and_template_instance(dashboard, name):
    found = variable(dashboard, name)
    assert found["type"] == "query"
    assert found["datasource"]["uid"] == "${datasource}"
    assert found["label"] == name.capitalize()
    assert found["multi"] is True
    assert found["includeAll"] is True
    assert found["allValue"] == ".+"


def test_template_label_promql(dashboard):
    for one in dashboard["templating"]["list"]:
        if one["type"] == "query":
            query = re.fullmatch(r"label_values\((.+), ([a-z_]+)\)", one["query"])
            assert query
            assert promql_parser.parse(query[1])
            assert query[2] == one["name"]


def test_template_on_time_change_reload(dashboard):
    assert {one["refresh"] for one in dashboard["templating"]["list"] if one["type"] == "query"} == {2}


def test_panel_datasource(dashboard, panels_of):
    for panel in panels_of(dashboard):
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


def test_panel_title_description(dashboard, panels_of):
    assert all(panel["title"] and panel["description"] for panel in panels_of(dashboard))


def test_panel_units(dashboard, panels_of):
    assert {panel["fieldConfig"]["defaults"]["unit"] for panel in panels_of(dashboard)} <= UNITS


def test_panel_no_targets(dashboard, panels_of):
    assert all(panel["targets"] for panel in panels_of(dashboard))


def test_target_promql(dashboard, queries_of):
    found = queries_of(dashboard)
    assert len(found) > 20
    for _, expr in found:
        assert promql_parser.parse(expr)
        assert "$" not in expr


def test_uneditable_dashboard(dashboard):
    assert dashboard["editable"] is False


def test_time_series_are_drawn_alike(dashboard, panels_of):
    graphs = [panel for panel in panels_of(dashboard) if panel["type"] == "timeseries"]
    assert graphs
    for panel in graphs:
        custom = panel["fieldConfig"]["defaults"]["custom"]
        assert custom["lineWidth"] in (1, 2)
        assert (custom["fillOpacity"], custom["showPoints"], custom["spanNulls"]) == (10, "never", False)
        assert panel["options"]["tooltip"] == {"mode": "multi", "sort": "desc"}


def test_alert_panels_need_the_exclusions_and_the_panels_on_alerts_are_filtered(dashboard, panels_of):
    assert set(EXCLUSIONS) == {"target-rate-interval", "target-job", "target-instance", "target-counter-agg"}
    for panel in panels_of(dashboard):
        for target in panel["targets"]:
            assert "$__rate_interval" not in target["expr"]
            on_alerts = "ALERTS{" in target["expr"]
            assert ("$job" in target["expr"] and "$instance" in target["expr"]) == on_alerts
