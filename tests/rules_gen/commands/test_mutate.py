"""`rules-gen mutate` as people and CI see it: what it prints in each form, and its exit codes."""

import json
import os
import re
from pathlib import Path

import pytest

from rules_gen import cli

GOLDEN = Path(__file__).parents[1] / "golden" / "mutation"
FORMS = {"text": "txt", "json": "json", "markdown": "md"}


@pytest.fixture
def run(capsys):
    """The command in this process: exit code, standard output, standard error."""

    def call(root, *arguments):
        code = cli.main(["mutate", "--root", str(root), *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.parametrize("form", FORMS)
def test_the_report_in_each_form(repository, run, form):
    repository.write("alerts/policy.yaml", repository.policy + 'proof: {mutation_score: "90%"}\n')
    code, out, err = run(repository.root, "--format", form)
    assert (code, err) == (1, "")
    golden = GOLDEN / f"mutation.{FORMS[form]}"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(out, encoding="utf-8")
    assert out == golden.read_text(encoding="utf-8")


def test_the_json_has_every_mutant_with_its_verdict(repository, run):
    _, out, _ = run(repository.root, "--format", "json")
    report = json.loads(out)
    assert report["version"] == 1
    assert sum(report["counts"].values()) == len(report["mutants"])
    assert {one["status"] for one in report["mutants"]} == {"killed", "survived"}
    assert all(re.fullmatch(r"alerts/.*\.yaml:\d+", one["place"]) for one in report["mutants"])


def test_without_a_demand_survivors_are_no_failure(repository, run):
    code, out, _ = run(repository.root)
    assert code == 0
    assert "survived" in out


def test_an_unknown_alert_is_exit_code_2_with_a_hint(repository, run):
    code, out, err = run(repository.root, "Dwon")
    assert (code, out) == (2, "")
    assert "no alert `Dwon`; did you mean `Down`?" in err


def test_a_definition_with_an_error_is_reported_and_nothing_judged(repository, run):
    repository.replace("alerts/payments/checkout.yaml", "equals 0", "equal 0")
    code, out, err = run(repository.root)
    assert (code, out) == (1, "")
    assert "alerts/payments/checkout.yaml:7:16: error" in err
    assert "Nothing was judged." in err


def test_a_wrong_mark_is_shown_at_its_place(repository, run):
    repository.replace(
        "alerts/payments/checkout.yaml",
        "    tests:\n",
        '    equivalent_mutants:\n      - {mutant: "comparison: == to =!", reason: Same.}\n    tests:\n',
    )
    code, _, err = run(repository.root)
    assert code == 1
    assert "alerts/payments/checkout.yaml:19:18: error[equivalent-mutant]" in err
    assert "did you mean `comparison: == to !=`?" in err


def test_a_wrong_mark_stands_in_the_comment(repository, run):
    repository.replace(
        "alerts/payments/checkout.yaml",
        "    tests:\n",
        '    equivalent_mutants:\n      - {mutant: "for: 1m to 3m", reason: Same.}\n    tests:\n',
    )
    _, out, _ = run(repository.root, "--format", "markdown")
    assert "- `alerts/payments/checkout.yaml:19`: `` Down has no mutant `for: 1m to 3m` ``" in out


def test_the_report_goes_into_a_file_and_the_summary_to_the_log(repository, run, tmp_path):
    code, out, _ = run(repository.root, "--format", "markdown", "--output", str(tmp_path / "report.md"))
    assert code == 0
    assert re.match(r"\d+ mutants: ", out)
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith("### ")


def test_a_file_that_cannot_be_written_is_a_message(repository, run, tmp_path):
    code, _, err = run(repository.root, "--output", str(tmp_path / "nowhere" / "report.txt"))
    assert code == 1
    assert "can't be written: No such file or directory" in err


def test_names_from_definitions_cannot_format_the_comment(repository, run):
    repository.replace("alerts/payments/checkout.yaml", "name: fires", "name: '<b>@team</b> `x`'")
    _, out, _ = run(repository.root, "--format", "markdown")
    assert "<b>" not in re.sub(r"(`+).*?\1", "", out, flags=re.DOTALL)
    assert "@team" not in re.sub(r"(`+).*?\1", "", out, flags=re.DOTALL)


def test_without_promtool_it_says_where_to_get_it(repository, run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, err = run(repository.root)
    assert (code, out) == (1, "")
    assert "promtool is not on PATH" in err
    assert "Traceback" not in err


def test_what_has_been_judged_is_not_judged_again(repository, run, promtool_calls):
    run(repository.root)
    before = len(promtool_calls())
    assert any("round" in call for call in promtool_calls())
    run(repository.root, "hosts/Down")
    run(repository.root)
    # Only the search for proposals runs again.
    assert [call for call in promtool_calls()[before:] if "round" in call] == []
