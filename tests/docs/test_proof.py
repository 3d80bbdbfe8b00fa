"""docs/proof.md shows what the tools say: its example survives and dies as told, and its tables name what there is."""

import re
import textwrap
from pathlib import Path

import pytest
import yaml_rs

from rules_gen import cli
from rules_gen.emit.yaml import emit_yaml
from rules_gen.mutation.mutant import Status

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/proof.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
ALERT = "alerts/payments/order-queue.yaml"


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def alert():
    """The definition of the README's walk."""
    found = next(block for block in blocks(README, "yaml") if block.startswith("# yaml-language-server"))
    return yaml_rs.loads(found)


@pytest.fixture
def mutate(tmp_path, capsys):
    def call(data):
        assert cli.main(["init", str(tmp_path / "repository")]) == 0
        (tmp_path / "repository" / ALERT).write_text(emit_yaml(data), encoding="utf-8")
        capsys.readouterr()
        cli.main(["mutate", "--root", str(tmp_path / "repository"), "OrderQueueGrows"])
        return re.sub(r"\.yaml:\d+:", ".yaml:N:", capsys.readouterr().out)

    return call


def shown(number):
    """What the page shows of a run of the command: its lines, less the command itself."""
    runs = [block for block in blocks(PAGE, "text") if block.startswith("$ rules-gen mutate")]
    return re.sub(r"\.yaml:\d+:", ".yaml:N:", runs[number].partition("\n")[2])


def test_the_survivors_of_the_example_are_those_that_the_page_shows(mutate, alert):
    out = mutate(alert)
    for part in shown(0).strip().split("\n\n"):
        assert part.strip("\n") in out


def test_the_better_scenarios_kill_every_mutant(mutate, alert):
    [block] = [block for block in blocks(PAGE, "yaml") if "fires at 510 orders" in block]
    alert["alerts"][0]["tests"] = yaml_rs.loads(textwrap.dedent(block.partition("\n")[2]))["tests"]
    assert mutate(alert) == shown(1)


def test_the_mark_that_is_shown_is_one_of_the_library():
    [block] = [block for block in blocks(PAGE, "yaml") if "equivalent_mutants" in block]
    path, _, mark = block.partition("\n")
    assert mark in (ROOT / path.removeprefix("# ")).read_text(encoding="utf-8")


def test_every_status_has_a_row():
    table = PAGE.partition("### What becomes of a mutant")[2].partition("\n\nA verdict")[0]
    assert set(re.findall(r"^\| (\w+) \|", table, re.MULTILINE)) - {"status"} == {str(status) for status in Status}


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
