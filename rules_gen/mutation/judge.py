"""Whether a scenario tells a mutant from its original, by what promtool says of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rules_gen.fixtures.judge import failed_severities, severities_asserted
from rules_gen.fixtures.layout import Case
from rules_gen.fixtures.output import Output, PrintedAlert
from rules_gen.model import State
from rules_gen.model.rules import Pairs
from rules_gen.mutation.batch import Batch, Played
from rules_gen.promql import parse_duration
from rules_gen.target import Recording


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What an alert does in a scenario: by the asserted time, its firing alerts, and the severities pending."""

    firing: Mapping[str, tuple[PrintedAlert, ...]] = field(default_factory=dict)
    pending: Mapping[str, frozenset[str]] = field(default_factory=dict)


def is_answered(batch: Batch, played: Played, output: Output) -> bool:
    """Whether promtool has answered all that it was asked of a trial; an answer of nothing isn't printed."""
    return not output.errors or all(question not in output.errors for question, _ in batch.questions(played))


def behaviour_in(batch: Batch, played: Played, position: int | None, output: Output) -> Behaviour:
    """What the trial's alert does with one of its mutants; a rule that the mutant doesn't touch is the original's."""
    numbers = dict.fromkeys(number for _, number in played.clones)
    names = [
        played.clones.get((position, number)) or played.clones[None, number]
        for number in numbers
        if (position, number) in played.clones or (None, number) in played.clones
    ]
    firing: dict[str, tuple[PrintedAlert, ...]] = {}
    pending: dict[str, frozenset[str]] = {}
    for at in played.trial.case.times:
        time_ms = parse_duration(at) or 0
        firing[at] = tuple(
            sorted(
                (labelled(labels, played.labels[name]), annotations)
                for name in names
                for labels, annotations in output.alerts.get((batch.entry, name, time_ms), ())
            )
        )
        pending[at] = frozenset(
            dict(labelled(sample.labels, played.labels[name])).get("severity", "")
            for sample in output.samples.get(batch.pending(played, at), ())
            if (name := dict(sample.labels).get("alertname", "")) in names
        )
    return Behaviour(firing, pending)


def labelled(labels: Pairs, fixed: Pairs) -> Pairs:
    """The labels with those that the rule sets, which win over those of the result."""
    return tuple(sorted({**dict(labels), **dict(fixed)}.items())) if fixed else labels


def has_same_values(played: Played, position: int, output: Output) -> bool:
    """Whether a mutant has the original's values at every asserted time, so that its message is the same too."""
    for (owner, number), name in played.clones.items():
        if owner != position or name not in played.values:
            continue
        if played.asks_in_vain:
            return False
        original = played.clones.get((None, number))
        for at in played.trial.case.times:
            if original is None or output.samples.get(played.value(name, at)) != output.samples.get(
                played.value(original, at)
            ):
                return False
    return True


def broken_assertion(case: Case, behaviour: Behaviour) -> str | None:
    """The first assertion of the scenario that doesn't hold, in words; None when all do."""
    for assertion in case.scenario.assertions:
        asserted = severities_asserted(assertion.severity, case.severities)
        seen = {(State.PENDING.value, severity) for severity in behaviour.pending.get(assertion.at, ())}
        firing = behaviour.firing.get(assertion.at, ())
        if failed_severities(assertion.state, asserted, firing, seen):
            return _claim(assertion.state, assertion.at, fires=bool(firing))
    return None


def _claim(state: State, at: str, *, fires: bool) -> str:
    if state is State.PENDING:
        return f"at {at} it isn't pending"
    if state is State.FIRING:
        return f"at {at} it doesn't fire"
    return f"at {at} it fires" if fires else f"at {at} it is pending"


def differs_from_recording(case: Case, original: Behaviour, recording: Recording) -> bool:
    """Whether the renamed original does anything else than what is recorded: then the harness is wrong.

    Only annotations that can differ are asked of a renamed alert, so only those are compared.
    """
    for at in case.times:
        expected = Counter((alert.labels, alert.annotations) for alert in recording.get(at, ()))
        asked = {name for _, annotations in original.firing.get(at, ()) for name, _ in annotations}
        if Counter((labels, _only(texts, asked)) for labels, texts in expected.elements()) != Counter(
            (tuple(sorted(labels)), _only(texts, asked)) for labels, texts in original.firing.get(at, ())
        ):
            return True
    return False


def _only(pairs: Pairs, names: set[str]) -> Pairs:
    return tuple(sorted(pair for pair in pairs if pair[0] in names))


def difference(case: Case, original: Behaviour, mutant: Behaviour) -> str | None:
    """What the scenario sees of the mutant that it doesn't see of the original; None when it sees nothing.

    That is what the fixture of the scenario asserts: the firing alerts with their labels and annotations, and the
    states that its author typed.
    """
    broken = broken_assertion(case, mutant)
    for at in case.times:
        was, now = original.firing[at], mutant.firing[at]
        if Counter(was) != Counter(now):
            return broken or _firing_difference(at, was, now)
    return broken


def _firing_difference(at: str, was: Sequence[PrintedAlert], now: Sequence[PrintedAlert]) -> str:
    if not now:
        return f"at {at} it doesn't fire"
    if not was:
        return f"at {at} it fires"
    if len(was) != len(now):
        return f"at {at} it fires for {len(now)} instead of {len(was)}"
    if Counter(labels for labels, _ in was) != Counter(labels for labels, _ in now):
        old, new = ({pair for labels, _ in alerts for pair in labels} for alerts in (was, now))
        changed = sorted({name for name, _ in old ^ new})
        # The same labels and values can be combined in another way.
        return f"at {at} it fires with other labels ({', '.join(changed) or 'combined otherwise'})"
    old, new = ({pair for _, texts in alerts for pair in texts} for alerts in (was, now))
    changed = sorted({name for name, _ in old ^ new})
    return f"at {at} its message is another ({', '.join(changed)})"
