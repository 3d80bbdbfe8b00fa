"""What keeps an alert, or a doubt about it, quiet: inhibition, checks that are off, mutants waved through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from rules_gen.comparison.findings import Finding, Impact, Typed, Words
from rules_gen.comparison.wording import listed
from rules_gen.inhibition import inhibitions_of
from rules_gen.model import Alert, EquivalentMutant, Policy, Service

Inhibitions = Mapping[str, Mapping[str, tuple[str, ...]]]
"""For each alert of a service: those that it keeps quiet, and the labels that must agree."""


def inhibitions(service: Service, policy: Policy) -> Inhibitions:
    """The inhibitions of a service, as one policy has them."""
    found: defaultdict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for inhibition in inhibitions_of(service, policy):
        found[inhibition.source][inhibition.target] = tuple(sorted(set(inhibition.equal)))
    return found


def inhibition_findings(
    old: Mapping[str, tuple[str, ...]], new: Mapping[str, tuple[str, ...]], names: Mapping[str, str]
) -> Iterator[Finding]:
    """What one alert keeps quiet. `names` gives alerts that were renamed their new name."""
    before = {names.get(target, target): equal for target, equal in old.items()}
    for target in dict.fromkeys((*before, *new)):
        was, now = before.get(target), new.get(target)
        if was == now:
            continue
        if now is None:
            words: Words = ("no longer keeps ", Typed(target), " quiet")
            yield Finding("inhibits", Impact.MUTES_LESS, words, target, None)
        elif was is None:
            words = ("keeps ", Typed(target), " quiet while it fires", *_where(now))
            yield Finding("inhibits", Impact.MUTES_MORE, words, None, target)
        else:
            # Each label more that must agree makes for fewer alerts that are kept quiet.
            impact = Impact.MUTES_LESS if set(was) < set(now) else Impact.MUTES_MORE
            words = ("keeps ", Typed(target), " quiet", *_where(now), "; it was", *(_where(was) or (" everywhere",)))
            yield Finding("equal", impact, words, ", ".join(was), ", ".join(now))


def _where(equal: tuple[str, ...]) -> Words:
    return (" where ", *listed(equal), " agree" if len(equal) > 1 else " agrees") if equal else ()


def exemption_findings(old: Alert, new: Alert) -> Iterator[Finding]:
    """Checks that are switched off, for longer, or on again."""
    before, after = ({one.check: one for one in side.exemptions} for side in (old, new))
    for check in dict.fromkeys((*before, *after)):
        was, now = before.get(check), after.get(check)
        if now is None:
            yield Finding("disable", Impact.CHECK_ENABLED, ("check ", Typed(check), " is on again"), check, None)
        elif was is None:
            words: Words = ("check ", Typed(check), " is off until ", Typed(now.until), ": ", Typed(now.reason))
            yield Finding("disable", Impact.CHECK_DISABLED, words, None, check)
        elif was.until != now.until:
            words = ("check ", Typed(check), " is off until ", Typed(now.until), ", it was ", Typed(was.until))
            impact = Impact.CHECK_DISABLED if now.until > was.until else Impact.CHECK_ENABLED
            yield Finding("disable", impact, words, was.until, now.until)
        elif was.reason != now.reason:
            words = ("check ", Typed(check), " is off for another reason: ", Typed(now.reason))
            yield Finding("disable", Impact.TEXT, words, was.reason, now.reason)


def mutant_findings(old: Iterable[EquivalentMutant], new: Iterable[EquivalentMutant]) -> Iterator[Finding]:
    """Mutants that are said to mean the same as the original, so that no scenario has to tell them apart."""
    before, after = ({one.mutant: one.reason for one in side} for side in (old, new))
    for mutant in dict.fromkeys((*before, *after)):
        if mutant not in before:
            words: Words = ("mutant ", Typed(mutant), " is accepted without a scenario: ", Typed(after[mutant]))
            yield Finding("equivalent-mutant", Impact.MUTANT_ACCEPTED, words, None, mutant)
        elif mutant not in after:
            words = ("mutant ", Typed(mutant), " must be told by a scenario again")
            yield Finding("equivalent-mutant", Impact.MUTANT_WITHDRAWN, words, mutant, None)
