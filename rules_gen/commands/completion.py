"""`rules-gen completion`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Prints the shell's completion script."""
    import shtab

    print(shtab.complete(arguments.parser, arguments.shell))
    return 0
