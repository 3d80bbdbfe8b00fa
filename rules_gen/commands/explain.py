"""`rules-gen explain`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Prints a check's page. Exit code 2 when there is no such check."""
    from rules_gen.check_pages import pages
    from rules_gen.source.suggest import did_you_mean

    found = pages()
    if arguments.check not in found:
        hint = did_you_mean(arguments.check, found)
        print(f"rules-gen: no check `{arguments.check}`" + (f"; {hint}" if hint else ""), file=sys.stderr)
        return 2
    print(found[arguments.check].partition("-->\n")[2].strip())
    return 0
