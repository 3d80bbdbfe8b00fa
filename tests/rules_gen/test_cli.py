"""The command as people and CI see it: exit codes, what goes where, formats, terminals."""

import io
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from rules_gen import __version__, cli
from rules_gen.commands import progress as progress_module

CHECKOUT = "alerts/payments/checkout.yaml"
RULES = "rules/payments/checkout.rules.yml"


@pytest.fixture
def run(capsys, monkeypatch):
    """The command in this process: exit code, standard output, standard error."""

    def call(repository, *arguments):
        monkeypatch.chdir(repository.root)
        code = cli.main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_build_lists_what_it_wrote_then_that_nothing_has_changed(repository, run):
    code, out, err = run(repository, "build")
    assert (code, err) == (0, "")
    assert f"created {RULES}\n" in out
    assert re.search(r"2 services, \d+ outputs: \d+ changed, 2 scenarios recorded, 2 fixtures proved by promtool", out)
    assert run(repository, "build") == (0, "Nothing has changed: all outputs are current.\n", "")
    assert run(repository, "check") == (0, "Nothing has changed: all outputs are current.\n", "")
    assert run(repository, "build", "--quiet") == (0, "", "")


def test_build_names_what_it_updated_removed_and_left_alone(built, run):
    built.write("rules/mine.rules.yml", "groups: []\n")
    built.replace(CHECKOUT, "for: 1m", "for: 2m")
    (built.root / "alerts/platform/hosts.yaml").unlink()
    code, out, err = run(built, "build")
    assert (code, err) == (0, "")
    assert f"updated {RULES}\n" in out
    assert "removed rules/platform/hosts.rules.yml\n" in out
    assert "note: rules/mine.rules.yml wasn't generated; it is left alone\n" in out


def test_quiet_prints_problems_only(built, run):
    built.replace(CHECKOUT, "for: 1m", "for: 2m")
    assert run(built, "build", "--quiet") == (0, "", "")
    built.replace(CHECKOUT, "for: 2m", "for: soon")
    code, out, err = run(built, "build", "--quiet")
    assert (code, out) == (1, "")
    assert "error" in err


def test_an_error_is_shown_with_its_place_and_nothing_is_written(built, run):
    before = built.outputs()
    built.replace(CHECKOUT, "severity: medium", "severty: medium")
    code, out, err = run(built, "build")
    assert (code, out) == (1, "")
    assert f"{CHECKOUT}:5:5: error[unknown-key]" in err
    assert "  5 |     severty: medium\n    |     ^~~~~~~\n" in err
    assert "did you mean `severity`?" in err
    assert err.endswith("Nothing was written.\n")
    assert built.outputs() == before


def stale(repository):
    repository.write(RULES, repository.read(RULES) + "# mine\n")
    (repository.root / "runbooks/README.md").unlink()
    repository.write("rules/platform/old.rules.yml", repository.read(RULES))
    return {"created runbooks/README.md", f"updated {RULES}", "removed rules/platform/old.rules.yml"}


def test_check_fails_on_stale_outputs_names_them_and_writes_nothing(built, run):
    expected = stale(built)
    before = built.outputs()
    code, out, err = run(built, "check")
    assert (code, out) == (1, "")
    assert {line.strip() for line in err.splitlines()[1:-1]} == expected
    assert "make rules" in err
    assert built.outputs() == before
    assert run(built, "build")[0] == 0
    assert run(built, "check")[0] == 0


def test_check_passes_in_a_fresh_clone(built, run):
    shutil.rmtree(built.root / ".rules-gen")
    code, _, err = run(built, "check")
    assert (code, err) == (0, "")
    assert not (built.root / ".rules-gen").exists(), "a check writes nothing"


def test_check_fails_on_an_error(built, run):
    built.write(CHECKOUT, "service: [\n")
    code, _, err = run(built, "check")
    assert code == 1
    assert err.endswith("Nothing was compared.\n")


def test_stale_outputs_as_json(built, run):
    expected = stale(built)
    code, out, err = run(built, "check", "--format", "json")
    assert (code, err) == (1, "")
    found = json.loads(out)
    items = found["diagnostics"] if isinstance(found, dict) else found
    assert {item["check"] for item in items} == {"stale-output"}
    said = json.dumps(items)
    for line in expected:
        word, path = line.split()
        assert word in said
        assert path in said


def test_stale_outputs_as_annotations_of_a_pull_request(built, run):
    expected = stale(built)
    code, out, _ = run(built, "check", "--format", "github")
    assert code == 1
    lines = [line for line in out.splitlines() if line.startswith("::error ")]
    assert len(lines) == 3
    for line in expected:
        word, path = line.split()
        assert any(f"file={path}," in found and word in found for found in lines)


def test_stale_outputs_as_sarif(built, run):
    stale(built)
    code, out, _ = run(built, "check", "--format", "sarif")
    results = json.loads(out)["runs"][0]["results"]
    assert (code, {result["ruleId"] for result in results}) == (1, {"stale-output"})
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results}
    assert RULES in uris


def test_stale_outputs_as_junit(built, run):
    expected = stale(built)
    code, out, _ = run(built, "check", "--format", "junit")
    cases = ET.fromstring(out.encode()).findall("testsuite/testcase")
    assert (code, {case.get("name") for case in cases}) == (1, {"stale-output 1:1"})
    assert {case.get("classname") for case in cases} == {line.split()[1] for line in expected}


def test_a_clean_check_as_junit_is_a_case_that_passes(built, run):
    code, out, err = run(built, "check", "--format", "junit")
    assert (code, err) == (0, "")
    root = ET.fromstring(out.encode())
    assert (root.get("tests"), root.get("failures")) == ("1", "0")


@pytest.mark.parametrize("form", ["json", "github", "sarif"])
def test_a_clean_check_is_empty_but_well_formed_for_machines(built, run, form):
    code, out, err = run(built, "check", "--format", form)
    assert (code, err) == (0, "")
    if form == "github":
        assert "::error" not in out
    else:
        json.loads(out)


def test_a_refused_output_folder_is_a_message(repository, run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (repository.root / "rules").symlink_to(tmp_path / "elsewhere")
    code, out, err = run(repository, "build")
    assert (code, out) == (1, "")
    assert err == "rules-gen: rules is a symbolic link; outputs are only written inside the repository\n"


def test_an_unknown_target_is_a_wrong_use(repository, run):
    code, out, err = run(repository, "build", "--only", "prometheus-rule")
    assert (code, out) == (2, "")
    assert "no target `prometheus-rule`; did you mean `prometheus-rules`?" in err


def test_only_can_be_given_several_times(repository, run):
    code, out, _ = run(repository, "build", "--only", "prometheus-rules", "--only", "runbook-pages")
    assert code == 0
    assert sorted({path.partition("/")[0] for path in repository.outputs()}) == ["rules", "runbooks"]
    assert "proved" not in out
    again = run(repository, "build", "--only", "runbook-pages", "--only", "prometheus-rules")
    assert again == (0, "Nothing has changed: all outputs are current.\n", "")


@pytest.mark.parametrize("arguments", [[], ["biuld"], ["build", "--nonsense"], ["build", "--jobs", "many"], ["init"]])
def test_wrong_use_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    assert "rules-gen" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--help"], ["build", "--help"], ["check", "--help"], ["init", "--help"], ["coverage", "--help"]]
)
def test_help_shows_examples(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 0
    assert "\nexamples:\n" in capsys.readouterr().out


def test_the_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"rules-gen {__version__}\n"


def test_the_schema_is_printed_as_it_is_published(capsys):
    assert cli.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$defs"]


def test_the_checks_and_targets_are_listed_with_a_sentence_each(capsys):
    assert cli.main(["schema", "--checks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"checks:", "targets:"} <= set(lines)
    named = [line.split(maxsplit=1) for line in lines if line.startswith("  ")]
    assert "prometheus-rules" in dict(named)
    assert all(len(parts) == 2 for parts in named)


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_the_completion_names_the_commands(shell, capsys):
    assert cli.main(["completion", shell]) == 0
    assert "check" in capsys.readouterr().out


def test_another_root_than_here(built, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check", "--root", str(built.root)]) == 0
    assert cli.main(["check", "--root", str(tmp_path)]) == 1
    assert "the folder alerts/ isn't there" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_traceback(built):
    for arguments in (["schema"], ["check", "--format", "json"]):
        with built.start(*arguments) as process:
            process.stdout.close()
            assert process.stderr.read() == ""


def test_what_the_terminal_cannot_show_is_escaped(repository):
    repository.replace(CHECKOUT, "severity: medium", "gr\xf6\xdfe: medium")
    code, _, err = repository.command("build", env={"PYTHONIOENCODING": "ascii"})
    assert code == 1
    assert "gr\\xf6\\xdfe" in err


def slow(tmp_path):
    """A PATH with a promtool that takes its time to say its version, so that the build counts as long."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "promtool"
    script.write_text(f'#!/bin/sh\n[ "$1" = --version ] && sleep 0.6\nexec {shutil.which("promtool")} "$@"\n')
    script.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.full
def test_progress_is_silent_in_a_pipe(repository, tmp_path):
    code, out, err = repository.command("build", env={"PATH": slow(tmp_path)})
    assert (code, err) == (0, "")
    assert "\x1b" not in out


@pytest.mark.full
def test_progress_is_shown_on_a_terminal_and_taken_away_at_the_end(repository, tmp_path):
    ours, theirs = pty.openpty()
    process = repository.start("build", env={"PATH": slow(tmp_path), "TERM": "xterm"}, stderr=theirs)
    os.close(theirs)
    shown = b""
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 4096)
            except OSError:
                break
    os.close(ours)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"recording 0/2" in shown
    assert shown.endswith(b"\r\x1b[K")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_short_build_shows_no_progress_even_on_a_terminal(monkeypatch):
    clock = iter([100.0, 100.2, 100.4, 100.7, 100.75, 101.0])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(clock))
    terminal = Terminal()
    progress = progress_module.Progress(terminal)

    for done in range(5):
        progress("compiling", done, 5)

    assert re.findall(r"compiling (\d)/5", terminal.getvalue()) == ["2", "4"]
    progress.clear()
    assert terminal.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize(
    ("environment", "coloured"), [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)]
)
def test_colours_only_on_a_terminal_that_wants_them(repository, environment, coloured):
    repository.write(CHECKOUT, "service: [\n")
    ours, theirs = pty.openpty()
    process = repository.start("build", env=environment, stderr=theirs)
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
    # A slow machine shows progress before, which clears its line but has no colour.
    assert bool(re.search(rb"\x1b\[[0-9;]*m", shown)) is coloured
    assert b"error" in shown


def test_it_can_be_run_as_a_module(built):
    run = subprocess.run(
        [sys.executable, "-m", "rules_gen", "check"],
        cwd=built.root,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
