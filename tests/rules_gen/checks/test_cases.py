"""Every check and every structural mistake, as a definition and the text that its author is shown.

A file `<check>.yaml` holds cases. Their names begin with `pass_` (nothing is reported) or `fail_` (`expected` is
shown). A case has a `definition` in full, or an `alert` whose missing keys are filled in, and further `files` by their
paths; `policy` is added to the policy below. UPDATE_GOLDEN=1 writes what is shown into the files, for review.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml_rs

from rules_gen.compiler import Compiled, compile_catalog, compile_unit, plug_in_names, read_shared
from rules_gen.diagnostics import Problem
from rules_gen.emit.yaml import emit_yaml
from rules_gen.report import render
from rules_gen.source.layout import lay_out
from rules_gen.source.locate import diagnose

FOLDER = Path(__file__).parent
TODAY = "2026-01-15"
SERVICE = "alerts/payments/checkout.yaml"
POLICY = """\
prometheus: "2.42"
urls:
  runbook: "https://runbooks.example.com/{team}/{service}/{alert}"
  dashboard: "https://grafana.example.com/d/{uid}"
severities:
  critical: {response: at once, channels: [pagerduty]}
  high: {response: 15m, channels: [slack]}
  medium: {response: 1h, channels: [slack]}
  low: {response: next business day, channels: [email]}
teams:
  payments: {pagerduty: {routing_key: PAYMENTS_KEY}, slack: {channel: "#payments"}, email: {to: [p@example.com]}}
default_team: payments
"""
HEAD = "service: checkout\nteam: payments\nalerts:\n  - alert: CheckoutFails\n"
DEFAULTS = {
    "severity": "severity: high",
    "for": "for: 5m",
    "summary": "summary: Checkout fails",
    "runbook": "runbook: https://wiki.example.com/checkout",
    "tests": "tests: [{name: fires, series: {up: 0+0x9}, firing_at: [9m], quiet_at: [0m]}]",
}


def cases() -> Iterator[Any]:
    for path in sorted(FOLDER.rglob("*.yaml")):
        loaded = yaml_rs.loads(path.read_text(encoding="utf-8"))
        assert isinstance(loaded, dict)
        for name, case in loaded.items():
            yield pytest.param(path, name, case, id=f"{path.stem}-{name}")


def full_text(alert: str) -> str:
    keys = set(re.findall(r"^([a-z_]+):", alert, re.MULTILINE))
    if "severities" in keys:
        keys.add("severity")
    lines = [*alert.splitlines(), *(line for key, line in DEFAULTS.items() if key not in keys)]
    return HEAD + "".join(f"    {line}".rstrip() + "\n" for line in lines)


def files_of(case: dict[str, Any]) -> dict[str, str]:
    files = {"alerts/policy.yaml": POLICY}
    if "alert" in case:
        files[SERVICE] = full_text(case["alert"])
    if "definition" in case:
        files[SERVICE] = case["definition"]
    files |= case.get("files", {})
    files["alerts/policy.yaml"] += case.get("policy", "")
    return files


def compiled(files: dict[str, str]) -> tuple[list[Problem], list[Compiled]]:
    """All that a build reports before promtool runs."""
    # A lone surrogate stands for a byte that isn't UTF-8, which YAML couldn't hold.
    contents = {
        path: text.replace("<0xFF>", "\udcff").encode("utf-8", "surrogateescape") for path, text in files.items()
    }
    layout = lay_out(contents)
    shared = read_shared(layout, contents)
    only = frozenset({"prometheus-rules"})
    results = [compile_unit(unit, contents, shared.context, TODAY, only) for unit in layout.units]
    problems = [*layout.problems, *shared.problems, *(problem for result in results for problem in result.problems)]
    if shared.context is not None and not problems:
        digests = [result.digest for result in results if result.digest is not None]
        problems += compile_catalog(shared.context, digests, only)[1]
    return problems, results


def shown(files: dict[str, str]) -> str:
    problems, _ = compiled(files)
    texts = {path: text.replace("<0xFF>", "\ufffd") for path, text in files.items()}
    return render(diagnose(list(dict.fromkeys(problems)), texts), "text")


@pytest.mark.parametrize(("path", "name", "case"), list(cases()))
def test_the_author_is_shown_just_this(path: Path, name: str, case: dict[str, Any]) -> None:
    files = files_of(case)
    text = shown(files)
    if name.startswith("pass_"):
        assert text == ""
        assert any(result.files for result in compiled(files)[1])
        return
    if os.environ.get("UPDATE_GOLDEN") == "1":
        _rewrite(path, name, text)
    else:
        assert text == case["expected"]
    assert f"[{path.stem}]: " in text
    assert "^" in text


def _rewrite(path: Path, name: str, text: str) -> None:
    before = path.read_text(encoding="utf-8")
    loaded = yaml_rs.loads(before)
    assert isinstance(loaded, dict)
    loaded[name]["expected"] = text
    path.write_text(emit_yaml(loaded), encoding="utf-8")


def test_every_check_has_a_case_that_passes_and_one_that_fails() -> None:
    for name in plug_in_names("checks"):
        path = FOLDER / f"{name.replace('_', '-')}.yaml"
        loaded = yaml_rs.loads(path.read_text(encoding="utf-8"))
        assert isinstance(loaded, dict)
        assert {case.partition("_")[0] for case in loaded} == {"pass", "fail"}, name
