"""What of a condition is drawn."""

from rules_gen.diagnostics import Place
from rules_gen.model import AlertRule, Scenario, Threshold
from rules_gen.timelines.curves import MOST_LINES, curves_of

HERE = Place("x")
FIVE = Threshold("above 5%", ">", "0.05", 0.05, "%", "ratio")
TWO = Threshold("above 2%", ">", "0.02", 0.02, "%", "ratio")


def rule(expr, signal=None, threshold=None, severity="high"):
    return AlertRule("A", expr, signal or expr, threshold, "5m", None, severity, False, None, (), (), *[HERE] * 4)


def scenario(*series):
    return Scenario("A", "fires", None, "1m", 60_000, tuple((one, "1x5") for one in series), (), HERE)


def curves(*rules, series=("a", "b")):
    return curves_of(rules, scenario(*series), (2, 42))


def shown(curve):
    return [expression for expression, _ in curve.expressions], [limit.words for limit in curve.limits]


def test_a_signal_has_its_threshold_in_the_author_s_words_and_unit():
    (curve,) = curves(rule("errors > 0.05", "errors", FIVE))
    assert (curve.caption, curve.unit, *shown(curve)) == ("errors", "%", ["errors"], ["above 5 %"])


def test_the_rungs_of_a_ladder_share_the_axis_of_their_signal():
    (curve,) = curves(rule("e > 0.05", "e", FIVE), rule("e > 0.02", "e", TWO, "medium"))
    assert [(limit.severity, limit.words) for limit in curve.limits] == [("high", "above 5 %"), ("medium", "above 2 %")]


def test_a_comparison_that_was_typed_in_promql_has_a_threshold_too():
    (curve,) = curves(rule("sum(errors) > 24 * 3600"))
    assert shown(curve) == (["sum(errors)"], ["above 24 * 3600"])
    assert curve.limits[0].value == 86400
    (turned,) = curves(rule("5 < errors"))
    assert shown(turned) == (["errors"], ["above 5"])


def test_each_part_of_a_condition_has_a_panel():
    first, second = curves(rule("a == 0 and on (job) (b * 2) >= 16"))
    assert shown(first) == (["a"], ["equal to 0"])
    assert shown(second) == (["(b * 2)"], ["at least 16"])


def test_parts_with_the_same_limit_share_an_axis_as_the_windows_of_a_burn_rate_do():
    (curve,) = curves(rule("r1h > 0.05\n  and r5m > 0.05", "r1h", FIVE))
    assert (curve.unit, *shown(curve)) == ("%", ["r1h", "r5m"], ["above 5 %"])


def test_a_picture_says_when_it_shows_only_a_part_of_the_condition():
    (curve,) = curves(rule("a > 5 unless b > 3"))
    assert curve.caption == "part of the condition: a"
    assert shown(curve) == (["a"], ["above 5"])
    (and_more,) = curves(rule("a > 5 and b"))
    assert and_more.caption == "part of the condition: a"


def test_the_scenario_s_own_series_are_drawn_where_nothing_is_compared():
    up, down = curves(rule("absent(up)"), series=('up{a="1"}', 'up{a="2"}', "down"))
    assert up.single
    assert down.single
    assert (up.caption, [e for e, _ in up.expressions]) == ("up", ['up{a="1"}', 'up{a="2"}'])
    assert (down.caption, down.limits) == ("down", ())
    assert curves(rule("a > 1 or b > 2"), series=()) == ()


def test_series_for_which_there_is_no_room_are_counted():
    (curve,) = curves(rule("absent(up)"), series=[f'up{{a="{n}"}}' for n in range(9)])
    assert (len(curve.expressions), curve.left_out) == (MOST_LINES, 9 - MOST_LINES)


def test_a_long_signal_is_called_by_its_metric_or_not_at_all():
    long = 'slo:error_ratio:rate1h{slo="availability", service="checkout-api", team="payments"}'
    assert curves(rule(f"{long} > 0.05", long, FIVE))[0].caption == "slo:error_ratio:rate1h"
    wrapped = f"sum by (job) (rate({long}[5m]))"
    assert curves(rule(f"{wrapped} > 0.05", wrapped, FIVE))[0].caption == "the signal"
