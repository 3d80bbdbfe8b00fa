"""docs/checks/: a page for everything that is reported, and each as it is committed. UPDATE_GOLDEN=1 writes them."""

import ast
import os
import re
from pathlib import Path

import pytest
import yaml_rs

from rules_gen.check_pages import INDEX, first_sentences, pages
from rules_gen.structural_checks import PAGES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "checks"

# Where the name of a check isn't written as the first argument: all that it can be.
COMPUTED = {
    ("source/yaml_errors.py", "SYNTAX"): {"yaml-syntax"},
    ("source/yaml_errors.py", "_DUPLICATE"): {"duplicate-key"},
    ("source/explain.py", "check"): {"yaml-syntax", "threshold-unquoted"},
    ("source/validate.py", "check"): {"empty-section", "missing-key", "runbook-missing", "secret-value", "wrong-value"},
    ("source/alerts.py", "f'reserved-{what}'"): {"reserved-label", "reserved-annotation"},
    ("source/context.py", "check"): set[str](),
    ("fixtures/verdicts.py", "check"): {"scenario-does-not-fire", "scenario-not-quiet", "scenario-not-pending"},
}


def reported() -> set[str]:
    """Every name that the code gives to a problem."""
    names: set[str] = set()
    package = ROOT / "rules_gen"
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or isinstance(node.args[0], ast.Starred):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in {"Problem", "Diagnostic", "report"} or ast.unparse(node.args[0]) == "problem.check":
                continue
            first = node.args[0]
            if isinstance(first, ast.Constant):
                names.add(str(first.value))
            else:
                names |= COMPUTED[path.relative_to(package).as_posix(), ast.unparse(first)]
    return names


def test_everything_that_is_reported_has_a_page_and_nothing_else_has() -> None:
    assert set(pages()) - {INDEX} == reported()


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_page_is_committed_as_it_is_generated(name: str) -> None:
    path = DOCS / f"{name}.md"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        DOCS.mkdir(parents=True, exist_ok=True)
        path.write_text(pages()[name], encoding="utf-8")
    assert path.read_text(encoding="utf-8") == pages()[name]


def test_no_page_is_left_of_a_check_that_is_gone() -> None:
    assert {path.stem for path in DOCS.glob("*.md")} == set(pages())


@pytest.mark.parametrize("name", sorted(set(pages()) - {INDEX}))
def test_a_page_says_why_shows_both_and_how_to_mend(name: str) -> None:
    page = pages()[name]
    assert re.findall(r"^## (.*)", page, re.MULTILINE) == ["Why", "Wrong", "Right", "How to mend it"]
    assert first_sentences()[name].endswith(".")
    for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        # What is shown as right is YAML; what is wrong need not be.
        if block in page.partition("## Right")[2]:
            assert yaml_rs.loads(block) is not None


def test_structural_checks_and_checks_share_no_name() -> None:
    assert set(PAGES).isdisjoint(
        path.stem.replace("_", "-") for path in (ROOT / "rules_gen" / "checks").glob("[!_]*.py")
    )
