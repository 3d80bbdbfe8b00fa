"""`rules-gen mutate`: whether the scenarios would notice a mistake in a rule."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from rules_gen.commands.definitions import locations, no_such_alert, print_problems, read_definitions
from rules_gen.commands.progress import Progress
from rules_gen.promtool import Promtool, PromtoolError
from rules_gen.proof.mutation import run_mutation

if TYPE_CHECKING:
    import argparse

    from rules_gen.definitions import Definitions
    from rules_gen.mutation.score import MutationReport

_TARGET = frozenset({"promtool-tests"})


def run(arguments: argparse.Namespace) -> int:
    """Judges the mutants and reports. Exit code 1 below the policy's demand, 2 for an alert that isn't there."""
    definitions = read_definitions(arguments.root, _TARGET)
    if definitions.errors or definitions.policy is None:
        print_problems(definitions, definitions.errors)
        return 1
    for name in arguments.alert:
        if not any(True for _ in definitions.alerts([name])):
            print(no_such_alert(name, definitions), file=sys.stderr)
            return 2
    progress = Progress(sys.stderr)
    try:
        promtool = Promtool.find(arguments.root)
        report = run_mutation(
            definitions, arguments.alert, arguments.root, promtool, progress, use_cache=not arguments.no_cache
        )
    except PromtoolError as error:
        progress.clear()
        print(f"rules-gen: {error}", file=sys.stderr)
        return 1
    progress.clear()
    _print(report, definitions, arguments)
    return 1 if report.failed else 0


def _print(report: MutationReport, definitions: Definitions, arguments: argparse.Namespace) -> None:
    from rules_gen.mutation.render import as_json, render_markdown, render_text

    found = locations(definitions, (one.mutant.place for one in report.judged))
    if arguments.format == "json":
        from rules_gen.emit.json import emit_json

        diagnostics = definitions.diagnose(report.problems)
        sys.stdout.write(emit_json(as_json(report, lambda one: found[one.mutant.place], diagnostics)).decode())
        return
    if arguments.format == "markdown":
        sys.stdout.write(render_markdown(report, lambda one: found[one.mutant.place]))
    else:
        color = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        sys.stdout.write(
            render_text(report, lambda one: found[one.mutant.place], color=color, all_scores=not arguments.quiet)
        )
    if report.problems:
        sys.stdout.flush()
        print_problems(definitions, report.problems)
