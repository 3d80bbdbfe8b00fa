"""The examples of docs/format.md and README.md compile, and are shown as told; the table of keys is the schema's.

UPDATE_GOLDEN=1 writes the table of keys.
"""

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml_rs

from rules_gen.builder import Options, Result, build
from rules_gen.emit.yaml import emit_yaml
from rules_gen.report import render
from rules_gen.source.documents import Document, parse
from rules_gen.source.thresholds import parse_threshold
from rules_gen.source.validate import schema_text

ROOT = Path(__file__).parents[2]
FORMAT = ROOT / "docs" / "format.md"
README = ROOT / "README.md"
QUEUE = "alerts/payments/order-queue.yaml"
TODAY = "2026-01-15"
BEGIN, END = "<!-- keys: ", "<!-- end of keys -->"


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def built(root: Path, files: dict[str, str]) -> Result:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return build(Options(root=root, today=TODAY, processes=1))


def format_files() -> dict[str, str]:
    """The definitions of docs/format.md: blocks of one path put together."""
    merged: dict[str, dict[str, Any]] = {}
    for block in blocks(FORMAT, "yaml"):
        named = re.match(r"# (alerts/\S+\.yaml)\n", block)
        assert named, f"a block that names no file:\n{block}"
        document = parse(named[1], block)
        assert isinstance(document, Document), document
        file = merged.setdefault(named[1], {})
        for key, value in document.data.items():
            file[key] = [*file.get(key, []), *value] if isinstance(value, list) else value
    return {path: emit_yaml(data) for path, data in merged.items()}


@pytest.fixture(scope="module")
def documented(tmp_path_factory) -> tuple[Path, Result]:
    root = tmp_path_factory.mktemp("format")
    return root, built(root, format_files())


def test_the_examples_of_the_format_compile_and_their_scenarios_are_proved(documented):
    root, result = documented
    assert render(result.diagnostics, "text") == ""
    assert result.services == 2
    assert result.verified == 3, "checkout-api, and cart in two environments"
    assert {path.name for path in (root / "rules/payments").glob("*.rules.yml")} == {
        "cart.production.rules.yml",
        "cart.staging.rules.yml",
        "checkout-api.rules.yml",
    }


def test_the_examples_of_the_format_do_what_the_page_says(documented):
    root, _ = documented
    rules = (root / "rules/payments/checkout-api.rules.yml").read_text(encoding="utf-8")
    assert "alert: CheckoutInstanceDown" in rules
    assert "alert: CheckoutRestarts" not in rules
    assert rules.index("alert: CheckoutInstanceDown") < rules.index("alert: CheckoutDown")
    assert rules.count("alert: CheckoutAvailabilityErrorBudgetBurn") == 4
    manager = yaml_rs.loads((root / "rules/alertmanager.yml").read_text(encoding="utf-8"))
    assert isinstance(manager, dict)
    quiet = {(rule["source_matchers"][2], rule["target_matchers"][2]) for rule in manager["inhibit_rules"]}
    assert ('alertname="CheckoutDatabaseDown"', 'alertname="CheckoutErrors"') in quiet
    assert ('alertname="CheckoutErrors"', 'alertname="CheckoutErrors"') in quiet
    staging = (root / "rules/payments/cart.staging.rules.yml").read_text(encoding="utf-8")
    assert "CartGone" not in staging
    assert "> 5000" in staging


def test_thresholds_compile_to_what_the_table_says():
    rows = re.findall(r"^\| `([^`]+)` \| `([<>=!]+ [0-9.]+)` \|$", FORMAT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == 9
    for typed, compiled in rows:
        threshold = parse_threshold(typed.strip('"'))
        assert threshold is not None, typed
        assert f"{threshold.operator} {threshold.literal}" == compiled


def test_the_factors_of_the_burn_rates_are_those_of_the_rules(documented):
    root, _ = documented
    rules = (root / "rules/payments/checkout-api.rules.yml").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) and (\w+) \| \d+% \| ([0-9.]+) \|", FORMAT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == 4
    for long, short, factor in rows:
        limit = f"{float(factor) / 1000:g}"
        selector = r'\{slo="CheckoutAvailability"[^}]*\}'
        pattern = rf"rate{long}{selector} > {limit}\n *and slo:error_ratio:rate{short}{selector} > {limit}\n"
        assert re.search(pattern, rules), (long, short, factor)


def walk_files() -> dict[str, str]:
    """The repository that README.md walks through: the scaffold's policy and the alert that is added."""
    policy = (ROOT / "rules_gen/scaffold/alerts/policy.yaml").read_text(encoding="utf-8")
    return {"alerts/policy.yaml": policy, QUEUE: blocks(README, "yaml")[0]}


def test_the_alert_of_the_readme_compiles_to_the_outputs_that_it_shows(tmp_path):
    result = built(tmp_path, walk_files())
    assert render(result.diagnostics, "text") == ""
    outputs = blocks(README, "yaml")[1:]
    assert len(outputs) == 2
    for block in outputs:
        named, _, shown = block.partition("\n")
        assert shown in (tmp_path / named.removeprefix("# ")).read_text(encoding="utf-8")
    assert (tmp_path / "runbooks/payments/order-queue/OrderQueueGrows.md").is_file()


@pytest.mark.parametrize(
    ("right", "wrong", "shown"),
    [
        ('{job="order-queue"}\n', '{job="order-queue"\n', 0),
        ("threshold: above 500\n", "threshold: above 5000\n", 1),
    ],
)
def test_the_mistakes_of_the_readme_are_reported_as_it_shows(tmp_path, right, wrong, shown):
    files = walk_files()
    assert files[QUEUE].count(right) == 1
    result = built(tmp_path, {**files, QUEUE: files[QUEUE].replace(right, wrong)})
    assert result.failed
    assert not (tmp_path / "rules").exists()
    assert render(result.diagnostics, "text").startswith(blocks(README, "text")[shown])


def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(schema_text())
    return loaded


HEADINGS = {
    "policy": "The policy",
    "severityPolicy": "A severity in the policy",
    "team": "A team in the policy",
    "service": "A service",
    "overlay": "What an environment changes on an alert",
    "alert": "An alert",
    "rung": "A rung of a ladder",
    "recordingRule": "A recording rule",
    "scenario": "A scenario",
    "runbookContent": "A runbook",
    "step": "A step of a runbook",
    "slo": "An objective",
    "template": "A template",
    "sharedRunbook": "A shared runbook",
}


def key_tables() -> str:
    """A table for each kind of mapping; mappings inside them follow as `outer.inner`."""
    definitions = schema()["$defs"]
    lines: list[str] = []
    for name, heading in HEADINGS.items():
        lines += [f"### {heading}", "", "| key | what it is | for example |", "|---|---|---|"]
        rows: list[tuple[str, str, str]] = []
        # A step is a text or a mapping: the mapping is what has keys.
        _rows(definitions[name].get("else", definitions[name]), definitions, "", rows, frozenset())
        lines += [f"| `{key}`{mark} | {description} |" for key, mark, description in rows]
        lines.append("")
    return "\n".join(lines)


def _resolved(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        target = _resolved(definitions[node["$ref"].rpartition("/")[2]], definitions)
        return {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _rows(
    node: dict[str, Any],
    definitions: dict[str, Any],
    prefix: str,
    rows: list[tuple[str, str, str]],
    above: frozenset[str],
) -> None:
    """Adds the keys of `node` and of what is inside it; kinds with a table of their own are left to that."""
    node = _resolved(node, definitions)
    for key, child in node.get("properties", {}).items():
        resolved = _resolved(child, definitions)
        mark = " *" if key in node.get("required", ()) else ""
        example = json.dumps(resolved["examples"][0], ensure_ascii=False) if resolved.get("examples") else ""
        # A longer one belongs to the examples above, not into a table.
        example = f"`{_cell(example)}`" if 0 < len(example) <= 60 else ""
        rows.append((f"{prefix}{key}", mark, f"{_prose(resolved['description'])} | {example}"))
        _below(child, definitions, f"{prefix}{key}", rows, above)
    extra = node.get("additionalProperties")
    if prefix and isinstance(extra, dict):
        _below(extra, definitions, f"{prefix}<name>", rows, above)


def _below(
    node: dict[str, Any],
    definitions: dict[str, Any],
    path: str,
    rows: list[tuple[str, str, str]],
    above: frozenset[str],
) -> None:
    name = node.get("$ref", "").rpartition("/")[2]
    if name in HEADINGS or name in above:
        return
    inside = above | {name} if name else above
    node = _resolved(node, definitions)
    _rows(node, definitions, f"{path}.", rows, inside)
    for choice in ("anyOf", "oneOf", "then", "else"):
        options = node.get(choice, ())
        for option in [options] if isinstance(options, dict) else options:
            _below(option, definitions, path, rows, inside)
    if isinstance(node.get("items"), dict):
        _below(node["items"], definitions, f"{path}[]", rows, inside)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _prose(text: str) -> str:
    """A description outside of code: nothing in it is markup."""
    return re.sub(r"([\\`*_<\[|])", r"\\\1", text)


def all_keys(node: Any) -> set[str]:
    """Every key that the schema gives a name."""
    if isinstance(node, list):
        return {key for item in node for key in all_keys(item)}
    if not isinstance(node, dict):
        return set()
    named = set(node.get("properties", {})) if isinstance(node.get("properties"), dict) else set()
    inside = [value for key, value in node.items() if key not in {"examples", "default"}]
    return named | all_keys(inside)


def test_the_tables_of_keys_are_made_from_the_schema():
    text = FORMAT.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    note, _ = rest.split("\n", 1)
    wanted = f"{head}{BEGIN}{note}\n\n{key_tables()}{END}\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        FORMAT.write_text(wanted, encoding="utf-8")
    else:
        assert text == wanted


def test_every_key_of_the_schema_stands_in_the_tables():
    listed = set(re.findall(r"[a-z_]+(?=`)", "\n".join(re.findall(r"^\| (`[^`]+`)", key_tables(), re.MULTILINE))))
    assert all_keys(schema()) - listed == set()


PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_to_something_that_is_there(path):
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        linked = (path.parent / name) if name else path
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, target


@pytest.mark.parametrize("path", sorted((ROOT / "docs/decisions").glob("*.md")), ids=lambda path: path.name)
def test_a_decision_has_its_parts_and_is_short(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 40
    assert lines[0].startswith(f"# {int(path.name[:4])}. ")
    assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]
    assert any(line.startswith("Status: ") for line in lines)


@pytest.mark.parametrize("contract_id", ["layers", "router-layers"])
def test_the_picture_of_the_layers_is_the_one_that_is_enforced(contract_id):
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = configuration["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["id"] == contract_id]
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert "```\n" + "\n".join(layers) + "\n```" in text
    described = re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)
    names = {name for layer in layers for name in layer.split(" : ")}
    assert names - set(re.findall(r"`(\w+)`", " ".join(described))) == {"__main__"}
