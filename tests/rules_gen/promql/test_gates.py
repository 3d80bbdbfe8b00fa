import pytest

from rules_gen.promql import Analysis, analyse, flags_needed


@pytest.mark.parametrize(
    ("expression", "since"),
    [
        ("histogram_stddev(x)", (2, 47)),
        ("mad_over_time(x[5m])", (2, 49)),
        ('sort_by_label(x, "a")', (2, 49)),
        ("histogram_avg(x)", (2, 51)),
        ("limitk(3, x)", (2, 54)),
        ("x > 10m", (2, 54)),
        ("rate(x[300])", (2, 54)),
        ("x > 1_000", (2, 54)),
        ("info(x)", (2, 55)),
        ('{"foo.bar"}', (3, 0)),
        ("{`foo.bar`}", (3, 0)),
        ('sum by ("a.b") (x)', (3, 0)),
        ("double_exponential_smoothing(x[5m], 0.1, 0.1)", (3, 0)),
        ("ts_of_max_over_time(x[5m])", (3, 5)),
        ("first_over_time(x[5m])", (3, 7)),
        ("rate(x[5m] anchored)", (3, 7)),
        ("a + fill(0) b", (3, 10)),
        ("x > start()", (3, 12)),
        ("min_of(1, 2) + x", (3, 13)),
    ],
)
def test_what_is_too_new_for_the_target_names_the_release_that_has_it(expression, since):
    assert isinstance(analyse(expression, since), Analysis)
    before = (since[0], since[1] - 1) if since[1] else (2, 55)
    errors = analyse(expression, before)
    assert not isinstance(errors, Analysis)
    assert f"needs Prometheus {since[0]}.{since[1]}" in errors[0].message


def test_a_function_too_new_is_marked_at_its_name():
    (error,) = analyse("up == 0 and limitk(3, x) > 1", (2, 42))
    assert (error.offset, error.length) == (12, 6)
    assert "feature flag promql-experimental-functions" in error.message


def test_the_renamed_function_is_an_error_on_the_other_side_of_3_0():
    old, new = "holt_winters(x[5m], 0.1, 0.1)", "double_exponential_smoothing(x[5m], 0.1, 0.1)"
    assert isinstance(analyse(old, (2, 55)), Analysis)
    assert isinstance(analyse(new, (3, 0)), Analysis)
    (gone,) = analyse(old, (3, 0))
    assert gone.suggestion == "write `double_exponential_smoothing`"
    (early,) = analyse(new, (2, 55))
    assert early.suggestion == "write `holt_winters`"


def test_a_metric_may_have_the_name_of_a_newer_function():
    assert isinstance(analyse("info + limitk + step", (2, 42)), Analysis)


def test_flags_are_needed_until_a_function_is_stable():
    assert flags_needed({"first_over_time", "rate"}, (3, 13)) == {"promql-experimental-functions"}
    assert flags_needed({"first_over_time", "rate"}, (3, 14)) == frozenset()
