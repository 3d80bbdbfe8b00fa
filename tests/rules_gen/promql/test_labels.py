import pytest

from rules_gen.promql import Analysis, analyse


def labels_of(expression):
    analysis = analyse(expression, (3, 14))
    assert isinstance(analysis, Analysis), analysis
    return analysis.labels


@pytest.mark.parametrize(
    ("expression", "labels"),
    [
        ("sum(x)", ""),
        ("sum by (a, b) (x)", "a b"),
        ("sum by (a, b) (sum by (a) (x))", "a"),
        ("sum by (a) (x) / sum by (a) (y)", "a"),
        ("x / on (a, b) y", "a b"),
        ("sum by (a) (x) / ignoring (c) sum by (a, c) (y)", "a"),
        ("rate(x[5m]) / sum by (a) (y)", "a"),
        ("sum by (a) (x) * on (a) group_left (v) info_metric", "a v"),
        ("info_metric * on (a) group_right (v) sum by (a) (x)", "a v"),
        ("sum by (a) (x) * on (a) group_left (v) sum by (a) (y)", "a"),
        ('absent(up{job="a", env=~"p.*"})', "job"),
        ('absent(up{job="a", job="b", env="p"})', "env"),
        ('absent_over_time(up{job="a"}[5m])', "job"),
        ('absent(sum(up{job="a"}))', ""),
        ("vector(1)", ""),
        ("hour()", ""),
        ("sum by (a) (x) or sum by (b) (y)", "a b"),
        ("sum by (a) (x) and y", "a"),
        ("sum by (a) (x) unless y", "a"),
        ("sum by (a) (x) > 5", "a"),
        ('label_replace(sum by (a) (x), "b", "$1", "a", "(.*)")', "a b"),
        ('label_join(sum by (a) (x), "b", ",", "a")', "a b"),
        ('count_values by (a) ("v", x)', "a v"),
        ('count_values("v", x)', "v"),
        ("histogram_quantile(0.9, sum by (le, a) (rate(x[5m])))", "a"),
        ("topk(5, sum by (a) (x))", "a"),
        ("-sum by (a) (x)", "a"),
        ("max_over_time(sum by (a) (x)[1h:5m])", "a"),
        ("scalar(x)", ""),
    ],
)
def test_exact_labels(expression, labels):
    result = labels_of(expression)
    assert (result.kind, result.labels, result.dropped) == ("exact", frozenset(labels.split()), frozenset())


@pytest.mark.parametrize(
    ("expression", "dropped"),
    [
        ("x", ""),
        ("x > 5", ""),
        ("x == bool 5", "__name__"),
        ("x * 5", "__name__"),
        ("5 * x", "__name__"),
        ("-x", "__name__"),
        ("rate(x[5m])", "__name__"),
        ("last_over_time(x[5m])", ""),
        ("sum without (a) (x)", "__name__ a"),
        ("topk(5, x)", ""),
        ("sort(x)", ""),
        ("x / ignoring (a) y", "__name__ a"),
        ("x > ignoring (a) y", "a"),
        ("x / y", "__name__"),
        ("histogram_quantile(0.9, rate(x[5m]))", "__name__ le"),
        ("rate(x[5m]) or sum by (a) (y)", "__name__"),
        ("sum without (a) (x) or sum by (a) (y)", "__name__"),
        ('label_replace(sum without (a) (x), "a", "$1", "b", "(.*)")', "__name__"),
        ("x * on (a) group_left (v) y", "__name__"),
        ("info(sum without (a) (x))", ""),
    ],
)
def test_open_labels(expression, dropped):
    result = labels_of(expression)
    assert (result.kind, result.labels, result.dropped) == ("open", frozenset(), frozenset(dropped.split()))


@pytest.mark.parametrize(
    ("expression", "guaranteed"),
    [
        ('up{job="a", env=~"p", x!="y", z=""}', "job"),
        ('rate(x{job="a"}[5m])', "job"),
        ('sum by (job, x) (up{job="a"})', "job"),
        ('sum without (job) (up{job="a", env="b"})', "env"),
        ('x{a="1"} / y{b="1"}', "a b"),
        ('x{a="1"} / on (a, b) y{b="1", c="1"}', "a b"),
        ('x{a="1"} * on (b) group_left (v, w) y{b="1", v="2"}', "a b v"),
        ('x{v="1"} * on (b) group_left (v) y', ""),
        ('x{a="1", b="1"} or y{b="1"}', "b"),
        ('label_replace(x{a="1"}, "a", "$1", "b", "(.*)")', ""),
        ('absent(up{job="a"})', "job"),
        ('count_values("v", x)', "v"),
        ('x{a="1"} + fill(0) y{b="1"}', ""),
    ],
)
def test_guaranteed_labels(expression, guaranteed):
    assert labels_of(expression).guaranteed == frozenset(guaranteed.split())


def test_may_have_answers_for_both_kinds():
    assert labels_of("sum by (a) (x)").may_have("a")
    assert not labels_of("sum by (a) (x)").may_have("b")
    assert labels_of("sum without (a) (x)").may_have("b")
    assert not labels_of("sum without (a) (x)").may_have("a")
