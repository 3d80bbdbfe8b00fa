"""What commands start with: the settings, the secrets, the routes, the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from router import settings as loading
from router.commands.console import CommandError
from router.config.problems import Problem
from router.config.routes_file import Reload, RoutesFile, by_channel
from router.messages.message import Look
from router.model import Destination
from router.notifiers import channels
from router.store import Store, StoreError
from router.worker.lanes import UNKNOWN_CHANNEL

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from router.config.secrets import Secrets
    from router.config.settings_types import Settings
    from router.notifier import Traits
    from router.routes import Routes

_OWN_OPTIONS = {"config": "config", "listen": "listen", "store": "store.url", "routes": "routes"}
_SQLITE = "sqlite:///"


class Setup(NamedTuple):
    """The settings and secrets of this process."""

    settings: Settings
    secrets: Secrets


def options(arguments: argparse.Namespace) -> dict[str, str]:
    """What the command line sets, by dotted names. CommandError for a `--set` without a value."""
    found: dict[str, str] = {}
    for text in arguments.settings:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise CommandError(f"--set takes KEY=VALUE, such as log.level=debug, and not {text!r:.80}", 2)
        found[key.strip()] = value
    for option, key in _OWN_OPTIONS.items():
        value = getattr(arguments, option, None)
        if value is not None:
            found[key] = value
    if getattr(arguments, "dry_run", False):
        found["dry_run"] = "always"
    return found


def load(arguments: argparse.Namespace) -> Setup | tuple[Problem, ...]:
    """The settings and secrets, or all that is wrong with them."""
    given = options(arguments)
    if not hasattr(arguments, "listen"):
        # Who doesn't listen needs no credential for those who come: a person's shell seldom has the router's.
        given["listen"] = "127.0.0.1:0"
    loaded = loading.load(given, {name: channel.Settings for name, channel in channels().items()})
    if isinstance(loaded, loading.Loaded):
        return Setup(loaded.settings, loaded.secrets)
    return tuple(_by_option(problem, arguments) for problem in loaded)


def _by_option(problem: Problem, arguments: argparse.Namespace) -> Problem:
    """The problem with the name of the option that was typed."""
    for option, key in _OWN_OPTIONS.items():
        if problem.place == f"--set {key}" and getattr(arguments, option, None) is not None:
            return problem._replace(place=f"--{option}")
    return problem


def setup(arguments: argparse.Namespace) -> Setup:
    """The settings and secrets. CommandError with all that is wrong with them."""
    loaded = load(arguments)
    return loaded if isinstance(loaded, Setup) else refuse("the settings", loaded)


def refuse(what: str, problems: Iterable[Problem]) -> NoReturn:
    """CommandError 2 that tells all problems, one to a line."""
    lines = [str(problem) for problem in problems]
    number = "a mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    raise CommandError("\n  ".join([f"{what} have {number}:", *lines]), 2)


def routes_file(
    settings: Settings, report: Callable[[Reload, tuple[Problem, ...]], None] = lambda _result, _problems: None
) -> RoutesFile:
    """The routes, loaded once; `problems` says why not."""
    file = RoutesFile(settings.routes, by_channel(channels()), report)
    file.reload()
    return file


def routes(settings: Settings) -> Routes:
    """The routes. CommandError with all that is wrong with them."""
    file = routes_file(settings)
    if file.problems:
        refuse("the routes", file.problems)
    return file.routes


@contextmanager
def opened_store(given: Setup) -> Iterator[Store]:
    """The router's store, which must be there already. A StoreError within the block becomes a CommandError."""
    from router.stores import open_store

    settings, secrets = given
    url = settings.store.url
    if url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE)).is_file():
        raise CommandError(
            f"there is no {url.removeprefix(_SQLITE)}: no router has run here."
            " Name its store with --store, its settings with --config, or start it with `alert-router serve`"
        )
    try:
        store = open_store(settings.store_url(secrets.get(settings.store.password_secret)))
        try:
            store.open()
            yield store
        finally:
            store.close()
    except StoreError as error:
        raise CommandError(f"the store {settings.to_public()['store']['url']}: {error}") from error


def traits_of(destination: str) -> Traits:
    """How a destination's channel behaves."""
    channel = channels().get(destination.partition(":")[0])
    return channel.TRAITS if channel is not None else UNKNOWN_CHANNEL


def look(settings: Settings, given: Routes) -> Look:
    """What messages take from the configuration."""
    return Look(
        {key: team.name for key, team in given.teams.items()},
        {name: severity.response for name, severity in given.severities.items()},
        given.urls.silence,
        given.urls.query,
        settings.external_url,
    )


def all_destinations(given: Routes) -> tuple[str, ...]:
    """The keys of all destinations that are configured, sorted."""
    teams = given.teams.values()
    return tuple(sorted({d.key for team in teams for found in team.destinations.values() for d in found}))


def destination_secrets(given: Routes) -> Mapping[str, str]:
    """The secret's name for each configured destination; empty for one that needs none."""
    return {key: Destination.parse(key).secret for key in all_destinations(given)}


def is_dry(given: Setup, known: Routes) -> bool:
    """Whether serve would show messages instead of sending them."""
    from router import dry_run

    return dry_run.is_dry(given.settings, given.secrets, known)
