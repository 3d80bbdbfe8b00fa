import re

import pytest

from rules_gen.diagnostics import Diagnostic, Level, Span
from rules_gen.report import render

FILE = "alerts/payments/checkout.yaml"


def diagnostic(source, column, length=1, **changes):
    values = {"check": "a-check", "level": Level.ERROR, "message": "wrong", "suggestion": None} | changes
    return Diagnostic(span=Span(FILE, 12, column, length, source), **values)


def caret_lines(source, column, length):
    """The source line and the caret line behind the gutter."""
    lines = render([diagnostic(source, column, length)], "text").split("\n")
    return [line.partition("| ")[2] for line in lines[1:3]]


def test_a_diagnostic_with_all_that_it_can_have():
    found = Diagnostic(
        check="duplicate-key",
        level=Level.ERROR,
        message="the key `for` stands here a second time",
        span=Span(FILE, 104, 5, 3, "    for: 10m"),
        suggestion="keep one of the two",
        related=(("`for` is here first", Span(FILE, 7, 5, 3, "    for: 5m")),),
    )
    warning = Diagnostic("odd", Level.WARNING, "this looks odd", Span("alerts/policy.yaml", 1, 1, 6, "teams: {}"))
    assert (
        render([warning, found], "text")
        == """\
alerts/payments/checkout.yaml:104:5: error[duplicate-key]: the key `for` stands here a second time
  104 |     for: 10m
      |     ^~~
alerts/payments/checkout.yaml:7:5: note: `for` is here first
    7 |     for: 5m
      |     ^~~
  help: keep one of the two
  see docs/checks/duplicate-key.md

alerts/policy.yaml:1:1: warning[odd]: this looks odd
  1 | teams: {}
    | ^~~~~~
  see docs/checks/odd.md

1 error, 1 warning in 2 files
"""
    )


@pytest.mark.parametrize(
    ("errors", "warnings", "summary"),
    [
        (1, 0, "1 error in 1 file"),
        (3, 1, "3 errors, 1 warning in 1 file"),
        (0, 2, "2 warnings in 1 file"),
    ],
)
def test_the_summary_counts(errors, warnings, summary):
    found = [diagnostic("a", 1)] * errors + [diagnostic("a", 1, level=Level.WARNING)] * warnings
    assert render(found, "text").splitlines()[-1] == summary


def test_nothing_found_is_nothing_said():
    assert render([], "text") == ""


@pytest.mark.parametrize(
    ("source", "column", "length", "lines"),
    [
        ("for: 5x", 6, 2, ["for: 5x", "     ^~"]),
        ("for:", 5, 1, ["for:", "    ^"]),
        ("\tfor:\t5x y", 7, 2, ["\tfor:\t5x y", "\t    \t^~"]),
        ("\t\tfor: 1", 1, 2, ["\t\tfor: 1", "^"]),
        ("\t\tfor: 1", 1, 5, ["\t\tfor: 1", "^\t\t~~~"]),
        ("日本: 5x", 5, 2, ["日本: 5x", "      ^~"]),
        ("a: 日本 x", 4, 2, ["a: 日本 x", "   ^~~~"]),
        ("a: \U0001f600 x", 6, 1, ["a: \U0001f600 x", "      ^"]),
        ("a: e\u0301e\u0301 x", 9, 1, ["a: e\u0301e\u0301 x", "      ^"]),
        ("a: \x1b[2Jx", 8, 1, ["a: \\x1b[2Jx", "          ^"]),
    ],
)
def test_the_caret_stands_under_the_place(source, column, length, lines):
    assert caret_lines(source, column, length) == lines


def test_of_a_very_long_line_the_part_around_the_caret_is_shown():
    source, caret = caret_lines("a" * 5000 + "B" + "c" * 1_000_000, 5001, 1)
    assert len(source) == 162
    assert (source[0], source[-1]) == ("…", "…")
    assert source[caret.index("^")] == "B"


def test_a_place_whose_line_is_not_known_has_no_source():
    found = Diagnostic("a-check", Level.ERROR, "no such file", Span(FILE, 1, 1))
    assert render([found], "text").splitlines()[1] == "  see docs/checks/a-check.md"


@pytest.mark.parametrize("hostile", ["\x1b[31m", "\x07", "\x9b31m", "\u202e", "\x7f", "\r", "\u2028", "\ud800"])
def test_other_peoples_text_cannot_act_on_the_terminal(hostile):
    span = Span(f"alerts/{hostile}.yaml", 1, 1, 1, f"a: {hostile}")
    found = Diagnostic(f"c{hostile}", Level.ERROR, f"m{hostile}m", span, f"s{hostile}s", ((f"r{hostile}r", span),))
    for format_ in ("text", "github", "json", "sarif", "junit"):
        shown = render([found], format_)
        assert not set(hostile) & set(shown) & set("\x1b\x07\x9b\u202e\x7f\r\u2028\ud800")
        shown.encode()


def test_a_message_of_several_lines_cannot_pass_for_something_else():
    found = diagnostic("a", 1, message="one\nb.yaml:1:1: error[x]: two\n::error::three\n", suggestion="x\ny")
    assert (
        render([found], "text")
        == """\
alerts/payments/checkout.yaml:12:1: error[a-check]: one
  | b.yaml:1:1: error[x]: two
  | ::error::three
  |
  12 | a
     | ^
  help: x
  | y
  see docs/checks/a-check.md

1 error in 1 file
"""
    )


def test_a_file_name_cannot_be_a_workflow_command():
    found = Diagnostic("c", Level.ERROR, "m", Span("::error ::x", 1, 1))
    assert render([found], "text").startswith("./::error ::x:1:1: error[c]: m\n")


def test_colours_only_when_asked_for():
    found = [diagnostic("for: 5x", 6, 2, suggestion="write it", related=(("here", Span(FILE, 1, 1, 1, "a")),))]
    plain, coloured = render(found, "text"), render(found, "text", color=True)
    assert "\x1b" not in plain
    assert "\x1b[31;1merror[a-check]\x1b[0m: wrong" in coloured
    assert "\x1b[31;1m^~\x1b[0m" in coloured

    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == plain
