import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.dashboards.layout import COLUMNS, Box, flow

SIZES = st.lists(st.tuples(st.integers(1, COLUMNS), st.integers(1, 20)), max_size=40)


@given(SIZES, st.integers(0, 100))
def test_no_two_boxes_overlap_and_none_leaves_the_grid(sizes, top):
    boxes, bottom = flow(sizes, top)
    assert [(box.w, box.h) for box in boxes] == sizes
    taken = set()
    for box in boxes:
        assert top <= box.y
        assert box.y + box.h <= bottom
        assert box.x + box.w <= COLUMNS
        cells = {(x, y) for x in range(box.x, box.x + box.w) for y in range(box.y, box.y + box.h)}
        assert not cells & taken
        taken |= cells


def test_boxes_fill_a_line_before_the_next_begins_below_the_tallest():
    boxes, bottom = flow([(12, 8), (12, 4), (24, 3)], 5)
    assert boxes == (Box(0, 5, 12, 8), Box(12, 5, 12, 4), Box(0, 13, 24, 3))
    assert bottom == 16


def test_nothing_takes_no_room():
    assert flow([], 7) == ((), 7)


@pytest.mark.parametrize("size", [(25, 1), (0, 1), (1, 0)])
def test_a_box_that_fits_nowhere_is_refused(size):
    with pytest.raises(ValueError, match="has no place"):
        flow([size], 0)
