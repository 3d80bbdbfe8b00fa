"""Expressions that mean the same have equal trees, and nothing that matters is lost from a tree."""

import pytest

from rules_gen.promql.canonical import meaning

SAME = [
    ('sum by (job, a) (rate(x{b="1", a="2"}[5m])) > 0.05', '(sum by(a,job)(rate(x{a="2",b="1"}[300s])))>5/100 # why'),
    ("5 < x", "x > 5"),
    ('{__name__="x"}', "x"),
    ("a and ignoring() b", "a and b"),
    (r"x{a=~`\d`}", r'x{a=~"\\d"}'),
    ("sum by () (x)", "sum(x)"),
    ("SUM(x)", "sum(x)"),
    ("x > 24 * 3600", "x > 86400"),
    ("x offset 1h", "x offset 60m"),
    ('x{a="1",a="1"}', 'x{a="1"}'),
    ("x > -(5)", "x > -5"),
]

DIFFERENT = [
    ("a and on() b", "a and b"),
    ("a and on(x) b", "a and ignoring(x) b"),
    ("x @ 100", "x @ 101"),
    ("x @ start()", "x @ end()"),
    ("x offset 5m", "x"),
    ("x[5m:1m]", "x[5m:2m]"),
    ("x[5m:1m]", "x[5m:1m] offset 1m"),
    ("x[5m:1m]", "x[5m:1m] @ 5"),
    ("a + on(x) group_left b", "a + on(x) b"),
    ("a + on(x) group_left(y) b", "a + on(x) group_left(z) b"),
    ("a + on(x) group_left b", "a + on(x) group_right b"),
    ("a > bool b", "a > b"),
    ('x{a="1"}', 'x{a!="1"}'),
    ('x{a="1"}', 'x{a=~"1"}'),
    ("sum by (a) (x)", "sum without (a) (x)"),
    ("sum without () (x)", "sum(x)"),
    ("topk(3, x)", "topk(4, x)"),
    ("quantile(0.5, x)", "max(x)"),
    ("a - b", "b - a"),
    ("-x", "x"),
    ("-x ^ 2", "(-x) ^ 2"),
    ('label_replace(x, "a", "$1", "b", "(.*)")', 'label_replace(x, "a", "$1", "b", "(.+)")'),
    ("rate(x[5m])", "rate(x[6m])"),
    ("rate(x[5m])", "irate(x[5m])"),
    ("a or b", "a or on() b"),
    ("x / -0", "x / 0"),
    ("1 > bool x", "x > bool 1"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_another_spelling_is_the_same_tree(one, other):
    assert meaning(one) is not None
    assert meaning(one) == meaning(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_whatever_changes_the_result_changes_the_tree(one, other):
    assert meaning(one) is not None
    assert meaning(other) is not None
    assert meaning(one) != meaning(other)


@pytest.mark.parametrize("text", ["", "sum(", "x{", "x @"])
def test_what_is_no_expression_has_no_tree(text):
    assert meaning(text) is None
