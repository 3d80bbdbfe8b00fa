"""What holds for any change."""

import functools
import random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.comparison import Impact, compare
from rules_gen.comparison.expressions import differences
from rules_gen.comparison.findings import RISKY
from rules_gen.promql.canonical import meaning
from rules_gen.source.documents import parse

MIRRORED = {
    "less-sensitive": "more-sensitive",
    "pages-fewer": "pages-more",
    "less-urgent": "more-urgent",
    "slower": "faster",
    "fewer-series": "more-series",
    "smoother": "noisier",
    "mutes-more": "mutes-less",
    "scenario-removed": "scenario-added",
    "scenario-weakened": "scenario-strengthened",
    "check-disabled": "check-enabled",
    "mutant-accepted": "mutant-withdrawn",
    "proof-weakened": "proof-strengthened",
    "removed": "added",
    "holds-longer": "holds-shorter",
}
MIRRORED |= {after: before for before, after in MIRRORED.items()}

MATCHERS = ['job="checkout"', 'code!="404"', 'path!~"/a|/b"', 'path!~"/a"']


@st.composite
def replacements(draw):
    """A few ways to write the alert that keep it correct."""
    matchers = [MATCHERS[0], *draw(st.lists(st.sampled_from(MATCHERS[1:]), unique=True))]
    selector = f"rate(errors_total{{{', '.join(matchers)}}}[{draw(st.sampled_from(['1m', '5m', '1h']))}])"
    thresholds = ["above 1", "above 5", "at least 5", "below 5", "equals 0", "not 3"]
    return [
        ('rate(errors_total{job="checkout"}[5m])', selector),
        ("above 5", draw(st.sampled_from(thresholds))),
        ("for: 5m", f"for: {draw(st.sampled_from(['0m', '1m', '5m', '60s']))}"),
        ("severity: high", f"severity: {draw(st.sampled_from(['critical', 'high', 'medium', 'low']))}"),
        ("by (job)", f"by ({draw(st.sampled_from(['job', 'job, code']))})"),
        ("[12m, 20m]", draw(st.sampled_from(["[12m]", "[12m, 20m]", "[20m]"]))),
        ("name: fires at ten", f"name: {draw(st.sampled_from(['fires at ten', 'fires']))}"),
    ]


def written(between, pairs):
    text = functools.reduce(lambda made, pair: made.replace(*pair), pairs, between.alert)
    return between.side({between.path: f"{between.head}alerts:\n{text}"})


@given(replacements())
def test_anything_compared_with_itself_is_empty(shared_between, pairs):
    assert compare(written(shared_between, pairs), written(shared_between, pairs)).is_empty


@given(replacements(), replacements())
def test_the_other_way_round_is_the_opposite(shared_between, one, other):
    old, new = written(shared_between, one), written(shared_between, other)
    there, back = compare(old, new), compare(new, old)
    # An alert that could be two others, and so was renamed in one direction, is in the other.
    impacts = [sorted(f.impact.value for change in side.alerts for f in change.findings) for side in (there, back)]
    assert impacts[0] == sorted(MIRRORED.get(impact, impact) for impact in impacts[1])


def library(root):
    return {str(path.relative_to(root)): path.read_text() for path in sorted((root / "alerts").rglob("*.yaml"))}


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_alerts_and_keys_means_nothing(between, library_root, seed):
    """Of alerts: recording rules are evaluated one after the other, and stay where they are."""
    chance = random.Random(seed)
    files = library(library_root)
    policy = files.pop("alerts/policy.yaml")

    def shuffled(text):
        data = parse("a.yaml", text).data
        if isinstance(data.get("alerts"), list):
            chance.shuffle(data["alerts"])
        keys = list(data)
        chance.shuffle(keys)
        return yaml.safe_dump({key: data[key] for key in keys}, sort_keys=False)

    changed = {path: text if "_" in path else shuffled(text) for path, text in files.items()}
    assert changed != files
    difference = between.files(files, changed, policies=(policy, policy))
    assert [(c.service, c.alert, [f.sentence for f in c.findings]) for c in difference.alerts] == []


NODES = st.recursive(
    st.sampled_from(["x", 'x{a="1"}', "rate(x[5m])", "y", "increase(y[1h])"]),
    lambda inner: st.one_of(
        st.builds("sum by (a) ({})".format, inner),
        st.builds("({}) > {}".format, inner, st.sampled_from(["1", "5", "-1"])),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or", "unless", "+", "/"]), inner),
    ),
    max_leaves=6,
)


@given(NODES, NODES)
def test_expressions_mirror_and_only_equal_ones_have_no_difference(old, new):
    there, back = (differences(meaning(a), meaning(b)) for a, b in ((old, new), (new, old)))
    assert (there is None) == (back is None)
    assert (there == ()) == (meaning(old) == meaning(new))
    if there is not None:
        impacts = {part.impact.value for part in there}
        assert impacts == {MIRRORED.get(part.impact.value, part.impact.value) for part in back}


def test_whatever_weakens_is_risky_and_its_opposite_is_not():
    for impact in ("less-sensitive", "pages-fewer", "less-urgent", "slower", "fewer-series", "smoother", "mutes-more"):
        assert Impact(impact) in RISKY
        assert Impact(MIRRORED[impact]) not in RISKY
    for impact in ("scenario-removed", "scenario-weakened", "check-disabled", "mutant-accepted", "proof-weakened"):
        assert Impact(impact) in RISKY
        assert Impact(MIRRORED[impact]) not in RISKY
    assert {Impact.REMOVED, Impact.CONDITION, Impact.OTHER_SERIES, Impact.DESTRUCTIVE, Impact.NOBODY_TOLD} <= RISKY
