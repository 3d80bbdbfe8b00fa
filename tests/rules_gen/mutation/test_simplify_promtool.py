"""What simplifying says to be the same is the same to promtool, over series that are chosen to tell them apart."""

import itertools
import random

import pytest

from rules_gen.emit.yaml import emit_yaml
from rules_gen.fixtures.output import read_output
from rules_gen.mutation.edits import edits
from rules_gen.mutation.simplify import simplified
from rules_gen.promql import analyse
from rules_gen.promtool import Promtool
from rules_gen.target import GeneratedFile

TARGET = (2, 42)
LABELS = {"x": ("1", "2"), "y": ("1", "2", "3"), "z": ("1", "b")}
METRICS = ("a", "b", "c")
TIMES = ("1m", "7m", "13m", "22m")
VALUES = ("0", "-0", "1", "-1", "2", "5", "0.5", "3", "100", "NaN", "Inf", "-3")


class Writer:
    """Random expressions of the kinds that simplifying knows something about."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, *choices):
        return self.random.choice(choices)

    def matchers(self):
        labels = self.random.sample(sorted(LABELS), self.random.choice((0, 1, 1, 2)))
        made = []
        for label in labels:
            op = self.pick("=", "=", "=", "!=", "=~", "!~")
            values = list(LABELS[label])
            value = "|".join(self.random.sample(values, self.pick(1, 2))) if "~" in op else self.random.choice(values)
            made.append(f'{label}{op}"{value}"')
        return "{" + ", ".join(made) + "}" if made else ""

    def selector(self):
        return self.random.choice(METRICS) + self.matchers()

    def labels(self):
        return ", ".join(self.random.sample(sorted(LABELS), self.pick(0, 1, 1, 2)))

    def leaf(self):
        kind = self.pick("plain", "plain", "rate", "sum", "over")
        match kind:
            case "rate":
                return f"{self.pick('rate', 'increase', 'delta')}({self.selector()}[5m])"
            case "over":
                return f"{self.pick('max', 'last', 'count')}_over_time({self.selector()}[3m])"
            case "sum":
                words = self.pick("by", "by", "without")
                return f"{self.pick('sum', 'max', 'count', 'group')} {words} ({self.labels()}) ({self.selector()})"
        return self.selector()

    def expression(self, depth):
        if depth == 0:
            return self.leaf()
        inner, kind = self.expression(depth - 1), self.random.random()
        if kind < 0.1:
            number, operator = self.pick("0", "1", "2", "-1", "0.5"), self.pick(*"+-*/^%", ">", "== bool")
            first, second = self.random.choice(((f"({inner})", number), (f"({inner})", number), (number, f"({inner})")))
            return f"{first} {operator} {second}"
        if kind < 0.18:
            return f"{self.pick('abs', '-abs', 'ceil', 'sgn', 'round', 'sort', 'timestamp')}({inner})"
        if kind < 0.26:
            missing = f"{self.pick('d', 'a')}{self.matchers()}"
            guard = self.pick(f"absent({missing})", f"absent_over_time({missing}[5m])")
            return f"({inner}) or {self.pick('0', '2', '1')} {self.pick('*', '/', '+')} {guard}"
        if kind < 0.34:
            return f"{self.pick('sum', 'min', 'count')} {self.pick('by', 'without')} ({self.labels()}) ({inner})"
        other = self.expression(self.pick(0, depth - 1))
        operator = self.pick("and", "and", "unless", "unless", "or", "+", "-", "*", "/", ">", "> bool", "==")
        matching = self.pick("", "", "", f" on ({self.labels()})", f" ignoring ({self.labels()})")
        if matching and operator not in {"and", "or", "unless"} and self.pick(True, False, False):
            matching += self.pick(" group_left", " group_right")
        return f"({inner}) {operator}{matching} ({other})"


def claims(seeds):
    """Pairs of unlike texts that simplifying says to be the same: an expression and one of its mutants."""
    for seed in seeds:
        writer = Writer(seed)
        text = writer.expression(writer.pick(1, 2, 2, 3))
        if isinstance(analyse(text, TARGET), tuple):
            continue
        own = simplified(text, TARGET)
        for edit in edits(text):
            other = edit.apply(text)
            if not isinstance(analyse(other, TARGET), tuple) and simplified(other, TARGET) == own:
                yield text, other


def world(seed):
    """Series of most combinations of labels, with gaps and ends, and every kind of value."""
    chance = random.Random(seed)
    series = []
    for metric in METRICS:
        density = chance.choice((0.3, 0.7, 1))
        for combination in itertools.product(*((None, *values) for values in LABELS.values())):
            if chance.random() > density:
                continue
            named = zip(LABELS, combination, strict=True)
            labels = ", ".join(f'{label}="{value}"' for label, value in named if value is not None)
            items = [
                chance.choice((chance.choice(VALUES), chance.choice(VALUES), "_", "_x7", "stale")) for _ in range(25)
            ]
            series.append({"series": f"{metric}{{{labels}}}", "values": " ".join(items)})
    return series


def answers(texts, seed, promtool):
    """What promtool says of each expression at each time, errors too. Each has an entry of its own."""
    tests = [
        {
            "name": f"world {seed}",
            "interval": "1m",
            "input_series": world(seed),
            "promql_expr_test": [{"expr": f"{text}\n# {at}", "eval_time": at, "exp_samples": []} for at in TIMES],
        }
        for text in texts
    ]
    rules = GeneratedFile("world.rules.yml", emit_yaml({"groups": []}).encode())
    document = {"rule_files": [rules.path], "evaluation_interval": "1m", "tests": tests}
    output = read_output(promtool.answers([(rules, GeneratedFile("world.test.yml", emit_yaml(document).encode()))]))
    return {
        text: [
            "an error" if question in output.errors else sorted(output.samples.get(question, ()))
            for question in (f"{text}\n# {at}" for at in TIMES)
        ]
        for text in texts
    }


@pytest.mark.parametrize(
    ("seeds", "worlds"), [(range(150), range(1)), pytest.param(range(150, 1500), range(1, 3), marks=pytest.mark.full)]
)
def test_what_is_said_to_be_the_same_is_the_same_to_promtool(tmp_path, seeds, worlds):
    pairs = list(dict.fromkeys(claims(seeds)))
    assert len(pairs) > len(seeds) / 10
    texts = list(dict.fromkeys(itertools.chain(*pairs)))
    promtool, telling = Promtool.find(tmp_path), 0
    for seed in worlds:
        got = answers(texts, seed, promtool)
        assert [pair for pair in pairs if got[pair[0]] != got[pair[1]]] == []
        telling += sum(any(got[left]) for left, _ in pairs)
    # Most of them have a value to be compared.
    assert telling > len(pairs) * len(worlds) / 3
