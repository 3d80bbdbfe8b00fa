"""A small monitoring repository on the disk, for what builds one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rules_gen import builder
from rules_gen.freshness import ROOTS

ROOT = Path(__file__).parents[2]
TODAY = "2026-01-15"

POLICY = """\
prometheus: "2.42"
urls:
  runbook: "https://runbooks.example.com/{team}/{service}/{alert}"
  dashboard: "https://grafana.example.com/d/{uid}"
severities:
  critical: {response: at once, channels: [pagerduty]}
  high: {response: 15m, channels: [pagerduty]}
  medium: {response: 1h, channels: [slack]}
  low: {response: next business day, channels: [slack]}
teams:
  payments: &team
    pagerduty: {routing_key: PAYMENTS_KEY}
    slack: {channel: "#alerts"}
  platform: *team
default_team: platform
"""


def service(name, team="payments", *, alert="Down", threshold="equals 0", more=""):
    """A service with one alert, as YAML."""
    return f"""\
service: {name}
team: {team}
alerts:
  - alert: {alert}
    severity: medium
    expr: up{{job="{name}"}}
    threshold: {threshold}
    for: 1m
    summary: "{{{{ $labels.instance }}}} of {name} is down"
    runbook:
      first: Restart it.
      impact: Requests to {name} fail.
      causes: a bad deploy
      investigate: Read the log.
      resolve: Roll back.
      verify: It answers again.
      escalate: {{after: 15m, to: the lead}}
    tests:
      - name: fires
        series:
          'up{{job="{name}", instance="a"}}': 0x10
        firing_at: [5m]
{more}"""


class Repository:
    """A monitoring repository with the two services payments/checkout and platform/hosts."""

    service = staticmethod(service)
    policy = POLICY
    today = TODAY

    def __init__(self, root):
        self.root = root
        self.write("alerts/policy.yaml", POLICY)
        self.write("alerts/payments/checkout.yaml", service("checkout"))
        self.write("alerts/platform/hosts.yaml", service("hosts", "platform"))

    def write(self, path, content):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            target.write_text(content, encoding="utf-8")
        return target

    def read(self, path):
        return (self.root / path).read_text(encoding="utf-8")

    def replace(self, path, old, new):
        text = self.read(path)
        assert old in text
        self.write(path, text.replace(old, new))

    def build(self, **options):
        made = {"root": self.root, "today": TODAY, "processes": 1, **options}
        return builder.build(builder.Options(**made))

    def check(self, **options):
        return self.build(write=False, **options)

    def outputs(self):
        """Every file in the output folders."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for folder in ROOTS
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file()
        }

    def start(self, *arguments, code="from rules_gen.cli import main; import sys; sys.exit(main())", **options):
        """The command in a process of its own, under way."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
        made = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": self.root, **options}
        return subprocess.Popen([sys.executable, "-c", code, *arguments], env=environment, **made)

    def command(self, *arguments, **options):
        """The finished command: exit code, standard output, standard error."""
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository")


@pytest.fixture(scope="session")
def built_tree(tmp_path_factory):
    """The small repository, built once; tests get copies."""
    made = Repository(tmp_path_factory.mktemp("built") / "repository")
    assert not made.build().failed
    return made.root


@pytest.fixture
def built(built_tree, tmp_path):
    """The small repository after its first build."""
    root = tmp_path / "repository"
    shutil.copytree(built_tree, root)
    copy = Repository.__new__(Repository)
    copy.root = root
    # What the file system says of the copies is new to the cache.
    assert not copy.build().changes
    return copy


@pytest.fixture
def promtool_calls(tmp_path, monkeypatch):
    """Puts a promtool first on PATH that writes down how it is called; a function that gives the calls."""
    real = shutil.which("promtool")
    folder = tmp_path / "recording-bin"
    folder.mkdir()
    log = tmp_path / "promtool-calls"
    log.touch()
    script = folder / "promtool"
    script.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec {real} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return lambda: log.read_text().splitlines()


ODD_VALUES = (
    *(None, True, False, 0, -1, 1.5, 1e300, 2**70, "", " ", "x", "X-1", "5m", "5 minutes", "above 5%", "0x10", "99.9%"),
    *(
        "${environment}",
        "${x",
        "{{ $labels.job }}",
        "{{ $labels.",
        "up",
        "up{",
        "rate(up[5m])",
        "critical",
        "\u00e9\u4e16",
    ),
    *("https://example.com", "../../etc", "2026-13-45", "a" * 300, [], {}, [[]], ["x"], {"x": 1}, [None], {"": None}),
)


def _places(data, at=()):
    yield at
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in below:
        yield from _places(value, (*at, key))


def _at(data, place):
    for key in place:
        data = data[key]
    return data


def mutate(data, draw):
    """A copy of some YAML data with one or a few things deleted, renamed, retyped, repeated or moved.

    `draw` is hypothesis's, and makes the choices.
    """
    import copy

    from hypothesis import strategies as st

    data = copy.deepcopy(data)
    for _ in range(draw(st.integers(1, 3))):
        places = [place for place in _places(data) if place]
        if not places:
            break
        *path, key = draw(st.sampled_from(places))
        parent = _at(data, path)
        match draw(st.sampled_from(["delete", "rename", "retype", "repeat", "move"])):
            case "delete":
                del parent[key]
            case "rename" if isinstance(parent, dict):
                other = draw(st.sampled_from([f"{key}x", str(key)[1:], str(key).upper(), "alert", "expr", "series"]))
                parent[other] = parent.pop(key)
            case "repeat" if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[key]))
            case "move":
                parent[key] = copy.deepcopy(_at(data, draw(st.sampled_from(places))))
            case _:
                parent[key] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
    return data


@pytest.fixture(scope="session")
def mutated():
    """The function that spoils YAML data at random."""
    return mutate
