"""The mistakes that are made in an expression."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.mutation.edits import edits

CORPUS = Path(__file__).parents[1] / "promql" / "corpus" / "good.txt"
GOOD = [line for line in CORPUS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def made(text, family):
    return {edit.name: edit.apply(text) for edit in edits(text) if edit.operator == family}


@pytest.mark.parametrize(
    ("family", "text", "expected"),
    [
        ("comparison", "a > b", {"comparison: > to >=": "a >= b", "comparison: > to <": "a < b"}),
        ("comparison", "a == 0", {"comparison: == to !=": "a != 0"}),
        ("threshold", "a > 10", {"limit: > 10 to 9": "a > 9", "limit: > 10 to 11": "a > 11"}),
        ("threshold", "0.02 < a", {"limit: > 0.02 to 0.018": "0.018 < a", "limit: > 0.02 to 0.022": "0.022 < a"}),
        (
            "threshold",
            "a > 24 * 3600",
            {"limit: > 86400 to 81400": "a > 81400", "limit: > 86400 to 91400": "a > 91400"},
        ),
        ("threshold", "a > b", {}),
        ("bool", "a > bool 5", {"bool dropped after >": "a > 5"}),
        ("bool", "a > 5", {"bool added after >": "a > bool 5"}),
        (
            "matcher",
            'up{job="a", x!~"b"}',
            {
                "matcher dropped: job of up": 'up{x!~"b"}',
                "matcher negated: job of up": 'up{job!="a", x!~"b"}',
                "matcher dropped: x of up": 'up{job="a"}',
                "matcher negated: x of up": 'up{job="a", x=~"b"}',
            },
        ),
        (
            "grouping",
            "sum by (job, le) (a)",
            {
                "by: job dropped": "sum by (le) (a)",
                "by: le dropped": "sum by (job) (a)",
                "by to without (job, le)": "sum without (job, le) (a)",
            },
        ),
        ("range", "rate(a[5m])", {"range: 5m to 2m30s": "rate(a[2m30s])", "range: 5m to 10m": "rate(a[10m])"}),
        ("set", "a and b", {"set operator: and to or": "a or b", "set operator: and to unless": "a unless b"}),
        ("offset", "a offset 1h", {"offset: 1h dropped": "a", "offset: 1h to 2h": "a offset 2h"}),
        ("offset", "a offset -1h", {"offset: -1h dropped": "a", "offset: -1h to -2h": "a offset -2h"}),
        (
            "matcher",
            '{"a.b", job="c"}',
            {"matcher dropped: job": '{"a.b"}', "matcher negated: job": '{"a.b", job!="c"}'},
        ),
        (
            "matcher",
            '{job="c", "a.b"}',
            {"matcher dropped: job": '{"a.b"}', "matcher negated: job": '{job!="c", "a.b"}'},
        ),
        ("threshold", "a > -\t5", {"limit: > -5 to -6": "a > -6", "limit: > -5 to -4": "a > -4"}),
        ("arithmetic", "a + b", {"arithmetic: + to -": "a - b"}),
        ("arithmetic", "a and -b", {}),
        (
            "guard",
            "sum(a) or 0 * absent(a)",
            {"guard dropped: absent": "sum(a)", "guard undone: absent": "sum(a) or 0 * (a)"},
        ),
        ("guard", "absent(a) or b", {"guard dropped: absent": "b", "guard undone: absent": "(a) or b"}),
        ("guard", "absent_over_time(a[5m])", {"guard undone: absent_over_time": "present_over_time(a[5m])"}),
        ("guard", "a or (b and absent(c))", {"guard undone: absent": "a or (b and (c))"}),
        (
            "quantile",
            "histogram_quantile(0.95, a)",
            {
                "quantile: 0.95 to 0.9": "histogram_quantile(0.9, a)",
                "quantile: 0.95 to 0.975": "histogram_quantile(0.975, a)",
            },
        ),
    ],
)
def test_each_family_of_mistakes(family, text, expected):
    assert made(text, family) == expected


def test_a_quantile_may_be_calculated():
    assert made("histogram_quantile(95 / 100, a)", "quantile") == made("histogram_quantile(0.95, a)", "quantile")


def test_a_second_one_of_the_same_name_is_numbered():
    assert list(made("rate(a[5m]) / rate(b[5m])", "range")) == [
        "range: 5m to 2m30s",
        "range: 5m to 10m",
        "range: 5m to 2m30s #2",
        "range: 5m to 10m #2",
    ]


def test_comments_and_strings_are_left_alone():
    text = 'up{job="a > b and c"} == 0 # offset 1h, rate(x[5m])'
    assert {edit.operator for edit in edits(text)} == {"comparison", "threshold", "bool", "matcher"}
    assert all(edit.apply(text).endswith("# offset 1h, rate(x[5m])") for edit in edits(text))


@given(st.sampled_from(GOOD), st.sampled_from(GOOD))
def test_every_edit_changes_the_text_and_has_a_name_of_its_own(left, right):
    text = f"({left}\n) and ({right}\n)"
    found = edits(text)
    assert len({edit.name for edit in found}) == len(found)
    assert all(edit.apply(text) != text for edit in found)
