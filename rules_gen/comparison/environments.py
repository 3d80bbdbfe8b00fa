"""Where an alert is watched, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rules_gen.comparison.findings import Finding, Impact, Words
from rules_gen.comparison.wording import listed
from rules_gen.model import AlertRule

Environments = tuple[tuple[str | None, str | None], ...]
"""Pairs of an environment before and what is watched in its place."""


def partners(old: Iterable[AlertRule], new: Iterable[AlertRule]) -> Environments:
    """The environments that are each other's successor: those of one name.

    What was watched without an environment was watched everywhere, and so is what is watched without one now.
    """
    before, after = (list(dict.fromkeys(rule.environment for rule in side)) for side in (old, new))
    if before and after and (before == [None]) != (after == [None]):
        return tuple((was, now) for was in before for now in after)
    return tuple((name, name) for name in before if name in after)


def environment_findings(old: Sequence[AlertRule], new: Sequence[AlertRule]) -> Iterator[Finding]:
    """Where it is watched no longer, where it is now, and with what where that can't be compared."""
    pairs = partners(old, new)
    if any(was != now for was, now in pairs):
        texts = [[env for env in dict.fromkeys(rule.environment for rule in side) if env] for side in (old, new)]
        words: Words = ("watched ", *_where(texts[0]), " before, now ", *_where(texts[1]))
        yield Finding("environment", Impact.CONDITION, words, ", ".join(texts[0]) or None, ", ".join(texts[1]) or None)
        return
    kept = {was for was, _ in pairs}
    gone, come = ([rule for rule in side if rule.environment not in kept] for side in (old, new))
    for environment in dict.fromkeys(rule.environment for rule in gone):
        words = ("no longer watches ", *_where([environment] if environment else []))
        yield Finding("environment", Impact.REMOVED, words, environment or "none", None)
    for environment in dict.fromkeys(rule.environment for rule in come):
        words = ("now watches ", *_where([environment] if environment else []))
        if not gone:
            yield Finding("environment", Impact.ADDED, words, None, environment or "none")
        else:
            # It may be the same one under another name, with other numbers; nobody can tell but a person.
            mine = [rule for rule in come if rule.environment == environment]
            words = (*words, " by these rules, in place of those")
            yield Finding("environment", Impact.CONDITION, words, _text(gone), _text(mine), is_code=True)


def _where(names: Sequence[str]) -> Words:
    return ("in ", *listed(names)) if names else ("without an environment",)


def _text(rules: Iterable[AlertRule]) -> str:
    return "\n".join(dict.fromkeys(f"{rule.severity}: {rule.expr}\nfor {rule.hold}" for rule in rules))
