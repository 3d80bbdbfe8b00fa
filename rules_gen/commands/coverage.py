"""`rules-gen coverage`: what the scenarios show of each alert, and whether the policy demands more."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rules_gen.commands.definitions import no_such_alert, read_definitions
from rules_gen.commands.progress import Progress
from rules_gen.commands.terminal import can_show, has_colour

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rules_gen.definitions import Definitions
    from rules_gen.diagnostics import Problem
    from rules_gen.report.coverage import Report


def run(arguments: argparse.Namespace) -> int:
    """Measures and reports. Exit code 1 below the demand or when scenarios can't be proved, 2 for an unknown alert."""
    definitions = read_definitions(arguments.root, frozenset({"promtool-tests"}))
    names = tuple(arguments.alerts)
    errors = _errors(definitions, names)
    if not errors and (unknown := [name for name in names if not any(definitions.alerts([name]))]):
        for name in unknown:
            print(no_such_alert(name, definitions), file=sys.stderr)
        return 2
    if not errors and not definitions.services:
        print("rules-gen: no service has a definition, so nothing is proved", file=sys.stderr)
        return 1
    report = _measure(definitions, names, arguments) if not errors else _failed(definitions, errors)
    return _show(report, arguments)


def _errors(definitions: Definitions, names: Sequence[str]) -> tuple[Problem, ...]:
    """What keeps coverage from being measured: all errors, or those of the services of the alerts that are named."""
    if not names or definitions.policy is None or not all(any(definitions.alerts([name])) for name in names):
        return definitions.errors
    meant = {service.key for service, _ in definitions.alerts(names)}
    own = {
        problem
        for result in definitions.compiled
        if result.service is not None and result.service.key in meant
        for problem in result.problems
    }
    return tuple(problem for problem in definitions.errors if problem in own)


def _measure(definitions: Definitions, names: tuple[str, ...], arguments: argparse.Namespace) -> Report:
    from rules_gen.coverage.judge import judge
    from rules_gen.proof.coverage import gather
    from rules_gen.report.coverage import Report

    policy = definitions.policy
    assert policy is not None, "a policy that can't be read is an error"
    meant = {service.key for service, _ in definitions.alerts(names)}
    results = [
        one for one in definitions.compiled if one.service is not None and (not names or one.service.key in meant)
    ]
    alerts = frozenset(alert.name for _, alert in definitions.alerts(names)) if names else None
    progress = Progress(sys.stderr)
    try:
        fixtures = [fixture for result in results for fixture in result.fixtures]
        evidence, problems = gather(arguments.root, fixtures, policy.prometheus, progress, alerts)
    finally:
        progress.clear()
    if problems:
        return _failed(definitions, problems)
    today = datetime.now(tz=UTC).date().isoformat()
    services = [result.service for result in results if result.service is not None]
    coverage = judge(services, policy, evidence, today, names)
    places = {record.place for record in coverage.records}
    for rule in coverage.rules:
        places |= {rule.place, rule.place.at("tests").key()}
    return Report(coverage, definitions.spans(places))


def _failed(definitions: Definitions, problems: Sequence[Problem]) -> Report:
    from rules_gen.report.coverage import Report

    return Report(None, problems=definitions.diagnose(problems))


def _show(report: Report, arguments: argparse.Namespace) -> int:
    from rules_gen.report.coverage import render_coverage
    from rules_gen.report.coverage.text import render_text, verdict_lines

    if report.coverage is None:
        from rules_gen.report import render

        sys.stderr.write(render(report.problems, "text", color=has_colour(sys.stderr)))
        print("Nothing was measured: only what is proved counts.", file=sys.stderr)
    if arguments.output is not None:
        try:
            arguments.output.write_text(render_coverage(report, arguments.format), encoding="utf-8")
        except OSError as error:
            print(f"rules-gen: {arguments.output} can't be written: {error.strerror}", file=sys.stderr)
            return 1
        for line in verdict_lines(report):
            print(line)
    elif arguments.format == "text":
        plain = not can_show(sys.stdout, "✓✗·…")
        sys.stdout.write(render_text(report, color=has_colour(sys.stdout), plain=plain))
    else:
        sys.stdout.write(render_coverage(report, arguments.format))
    return 0 if report.coverage is not None and report.coverage.is_met else 1
