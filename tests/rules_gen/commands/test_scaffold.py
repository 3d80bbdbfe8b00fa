"""`rules-gen init`: what it writes works, and it never overwrites anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rules_gen import __version__, cli
from rules_gen.commands import scaffold

ROOT = Path(__file__).parents[3]


def make(folder, *targets, **environment):
    return subprocess.run(
        ["make", "-C", folder, *targets],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=120,
    )


def files_below(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def started(tmp_path, capsys):
    folder = tmp_path / "monitoring"
    assert cli.main(["init", str(folder)]) == 0
    capsys.readouterr()
    return folder


def test_it_says_what_to_do_next(tmp_path, capsys):
    folder = tmp_path / "my monitoring"
    assert cli.main(["init", str(folder)]) == 0
    out = capsys.readouterr().out
    assert f"cd '{folder}'" in out
    assert "make rules" in out


def test_the_first_build_works_and_the_second_has_nothing_to_do(started):
    first = make(started, "rules")
    assert first.returncode == 0, first.stderr
    assert "created rules/payments/checkout-api.rules.yml" in first.stdout
    assert not (started / ".venv").exists(), "the rules-gen that ran init is used, without a network"
    before = files_below(started)
    second = make(started, "rules")
    assert second.returncode == 0, second.stderr
    assert "Nothing has changed" in second.stdout
    assert files_below(started) == before
    check = make(started, "rules-check")
    assert (check.returncode, "Nothing has changed" in check.stdout) == (0, True)


def test_the_example_meets_what_its_policy_demands(started):
    measured = make(started, "coverage")
    assert measured.returncode == 0, measured.stdout
    assert "The policy's demand is met" in measured.stdout
    assert make(started, "coverage", "REPORT=coverage.xml").returncode == 0
    assert (started / "coverage.xml").read_text().startswith("<?xml")


@pytest.mark.full
def test_what_is_generated_passes_the_tools_without_rules_gen(started):
    assert make(started, "rules").returncode == 0
    test = make(started, "test")
    assert test.returncode == 0, test.stderr
    assert "promtool passes 1 rule files and 1 test files" in test.stdout
    fixture = started / "rules/payments/checkout-api.test.yml"
    fixture.write_text(fixture.read_text().replace("severity: critical", "severity: high", 1))
    assert make(started, "test").returncode != 0


def test_make_alone_prints_the_targets_and_sets_nothing_up(started):
    before = files_below(started)
    shown = make(started)
    assert {"rules", "rules-check", "test"} <= set(re.findall(r"^  make ([a-z-]+)", shown.stdout, re.MULTILINE))
    assert files_below(started) == before


@pytest.mark.full
def test_the_change_that_the_readme_walks_through_behaves_as_told(started):
    assert make(started, "rules").returncode == 0
    service = started / "alerts/payments/checkout-api.yaml"
    blocks = re.findall(r"```yaml\n(.*?)```", (started / "README.md").read_text(), re.DOTALL)
    threshold, scenario = blocks
    service.write_text(service.read_text().replace("    threshold: above 500ms\n", threshold))
    before = files_below(started / "rules")
    refused = make(started, "rules")
    assert refused.returncode != 0
    assert "CheckoutApiSlow doesn't fire at 20m" in refused.stderr
    assert "0.625" in refused.stderr, "the values of the expression are shown"
    assert files_below(started / "rules") == before
    text = service.read_text()
    start = text.index("      - name: fires when one request in ten takes a second")
    end = text.index("      - name: stays quiet when all are answered")
    service.write_text(text[:start] + scenario + text[end:])
    accepted = make(started, "rules")
    assert accepted.returncode == 0, accepted.stderr
    assert "> 2\n" in (started / "rules/payments/checkout-api.rules.yml").read_text()


def test_editors_find_the_schema_that_the_definitions_name(started):
    for path in [*started.glob("alerts/*.yaml"), *started.glob("alerts/*/*.yaml")]:
        named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
        assert named, path
        schema = (path.parent / named[1]).resolve()
        assert schema == started / ".schema/definitions.schema.json"
        assert schema.read_text().startswith("{")


def test_the_example_has_no_warnings(started):
    check = subprocess.run(
        [started / ".tools/bin/rules-gen", "build"], cwd=started, capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stderr) == (0, "")


def test_no_file_that_is_committed_holds_a_path_of_this_machine(started):
    subprocess.run(["git", "init", "-q", started], check=True)
    subprocess.run(["git", "-C", started, "add", "."], check=True)
    listed = subprocess.run(
        ["git", "-C", started, "ls-files"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {
        ".gitignore",
        ".gitattributes",
        ".github/workflows/rules.yml",
        ".pre-commit-config.yaml",
        "Makefile",
    } <= set(listed)
    assert not [path for path in listed if path.startswith(".tools/")]
    for path in listed:
        text = (started / path).read_text()
        assert str(ROOT) not in text
        assert sys.executable not in text
        assert "@VERSION@" not in text
    assert (started / "requirements.txt").read_text() == f"tocsin=={__version__}\n"


def test_the_scripts_can_be_run(started):
    for script in started.glob("scripts/*.sh"):
        assert os.access(script, os.X_OK)
        subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.parametrize("name", ["alerts", ".gitignore", "notes.txt"])
def test_a_folder_that_is_not_empty_is_refused_and_left_as_it_is(tmp_path, capsys, name):
    (tmp_path / name).write_text("mine")
    assert cli.main(["init", str(tmp_path)]) == 1
    assert f"it holds {name}" in capsys.readouterr().err
    assert files_below(tmp_path) == {name: b"mine"}


def test_the_list_of_what_is_in_the_way_is_kept_short(tmp_path, capsys):
    for number in range(14):
        (tmp_path / f"file-{number:02}").touch()
    assert cli.main(["init", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert "file-09 and 4 more" in err
    assert "file-10" not in err


def test_an_empty_folder_and_one_that_git_has_just_made_are_used(tmp_path):
    for folder in (tmp_path / "empty", tmp_path / "git"):
        folder.mkdir()
        identity = folder.stat().st_ino
        if folder.name == "git":
            subprocess.run(["git", "init", "-q", folder], check=True)
        assert cli.main(["init", str(folder)]) == 0
        assert (folder / "Makefile").is_file()
        assert folder.stat().st_ino == identity, "the shell may stand in it"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path, capsys):
    target = tmp_path / "file"
    target.write_text("mine")
    assert cli.main(["init", str(target)]) == 1
    assert "is not a folder" in capsys.readouterr().err
    assert cli.main(["init", str(target / "below")]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert target.read_text() == "mine"


@pytest.mark.parametrize("there", [False, True])
def test_an_error_half_way_leaves_nothing_behind(tmp_path, capsys, monkeypatch, there):
    folder = tmp_path / "a" / "b"
    if there:
        folder.mkdir(parents=True)
    rename = Path.rename

    def fail_late(self, target):
        if Path(target).name == "alerts":
            raise OSError(28, "No space left on device", str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_late)
    assert cli.main(["init", str(folder)]) == 1
    assert "No space left on device; nothing was written" in capsys.readouterr().err
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == (["a", "a/b"] if there else [])


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "new"
    make_all = scaffold.scaffold_files

    def slowly():
        contents = make_all()
        folder.mkdir()
        (folder / "README.md").write_text("mine")
        return contents

    monkeypatch.setattr(scaffold, "scaffold_files", slowly)
    assert cli.main(["init", str(folder)]) == 1
    assert "appeared meanwhile" in capsys.readouterr().err
    assert files_below(folder) == {"README.md": b"mine"}


@pytest.fixture
def pip(tmp_path):
    """A Python whose pip installs this checkout's rules-gen, and writes down what it was asked for."""
    asked = tmp_path / "asked"
    launcher = f"exec env PYTHONPATH={ROOT} {sys.executable} -m rules_gen"
    (tmp_path / "python").write_text(
        f"""#!/bin/sh
case "$*" in
"-m venv --clear .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
*"pip install"*)
    echo "$*" >>{asked}
    printf '#!/bin/sh\\n{launcher} "$@"\\n' >.venv/bin/rules-gen
    chmod +x .venv/bin/rules-gen
    ;;
esac
"""
    )
    (tmp_path / "python").chmod(0o755)
    return tmp_path / "python", asked


def other_version(folder):
    folder.mkdir()
    (folder / "rules-gen").write_text("#!/bin/sh\necho rules-gen 0.0.1\n")
    (folder / "rules-gen").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.full
def test_elsewhere_the_version_that_is_named_gets_installed_whatever_is_on_the_path(started, tmp_path, pip):
    python, asked = pip
    (started / ".tools/bin/rules-gen").unlink()
    built = make(started, "rules", PYTHON=str(python), PATH=other_version(tmp_path / "bin"))
    assert built.returncode == 0, built.stderr
    assert "it is rules-gen 0.0.1, requirements.txt names" in built.stderr
    assert asked.read_text().split("install ")[1] == "-q -r requirements.txt\n"
    assert "Nothing has changed" in make(started, "rules", PYTHON=str(python)).stdout
    assert len(asked.read_text().splitlines()) == 1, "the second run sets nothing up"


@pytest.mark.full
def test_a_requirement_or_checkout_of_your_own_is_installed_instead(started, pip):
    python, asked = pip
    built = make(started, "rules", f"PYTHON={python}", "TOCSIN=/a/checkout")
    assert built.returncode == 0, built.stderr
    assert asked.read_text().split("install ")[1] == "-q /a/checkout\n"


def test_a_python_without_what_is_needed_is_named(started):
    (started / ".tools/bin/rules-gen").unlink()
    refused = make(started, "rules", PYTHON="/nonexistent/python", PATH="/usr/bin:/bin")
    assert refused.returncode != 0
    assert "Python 3.11 or newer" in refused.stderr
