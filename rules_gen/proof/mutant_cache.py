"""Verdicts of earlier runs, so that a run only repeats what has changed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rules_gen import freshness
from rules_gen.fixtures.layout import Case
from rules_gen.mutation.mutant import Mutant, Status, Verdict
from rules_gen.mutation.trials import RuleFile
from rules_gen.target_support.rules import rule_document

if TYPE_CHECKING:
    from rules_gen.promtool import Promtool

_FILE = "mutants.json"
_LASTING = {str(status): status for status in (Status.KILLED, Status.SURVIVED, Status.INVALID)}
"""What is kept: the rest is told without promtool, or tried again."""


@dataclass(slots=True)
class MutantCache:
    """The verdicts of the last run by the hash of all that they depend on. `key` is that of the tools."""

    root: Path
    key: str
    verdicts: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def empty(cls, root: Path, promtool: Promtool) -> MutantCache:
        """A cache that knows nothing."""
        return cls(root, f"{freshness.tool_key()} {promtool.build()}")

    @classmethod
    def load(cls, root: Path, promtool: Promtool) -> MutantCache:
        """What the last run has left; nothing when it can't be read, or other tools have judged."""
        import orjson

        cache = cls.empty(root, promtool)
        try:
            data: Any = orjson.loads((root / freshness.FOLDER / _FILE).read_bytes())
            if data["key"] == cache.key:
                cache.verdicts = {
                    str(key): [str(part) for part in verdict] for key, verdict in data["verdicts"].items()
                }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            cache.verdicts = {}
        return cache

    def recall(self, mutants: Mapping[Mutant, Sequence[tuple[RuleFile, Case]]]) -> dict[Mutant, Verdict]:
        """The verdicts that are known of these mutants."""
        found: dict[Mutant, Verdict] = {}
        for mutant, scenarios in mutants.items():
            known = self.verdicts.get(key_of(mutant, scenarios))
            # An entry that somebody has edited is as good as none.
            with contextlib.suppress(ValueError, KeyError):
                if known is not None:
                    status, reason, scenario = known
                    found[mutant] = Verdict(_LASTING[status], reason, scenario)
        return found

    def remember(
        self,
        mutants: Mapping[Mutant, Sequence[tuple[RuleFile, Case]]],
        judged: Mapping[Mutant, Verdict],
        *,
        whole: bool,
    ) -> None:
        """Keep the new verdicts beside the old ones; after a whole run only those that still mean something.

        What could not be judged is tried again.

        A cache that can't be written costs time, never a run: errors are ignored.
        """
        import orjson

        fresh = {
            key_of(mutant, scenarios): [str(judged[mutant].status), judged[mutant].reason, judged[mutant].scenario]
            for mutant, scenarios in mutants.items()
            if mutant in judged and str(judged[mutant].status) in _LASTING
        }
        current = {key_of(mutant, scenarios) for mutant, scenarios in mutants.items()} if whole else set(self.verdicts)
        kept = {key: verdict for key, verdict in self.verdicts.items() if key in current}
        if not fresh and len(kept) == len(self.verdicts):
            return
        with contextlib.suppress(OSError):
            folder = self.root / freshness.FOLDER
            folder.mkdir(exist_ok=True)
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")
            temporary = folder / f"{_FILE}.{os.getpid()}.tmp"
            content = {"key": self.key, "verdicts": {**kept, **fresh}}
            try:
                temporary.write_bytes(orjson.dumps(content))
                temporary.replace(folder / _FILE)
            finally:
                temporary.unlink(missing_ok=True)


def key_of(mutant: Mutant, scenarios: Sequence[tuple[RuleFile, Case]]) -> str:
    """A hash of what a verdict depends on: the rules as the mutant makes them, and the scenarios with their originals.

    A scenario's key covers its series, what it asserts and the rules that its alert depends on; the file's basis also
    those that only the mutant reads. The name is part of the verdict.
    """
    rules = [repr((spot, rule_document(rule))) for spot, rule in sorted(mutant.changes.items(), key=repr)]
    played = [f"{case.key} {file.bases[case.scenario.alert]} {case.scenario.name}" for file, case in scenarios]
    parts = [*rules, *sorted(played)]
    return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()
