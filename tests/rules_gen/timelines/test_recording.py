from hypothesis import given
from hypothesis import strategies as st

from rules_gen.output_tree import MARKER
from rules_gen.timelines.recording import description, picture_file, recalled

DRAWING = '<svg>\n<desc id="d">It is &lt;5 &amp; quiet.</desc>\n</svg>\n'
SOURCE = "alerts/payments/checkout.yaml"


def test_what_was_drawn_is_recalled_by_its_key():
    file = picture_file(SOURCE, "abc1", DRAWING)
    assert recalled(file, "abc1") == DRAWING
    assert recalled(file, "abc2") is None


def test_the_first_line_says_that_it_was_generated():
    assert MARKER in picture_file(SOURCE, "abc1", DRAWING).partition(b"\n")[0]


def test_a_source_with_dashes_makes_no_broken_comment():
    header = picture_file("alerts/a--b/c---d.yaml", "abc1", DRAWING).split(b"\n")[0]
    assert b"--" not in header.removeprefix(b"<!--").removesuffix(b"-->")


@given(st.data())
def test_a_drawing_that_was_edited_is_not_recalled(data):
    file = picture_file(SOURCE, "abc1", DRAWING)
    start = file.index(b"<svg>")
    at = data.draw(st.integers(start, len(file) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != file[at]))
    assert recalled(file[:at] + bytes([byte]) + file[at + 1 :], "abc1") is None
    assert recalled(file[:at], "abc1") is None


@given(st.binary(max_size=200))
def test_a_file_that_is_something_else_is_not_recalled(content):
    assert recalled(content, "abc1") is None


def test_the_description_is_read_back_as_text():
    assert description(DRAWING) == "It is <5 & quiet."
    assert description("<svg></svg>") == ""
