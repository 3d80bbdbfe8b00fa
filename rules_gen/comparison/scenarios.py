"""What has changed of an alert's scenarios: what is shown no longer, and what is new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from rules_gen.comparison.findings import Finding, Impact, Typed, Words
from rules_gen.model import Alert, Assertion, Scenario

Picture = Callable[[Scenario], "str | None"]
"""The path of a scenario's picture in the repository, None where there is none."""

_Asserted = tuple[str | None, str, str | None, int]
"""Environment, state, rung and time."""

_Named = dict[str, tuple[Scenario, ...]]


def scenario_findings(old: Alert, new: Alert, picture: Picture) -> Iterator[Finding]:
    """What became of each scenario. One of several environments is one scenario here."""
    # In an environment that one side doesn't watch there is nothing to show; that it came or went is told elsewhere.
    both = {rule.environment for rule in old.rules} & {rule.environment for rule in new.rules}
    if both:
        before, after = (_by_name(one for one in alert.scenarios if one.environment in both) for alert in (old, new))
    else:
        # All have other names now, or none: what is shown is what counts.
        before, after = (_by_name(one._replace(environment=None) for one in alert.scenarios) for alert in (old, new))
    gone = [name for name in before if name not in after]
    come = [name for name in after if name not in before]
    for name in list(gone):
        same = next((other for other in come if _content(before[name]) == _content(after[other])), None)
        if same is not None:
            gone.remove(name)
            come.remove(same)
            words: Words = ("scenario renamed: ", *_quoted(name), " -> ", *_quoted(same))
            yield Finding("scenario", Impact.SCENARIO_RENAMED, words, name, same)
    for name in gone:
        words = ("scenario removed: ", *_quoted(name), *_shows(before[name]))
        yield Finding("scenario", Impact.SCENARIO_REMOVED, words, name, None)
    for name in come:
        words = ("scenario added: ", *_quoted(name), *_shows(after[name]))
        yield Finding("scenario", Impact.SCENARIO_ADDED, words, None, name, link=picture(after[name][0]))
    for name, scenarios in before.items():
        if name in after:
            yield from _changed(name, scenarios, after[name], picture)


def _by_name(scenarios: Iterable[Scenario]) -> _Named:
    named: defaultdict[str, list[Scenario]] = defaultdict(list)
    for scenario in scenarios:
        named[scenario.name].append(scenario)
    return {name: tuple(found) for name, found in named.items()}


def _series(scenarios: Iterable[Scenario]) -> object:
    return {(one.environment, one.interval_ms, tuple(sorted(one.series))) for one in scenarios}


def _asserted(scenarios: Iterable[Scenario]) -> frozenset[_Asserted]:
    return frozenset(
        (one.environment, str(each.state), each.severity, each.at_ms) for one in scenarios for each in one.assertions
    )


def _content(scenarios: Iterable[Scenario]) -> object:
    return _series(scenarios), _asserted(scenarios)


def _quoted(name: str) -> Words:
    return ('"', Typed(name), '"')


def _shows(scenarios: Sequence[Scenario]) -> Words:
    states = dict.fromkeys(str(each.state) for each in scenarios[0].assertions)
    return (f" ({', '.join(states)})",) if states else ()


def _changed(name: str, old: Sequence[Scenario], new: Sequence[Scenario], picture: Picture) -> Iterator[Finding]:
    before, after = _asserted(old), _asserted(new)
    link = picture(new[0])
    lost, won = before - after, after - before
    if lost or won:
        impact, word = _judged(before, after)
        words: Words = (f"scenario {word}: ", *_quoted(name), *_assertions(old, new))
        yield Finding("scenario", impact, words, _line(old), _line(new), link=link)
    if _series(old) != _series(new):
        words = ("scenario ", *_quoted(name), ": its series changed")
        yield Finding("scenario", Impact.SCENARIO_CHANGED, words, _input(old), _input(new), is_code=True, link=link)


def _judged(
    before: frozenset[_Asserted],
    after: frozenset[_Asserted],
) -> tuple[Impact, str]:
    counts: dict[tuple[str | None, str, str | None], list[int]] = {}
    for one in before | after:
        counts.setdefault(one[:3], [0, 0])
    for side, asserted in enumerate((before, after)):
        for one in asserted:
            counts[one[:3]][side] += 1
    if any(was > now for was, now in counts.values()):
        return Impact.SCENARIO_WEAKENED, "weakened"
    if any(now > was for was, now in counts.values()):
        return Impact.SCENARIO_STRENGTHENED, "strengthened"
    return Impact.SCENARIO_CHANGED, "changed"


def _assertions(old: Sequence[Scenario], new: Sequence[Scenario]) -> Words:
    """What it no longer asserts, and what it does now."""
    before, after = ({_assertion(each): None for one in side for each in one.assertions} for side in (old, new))
    words: list[str | Typed] = []
    for verb, these, others in (("no longer ", before, after), ("now ", after, before)):
        left = [text for text in these if text not in others]
        if left:
            words += ["; " if words else ", ", verb, Typed(", ".join(left))]
    return tuple(words)


def _assertion(assertion: Assertion) -> str:
    rung = f" ({assertion.severity})" if assertion.severity else ""
    return f"{assertion.state} at {assertion.at}{rung}"


def _line(scenarios: Sequence[Scenario]) -> str | None:
    return ", ".join(dict.fromkeys(_assertion(each) for one in scenarios for each in one.assertions)) or None


def _input(scenarios: Sequence[Scenario]) -> str:
    one = scenarios[0]
    return "\n".join([f"every {one.interval}", *(f"{series}: {samples}" for series, samples in one.series)])
