"""Coverage as text for people, and in the formats that other tools read.

Names of alerts and scenarios are other people's text: no format lets them act as a terminal sequence or markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from rules_gen.coverage.values import Coverage
from rules_gen.diagnostics import Diagnostic, Place, Span

Format = Literal["text", "json", "junit", "markdown"]

FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be shown. Without `coverage` nothing is known of it, and `problems` are why.

    `spans` has the place in the text of every place that `coverage` names.
    """

    coverage: Coverage | None
    spans: Mapping[Place, Span] = field(default_factory=dict)
    problems: tuple[Diagnostic, ...] = ()

    def where(self, place: Place) -> str:
        """The place as file and line."""
        span = self.spans.get(place)
        return place.file if span is None else f"{span.file}:{span.line}"


def render_coverage(report: Report, format: Format) -> str:  # noqa: A002 - the command line's word for it
    """The report in one of the formats, ending in a newline. Text is without colours, and without its problems."""
    if format == "json":
        from rules_gen.report.coverage.json import render_json

        return render_json(report)
    if format == "junit":
        from rules_gen.report.coverage.junit import render_junit

        return render_junit(report)
    if format == "markdown":
        from rules_gen.report.coverage.markdown import render_markdown

        return render_markdown(report)
    from rules_gen.report.coverage.text import render_text

    return render_text(report)
