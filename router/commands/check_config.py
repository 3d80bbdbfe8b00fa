"""`alert-router check-config`: is everything there that serve needs, and what would it do?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from msgspec import to_builtins

import router
from router.commands.console import say, say_json, table
from router.commands.setup import Setup, destination_secrets, is_dry, load, routes_file
from router.config.problems import Problem
from router.messages.templating import Templates

if TYPE_CHECKING:
    import argparse

    from router.config.settings_types import Settings
    from router.routes import Routes

_TAKES_A_SECRET = ("password", "secret", "token", "bearer", "signing_key", "username")
"""Words in the keys of channels' settings whose value is a secret's name."""

NO_MAIL_SERVER = "channels.email.host"


class Secret(NamedTuple):
    """A secret that the configuration names, without its value."""

    name: str
    purpose: str
    needed: bool
    present: bool


class Report(NamedTuple):
    """What there is to know."""

    settings: Mapping[str, Any] | None
    """The effective settings; None when they have mistakes."""
    secrets: tuple[Secret, ...]
    destinations: Mapping[str, str]
    """What each lacks, by its key; empty when nothing does."""
    dry_run: bool | None
    """None when it can't be told."""
    problems: tuple[Problem, ...]


def run(arguments: argparse.Namespace) -> int:
    """Prints what is in force. Exit code 1 when something is wrong."""
    report = examine(load(arguments))
    if arguments.format == "json":
        say_json(_document(report))
    else:
        say(_text(report))
    return 1 if report.problems else 0


def examine(loaded: Setup | tuple[Problem, ...]) -> Report:
    """Look at everything. Without settings nobody knows where the rest is."""
    if not isinstance(loaded, Setup):
        return Report(None, (), {}, None, loaded)
    settings, secrets = loaded
    problems: list[Problem] = []
    file = routes_file(settings)
    known = None if file.problems else file.routes
    problems += file.problems
    problems += template_problems(settings)
    dry = None if known is None else is_dry(loaded, known)
    named = tuple(_secrets(loaded, known, sending=not dry))
    problems += secrets.problems([secret.name for secret in named])
    told = {problem.place.removesuffix("_FILE") for problem in problems}
    for name in dict.fromkeys(s.name for s in named if s.needed and not s.present and s.name not in told):
        purposes = ", ".join(dict.fromkeys(s.purpose for s in named if s.name == name))
        problems.append(Problem(name, f"there is no such secret; needed for {purposes}", f"set {name} or {name}_FILE"))
    lacks = _destinations(loaded, known)
    mails = sum(what == NO_MAIL_SERVER for what in lacks.values())
    if mails and dry is False:
        problems.append(Problem(NO_MAIL_SERVER, f"is empty, and {mails} destinations are told by mail"))
    public: dict[str, Any] = to_builtins(settings.to_public())
    return Report(public, named, lacks, dry, tuple(dict.fromkeys(problems)))


def template_problems(settings: Settings) -> Iterator[Problem]:
    """What is wrong with the templates of one's own."""
    if not settings.templates:
        return
    folder = Path(settings.templates)
    if not folder.is_dir():
        yield Problem("templates", f"there is no folder {settings.templates}")
        return
    for line in Templates(folder).check():
        name, _, what = line.partition(": ")
        yield Problem(f"{settings.templates.rstrip('/')}/{name}", what)


def _secrets(given: Setup, known: Routes | None, *, sending: bool) -> Iterator[Secret]:
    settings, secrets = given
    credentials = settings.credentials

    def secret(name: str, purpose: str, *, needed: bool) -> Secret:
        return Secret(name, purpose, needed, secrets.has(name))

    for name in credentials.webhook:
        yield secret(name, "webhooks", needed=False)
    groups = {f"webhooks of the cluster {name}": names for name, names in credentials.clusters.items()}
    groups |= {f"webhooks of the user {name}": names for name, names in credentials.users.items()}
    for purpose, names in groups.items():
        # One of the two is enough; that there is none at all is a mistake of the settings already.
        for name in names:
            yield secret(name, purpose, needed=False)
    if credentials.metrics:
        yield secret(credentials.metrics, "/metrics", needed=True)
    if settings.store.url.startswith("postgresql"):
        yield secret(settings.store.password_secret, "the database", needed=False)
    for channel, values in settings.channels.items():
        for name in _named_in(to_builtins(values)):
            yield secret(name, f"channels.{channel}", needed=sending)
    for destination, name in destination_secrets(known).items() if known is not None else ():
        if name:
            yield secret(name, destination, needed=sending)


def _named_in(values: object, *, relevant: bool = False) -> Iterator[str]:
    if isinstance(values, Mapping):
        for key, below in values.items():
            yield from _named_in(below, relevant=relevant or any(word in str(key) for word in _TAKES_A_SECRET))
    elif isinstance(values, str) and values and relevant:
        yield values


def _destinations(given: Setup, known: Routes | None) -> dict[str, str]:
    if known is None:
        return {}
    host = getattr(given.settings.channels.get("email"), "host", "")
    lacks = {}
    for key, secret in destination_secrets(known).items():
        lacks[key] = f"the secret {secret}" if secret and not given.secrets.has(secret) else ""
        if key.startswith("email:") and not host:
            lacks[key] = NO_MAIL_SERVER
    return lacks


def _document(report: Report) -> dict[str, Any]:
    return {
        "ok": not report.problems,
        "version": router.__version__,
        "dry_run": report.dry_run,
        "problems": [problem._asdict() for problem in report.problems],
        "destinations": [{"destination": key, "lacks": lacks} for key, lacks in report.destinations.items()],
        "secrets": [secret._asdict() for secret in report.secrets],
        "settings": report.settings,
    }


def _text(report: Report) -> str:
    parts = []
    if report.settings is not None:
        parts.append("Settings in force:\n\n" + _indented(yaml.safe_dump(report.settings, sort_keys=False)))
        rows = [[name, _state(found), ", ".join(s.purpose for s in found)] for name, found in _by_name(report.secrets)]
        parts.append("Secrets, by name:\n\n" + _indented(table(["NAME", "", "FOR"], rows)))
    if report.destinations:
        rows = [[key, f"lacks {lacks}" if lacks else "ready"] for key, lacks in report.destinations.items()]
        parts.append("Destinations:\n\n" + _indented(table(["DESTINATION", ""], rows)))
    if report.dry_run is not None:
        parts.append("Dry run: messages are shown in the log, not sent." if report.dry_run else "Messages are sent.")
    if report.problems:
        number = len(report.problems)
        lines = "\n".join(f"  {problem}" for problem in report.problems)
        parts.append(f"{number} problem{'s' if number > 1 else ''}:\n{lines}")
    else:
        parts.append("No problems.")
    return "\n\n".join(parts)


def _by_name(secrets: Sequence[Secret]) -> list[tuple[str, list[Secret]]]:
    names = dict.fromkeys(secret.name for secret in secrets)
    return [(name, [secret for secret in secrets if secret.name == name]) for name in names]


def _state(secrets: Sequence[Secret]) -> str:
    if secrets[0].present:
        return "set"
    return "missing" if any(secret.needed for secret in secrets) else "not set"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.rstrip("\n").split("\n"))
