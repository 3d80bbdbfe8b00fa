import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from router.config.yaml_text import DEEPEST, Document, read_yaml


def read(text):
    document = read_yaml(text, "f.yml")
    assert isinstance(document, Document), document
    return document


def refusals(text):
    problems = read_yaml(text, "f.yml")
    assert not isinstance(problems, Document)
    return [str(problem) for problem in problems]


def test_scalars_are_those_of_yaml_1_2():
    assert read("[09:00, no, on, 0755, 1_000, 2024-01-01, '1', 1, 1.5, true, ~, null, .inf]").data == [
        "09:00", "no", "on", 755, "1_000", "2024-01-01", "1", 1, 1.5, True, None, None, ".inf",
    ]  # fmt: skip


def test_every_key_and_item_knows_its_line():
    document = read("a: 1\nb:\n  c:\n    - x\n    - {d: 1}\ne: {f: [1,\n  2]}\n")

    assert document.data == {"a": 1, "b": {"c": ["x", {"d": 1}]}, "e": {"f": [1, 2]}}
    assert document.lines[("b", "c", 1, "d")] == 5
    assert document.lines[("e", "f", 1)] == 7
    assert document.place(("b", "c", 0)) == "f.yml:4"
    assert document.place(("b", "missing")) == "f.yml:2"


def test_keys_are_text():
    assert read("1: a\nnull: b\ntrue: c\n").data == {"1": "a", "null": "b", "true": "c"}


def test_every_key_that_stands_twice_is_told_with_both_lines():
    assert refusals("a: 1\nb: {x: 1, x: 2}\na: 2\n") == [
        "f.yml:2: the key `x` stands here a second time (it is in line 2 first; keep one)",
        "f.yml:3: the key `a` stands here a second time (it is in line 1 first; keep one)",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1\nb: 2\n", "f.yml:2: not YAML"),
        ("a: 1\n---\nb: 2\n", "f.yml:2: a second document begins here"),
        ("a: &x 1\nb: *x\n", "f.yml:2: aliases (*name) aren't read here"),
        ("? [a]\n: 1\n", "f.yml:1: a key has to be a text"),
        ("a: 1\nb: \x07\n", "f.yml:2: the character 0x07 can't stand"),
        ("[" * 50_000, f"f.yml:1: nested deeper than {DEEPEST} levels"),
    ],
)
def test_what_is_not_read_is_told_with_its_line(text, told):
    (problem,) = refusals(text)

    assert problem.startswith(told)


def test_an_empty_file_is_none_and_a_byte_order_mark_is_no_character():
    assert read("").data is None
    assert read("# only a comment\n").data is None
    assert read("\ufeffa: 1\n").data == {"a": 1}


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc:# -", max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(TREES)
def test_what_yaml_writes_is_read_back(tree):
    text = yaml.safe_dump(tree, allow_unicode=False)
    document = read_yaml(text, "f.yml")

    # What PyYAML writes by YAML 1.1's tags, such as null keys, has the same value by 1.2's.
    assert isinstance(document, Document)
    assert document.data == tree


@given(st.text(max_size=60))
def test_no_text_makes_it_raise(text):
    read_yaml(text, "f.yml")
