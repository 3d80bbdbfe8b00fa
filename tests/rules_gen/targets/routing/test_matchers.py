import re

from hypothesis import given
from hypothesis import strategies as st

from rules_gen.target_support.matchers import equals, one_of


def test_a_single_value_is_matched_without_a_pattern():
    assert one_of("severity", ["low"]) == 'severity="low"'
    assert one_of("severity", ["a.b"]) == 'severity="a.b"'


def test_names_stay_readable_in_a_pattern():
    assert one_of("severity", ["high", "SEV-2"]) == 'severity=~"high|SEV-2"'


def test_quotes_backslashes_and_line_breaks_are_escaped():
    assert equals("zone", 'a"b\\c\nd') == r'zone="a\"b\\c\nd"'


@given(st.lists(st.text(), min_size=2), st.text())
def test_a_pattern_matches_its_values_and_nothing_else(values, other):
    matcher = one_of("zone", values)
    quoted = matcher.removeprefix('zone=~"').removesuffix('"')
    pattern = re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], quoted, flags=re.DOTALL)

    assert "\n" not in quoted
    assert all(re.fullmatch(pattern, value) for value in values)
    assert (re.fullmatch(pattern, other) is not None) == (other in values)
