"""The settings: defaults, a file, the environment's file, variables, options; each layer over the one before.

This is the only module that reads the environment. All mistakes of all layers are told at once, with their places.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import msgspec

from router.config.durations import format_duration
from router.config.problems import Problem
from router.config.secrets import Secrets, read_bytes
from router.config.settings_layers import (
    PREFIX,
    Layer,
    Leaf,
    Schema,
    file_layer,
    leaves,
    merged,
    options_layer,
    place_of,
    schema_of,
    variables_layer,
)
from router.config.settings_types import Settings
from router.config.yaml_text import Document, Keys, read_yaml

CONFIG = "alert-router.yml"
"""The file that is read when none is named; there needn't be one."""

CONFIG_VARIABLE = f"{PREFIX}CONFIG"
ENVIRONMENT_VARIABLE = f"{PREFIX}ENVIRONMENT"

_NAMES_OF_SECRETS = ("password", "secret", "token", "bearer", "signing_key")
"""Words in the keys of channels' settings that take a secret's name."""

ReadFile = Callable[[str], bytes]


class Loaded(NamedTuple):
    """What a process starts with."""

    settings: Settings
    secrets: Secrets


def load(options: Mapping[str, str], channels: Mapping[str, type]) -> Loaded | tuple[Problem, ...]:
    """The settings and secrets of this process: `load_settings` with the real environment and disk."""
    loaded = load_settings(options, os.environ, _read_whole, channels)
    if not isinstance(loaded, Settings):
        return loaded
    return Loaded(loaded, Secrets(dict(os.environ), read_bytes, loaded.secrets_dir))


def _read_whole(path: str) -> bytes:
    return Path(path).read_bytes()


def load_settings(
    options: Mapping[str, str], environ: Mapping[str, str], read_file: ReadFile, channels: Mapping[str, type]
) -> Settings | tuple[Problem, ...]:
    """The settings, or everything that is wrong with them.

    `options` are the command line's, by dotted names (`store.url`); `config` among them names the file. `channels` are
    the channels' own types of settings. `read_file` raises OSError.
    """
    schema = schema_of(Settings, channels)
    options = dict(options)
    layers: list[Layer] = []
    problems: list[Problem] = []

    def take(layer: Layer | tuple[Problem, ...]) -> None:
        if isinstance(layer, Layer):
            layers.append(layer)
        else:
            problems.extend(layer)

    named = options.pop("config", "") or environ.get(CONFIG_VARIABLE, "")
    config = named or CONFIG
    take(_file(config, read_file, schema, needed=bool(named)))
    environment = options.get("environment", "") or environ.get(ENVIRONMENT_VARIABLE, "")
    if not environment and layers:
        environment = str(layers[0].data.get("environment", ""))
    # A name of another form is refused below; here it could lead out of the folder.
    if re.fullmatch("[a-z0-9][a-z0-9_-]{0,31}", environment):
        path = PurePath(config)
        take(_file(str(path.with_name(f"{path.stem}.{environment}{path.suffix}")), read_file, schema, needed=False))
    secret_names = _secret_names([schema, *(layer.data for layer in layers), _ours(environ), options])
    take(variables_layer(environ, schema, [CONFIG_VARIABLE, *secret_names]))
    take(options_layer(options, schema))
    if problems:
        return tuple(problems)
    return _built(merged(layers), environ, read_file, channels)


def settings_to_set(channels: Mapping[str, type]) -> list[Leaf]:
    """All that can be set, for the documentation."""
    return leaves(schema_of(Settings, channels))


def _file(path: str, read_file: ReadFile, schema: Schema, *, needed: bool) -> Layer | tuple[Problem, ...]:
    try:
        text = read_file(path).decode("utf-8")
    except FileNotFoundError:
        return (Problem(path, "there is no such file"),) if needed else Layer({}, {})
    except OSError as error:
        return (Problem(path, f"can't be read: {error.strerror or type(error).__name__}"),)
    except UnicodeDecodeError:
        return (Problem(path, "isn't UTF-8"),)
    document = read_yaml(text, path)
    return file_layer(document, schema) if isinstance(document, Document) else document


def _secret_names(sources: Iterable[object]) -> set[str]:
    """Names with our prefix that the layers speak of: they are secrets' variables, no misspelt settings."""
    return {
        name for source in sources for text in _texts(source) for name in re.findall(rf"\b{PREFIX}[A-Z0-9_]+", text)
    }


def _ours(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(PREFIX)}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from _texts(below)


def _built(
    layer: Layer, environ: Mapping[str, str], read_file: ReadFile, channels: Mapping[str, type]
) -> Settings | tuple[Problem, ...]:
    data = dict(layer.data)
    given: Mapping[str, Any] = data.pop("channels", {})
    problems = []
    built: dict[str, Any] = {}
    for name, kind in channels.items():
        try:
            built[name] = msgspec.convert(given.get(name, {}), kind)
        except (msgspec.ValidationError, ValueError) as error:
            problems.append(Problem(place_of(layer, ("channels", name)), f"`channels.{name}`: {error}"))
    problems += [
        Problem(place_of(layer, keys), f"`{'.'.join(map(str, keys))}` {what}", hint)
        for keys, what, hint in _typed_secrets(given, ("channels",))
    ]
    # The schema is made from the type, so that what it admits converts.
    settings = msgspec.structs.replace(msgspec.convert(data, Settings), channels=built)
    problems += _contradictions(settings, layer)
    # These are looked at once: that a file changes meanwhile needn't be noticed.
    secrets = Secrets(environ, read_file, settings.secrets_dir, signature_of=lambda _path: None)
    problems += check_credentials(settings, secrets)
    return tuple(problems) or settings


def _typed_secrets(value: object, keys: Keys) -> Iterator[tuple[Keys, str, str]]:
    """Secrets that were typed where a channel takes the name of one, or into an address: they would be shown."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _typed_secrets(below, (*keys, key))
    elif isinstance(value, str) and value:
        is_name = re.fullmatch("[A-Z][A-Z0-9_]*", value)
        if any(word in str(key) for key in keys[2:] for word in _NAMES_OF_SECRETS) and not is_name:
            yield keys, "is not the name of a secret", "the name of a variable, never the secret itself"
        elif "@" in value.partition("://")[2].partition("/")[0]:
            yield keys, "is an address with a user or password in it", "leave them out"


def _contradictions(settings: Settings, layer: Layer) -> Iterator[Problem]:
    delivery = settings.delivery

    def told(message: str, *keys: str) -> Problem:
        return Problem(place_of(layer, keys), message)

    if settings.port > 65_535:
        yield told("`listen` has a port above 65535", "listen")
    if 2 * delivery.call_timeout >= delivery.lease:
        half = format_duration(delivery.lease // 2)
        yield told(
            f"`delivery.call_timeout` has to be below half of `delivery.lease`: {half}", "delivery", "call_timeout"
        )
    if 3 * delivery.heartbeat > delivery.lease:
        third = format_duration(delivery.lease // 3)
        yield told(
            f"`delivery.heartbeat` has to be at most a third of `delivery.lease`: {third}", "delivery", "heartbeat"
        )


def check_credentials(settings: Settings, secrets: Secrets) -> Iterator[Problem]:
    """What keeps the router from starting: an open door, secrets that are named and aren't there, ambiguous ones."""
    credentials = settings.credentials
    groups = {
        **{f"credentials.clusters.{name}": names for name, names in credentials.clusters.items()},
        **{f"credentials.users.{name}": names for name, names in credentials.users.items()},
    }
    if credentials.metrics:
        groups["credentials.metrics"] = (credentials.metrics,)
    all_names = [*credentials.webhook, *(name for names in groups.values() for name in names)]
    yield from secrets.problems([*all_names, settings.store.password_secret])
    for place, names in groups.items():
        if not any(secrets.has(name) for name in names):
            yield Problem(place, f"there is no secret {' or '.join(names)}", f"set {names[0]} or {names[0]}_FILE")
    owners: dict[str, str] = {}
    for place, names in groups.items():
        for value in {secrets.get(name) for name in names} - {None}:
            if place.startswith("credentials.clusters.") and owners.setdefault(str(value), place) != place:
                yield Problem(place, f"has the same token as {owners[str(value)]}", "a token tells its cluster")
    if not settings.is_loopback and not is_authenticated(settings, secrets):
        name = credentials.webhook[0]
        yield Problem(
            f"listen {settings.listen}",
            "anybody who reaches this address could post alerts",
            f"set {name} or {name}_FILE to a token, or listen on 127.0.0.1",
        )


def is_authenticated(settings: Settings, secrets: Secrets) -> bool:
    """Whether a webhook needs a credential. False is possible on a loopback address only, and worth a warning."""
    credentials = settings.credentials
    names = [
        *credentials.webhook,
        *(name for names in credentials.clusters.values() for name in names),
        *(name for names in credentials.users.values() for name in names),
    ]
    return any(secrets.has(name) for name in names)
