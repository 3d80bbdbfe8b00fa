"""What a changed expression means: a direction where it is certain, and only there."""

import pytest

CERTAIN = [
    # A threshold, in the direction of its operator.
    ("x > 5", "x > 10", [("threshold", "less-sensitive", "threshold > 5 -> > 10: less sensitive")]),
    ("x < 5", "x < 10", [("threshold", "more-sensitive", "threshold < 5 -> < 10: more sensitive")]),
    ("x > 5", "x >= 5", [("threshold", "more-sensitive", "threshold > 5 -> >= 5: more sensitive")]),
    ("5 < x", "10 < x", [("threshold", "less-sensitive", "threshold > 5 -> > 10: less sensitive")]),
    ("x > 5 and y > 1", "x > 5 and y > 2", [("threshold", "less-sensitive", "threshold > 1 -> > 2: less sensitive")]),
    (
        "x > 5 unless y > 1",
        "x > 5 unless y > 2",
        [("threshold", "more-sensitive", "an exception's threshold > 1 -> > 2: more sensitive")],
    ),
    # A condition beside all of the old one.
    ("x > 5", "x > 5 and y > 1", [("clause", "less-sensitive", "fires only while a further condition holds as well")]),
    ("x > 5 and y > 1", "x > 5", [("clause", "more-sensitive", "a condition that had to hold as well is gone")]),
    ("x > 5", "x > 5 unless y > 1", [("clause", "less-sensitive", "no longer fires while an exception holds")]),
    ("x > 5 unless y > 1", "x > 5", [("clause", "more-sensitive", "an exception is gone")]),
    ("x > 5", "x > 5 or y > 1", [("clause", "more-sensitive", "fires on a further condition as well")]),
    ("y > 1 or x > 5", "x > 5", [("clause", "less-sensitive", "no longer fires on one of its conditions")]),
    # Series.
    ("x > 5", 'x{a="1"} > 5', [("matcher", "fewer-series", 'x: fewer series, now only a="1"')]),
    ('x{a="1"} > 5', "x > 5", [("matcher", "more-series", 'x: more series, now no longer only a="1"')]),
    ('x{a="1"} > 5', 'x{a=~"1|2"} > 5', [("matcher", "more-series", 'x: more series, now a=~"1|2" instead of a="1"')]),
    (
        'x{a!="1"} > 5',
        'x{a!~"1|2"} > 5',
        [("matcher", "fewer-series", 'x: fewer series, now a!~"1|2" instead of a!="1"')],
    ),
    (
        'sum(rate(x{a="1"}[5m])) * 60 > 5',
        "sum(rate(x[5m])) * 60 > 5",
        [("matcher", "more-series", 'x: more series, now no longer only a="1"')],
    ),
    # Series that keep it quiet.
    (
        'absent(x{a="1"})',
        "absent(x)",
        [("matcher", "less-sensitive", 'x: kept quiet by more series, now no longer only a="1": less sensitive')],
    ),
    (
        "x > 5 unless on(b) y",
        'x > 5 unless on(b) y{a="1"}',
        [("matcher", "more-sensitive", 'y: kept quiet by fewer series, now only a="1": more sensitive')],
    ),
    # Ranges.
    (
        "rate(x[5m]) > 1",
        "rate(x[10m]) > 1",
        [("range", "smoother", "rate() looks back over 10m instead of 5m: smoother, slower to react")],
    ),
    (
        "avg_over_time(x[1h]) > 1",
        "avg_over_time(x[90s]) > 1",
        [("range", "noisier", "avg_over_time() looks back over 1m30s instead of 1h: reacts faster, noisier")],
    ),
    (
        "absent_over_time(x[5m])",
        "absent_over_time(x[1h])",
        [("range", "slower", "absent_over_time() looks back over 1h instead of 5m: slower to fire")],
    ),
    (
        "absent_over_time(x[1h])",
        "absent_over_time(x[5m])",
        [("range", "faster", "absent_over_time() looks back over 5m instead of 1h: faster to fire")],
    ),
]

UNDECIDED = [
    (
        "x > 5",
        "x < 5",
        [("threshold", "condition", "threshold > 5 -> < 5: another condition, neither more nor less sensitive")],
    ),
    (
        "x == 1",
        "x == 2",
        [("threshold", "condition", "threshold == 1 -> == 2: another condition, neither more nor less sensitive")],
    ),
    (
        "count(x > 5) > 1",
        "count(x > 6) > 1",
        [("threshold", "condition", "threshold > 5 -> > 6, inside an expression")],
    ),
    (
        "x > 5",
        "y > 10",
        [
            ("threshold", "condition", "threshold > 5 -> > 10, and what is compared has changed too"),
            ("metric", "other-series", "reads y instead of x"),
        ],
    ),
    ("x{a='1'} > 5", "x{a='2'} > 5", [("matcher", "other-series", 'x: other series, now a="2" instead of a="1"')]),
    (
        "x{a=~'1.*'} > 5",
        "x{a=~'1.+'} > 5",
        [("matcher", "other-series", 'x: other series, now a=~"1.+" instead of a=~"1.*"')],
    ),
    ("x{a='1'} > 5", "x{b='1'} > 5", [("matcher", "other-series", 'x: other series, now b="1" instead of a="1"')]),
    # More series make for a higher sum, which is further from being below a limit, or a smaller share.
    (
        'sum(rate(x{a="1"}[5m])) < 5',
        "sum(rate(x[5m])) < 5",
        [("matcher", "other-series", 'x: reads more series, now no longer only a="1"')],
    ),
    (
        'sum(y) / sum(x{a="1"}) > 5',
        "sum(y) / sum(x) > 5",
        [("matcher", "other-series", 'x: reads more series, now no longer only a="1"')],
    ),
    (
        'x > 5 and on(b) absent(y{b="1"})',
        "x > 5 and on(b) absent(y)",
        [("matcher", "other-series", 'y: reads more series, now no longer only b="1"')],
    ),
    (
        "x > 5 unless on() absent_over_time(y[5m])",
        "x > 5 unless on() absent_over_time(y[1h])",
        [("range", "condition", "absent_over_time() looks back over 1h instead of 5m")],
    ),
    (
        "increase(x[1h]) > 5",
        "increase(x[2h]) > 5",
        [("range", "condition", "increase() looks back over 2h instead of 1h, so that it counts more")],
    ),
    (
        "max_over_time(x[1h]) > 5",
        "max_over_time(x[2h]) > 5",
        [("range", "condition", "max_over_time() looks back over 2h instead of 1h")],
    ),
    (
        "stddev_over_time(x[1h]) > 5",
        "stddev_over_time(x[2h]) > 5",
        [("range", "condition", "stddev_over_time() looks back over 2h instead of 1h")],
    ),
    ("sum(x) > 5", "avg(x) > 5", [("aggregation", "condition", "aggregates with avg instead of sum")]),
    (
        "histogram_quantile(0.9, x) > 5",
        "histogram_quantile(0.99, x) > 5",
        [("number", "condition", "0.99 instead of 0.9 in histogram_quantile()")],
    ),
    (
        "sum by (a) (x) > 5",
        "sum by (a, b) (x) > 5",
        [("grouping", "grouping", "one alert for each a and b instead of one for each a")],
    ),
    ("sum by (a) (x) > 5", "sum(x) > 5", [("grouping", "grouping", "one alert in all instead of one for each a")]),
    # Left of `or on(...)` more can keep out what is on the right, so the direction isn't certain.
    (
        "x > 5 or on(a) y > 1",
        "x > 6 or on(a) y > 1",
        [("threshold", "condition", "threshold > 5 -> > 6, inside an expression")],
    ),
    # What nothing here describes.
    *(
        (old, new, [("condition", "condition", "the condition has changed")])
        for old, new in (
            ("x > 5", "x * 2 > 5"),
            ("x > 5", "x offset 1h > 5"),
            ("a / b > 5", "a > 5"),
            ("x > 5", "y > 1 and x > 5"),
            ("x > bool 5 == 1", "x > 5"),
            ("a - b > 1", "a + b > 1"),
            ("topk(3, x) > 1", "sum(x) > 1"),
            ("avg_over_time(x[1h:1m]) > 1", "avg_over_time(x[1h:5m]) > 1"),
        )
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), CERTAIN, ids=[f"{old} -> {new}" for old, new, _ in CERTAIN])
def test_a_direction_that_is_certain_is_told(between, old, new, expected):
    assert between.expressions(old, new) == expected


@pytest.mark.parametrize(("old", "new", "expected"), UNDECIDED, ids=[f"{old} -> {new}" for old, new, _ in UNDECIDED])
def test_a_direction_that_is_not_certain_is_never_told(between, old, new, expected):
    assert between.expressions(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('x{a="1", b="2"} > 5', '( x{b="2",a="1"} )  > 5.0 # really'),
        ("sum by (a, b) (x) > 86400", "sum by (b, a) (x) > 24 * 3600"),
        ("5 < x", "x > 5"),
    ],
)
def test_another_spelling_is_no_change(between, old, new):
    assert between.expressions(old, new) == []


def test_a_condition_that_is_not_understood_is_shown_before_and_after(between):
    alert = between.alert
    difference = between.alerts(alert, alert.replace("rate(errors_total", "irate(errors_total"))
    (change,) = difference.alerts
    (finding,) = change.findings
    assert (finding.kind, finding.is_risky, finding.is_code) == ("condition", True, True)
    assert "rate(errors_total" in finding.before
    assert "irate(errors_total" in finding.after
