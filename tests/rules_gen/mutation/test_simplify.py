"""Which expressions are told to mean the same. A wrong yes would hide a mutant, so what might differ must differ."""

from pathlib import Path

import pytest

from rules_gen.mutation.simplify import simplified

TARGET = (2, 42)
CORPUS = Path(__file__).parents[1] / "promql" / "corpus" / "good.txt"
GOOD = [line for line in CORPUS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def same(left, right):
    return simplified(left, TARGET) == simplified(right, TARGET)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("a > 5", "( a ) > 5.0 # five"),
        ('a{x="1", y="2"}', 'a{y="2", x="1"}'),
        ('{__name__="a"}', "a"),
        ('a{x=~"1"}', 'a{x="1"}'),
        ('a{x!~"1"}', 'a{x!="1"}'),
        ('a{x=~"b|c"}', 'a{x=~"c|b"}'),
        ("sum by (x, y) (a)", "sum(a) by (y, x)"),
        ("sum(a)", "sum by () (a)"),
        ("a > 24 * 3600", "a > 86400"),
        ("rate(a[60s])", "rate(a[1m])"),
        ("rate(a[5m]) + rate(b[5m])", "rate(b[5m]) + rate(a[5m])"),
        ("rate(a[5m]) * 1", "rate(a[5m]) / 1"),
        ("0 * absent(a)", "0 / absent(a)"),
        ("a and b * 2", "a and b / 2"),
        ("a and b + c", "a and b - c"),
        ("a unless abs(b)", "a unless ceil(b)"),
        ("a unless b > bool 1", "a unless b >= bool 1"),
        ("a and on (x, y) b", "a and on (y, x) b"),
        ("a and ignoring () b", "a and b"),
        # A label that one side fixes is fixed on the other, where both are matched by it.
        (
            'sum by (x) (rate(a{x="1"}[5m])) / sum by (x) (rate(b{x="1"}[5m]))',
            'sum by (x) (rate(a[5m])) / sum by (x) (rate(b{x="1"}[5m]))',
        ),
        ('a{x="1"} / b{x="1"}', 'a{x="1"} / b'),
        ('a{x="1"} and on (x) b{x="1"}', 'a{x="1"} and on (x) b'),
        ('a{x="1"} and on (x) b{x="1"}', 'a and on (x) b{x="1"}'),
        ('a{x="1"} unless b{x="1"}', 'a{x="1"} unless b'),
        ('a{x="1"} > bool b{x="1"} * 2', 'a{x="1"} > bool b * 2'),
        ('sum without (y) (a{x="1"}) - sum without (y) (b{x="1"})', 'sum without (y) (a{x="1"}) - sum without (y) (b)'),
    ],
)
def test_the_same_in_other_words(left, right):
    assert same(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("a > 5", "a >= 5"),
        ("a - b", "b - a"),
        ("a / b", "b / a"),
        ("a and b", "b and a"),
        ("a or b", "b or a"),
        ("a > b", "a > bool b"),
        ('a{x="1"}', 'a{x!="1"}'),
        ('a{x=~"1.*"}', 'a{x="1.*"}'),
        ('a{x=~"1."}', 'a{x="1."}'),
        ("sum by (x) (a)", "sum without (x) (a)"),
        ("rate(a[5m])", "rate(a[5m] offset 5m)"),
        ("a * 1", "a"),  # Arithmetic takes the metric's name away.
        ("a and b > 1", "a and b > 2"),
        ("a and b > 1", "a and b"),
        ("a and b > bool 1", "a and b > 1"),
        ("a * on () group_left b", "a * on () group_right b"),
        ("0 * up", "0 / up"),
        ("a / absent(b)", "a * absent(c)"),
        ("a @ 5", "a @ 6"),
        ("max_over_time(a[5m:1m])", "max_over_time(a[5m:2m])"),
        ("quantile(0.9, a)", "quantile(0.95, a)"),
        ("topk(3, a)", "topk(4, a)"),
        ('a{x="1"} or b{x="1"}', 'a{x="1"} or b'),
        ('a{x="1"} unless b{x="1"}', 'a unless b{x="1"}'),
        ('sum(a{x="1"}) / sum(b{x="1"})', 'sum(a{x="1"}) / sum(b)'),
        ('a{x="1"} / on (y) b{x="1"}', 'a{x="1"} / on (y) b'),
        ('a{x="1"} / on (x) b{x="1"}', 'a{x="1"} / on (x) b'),  # Doubles of another x would be an error.
        ('a{x="1"} and on (y) b{x="1"}', 'a{x="1"} and on (y) b'),
        ('a{x="1"} and ignoring (x) b{x="1"}', 'a{x="1"} and ignoring (x) b'),
        ('sum by (y) (a{x="1"}) / sum by (y) (b{x="1"})', 'sum by (y) (a{x="1"}) / sum by (y) (b)'),
        ('topk by (x) (1, a{x="1"}) / b{x="1"}', 'topk by (x) (1, a) / b{x="2"}'),
        ('a{x="1"} / absent(b{x="1"})', 'a{x="1"} / absent(b)'),
        ('a{x="1"} * on (x) group_left b{x="1"}', 'a{x="1"} * on (x) group_left b'),
        ('a{x="1"} / {x="1", y="2"}', 'a{x="1"} / {y="2"}'),
        ('a{x="1"} / label_replace(b{x="1"}, "x", "1", "", "")', 'a{x="1"} / label_replace(b, "x", "1", "", "")'),
        ('a{x="1"} / b{x="1"}', 'a{x="1"} / b{x!="1"}'),
        # Minus nothing and nothing are two values.
        ("rate(a[5m]) + 0", "rate(a[5m]) - 0"),
        # absent() has the labels of its matchers, but none of a label that it is asked for twice.
        ('absent(a{x="1", x=~"1"})', 'absent(a{x="1"})'),
        ('absent(a{x=~"1"})', 'absent(a{x="1"})'),
        # Of histograms these leave more or less than each other.
        ("a unless abs(b)", "a unless b"),
        ("a unless 2 * b", "a unless 2 / b"),
        ("a unless b * c", "a unless b / c"),
        ("a unless b % 2", "a unless b / 2"),
        # Without a metric's name, two series could become one, which is an error.
        ('a{x="1"} unless rate({x="1", y="2"}[5m])', 'a{x="1"} unless rate({y="2"}[5m])'),
    ],
)
def test_what_may_differ_differs(left, right):
    assert not same(left, right)


@pytest.mark.parametrize("text", GOOD)
def test_every_expression_is_itself_and_reads_the_same_in_brackets(text):
    assert same(text, f"(\n{text}\n)") or simplified(text, TARGET).kind == "unread"


def test_what_cannot_be_read_only_equals_itself():
    assert not same("a >", "a > ")
    assert same("a >", "a >")
