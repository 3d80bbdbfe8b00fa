"""A direction that is claimed holds: the conditions are evaluated, over series made by chance."""

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules_gen.comparison.expressions import differences
from rules_gen.promql.canonical import meaning

LABELS = ("a", "b")
SELECTORS = [f"{name}{matchers}" for name in "xy" for matchers in ("", '{a="1"}', '{a=~"1|2"}', '{b!="1"}')]
COMPARE = {
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}
CALCULATE = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
}
AGGREGATE = {
    "sum": sum,
    "max": max,
    "min": min,
    "count": len,
    "avg": lambda values: sum(values) / len(values),
}


def database(chance):
    """Some of all possible series, with small values that meet the thresholds often."""
    every = [tuple(zip(LABELS, values, strict=True)) for values in product("123", repeat=2)]
    return {name: {key: chance.randint(-2, 4) for key in every if chance.random() < 0.6} for name in "xy"}


def evaluated(node, series):
    """A vector as {labels: value}, or a number."""
    match node.kind:
        case "number":
            return node.number
        case "select":
            return {key: value for key, value in series[node.head[0]].items() if all(map(matcher(key), node.head[1]))}
        case "range":
            return evaluated(node.parts[0], series)
        case "call":
            inner = evaluated(node.parts[0], series)
            if node.head[0].startswith("absent"):
                known = () if node.parts[0].kind != "select" else node.parts[0].head[1]
                return {} if inner else {tuple((name, value) for name, how, value in known if how == "="): 1}
            return {key: abs(value) for key, value in inner.items()}
        case "aggregate":
            groups = {}
            for key, value in evaluated(node.parts[0], series).items():
                groups.setdefault(tuple(pair for pair in key if pair[0] in node.head[2]), []).append(value)
            return {key: AGGREGATE[node.head[0]](values) for key, values in groups.items()}
        case _:
            return combined(node, *(evaluated(part, series) for part in node.parts))


def matcher(key):
    def holds(found):
        name, operator, value = found
        return (dict(key)[name] in value.split("|")) == (operator in ("=", "=~"))

    return holds


def combined(node, left, right):
    operator, _, kind, labels = node.head[:4]

    def joined(key):
        return tuple(pair for pair in key if (pair[0] in labels) == (kind == "on"))

    if operator in ("and", "or", "unless"):
        here, there = ({joined(key) for key in side} for side in (left, right))
        if operator == "or":
            return left | {key: value for key, value in right.items() if joined(key) not in here}
        return {key: value for key, value in left.items() if (joined(key) in there) == (operator == "and")}
    if isinstance(left, dict) and isinstance(right, dict):
        both = {key: (left[key], right[key]) for key in left if key in right}
    elif isinstance(left, dict):
        both = {key: (value, right) for key, value in left.items()}
    else:
        both = {key: (left, value) for key, value in right.items()}
    if operator in COMPARE:
        return {key: pair[0] for key, pair in both.items() if COMPARE[operator](*pair)}
    return {key: CALCULATE[operator](*pair) for key, pair in both.items()}


def vectors(inner):
    number = st.sampled_from(["-1", "0", "1", "2", "3"])
    return st.one_of(
        st.builds("({}) {} {}".format, inner, st.sampled_from(list(COMPARE)), number),
        st.builds("({}) {} {}".format, inner, st.sampled_from(list(CALCULATE)), number),
        st.builds("{} {} ({})".format, number, st.sampled_from(list(CALCULATE)), inner),
        st.builds("{} by (a) ({})".format, st.sampled_from(list(AGGREGATE)), inner),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or", "unless", "> ", "+"]), inner),
        st.builds("({}) {} on(a) ({})".format, inner, st.sampled_from(["and", "or", "unless"]), inner),
        st.builds("absent({})".format, inner),
    )


LEAVES = st.sampled_from([*SELECTORS, *(f"rate({selector}[5m])" for selector in SELECTORS)])
EXPRESSIONS = st.recursive(LEAVES, vectors, max_leaves=4)
SWAPS = [
    *((f"{one} {number}", f"{other} {number}") for number in "12" for one, other in ((">", ">="), ("<", "<="))),
    *(('{a="1"}', other) for other in ("", '{a=~"1|2"}', '{a="1", b!="1"}')),
    *((f"{operator} {one}", f"{operator} {other}") for operator in COMPARE for one, other in ("12", "13", "02")),
    ("x", 'x{b!="1"}'),
    (" and ", " or "),
]
MORE = {"more-sensitive", "more-series"}
LESS = {"less-sensitive", "fewer-series"}


TRICKY = [
    'sum by (a) (x{b!="1"}) > 1',
    'sum by (a) (rate(x{b!="1"}[5m])) > 1',
    'sum by (a) (rate(x{b!="1"}[5m])) * -1 > -2',
    '2 - sum by (a) (rate(x{b!="1"}[5m])) > 1',
    'min by (a) (x{b!="1"}) < 1',
    'avg by (a) (x{b!="1"}) > 1',
    'count by (a) (x{b!="1"}) < 2',
    'x and on(a) absent(y{a="1"})',
    'x unless on(a) y{b!="1"}',
    '(x{b!="1"} or y) > 1',
    '(x or y{b!="1"}) > 1',
    'x > y{b!="1"}',
]


@pytest.mark.parametrize("text", TRICKY)
def test_what_is_said_of_a_tricky_one_is_true(text):
    chance = random.Random(text)
    series = [database(chance) for _ in range(300)]
    for before, after in (*SWAPS, ('{b!="1"}', "")):
        if before in text:
            changed = text.replace(before, after, 1)
            holds(text, changed, series)
            holds(changed, text, series)


@settings(deadline=None, max_examples=200)
@given(EXPRESSIONS, st.integers(0, 2**32))
def test_what_is_said_to_fire_more_or_less_does(text, seed):
    chance = random.Random(seed)
    series = [database(chance) for _ in range(12)]
    for before, after in SWAPS:
        if before in text:
            changed = text.replace(before, after, 1)
            holds(text, changed, series)
            holds(changed, text, series)


def holds(before, after, databases):
    old, new = meaning(before), meaning(after)
    claims = {part.impact.value for part in differences(old, new) or ()} if old and new else set()
    if claims and (claims <= MORE or claims <= LESS):
        for series in databases:
            fired, fires = (set(evaluated(node, series)) for node in (old, new))
            if "absent" in before:
                # Whether it fires; its labels are another matter, they are made from the matchers.
                fired, fires = ({"it fires"} if side else set() for side in (fired, fires))
            assert fired <= fires if claims <= MORE else fires <= fired, (before, after, claims, series)
