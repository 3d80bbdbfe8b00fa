"""The tables of docs/router.md are the router's own settings, metrics and retry table, and its commands exist.

UPDATE_GOLDEN=1 writes the tables.
"""

import ast
import inspect
import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from message_samples import DELIVERY, FIRING, LOOK, snapshot

from router.commands.parser import build_parser
from router.config.durations import PATTERN
from router.config.settings_layers import DURATION, Leaf
from router.faults import FAULTS
from router.messages.message import build_message
from router.notifiers import channels
from router.notifiers.webhook import incident_document, signature
from router.settings import Settings, load_settings, settings_to_set
from router.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "router.md"
DOCUMENTED = [PAGE, ROOT / "README.md", ROOT / "docs" / "operations.md"]
CHANNELS = {name: channel.Settings for name, channel in channels().items()}


def told_beside(kind: type) -> dict[str, str]:
    """What stands under each field of a channel's Settings."""
    (cls,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(cls, ast.ClassDef)
    found = {}
    for field, text in zip(cls.body, cls.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def meaning(leaf: Leaf) -> str:
    described = leaf.node.get("description", "")
    if not described and leaf.keys[0] == "channels":
        described = told_beside(CHANNELS[str(leaf.keys[1])]).get(str(leaf.keys[2]), "")
    if leaf.keys[-1] == "enabled" and leaf.keys[0] != "reconciler":
        described = f"Whether {SWITCHES[str(leaf.keys[0])]}"
    return str(described)


SWITCHES = {
    "watchdog": "the silence of a cluster's Watchdog pages.",
    "escalation": "a medium that is unresolved for its response time counts as high, for teams that ask for it.",
    "storm": "storms are folded.",
    "flap": "an incident that reopens often is held in one Slack message.",
    "digest": "digests are sent.",
}


def default_of(leaf: Leaf) -> str:
    default = leaf.node.get("default")
    if default in ("", None, {}) or default == ():
        return ""
    if isinstance(default, tuple):
        return "`" + ", ".join(default) + "`"
    return f"`{json.dumps(default) if isinstance(default, bool | int | float) else default}`"


def cell(text: str) -> str:
    return re.sub(r"([\\*_<\[|])", r"\\\1", text) if "`" not in text else text.replace("|", "\\|")


def settings_table() -> str:
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for leaf in settings_to_set(CHANNELS):
        choices = leaf.node.get("enum")
        named = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
        lines.append(f"| `{leaf.dotted}` | {default_of(leaf)} | {cell(meaning(leaf))}{named} |")
    return "\n".join(lines)


def metrics_table() -> str:
    lines = ["| metric | labels | what it is |", "|---|---|---|"]
    for name, metric in sorted(Metrics("1", lambda: 0).registry._names_to_collectors.items()):
        if not name.startswith("alert_router_") or (metric._type == "histogram" and not name.endswith("_seconds")):
            continue
        if metric._type == "counter" and not name.endswith("_total"):
            continue
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        lines.append(f"| `{name}` | {labels} | {metric._documentation} |")
    return "\n".join(lines)


MEANS = {
    "no": "nothing",
    "limit": "pauses until Retry-After, or backs off",
    "count": "opens after 3 in a row",
    "count_rows": "opens after 3 in a row of different messages",
    "park": "parks, and pages the platform team",
}


def faults_table() -> str:
    lines = ["| reason | spends an attempt | the destination |", "|---|---|---|"]
    for reason, fault in FAULTS.items():
        lines.append(f"| `{reason.value}` | {'yes' if fault.spends else 'no'} | {MEANS[fault.breaker]} |")
    return "\n".join(lines)


TABLES = {"settings": settings_table, "metrics": metrics_table, "reasons": faults_table}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_made_from_the_code(name):
    text = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: made by tests/docs/test_router_settings.py -->\n", f"<!-- end of {name} -->"
    head, rest = text.split(begin)
    _, tail = rest.split(end)
    wanted = f"{head}{begin}\n{TABLES[name]()}\n\n{end}{tail}"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        PAGE.write_text(wanted, encoding="utf-8")
    else:
        assert text == wanted


def test_every_setting_has_a_meaning():
    assert [leaf.dotted for leaf in settings_to_set(CHANNELS) if not meaning(leaf)] == []


def test_variables_are_named_after_the_dotted_names():
    # The page tells how to make the one from the other, instead of listing both.
    for leaf in settings_to_set(CHANNELS):
        assert leaf.variable == "ALERT_ROUTER_" + leaf.dotted.replace(".", "_").upper()


def fenced(path: Path, language: str) -> list[str]:
    pattern = rf"^```{language}\n(.*?)^```$"
    return re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Each command line of `alert-router` that the documents show."""
    found = []
    for path in DOCUMENTED:
        for block in [*fenced(path, "sh"), *fenced(path, "")]:
            for line in block.replace("\\\n", " ").splitlines():
                shown = line.split("#")[0] if "'#" not in line and '"#' not in line else line
                if match := re.search(r"^(?:\.venv/bin/)?alert-router (.*)$", shown.strip()):
                    found.append((path.name, match[1]))
    return found


def test_there_are_commands_to_check():
    assert len(commands()) >= 15


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_documented_command_is_one_that_the_router_takes(page, line, monkeypatch):
    words = shlex.split(line)
    for stop in ("|", "&", ">"):
        if stop in words:
            words = words[: words.index(stop)]
    if "--help" in words or "--version" in words:
        return
    parsed = build_parser().parse_args(words)
    for text in getattr(parsed, "settings", []):
        key = text.partition("=")[0]
        assert key in {leaf.dotted for leaf in settings_to_set(CHANNELS)}


def test_the_files_of_settings_that_the_page_shows_are_accepted():
    blocks = [block for block in fenced(PAGE, "yaml") if block.startswith("# alert-router.yml\n")]
    assert len(blocks) >= 3
    for block in blocks:
        environ = {
            name: f"secret-{number}" for number, name in enumerate(sorted(set(re.findall(r"\b[A-Z_]{8,}\b", block))))
        }
        read = {"alert-router.yml": block.encode()}

        def read_file(path: str, read: dict[str, bytes] = read) -> bytes:
            if path not in read:
                raise FileNotFoundError(path)
            return read[path]

        environ = {name: value for name, value in environ.items() if not name.startswith("ALERT_ROUTER_")}
        environ["ALERT_ROUTER_TOKEN"] = "a-token"
        loaded = load_settings({}, environ, read_file, CHANNELS)
        assert isinstance(loaded, Settings), [str(problem) for problem in loaded]


def test_variables_that_the_page_shows_are_settings_or_secrets():
    known = {leaf.variable for leaf in settings_to_set(CHANNELS)} | {"ALERT_ROUTER_CONFIG"}
    secrets = {"ALERT_ROUTER_TOKEN", "ALERT_ROUTER_TOKEN_NEXT", "ALERT_ROUTER_STORE_PASSWORD"}
    shown = set(re.findall(r"\bALERT_ROUTER_[A-Z_]+\b", PAGE.read_text(encoding="utf-8")))
    assert {name for name in shown if name.removesuffix("_FILE") not in known | secrets} == set()


def test_the_checks_of_health_that_the_page_lists_are_those_that_there_are():
    source = (ROOT / "router" / "app.py").read_text(encoding="utf-8")
    there = set(re.findall(r'^ +"(\w+)": Check\(', source, re.MULTILINE))
    (section,) = re.findall(r"^### Health\n(.*?)^### ", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == there


def test_durations_are_typed_as_the_page_says():
    durations: list[dict[str, Any]] = [leaf.node for leaf in settings_to_set(CHANNELS) if DURATION in leaf.node]
    assert len(durations) > 5
    assert all(re.fullmatch(PATTERN, node["default"]) for node in durations)
    assert re.fullmatch(PATTERN, "1m30s")


def test_yaml_of_the_page_parses():
    for block in fenced(PAGE, "yaml"):
        assert yaml.safe_load(block) is not None


def test_the_check_of_a_signature_that_the_page_shows_accepts_ours_and_nothing_else():
    (source,) = fenced(PAGE, "python")
    found: dict[str, Any] = {}
    exec(source, found)
    ours = signature("key", 1_700_000_000_000_000, b"body")
    assert found["is_ours"](ours, b"body", "key", 1_700_000_001.5)
    assert not found["is_ours"](ours, b"body", "other", 1_700_000_001.5)
    assert not found["is_ours"](ours, b"bodY", "key", 1_700_000_001.5)
    assert not found["is_ours"](ours, b"body", "key", 1_700_009_999.0)


def test_the_body_of_a_webhook_that_the_page_shows_has_the_keys_of_a_real_one():
    (block,) = fenced(PAGE, "json")
    shown = json.loads(block)
    real = incident_document(build_message(snapshot(), FIRING, DELIVERY, LOOK), plain=False)
    assert set(shown) - {"version", "id", "sent_at"} == set(real)
    assert set(shown["incident"]) <= set(real["incident"])
    assert set(shown["alerts"][0]) == set(real["alerts"][0])
    assert set(shown["links"][0]) == set(real["links"][0])
