"""The scenario that is proposed for a survivor, from what promtool says of the candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rules_gen.emit.yaml import emit_yaml
from rules_gen.fixtures.times import duration_text
from rules_gen.model import Assertion, Scenario, State
from rules_gen.model.rules import Pairs
from rules_gen.mutation.candidates import Candidate
from rules_gen.mutation.samples import read_samples
from rules_gen.mutation.score import Proposal

_MOST_TICKS = 240
"""Times that one candidate is looked at. A longer one is looked at every few evaluations."""

_KEYS = {State.PENDING: "pending_at", State.FIRING: "firing_at", State.QUIET: "quiet_at"}
_WORDS = {State.PENDING: "is pending", State.FIRING: "fires", State.QUIET: "is quiet"}
_VERBS = {State.PENDING: "is pending", State.FIRING: "fires", State.QUIET: "stays quiet"}


class Moment(NamedTuple):
    """What an alert does at a time: the labels of what fires, and the severities that are pending."""

    firing: tuple[Pairs, ...]
    pending: frozenset[str]

    def state(self, severity: str) -> State:
        """The state of one severity."""
        if any(dict(labels).get("severity", "") == severity for labels in self.firing):
            return State.FIRING
        return State.PENDING if severity in self.pending else State.QUIET


def ticks_ms(candidate: Candidate, tick_ms: int) -> tuple[int, ...]:
    """The times at which a candidate is looked at: until its samples end, or somewhat beyond what is asserted now."""
    scenario = candidate.base.scenario
    lengths = [len(values) for _, text in candidate.series if (values := read_samples(text))]
    samples = max(lengths, default=1) - 1
    asserted = max(assertion.at_ms for assertion in scenario.assertions)
    last = max(asserted, min(samples * scenario.interval_ms, asserted * 3))
    count = last // tick_ms
    stride = -(-count // _MOST_TICKS) if count > _MOST_TICKS else 1
    times = {number * tick_ms for number in range(0, count + 1, stride)}
    return tuple(sorted(times | {assertion.at_ms for assertion in scenario.assertions}))


def played(candidate: Candidate, times_ms: Sequence[int]) -> Scenario:
    """The candidate as a scenario that lasts until the last of these times."""
    last = times_ms[-1]
    base = candidate.base.scenario
    until = Assertion(State.QUIET, duration_text(last), last, None, base.place)
    return base._replace(series=candidate.series, assertions=(until,))


def telling_time(original: Mapping[int, Moment], mutant: Mapping[int, Moment], severities: Sequence[str]) -> int | None:
    """The time at which an assertion tells the two apart, in the middle of the longest stretch that does; None without.

    Far from both ends of a stretch it holds for each version of Prometheus: they differ by a sample at the edges of
    windows.
    """
    best: list[int] = []
    stretch: list[int] = []
    for time in sorted(original):
        if _tells(original[time], mutant.get(time, Moment((), frozenset())), severities):
            stretch.append(time)
        else:
            stretch = []
        if len(stretch) > len(best):
            best = stretch.copy()
    return best[len(best) // 2] if best else None


def _tells(original: Moment, mutant: Moment, severities: Sequence[str]) -> bool:
    if Counter(original.firing) != Counter(mutant.firing):
        return True
    for severity in severities:
        state = original.state(severity)
        if state is State.PENDING and severity not in mutant.pending:
            return True
        if state is State.QUIET and mutant.state(severity) is not State.QUIET:
            return True
    return False


def proposal(candidate: Candidate, at_ms: int, original: Moment, mutant: Moment) -> Proposal:
    """The candidate with its assertion, as YAML for `tests:`."""
    scenario = candidate.base.scenario
    severities = list(dict.fromkeys(candidate.base.severities))
    at = duration_text(at_ms)
    asserted: dict[str, object] = {}
    for state, key in _KEYS.items():
        mine = [severity for severity in severities if original.state(severity) is state]
        if mine and len(severities) == 1:
            asserted[key] = [at]
        elif mine:
            asserted[key] = {severity: [at] for severity in mine}
    sees = f"at {at} the original {_did(original, severities)} and the mutant {_did(mutant, severities)}"
    if not candidate.words:
        return Proposal(emit_yaml(asserted), sees, scenario.name)
    head: dict[str, object] = {"name": f"{_verb(original, severities)} {candidate.words}"}
    if scenario.environment is not None:
        head["environment"] = scenario.environment
    if scenario.interval != "1m":
        head["interval"] = scenario.interval
    return Proposal(emit_yaml([{**head, "series": dict(candidate.series), **asserted}]), sees)


def _verb(moment: Moment, severities: Sequence[str]) -> str:
    states = [moment.state(severity) for severity in severities]
    return _VERBS[next((state for state in (State.FIRING, State.PENDING) if state in states), State.QUIET)]


def _did(moment: Moment, severities: Sequence[str]) -> str:
    """What it does in words; of a ladder, each rung."""
    if len(severities) > 1:
        by_state: dict[State, list[str]] = {}
        for severity in severities:
            by_state.setdefault(moment.state(severity), []).append(severity)
        return ", ".join(f"{_WORDS[state]} as {' and '.join(mine)}" for state, mine in by_state.items())
    if len(moment.firing) > 1:
        return f"fires {len(moment.firing)} times"
    return _WORDS[moment.state(severities[0])]
