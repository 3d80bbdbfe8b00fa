"""The proof of a build: scenarios recorded, fixtures finished, and all of them run by promtool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rules_gen.diagnostics import Level, Place, Problem
from rules_gen.target import Fixture, GeneratedFile

if TYPE_CHECKING:
    from rules_gen.promtool import Promtool

Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""

BATCH = 40
"""Fixtures that promtool is given at a time, so that progress can be shown between."""


@dataclass(slots=True)
class Proof:
    """What promtool is asked in one build. `problems` is the build's own list; `recorded` and `verified` count."""

    root: Path
    progress: Progress
    problems: list[Problem]
    recorded: int = 0
    verified: int = 0

    def prove(self, fixtures: list[Fixture]) -> dict[str, bytes]:
        """The finished fixtures: what was recorded before is recalled, the rest recorded, and promtool runs all."""
        from rules_gen.promtool import Promtool, PromtoolError

        try:
            promtool = Promtool.find(self.root)
            recalled = {fixture.path: _recall(self.root, fixture) for fixture in fixtures}
            finished = self._finish(promtool, fixtures, recalled)
            failures = self._verify(promtool, fixtures, finished)
            if failures and not self._has_errors():
                # Somebody may have edited what was recorded: it is made anew before it is called wrong.
                suspect = [fixture for fixture in fixtures if fixture.path in failures]
                finished.update(self._finish(promtool, suspect, {}))
                for path, message in self._verify(promtool, suspect, finished).items():
                    place = next(fixture.scenarios[0].place for fixture in suspect if fixture.path == path)
                    self.problems.append(Problem("promtool", f"promtool rejects {path}:\n{message}", place))
        except PromtoolError as error:
            self.problems.append(Problem("promtool", str(error), Place("rules")))
            return {}
        return finished

    def check_unproved(self, files: list[GeneratedFile]) -> None:
        """Shows promtool the rule files that no scenario plays: those with recording rules only, or a Watchdog."""
        files = [file for file in files if file.path.endswith(".rules.yml")]
        if not files:
            return
        from rules_gen.promtool import Promtool, PromtoolError

        try:
            for error in Promtool.find(self.root).check_rules(files):
                where = f"rule {error.rule} of group {error.group}: " if error.rule is not None else ""
                self.problems.append(Problem("promtool", f"promtool rejects {where}{error.message}", Place(error.path)))
        except PromtoolError as error:
            self.problems.append(Problem("promtool", str(error), Place("rules")))

    def _finish(
        self, promtool: Promtool, fixtures: list[Fixture], recalled: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, bytes]:
        finished: dict[str, bytes] = {}
        complete = [f for f in fixtures if all(s.key in recalled.get(f.path, {}) for s in f.scenarios)]
        lacking = [f for f in fixtures if f not in complete]
        for fixture in complete:
            finished[fixture.path] = fixture.render(recalled[fixture.path])
        for start in range(0, len(lacking), BATCH):
            self.progress("recording", start, len(lacking))
            part = lacking[start : start + BATCH]
            known = {key: value for fixture in part for key, value in recalled.get(fixture.path, {}).items()}
            result = promtool.record(part, known)
            self.problems += result.problems
            self.recorded += len(result.recordings)
            if not result.problems:
                for fixture in part:
                    finished[fixture.path] = fixture.render({**known, **result.recordings})
        return finished

    def _verify(self, promtool: Promtool, fixtures: list[Fixture], finished: Mapping[str, bytes]) -> dict[str, str]:
        pairs = [(f.rules, GeneratedFile(f.path, finished[f.path])) for f in fixtures if f.path in finished]
        failures: dict[str, str] = {}
        for start in range(0, len(pairs), BATCH):
            self.progress("proving", start, len(pairs))
            failures.update(
                {failure.path: failure.message for failure in promtool.verify(pairs[start : start + BATCH])}
            )
        self.verified += len(pairs) - len(failures)
        return failures

    def _has_errors(self) -> bool:
        return any(problem.level is Level.ERROR for problem in self.problems)


def _recall(root: Path, fixture: Fixture) -> Mapping[str, Any]:
    path = root / fixture.path
    try:
        return fixture.recall(path.read_bytes()) if not path.is_symlink() else {}
    except OSError:
        return {}
