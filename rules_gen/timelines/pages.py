"""Pages that show pictures: Markdown with places where pictures go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules_gen.diagnostics import Place
from rules_gen.emit.markdown import link
from rules_gen.target import Answers, GeneratedFile
from rules_gen.target_support.prose import duration_words, inline
from rules_gen.timelines.gallery import Gallery
from rules_gen.timelines.paths import picture_path
from rules_gen.timelines.recording import description

if TYPE_CHECKING:
    from rules_gen.model import Alert, Assertion, Service

# Where pictures go. YAML can spell a NUL, so what stands between two of them is only taken for paths where it is.
_PLACE = re.compile("\0(runbooks/[^\0]*)\0")


def proven_by(alert: Alert, service: Service, gallery: Gallery | None) -> str:
    """What the scenarios show, with places for their pictures; one that holds for several environments is told once."""
    pictures = gallery.pictures if gallery is not None else {}
    lines: dict[str, list[str]] = {}
    for scenario in alert.scenarios:
        line = f"- {inline(scenario.name)}: {', '.join(_asserted(scenario.assertions))}"
        path = picture_path(service.team, service.name, scenario)
        lines.setdefault(line, []).extend([path] if path in pictures else [])
    # An item that is more than a line is set apart from its neighbours.
    gap = "\n\n" if any(lines.values()) else "\n"
    return gap.join(line + (f"\0{' '.join(paths)}\0" if paths else "") for line, paths in lines.items())


def _asserted(assertions: Sequence[Assertion]) -> Iterator[str]:
    for assertion in assertions:
        severity = f" as {assertion.severity}" if assertion.severity else ""
        when = f"after {duration_words(assertion.at)}" if assertion.at_ms else "at the start"
        yield f"{assertion.state}{severity} {when}"


@dataclass(frozen=True, slots=True)
class IllustratedPages:
    """The pictures of a service, and its pages as (path, Markdown with places); see `rules_gen.target.Illustrated`."""

    gallery: Gallery
    texts: tuple[tuple[str, str], ...]
    place: Place

    @property
    def pictures(self) -> tuple[str, ...]:
        return tuple(self.gallery.pictures)

    @property
    def pages(self) -> tuple[str, ...]:
        return tuple(path for path, _ in self.texts)

    def recall(self, path: str, committed: bytes) -> str | None:
        return self.gallery.recall(path, committed)

    def questions(self, wanted: frozenset[str]) -> tuple[tuple[GeneratedFile, GeneratedFile], ...]:
        return self.gallery.questions(wanted)

    def draw(self, wanted: frozenset[str], answers: Answers) -> dict[str, str]:
        return self.gallery.draw(wanted, answers)

    def render(self, drawings: Mapping[str, str]) -> tuple[GeneratedFile, ...]:
        pictures = [self.gallery.file(path, drawings[path]) for path in self.gallery.pictures]
        pages = [GeneratedFile(path, self._page(text, drawings).encode()) for path, text in self.texts]
        return (*pictures, *pages)

    def _page(self, text: str, drawings: Mapping[str, str]) -> str:
        def shown(match: re.Match[str]) -> str:
            paths = match[1].split(" ")
            return self._shown(paths, drawings) if set(paths) <= drawings.keys() else match[0]

        return _PLACE.sub(shown, text)

    def _shown(self, paths: Sequence[str], drawings: Mapping[str, str]) -> str:
        """The pictures of a scenario, each as an item's paragraph. Environments whose pictures are the same, but for
        their names in them, share the first one's.
        """
        alike: dict[str, list[str]] = {}
        for path in paths:
            environment = self.gallery.environment(path)
            drawing = drawings[path]
            alike.setdefault(drawing.replace(environment, "") if environment else drawing, []).append(path)
        images = []
        for group in alike.values():
            image = "!" + link(description(drawings[group[0]]), group[0].rpartition("/")[2])
            if len(alike) > 1:
                where = ", ".join(inline(self.gallery.environment(path) or "") for path in group)
                image = f"In {where}:\n\n  {image}"
            images.append(f"\n\n  {image}")
        return "".join(images)
