"""The report of a mutation run, as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any, Final

from rules_gen.diagnostics import Diagnostic
from rules_gen.emit.markdown import code_span, escape_inline, fenced
from rules_gen.emit.untrusted import unreferenced, visible
from rules_gen.mutation.mutant import Status
from rules_gen.mutation.score import Judged, MutationReport, Score

JSON_VERSION = 1
"""The version of the JSON report; it goes up when a key changes its meaning or goes away."""

LIMIT: Final = 20_000
"""Characters of the Markdown. A comment on GitHub has 65,536, and those of coverage and `diff` stand beside it."""

MOST_BELOW: Final = 50
"""Scores below the demand that the Markdown names."""

Locate = Callable[[Judged], str]
"""Where a mutant's alert is defined, as `file:line`."""

_COLUMNS = (
    ("killed", Status.KILLED),
    ("survived", Status.SURVIVED),
    ("equivalent", Status.EQUIVALENT),
    ("marked", Status.MARKED),
    ("invalid", Status.INVALID),
    ("unjudged", Status.UNJUDGED),
)


def percent(share: float | None) -> str:
    """A share for people. It is never rounded up to all."""
    if share is None:
        return "-"
    return "100%" if share >= 1 else f"{min(share * 100, 99.9):.1f}%"


def render_text(report: MutationReport, locate: Locate, *, color: bool = False, all_scores: bool = True) -> str:
    """The scores, then each survivor with its difference and the scenario that would kill it."""
    lines: list[str] = []
    if all_scores and report.judged:
        lines += [*_table(report, color=color), ""]
    for status, title in ((Status.UNJUDGED, "could not be judged"), (Status.SURVIVED, "survived")):
        for one in report.of(status):
            lines += [*_survivor(one, title, locate(one), color=color), ""]
    for one in report.of(Status.INVALID):
        lines.append(f"{locate(one)}: {one.mutant.subject}: `{one.mutant.name}` is invalid: {one.verdict.reason}")
    if report.of(Status.INVALID):
        lines.append("")
    if report.unread:
        lines += [f"No alert reads these, so there is nobody to judge their mutants: {', '.join(report.unread)}", ""]
    lines.append(summary(report))
    return "\n".join(lines) + "\n"


def summary(report: MutationReport) -> str:
    """How it went, in a line, and what is below the demand in a second one."""
    total = report.total
    if not total.counts:
        return "No mutants: no alert has a scenario."
    parts = [f"{total.counts[status]} {word}" for word, status in _COLUMNS if total.counts[status]]
    text = f"{sum(total.counts.values())} mutants: {', '.join(parts)}; score {percent(total.share)}"
    if report.below:
        names = ", ".join(f"{score.subject} {percent(score.share)}" for score in report.below[:5])
        more = f" and {len(report.below) - 5} more" if len(report.below) > 5 else ""
        text += f"\nBelow the policy's {percent(report.demand)}: {names}{more}"
    return text


def _table(report: MutationReport, *, color: bool) -> Iterator[str]:
    shown = [column for column in _COLUMNS if report.total.counts[column[1]] or column[1] is Status.KILLED]
    width = max(len(score.subject) for score in report.scores) + 2
    head = " ".join(f"{word:>10}" for word, _ in shown)
    yield f"{'':{width}}  {'score':>6} {head}"
    service = ""
    for score in report.scores:
        if score.service != service:
            service = score.service
            yield service
        yield _row(score, shown, width, low=score in report.below and color)


def _row(score: Score, shown: Sequence[tuple[str, Status]], width: int, *, low: bool) -> str:
    cells = " ".join(f"{score.counts[status] or '':>10}" for _, status in shown)
    share = f"{percent(score.share):>6}"
    return f"  {score.subject:{width - 2}}  {_red(share) if low else share} {cells}".rstrip()


def _red(text: str) -> str:
    return f"\x1b[31;1m{text}\x1b[0m"


def _survivor(one: Judged, title: str, where: str, *, color: bool) -> Iterator[str]:
    name = f"`{one.mutant.name}` {title}"
    yield f"{where}: {one.mutant.subject}: {_red(name) if color else name}"
    yield from difference_lines(one)
    if one.verdict.reason:
        yield f"  {one.verdict.reason}"
    if one.proposal is not None:
        if one.proposal.extends is not None:
            yield f"  add to the scenario {one.proposal.extends!r}, where {one.proposal.sees}:"
        else:
            yield f"  add this scenario, in which {one.proposal.sees}:"
        yield from (f"      {line}" for line in one.proposal.yaml.rstrip().split("\n"))


def difference_lines(one: Judged) -> list[str]:
    """The lines that the mutant changes, as they were and as they are."""
    before = [f"  - {line}" for line in one.mutant.before.split("\n") if one.mutant.before]
    return before + [f"  + {line}" for line in one.mutant.after.split("\n") if one.mutant.after]


def render_markdown(
    report: MutationReport, locate: Locate, diagnostics: Sequence[Diagnostic] = (), limit: int = LIMIT
) -> str:
    """For a comment on a pull request: the score, what is below the demand, and the survivors folded away.

    `diagnostics` are those of marks that are wrong. Survivors that have no room are counted.
    """
    total = report.total
    mark = "❌" if report.failed else "✅"
    lines = [f"### {mark} Mutation testing: {percent(total.share)}", "", escape_inline(summary(report).split("\n")[0])]
    if report.below:
        lines += ["", "| alert | score | survived |", "|---|---|---|"]
        lines += [
            f"| {_safe(score.subject)} | {percent(score.share)} | {score.counts[Status.SURVIVED]} |"
            for score in report.below[:MOST_BELOW]
        ]
    if len(report.below) > MOST_BELOW:
        lines += ["", f"and {len(report.below) - MOST_BELOW} more below the policy's {percent(report.demand)}."]
    if diagnostics:
        lines += ["", "Marks that are wrong:", ""]
        lines += [f"- {code_span(f'{one.span.file}:{one.span.line}')}: {code_span(one.message)}" for one in diagnostics]
    shown = "\n".join(lines) + "\n"
    survivors = [*report.of(Status.UNJUDGED), *report.of(Status.SURVIVED)]
    for number, one in enumerate(survivors):
        block = "\n".join(_folded(one, locate(one))) + "\n"
        if len(shown) + len(block) > limit:
            return f"{shown}\n{len(survivors) - number} more are left out here; `rules-gen mutate` shows all of them.\n"
        shown += block
    return shown


def _folded(one: Judged, where: str) -> Iterator[str]:
    title = f"{one.mutant.subject}: {one.mutant.name}"
    if one.verdict.status is Status.UNJUDGED:
        title += " could not be judged"
    # What stands in tags is no Markdown: a backslash would be shown.
    shown = unreferenced(escape(" ".join(visible(title).split()), quote=False))
    yield from ("", f"<details><summary>{shown}</summary>", "", code_span(where), "")
    yield from (fenced("\n".join(line[2:] for line in difference_lines(one)), "diff"), "")
    if one.verdict.reason:
        yield from (code_span(one.verdict.reason), "")
    if one.proposal is not None:
        extends = one.proposal.extends
        # As code, so that nothing in it addresses anybody.
        what = "New scenario" if extends is None else f"In the scenario {code_span(extends)}"
        yield from (f"{what}, {_safe(one.proposal.sees)}:", "", fenced(one.proposal.yaml.rstrip(), "yaml"), "")
    yield "</details>"


def _safe(text: str) -> str:
    return unreferenced(escape_inline(visible(text)))


def as_json(report: MutationReport, locate: Locate, diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """The whole run for machines: every mutant with its verdict."""
    return {
        "version": JSON_VERSION,
        "score": report.total.share,
        "demand": report.demand,
        "failed": report.failed,
        "counts": {word: report.total.counts[status] for word, status in _COLUMNS},
        "scores": [
            {
                "service": score.service,
                "subject": score.subject,
                "score": score.share,
                **{word: score.counts[status] for word, status in _COLUMNS},
            }
            for score in report.scores
        ],
        "mutants": [_mutant_json(one, locate) for one in report.judged],
        "unread": list(report.unread),
        "problems": [
            {"check": d.check, "message": d.message, "file": d.span.file, "line": d.span.line, "help": d.suggestion}
            for d in diagnostics
        ],
    }


def _mutant_json(one: Judged, locate: Locate) -> dict[str, Any]:
    proposal = one.proposal
    return {
        "service": one.service,
        "subject": one.mutant.subject,
        "mutant": one.mutant.name,
        "operator": one.mutant.operator,
        "place": locate(one),
        "before": one.mutant.before,
        "after": one.mutant.after,
        "status": str(one.verdict.status),
        "reason": one.verdict.reason,
        "scenario": one.verdict.scenario or None,
        "proposal": None
        if proposal is None
        else {"yaml": proposal.yaml, "extends": proposal.extends, "sees": proposal.sees},
    }
