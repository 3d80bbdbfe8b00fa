"""`alert-router preview`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from router.commands.console import CommandError, complain, say, say_json
from router.commands.setup import look, routes, setup
from router.config.problems import did_you_mean
from router.messages.templating import Templates
from router.notifiers import channels
from router.preview import preview
from router.routing import resolve

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterable


def run(arguments: argparse.Namespace) -> int:
    """Prints the messages. Exit code 1 for a template that fails, 2 for a team or a channel that doesn't exist."""
    settings, _ = setup(arguments)
    known = routes(settings)
    known_only("team", arguments.team, known.teams)
    known_only("channel", arguments.channel, channels())
    severity = resolve({"severity": arguments.severity}, known).severity
    if severity is None:
        raise CommandError(f"severity {arguments.severity!r:.60} is recorded only: nobody is told of it", 2)
    failed: list[str] = []
    shown = preview(
        known,
        look(settings, known),
        Templates(
            Path(settings.templates) if settings.templates else None, lambda *what: failed.append(": ".join(what))
        ),
        severity=arguments.severity,
        team=arguments.team or "",
        channel=arguments.channel or "",
        labels=_pairs("--label", arguments.label),
        annotations=_pairs("--annotation", arguments.annotation),
    )
    if not shown:
        raise CommandError(f"the team {arguments.team or known.default_team} has no destination of that channel")
    if arguments.format == "json":
        say_json([entry._asdict() for entry in shown])
    else:
        say("\n".join(f"{'=' * 4} {entry.destination} {'=' * 4}\n\n{entry.text}" for entry in shown))
    for line in dict.fromkeys(failed):
        complain(f"alert-router: the template {line} (the built-in text is shown)")
    return 1 if failed else 0


def known_only(kind: str, name: str | None, known: Collection[str]) -> None:
    """CommandError for a name that was given and doesn't exist."""
    if name is not None and name not in known:
        hint = did_you_mean(name, known)
        raise CommandError(f"there is no {kind} {name!r:.60}" + (f"; {hint}" if hint else ""), 2)


def _pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandError(f"{option} takes NAME=VALUE, and not {text!r:.80}", 2)
        found[name] = value
    return found
