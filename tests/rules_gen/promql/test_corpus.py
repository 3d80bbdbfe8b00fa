"""Expressions with the verdict of promtool 2.42, the oldest supported, checked against that on PATH."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from rules_gen.promql import Analysis, analyse, flags_needed
from rules_gen.promql.locate import find_errors

CORPUS = Path(__file__).parent / "corpus"
GOOD = (CORPUS / "good.txt").read_text(encoding="utf-8").splitlines()
BAD = (CORPUS / "bad.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def promtool():
    output = subprocess.run(["promtool", "--version"], capture_output=True, text=True, check=True)
    match = re.search(r"version (\d+)\.(\d+)", output.stdout + output.stderr)
    # A promtool that was built without a version is a newer one.
    return (int(match[1]), int(match[2])) if match else (3, 15)


@pytest.fixture(scope="module")
def refused(promtool, tmp_path_factory):
    rules = [{"record": f"r{number}", "expr": text} for number, text in enumerate([*GOOD, *BAD])]
    path = tmp_path_factory.mktemp("corpus") / "rules.json"
    path.write_text(json.dumps({"groups": [{"name": "corpus", "rules": rules}]}), encoding="utf-8")
    output = subprocess.run(
        ["promtool", "check", "rules", "--lint=none", str(path)], capture_output=True, text=True, check=False
    )
    return {int(number) for number in re.findall(r'rule \d+, "r(\d+)"', output.stdout + output.stderr)}


def needs_a_flag(text, result, target):
    """Whether a newer promtool refuses what it was not told to enable; that is for its caller to arrange."""
    return bool(flags_needed(result.functions, target)) or re.search(r"anchored|smoothed|fill", text) is not None


def test_promtool_gives_the_same_verdicts(promtool, refused):
    different = []
    for number, text in enumerate([*GOOD, *BAD]):
        result = analyse(text, promtool)
        if isinstance(result, Analysis):
            if number in refused and not needs_a_flag(text, result, promtool):
                different.append(text)
        elif number not in refused:
            different.append(text)
    assert different == []


@pytest.mark.parametrize("text", GOOD)
def test_good_expressions_are_analysed(text):
    assert isinstance(analyse(text, (2, 42)), Analysis)
    assert find_errors(text, (2, 42)) == ()


@pytest.mark.parametrize("text", BAD)
def test_bad_expressions_have_a_mistake_with_a_place(text):
    errors = analyse(text, (2, 42))
    assert not isinstance(errors, Analysis)
    for error in errors:
        assert 0 <= error.offset < error.offset + error.length <= len(text)
        assert "can't be parsed" not in error.message
