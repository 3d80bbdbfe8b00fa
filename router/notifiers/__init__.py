"""The channels. Each module or package in this folder is one, under its own name; there is no list to keep.

A channel has four things: `TRAITS` (notifier.Traits), a `Settings` type (a frozen msgspec.Struct whose fields all have
defaults), `destinations(team)`, which reads a team of routes.yml, and `build(context)`, which gives a notifier.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Protocol, cast

from router.model import Destination
from router.notifier import Context, Notifier, Traits


class Channel(Protocol):
    """What a channel's module has."""

    TRAITS: Traits
    Settings: type

    def destinations(self, team: Mapping[str, object]) -> tuple[Destination, ...]:
        """Where a team of routes.yml is told by this channel; empty when it isn't. The document has been validated."""
        ...

    def build(self, context: Context) -> Notifier:
        """The channel's notifier; `context.settings` is an instance of its Settings. It connects to nothing yet."""
        ...


class _Channels(Mapping[str, Channel]):
    """Knows the names at once, and loads a channel when it is first asked for: one that isn't used costs nothing."""

    def __init__(self, package: str, folders: list[str]) -> None:
        self._package = package
        self._names = tuple(
            sorted(found.name for found in pkgutil.iter_modules(folders) if not found.name.startswith("_"))
        )

    def __getitem__(self, name: str) -> Channel:
        if name not in self._names:
            raise KeyError(name)
        module = importlib.import_module(f"{self._package}.{name}")
        missing = [part for part in ("TRAITS", "Settings", "destinations", "build") if not hasattr(module, part)]
        if missing:
            raise TypeError(f"{module.__name__} is no channel, it has no {', '.join(missing)}")
        return cast("Channel", module)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@cache
def channels() -> Mapping[str, Channel]:
    """The channels that there are, by name. TypeError, when one is asked for whose module lacks one of the four."""
    return _Channels(__name__, list(__path__))
