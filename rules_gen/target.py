"""The seam of outputs: what a target is, and what it gives back.

A target is a module in `targets/` with a function `service_files(service, policy)` or `catalog_files(catalog)`, or
both. It is discovered by its place in the folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rules_gen.diagnostics import Place
from rules_gen.model import Catalog, Policy, RuleGroup, Service
from rules_gen.model.rules import Pairs


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """A file to be written: its path from the repository's root, with slashes, and its bytes."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class RecordedAlert:
    """An alert as promtool prints it: its labels and annotations, without `alertname`."""

    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]


Recording = Mapping[str, tuple[RecordedAlert, ...]]
"""What was recorded of one scenario: the firing alerts by the evaluation time as typed."""


@dataclass(frozen=True, slots=True)
class ProofAssertion:
    """One assertion to be proved: `expr` is what promtool evaluates for a pending or quiet assertion."""

    state: str
    at: str
    severity: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class ProofScenario:
    """A scenario to be recorded. `key` is a hash of all that the recording depends on.

    `signals` are the expressions whose values explain a scenario that doesn't do what it must.
    """

    key: str
    alert: str
    name: str
    entry: int
    series: tuple[tuple[str, str], ...]
    assertions: tuple[ProofAssertion, ...]
    signals: tuple[tuple[str, str], ...]
    """Pairs of a rule's severity and its signal expression."""
    place: Place


class Fixture(Protocol):
    """A promtool fixture whose expectations are recorded before it is a file."""

    @property
    def path(self) -> str:
        """Where the fixture goes."""
        ...

    @property
    def rules(self) -> GeneratedFile:
        """The rule file that it tests."""
        ...

    @property
    def scenarios(self) -> tuple[ProofScenario, ...]:
        """What is to be recorded."""
        ...

    @property
    def groups(self) -> tuple[RuleGroup, ...]:
        """The groups of that rule file, numbered as in it, so that promtool's errors find their place."""
        ...

    def probe(self, keys: frozenset[str], further: Mapping[int, Sequence[tuple[str, str]]] | None = None) -> bytes:
        """A fixture that records the scenarios of these keys: every expectation empty, so that promtool prints all.

        `further` are more expressions to ask for in an entry, each with its time.
        """
        ...

    def explain(self, keys: frozenset[str]) -> bytes:
        """A probe of these scenarios that also asks for the values of their signals and series."""
        ...

    def recall(self, committed: bytes) -> dict[str, Recording]:
        """The recordings that a committed fixture holds, by scenario key; unreadable ones are left out."""
        ...

    def render(self, recordings: Mapping[str, Recording]) -> bytes:
        """The finished fixture. KeyError when a scenario's recording is missing."""
        ...


Answers = Mapping[str, Sequence[tuple[Pairs, str]]]
"""What promtool found for expressions, by their text: the labels of each element and its value as printed.

An expression without a result isn't in it.
"""


@runtime_checkable
class Illustrated(Protocol):
    """Pictures of what promtool evaluates, and the pages that show them. A picture is drawn once, then recalled."""

    @property
    def pictures(self) -> tuple[str, ...]:
        """The paths of the pictures."""
        ...

    @property
    def pages(self) -> tuple[str, ...]:
        """The paths of the pages."""
        ...

    @property
    def place(self) -> Place:
        """Where the service is defined."""
        ...

    def recall(self, path: str, committed: bytes) -> str | None:
        """The drawing in the committed file of a picture; None when it has to be drawn anew."""
        ...

    def questions(self, wanted: frozenset[str]) -> tuple[tuple[GeneratedFile, GeneratedFile], ...]:
        """Rule files, each with a fixture that makes promtool print what these pictures show."""
        ...

    def draw(self, wanted: frozenset[str], answers: Answers) -> dict[str, str]:
        """Drawings of these pictures by path, less those for which promtool didn't answer."""
        ...

    def render(self, drawings: Mapping[str, str]) -> tuple[GeneratedFile, ...]:
        """All pictures and pages as files. KeyError when a picture's drawing is missing."""
        ...


Output = GeneratedFile | Fixture | Illustrated


@runtime_checkable
class ServiceTarget(Protocol):
    """A module that makes files of one service."""

    def service_files(self, service: Service, policy: Policy) -> Iterable[Output]:
        """The files of this service."""
        ...


@runtime_checkable
class CatalogTarget(Protocol):
    """A module that makes files of the whole catalogue."""

    def catalog_files(self, catalog: Catalog) -> Iterable[GeneratedFile]:
        """The files of the catalogue."""
        ...
