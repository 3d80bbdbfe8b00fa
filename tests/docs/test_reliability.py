"""docs/reliability.md's table of the fault matrix and the tests in tests/faults are held to each other, both ways."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

from router.faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
CASES = 53
NAME = re.compile(r"test_case_(\d\d)_\w+")
BOTH_STORES = {"store_url", "real_router"}
"""Fixtures that run a test on SQLite and, in the full tier, on PostgreSQL."""


class Case(NamedTuple):
    """What the tests of a case are."""

    stores: str
    tier: str


def rows() -> dict[int, list[str]]:
    """The cells of the table's rows, by case."""
    found: dict[int, list[str]] = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0].isdigit():
            assert int(cells[0]) not in found, f"case {cells[0]} stands there twice"
            found[int(cells[0])] = cells
    return found


def is_full(decorators: list[ast.expr]) -> bool:
    return any(ast.unparse(decorator) == "pytest.mark.full" for decorator in decorators)


def stores_of(test: ast.FunctionDef, given: set[str], helpers: dict[str, str]) -> set[str]:
    """The real stores that a test runs on."""
    text = ast.unparse(test)
    # A test may leave its scenario to a helper of its module.
    text += "".join(source for name, source in helpers.items() if re.search(rf"\b{name}\(", text))
    if given & BOTH_STORES:
        return {"SQLite", "PostgreSQL"}
    found = {"PostgreSQL"} if "postgres" in given or "PostgresServer(" in text else set()
    if "SqliteStore(" in text or "sqlite:///" in text or ("RouterProcess(" in text and "store=" not in text):
        found.add("SQLite")
    return found


def cases() -> dict[int, Case]:
    """The tests of each case."""
    stores: dict[int, set[str]] = {}
    tiers: dict[int, set[str]] = {}
    for path in sorted((ROOT / "tests" / "faults").glob("test_*.py")):
        tree = ast.parse(path.read_text())
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert "pytestmark" not in ast.unparse(tree), f"{path.name}: the tier of each test stands at the test"
        helpers = {node.name: ast.unparse(node) for node in functions if not node.name.startswith("test_")}
        for node in functions:
            if not node.name.startswith("test_"):
                continue
            name = NAME.fullmatch(node.name)
            assert name, f"{path.name}: {node.name} names no case"
            case = int(name[1])
            given = {argument.arg for argument in node.args.args}
            full = is_full(node.decorator_list)
            stores.setdefault(case, set()).update(stores_of(node, given, helpers))
            tiers.setdefault(case, set()).update({"full"} if full else {"quick"})
            if given & BOTH_STORES:
                tiers[case].add("full")
    order = ["SQLite", "PostgreSQL", "quick", "full"]
    return {
        case: Case(
            ", ".join(sorted(stores[case], key=order.index)) or "in memory",
            ", ".join(sorted(tiers[case], key=order.index)),
        )
        for case in tiers
    }


def test_each_case_of_the_matrix_has_a_row_and_a_test():
    every = set(range(1, CASES + 1))
    assert set(rows()) == every
    assert set(cases()) == every


def test_each_row_says_what_happens_and_what_is_proved():
    for case, cells in rows().items():
        assert len(cells) == 5, f"case {case}"
        assert all(cells), f"case {case}"


def test_the_stores_and_the_tier_of_each_row_are_those_of_its_tests():
    told = {case: Case(*cells[3:]) for case, cells in rows().items()}
    assert told == cases()


def test_the_retry_table_has_every_reason_once():
    lines = [line for line in PAGE.read_text().splitlines() if line.count("|") == 5]
    named = [reason for line in lines for reason in re.findall(r"`(\w+)`", line.split("|")[2])]
    assert sorted(named) == sorted(reason.value for reason in FAULTS)
