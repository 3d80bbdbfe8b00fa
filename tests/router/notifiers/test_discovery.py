"""A channel is a file in router/notifiers; nothing else has to know of it."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from router.model import Destination
from router.notifier import Traits
from router.notifiers import _Channels, channels

NAMES = list(channels())


def test_the_channels_of_the_severities_and_the_generic_one_are_there():
    assert {"pagerduty", "slack", "email", "webhook"} <= set(NAMES)
    assert sorted(NAMES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_channel_has_its_four_parts(name):
    channel = channels()[name]
    assert isinstance(channel.TRAITS, Traits)
    assert msgspec.convert({}, channel.Settings) is not None
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"no-such-setting": 1}, channel.Settings)
    assert channel.destinations({"name": "A team"}) == ()


@pytest.mark.parametrize(
    ("name", "team", "key"),
    [
        ("pagerduty", {"pagerduty": {"routing_key": "PD_KEY"}}, "pagerduty:PD_KEY"),
        ("webhook", {"webhook": {"url": "HOOK_URL"}}, "webhook:HOOK_URL"),
    ],
)
def test_a_team_is_told_where_routes_say(name, team, key):
    (destination,) = channels()[name].destinations(team)
    assert destination.key == key
    assert Destination.parse(key) == destination


def test_an_unknown_channel_is_a_key_error():
    with pytest.raises(KeyError):
        channels()["pigeon"]
    assert "pigeon" not in channels()
    assert "__init__" not in channels()


def test_a_new_file_is_a_new_channel_and_an_incomplete_one_is_told(tmp_path, monkeypatch):
    package = tmp_path / "more_channels"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "pigeon.py").write_text("TRAITS = Settings = destinations = build = object()\n")
    (package / "_feathers.py").write_text("raise RuntimeError\n")
    (package / "broken.py").write_text("TRAITS = 1\ndef build(context): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = _Channels("more_channels", [str(package)])
    assert list(found) == ["broken", "pigeon"]
    assert found["pigeon"].build
    with pytest.raises(TypeError, match="Settings, destinations"):
        found["broken"]
    for name in ("more_channels", "more_channels.pigeon", "more_channels.broken"):
        sys.modules.pop(name, None)


@pytest.mark.full
def test_naming_the_channels_imports_none_of_their_clients():
    code = (
        "import sys; from router.notifiers import channels; list(channels()); "
        "print([name for name in ('aiohttp', 'httpx2', 'pagerduty', 'slack_sdk', 'aiosmtplib') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
