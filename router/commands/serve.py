"""`alert-router serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

import router
from router.commands.setup import refuse, routes_file, setup
from router.config.routes_file import Reload
from router.telemetry import logs

if TYPE_CHECKING:
    import argparse

    from router.config.problems import Problem

log = structlog.get_logger("router.commands.serve")


def run(arguments: argparse.Namespace) -> int:
    """Serves until told to stop. Exit code 2 for a configuration with mistakes, 1 without a store or an address."""
    settings, secrets = setup(arguments)
    serving = False

    def report(result: Reload, problems: tuple[Problem, ...]) -> None:
        if not serving:
            return
        if result is Reload.REFUSED:
            log.error("the routes are refused, the last good ones stay in force", problems=[str(p) for p in problems])
        else:
            log.info("the routes are in force", path=file.path, digest=file.digest)

    file = routes_file(settings, report)
    if file.problems:
        refuse("the routes", file.problems)
    private = settings.private_values()
    logs.configure(
        settings.log.level, settings.log.format, settings.environment, lambda: (*private, *secrets.known_values())
    )
    serving = True
    # The server and the clients take their time to load; mistakes are told without them.
    from router import app

    return app.run(settings, secrets, file, router.__version__)
