"""JUnit XML: well-formed whatever it holds, and of the structure that CI systems read."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules_gen.emit.junit import Case, Suite, emit_junit, readable

TEXT = st.text(st.characters(codec=None), max_size=30) | st.text(
    st.sampled_from("<>&\"']]>\t\n\r\0\x0b\x1b\x7f\x85\u2028\ud800\ufffe\U0001f514 a"), max_size=30
)
CASES = st.builds(Case, TEXT, TEXT, st.none() | TEXT, st.none() | TEXT, st.none() | TEXT)

# junit-10.xsd, as the JUnit plug-in of Jenkins publishes it: the attributes that an element may and must have, and its
# children in their order.
SCHEMA = {
    "testsuites": ({"name", "time", "tests", "failures", "disabled", "errors"}, set(), ["testsuite"]),
    "testsuite": (
        {
            *("name", "tests", "failures", "errors", "group", "time", "disabled", "skipped", "timestamp", "hostname"),
            *("id", "package", "file", "log", "url", "version"),
        },
        {"name", "tests", "failures", "errors"},
        ["properties", "testcase", "system-out", "system-err"],
    ),
    "testcase": (
        {"name", "time", "classname", "group"},
        {"name"},
        ["skipped", "error", "failure", "system-out", "system-err"],
    ),
    "skipped": ({"type", "message"}, set(), []),
    "failure": ({"type", "message"}, set(), []),
    "system-out": (set(), set(), []),
}


def assert_follows_the_schema(element):
    may, must, children = SCHEMA[element.tag]
    assert must <= set(element.attrib) <= may, element.tag
    order = [children.index(child.tag) for child in element]
    assert order == sorted(order), [child.tag for child in element]
    for count in ("tests", "failures", "errors", "skipped"):
        assert re.fullmatch(r"\d+", element.get(count, "0"))
    for child in element:
        assert_follows_the_schema(child)


def parsed(text):
    return ET.fromstring(text.encode())


@given(TEXT, st.lists(st.builds(Suite, TEXT, st.lists(CASES, max_size=3)), max_size=3))
@example("]]>", [Suite("\x00", [Case("\ud800", "a\r\nb", "\r", None, "]]>")])])
def test_any_text_gives_well_formed_xml_that_reads_back(name, suites):
    root = parsed(emit_junit(name, suites))
    assert_follows_the_schema(root)
    assert root.get("name") == readable(name)
    assert len(root) == len(suites)
    for suite, element in zip(suites, root, strict=True):
        assert element.get("name") == readable(suite.name)
        for case, found in zip(suite.cases, element.findall("testcase"), strict=True):
            assert (found.get("classname"), found.get("name")) == (readable(case.classname), readable(case.name))
            for tag, text in (("failure", case.failure), ("system-out", case.output)):
                below = found.find(tag)
                assert (None if below is None else below.text or "") == (None if text is None else readable(text))
            skipped = found.find("skipped")
            assert (None if skipped is None else skipped.get("message")) == (
                None if case.skipped is None else readable(case.skipped)
            )


@given(TEXT)
def test_only_what_xml_cannot_hold_is_changed(text):
    if re.fullmatch("[\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*", text):
        assert readable(text) == text
    else:
        assert len(readable(text)) > len(text)


@pytest.mark.parametrize(
    ("text", "shown"), [("\x1b[31m", "\\x1b[31m"), ("a\0b", "a\\x00b"), ("\ud800", "\\ud800"), ("\uffff", "\\uffff")]
)
def test_what_xml_cannot_hold_becomes_an_escape(text, shown):
    assert readable(text) == shown


def test_suites_and_the_whole_count_their_cases():
    cases = [Case("a", "passes"), Case("a", "fails", failure="why\nmore"), Case("a", "waits", skipped="later")]
    root = parsed(emit_junit("all", [Suite("one", cases), Suite("two", cases[:1])]))
    assert [root.get(key) for key in ("tests", "failures", "errors")] == ["4", "1", "0"]
    assert [root[0].get(key) for key in ("tests", "failures", "skipped")] == ["3", "1", "1"]
    assert [root[1].get(key) for key in ("tests", "failures", "skipped")] == ["1", "0", "0"]


def test_the_first_line_of_a_failure_is_its_headline():
    [failure] = parsed(emit_junit("all", [Suite("one", [Case("a", "b", failure="why\nmore")])])).iter("failure")
    assert (failure.get("message"), failure.text) == ("why", "why\nmore")
