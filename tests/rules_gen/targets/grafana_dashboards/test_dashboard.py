"""The dashboard as a whole: identity, variables, links, annotation, rows."""

import subprocess
import sys

import pytest

from rules_gen.targets.grafana_dashboards import service_files


def test_a_service_has_one_dashboard_under_its_team(model, policy):
    (output,) = service_files(model.every_kind(), policy)
    assert output.path == "dashboards/payments/checkout-api.json"


def test_a_service_without_alerts_has_none(model, policy):
    assert not list(service_files(model.service(), policy))


def test_the_same_service_gives_the_same_bytes(model, policy):
    assert list(service_files(model.every_kind(), policy)) == list(service_files(model.every_kind(), policy))


def test_identity(dashboard):
    assert dashboard["uid"] == "payments_checkout-api"
    assert "id" not in dashboard
    assert dashboard["tags"] == ["tocsin", "payments", "checkout-api"]
    assert (dashboard["editable"], dashboard["graphTooltip"], dashboard["refresh"]) == (False, 1, "30s")
    assert dashboard["schemaVersion"] == 42
    assert "alerts/payments/checkout-api.yaml" in dashboard["description"]


def test_siblings_are_linked_by_tag_with_time_and_variables(dashboard):
    assert [link["tags"] for link in dashboard["links"]] == [["tocsin", "payments"], ["tocsin"]]
    assert all(link["keepTime"] and link["includeVars"] for link in dashboard["links"])


def test_annotations_mark_where_alerts_begin_to_fire(dashboard):
    (annotation,) = dashboard["annotations"]["list"]
    firing = 'ALERTS{alertstate="firing", team="payments", service="checkout-api"}'
    assert annotation["expr"] == f"{firing} unless {firing} offset 1m"
    # A longer step would miss what began in between.
    assert annotation["step"] == "60s"


def test_active_alerts_lead_to_their_runbooks(dashboard, titled):
    table = titled(dashboard, "Active alerts")
    assert (table["targets"][0]["instant"], table["targets"][0]["format"]) == (True, "table")
    overrides = {one["matcher"]["options"]: one["properties"] for one in table["fieldConfig"]["overrides"]}
    (link,) = overrides["Alert"][0]["value"]
    assert link["url"] == "https://runbooks.example.com/payments/checkout-api/${__value.raw}"


def test_a_runbook_elsewhere_is_linked_where_it_is(compiled, titled, model):
    limit = model.threshold("above 1", ">", 1.0)
    here = model.alert("Here", model.rule("Here", "a", limit))
    there = model.alert("There", model.rule("There", "b", limit), runbook_url="https://wiki.example.com/x")
    table = titled(compiled(model.service(here, there)), "Active alerts")
    assert '"https://wiki.example.com/x", "alertname", "There"' in table["targets"][0]["expr"]
    overrides = {one["matcher"]["options"]: one["properties"] for one in table["fieldConfig"]["overrides"]}
    assert "Alert" not in overrides
    assert overrides["Runbook"][0]["value"][0]["url"] == "${__value.raw:raw}"


def test_variables_are_only_offered_for_labels_that_alerts_can_carry(compiled, model):
    limit = model.threshold("above 1", ">", 1.0)
    names = {}
    for grouping in ("", "by (job) ", "by (job, instance) "):
        alert = model.alert("A", model.rule("A", f"sum {grouping}(rate(x_total[5m]))", limit))
        variables = compiled(model.service(alert))["templating"]["list"]
        names[grouping] = [variable["name"] for variable in variables]
    assert names == {
        "": ["datasource"],
        "by (job) ": ["datasource", "job"],
        "by (job, instance) ": ["datasource", "job", "instance"],
    }


def test_worse_alerts_come_first(dashboard):
    rows = [panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"]
    assert rows[1:] == ["Critical alerts", "High alerts", "Medium alerts", "Low alerts"]


@pytest.mark.parametrize(("count", "open_panels", "collapsed"), [(17, 20, 0), (18, 20, 1), (60, 20, 43)])
def test_what_exceeds_twenty_panels_waits_in_collapsed_rows(compiled, model, count, open_panels, collapsed):
    limit = model.threshold("above 1", ">", 1.0)
    alerts = [model.alert(f"A{n}", model.rule(f"A{n}", f"a{n}", limit)) for n in range(count)]
    panels = compiled(model.service(*alerts))["panels"]
    assert len([panel for panel in panels if panel["type"] != "row"]) == open_panels
    assert sum(len(panel["panels"]) for panel in panels if panel["type"] == "row") == collapsed
    assert all(panel["collapsed"] == bool(panel["panels"]) for panel in panels if panel["type"] == "row")


def test_the_target_is_imported_without_the_sdk():
    code = (
        "import sys, rules_gen.targets.grafana_dashboards, rules_gen.dashboards.uid\n"
        "heavy = {'grafana_foundation_sdk', 'orjson', 'promql_parser'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


def test_the_worst_alerts_stay_open_and_a_row_that_does_not_fit_is_split(compiled, model):
    limit = model.threshold("above 1", ">", 1.0)
    severities = ["low"] * 5 + ["high"] * 10 + ["critical"] * 10
    alerts = [model.alert(f"A{n}", model.rule(f"A{n}", f"a{n}", limit, one)) for n, one in enumerate(severities)]
    panels = compiled(model.service(*alerts))["panels"]
    rows = [(row["title"], len(row["panels"])) for row in panels if row["type"] == "row"]
    assert rows == [
        ("Critical alerts", 0),
        ("High alerts", 0),
        ("High alerts, continued", 3),
        ("Low alerts", 5),
    ]
