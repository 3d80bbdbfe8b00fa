"""The drawing: well-formed, the same each time, nothing outside of it. UPDATE_GOLDEN=1 writes the golden pictures."""

import hashlib
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules_gen.timelines.markup import WIDTH
from rules_gen.timelines.recording import FORMAT
from rules_gen.timelines.style import fitted, text_width
from rules_gen.timelines.svg import draw
from rules_gen.timelines.timeline import Band, Limit, Line, Panel, Span, Timeline
from rules_gen.timelines.words import text_alternative

GOLDEN = Path(__file__).parent / "golden"
MINUTE = 60_000
NAMESPACE = "{http://www.w3.org/2000/svg}"


def run(*values, start=0):
    return tuple(((start + index) * MINUTE, value) for index, value in enumerate(values))


GAUGE = Timeline(
    "HostDown",
    "fires for the one host",
    0,
    15 * MINUTE,
    (
        Panel(
            'up{job="node"}',
            "",
            (Line("web-1", (run(1, 1, 1, *[0] * 12),)), Line("web-2", (run(*[1] * 15),))),
            (Limit("==", 0, "equal to 0", ""),),
        ),
    ),
    (
        Band(
            "critical",
            (Span("pending", 3 * MINUTE, 5 * MINUTE), Span("firing", 5 * MINUTE, 15 * MINUTE)),
            (4 * MINUTE, 7 * MINUTE),
        ),
    ),
)
LADDER = Timeline(
    "ErrorRate",
    "climbs <both> rungs & more",
    6 * 60 * MINUTE,
    6 * 60 * MINUTE + 30 * MINUTE,
    (
        Panel(
            "the signal",
            "%",
            (Line("", (run(0, 0.02, 0.04, start=362), run(0.1, 0.1, 0.09, start=370))),),
            (Limit(">", 0.05, "above 5 %", "high"), Limit(">", 0.01, "above 1 %", "medium")),
            left_out=3,
        ),
    ),
    (Band("high", (), (365 * MINUTE,)), Band("medium", (Span("pending", 363 * MINUTE, 364 * MINUTE),), ())),
)
PARTS = Timeline(
    "Burn",
    "burns",
    0,
    60 * MINUTE,
    (
        Panel(
            "both of these",
            "%",
            (Line("rate1h", (run(*[n / 1000 for n in range(60)]),)), Line("rate5m", (run(*[0.03] * 60),))),
            (Limit(">", 0.0144, "above 1.44 %", "critical"),),
        ),
        Panel("no value", "ms", (), (Limit("<", 0.5, "below 500 ms", "high"),)),
    ),
    (Band("critical", (Span("firing", 15 * MINUTE, 60 * MINUTE),), (20 * MINUTE,)), Band("high", (), ())),
)


EXAMPLES = {"gauge": GAUGE, "ladder": LADDER, "parts": PARTS}


@pytest.mark.parametrize(("name", "timeline"), EXAMPLES.items())
def test_pictures_are_as_reviewed(name, timeline):
    path = GOLDEN / f"{name}.svg"
    drawn = draw(timeline)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(drawn, encoding="utf-8")
    assert drawn == path.read_text(encoding="utf-8")


def test_a_new_look_has_a_new_format():
    # Otherwise, pictures that were committed are recalled in their old look for ever.
    looks = hashlib.sha256("".join(map(draw, EXAMPLES.values())).encode()).hexdigest()[:16]
    path = GOLDEN / "format.txt"
    known, _, _ = path.read_text().partition(" ")
    if os.environ.get("UPDATE_GOLDEN") and known != FORMAT:
        path.write_text(f"{FORMAT} {looks}\n", encoding="utf-8")
    assert path.read_text() == f"{FORMAT} {looks}\n", "raise FORMAT in rules_gen/timelines/recording.py"


def test_the_text_alternative_tells_what_the_picture_shows():
    assert text_alternative(GAUGE) == (
        "Timeline from the start to 15 min. The alert is pending from 3 min to 5 min, firing from 5 min to the end. "
        'up{job="node"}: web-1 goes from 1 to 0; web-2 stays at 1; threshold equal to 0.'
    )
    assert text_alternative(LADDER) == (
        "Timeline from 6 h after the start to 6 h 30 min. High stays quiet. Medium is pending from 6 h 3 min to "
        "6 h 4 min. The signal goes from 0 % to 9 % (10 % at most), without a value at the end and in between, "
        "and 3 more series; thresholds above 5 % (high), above 1 % (medium)."
    )
    assert text_alternative(PARTS).endswith(
        "rate1h goes from 0 % to 5.9 %; rate5m stays at 3 %; threshold above 1.44 % (critical). "
        "no value has no value; threshold below 500 ms (high)."
    )


def test_series_that_do_the_same_are_told_together():
    lines = (*(Line(name, (run(0.5, 0.5),)) for name in ("a", "b", "")), Line("c", (run(0.5, 0.75),)))
    panel = Panel("all of these", "%", lines, (Limit(">", 0.9, "above 90 %", ""),))
    words = text_alternative(Timeline("A", "s", 0, MINUTE, (panel,), (Band("high", (), ()),)))
    assert words == (
        "Timeline from the start to 1 min. The alert stays quiet. "
        "a, b and the one without labels stay at 50 %; c goes from 50 % to 75 %; threshold above 90 %."
    )


def test_a_series_that_has_gone_is_said_to_have_gone():
    lines = (
        Line("a", (run(*[1] * 5),)),
        Line("b", (run(*[1] * 5, start=15),)),
        Line("c", (run(1, 1), run(*[1] * 10, start=10))),
        Line("d", (run(*[1] * 19, start=1),)),
    )
    words = text_alternative(Timeline("A", "s", 0, 20 * MINUTE, (Panel("up", "", lines, ()),), ()))
    assert words == (
        "Timeline from the start to 20 min. "
        "up: a stays at 1, without a value at the end; b stays at 1, without a value at first; "
        "c stays at 1, without a value in between; d stays at 1."
    )


def test_code_keeps_its_small_letters():
    panel = Panel("time() - boot_time", "", (Line("", (run(1, 1),)),), ())
    timeline = Timeline("A", "s", 0, MINUTE, (panel, panel._replace(caption="the signal")), ())
    assert text_alternative(timeline).endswith("time() - boot_time stays at 1. The signal stays at 1.")


def test_the_words_of_a_threshold_keep_away_from_the_line_of_another():
    limits = (Limit(">", 0.9, "above 90 %", "high"), Limit(">", 0.8, "above 80 %", "medium"))
    lines = (Line("a", (run(*[0.92] * 30),)), Line("b", (run(*[0.24] * 30),)))
    panel = Panel("the signal", "%", lines, limits)
    timeline = Timeline("A", "s", 0, 30 * MINUTE, (panel,), (Band("high", (), ()), Band("medium", (), ())))
    drawn = draw(timeline)
    lines = sorted(float(y) for y in re.findall(r'class="t" d="M[0-9.]+ ([0-9.]+)H', drawn))
    words = sorted(float(y) for y in re.findall(r'y="([0-9.]+)" class="w"', drawn))
    assert words[0] < lines[0] < lines[1] < words[1], "one above both, one below both"


def test_a_reader_without_eyes_is_given_a_title_and_the_words():
    root = ET.fromstring(draw(LADDER))
    assert root.get("role") == "img"
    assert root.find(f"{NAMESPACE}title").text == "ErrorRate: climbs <both> rungs & more"
    assert root.find(f"{NAMESPACE}desc").text == text_alternative(LADDER)
    assert root.get("aria-labelledby").split() == [
        root.find(f"{NAMESPACE}{tag}").get("id") for tag in ("title", "desc")
    ]


def test_states_are_told_by_words_and_hatching_as_well_as_by_colour():
    texts = [element.text for element in ET.fromstring(draw(GAUGE)).iter(f"{NAMESPACE}text")]
    assert {"P", "pending", "firing", "critical"} <= set(texts)
    assert 'fill="url(#h)"' in draw(GAUGE)
    assert "quiet" in draw(LADDER)


def test_nothing_is_loaded_and_nothing_runs():
    drawn = draw(PARTS)
    assert re.findall(r"https?://[^\"]*", drawn) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|<image|<use|<foreignObject|href|@import|\bon[a-z]+=", drawn)
    assert "prefers-color-scheme:dark" in drawn


TEXT = st.text(max_size=60) | st.sampled_from(
    ["</text><script>", "]]>", "&amp;", '"', "\x00\x1b", "\ud800", "\u202e", "world 世界 " * 9]
)
VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 5).map(float)
LIMITS = st.builds(Limit, st.sampled_from((">", ">=", "<", "<=", "==", "!=")), st.floats(), TEXT, TEXT)


@st.composite
def timelines(draw_from):
    start = draw_from(st.integers(0, 10**9))
    times = sorted(draw_from(st.sets(st.integers(start, start + 10**9), min_size=2, max_size=12)))
    first, last = times[0], times[-1]
    moments = st.sampled_from(times)
    runs = st.sets(moments, min_size=1).flatmap(
        lambda chosen: st.tuples(*(st.tuples(st.just(at), VALUES) for at in sorted(chosen)))
    )
    lines = st.builds(Line, TEXT, st.lists(runs, min_size=1, max_size=2).map(tuple))
    panels = st.builds(
        Panel,
        TEXT,
        st.sampled_from(("", "%", "ms", "m", "B", "GiB", "parsecs")),
        st.lists(lines, max_size=4).map(tuple),
        st.lists(LIMITS, max_size=3).map(tuple),
        st.integers(0, 1000),
    )
    spans = (
        st.tuples(moments, moments)
        .map(sorted)
        .flatmap(
            lambda pair: st.builds(Span, st.sampled_from(("pending", "firing")), st.just(pair[0]), st.just(pair[1]))
        )
    )
    bands = st.builds(
        Band,
        TEXT | st.sampled_from(("critical", "high")),
        st.lists(spans, max_size=4).map(tuple),
        st.lists(moments, max_size=3).map(tuple),
    )
    return Timeline(
        draw_from(TEXT),
        draw_from(TEXT),
        first,
        last,
        tuple(draw_from(st.lists(panels, max_size=4))),
        tuple(draw_from(st.lists(bands, max_size=4))),
    )


@settings(max_examples=150)
@given(timelines())
def test_whatever_is_drawn_is_well_formed_and_lies_within_the_picture(timeline):
    drawn = draw(timeline)
    assert drawn == draw(timeline)
    drawn.encode()
    root = ET.fromstring(drawn)
    width, height = map(float, root.get("viewBox").split()[2:])
    assert width == WIDTH
    tags = {element.tag.removeprefix(NAMESPACE) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "pattern", "rect", "path", "text"}
    for element in root.iter():
        if element.tag == f"{NAMESPACE}path" and (element.get("class") or "").startswith("l "):
            numbers = [float(number) for number in re.findall(r"-?[0-9.]+", element.get("d").partition("h")[0])]
            assert all(0 <= x <= width for x in numbers[::2])
            assert all(0 <= y <= height for y in numbers[1::2])
        if element.tag == f"{NAMESPACE}rect" and element.get("x"):
            x, y, wide, high = (float(element.get(name)) for name in ("x", "y", "width", "height"))
            assert x >= 0
            assert y >= 0
            assert x + wide <= width + 1.6
            assert y + high <= height + 0.1
        if element.tag == f"{NAMESPACE}text":
            x, long = float(element.get("x")), text_width(element.text or "")
            begin = x - {"end": long, "middle": long / 2}.get(element.get("text-anchor"), 0)
            assert begin >= -8, element.text
            assert begin + long <= width + 0.1, element.text


@given(st.text(max_size=80), st.floats(20, 400))
def test_a_text_that_is_cut_says_so(text, width):
    shown = fitted(text, width)
    assert text_width(shown) <= width or len(shown) <= 2
    assert shown == text or shown.endswith("…")
