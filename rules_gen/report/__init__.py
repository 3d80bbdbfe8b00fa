"""Diagnostics as text for people, and in the formats that other tools read.

Messages and source lines are other people's text: no format lets them act as a terminal sequence, a workflow
command or markup.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

from rules_gen.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Format = Literal["text", "json", "github", "sarif", "junit"]

FORMATS: tuple[Format, ...] = get_args(Format)

_NO_HELP: Mapping[str, str] = MappingProxyType({})


def render(
    diagnostics: Iterable[Diagnostic],
    format: Format,  # noqa: A002 - the command line's word for it
    *,
    color: bool = False,
    checks_help: Mapping[str, str] = _NO_HELP,
) -> str:
    """All diagnostics in reading order, in one of the formats, ending in a newline.

    `checks_help` says in a sentence what each check is about, by its name; SARIF carries it. `color` concerns
    the text format only. Nothing to tell is an empty string in the formats that are read line by line.
    """
    found = sorted(diagnostics, key=Diagnostic.sort_key)
    if format == "json":
        from rules_gen.report.json import render_json

        return render_json(found)
    if format == "github":
        from rules_gen.report.github import render_github

        return render_github(found)
    if format == "sarif":
        from rules_gen.report.sarif import render_sarif

        return render_sarif(found, checks_help)
    if format == "junit":
        from rules_gen.report.junit import render_junit

        return render_junit(found)
    from rules_gen.report.text import render_text

    return render_text(found, color=color)
