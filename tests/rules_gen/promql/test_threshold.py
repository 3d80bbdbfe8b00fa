import promql_parser
import pytest

from rules_gen.promql import Analysis, analyse, compose_threshold

TARGET = (3, 14)


def comparison_of(expression):
    analysis = analyse(expression, TARGET)
    assert isinstance(analysis, Analysis), analysis
    return analysis.top_comparison


@pytest.mark.parametrize(
    ("expression", "op", "value", "value_text", "signal"),
    [
        ("x > 5", ">", 5.0, "5", "x"),
        ("x>-5", ">", -5.0, "-5", "x"),
        ("x == 1e3", "==", 1000.0, "1e3", "x"),
        ("5 < x", ">", 5.0, "5", "x"),
        ("0.5 >= x", "<=", 0.5, "0.5", "x"),
        ("a / b * 100 >= 5.", ">=", 5.0, "5.", "a / b * 100"),
        ("a > 3 > 5", ">", 5.0, "5", "a > 3"),
        ("(x > 5)", ">", 5.0, "5", "x"),
        ("((5 < x))", ">", 5.0, "5", "x"),
        ("(a) > (5)", ">", 5.0, "(5)", "(a)"),
        ("x > 24 * 3600", ">", 86400.0, "24 * 3600", "x"),
        ("x > -(5)", ">", -5.0, "-(5)", "x"),
        ("x > 10m", ">", 600.0, "10m", "x"),
        ("x > Inf", ">", float("inf"), "Inf", "x"),
        ('x{a="> 3"} != 0', "!=", 0.0, "0", 'x{a="> 3"}'),
        ("5 < a == b", None, 0, "", ""),
        ("# rate\nx # per second\n> 5", ">", 5.0, "5", "# rate\nx # per second"),
        ("x\n  # > 3\n  / y < 5", "<", 5.0, "5", "x\n  # > 3\n  / y"),
    ],
)
def test_a_threshold_is_split_off(expression, op, value, value_text, signal):
    comparison = comparison_of(expression)
    if op is None:
        assert comparison is None
        return
    assert (comparison.op, comparison.value, comparison.value_text, comparison.signal_text) == (
        op,
        value,
        value_text,
        signal,
    )


@pytest.mark.parametrize(
    "expression",
    ["x", "x > y", "x > bool 5", "x > 5 and y < 3", "x > 5 or y", "x + 5", "x > on () 5", "x > scalar(y)",
     "x > time()",
     "x > 24 * # hours\n3600", "sum(x > 5)", "-(x > 5)", "(x > 5) * 2", "vector(1)"],
)  # fmt: skip
def test_other_conditions_are_not_split(expression):
    assert comparison_of(expression) is None


def test_comments_outside_the_signal_are_handed_over():
    comparison = comparison_of("# why\n(x) # sum\n> 5 # five")
    assert comparison.signal_text == "# why\n(x) # sum"
    assert comparison.comments == ("# five",)
    assert comparison_of("# why\n(x > 5)").comments == ("# why",)


def test_only_a_plain_number_is_literal():
    assert comparison_of("x > -5.5").is_literal
    assert not comparison_of("x > 24 * 3600").is_literal


@pytest.mark.parametrize(
    ("signal", "composed"),
    [
        ("x", "x > 0.05"),
        ("a / b\n", "a / b > 0.05"),
        ("a\n  / b\n", "a\n  / b\n> 0.05"),
        ("a or b", "(a or b) > 0.05"),
        ("a\nAND b", "(\na\nAND b\n) > 0.05"),
        ("a == b", "(a == b) > 0.05"),
        ("a == bool b", "(a == bool b) > 0.05"),
        ("a atan2 b", "a atan2 b > 0.05"),
        ("-a", "-a > 0.05"),
        ("a ^ b", "a ^ b > 0.05"),
        ("(a or b)", "(a or b) > 0.05"),
        ("a # the rate", "a # the rate\n> 0.05"),
        ("a or b # both", "(\na or b # both\n) > 0.05"),
        ('a{x="#"}', 'a{x="#"} > 0.05'),
        ("a offset 5m", "a offset 5m > 0.05"),
    ],
)
def test_a_threshold_is_put_on_without_a_change_of_meaning(signal, composed):
    analysis = analyse(signal, TARGET)
    text = compose_threshold(signal, analysis, ">", "0.05")
    assert text == composed
    node, plain = promql_parser.parse(text), promql_parser.parse(signal)
    inner = node.lhs.expr if text.startswith("(") and not signal.startswith("(") else node.lhs
    assert (str(node.op), inner.prettify(), node.rhs.val) == (">", plain.prettify(), 0.05)
