"""Which labels an alert may get from what it evaluates: the others are put back in Python."""

import pytest

from rules_gen.mutation.renaming import words_outside_values


@pytest.mark.parametrize(
    ("expr", "word", "found"),
    [
        ('up{job="service-0"}', "service", False),
        ('up{job=~"team|service"} # by team', "team", False),
        ("sum by (service) (up)", "service", True),
        ('up{service="a"}', "service", True),
        ('label_replace(up, "team", "x", "", "")', "team", True),
        ('count_values("severity", up)', "severity", True),
        ('sum by ("service") (up)', "service", True),
        ("up * on (job) group_left (team) owner", "team", True),
        ('up{job="never closed', "job", True),
    ],
)
def test_values_of_matchers_are_no_labels(expr, word, found):
    assert (word in words_outside_values(expr)) is found
