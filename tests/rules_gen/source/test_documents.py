import pytest

from rules_gen.source.documents import Document, parse

FILE = "alerts/team/service.yaml"


@pytest.mark.parametrize("sign", ["- ", "-  ", "-\t", "? ", "- ? ", "? -  ", "-  \t?\t"])
def test_blocks_nested_in_one_line_are_refused_however_their_signs_are_mixed(sign):
    [problem] = parse(FILE, "alerts:\n  " + sign * 30_000 + "x\n")

    assert (problem.check, problem.message) == ("yaml-syntax", "nested too deeply")
    assert problem.place.line == 2


def test_deep_indentation_is_refused():
    [problem] = parse(FILE, "a:\n" + " " * 400 + "b: 1\n")

    assert problem.message == "nested too deeply"


@pytest.mark.parametrize(
    "text",
    [
        f"# {'-' * 80}\na: b\n",
        f"# {'- ' * 80}\na: b\n",
        f"a: |\n  {'?' * 80}\n",
    ],
)
def test_long_runs_of_signs_that_nest_nothing_are_read(text):
    assert isinstance(parse(FILE, text), Document)


def test_a_series_of_zeros_is_kept_as_typed_and_another_number_is_read():
    read = parse(FILE, "series:\n  up: 0x20\n  down:  0x5\n  other: 1 0x5\nfactor: 0x20\n")

    assert isinstance(read, Document)
    assert read.data == {"series": {"up": "0x20", "down": "0x5", "other": "1 0x5"}, "factor": 32}


def test_merge_keys_are_resolved_and_what_a_mapping_says_itself_wins():
    read = parse(FILE, "base: &base {a: 1, b: 2}\nmine:\n  <<: *base\n  b: 3\n")

    assert isinstance(read, Document)
    assert read.data["mine"] == {"a": 1, "b": 3}
