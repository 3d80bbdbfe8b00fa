"""The real Alertmanager and the real router with the providers' stubs, each with what the compiler makes of this
repository's alerts/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from alertmanager_process import SECRETS, AlertmanagerProcess, Library, compile_library
from router_process import Providers, RouterProcess, eventually


class Chain:
    """Alertmanager with the compiled configuration, the router with the compiled routes, and the providers' stubs."""

    def __init__(self, folder: Path, providers: Providers, *, settings: Mapping[str, str] | None = None) -> None:
        """`providers` are running."""
        self.providers = providers
        self.manager = AlertmanagerProcess(folder)
        self.router = router_of(folder, self.providers, "router", settings=settings)
        self.library = compiled(folder, self.providers, self.router, [self.manager])

    def __enter__(self) -> Self:
        try:
            start([self.router], [self.manager])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.manager.stop()
        self.router.stop()

    def pages(self, name: str) -> list[str]:
        """The states of the incidents that PagerDuty ever opened for an alert, the oldest first."""
        return pages(self.providers, name)

    def slack(self, channel: str) -> list[dict[str, Any]]:
        """The messages in a channel and its threads, the oldest first."""
        return slack(self.providers, channel)


def start(routers: Sequence[RouterProcess], managers: Sequence[AlertmanagerProcess]) -> None:
    """Start all of them at once, and wait until all are ready."""
    for router in routers:
        router.start(wait=False)
    for manager in managers:
        manager.start()
    for router in routers:
        eventually(router._ready, what=f"{router.name} is ready")


def router_of(
    folder: Path,
    providers: Providers,
    name: str,
    *,
    store: str = "",
    settings: Mapping[str, str] | None = None,
) -> RouterProcess:
    """A router with the secrets that the compiled routes name."""
    return RouterProcess(folder, providers, store=store, settings=settings, secrets=SECRETS, name=name)


def compiled(
    folder: Path,
    providers: Providers,
    router: RouterProcess,
    managers: Sequence[AlertmanagerProcess],
    *,
    posting: int = 0,
) -> Library:
    """Compile the library; give its routes to the router, and its configuration to the manager that posts to it."""
    library = compile_library(
        folder / f"library-{router.name}",
        router_url=router.url,
        peers=[manager.url for manager in managers],
        pagerduty_url=providers.pagerduty.url,
    )
    router.routes_path.write_bytes(library.routes)
    managers[posting].configure(library.alertmanager)
    return library


def pages(providers: Providers, name: str) -> list[str]:
    """The states of the incidents that PagerDuty ever opened for an alert, the oldest first."""
    return [one["status"] for one in providers.pagerduty.state()["incidents"] if name in one["summary"]]


def slack(providers: Providers, channel: str) -> list[dict[str, Any]]:
    """The messages in a channel and its threads, the oldest first."""
    channels = providers.slack.state()["channels"]
    return [message for one in channels if one["name"] == channel for message in one["messages"]]
