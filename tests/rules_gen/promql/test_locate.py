import pytest

from rules_gen.promql import Analysis, analyse

TARGET = (2, 42)


@pytest.mark.parametrize(
    ("expression", "marked", "message", "suggestion"),
    [
        ("up == == 0", "== 0"[:2], "unexpected `==`", None),
        ("up = 1", "=", "unexpected `=`", "compare with `==`"),
        ("up >", ">", "the expression ends after `>`", None),
        ("sum(rate(x[5m]) > 5", "(", "`(` is never closed", "add `)`"),
        ('up{job="a" > 5', "{", "`{` is never closed", "add `}`"),
        ("rate(x[5m) > 5", "[", "`[` is never closed", "add `]` before `)`"),
        ("up)", ")", "`)` closes nothing", None),
        ('up{job="a} == 0', '"', "never closed", None),
        ("rtae(x[5m])", "rtae", "unknown function `rtae`", "did you mean `rate`?"),
        ("Rate(x[5m])", "Rate", "unknown function", "did you mean `rate`?"),
        ("1 + rate(x) > 5", "rate(x)", "`rate` needs a range vector", "add a range"),
        ("rate(sum(x))", "rate(sum(x))", "`rate` needs a range vector", "subquery"),
        ("sum(x[5m])", "sum(x[5m])", "`sum` needs an instant vector", "`rate`"),
        ("topk(x)", "topk(x)", "`topk` takes 2 arguments, not 1", None),
        ("round(x, 1, 2)", "round(x, 1, 2)", "`round` takes 1 to 2 arguments, not 3", None),
        ("time() > 5", ">", "a comparison of two numbers must use `bool`", "write `> bool`"),
        ("a + bool b", "+", "`bool` belongs to a comparison", None),
        ("a and 1", "1", "`and` combines instant vectors", "vector(...)"),
        ("a > x[5m]", "x[5m]", "this is a range vector", "`rate`"),
        ("{}", "{}", "needs a metric or a matcher", None),
        ('{job=~".*"}', '{job=~".*"}', "needs a metric or a matcher", None),
        ('up{job=~"(a"}', '"(a"', "not a valid regular expression", None),
        ("up{job=~`[`}", "`[`", "not a valid regular expression", None),
        ('up{a="b" or c="d"}', "or", "no `or` between matchers", "two selectors with `or`"),
        ('up{a=="b"}', "==", "one `=`", "write `=`"),
        ("up{a=b}", "b", "expected a quoted string", None),
        ('up{a="\\d"}', '"\\d"', "escape", "backslash twice"),
        ('up{__name__="y"}', 'up{__name__="y"', "given twice", None),
        ("x offset 5m [5m]", "[5m]", "a range follows a selector only", "after the range"),
        ("sum(x) offset 5m", "offset", "`offset` follows a selector", None),
        ("x offset 5m offset 5m", "offset", "given twice", None),
        ("rate(x[0s])", "0s", "longer than zero", None),
        ("rate(x[5])", "5", "a number as a duration needs Prometheus 2.54", "write the unit"),
        ("a * on (x) group_left (x) b", "group_left", "can't stand in both", None),
        ("1 + on (x) a", "on", "matches two instant vectors", None),
        ("up && down", "&", "unexpected character", "write `and`"),
        ("up > 5%", "%", "the expression ends after `%`", None),
        ("x > 1e400", "1e400", "too large", "write `Inf`"),
        ("x @ foo", "foo", "a Unix time in seconds", None),
    ],
)
def test_a_mistake_is_marked_at_its_place(expression, marked, message, suggestion):
    errors = analyse(expression, TARGET)
    assert not isinstance(errors, Analysis)
    error = errors[0]
    assert expression[error.offset : error.offset + error.length] == marked
    assert message in error.message
    assert (suggestion or "") in (error.suggestion or "")


def test_every_mistake_of_meaning_is_reported_at_once_in_order():
    errors = analyse("rtae(x[5m]) + rate(y) > foo(z)", TARGET)
    assert [error.offset for error in errors] == [0, 14, 24]


def test_the_second_of_two_equal_words_is_the_one_marked():
    (error,) = analyse("rate + rate(rate)", TARGET)
    assert error.offset == 7


def test_comments_do_not_hide_or_move_a_mistake():
    (error,) = analyse("# rtae(x)\nrtae(x[5m]) # rtae", TARGET)
    assert (error.offset, error.length) == (10, 4)


@pytest.mark.parametrize("expression", ["", "   ", "# nothing but a comment"])
def test_an_empty_expression_is_an_error(expression):
    (error,) = analyse(expression, TARGET)
    assert error.message == "the expression is empty"


@pytest.mark.parametrize("depth", [300, 5000])
def test_a_very_deep_expression_never_raises(depth):
    for expression in ("(" * depth + "x >" + ")" * depth, "+".join(["x"] * depth), "-" * depth + "x["):
        analyse(expression, TARGET)
