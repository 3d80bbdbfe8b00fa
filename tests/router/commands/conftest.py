from __future__ import annotations

import os

import pytest
from command_world import CommandWorld

from router import cli


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder in which commands run, without any of our variables."""
    for name in list(os.environ):
        if name.startswith("ALERT_ROUTER"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def world(folder):
    with CommandWorld(folder) as made:
        yield made


@pytest.fixture
def run(folder, capsys):
    """The command in this process: exit code, standard output, standard error."""

    def call(*arguments):
        capsys.readouterr()
        code = cli.main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
