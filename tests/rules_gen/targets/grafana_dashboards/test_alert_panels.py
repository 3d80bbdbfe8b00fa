"""What each kind of alert looks like on its service's dashboard."""

import dataclasses


def steps(panel):
    return [(step["value"], step["color"]) for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]


def defaults(panel):
    return panel["fieldConfig"]["defaults"]


def test_a_ladder_is_one_panel_with_a_dashed_line_for_each_rung(dashboard, titled):
    panel = titled(dashboard, "CheckoutHighErrorRate")
    assert panel["type"] == "timeseries"
    assert steps(panel) == [(None, "transparent"), (0.01, "yellow"), (0.05, "orange")]
    assert defaults(panel)["custom"]["thresholdsStyle"] == {"mode": "dashed+area"}
    assert defaults(panel)["unit"] == "percentunit"


def test_a_panel_draws_what_the_alert_compares_and_not_its_condition(dashboard, titled, model):
    (alert,) = (one for one in model.every_kind().alerts if one.name == "CheckoutHighErrorRate")
    (target,) = titled(dashboard, "CheckoutHighErrorRate")["targets"]
    assert target["expr"] == alert.rules[0].signal
    assert "[5m]" in target["expr"]


def test_below_is_shaded_under_the_line(dashboard, titled):
    assert steps(titled(dashboard, "CacheHitRateLow")) == [(None, "yellow"), (0.6, "transparent")]


def test_an_equality_with_zero_is_shown_as_bands(dashboard, titled):
    panel = titled(dashboard, "CheckoutDown")
    assert panel["type"] == "state-timeline"
    (mapping,) = defaults(panel)["mappings"]
    assert {value: result["color"] for value, result in mapping["options"].items()} == {
        "0": "red",
        "1": "green",
    }


def test_not_equal_colours_every_value_but_the_good_one(compiled, titled, model):
    rule = model.rule("Odd", "up", model.threshold("not 1", "!=", 1.0))
    panel = titled(compiled(model.service(model.alert("Odd", rule))), "Odd")
    (mapping,) = defaults(panel)["mappings"]
    assert {value: result["color"] for value, result in mapping["options"].items()} == {
        "1": "green",
        "0": "orange",
    }
    assert steps(panel) == [(None, "orange")]


def test_a_condition_that_compares_with_a_number_is_drawn_as_its_signal(dashboard, titled):
    panel = titled(dashboard, "DiskFull")
    assert panel["targets"][0]["expr"] == "disk_free_bytes - 5e8"
    assert steps(panel) == [(None, "blue"), (1e9, "transparent")]


def test_any_other_condition_is_shown_where_it_holds(dashboard, titled):
    panel = titled(dashboard, "RestartedTwice")
    assert panel["type"] == "state-timeline"
    assert panel["targets"][0]["expr"] == "sum(restarts) > 2 unless sum(deploys) > 0"
    assert defaults(panel)["mappings"][0]["options"]["result"]["text"] == "holds"


def test_environments_with_one_signal_share_a_panel(dashboard, titled):
    panel = titled(dashboard, "QueueLong")
    assert steps(panel) == [(None, "transparent"), (100.0, "orange"), (900.0, "blue")]
    assert "high in production: above 100 for 5m" in panel["description"]


def test_environments_with_their_own_signals_get_a_panel_each(compiled, panels_of, model):
    limit = model.threshold("above 1", ">", 1.0)
    rules = [model.rule("Slow", f'latency{{env="{env}"}}', limit, environment=env) for env in ("eu", "us")]
    titles = [panel["title"] for panel in panels_of(compiled(model.service(model.alert("Slow", *rules))))]
    assert titles[3:] == ["Slow (eu)", "Slow (us)"]


def test_rungs_with_their_own_conditions_are_named_after_their_severity(compiled, panels_of, model):
    rules = [model.rule("Gone", f"absent(up{{n='{n}'}})", severity=n, rung=True) for n in ("high", "low")]
    titles = [panel["title"] for panel in panels_of(compiled(model.service(model.alert("Gone", *rules))))]
    assert titles[3:] == ["Gone (high)", "Gone (low)"]


def test_an_axis_that_may_fall_below_zero_is_not_cut_there(compiled, titled, model):
    limit = model.threshold("below 0", "<", 0.0)
    signal = "predict_linear(node_filesystem_avail_bytes[6h], 86400)"
    full = titled(compiled(model.service(model.alert("Full", model.rule("Full", signal, limit)))), "Full")
    assert "min" not in defaults(full)
    assert defaults(full)["custom"]["axisSoftMin"] == 0


def test_an_axis_shows_its_threshold_also_while_all_is_well(dashboard, titled):
    custom = defaults(titled(dashboard, "CheckoutHighErrorRate"))["custom"]
    assert custom["axisSoftMax"] == 0.055
    custom = defaults(titled(dashboard, "DiskFull"))["custom"]
    assert custom["axisSoftMax"] == 1.1e9


def test_objectives_of_several_environments_share_their_panels(compiled, titled, model):
    slo = dataclasses.replace(model.objective, labels=(("slo", "X"), ("environment", "staging")))
    alerts = [one._replace(equal=("slo", "job")) for one in model.every_kind().alerts]
    service = dataclasses.replace(model.service(*alerts, slos=(slo,)), environments=("production", "staging"))
    target = titled(compiled(service), f"{slo.name}: burn rate")["targets"][0]
    assert target["expr"] == 'slo:error_ratio:rate5m{slo="X"} / (1 - 0.999)'
    assert target["legendFormat"] == "over 5m {{environment}} {{job}}"


def test_any_other_axis_begins_at_zero(dashboard, titled):
    assert defaults(titled(dashboard, "CheckoutSlow"))["min"] == 0


def test_the_description_tells_the_summary_the_thresholds_and_the_runbook(dashboard, titled):
    assert titled(dashboard, "CheckoutHighErrorRate")["description"] == (
        "&lt;job&gt; answers &lt;value&gt; with an error\n\n"
        "- high: above 5% for 5m\n- medium: above 1% for 5m\n\n"
        "[Runbook](https://runbooks.example.com/payments/checkout-api/CheckoutHighErrorRate)"
    )


def test_an_objective_shows_level_budget_and_burn_rate_instead_of_its_alert(dashboard, panels_of, titled, model):
    titles = [panel["title"] for panel in panels_of(dashboard)]
    assert titles[3:6] == [
        f"{model.objective.name}: {what}" for what in ("good events", "error budget left", "burn rate")
    ]
    assert model.objective.alert not in titles
    assert steps(titled(dashboard, titles[3])) == [(None, "red"), (0.999, "transparent")]
    assert {value for value, _ in steps(titled(dashboard, titles[5]))} == {None, 1.0, 3.0, 6.0, 14.4}


def test_the_burn_rates_of_a_shorter_window_are_lower(compiled, titled, model):
    week = dataclasses.replace(model.objective, window="7d")
    panel = titled(compiled(model.service(*model.every_kind().alerts, slos=(week,))), f"{week.name}: burn rate")
    assert max(value for value, _ in steps(panel)[1:]) == 3.36


def test_a_recorded_ratio_over_the_whole_window_is_the_budget(compiled, titled, model):
    records = (*model.objective.ratio_records, ("30d", "slo:error_ratio:rate30d"))
    slo = dataclasses.replace(model.objective, ratio_records=records, labels=())
    panel = titled(compiled(model.service(*model.every_kind().alerts, slos=(slo,))), f"{slo.name}: error budget left")
    assert panel["targets"][0]["expr"] == "1 - slo:error_ratio:rate30d / (1 - 0.999)"
