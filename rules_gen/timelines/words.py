"""The picture's text alternative: what it shows, in words."""

from __future__ import annotations

from collections.abc import Sequence

from rules_gen.timelines.scale import time_text, value_text
from rules_gen.timelines.timeline import OURS, TOGETHER, Band, Line, Panel, Span, Timeline

# Rates have no value before their second sample, and nobody wonders.
_MUCH = 0.1


def text_alternative(timeline: Timeline) -> str:
    """Everything that the picture tells, for those who don't see it."""
    span = "from the start" if timeline.start == 0 else f"from {time_text(timeline.start)} after the start"
    sentences = [f"Timeline {span} to {time_text(timeline.end)}."]
    sentences += [_band(band, timeline, alone=len(timeline.bands) == 1) for band in timeline.bands]
    sentences += [f"{_panel(panel, timeline)}{_limits(panel)}." for panel in timeline.panels]
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


def _panel(panel: Panel, timeline: Timeline) -> str:
    # Any other caption is code, in which a capital is another name.
    caption = panel.caption[0].upper() + panel.caption[1:] if panel.caption.startswith(OURS) else panel.caption
    if not panel.lines:
        return f"{caption} has no value"
    more = f", and {panel.left_out} more series" if panel.left_out else ""
    # Series that do the same are told together: it is read aloud.
    moves: dict[str, list[str]] = {}
    for line in panel.lines:
        moves.setdefault(_move(line, panel.unit) + _silence(line, timeline), []).append(
            line.label or "the one without labels"
        )
    if len(panel.lines) == 1 and not panel.lines[0].label:
        return f"{caption} {next(iter(moves))}{more}"
    told = [
        f"{_listed(labels)} {move if len(labels) == 1 else _plural(move)}".strip() for move, labels in moves.items()
    ]
    # What is compared together has no name but those of its parts.
    heading = "" if panel.caption in TOGETHER else f"{caption}: "
    return f"{heading}{'; '.join(told)}{more}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _plural(move: str) -> str:
    for one, several in (("stays", "stay"), ("goes", "go"), ("begins and ends", "begin and end")):
        if move.startswith(one):
            return several + move.removeprefix(one)
    return move


def _move(line: Line, unit: str) -> str:
    points = [point for run in line.runs for point in run]
    values = [value for _, value in points]
    first, last, low, high = (value_text(value, unit) for value in (values[0], values[-1], min(values), max(values)))
    if low == high:
        return f"stays at {low}"
    text = f"begins and ends at {first}" if first == last else f"goes from {first} to {last}"
    outside = [words for words in (f"{low} at least", f"{high} at most") if words.split(" at ")[0] not in (first, last)]
    return f"{text} ({', '.join(outside)})" if outside else text


def _silence(line: Line, timeline: Timeline) -> str:
    """Where a series has no value: that it has gone is often what the alert is about."""
    points = [at for run in line.runs for at, _ in run]
    much = (timeline.end - timeline.start) * _MUCH
    found = ["at first"] if points[0] - timeline.start > much else []
    found += ["at the end"] if timeline.end - points[-1] > much else []
    found += ["in between"] if len(line.runs) > 1 else []
    return f", without a value {' and '.join(found)}" if found else ""


def _limits(panel: Panel) -> str:
    if not panel.limits:
        return ""
    words = [f"{limit.words}{f' ({limit.severity})' if limit.severity else ''}" for limit in panel.limits]
    return f"; threshold{'' if len(words) == 1 else 's'} {', '.join(words)}"
