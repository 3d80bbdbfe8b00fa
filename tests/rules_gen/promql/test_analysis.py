import promql_parser
import pytest

from rules_gen.promql import Analysis, Matcher, Selector, analyse, analysis, shapes

TARGET = (2, 42)


def known(expression, target=TARGET):
    result = analyse(expression, target)
    assert isinstance(result, Analysis), result
    return result


@pytest.mark.parametrize(
    ("expression", "result_type"),
    [("up", "vector"), ("rate(x[5m])", "vector"), ("x[5m]", "matrix"), ("x[5m:]", "matrix"),
     ("1 + 2", "scalar"),
     ("scalar(x)", "scalar"), ("time()", "scalar"), ('"a"', "string"), ("-x", "vector"),
     ("1 > bool 2", "scalar"),
     ("vector(1)", "vector"), ("(x)", "vector"), ("1 + x", "vector")],
)  # fmt: skip
def test_the_type_of_the_result(expression, result_type):
    assert known(expression).result_type == result_type


def test_selectors_stand_in_the_order_of_the_text():
    found = known('sum(rate(a{x="1",y!="2"}[5m])) / quantile(scalar(b), c{z=~"3", w!~"4"}) + max_over_time(d[1h:1m])')
    assert found.selectors == (
        Selector("a", (Matcher("x", "=", "1"), Matcher("y", "!=", "2")), 300.0),
        Selector("b", (), None),
        Selector("c", (Matcher("z", "=~", "3"), Matcher("w", "!~", "4")), None),
        Selector("d", (), None),
    )


def test_a_name_between_the_braces_is_the_name():
    assert known('{__name__="up", a="b"}').selectors == known('up{a="b"}').selectors
    assert known('{"up", a="b"}', (3, 0)).selectors == known('up{a="b"}').selectors
    assert known('{__name__=~"up|down"}').selectors == (Selector(None, (Matcher("__name__", "=~", "up|down"),), None),)


def test_backtick_strings_have_no_escapes():
    assert known(r"x{a=~`\d\\`}").selectors[0].matchers[0].value == r"\d\\"
    assert known("x{a=`\"'\n`}").selectors[0].matchers[0].value == "\"'\n"


@pytest.mark.parametrize(
    ("expression", "has_condition"),
    [
        ("up == 0", True),
        ("up == bool 0", False),
        ("rate(x[5m])", False),
        ("a and b", True),
        ("a unless b", True),
        ("a or b", False),
        ("a > 1 or b", False),
        ("a > 1 or b > 1", True),
        ("(a > 1 or b > 1) or c", False),
        ("a > 1 or (b or c < 1)", False),
        ("(a > 1 or vector(0)) > 0", True),
        ("sum(a > 1 or b)", True),
        ("absent(up)", True),
        ("absent_over_time(up[5m])", True),
        ("absent(up) or up == 0", True),
        ("count(up == 0)", True),
        ("max_over_time((up == 0)[5m:])", True),
        ("vector(1)", False),
        ("-(a > 1)", True),
        ("scalar(a > 1) + b", True),
    ],
)
def test_a_condition_is_what_can_keep_a_sample_out(expression, has_condition):
    assert known(expression).has_condition is has_condition


@pytest.mark.parametrize(
    ("expression", "operator"),
    [("up", None), ("a AND b", "and"), ("(a or b)", None), ("a + b > 5", ">"),
     ("a Or b + c", "or"), ("-a * b", "*"), ("-a", None)],
)  # fmt: skip
def test_the_operator_outside_parentheses(expression, operator):
    assert known(expression).top_operator == operator


def test_functions_and_aggregations_are_listed():
    assert known("SUM(rate(x[5m])) / topk(1, abs(y))").functions == {"sum", "rate", "topk", "abs"}


def test_only_an_expression_without_selectors_is_constant():
    assert known("vector(1)").is_constant
    assert known("vector(time()) > 0").is_constant
    assert not known("vector(scalar(x))").is_constant


@pytest.mark.parametrize(
    ("expression", "multiplied", "divided"),
    [
        ("a / b * 100", (100.0,), ()),
        ("100 * (a / b)", (100.0,), ()),
        ("(a * 100) > 5", (100.0,), ()),
        ("a / 1024 / 1024", (), (1024.0, 1024.0)),
        ("a * 60 / 1000", (60.0,), (1000.0,)),
        ("a * (10 * 10)", (100.0,), ()),
        ("1 - a * 100", (), ()),
        ("1 / a", (), ()),
        ("sum(a * 100)", (), ()),
        ("a * b", (), ()),
    ],
)
def test_constants_that_scale_the_result(expression, multiplied, divided):
    found = known(expression)
    assert (found.multiplied_by, found.divided_by) == (multiplied, divided)


@pytest.mark.parametrize(
    "template",
    [
        'sum by (job) (rate(x{job="%s", code=~"5.."}[5m])) / sum by (job) (rate(x{job="%s"}[5m])) > 0.05',
        '5 < up{job="%s"} * up{job != "%s"}',
        '(up{a="%s"} == 0)\n  unless on (a) y{a="%s", b=""}',
        'label_replace(up{job="%s"}, "a", "=", "b", "=") == count_values("%s", x)',
        'absent(x{a="%s",a="%s"})',
    ],
)
def test_expressions_of_one_shape_are_analysed_as_each_alone(template):
    for values in [
        ("a", "b"),
        ("svc-17", "svc-18"),
        ("", "x"),
        ("x", ""),
        ("=", "a=b"),
        (" or ", "# no comment"),
        ("é", "{"),
    ]:
        text = template % values
        assert analyse(text, TARGET) == analysis.analyse_plainly(text, TARGET)


def test_the_values_of_one_expression_never_reach_another():
    first, second = (known(f'up{{job="{name}"}} == 0') for name in ("one", "two"))
    assert first.selectors[0].matchers[0].value == "one"
    assert second.selectors[0].matchers[0].value == "two"
    assert second.top_comparison.signal_text == 'up{job="two"}'


def test_an_expression_of_a_known_shape_with_an_error_of_its_own_is_refused():
    known('up{job="a"} == 0')
    assert not isinstance(analyse('up{job="\n"} == 0', TARGET), Analysis)
    assert not isinstance(analyse('up{job="a\\d"} == 0', TARGET), Analysis)
    assert not isinstance(analyse('{job=""}', TARGET), Analysis)


def test_the_same_text_is_answered_from_memory(monkeypatch):
    first = known('remembered{a="b"} > 1')
    monkeypatch.setattr(analysis.pp, "parse", lambda _: pytest.fail("parsed again"))
    assert analyse('remembered{a="b"} > 1', TARGET) is first
    assert known('remembered{a="c"} > 1').selectors[0].matchers[0].value == "c"


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(shapes, "_KEPT", 10)
    monkeypatch.setattr(shapes, "_results", {})
    monkeypatch.setattr(shapes, "_shapes", {})
    for number in range(50):
        known(f'bounded_{number}{{a="b"}}')
    assert len(shapes._results) <= 10
    assert len(shapes._shapes) <= 10


class PanicException(BaseException):
    pass


def raising(error):
    def parse(_text):
        raise error

    return parse


def test_a_panic_of_the_parser_is_an_error_of_the_expression(monkeypatch):
    monkeypatch.setattr(promql_parser, "parse", raising(PanicException("index out of bounds")))
    (error,) = analyse(" panics ", TARGET)
    assert (error.offset, error.length) == (1, 6)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), MemoryError()])
def test_what_is_no_answer_of_the_parser_passes_through(monkeypatch, error):
    monkeypatch.setattr(promql_parser, "parse", raising(error))
    with pytest.raises(type(error)):
        analyse("interrupted", TARGET)
