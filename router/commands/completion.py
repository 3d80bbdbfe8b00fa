"""`alert-router completion`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.commands.console import say

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Prints the shell's completion script."""
    import shtab

    say(shtab.complete(arguments.parser, arguments.shell))
    return 0
