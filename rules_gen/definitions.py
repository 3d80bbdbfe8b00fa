"""All definitions of a repository compiled at once, for the commands that ask about them rather than build. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rules_gen.compiler import Compiled, Shared, compile_unit, read_shared
from rules_gen.diagnostics import Diagnostic, Level, Place, Problem, Span
from rules_gen.model import Alert, Policy, Service
from rules_gen.source.layout import lay_out


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the definitions mean. `contents` are their bytes by path, `problems` all that is wrong with them.

    A service with errors is in `compiled` without its `service`; without a readable policy `compiled` has none at all.
    """

    contents: Mapping[str, bytes]
    shared: Shared
    compiled: tuple[Compiled, ...]
    problems: tuple[Problem, ...]

    @property
    def policy(self) -> Policy | None:
        """The policy, None when it can't be read."""
        return None if self.shared.context is None else self.shared.context.policy

    @property
    def services(self) -> tuple[Service, ...]:
        """The services without an error, by team and name."""
        return tuple(result.service for result in self.compiled if result.service is not None)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep a build from being made."""
        return tuple(problem for problem in self.problems if problem.level is Level.ERROR)

    def alerts(self, names: Sequence[str] = ()) -> Iterator[tuple[Service, Alert]]:
        """Each alert with its service; those that one of the names means, if there are any.

        A name is an alert's, `service/alert` or `team/service/alert`.
        """
        for service in self.services:
            for alert in service.alerts:
                if not names or any(is_meant(name, service, alert) for name in names):
                    yield service, alert

    def diagnose(self, problems: Sequence[Problem]) -> tuple[Diagnostic, ...]:
        """The problems with their places in these files."""
        from rules_gen.source.locate import diagnose

        texts = {path: content.decode("utf-8", "replace") for path, content in self.contents.items()}
        return diagnose(list(dict.fromkeys(problems)), texts)

    def spans(self, places: Collection[Place]) -> dict[Place, Span]:
        """Line and column of these places."""
        from rules_gen.source.locate import Locator

        locators: dict[str, Locator] = {}
        for file in {place.file for place in places}:
            content = self.contents.get(file)
            locators[file] = Locator(file, None if content is None else content.decode("utf-8", "replace"))
        return {place: locators[place.file].locate(place) for place in places}


def is_meant(name: str, service: Service, alert: Alert) -> bool:
    """Whether a name that somebody typed means this alert."""
    return name in {alert.name, f"{service.name}/{alert.name}", f"{service.team}/{service.name}/{alert.name}"}


def compile_definitions(
    contents: Mapping[str, bytes],
    today: str,
    only: frozenset[str] | None = None,
    problems: Sequence[Problem] = (),
) -> Definitions:
    """Compiles every service. `problems` are those met while the files were read.

    `today` (ISO) decides which checks are switched off; `only` names the targets whose outputs are wanted, none for an
    empty set.
    """
    layout = lay_out(contents)
    shared = read_shared(layout, contents)
    compiled = tuple(compile_unit(unit, contents, shared.context, today, only) for unit in layout.units)
    found = [*problems, *layout.problems, *shared.problems]
    found += [problem for result in compiled for problem in result.problems]
    return Definitions(contents, shared, compiled, tuple(dict.fromkeys(found)))
