"""What promtool is asked about a scenario, and what its answers show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rules_gen.fixtures.series import parse_series
from rules_gen.fixtures.times import duration_text
from rules_gen.model import SEVERITIES, Scenario
from rules_gen.model.rules import Pairs
from rules_gen.target import Answers
from rules_gen.timelines.curves import MOST_LINES, Curve
from rules_gen.timelines.timeline import Band, Line, Panel, Point, Span, Timeline
from rules_gen.timelines.window import Window

_STATES = ("firing", "pending")
"""The stronger first: a band shows it where several series of one severity differ."""


class _Series(NamedTuple):
    """A result of a curve's expression: the expression's number and name, and the labels."""

    number: int
    name: str
    labels: Pairs


class Shoot(NamedTuple):
    """A scenario that is to be drawn. `key` is unlike that of any other scenario with other answers."""

    key: str
    scenario: Scenario
    severities: tuple[str, ...]
    window: Window
    curves: tuple[Curve, ...]

    def questions(self) -> Iterator[tuple[str, str]]:
        """Expressions, each unlike all others, and the times at which they are to be evaluated."""
        for at in self.window.states:
            yield self._state(at), duration_text(at)
        for at in self.window.samples:
            for expression in self._expressions():
                yield self._value(expression, at), duration_text(at)

    def timeline(self, answers: Answers) -> Timeline:
        """What the answers show."""
        states = [(at, [dict(labels) for labels, _ in answers.get(self._state(at), ())]) for at in self.window.states]
        awake = [labels for _, found in states for labels in found]
        return Timeline(
            self.scenario.alert,
            self.scenario.name,
            self.window.start,
            self.window.end,
            tuple(p for curve in self.curves if (p := self._panel(curve, answers, awake)).lines or p.limits),
            tuple(self._band(severity, states) for severity in sorted(set(self.severities), key=_badness)),
        )

    def _expressions(self) -> list[str]:
        return list(dict.fromkeys(expression for curve in self.curves for expression, _ in curve.expressions))

    def _state(self, at: int) -> str:
        return f'ALERTS{{alertname="{self.scenario.alert}"}} # {self.key} {at}'

    def _value(self, expression: str, at: int) -> str:
        return f"{expression}\n# {self.key} {at}"

    def _panel(self, curve: Curve, answers: Answers, awake: Sequence[Mapping[str, str]]) -> Panel:
        points: dict[_Series, list[Point]] = {}
        for number, (expression, name) in enumerate(curve.expressions):
            only = parse_series(expression) if curve.single else None
            for at in self.window.samples:
                for labels, text in answers.get(self._value(expression, at), ()):
                    value = _number(text)
                    # A series of one scenario can be a part of another's that shares the entry.
                    if math.isfinite(value) and (only is None or dict(labels) == only):
                        points.setdefault(_Series(number, name, labels), []).append((at, value))
        order = sorted(points, key=lambda series: (not _is_awake(series.labels, awake), series))
        shown = sorted(order[:MOST_LINES])
        names = _names(shown)
        lines = tuple(Line(names[series], self._runs(points[series])) for series in shown)
        return Panel(curve.caption, curve.unit, lines, curve.limits, curve.left_out + len(order) - len(shown))

    def _runs(self, points: Sequence[Point]) -> tuple[tuple[Point, ...], ...]:
        """The points in pieces: where nothing was found at a time that was asked for, the line has a gap."""
        place = {at: index for index, at in enumerate(self.window.samples)}
        runs: list[list[Point]] = []
        for point in points:
            if runs and place[runs[-1][-1][0]] + 1 == place[point[0]]:
                runs[-1].append(point)
            else:
                runs.append([point])
        return tuple(tuple(run) for run in runs)

    def _band(self, severity: str, states: Sequence[tuple[int, Sequence[Mapping[str, str]]]]) -> Band:
        spans: list[Span] = []
        current, since = "", self.window.start
        for at, found in [*states, (self.window.end, [])]:
            seen = {labels.get("alertstate") for labels in found if labels.get("severity") == severity}
            state = next((state for state in _STATES if state in seen), "")
            if at == self.window.end or state != current:
                if current and at > since:
                    spans.append(Span(current, since, at))
                current, since = state, at
        asserted = sorted({a.at_ms for a in self.scenario.assertions if a.severity in (None, severity)})
        return Band(severity, tuple(spans), tuple(asserted))


def _badness(severity: str) -> tuple[int, str]:
    return (SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES), severity)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # A histogram.
        return math.nan


def _is_awake(labels: Pairs, awake: Sequence[Mapping[str, str]]) -> bool:
    """Whether the alert was pending or firing for this series: it carries the series' labels."""
    own = [pair for pair in labels if pair[0] != "__name__"]
    return any(all(found.get(name) == value for name, value in own) for found in awake)


def _names(several: Sequence[_Series]) -> dict[_Series, str]:
    """What sets each of these series apart from the others: its expression, its labels."""
    expressions = {series.name for series in several}
    pairs = {series: [pair for pair in series.labels if pair[0] != "__name__"] for series in several}
    shared = set.intersection(*map(set, pairs.values())) if pairs else set()
    own = {series: [pair for pair in pairs[series] if pair not in shared] for series in several}
    # Values say enough where all have the same labels, and a phone is narrow.
    alike = len({tuple(name for name, _ in found) for found in own.values()}) == 1
    names: dict[_Series, str] = {}
    for series in several:
        words = [series.name] if len(expressions) > 1 else []
        names[series] = ", ".join(words + [value if alike else f"{name}={value}" for name, value in own[series]])
    return names
