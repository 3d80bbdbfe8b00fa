"""Coverage for people: a table by service, what is missing with its place, and a line that sums up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rules_gen.coverage.missing import all_missing
from rules_gen.model import PROOF_STATES
from rules_gen.report.coverage.words import exemption, rung, summary, verdict
from rules_gen.report.text import BOLD, GREEN, RED, Paint
from rules_gen.report.untrusted import visible

if TYPE_CHECKING:
    from rules_gen.coverage.values import Coverage, RecordCoverage, RuleCoverage
    from rules_gen.report.coverage import Report

_WIDTH = 100
_LONGEST_NAME = 40
"""A longer name has a line of its own, so that the table stays as wide as most terminals."""

_GREY = "2"
_MARKS = {"shown": "✓", "missing": "✗", "exempt": "~", "not demanded": "·"}
_PLAIN = {"shown": "+", "missing": "X", "exempt": "~", "not demanded": "."}
_STYLES = {"shown": GREEN, "missing": RED, "exempt": _GREY, "not demanded": _GREY}


def render_text(report: Report, *, color: bool = False, plain: bool = False) -> str:
    """The table and what is missing. `plain` keeps to ASCII, for a terminal that shows nothing else."""
    if report.coverage is None:
        return ""
    table = _Table(report.coverage, Paint(on=color), _PLAIN if plain else _MARKS, cut="..." if plain else "…")
    return "\n".join([*table.lines(), *_exempt(report.coverage), *verdict_lines(report)]) + "\n"


def verdict_lines(report: Report) -> Iterator[str]:
    """What is missing and what to do about it, and the line that sums up."""
    coverage = report.coverage
    if coverage is None:
        return
    missing = all_missing(coverage)
    if missing:
        yield "Missing:"
        for one in missing:
            yield from _wrapped(f"  {visible(report.where(one.place))}: {visible(one.message)}")
            yield from _wrapped(f"    help: {one.suggestion}")
        yield ""
    yield summary(coverage)
    yield verdict(coverage)


class _Table:
    """The table, its columns as wide as they need to be."""

    def __init__(self, coverage: Coverage, paint: Paint, marks: dict[str, str], cut: str) -> None:
        self._coverage = coverage
        self._paint = paint
        self._marks = marks
        self._cut = cut
        self._used: dict[str, None] = {}
        names = [rule.alert for rule in coverage.rules] + [_title(some) for some in _gathered(coverage.records)]
        self._name = max((len(name) for name in names if len(name) <= _LONGEST_NAME), default=_LONGEST_NAME)
        self._rung = max((len(rung(rule)) for rule in coverage.rules), default=0)

    def lines(self) -> Iterator[str]:
        head = "  ".join(PROOF_STATES)
        for key, (rules, records) in self._coverage.services().items():
            room = f"{key:<{2 + self._name + 2 + self._rung}}"
            yield f"{self._paint(BOLD, room)}  {head if rules else ''}".rstrip()
            for rule in rules:
                yield from self._rule(rule)
            for several in _gathered(records):
                yield from self._records(several)
            yield ""
        legend = [f"{self._marks[word]} {word}" for word in self._marks if word in self._used]
        if legend:
            yield "   ".join(legend)
            yield ""

    def _rule(self, rule: RuleCoverage) -> Iterator[str]:
        marks = "  ".join(self._mark(rule, state) for state in PROOF_STATES)
        yield from self._row(rule.alert, f"{rung(rule):<{self._rung}}  {marks}")
        if self._coverage.narrowed:
            for state, scenarios in rule.shown:
                for scenario in scenarios:
                    yield self._cropped(f"      {state:<8}  {visible(scenario)}")

    def _mark(self, rule: RuleCoverage, state: str) -> str:
        if rule.shows(state):
            word = "shown"
        elif state in rule.missing:
            word = "missing"
        elif rule.exempt is not None:
            word = "exempt"
        else:
            word = "not demanded"
        self._used[word] = None
        wide = f"{self._marks[word]:^{len(state)}}"
        return wide.replace(self._marks[word], self._paint(_STYLES[word], self._marks[word]))

    def _records(self, records: Sequence[RecordCoverage]) -> Iterator[str]:
        """A line for a recording rule, or for all of an objective's that are reached."""
        first = records[0]
        word = "shown" if first.reached_by else "missing" if first.missing else "not demanded"
        self._used[word] = None
        where = "" if first.environment is None else f"{first.environment}: "
        said, more = "gives no result in any scenario", ""
        if first.reached_by:
            (alert, scenario), *others = first.reached_by
            said = f"in {alert}: {visible(scenario)}"
            more = f" and {len(others)} more" if others else ""
        if len(records) > 1:
            said = f"{len(records)} recording rules {said}"
        *before, row = self._row(_title(records), f"{self._marks[word]} {where}{said}")
        yield from before
        row = self._cropped(row, _WIDTH - len(more)) + more
        mark = f"  {self._marks[word]} "
        yield row.replace(mark, f"  {self._paint(_STYLES[word], self._marks[word])} ", 1)

    def _row(self, name: str, rest: str) -> Iterator[str]:
        if len(name) > self._name:
            yield f"  {name}"
            name = ""
        yield f"  {name:<{self._name}}  {rest}".rstrip()

    def _cropped(self, line: str, width: int = _WIDTH) -> str:
        return line if len(line) <= width else line[: width - len(self._cut)] + self._cut


def _gathered(records: Sequence[RecordCoverage]) -> list[list[RecordCoverage]]:
    """Those of an objective that are reached together, for it has one for each window; the others one by one."""
    found: dict[object, list[RecordCoverage]] = {}
    for record in records:
        together = record.objective is not None and bool(record.reached_by)
        found.setdefault((record.objective, record.environment) if together else record.id, []).append(record)
    return list(found.values())


def _title(records: Sequence[RecordCoverage]) -> str:
    return visible(records[0].title if len(records) == 1 else f"objective {records[0].objective}")


def _wrapped(line: str) -> list[str]:
    import textwrap

    return textwrap.wrap(line, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _exempt(coverage: Coverage) -> Sequence[str]:
    """A line for each alert that owes nothing."""
    exempt = dict.fromkeys(f"  {rule.alert}: {visible(exemption(rule))}" for rule in coverage.rules if rule.exempt)
    return ["Exempt:", *exempt, ""] if exempt else []
