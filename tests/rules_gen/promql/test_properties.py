"""What must hold for every expression, over expressions made up from the grammar."""

import re

import promql_parser
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.promql import Analysis, analyse, compose_threshold
from rules_gen.promql.analysis import analyse_plainly
from rules_gen.promql.locate import find_errors

TARGET = (2, 42)
SPACE = st.sampled_from([" ", "  ", "\n", "\n  ", " # > 5 or (\n", "\t"])
NAMES = st.sampled_from(["up", "x", "job:x:rate5m", "sum", "by", "offset_seconds", "http_requests_total"])
LABELS = st.sampled_from(["job", "a", "le", "by", "on", "instance"])
VALUES = st.one_of(
    st.sampled_from(['"a"', '""', "'b'", "`c`", r"`\d`", r'"\\d"', '"a=b"', '"# > 5"', '"or"', '"é{["', '"5m"']),
    st.text(alphabet="ab=,{}[]()#!~ <>5é", max_size=6).map(lambda text: f'"{text}"'),
)
NUMBERS = st.sampled_from(["1", "0.05", "1e3", ".5", "-5", "100", "0x1F", "Inf"])
DURATIONS = st.sampled_from(["5m", "1h30m", "30s"])
# A number at an edge would become the operand of the next operator.
NUMBER_AT_AN_EDGE = re.compile(r"^[-.\dI]|[\d.fF]$")
GROUPING = st.one_of(
    st.just(""),
    st.builds(
        lambda word, labels: f"{word} ({', '.join(labels)})",
        st.sampled_from(["by", "without"]),
        st.lists(LABELS, max_size=3),
    ),
)


@st.composite
def selectors(draw):
    matchers = draw(st.lists(st.tuples(LABELS, st.sampled_from(["=", "!="]), VALUES), max_size=3))
    if draw(st.booleans()):
        matchers.append(
            ("code", draw(st.sampled_from(["=~", "!~"])), draw(st.sampled_from(['"5.."', '"a|b"', r"`\d+`"])))
        )
    inner = draw(st.sampled_from([",", ", ", " , "])).join(f"{name}{op}{value}" for name, op, value in matchers)
    return draw(NAMES) + (f"{{{inner}}}" if matchers or draw(st.booleans()) else "")


@st.composite
def compound(draw, inner):
    form = draw(st.integers(0, 9))
    space = draw(SPACE)
    if form == 0:
        function = draw(st.sampled_from(["rate", "increase", "max_over_time", "last_over_time"]))
        return f"{function}({draw(selectors())}[{draw(DURATIONS)}])"
    if form == 1:
        grouping = draw(GROUPING)
        return f"{draw(st.sampled_from(['sum', 'max', 'count', 'SUM']))} {grouping}{space}({draw(inner)})"
    if form == 2:
        return f"topk(5,{space}{draw(inner)}) {draw(GROUPING)}"
    if form == 3:
        return f"({space}{draw(inner)}{space})"
    if form == 4:
        return f"-{draw(inner)}"
    if form == 5:
        return f"{draw(st.sampled_from(['abs', 'sort', 'absent', 'timestamp']))}({draw(inner)})"
    if form == 6:
        return f"max_over_time(({draw(inner)})[1h:{draw(DURATIONS)}])"
    if form == 7:
        operator = draw(st.sampled_from(["+", "*", "/", ">", "<", "==", ">=", "> bool", "^", "%", "atan2"]))
        side = draw(inner)
        sides = [f"({side})" if NUMBER_AT_AN_EDGE.search(side) else side, draw(NUMBERS)]
        return f"{space}{operator}{space}".join(reversed(sides) if draw(st.booleans()) else sides)
    if form == 8:
        operator = draw(st.sampled_from(["and", "or", "unless", "OR"]))
        matching = draw(st.sampled_from(["", " on (a)", " ignoring (a, b)"]))
    else:
        operator = draw(st.sampled_from(["+", "-", "/", "==", "!=", "<=", "atan2", "^"]))
        matching = draw(
            st.sampled_from(["", " on (a)", " ignoring (a)", " on (a) group_left (b)", " on (a) group_right ()"])
        )
    left, right = (f"({side})" if NUMBER_AT_AN_EDGE.search(side) else side for side in (draw(inner), draw(inner)))
    return f"{left}{space}{operator}{matching}{space}{right}"


VECTORS = st.recursive(selectors(), compound, max_leaves=6)
EXPRESSIONS = st.builds(
    "{}{}{}".format, st.sampled_from(["", "# why\n", " "]), VECTORS, st.sampled_from(["", "\n", " # end"])
)


@given(EXPRESSIONS)
def test_the_grammar_finds_no_mistake_in_a_correct_expression(text):
    assert find_errors(text, TARGET) == ()
    analysis = analyse_plainly(text, TARGET)
    assert isinstance(analysis, Analysis)
    assert analysis.result_type == "vector"


@given(EXPRESSIONS, st.sampled_from([">", "<=", "==", "!="]), st.sampled_from(["0.05", "-5", "24 * 3600"]))
def test_a_composed_threshold_means_signal_compared_with_number(signal, op, value):
    analysis = analyse(signal, TARGET)
    text = compose_threshold(signal, analysis, op, value)
    node, plain = promql_parser.parse(respelled(text)), promql_parser.parse(respelled(signal))
    left = node.lhs
    if left.prettify() != plain.prettify():
        left = left.expr
    assert (str(node.op), left.prettify(), node.modifier) == (op, plain.prettify(), None)
    assert node.rhs.prettify() == promql_parser.parse(value).prettify()


@given(
    EXPRESSIONS,
    st.sampled_from([">", "<=", "=="]),
    st.sampled_from(["0.05", "-5", "24 * 3600"]),
    st.booleans(),
)
def test_what_is_split_off_composes_to_the_same_expression(signal, op, value, wrapped):
    whole = compose_threshold(signal, analyse(signal, TARGET), op, value)
    whole = f"(\n{whole}\n)" if wrapped else whole
    comparison = analyse(whole, TARGET).top_comparison
    assert comparison is not None
    again = compose_threshold(
        comparison.signal_text, analyse(comparison.signal_text, TARGET), comparison.op, comparison.value_text
    )
    assert without_outer_parentheses(again) == without_outer_parentheses(whole)


@given(EXPRESSIONS, st.lists(st.text(alphabet="abc=#é \\'`\"{}\n", max_size=4), min_size=1, max_size=6))
def test_the_shape_of_an_expression_gives_the_answer_of_the_whole(text, values):
    assert analyse(text, TARGET) == analyse_plainly(text, TARGET)
    parts = text.split('"')
    for index, value in zip(range(1, len(parts), 2), values, strict=False):
        parts[index] = value
    other = '"'.join(parts)
    assert analyse(other, TARGET) == analyse_plainly(other, TARGET)


@given(EXPRESSIONS, st.data())
def test_no_mutilated_expression_raises_and_each_mistake_lies_in_the_text(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 3)))
    mutilated = text[:start] + data.draw(st.text(alphabet="(){}[]\"'`=!~<>,:5mx #", max_size=2)) + text[end:]
    result = analyse_plainly(mutilated, TARGET)
    if not isinstance(result, Analysis):
        assert result
        for error in result:
            assert 0 <= error.offset <= error.offset + error.length <= max(len(mutilated), 1)


def respelled(text):
    """promql-parser misreads escapes between backticks; the values don't matter here."""
    return text.replace(r"`\d`", '"d"').replace(r"`\d+`", '"d+"')


def without_outer_parentheses(text):
    node = promql_parser.parse(respelled(text))
    while isinstance(node, promql_parser.ParenExpr):
        node = node.expr
    return node.prettify()
