"""The command `rules-gen`: arguments, printing, exit codes.

Exit codes: 0 all is well; 1 the definitions have errors, or `check` found stale outputs; 2 the command was used
wrongly; 130 interrupted.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # Importing typing for it would take a tenth of the time that the common case may take.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command. Never raises for a user's mistake."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if _is_fresh_build(arguments):
            return 0
        from rules_gen.commands import parser

        parsed = parser.build_parser().parse_args(arguments)
        return _run(parsed)
    except KeyboardInterrupt:
        print("\ninterrupted; nothing half written", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`rules-gen show X | head`): no more output, and no traceback at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _run(parsed: argparse.Namespace) -> int:
    for stream in (sys.stdout, sys.stderr):
        # What a definition quotes may not exist in the terminal's encoding; that is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code: int = parsed.run(parsed)
    sys.stdout.flush()
    return code


def _is_fresh_build(arguments: list[str]) -> bool:
    """The common case, `build` or `check` with nothing changed, answered before anything else is imported."""
    if not arguments or arguments[0] not in {"build", "check"}:
        return False
    only: set[str] = set()
    rest = iter(arguments[1:])
    for argument in rest:
        if argument == "--only":
            only.add(next(rest, ""))
        elif argument != "--quiet":
            return False
    import time

    from rules_gen.freshness import is_fresh

    if not is_fresh(".", time.strftime("%Y-%m-%d", time.gmtime()), frozenset(only) if only else None):
        return False
    if "--quiet" not in arguments:
        print("Nothing has changed: all outputs are current.")
    return True
