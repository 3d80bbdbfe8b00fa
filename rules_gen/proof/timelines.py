"""The pictures of a build: those that are as they were drawn are recalled, promtool is asked about the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rules_gen.diagnostics import Place, Problem
from rules_gen.fixtures.output import read_output
from rules_gen.proof.scenarios import BATCH, Progress
from rules_gen.target import Illustrated


@dataclass(slots=True)
class Timelines:
    """What is drawn in one build. `problems` is the build's own list."""

    root: Path
    progress: Progress
    problems: list[Problem]

    def files(self, illustrated: list[Illustrated]) -> dict[str, bytes]:
        """The pictures and the pages that show them, by path; nothing when some can't be drawn."""
        drawings = [self._recalled(one) for one in illustrated]
        lacking = [
            (one, have, frozenset(one.pictures) - have.keys())
            for one, have in zip(illustrated, drawings, strict=True)
            if len(have) < len(one.pictures)
        ]
        if lacking and not self._draw(lacking):
            return {}
        return {
            file.path: file.content
            for one, have in zip(illustrated, drawings, strict=True)
            for file in one.render(have)
        }

    def _draw(self, lacking: list[tuple[Illustrated, dict[str, str], frozenset[str]]]) -> bool:
        """Draws what is lacking, in place; whether all could be drawn."""
        from rules_gen.promtool import Promtool, PromtoolError

        whole = True
        try:
            promtool = Promtool.find(self.root)
            for start in range(0, len(lacking), BATCH):
                self.progress("drawing", start, len(lacking))
                part = lacking[start : start + BATCH]
                text = promtool.answers([pair for one, _, wanted in part for pair in one.questions(wanted)])
                answers = read_output(text).samples
                for one, have, wanted in part:
                    drawn = one.draw(wanted, answers)
                    have.update(drawn)
                    for path in sorted(wanted - drawn.keys()):
                        self.problems.append(
                            Problem("promtool", f"promtool can't evaluate what {path} shows", one.place)
                        )
                        whole = False
        except PromtoolError as error:
            self.problems.append(Problem("promtool", str(error), Place("rules")))
            return False
        return whole

    def _recalled(self, one: Illustrated) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in one.pictures:
            location = self.root / path
            try:
                drawing = one.recall(path, location.read_bytes()) if not location.is_symlink() else None
            except OSError:
                continue
            if drawing is not None:
                found[path] = drawing
        return found
