"""The picture's text alternative: what it shows, in words."""

from __future__ import annotations

from collections.abc import Sequence

from rules_gen.timelines.scale import time_text, value_text
from rules_gen.timelines.timeline import Band, Line, Panel, Span, Timeline


def text_alternative(timeline: Timeline) -> str:
    """Everything that the picture tells, for those who don't see it."""
    span = "from the start" if timeline.start == 0 else f"from {time_text(timeline.start)} after the start"
    sentences = [f"Timeline {span} to {time_text(timeline.end)}."]
    sentences += [_band(band, timeline, alone=len(timeline.bands) == 1) for band in timeline.bands]
    for panel in timeline.panels:
        sentences.append(_panel(panel))
        sentences += _limits(panel)
    return " ".join(sentences)


def _band(band: Band, timeline: Timeline, *, alone: bool) -> str:
    who = "The alert" if alone else f"{band.severity.capitalize()}"
    if not band.spans:
        return f"{who} stays quiet."
    return f"{who} is {', '.join(_span(span, timeline) for span in band.spans)}."


def _span(span: Span, timeline: Timeline) -> str:
    start = "the start" if span.start == 0 else time_text(span.start)
    end = "the end" if span.end == timeline.end else time_text(span.end)
    return f"{span.state} from {start} to {end}"


def _panel(panel: Panel) -> str:
    # Any other caption may be a metric's name.
    caption = panel.caption[:1].upper() + panel.caption[1:] if " " in panel.caption else panel.caption
    if not panel.lines:
        return f"{caption} has no value."
    moves = [f"{line.label} {_move(line, panel.unit)}".strip() for line in panel.lines]
    more = f", and {panel.left_out} more series" if panel.left_out else ""
    if len(moves) == 1 and not panel.lines[0].label:
        return f"{caption} {moves[0]}{more}."
    return f"{caption}: {'; '.join(moves)}{more}."


def _move(line: Line, unit: str) -> str:
    points = [point for run in line.runs for point in run]
    values = [value for _, value in points]
    first, last, low, high = (value_text(value, unit) for value in (values[0], values[-1], min(values), max(values)))
    if low == high:
        return f"stays at {low}"
    text = f"begins and ends at {first}" if first == last else f"goes from {first} to {last}"
    outside = [words for words in (f"{low} at least", f"{high} at most") if words.split(" at ")[0] not in (first, last)]
    return f"{text} ({', '.join(outside)})" if outside else text


def _limits(panel: Panel) -> Sequence[str]:
    if not panel.limits:
        return ()
    words = [f"{limit.words}{f' ({limit.severity})' if limit.severity else ''}" for limit in panel.limits]
    return (f"The threshold{'' if len(words) == 1 else 's'}: {', '.join(words)}.",)
