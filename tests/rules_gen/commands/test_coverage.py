"""`rules-gen coverage` as people and CI see it: what it prints in each form, and its exit codes."""

import json
import os
import pty
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from rules_gen import cli

GOLDEN = Path(__file__).parents[1] / "golden" / "coverage"
CHECKOUT = "alerts/payments/checkout.yaml"
FORMS = {"text": "txt", "json": "json", "junit": "xml", "markdown": "md"}


@pytest.fixture
def run(capsys):
    """The command in this process: exit code, standard output, standard error."""

    def call(root, *arguments):
        code = cli.main(["coverage", "--root", str(root), *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def sample(tmp_path):
    """A copy of the golden definitions: something missing, something exempt, a ladder, environments."""
    shutil.copytree(GOLDEN / "alerts", tmp_path / "alerts")
    return tmp_path


def replace(root, path, old, new):
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))


@pytest.mark.parametrize("form", FORMS)
def test_the_report_in_each_form(sample, run, form):
    code, out, err = run(sample, "--format", form)
    assert (code, err) == (1, "")
    golden = GOLDEN / f"coverage.{FORMS[form]}"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(out)
    assert out == golden.read_text()


def test_the_table_fits_into_a_hundred_columns():
    assert max(len(line) for line in (GOLDEN / "coverage.txt").read_text().splitlines()) <= 100


def test_what_meets_the_demand_is_exit_code_0(repository, run):
    code, out, err = run(repository.root)
    assert (code, err) == (0, "")
    assert out.endswith(
        "2 alerts, 2 rules: fires 100%, quiet 0%, pending 0%, resolved 0%\nThe policy's demand is met: 2 of 2 shown.\n"
    )


def test_a_demand_that_is_not_met_is_named_with_its_place_and_the_way_out(repository, run):
    repository.write("alerts/policy.yaml", repository.policy + "proof: {coverage: {medium: [fires, pending]}}\n")
    code, out, _ = run(repository.root)
    assert code == 1
    line = repository.read(CHECKOUT).splitlines().index("    tests:") + 1
    assert f"  {CHECKOUT}:{line}: no scenario shows Down pending\n    help: add `pending_at:`" in out


def test_it_needs_nothing_that_was_built_and_writes_nothing(repository, run):
    before = sorted(repository.root.rglob("*"))
    assert run(repository.root)[0] == 0
    assert sorted(repository.root.rglob("*")) == before


@pytest.mark.parametrize("form", FORMS)
def test_a_scenario_that_does_not_hold_is_shown_instead_of_any_coverage(repository, run, form):
    repository.replace(CHECKOUT, "0x10", "1x10")
    code, out, err = run(repository.root, "--format", form)
    assert code == 1
    assert "error[scenario-does-not-fire]: Down doesn't fire at 5m" in err
    assert err.endswith("Nothing was measured: only what is proved counts.\n")
    assert "✓" not in out
    if form == "text":
        assert out == ""
    elif form == "json":
        data = json.loads(out)
        assert (data["met"], [problem["check"] for problem in data["problems"]]) == (None, ["scenario-does-not-fire"])
        assert "rules" not in data
    elif form == "junit":
        assert ET.fromstring(out.encode()).get("failures") == "1"
    else:
        assert out.startswith("### Alert coverage: not measured\n")


def test_an_error_in_a_definition_is_shown_with_its_place(repository, run):
    repository.replace(CHECKOUT, "severity: medium", "severty: medium")
    code, out, err = run(repository.root)
    assert (code, out) == (1, "")
    assert f"{CHECKOUT}:5:5: error[unknown-key]" in err


def test_without_definitions_nothing_passes(tmp_path, run, repository):
    code, out, err = run(tmp_path)
    assert (code, out) == (1, "")
    assert "alerts/ isn't there" in err
    shutil.rmtree(repository.root / "alerts/payments")
    shutil.rmtree(repository.root / "alerts/platform")
    code, out, err = run(repository.root)
    assert (code, out, err) == (1, "", "rules-gen: no service has a definition, so nothing is proved\n")


def test_a_promtool_that_is_missing_is_a_message(repository, run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, err = run(repository.root)
    assert (code, out) == (1, "")
    assert "promtool is not on PATH" in err


def test_named_alerts_come_with_the_scenarios_that_show_them(sample, run):
    code, out, err = run(sample, "CheckoutDown")
    assert (code, err) == (0, "")
    assert "      resolved  fires, and is <quiet> again | `soon`\n" in out
    assert "CheckoutErrors" not in out
    assert "recording rule" not in out
    assert run(sample, "payments/checkout/CheckoutErrors", "CheckoutDown")[0] == 1


def test_an_error_elsewhere_does_not_keep_a_named_alert_from_being_measured(sample, run):
    replace(sample, "alerts/shop/cart.yaml", "summary:", "sumary:")
    assert run(sample, "CheckoutDown")[0] == 0
    assert run(sample)[0] == 1


def test_an_unknown_alert_is_a_wrong_use_with_the_name_that_was_meant(sample, run):
    code, out, err = run(sample, "CheckoutDown", "ChekoutErrors", "Nothing")
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first == "rules-gen: no alert `ChekoutErrors`; did you mean `CheckoutErrors`?"
    assert second.startswith("rules-gen: no alert `Nothing`; known here: ")


def test_the_report_goes_to_a_file_and_what_is_missing_to_the_log(sample, run, tmp_path):
    target = tmp_path / "coverage.xml"
    code, out, err = run(sample, "--format", "junit", "--output", str(target))
    assert (code, err) == (1, "")
    assert target.read_text() == (GOLDEN / "coverage.xml").read_text()
    assert out.startswith("Missing:\n")
    assert out.endswith("Below the policy's demand: 13 of 16 shown.\n")


def test_a_file_that_cannot_be_written_is_a_message(sample, run, tmp_path):
    code, _, err = run(sample, "--output", str(tmp_path / "none" / "coverage.txt"))
    assert code == 1
    assert re.fullmatch(r"rules-gen: .*coverage.txt can't be written: No such file or directory\n", err)


def test_names_that_people_type_stay_text(sample, run):
    hostile = "fires\\e[31m \\u202e</details>|<img src=x>"
    replace(sample, CHECKOUT, "name: fires, and is <quiet> again | `soon`", f'name: "{hostile}"')
    _, named, _ = run(sample, "CheckoutDown")
    assert "\\x1b[31m \\u202e" in named
    _, page, _ = run(sample, "--format", "markdown")
    assert "<img" not in page
    assert page.count("</details>") == 1
    _, report, _ = run(sample, "--format", "junit")
    assert "\\x1b[31m \\u202e</details>|<img src=x>" in "".join(ET.fromstring(report.encode()).itertext())
    _, data, _ = run(sample, "--format", "json")
    assert data.isascii()


def test_in_a_pipe_there_are_no_colours_and_no_progress(repository):
    code, out, err = repository.command("coverage", env={"TERM": "xterm"})
    assert (code, err) == (0, "")
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("environment", "coloured"), [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)]
)
def test_colours_only_on_a_terminal_that_wants_them(repository, environment, coloured):
    ours, theirs = pty.openpty()
    process = repository.start("coverage", env=environment, stdout=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    process.communicate(timeout=30)
    assert bool(re.search(rb"\x1b\[[0-9;]*m", shown)) is coloured


def test_a_terminal_without_ticks_gets_ascii(repository):
    code, out, _ = repository.command("coverage", env={"PYTHONIOENCODING": "ascii"})
    assert code == 0
    assert out.isascii()
    assert "+ shown   . not demanded" in out


def test_it_is_proved_afresh_whatever_is_committed(built, run, promtool_calls):
    assert run(built.root)[0] == 0
    assert len([call for call in promtool_calls() if call.startswith("test rules")]) in {1, 2}
    fixture = built.root / "rules/payments/checkout.test.yml"
    fixture.write_text("tests: []\n")
    assert run(built.root)[0] == 0
