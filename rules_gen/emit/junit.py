"""JUnit XML, which CI systems read: suites of cases that pass, fail or are skipped.

The structure is that of the schema which Jenkins publishes (junit-10.xsd); others read the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# XML 1.0 has no way at all to write these, not even as a reference (production 2, Char).
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A reader makes white space in an attribute a blank, and a carriage return a line feed, unless it is a reference.
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_IN_ATTRIBUTE = re.compile('[&<>"\t\n\r]')
_IN_TEXT = re.compile("[&<>\r]")


@dataclass(frozen=True, slots=True)
class Case:
    """One test case. `failure` is why it failed, its first line the headline; `skipped` why it wasn't held to anything.

    `output` is what there is to say of a case whatever became of it.
    """

    classname: str
    name: str
    failure: str | None = None
    skipped: str | None = None
    output: str | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases of one subject."""

    name: str
    cases: Sequence[Case]


def emit_junit(name: str, suites: Iterable[Suite]) -> str:
    r"""The document, ending in a newline. Any text may stand in it; what XML can't hold becomes an escape (`\x1b`)."""
    listed = list(suites)
    every = [case for suite in listed for case in suite.cases]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites{_attributes(name=name, **_counts(every))}>"]
    for suite in listed:
        lines.append(f"  <testsuite{_attributes(name=suite.name, **_counts(suite.cases), **_skipped(suite.cases))}>")
        for case in suite.cases:
            lines += _case(case)
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def readable(text: str) -> str:
    """The text with each character that XML can't hold as an escape."""
    return _NO_CHARACTER.sub(lambda found: _escape(ord(found[0])), text)


def _escape(number: int) -> str:
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    failed = sum(case.failure is not None for case in cases)
    return {"tests": str(len(cases)), "failures": str(failed), "errors": "0"}


def _skipped(cases: Sequence[Case]) -> dict[str, str]:
    return {"skipped": str(sum(case.skipped is not None for case in cases))}


def _case(case: Case) -> list[str]:
    head = f"    <testcase{_attributes(classname=case.classname, name=case.name)}"
    inside = []
    if case.skipped is not None:
        inside.append(f"      <skipped{_attributes(message=case.skipped)}/>")
    if case.failure is not None:
        message = _attributes(message=case.failure.partition("\n")[0])
        inside.append(f"      <failure{message}>{_text(case.failure)}</failure>")
    if case.output is not None:
        inside.append(f"      <system-out>{_text(case.output)}</system-out>")
    return [f"{head}>", *inside, "    </testcase>"] if inside else [f"{head}/>"]


def _attributes(**values: str) -> str:
    return "".join(f' {key}="{_IN_ATTRIBUTE.sub(_reference, readable(value))}"' for key, value in values.items())


def _text(text: str) -> str:
    return _IN_TEXT.sub(_reference, readable(text))


def _reference(found: re.Match[str]) -> str:
    return _ESCAPED[found[0]]
