"""The command as a whole: what it costs to start, how mistakes are told, exit codes."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from router_process import routes_document

import router
from router import cli
from router.commands import parser

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "sqlalchemy",
    "aiohttp",
    "jinja2",
    "msgspec",
    "yaml",
    "structlog",
    "jsonschema_rs",
    "slack_sdk",
    "router.model",
)


def subcommands(given):
    for action in given._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield name, below
                yield from ((f"{name} {inner}", found) for inner, found in subcommands(below))


NAMES = [name for name, _ in subcommands(parser.build_parser())]


def test_the_parser_is_built_without_anything_heavy():
    code = (
        "import sys; before = set(sys.modules)\n"
        "from router import cli\nfrom router.commands import parser\nparser.build_parser()\n"
        "print(*(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = set(loaded.stdout.split())
    assert "argparse" in modules
    assert not modules & {*HEAVY, "importlib.metadata"}


def test_help_names_each_command_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom router import cli\n"
        "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
        f"assert not set({HEAVY!r}) & set(sys.modules), sorted(sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    for name in ("serve", "check-config", "explain", "dead-letters", "send", "preview", "completion"):
        assert f"    {name}" in shown.stdout


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_a_help_with_examples(name, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([*name.split(), "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"examples:\n  {'eval ' if name == 'completion' else ''}" in shown
    assert f"alert-router {name.partition(' ')[0]}" in shown


def test_the_examples_of_the_help_are_accepted():
    given = parser.build_parser()
    accepted = 0
    for text in [given.epilog, *(below.epilog for _, below in subcommands(given))]:
        for line in text.splitlines()[1:]:
            # What explains an example stands two spaces or more behind it.
            command = re.split(" {2,}", line.strip())[0].partition(" | ")[0].partition(" > ")[0]
            if command.startswith("alert-router "):
                assert given.parse_args(shlex.split(command)[1:]).run
                accepted += 1
    assert accepted > 20


def test_version_is_the_package_s(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"alert-router {version('tocsin')}\n"


def test_without_a_command_the_usage_is_told(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_the_module_runs_as_the_command():
    ran = subprocess.run(
        [sys.executable, "-m", "router", "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, f"alert-router {version('tocsin')}\n")


def test_an_interrupt_is_told_in_a_word(monkeypatch, capsys):
    def interrupted(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("router.commands.completion.run", interrupted)
    assert cli.main(["completion", "bash"]) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_a_reader_that_has_gone_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-m", "router", "completion", "bash"],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_the_commands(shell, capsys):
    assert cli.main(["completion", shell]) == 0
    assert "dead-letters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["explain", "x", "--set", "nonsense"], "--set takes KEY=VALUE"),
        (["explain", "x", "--set", "log.levle=debug"], "did you mean `log.level`?"),
        (["explain", "x", "--store", "mysql://db"], "--store: "),
        (["explain", "x", "--config", "nowhere.yml"], "nowhere.yml: there is no such file"),
        (["serve", "--listen", "0.0.0.0:1"], "anybody who reaches this address could post alerts"),
        (["serve", "--routes", "nowhere.yml"], "nowhere.yml: can't be read"),
    ],
)
def test_a_configuration_with_mistakes_ends_with_2_and_no_traceback(arguments, told, tmp_path, monkeypatch, capsys):
    for name in list(os.environ):
        if name.startswith("ALERT_ROUTER"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert printed.out == ""
    assert "Traceback" not in printed.err


def test_all_mistakes_of_the_settings_are_told_together(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["serve", "--set", "log.level=loud", "--set", "retention=soon", "--listen", "here"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("alert-router: the settings have 3 mistakes:\n")
    for place in ("--set log.level", "--set retention", "--listen"):
        assert f"\n  {place}: " in told


def test_serve_hands_the_settings_to_the_application(tmp_path, monkeypatch):
    from router import app
    from router.telemetry import logs

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yml").write_text(yaml.safe_dump(routes_document()))
    given = []
    monkeypatch.setattr(app, "run", lambda *parts: given.append(parts) or 7)
    monkeypatch.setattr(logs, "configure", lambda *parts: given.append(parts))
    arguments = ["serve", "--routes", "mine.yml", "--dry-run", "--listen", "127.0.0.1:0", "--store", "sqlite:///x.db"]
    assert cli.main([*arguments, "--set", "log.format=json"]) == 7
    (level, form, environment, secrets), (settings, _, file, release) = given
    assert (level, form, environment, set(secrets())) == ("info", "json", "", set())
    assert (settings.dry_run, settings.listen, settings.store.url) == ("always", "127.0.0.1:0", "sqlite:///x.db")
    assert file.routes.default_team == "platform"
    assert release == router.__version__
    assert not (tmp_path / "x.db").exists()
