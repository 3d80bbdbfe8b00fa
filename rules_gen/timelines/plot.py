"""One panel of a picture: axis, threshold and series."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from rules_gen.timelines.markup import LEFT, WIDTH, number, text
from rules_gen.timelines.scale import tame, value_text, value_ticks
from rules_gen.timelines.style import fitted, text_width
from rules_gen.timelines.timeline import Limit, Line, Panel

RIGHT = WIDTH - 12
_ROW = 16
_LABEL_HEIGHT = 14.0
_HIGH = 80
_BEYOND = 0.15
_ABOVE, _BELOW = (">", ">="), ("<", "<=")

Place = tuple[float, float]


class Plot:
    """A panel with its place: `top` is where its caption begins, `height` that of the axis, `x` places times."""

    def __init__(self, panel: Panel, top: float, height: float, left: float, x: Callable[[int], float]) -> None:
        self._panel, self._left, self._x = panel, left, x
        # In a low panel words would cover the curve, so they stand above it where there is room.
        words = _limit_words(panel.limits[0]) if len(panel.limits) == 1 and height < _HIGH else ""
        self._heading = words if text_width(words) + text_width(panel.caption) + 16 <= RIGHT - LEFT else ""
        self._captions = list(self._legend())
        self.top = top + _ROW * len(self._captions) + 8
        self.bottom = self.top + height
        self._start = top
        self._ticks = ticks_of(panel, height)

    def draw(self) -> Iterator[str]:
        """Its elements, from the back to the front."""
        panel = self._panel
        for tick in self._ticks:
            y = self._y(tick)
            yield f'<path class="g" d="M{number(self._left)} {number(y)}H{RIGHT}"/>'
            yield text(self._left - 6, y + 4, value_text(tick, panel.unit), "m", "end")
        limits = [limit for limit in panel.limits if math.isfinite(limit.value)]
        for limit in limits:
            yield from self._side(limit)
        curves = [[[(self._x(at), self._y(value)) for at, value in run] for run in line.runs] for line in panel.lines]
        for index, runs in enumerate(curves):
            for run in runs:
                yield _curve(run, index)
        if self._heading:
            yield text(RIGHT, self._start + 12, self._heading, "w", "end")
        else:
            yield from self._words(limits, [place for runs in curves for run in runs for place in run])
        if not panel.lines:
            yield text(
                (self._left + RIGHT) / 2, (self.top + self.bottom) / 2 + 4, "no value in this scenario", "m", "middle"
            )
        for row, parts in enumerate(self._captions):
            baseline = self._start + _ROW * row + 12
            for x, index, words in parts:
                if index >= 0:
                    yield f'<path class="l l{index}" d="M{number(x)} {number(baseline - 4)}h20"/>'
                    yield text(x + 26, baseline, words, "", "")
                else:
                    yield text(x, baseline, words, "m", "")

    def _y(self, value: float) -> float:
        low, high = self._ticks[0], self._ticks[-1]
        share = (tame(value) - low) / (high - low)
        return self.bottom - share * (self.bottom - self.top)

    def _side(self, limit: Limit) -> Iterator[str]:
        """The threshold, with the side shaded on which the alert fires."""
        y = self._y(limit.value)
        top, bottom = y, y
        if limit.operator in _ABOVE:
            top = self.top
        elif limit.operator in _BELOW:
            bottom = self.bottom
        elif limit.operator == "==":
            top, bottom = max(self.top, y - 4), min(self.bottom, y + 4)
        width = RIGHT - self._left
        if bottom > top:
            yield (
                f'<rect class="b" x="{number(self._left)}" y="{number(top)}" width="{number(width)}" '
                f'height="{number(bottom - top)}"/>'
            )
        yield f'<path class="t" d="M{number(self._left)} {number(y)}H{RIGHT}"/>'

    def _words(self, limits: Sequence[Limit], curve: Sequence[Place]) -> Iterator[str]:
        """What the thresholds are, beside their lines where the least of the curve is and no other words are."""
        placed: list[tuple[float, float, float]] = []
        for limit in sorted(limits, key=lambda limit: -limit.value):
            words = fitted(_limit_words(limit), RIGHT - self._left - 12)
            width = text_width(words)
            line = self._y(limit.value)
            spots = [
                (baseline, x)
                for baseline in (line - 5, line + 14)
                for x in (RIGHT - 4 - width, self._left + 5, (self._left + RIGHT - width) / 2)
                if self.top + 8 <= baseline <= self.bottom - 2
                and not any(
                    abs(baseline - other) < _LABEL_HEIGHT and x < end + 6 and x + width > begin - 6
                    for other, begin, end in placed
                )
            ]
            if spots:
                others = [self._y(other.value) for other in limits if other is not limit]
                baseline, x = min(spots, key=lambda spot: _covered(curve, spot, width) + _struck(others, spot, width))
                placed.append((baseline, x, x + width))
                # Text is rarely as wide as it is taken to be; the side that counts is the one near the edge.
                at_the_edge = x + width > RIGHT - 8
                yield text(RIGHT - 4 if at_the_edge else x, baseline, words, "w", "end" if at_the_edge else "")

    def _legend(self) -> Iterator[list[tuple[float, int, str]]]:
        """Rows of (x, number of the line or -1 for words alone, words)."""
        panel = self._panel
        yield [(LEFT, -1, fitted(panel.caption, RIGHT - LEFT))]
        row: list[tuple[float, int, str]] = []
        x = float(LEFT)
        items: list[tuple[int, str]] = []
        if len(panel.lines) > 1 or panel.left_out:
            items = [(index, _label(line)) for index, line in enumerate(panel.lines)]
        if panel.left_out:
            items.append((-1, f"and {panel.left_out} more"))
        for index, words in items:
            shown = fitted(words, RIGHT - LEFT - 26)
            width = text_width(shown) + (26 if index >= 0 else 0)
            if row and x + width > RIGHT:
                yield row
                row, x = [], float(LEFT)
            row.append((x, index, shown))
            x += width + 12
        if row:
            yield row


def ticks_of(panel: Panel, height: float) -> tuple[float, ...]:
    """The round values beside a panel's axis, which ends at the first and the last."""
    values = [tame(value) for line in panel.lines for run in line.runs for _, value in run]
    limits = [limit for limit in panel.limits if math.isfinite(limit.value)]
    values += [tame(limit.value) for limit in limits]
    low, high = min(values, default=0.0), max(values, default=1.0)
    # Without room beyond a threshold, it would not be seen on which side of it the alert fires.
    room = (high - low) * _BEYOND
    for limit in limits:
        value = tame(limit.value)
        if limit.operator in _ABOVE and high - value < room / 2:
            values.append(value + room)
        elif limit.operator in _BELOW and value - low < room / 2:
            values.append(value - room if low < 0 else max(0.0, value - room))
    return value_ticks(values, panel.unit, 4 if height >= _HIGH else 3)


def _limit_words(limit: Limit) -> str:
    return f"{limit.severity}: {limit.words}" if limit.severity else limit.words


def _label(line: Line) -> str:
    return line.label or "without labels"


def _struck(lines: Sequence[float], spot: Place, width: float) -> float:
    """How much of other thresholds' lines would go through a text, which could be taken for theirs then."""
    return 2 * width * sum(spot[0] - 12 <= line <= spot[0] + 4 for line in lines)


def _covered(curve: Sequence[Place], spot: Place, width: float) -> float:
    """How much of the curve a text at this place (baseline, left) would hide."""
    baseline, left = spot
    hidden = 0.0
    for (x, y), (next_x, next_y) in zip(curve, [*curve[1:], *curve[-1:]], strict=True):
        if max(x, next_x) < left or min(x, next_x) > left + width or next_x < x:
            continue
        if max(y, next_y) >= baseline - 12 and min(y, next_y) <= baseline + 4:
            hidden += min(next_x, left + width) - max(x, left) + 1
    return hidden


def _curve(run: Sequence[Place], index: int) -> str:
    """One piece of a series. Points on a straight line between their neighbours are left out."""
    kept: list[Place] = []
    for position, place in enumerate(run):
        inside = 0 < position < len(run) - 1
        if inside and _is_between(kept[-1], place, run[position + 1]):
            continue
        kept.append(place)
    if len(kept) == 1:
        x, y = kept[0]
        return f'<path class="l l{index}" d="M{number(x - 1)} {number(y)}h2"/>'
    points = " ".join(f"{number(x)} {number(y)}" for x, y in kept)
    return f'<path class="l l{index}" d="M{points}"/>'


def _is_between(left: Place, place: Place, right: Place) -> bool:
    if right[0] == left[0]:
        return False
    expected = left[1] + (right[1] - left[1]) * (place[0] - left[0]) / (right[0] - left[0])
    return abs(expected - place[1]) < 0.05
