"""Pages that show pictures: Markdown with places where pictures go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rules_gen.diagnostics import Place
from rules_gen.emit.markdown import link
from rules_gen.target import Answers, GeneratedFile
from rules_gen.target_support.prose import inline
from rules_gen.timelines.gallery import Gallery
from rules_gen.timelines.recording import description

# No text of an author can hold it: YAML refuses it, and Markdown's emitter replaces control characters.
_EDGE = "\0"


def place_for(paths: Iterable[str]) -> str:
    """What a page's Markdown has in place of pictures of one scenario, which are in its own folder."""
    return f"{_EDGE}{' '.join(paths)}{_EDGE}"


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
        parts = text.split(_EDGE)
        parts[1::2] = [self._shown(paths.split(" "), drawings) for paths in parts[1::2]]
        return "".join(parts)

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
