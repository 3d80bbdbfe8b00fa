"""`rules-gen mutate`: whether the scenarios would notice a mistake in a rule."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rules_gen.commands.definitions import no_such_alert, print_problems, read_definitions, recorded_names
from rules_gen.commands.progress import Progress
from rules_gen.commands.terminal import has_colour

if TYPE_CHECKING:
    import argparse

    from rules_gen.definitions import Definitions
    from rules_gen.mutation.score import MutationReport


def run(arguments: argparse.Namespace) -> int:
    """Judges the mutants and reports. Exit code 1 below the policy's demand, 2 for an alert that isn't there."""
    definitions = read_definitions(arguments.root, frozenset({"promtool-tests"}))
    if definitions.errors or definitions.policy is None:
        print_problems(definitions, definitions.errors)
        print("Nothing was judged.", file=sys.stderr)
        return 1
    records = recorded_names(definitions)
    unknown = [name for name in arguments.alerts if name not in records and not any(definitions.alerts([name]))]
    for name in unknown:
        print(no_such_alert(name, definitions), file=sys.stderr)
    if unknown:
        return 2
    from rules_gen.promtool import Promtool, PromtoolError
    from rules_gen.proof.mutation import MOST_PROPOSED, run_mutation

    progress = Progress(sys.stderr)
    try:
        promtool = Promtool.find(arguments.root)
        report = run_mutation(
            definitions,
            arguments.alerts,
            arguments.root,
            promtool,
            progress,
            use_cache=not arguments.no_cache,
            most_proposed=0 if arguments.no_proposals else MOST_PROPOSED,
        )
    except PromtoolError as error:
        progress.clear()
        print(f"rules-gen: {error}", file=sys.stderr)
        return 1
    finally:
        progress.clear()
    return _show(report, definitions, arguments)


def _show(report: MutationReport, definitions: Definitions, arguments: argparse.Namespace) -> int:
    from rules_gen.mutation.render import summary

    text = _rendered(report, definitions, arguments)
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        try:
            arguments.output.write_text(text, encoding="utf-8")
        except OSError as error:
            print(f"rules-gen: {arguments.output} can't be written: {error.strerror}", file=sys.stderr)
            return 1
        print(summary(report))
    if report.problems and arguments.format != "json":
        sys.stdout.flush()
        print_problems(definitions, report.problems)
    return 1 if report.failed else 0


def _rendered(report: MutationReport, definitions: Definitions, arguments: argparse.Namespace) -> str:
    from rules_gen.emit.json import emit_json
    from rules_gen.mutation.render import as_json, render_markdown, render_text
    from rules_gen.mutation.score import Judged

    spans = definitions.spans({one.mutant.place for one in report.judged})

    def locate(one: Judged) -> str:
        span = spans[one.mutant.place]
        return f"{span.file}:{span.line}"

    if arguments.format == "json":
        return emit_json(as_json(report, locate, definitions.diagnose(report.problems))).decode()
    if arguments.format == "markdown":
        return render_markdown(report, locate, definitions.diagnose(report.problems))
    color = arguments.output is None and has_colour(sys.stdout)
    return render_text(report, locate, color=color, all_scores=not arguments.quiet)
