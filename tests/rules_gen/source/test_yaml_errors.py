import pytest
import yaml_rs
from hypothesis import example, given
from hypothesis import strategies as st

from rules_gen.source.locate import diagnose
from rules_gen.source.yaml_errors import yaml_error, yaml_slips

FILE = "alerts/payments/checkout.yaml"


def rejected(text):
    with pytest.raises(yaml_rs.YAMLDecodeError):
        yaml_rs.loads(text.removeprefix("\ufeff"), parse_datetime=False)
    return told(yaml_error(text, FILE), text)


def accepted(text):
    yaml_rs.loads(text.removeprefix("\ufeff"), parse_datetime=False)
    return told(yaml_slips(text, FILE), text)


def told(problems, text):
    """Check, place, what is underlined, and the suggestion, of each problem."""
    return [
        (
            d.check,
            f"{d.span.line}:{d.span.column}",
            d.span.source[d.span.column - 1 : d.span.column - 1 + d.span.length],
            d.suggestion,
        )
        for d in diagnose(problems, {FILE: text})
    ]


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        ("> 5%", "write `threshold: above 5%`"),
        (">5%", "write `threshold: above 5%`"),
        (">= 500ms", "write `threshold: at least 500ms`"),
        (">=5", "write `threshold: at least 5`"),
        ("> 5", "write `threshold: above 5`"),
    ],
)
def test_an_unquoted_operator_that_breaks_the_file(typed, suggestion):
    text = f"alerts:\n  - alert: A\n    threshold: {typed} # half\n    for: 5m\n"
    assert rejected(text) == [("threshold-unquoted", "3:16", typed, suggestion)]


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        (">5", "write `threshold: above 5`"),
        ("!= 0", "write `threshold: not 0`"),
        ("!=0", "write `threshold: not 0`"),
    ],
)
def test_an_unquoted_operator_that_reads_as_something_else(typed, suggestion):
    text = f"alerts:\n  - alert: A\n    threshold: {typed}\n    for: 5m\n"
    assert accepted(text) == [("threshold-unquoted", "3:16", typed, suggestion)]


def test_an_unquoted_operator_in_a_ladder():
    text = "severities: {high: {threshold: != 0, for: 5m}}\n"
    assert accepted(text) == [("threshold-unquoted", "1:32", "!= 0", "write `threshold: not 0`")]


@pytest.mark.parametrize(
    "text",
    [
        "threshold: above 5%\n",
        'threshold: "> 5%"\n',
        "threshold: '!= 0'\n",
        "threshold: < 5%\n",
        "threshold: >-\n  above 5%\n",
        "threshold: >2\n  above 5%\n",
        "description: |\n  Write:\n  threshold: != 0\n  or {{ this }}\n  a: {{ $value }}\n  - {{ $value }}\n",
        "# threshold: != 0\na: 1\n",
        "---\na: 1\n",
        "# why\n---\na: '--- b'\n",
        "summary: '{{ $value }}'\n",
        "a: |\n  x\n...\n",
    ],
)
def test_what_is_meant_as_it_reads_is_left_alone(text):
    assert accepted(text) == []


def test_a_second_document():
    text = "a: 1\n---\nb: 2\n"
    assert accepted(text) == [
        ("yaml-syntax", "2:1", "---", "put it in a file of its own, or remove the `---`"),
    ]


@pytest.mark.parametrize(
    ("value", "suggestion"),
    [
        ("{{ $labels.job }} is down", 'quote it: `summary: "{{ $labels.job }} is down"`'),
        ('{{ $value | printf "%d" }} down', "quote it: `summary: '{{ $value | printf \"%d\" }} down'`"),
    ],
)
def test_a_template_that_starts_a_value(value, suggestion):
    assert rejected(f"summary: {value}\nb: 1\n") == [("yaml-syntax", "1:10", value, suggestion)]


def test_a_template_that_is_a_whole_value_is_a_mapping_to_yaml():
    assert accepted("summary: {{ $value }}\n") == [
        ("yaml-syntax", "1:10", "{{ $value }}", 'quote it: `summary: "{{ $value }}"`')
    ]


@pytest.mark.parametrize(
    ("text", "place", "underlined", "suggestion"),
    [
        ("a:\n\tb: 1\n", "2:1", "\t", "replace it with spaces"),
        ("a:\n  b: 1\n\tc: 2\n", "3:1", "\t", "replace it with spaces"),
        ("a:\tb\n", "1:3", "\t", "replace it with a space"),
        ("a: it: is\n", "1:6", ":", "quote it: `'it: is'`"),
        ("a: @foo\n", "1:4", "@foo", "quote it: `'@foo'`"),
        ("a: `foo`\n", "1:4", "`foo`", "quote it: `'`foo`'`"),
        ("a: %d\n", "1:4", "%d", "quote it: `'%d'`"),
        ("a: *.foo\n", "1:4", "*.foo", "quote it: `'*.foo'`, if it is meant as text"),
        ('b: 1\na: "b\nc: d\n', "2:4", '"', 'close it with `"`'),
        ("a: 'b", "1:4", "'", "close it with `'`"),
        ('a: "b\n  c: "f"\n', "1:4", '"', 'close it with `"` on its own line'),
        ('a: "b" c\n', "1:8", "c", "put the whole value in quotes, or use a `|` block"),
        ("a: [1, 2\nb: 3\n", "1:4", "[", "close it with `]`"),
        ("a: {b: 1\nc: 3\n", "1:4", "{", "close it with `}`"),
        ("a: ]\n", "1:4", "]", "remove it, or quote the value"),
        ("a: 1\n b: 2\n", "2:2", "b: 2", "align it with the other keys"),
        ("a:\n  - x: 1\n   y: 2\n", "3:4", "y: 2", "align it with the keys or items that it belongs to"),
        ("a: 1\nb:2\nc: 3\n", "2:1", "b:2", "write `b: 2`"),
        ("a: 1\nfoo bar", "2:1", "foo bar", None),
        ("a: - b\n", "1:4", "-", "put each `- item` on a line of its own"),
        ('a: "x\\d"\n', "1:6", "\\d", "use single quotes or a `|` block, or double it: `\\\\d`"),
        ("a: | foo\n", "1:4", "| foo", "break the line there and indent the text, or quote the value"),
    ],
)
def test_common_slips(text, place, underlined, suggestion):
    assert rejected(text) == [("yaml-syntax", place, underlined, suggestion)]
    with_bom = [(check, where, what, help_) for check, where, what, help_ in rejected("\ufeff" + text)]
    assert with_bom == [("yaml-syntax", place, underlined, suggestion)]


def test_every_slip_is_told_of_at_once():
    text = """\
alerts:
  - alert: A
    threshold: > 5%
    summary: {{ $labels.job }} is down
    expr: "rate(x{a=~\\"\\d\\"}[5m])"
  - alert: B
    threshold: != 0
    alert: C
    owner: @sre
"""
    assert [(check, place) for check, place, _, _ in rejected(text)] == [
        ("threshold-unquoted", "3:16"),
        ("yaml-syntax", "4:14"),
        ("yaml-syntax", "5:24"),
        ("threshold-unquoted", "7:16"),
        ("duplicate-key", "8:5"),
        ("yaml-syntax", "9:12"),
    ]


def test_all_duplicate_keys_are_found_with_the_first_of_each():
    text = "x:\n  - a: 1\n    c: 1\n    a: 2\n    'c': 2\ny: {b: 1, b: 2}\n"
    found = diagnose(yaml_error(text, FILE), {FILE: text})
    assert [(d.check, d.span.line, d.span.column, d.span.length) for d in found] == [
        ("duplicate-key", 4, 5, 1),
        ("duplicate-key", 5, 5, 3),
        ("duplicate-key", 6, 11, 1),
    ]
    assert [(word, s.line, s.column) for d in found for word, s in d.related] == [
        ("`a` is here first", 2, 5),
        ("`c` is here first", 3, 5),
        ("`b` is here first", 6, 5),
    ]


@pytest.mark.parametrize("text", ["1: a\ntrue: b\n", "~: a\nnull: b\n", "1: a\n1.0: b\n"])
def test_keys_that_differ_in_writing_only_are_duplicates(text):
    assert [(check, place) for check, place, _, _ in rejected(text)] == [("duplicate-key", "2:1")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "[" * 400, "this is nested too deeply"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
            "this file's aliases (`*name`) expand to too much",
        ),
    ],
)
def test_texts_that_want_to_exhaust_the_machine(text, message):
    assert [problem.message for problem in yaml_error(text, FILE)] == [message]


@given(st.text(st.sampled_from("ab:-#'\"[]{}|>!&*%@`\\, \n\t\r\ufeff\x85\0<"), max_size=40))
@example("-:")
@example("{-:")
@example("---: 1\n...: 2\n")
def test_what_is_rejected_is_always_explained(text):
    try:
        yaml_rs.loads(text.removeprefix("\ufeff"), parse_datetime=False)
    except yaml_rs.YAMLDecodeError:
        assert yaml_error(text, FILE)
    else:
        assert yaml_error(text, FILE) == ()
        yaml_slips(text, FILE)
