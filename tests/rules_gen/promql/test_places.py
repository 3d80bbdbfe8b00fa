"""Where the parts of an expression stand: whoever exchanges one must hit that one."""

from pathlib import Path

import pytest

from rules_gen.promql import Analysis, analyse
from rules_gen.promql.places import find_places

CORPUS = Path(__file__).parent / "corpus" / "good.txt"
LINES = [line for line in CORPUS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
READ = {line: analyse(line, (3, 15)) for line in LINES}
GOOD = [line for line, read in READ.items() if isinstance(read, Analysis) and "info" not in read.functions]


@pytest.mark.parametrize("text", GOOD)
def test_the_selectors_are_those_of_the_parser(text):
    analysis = READ[text]
    places = find_places(text)
    assert places is not None
    named = [None if one.metric is None else text[slice(*one.metric)] for one in places.selectors]
    # A name within the braces has no place of its own before them.
    assert named == [
        one.name if place.metric else None for one, place in zip(analysis.selectors, places.selectors, strict=True)
    ]


def operators(text):
    return [(one.operator, text[slice(*one.left)], text[slice(*one.right)]) for one in find_places(text).operators]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a - b / c > 5", [("-", "a", "b / c"), ("/", "b", "c"), (">", "a - b / c", "5")]),
        ("a - b - c", [("-", "a", "b"), ("-", "a - b", "c")]),
        ("a ^ b ^ c", [("^", "a", "b ^ c"), ("^", "b", "c")]),
        ("-a == -1", [("==", "-a", "-1")]),
        ("a and on (x) b or c", [("and", "a", "b"), ("or", "a and on (x) b", "c")]),
        ("a / ignoring (x) group_left (y) b", [("/", "a", "b")]),
        ("(a + b) * c", [("+", "a", "b"), ("*", "(a + b)", "c")]),
        ("f(1) > 2", [(">", "f(1)", "2")]),
        ("max_over_time((a > 5)[5m:1m])", [(">", "a", "5")]),
        ("a # or b\n> 5", [(">", "a", "5")]),
        ('a{x="(or)"} > 5', [(">", 'a{x="(or)"}', "5")]),
        ("sum(a) by (job) / b", [("/", "sum(a) by (job)", "b")]),
        ("rate(a[5m] offset 1w) > 1", [(">", "rate(a[5m] offset 1w)", "1")]),
        ("a @ start() > 1", [(">", "a @ start()", "1")]),
    ],
)
def test_operators_with_their_operands(text, expected):
    assert operators(text) == expected


def test_the_word_bool_is_found_with_the_blank_before_it():
    text = "a > bool 5"
    [operator] = find_places(text).operators
    start, end = operator.bool_place
    assert text[:start] + text[end:] == "a > 5"


@pytest.mark.parametrize(
    ("text", "label", "rest"),
    [
        ('up{a="1", b="2", c="3"}', "a", 'up{b="2", c="3"}'),
        ('up{a="1", b="2", c="3"}', "b", 'up{a="1", c="3"}'),
        ('up{a="1", b="2", c="3"}', "c", 'up{a="1", b="2"}'),
        ('up{a="1"}', "a", "up{}"),
        ('up{ a = "1" , }', "a", "up{}"),
        ('{job="x", a=~"1|2"}', "a", '{job="x"}'),
    ],
)
def test_a_matcher_goes_with_its_comma(text, label, rest):
    [selector] = find_places(text).selectors
    [matcher] = [one for one in selector.matchers if one.label == label]
    assert text[: matcher.cut[0]] + text[matcher.cut[1] :] == rest


@pytest.mark.parametrize(
    ("text", "label", "rest"),
    [
        ("sum by (a, b) (x)", "a", "sum by (b) (x)"),
        ("sum by (a, b) (x)", "b", "sum by (a) (x)"),
        ("sum(x) without (a)", "a", "sum(x) without ()"),
    ],
)
def test_a_label_of_a_grouping_goes_with_its_comma(text, label, rest):
    [grouping] = find_places(text).groupings
    [cut] = [cut for name, cut in grouping.labels if name == label]
    assert text[: cut[0]] + text[cut[1] :] == rest


def test_calls_know_their_arguments():
    text = "histogram_quantile(0.95, sum by (le) (rate(a[5m])))"
    calls = {one.name: [text[slice(*argument)] for argument in one.arguments] for one in find_places(text).calls}
    assert calls == {
        "histogram_quantile": ["0.95", "sum by (le) (rate(a[5m]))"],
        "sum": ["rate(a[5m])"],
        "rate": ["a[5m]"],
    }


@pytest.mark.parametrize("text", ["", "(", "up{", "sum by", 'up{a="'])
def test_what_is_no_expression_has_no_places_or_none_that_matter(text):
    places = find_places(text)
    assert places is None or not places.operators
