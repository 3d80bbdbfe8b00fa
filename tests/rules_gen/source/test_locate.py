import pytest
import yaml_rs
from hypothesis import given, reject
from hypothesis import strategies as st

from rules_gen.diagnostics import Keys, Level, Place, Problem, Span
from rules_gen.source.locate import Locator, diagnose, locate

FILE = "alerts/payments/checkout.yaml"

DEFINITION = """\
# A comment comes first.
service: checkout
team: payments
alerts:
  - alert: TooMany
    on: 1
    2: two
    expr: |
      sum(rate(x[5m]))

        / bad(y)
    labels: {tier: "web", "zone": a}
  - alert: Other
    runbook:
      impact: >-
        Customers
        can't pay.
      causes: []
    summary:
"""


def place(*keys: str | int) -> Place:
    return Place(FILE, keys)


def shown(span: Span) -> str:
    """The source line with a caret line, as a person would check it."""
    return f"{span.source}\n{' ' * (span.column - 1)}{'^' * span.length}"


def found(text: str, keys: Keys, offset: int, length: int = 1) -> str:
    return shown(locate(Place(FILE, keys, offset, length), text))


def test_a_plain_value():
    span = locate(place("service"), DEFINITION)
    assert span == Span(FILE, 2, 10, 8, "service: checkout")


@pytest.mark.parametrize(
    ("keys", "caret"),
    [
        (("alerts", 0, "alert"), "  - alert: TooMany\n           ^^^^^^^"),
        (("alerts", 0, "on"), "    on: 1\n        ^"),
        (("alerts", 0, "2"), "    2: two\n       ^^^"),
        (("alerts", 0, 2), "    2: two\n       ^^^"),
        (("alerts", 0, "labels", "tier"), '    labels: {tier: "web", "zone": a}\n                   ^^^^^'),
        (("alerts", 0, "labels", "zone"), '    labels: {tier: "web", "zone": a}\n' + " " * 34 + "^"),
        (("alerts", 0, "expr"), "      sum(rate(x[5m]))\n      ^^^^^^^^^^^^^^^^"),
        (("alerts", 1, "runbook", "impact"), "        Customers\n        ^^^^^^^^^"),
    ],
)
def test_the_whole_value(keys, caret):
    assert shown(locate(Place(FILE, keys), DEFINITION)) == caret


@pytest.mark.parametrize(
    ("keys", "caret"),
    [
        (("alerts",), "alerts:\n^^^^^^"),
        (("alerts", 1), "  - alert: Other\n    ^^^^^^^^^^^^"),
        (("alerts", 1, "runbook"), "    runbook:\n    ^^^^^^^"),
        (("alerts", 0, "labels"), '    labels: {tier: "web", "zone": a}\n    ^^^^^^'),
        (("alerts", 1, "runbook", "causes"), "      causes: []\n      ^^^^^^"),
        (("alerts", 1, "summary"), "    summary:\n    ^^^^^^^"),
        ((), "service: checkout\n^^^^^^^^^^^^^^^^^"),
    ],
)
def test_what_has_no_text_of_its_own_is_shown_by_its_key(keys, caret):
    assert shown(locate(Place(FILE, keys), DEFINITION)) == caret


@pytest.mark.parametrize(
    ("keys", "caret"),
    [
        (("alerts", 0, "on"), "    on: 1\n    ^^"),
        (("alerts", 0, "labels", "zone"), '    labels: {tier: "web", "zone": a}\n' + " " * 26 + "^" * 6),
        (("alerts", 1), "  - alert: Other\n    ^^^^^^^^^^^^"),
    ],
)
def test_the_key_itself(keys, caret):
    assert shown(locate(Place(FILE, keys, on_key=True), DEFINITION)) == caret


@pytest.mark.parametrize(
    ("keys", "caret"),
    [
        (("owner",), "service: checkout\n^^^^^^^^^^^^^^^^^"),
        (("alerts", 1, "severity"), "  - alert: Other\n    ^^^^^^^^^^^^"),
        (("alerts", 1, "runbook", "escalate", "after"), "    runbook:\n    ^^^^^^^"),
        (("alerts", 7), "alerts:\n^^^^^^"),
        (("service", "name"), "service: checkout\n^^^^^^^"),
    ],
)
def test_a_path_that_is_missing_is_shown_at_its_nearest_ancestor(keys, caret):
    assert shown(locate(Place(FILE, keys), DEFINITION)) == caret


STYLES = {
    "plain": "a:  one two\n",
    "plain, folded": "a: one\n  two\n\n  three\nb: 1\n",
    "plain with tag and anchor": "a: !!str &x one two\n",
    "literal": "a: |\n  one\n    two\n\n  three\n",
    "literal, stripped": "a: |-\n  one\n  two\n\n\nb: 1\n",
    "literal, kept": "a: |+\n  one\n\n\nb: 1\n",
    "literal with a comment": "a: | # why\n  one\n",
    "literal, indentation told": "a:\n  b: |2\n      one\n     two\n",
    "literal that starts blank": "a: |\n\n \n   one\n",
    "literal with tag": "a: !!str |\n  one\n  two\n",
    "literal with tag on a line of its own": "a: !!str\n  |\n  one\n  two\n",
    "literal with trailing spaces": "a: |\n  one  \n   \n  two\n",
    "literal at the end": "a: |\n  one",
    "literal in a list": "a:\n- |\n one\n two\n- b\n",
    "folded": "a: >\n  one\n  two\n\n  three\n\n\n  four\n",
    "folded with deeper lines": "a: >\n  one\n    two\n    three\n\n  four\n  five\n",
    "folded, kept": "a: >+\n\n  one\n  two\n\n\nb: 1\n",
    "single": "a: 'it''s one'\n",
    "single, folded": "a: 'one \n  two''s\n\n  three '\n",
    "double": r'a: "one \"two\" \u00e9\x41 \U0001F600 \\ end"' + "\n",
    "double, folded": 'a: "one\n  two\n\n  three"\n',
    "double, continued": 'a: "one \\\n   two\\\n   \\ three\\\n\n   four"\n',
    "double with tabs": 'a: "one\ttwo \t\n \t three"\n',
    "flow": "{a: [one, 'two'], b: \"x\"}\n",
    "with two kinds of wide characters": "a: 日本 \U0001f600 x\nb: |\n  \U0001f600 y\n",
    "with line ends of YAML 1.1": "a: one\x85two\u2028three\nb: four\n",
    "with a character that YAML forbids": "a: |\n  one\x7ftwo\n",
}


def scalars(value, keys=()):
    if isinstance(value, dict):
        for key, below in value.items():
            yield from scalars(below, (*keys, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from scalars(below, (*keys, index))
    elif isinstance(value, str):
        yield keys, value


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("text", STYLES.values(), ids=STYLES)
def test_every_character_of_every_style_is_found_where_it_was_typed(text, ending):
    text = text.replace("\n", ending)
    data = yaml_rs.loads(text, parse_datetime=False)
    locator = Locator(FILE, text)
    last = (0, 0)
    lines = text.split("\n")
    seen = 0
    for keys, value in scalars(data):
        for offset, character in enumerate(value):
            span = locator.locate(Place(FILE, keys, offset, 1))
            here = span.source[span.column - 1 : span.column - 1 + span.length]
            assert span.source == lines[span.line - 1].removesuffix("\r")
            if character.isalnum() and character.isascii() and not here.startswith("\\"):
                assert here == character
                assert (span.line, span.column) > last
                last = (span.line, span.column)
                seen += 1
    assert seen


@pytest.mark.parametrize(
    ("text", "offset", "length", "caret"),
    [
        ("a: |\n  one\n\n    two\n", 7, 3, "    two\n    ^^^"),
        ("a: |2\n    one\n", 2, 3, "    one\n    ^^^"),
        ("a: >\n  one\n  two\n", 4, 3, "  two\n  ^^^"),
        ("a: >\n  one\n  two\n", 2, 4, "  one\n    ^"),
        ("a: 'it''s'\n", 2, 1, "a: 'it''s'\n      ^^"),
        ("a: 'it''s'\n", 3, 1, "a: 'it''s'\n        ^"),
        (r'a: "x\u00e9y"', 1, 1, 'a: "x\\u00e9y"\n     ^^^^^^'),
        (r'a: "x\u00e9y"', 2, 1, 'a: "x\\u00e9y"\n           ^'),
        (r'a: "\n\x41\"z"', 3, 1, 'a: "\\n\\x41\\"z"\n            ^'),
        ('a: "one \\\n   two"', 4, 3, '   two"\n   ^^^'),
        ("a: 日本 x\n", 3, 1, "a: 日本 x\n      ^"),
        ("a: \U0001f600 x\n", 2, 1, "a: \U0001f600 x\n     ^"),
        ("a: |\n\n  one\n", 1, 3, "  one\n  ^^^"),
        ("\ufeffa: one\n", 0, 3, "a: one\n   ^^^"),
        ("a: |\r\n  one\r\n  two\r\n", 4, 3, "  two\n  ^^^"),
    ],
)
def test_a_part_of_a_value(text, offset, length, caret):
    assert found(text, ("a",), offset, length) == caret


@pytest.mark.parametrize(
    ("text", "caret"),
    [
        ("a: |\n  one\n", "  one\n     ^"),
        ("a: one # why\n", "a: one # why\n      ^"),
        ("a: 'one'\n", "a: 'one'\n       ^"),
        ("a: |+\n  one\n\n\n", "  one\n     ^"),
        ("a: |\r\n  one\r\n", "  one\n     ^"),
    ],
)
def test_an_offset_behind_the_value_points_behind_its_last_character(text, caret):
    assert found(text, ("a",), 99) == caret


def test_merged_keys_and_aliases_point_at_what_was_typed():
    text = """\
base: &base
  for: 5m
  team: a
other: &other {team: b, zone: z}
use:
  <<: [*base, *other]
  for: 9m
copy: *base
"""
    spans = {
        keys: shown(locate(Place(FILE, keys), text))
        for keys in [("use", "for"), ("use", "team"), ("use", "zone"), ("copy", "team")]
    }
    assert spans == {
        ("use", "for"): "  for: 9m\n       ^^",
        ("use", "team"): "  team: a\n        ^",
        ("use", "zone"): "other: &other {team: b, zone: z}\n                              ^",
        ("copy", "team"): "  team: a\n        ^",
    }


def test_an_anchor_that_merges_itself_is_no_trap():
    assert locate(Place(FILE, ("a", "b", "c")), "a: &a\n  <<: *a\n  x: 1\n").line == 1
    assert locate(Place(FILE, ("a", 0, 0, 0)), "a: &a [*a]\n").line == 1


def test_a_long_chain_of_merges_is_no_trap():
    chain = "".join(f"k{n}: &k{n}\n  <<: *k{n - 1}\n" for n in range(1, 3000))
    assert locate(Place(FILE, ("k2999", "end")), f"k0: &k0 {{end: x}}\n{chain}").line == 1


def test_nesting_that_would_kill_the_c_composer_is_survived():
    assert locate(Place(FILE, ("a",)), "a: " + "[" * 100_000).line == 1


def test_keys_of_other_types_match_by_their_text():
    text = "on: a\ntrue: b\n1.5: c\n~: d\n0123: e\n"
    lines = [locate(Place(FILE, (key,)), text).line for key in ("on", "true", True, "1.5", "~", "0123")]
    assert lines == [1, 2, 2, 3, 4, 5]


def test_behind_a_mistake_the_text_is_searched():
    text = """\
alerts:
  - alert: A
    expr: "\\d"
  - alert: B
    expr: up == 0
    severity: hihg
"""
    assert shown(locate(place("alerts", 0, "alert"), text)) == "  - alert: A\n           ^"
    assert shown(locate(place("alerts", 1, "severity"), text)) == "    severity: hihg\n              ^^^^"
    assert shown(locate(place("alerts", 1, "nothing"), text)) == "  - alert: B\n    ^^^^^^^^"
    assert locate(place("nothing"), text).line == 1


def test_a_place_that_was_told_is_kept_within_the_text():
    text = "a: 1\nbc: 2\n"
    assert locate(Place(FILE, line=2, column=2, length=3), text) == Span(FILE, 2, 2, 3, "bc: 2")
    assert locate(Place(FILE, line=2), text) == Span(FILE, 2, 1, 5, "bc: 2")
    assert locate(Place(FILE, line=2, column=99), text) == Span(FILE, 2, 6, 1, "bc: 2")
    assert locate(Place(FILE, line=99, column=1), text).line <= 3


@pytest.mark.parametrize("text", [None, "", "\ufeff", "# only a comment\n", "\n"])
def test_a_file_without_content_has_a_first_line(text):
    span = locate(place("service"), text)
    assert (span.file, span.line, span.column) == (FILE, 1, 1)


def test_problems_become_diagnostics_in_reading_order():
    problems = [
        Problem("late", "m", place("team"), "s", Level.WARNING, (("here", place("service")),)),
        Problem("early", "n", place("service")),
        Problem("elsewhere", "o", Place("alerts/gone.yaml", ("x",))),
    ]
    elsewhere, early, late = diagnose(problems, {FILE: DEFINITION})
    assert [d.check for d in (elsewhere, early, late)] == ["elsewhere", "early", "late"]
    assert (early.span.line, late.span.line, elsewhere.span.line) == (2, 3, 1)
    assert late.related == (("here", early.span),)
    assert (late.suggestion, late.level) == ("s", Level.WARNING)


WORDS = st.text(st.sampled_from("ab{}[]()\"'\\:#,&*!|>%@é日\U0001f600"), min_size=1, max_size=6)
LINES = st.lists(st.lists(WORDS, max_size=4).map(" ".join), min_size=1, max_size=5)


def _literal(lines, indent):
    return "|\n" + "".join(f"{' ' * indent}{line}\n" if line else "\n" for line in lines)


def _single(lines, indent):
    return "'" + f"\n\n{' ' * indent}".join(line.replace("'", "''") for line in lines) + "'\n"


def _double(lines, indent):
    escaped = [line.replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return '"' + f"\\n\\\n{' ' * indent}".join(escaped) + '"\n'


def _plain(lines, indent):
    return f"\n{' ' * indent}".join("w" + "".join(c for c in line if c.isalpha() or c == " ") for line in lines) + "\n"


def _folded(lines, indent):
    return _literal(lines, indent).replace("|", ">", 1)


STYLED = st.tuples(st.sampled_from([_literal, _folded, _single, _double, _plain]), LINES)


@given(st.lists(STYLED, min_size=1, max_size=4), st.integers(1, 4), st.booleans())
def test_the_character_at_a_place_is_the_character_of_the_value(members, indent, windows):
    text = "".join(f"k{n}: {write(lines, indent)}" for n, (write, lines) in enumerate(members))
    text = text.replace("\n", "\r\n") if windows else text
    try:
        values = yaml_rs.loads(text, parse_datetime=False)
    except yaml_rs.YAMLDecodeError:
        # It refuses a few quoted scalars whose lines begin with an indicator.
        reject()
    locator = Locator(FILE, text)
    last = (0, 0)
    for key, value in values.items():
        last = max(last, (locator.locate(Place(FILE, (key,), on_key=True)).line, len(key) + 1))
        for offset, character in enumerate(str(value or "")):
            span = locator.locate(Place(FILE, (key,), offset, 1))
            here = span.source[span.column - 1 : span.column - 1 + span.length]
            if character not in " \n":
                assert here in {character, {"'": "''"}.get(character, f"\\{character}")}
                assert (span.line, span.column) > last
                last = (span.line, span.column)


@given(
    st.text(max_size=60),
    st.lists(st.one_of(st.text(max_size=3), st.integers(0, 3)), max_size=3),
    st.integers(-2, 9),
)
def test_no_text_and_no_place_can_break_it(text, keys, offset):
    span = locate(Place(FILE, tuple(keys), offset, 3), text)
    lines = text.removeprefix("\ufeff").split("\n")
    assert span.source == lines[span.line - 1].removesuffix("\r")
    assert 1 <= span.column <= len(lines[span.line - 1]) + 1
    assert span.length >= 1
