"""What the commands that ask about definitions have in common: reading them, and saying what is wrong with them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rules_gen.definitions import Definitions, compile_definitions
from rules_gen.model import RecordingRule
from rules_gen.source.files import read_sources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rules_gen.diagnostics import Problem


def read_definitions(root: Path, only: frozenset[str] | None = None) -> Definitions:
    """The definitions below `root`, compiled as of today; `only` names the targets whose outputs are wanted."""
    sources, problems = read_sources(root)
    contents = {source.path: source.content for source in sources}
    return compile_definitions(contents, datetime.now(tz=UTC).date().isoformat(), only, problems)


def print_problems(definitions: Definitions, problems: Sequence[Problem]) -> None:
    """The problems on standard error, each with its place."""
    from rules_gen.report import render

    sys.stderr.write(render(definitions.diagnose(problems), "text"))


def no_such_alert(name: str, definitions: Definitions) -> str:
    """What to say when nothing is called `name`."""
    from rules_gen.source.suggest import did_you_mean

    names = [alert.name for service in definitions.services for alert in service.alerts]
    hint = did_you_mean(name.rpartition("/")[2], names)
    return f"rules-gen: no alert `{name}`" + (f"; {hint}" if hint else "")


def recorded_names(definitions: Definitions) -> frozenset[str]:
    """The names of all series that recording rules make."""
    rules = [
        rule
        for service in definitions.services
        for _, groups in service.groups
        for group in groups
        for rule in group.rules
    ]
    return frozenset(rule.record for rule in rules if isinstance(rule, RecordingRule))
