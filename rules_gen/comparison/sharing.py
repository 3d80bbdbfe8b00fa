"""What several alerts have in common said once: a shared runbook or a template changes many of them alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from rules_gen.comparison.findings import IMPACTS, Change, Difference, Finding

_FROM = 3
"""So many alerts with the same finding are told together."""


class Block(NamedTuple):
    """Findings, and what they are about: one subject with what is its own, or several with what they share."""

    subjects: tuple[Change, ...]
    findings: tuple[Finding, ...]

    @property
    def is_risky(self) -> bool:
        """Whether a reviewer should look at it closely."""
        return any(finding.is_risky for finding in self.findings)

    def once(self) -> Iterator[tuple[Finding, bool]]:
        """The findings, and of each whether to show its before and after, which others may have too."""
        shown: set[tuple[str | None, str | None]] = set()
        for finding in self.findings:
            sides = (finding.before, finding.after)
            yield finding, finding.is_code and sides not in shown
            if finding.is_code:
                shown.add(sides)


def blocks(difference: Difference) -> tuple[Block, ...]:
    """Everything that was found, in the order in which it should be read."""
    owners: defaultdict[Finding, list[int]] = defaultdict(list)
    for index, change in enumerate(difference.alerts):
        for finding in change.findings:
            owners[finding].append(index)
    shared: defaultdict[tuple[int, ...], list[Finding]] = defaultdict(list)
    for finding, indices in owners.items():
        if len(indices) >= _FROM:
            shared[tuple(indices)].append(finding)
    found = [
        Block(tuple(difference.alerts[index] for index in indices), tuple(findings))
        for indices, findings in shared.items()
    ]
    together = {finding for findings in shared.values() for finding in findings}
    for change in difference.alerts:
        own = tuple(finding for finding in change.findings if finding not in together)
        if own:
            found.append(Block((change,), own))
    found.sort(key=lambda block: min(IMPACTS.index(finding.impact) for finding in block.findings))
    return (*(Block((change,), change.findings) for change in difference.general), *found)
