"""The picture: panels with the signal, bands with the states, and the axis of time below both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rules_gen.timelines.markup import LEFT, WIDTH, number, plain, text
from rules_gen.timelines.plot import RIGHT, Plot, ticks_of
from rules_gen.timelines.scale import time_text, time_ticks, value_text
from rules_gen.timelines.style import STYLE, fitted, text_width
from rules_gen.timelines.timeline import Band, Span, Timeline
from rules_gen.timelines.words import text_alternative

_SHOWN_WIDTH = 480
"""Its width in pixels where there is room: 12 units are 16 pixels then."""
_PANEL_HEIGHTS = (0, 112, 66, 50, 50)
_BAND, _CHECKS = 18, 12
_HATCHING = (
    '<pattern id="h" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="p" width="7" height="7"/><path class="h" d="M0 0V7"/></pattern>'
)
_WIDEST_LEFT = 104.0


def draw(timeline: Timeline) -> str:
    """The picture as SVG. The same timeline gives the same text."""
    left = _left(timeline)
    length = max(1, timeline.end - timeline.start)

    def x(at: int) -> float:
        return left + (RIGHT - left) * (at - timeline.start) / length

    plots: list[Plot] = []
    y = 10.0
    for panel in timeline.panels:
        plots.append(Plot(panel, y, _height(timeline), left, x))
        y = plots[-1].bottom + 14
    bands_top = y
    body = [part for plot in plots for part in plot.draw()]
    for band in timeline.bands:
        body += _band(band, y, left, x)
        y += _BAND + (_CHECKS if band.asserted else 0) + 4
    axis = [(plot.top, plot.bottom) for plot in plots] + ([(bands_top, y - 4)] if timeline.bands else [])
    grid = list(_axis(timeline, axis, y, left, x))
    y += 22
    foot = list(_footer(timeline, y))
    y += 18 * (len(_rows(timeline)) if foot else 0)
    y += 3
    height = number(y)
    shown = number(y * _SHOWN_WIDTH / WIDTH)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{_SHOWN_WIDTH}" height="{shown}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="t d">',
        f'<title id="t">{plain(f"{timeline.alert}: {timeline.scenario}")}</title>',
        f'<desc id="d">{plain(text_alternative(timeline))}</desc>',
        f"<style>{STYLE}</style>",
        _HATCHING,
        f'<rect class="k" x=".5" y=".5" width="{WIDTH - 1}" height="{number(y - 1)}" rx="6"/>',
    ]
    return "\n".join((*parts, *grid, *body, *foot, "</svg>\n"))


def _height(timeline: Timeline) -> float:
    """How high each panel's axis is."""
    return _PANEL_HEIGHTS[min(len(timeline.panels), len(_PANEL_HEIGHTS) - 1)]


def _left(timeline: Timeline) -> float:
    """Where the axes begin: right of the longest label beside them."""
    labels = [band.severity for band in timeline.bands]
    for panel in timeline.panels:
        labels += [value_text(tick, panel.unit) for tick in ticks_of(panel, _height(timeline))]
    return min(_WIDEST_LEFT, max((text_width(label) for label in labels), default=20.0) + LEFT + 6)


def _band(band: Band, top: float, left: float, x: Callable[[int], float]) -> Iterator[str]:
    """The states at one severity, and a check for each time that somebody asserted."""
    yield text(left - 6, top + 13, fitted(band.severity, left - 8), "", "end")
    yield f'<rect class="q" x="{number(left)}" y="{number(top)}" width="{number(RIGHT - left)}" height="{_BAND}"/>'
    for span in band.spans:
        yield from _span(span, top, x)
    if not band.spans:
        yield text((left + RIGHT) / 2, top + 13, "quiet", "m", "middle")
    for at in band.asserted:
        yield f'<path class="c" d="M{number(x(at) - 4)} {number(top + _BAND + 6)}l3 3.5 5-6.5"/>'


def _span(span: Span, top: float, x: Callable[[int], float]) -> Iterator[str]:
    begin, width = x(span.start), max(1.5, x(span.end) - x(span.start))
    place = f'x="{number(begin)}" y="{number(top)}" width="{number(width)}" height="{_BAND}"'
    firing = span.state == "firing"
    if firing:
        yield f'<rect class="f" {place}/>'
    else:
        yield f'<rect fill="url(#h)" {place}/>'
        if width > 3:
            yield (
                f'<rect class="o" x="{number(begin + 0.5)}" y="{number(top + 0.5)}" width="{number(width - 1)}" '
                f'height="{_BAND - 1}"/>'
            )
    words = next((words for words in (span.state, span.state[0].upper()) if text_width(words) + 8 <= width), "")
    if words:
        yield text(begin + width / 2, top + 13, words, "fw" if firing else "pw", "middle")


def _axis(
    timeline: Timeline, areas: Sequence[tuple[float, float]], y: float, left: float, x: Callable[[int], float]
) -> Iterator[str]:
    yield f'<path class="x" d="M{number(left)} {number(y)}H{RIGHT}"/>'
    edge = 0.0
    for tick in time_ticks(timeline.start, timeline.end, RIGHT - left):
        place = x(tick)
        lines = "".join(f"M{number(place)} {number(top)}V{number(bottom)}" for top, bottom in areas)
        if lines:
            yield f'<path class="g" d="{lines}"/>'
        yield f'<path class="x" d="M{number(place)} {number(y)}v4"/>'
        words = time_text(tick)
        width = text_width(words)
        begin = min(max(place - width / 2, 4), WIDTH - 8 - width)
        if begin >= edge:
            yield text(begin + width / 2, y + 16, words, "m", "middle")
            edge = begin + width + 6


def _rows(timeline: Timeline) -> list[str]:
    rows = []
    if any(band.spans or band.asserted for band in timeline.bands):
        rows.append("legend")
    if timeline.start:
        rows.append(f"Drawn from {time_text(timeline.start)} after the start.")
    return rows


def _footer(timeline: Timeline, top: float) -> Iterator[str]:
    """What the bands and checks mean, and where a long scenario begins."""
    for index, row in enumerate(_rows(timeline)):
        baseline = top + 18 * index + 12
        if row != "legend":
            yield text(LEFT, baseline, row, "m", "")
            continue
        states = {span.state for band in timeline.bands for span in band.spans}
        x = float(LEFT)
        for state in ("pending", "firing"):
            if state not in states:
                continue
            fill = 'class="f"' if state == "firing" else 'fill="url(#h)"'
            yield f'<rect {fill} x="{number(x)}" y="{number(baseline - 10)}" width="16" height="12"/>'
            yield text(x + 21, baseline, state, "m", "")
            x += 21 + text_width(state) + 14
        if any(band.asserted for band in timeline.bands):
            yield f'<path class="c" d="M{number(x)} {number(baseline - 4)}l3 3.5 5-6.5"/>'
            yield text(x + 13, baseline, "asserted by the scenario", "m", "")
