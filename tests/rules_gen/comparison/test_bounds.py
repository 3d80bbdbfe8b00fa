"""Which of two comparisons lets more through, held against the values themselves."""

import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.comparison.bounds import Reach, reach

OPERATORS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
NUMBERS = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.05, 0.1, 1.0, 5.0, 5e-324, 1e308, math.inf])
BOUNDS = st.tuples(st.sampled_from(sorted(OPERATORS)), NUMBERS)
PROBES = [-math.inf, -2.0, -1.0, -0.5, 0.0, 5e-324, 0.05, 0.07, 0.1, 0.5, 1.0, 3.0, 5.0, 9.0, 1e308, math.inf]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ((">", 5.0), (">", 10.0), Reach.LESS),
        (("<", 5.0), ("<", 10.0), Reach.MORE),
        ((">", 5.0), (">=", 5.0), Reach.MORE),
        (("==", 0.0), ("<", 1.0), Reach.MORE),
        (("!=", 0.0), (">", 0.0), Reach.LESS),
        ((">", 5.0), ("<", 5.0), Reach.NEITHER),
        (("==", 1.0), ("==", 2.0), Reach.NEITHER),
        ((">", math.nan), (">", 1.0), Reach.NEITHER),
        ((">", math.nan), (">", math.nan), Reach.SAME),
    ],
)
def test_known_pairs(old, new, expected):
    assert reach(old, new) is expected


@given(BOUNDS, BOUNDS)
def test_a_verdict_holds_for_every_value(old, new):
    found = reach(old, new)
    before, after = ({value for value in PROBES if OPERATORS[op](value, bound)} for op, bound in (old, new))
    if found is Reach.SAME:
        assert before == after
    elif found is Reach.LESS:
        assert after <= before
    elif found is Reach.MORE:
        assert before <= after


@given(BOUNDS, BOUNDS)
def test_the_other_way_round_is_the_opposite(old, new):
    mirrored = {Reach.LESS: Reach.MORE, Reach.MORE: Reach.LESS, Reach.SAME: Reach.SAME, Reach.NEITHER: Reach.NEITHER}
    assert reach(new, old) is mirrored[reach(old, new)]
