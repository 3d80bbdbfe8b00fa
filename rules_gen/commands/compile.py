"""`rules-gen build` and `rules-gen check`."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rules_gen.builder import Options, OutputError, Result, build
from rules_gen.commands.progress import Progress
from rules_gen.commands.terminal import has_colour

if TYPE_CHECKING:
    import argparse

_MOST_NAMED = 40
"""More changed outputs than this are only counted."""


def run(arguments: argparse.Namespace) -> int:
    """Builds, or compares, and reports."""
    only = _only(arguments.only)
    if only is None and arguments.only:
        return 2
    progress = Progress(sys.stderr)
    started = time.monotonic()
    try:
        result = build(
            Options(
                root=arguments.root,
                today=datetime.now(tz=UTC).date().isoformat(),
                write=arguments.write,
                only=only,
                processes=max(1, arguments.jobs),
                progress=progress,
            )
        )
    except OutputError as error:
        print(f"rules-gen: {error}", file=sys.stderr)
        return 1
    finally:
        progress.clear()
    return _report(result, arguments, time.monotonic() - started)


def _only(names: list[str] | None) -> frozenset[str] | None:
    if not names:
        return None
    from rules_gen.compiler import plug_in_names
    from rules_gen.source.suggest import did_you_mean

    known = [name.replace("_", "-") for name in plug_in_names("targets")]
    for name in names:
        if name not in known:
            print(f"rules-gen: no target `{name}`; {did_you_mean(name, known)}", file=sys.stderr)
            return None
    return frozenset(names)


def _report(result: Result, arguments: argparse.Namespace, seconds: float) -> int:
    stale = not arguments.write and bool(result.changes)
    if arguments.format == "text":
        _print_text(result, arguments, seconds)
    else:
        _print_machine(result, arguments)
    return 1 if result.failed or stale else 0


def _print_text(result: Result, arguments: argparse.Namespace, seconds: float) -> None:
    if result.diagnostics:
        from rules_gen.report import render

        sys.stderr.write(render(result.diagnostics, "text", color=has_colour(sys.stderr)))
    if result.failed:
        print("Nothing was written." if arguments.write else "Nothing was compared.", file=sys.stderr)
        return
    changes = result.changes
    if not arguments.write and changes:
        _print_stale(result)
    elif not arguments.quiet:
        _print_done(result, seconds, named=arguments.write and len(changes) <= _MOST_NAMED)


def _print_stale(result: Result) -> None:
    print("These outputs are stale:", file=sys.stderr)
    for word, paths in _listed(result.changes):
        for path in paths:
            print(f"  {word} {path}", file=sys.stderr)
    print("Run `make rules` (or `rules-gen build`) and commit what it writes.", file=sys.stderr)


def _print_done(result: Result, seconds: float, *, named: bool) -> None:
    changes = result.changes
    for path in changes.foreign[:10]:
        print(f"note: {path} wasn't generated; it is left alone")
    if named:
        for word, paths in _listed(changes):
            for path in paths:
                print(f"{word} {path}")
    said = [_count(result.services, "service"), f"{_count(result.outputs, 'output')}: {len(changes)} changed"]
    if result.recorded:
        said.append(f"{_count(result.recorded, 'scenario')} recorded")
    if result.verified:
        said.append(f"{_count(result.verified, 'fixture')} proved by promtool")
    print(f"{', '.join(said)} ({seconds:.1f} s)")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _listed(changes: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:  # noqa: ANN401
    return (("created", changes.created), ("updated", changes.updated), ("removed", changes.removed))


def _print_machine(result: Result, arguments: argparse.Namespace) -> None:
    from rules_gen.check_pages import first_sentences
    from rules_gen.diagnostics import Diagnostic, Level, Span
    from rules_gen.report import render

    diagnostics = list(result.diagnostics)
    if not arguments.write:
        diagnostics += [
            Diagnostic(
                "stale-output",
                Level.ERROR,
                f"stale: it would be {word}",
                Span(path, 1, 1),
                "run `make rules` and commit what it writes",
            )
            for word, paths in _listed(result.changes)
            for path in paths
        ]
    sys.stdout.write(render(diagnostics, arguments.format, checks_help=first_sentences()))
