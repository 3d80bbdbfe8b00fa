"""A difference as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rules_gen.comparison.findings import Difference, plain
from rules_gen.comparison.lines import line_difference
from rules_gen.comparison.sharing import Block, blocks
from rules_gen.comparison.wording import count, subject
from rules_gen.emit.untrusted import visible

RISK = "!"
"""The mark of what needs a close look."""


def render_text(difference: Difference, against: str) -> str:
    """All findings, the riskiest first; those that need a close look are marked."""
    lines = [visible(headline(difference, against))]
    lines += [f"{RISK} not compared: {visible(plain(words))}" for words in difference.unread]
    for block in blocks(difference):
        lines += ["", *_block(block)]
    return "\n".join(lines) + "\n"


def headline(difference: Difference, against: str) -> str:
    """How much has changed, and against what."""
    if difference.is_empty:
        doubt = ", as far as both sides could be read" if difference.unread else ""
        return f"Nothing has changed in meaning since {against}{doubt}."
    alerts = count(len(difference.alerts), "alert")
    look = f"{difference.risky} need{'s' if difference.risky == 1 else ''} a close look"
    told = f"{alerts} changed since {against}" + (f"; {look}." if difference.alerts else ".")
    general = len(difference.general)
    risky = sum(change.is_risky for change in difference.general)
    if general:
        told += f" {count(general, 'change')} of the policy or a service"
        told += f"; {risky} need{'s' if risky == 1 else ''} a close look." if risky else "."
    return told


def _block(block: Block) -> Iterator[str]:
    for change in block.subjects:
        name, where = subject(change)
        yield visible(f"{name}  ({where})")
    for finding, in_full in block.once():
        yield f"  {RISK if finding.is_risky else '-'} {visible(finding.sentence)}"
        for line in line_difference(finding.before, finding.after) if in_full else ():
            yield f"      {visible(line)}"
