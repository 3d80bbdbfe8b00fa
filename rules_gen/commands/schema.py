"""`rules-gen schema`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Prints the JSON Schema, or the names of the checks and targets."""
    if arguments.checks:
        from rules_gen.check_pages import first_sentences
        from rules_gen.compiler import plug_in_names, target_sentences

        sentences = {**first_sentences(), **target_sentences()}
        for kind in ("checks", "targets"):
            print(f"{kind}:")
            for name in plug_in_names(kind):
                print(f"  {name.replace('_', '-'):24} {sentences.get(name.replace('_', '-'), '')}".rstrip())
        return 0
    from rules_gen.source.validate import schema_text

    sys.stdout.write(schema_text())
    return 0
