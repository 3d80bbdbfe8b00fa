"""The command `alert-router`: arguments, exit codes, and how mistakes are told.

Exit codes: 0 all is well; 1 what was asked for isn't there or didn't work; 2 the command or the configuration is wrong;
130 interrupted; 141 the reader of the output has gone.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # Importing typing for it would cost a tenth of what `--help` may take.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command. Never raises for a user's mistake."""
    from router.commands import parser
    from router.commands.console import CommandError, complain

    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(parser.build_parser().parse_args(arguments))
    except CommandError as error:
        complain(f"alert-router: {error}")
        return error.code
    except KeyboardInterrupt:
        complain("\ninterrupted")
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`alert-router explain X | head`): no more output, no traceback at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _run(parsed: argparse.Namespace) -> int:
    for stream in (sys.stdout, sys.stderr):
        # What a label holds may not exist in the terminal's encoding; that is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code: int = parsed.run(parsed)
    sys.stdout.flush()
    return code
