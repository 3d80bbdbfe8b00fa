"""Diagnostics as SARIF 2.1.0, which code scanning and editors read (OASIS standard, sections named below)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rules_gen.diagnostics import Diagnostic, Span

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(diagnostics: Sequence[Diagnostic], checks_help: Mapping[str, str]) -> str:
    """One run with all results. Its rules are the checks that found something or have a help text."""
    names = sorted({diagnostic.check for diagnostic in diagnostics} | set(checks_help))
    indexes = {name: index for index, name in enumerate(names)}
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "rules-gen", "rules": [_rule(name, checks_help) for name in names]}},
                # Columns count characters, not UTF-16 units (3.14.17).
                "columnKind": "unicodeCodePoints",
                "results": [_result(diagnostic, indexes) for diagnostic in diagnostics],
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=True) + "\n"


def _rule(name: str, checks_help: Mapping[str, str]) -> dict[str, Any]:
    told = checks_help.get(name)
    page = f"See docs/checks/{name}.md."
    rule: dict[str, Any] = {"id": name, "help": {"text": f"{told}\n\n{page}" if told else page}}
    if told:
        rule["shortDescription"] = {"text": told.strip().partition("\n")[0]}
        rule["fullDescription"] = {"text": told}
    return rule


def _result(diagnostic: Diagnostic, indexes: Mapping[str, int]) -> dict[str, Any]:
    message = diagnostic.message
    if diagnostic.suggestion:
        message = f"{message}\nhelp: {diagnostic.suggestion}"
    result: dict[str, Any] = {
        "ruleId": diagnostic.check,
        "ruleIndex": indexes[diagnostic.check],
        "level": diagnostic.level.value,
        "message": {"text": _plain(message)},
        "locations": [_location(diagnostic.span)],
    }
    if diagnostic.related:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": _plain(word)}, **_location(span)}
            for number, (word, span) in enumerate(diagnostic.related)
        ]
    return result


def _plain(text: str) -> str:
    """A message that holds no link: `[text](target)` is one even in plain text, unless escaped (3.11.6)."""
    if "](" not in text:
        return text
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _location(span: Span) -> dict[str, Any]:
    # It takes a few milliseconds, and only this format needs it.
    from urllib.parse import quote

    region: dict[str, Any] = {
        "startLine": span.line,
        "startColumn": span.column,
        "endColumn": span.column + span.length,
    }
    file = span.file.encode("utf-8", "surrogatepass")
    place: dict[str, Any] = {
        "artifactLocation": {"uri": quote(file), "uriBaseId": "%SRCROOT%"},
        "region": region,
    }
    if span.source:
        place["contextRegion"] = {"startLine": span.line, "snippet": {"text": span.source}}
    return {"physicalLocation": place}
