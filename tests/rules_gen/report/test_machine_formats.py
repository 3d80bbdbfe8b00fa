import json
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.diagnostics import Diagnostic, Level, Span
from rules_gen.report import FORMATS, render

FILE = "alerts/pay ments/checkout.yaml"
FOUND = Diagnostic(
    check="duplicate-key",
    level=Level.ERROR,
    message="100% the same key, twice: `für`",
    span=Span(FILE, 104, 5, 3, "    für: 10m"),
    suggestion="keep one\nof the two",
    related=(("first here", Span(FILE, 7, 5, 3, "    für: 5m")),),
)
WARNING = Diagnostic("odd", Level.WARNING, "odd", Span("alerts/a.yaml", 1, 1))


def test_json_holds_every_field():
    assert json.loads(render([FOUND], "json")) == [
        {
            "check": "duplicate-key",
            "level": "error",
            "message": "100% the same key, twice: `für`",
            "suggestion": "keep one\nof the two",
            "help": "docs/checks/duplicate-key.md",
            "file": FILE,
            "line": 104,
            "column": 5,
            "end_column": 8,
            "source": "    für: 10m",
            "related": [
                {
                    "message": "first here",
                    "file": FILE,
                    "line": 7,
                    "column": 5,
                    "end_column": 8,
                    "source": "    für: 5m",
                }
            ],
        }
    ]


def test_json_of_nothing_is_an_empty_list():
    assert json.loads(render([], "json")) == []


def test_github_commands():
    assert render([FOUND, WARNING], "github") == (
        "::warning file=alerts/a.yaml,line=1,endLine=1,col=1,endColumn=2,title=odd::"
        "odd%0Asee docs/checks/odd.md\n"
        "::error file=alerts/pay ments/checkout.yaml,line=104,endLine=104,col=5,endColumn=8,"
        "title=duplicate-key::"
        "100%25 the same key, twice: `für`%0A"
        "alerts/pay ments/checkout.yaml:7:5: first here%0A"
        "help: keep one%0Aof the two%0A"
        "see docs/checks/duplicate-key.md\n"
    )


def test_github_properties_cannot_be_added_or_ended():
    hostile = "x,line=9::gone\n::set-env name=PATH::x\r%0A"
    found = Diagnostic(hostile, Level.ERROR, hostile, Span(hostile, 1, 1, 1, hostile), hostile)
    [line] = render([found], "github").splitlines()
    properties, _, message = line.removeprefix("::error ").partition("::")
    assert [part.partition("=")[0] for part in properties.split(",")] == [
        "file",
        "line",
        "endLine",
        "col",
        "endColumn",
        "title",
    ]
    assert "line=1," in properties
    assert "%250A" in message


@given(st.text(), st.text())
def test_github_writes_one_line_for_each_diagnostic(message, file):
    found = Diagnostic("c", Level.ERROR, message, Span(file, 1, 1))
    assert len(render([found, found], "github").splitlines()) == 2


def run_of(*diagnostics, **options):
    log = json.loads(render(diagnostics, "sarif", **options))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    [run] = log["runs"]
    return run


def test_sarif_names_its_rules_and_results():
    run = run_of(
        FOUND,
        WARNING,
        checks_help={"duplicate-key": "A key stands twice.\nYAML takes the last.", "unused": "U."},
    )
    driver = run["tool"]["driver"]
    assert driver["name"] == "rules-gen"
    assert [rule["id"] for rule in driver["rules"]] == ["duplicate-key", "odd", "unused"]
    assert driver["rules"][0] == {
        "id": "duplicate-key",
        "shortDescription": {"text": "A key stands twice."},
        "fullDescription": {"text": "A key stands twice.\nYAML takes the last."},
        "help": {"text": "A key stands twice.\nYAML takes the last.\n\nSee docs/checks/duplicate-key.md."},
    }
    assert driver["rules"][1] == {"id": "odd", "help": {"text": "See docs/checks/odd.md."}}
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert [result["level"] for result in run["results"]] == ["warning", "error"]


def test_sarif_regions_count_characters():
    run = run_of(FOUND)
    assert run["columnKind"] == "unicodeCodePoints"
    [result] = run["results"]
    assert result["message"]["text"] == "100% the same key, twice: `für`\nhelp: keep one\nof the two"
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "alerts/pay%20ments/checkout.yaml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 104, "startColumn": 5, "endColumn": 8},
                "contextRegion": {"startLine": 104, "snippet": {"text": "    für: 10m"}},
            }
        }
    ]
    [related] = result["relatedLocations"]
    assert (related["id"], related["message"]["text"]) == (0, "first here")
    assert related["physicalLocation"]["region"]["startLine"] == 7


def test_sarif_messages_hold_no_links():
    found = Diagnostic("c", Level.ERROR, "see [this](javascript:x)", Span(FILE, 1, 1))
    assert run_of(found)["results"][0]["message"]["text"] == "see \\[this\\](javascript:x)"


def test_sarif_of_nothing_is_a_run_without_results():
    assert run_of()["results"] == []


def test_junit_has_a_case_for_each_and_only_errors_fail():
    root = ET.fromstring(render([FOUND, WARNING], "junit").encode())
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    warning, error = root.findall("testsuite/testcase")
    assert (warning.get("classname"), warning.get("name")) == ("alerts/a.yaml", "odd 1:1")
    assert warning.find("failure") is None
    assert warning.findtext("system-out").startswith("warning: odd\n")
    assert (error.get("classname"), error.get("name")) == (FILE, "duplicate-key 104:5")
    assert error.find("failure").get("message") == "100% the same key, twice: `für`"
    assert error.findtext("failure").splitlines()[1:] == [
        f"{FILE}:104:5",
        f"{FILE}:7:5: first here",
        "help: keep one",
        "help: of the two",
        "see docs/checks/duplicate-key.md",
    ]


@pytest.mark.parametrize("format_", FORMATS)
def test_the_order_of_the_input_makes_no_difference(format_):
    assert render([FOUND, WARNING], format_) == render([WARNING, FOUND], format_)


@pytest.mark.parametrize("format_", FORMATS)
@given(st.text(), st.text(), st.integers(1, 50), st.integers(1, 50))
def test_no_text_can_break_a_format(format_, message, source, column, length):
    found = Diagnostic(
        "c",
        Level.ERROR,
        message,
        Span("f", 1, column, length, source),
        message,
        ((message, Span("f", 1, 1)),),
    )
    render([found], format_).encode()
