"""Who is told of an alert before and after, and how soon somebody must respond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rules_gen.comparison.findings import Finding, Impact, Typed, Words
from rules_gen.model import SEVERITIES, Alert, Policy
from rules_gen.model.destinations import BY_ALERTMANAGER, Destination, destinations


@dataclass(frozen=True, slots=True)
class Owned:
    """An alert as one side has it: whose it is, and the policy that holds there."""

    alert: Alert
    team: str
    service: str
    policy: Policy


def severity_finding(old: Owned, new: Owned, before: str, after: str) -> Finding:
    """A severity that has changed, with the response that it asks for."""
    worse = SEVERITIES.index(after) < SEVERITIES.index(before)
    responses = [side.policy.severity(name).response for side, name in ((old, before), (new, after))]
    words: Words = (f"severity {before} -> {after}: {'more' if worse else 'less'} urgent",)
    if responses[0] != responses[1]:
        words = (*words, ", response ", Typed(responses[0]), " -> ", Typed(responses[1]))
    return Finding("severity", Impact.MORE_URGENT if worse else Impact.LESS_URGENT, words, before, after)


def telling_findings(old: Owned, new: Owned, before: str, after: str) -> Iterator[Finding]:
    """Who is told no longer, or now, where the alert itself is the cause rather than the policy."""
    mine = (old.team, old.alert.notify, old.alert.bypass_router, before)
    theirs = (new.team, new.alert.notify, new.alert.bypass_router, after)
    if mine == theirs:
        return
    yield from told_findings(
        destinations(old.alert, before, old.team, old.policy), destinations(new.alert, after, new.team, new.policy)
    )


def told_findings(before: Sequence[Destination], after: Sequence[Destination]) -> Iterator[Finding]:
    """What one set of destinations means after another: at most one finding."""
    gone = [one for one in before if one not in after]
    come = [one for one in after if one not in before]
    if not gone and not come:
        return
    pages_lost, pages_won = any(one.pages for one in gone), any(one.pages for one in come)
    if not after:
        impact = Impact.NOBODY_TOLD
    elif pages_lost == pages_won:
        # Other people are paged, or nobody is either way.
        impact = Impact.ROUTE
    else:
        impact = Impact.PAGES_FEWER if pages_lost else Impact.PAGES_MORE
    words: list[str | Typed] = []
    for verbs, ones in (
        (("no longer pages ", "no longer tells "), gone),
        (("now pages ", "now tells "), come),
    ):
        for verb, paging in zip(verbs, (True, False), strict=True):
            chosen = [one for one in ones if one.pages == paging]
            if chosen:
                words += ["; " if words else "", verb, *_named(chosen)]
    if not after:
        words.append("; nobody is told any more")
    yield Finding("told", impact, tuple(words), _line(before), _line(after))


def _named(ones: Sequence[Destination]) -> Iterator[str | Typed]:
    for index, one in enumerate(ones):
        if index:
            yield " and " if index == len(ones) - 1 else ", "
        if one == BY_ALERTMANAGER:
            yield "by Alertmanager itself"
        else:
            yield Typed(one.team)
            yield " by "
            yield Typed(one.way)


def _line(ones: Sequence[Destination]) -> str | None:
    return ", ".join(map(str, ones)) or None


def summary(side: Owned) -> Words:
    """An alert's severities and who is told, for one that is new or gone."""
    words: list[str | Typed] = [" and ".join(side.alert.severities)]
    told = everybody(side)
    for verb, chosen in (
        ("pages ", [one for one in told if one.pages]),
        ("tells ", [one for one in told if not one.pages]),
    ):
        if chosen:
            words += [", ", verb, *_named(chosen)]
    return tuple(words)


def everybody(side: Owned) -> tuple[Destination, ...]:
    """All who are told of an alert in any of its severities."""
    found = (destinations(side.alert, severity, side.team, side.policy) for severity in side.alert.severities)
    return tuple(dict.fromkeys(one for ones in found for one in ones))
