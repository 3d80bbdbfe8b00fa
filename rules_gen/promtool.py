"""The adapter to promtool: it checks rule files, records scenarios and verifies finished fixtures.

promtool has the last word on rules. Everything runs in a temporary folder with the layout of the repository,
in as many processes as there are processors; nothing outlives an interruption.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rules_gen.diagnostics import Problem
from rules_gen.fixtures.output import Output, read_output
from rules_gen.fixtures.quoting import QUOTED, unquote
from rules_gen.fixtures.verdicts import RuleError, Verdicts, rule_problem
from rules_gen.interrupts import uninterrupted
from rules_gen.target import Fixture, GeneratedFile, ProofScenario, Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

MINIMUM_VERSION = (2, 42)
"""Debian 12's promtool, the oldest that rules and fixtures are made for."""

# Linux takes 128 KiB in one argument and 2 MiB in all; paths of this many files stay far below.
_MOST_FILES = 500

_GARBAGE = "400"
"""By how many percent promtool's memory may grow before it collects garbage: a quarter less processor time than at
Go's 100, for 3,000 rules 190 instead of 100 MB (measured with 2.42). Whoever has set GOGC keeps it.
"""

_RULE_ERROR = re.compile(rf"(?:\d+:\d+: )?(?:group ({QUOTED}), rule (\d+), ({QUOTED}): )?(.*)", re.DOTALL)


class PromtoolError(Exception):
    """promtool is missing or too old, could not be run, or took too long."""


@dataclass(frozen=True, slots=True)
class VerifyFailure:
    """A finished fixture that promtool doesn't pass, and all that it said."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class RecordResult:
    """The recordings made, by scenario key, and what is wrong with the scenarios that have none.

    `answers` is all that promtool printed of scenarios that it got to the end of.
    """

    recordings: Mapping[str, Recording] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    answers: tuple[Output, ...] = ()


@dataclass(frozen=True, slots=True)
class Promtool:
    """promtool on this machine. `timeout_seconds` holds for each call as a whole."""

    executable: str
    timeout_seconds: float = 600.0
    processes: int = field(default_factory=lambda: os.cpu_count() or 1)

    @classmethod
    def find(cls, root: Path) -> Promtool:
        """The promtool on PATH, else the one in .tools/bin below the repository's root.

        Raises PromtoolError, with what to do, when there is none or it is too old.
        """
        executable = shutil.which("promtool") or shutil.which("promtool", path=str(root / ".tools" / "bin"))
        if executable is None:
            raise PromtoolError(
                "promtool is not on PATH. It comes with Prometheus: `apt-get install prometheus` on Debian "
                "and Ubuntu, `brew install prometheus` on macOS, or put it into .tools/bin"
            )
        # promtool runs in another folder, where a relative path would not be found.
        found = cls(str(Path(executable).absolute()))
        version = found.version()
        if version is not None and version < MINIMUM_VERSION:
            have, want = (".".join(map(str, pair)) for pair in (version, MINIMUM_VERSION))
            raise PromtoolError(f"{executable} is version {have}; {want} is the oldest that is supported")
        return found

    def version(self) -> tuple[int, int] | None:
        """Its version as (major, minor), None for a build that doesn't say."""
        with _workspace() as space:
            ((_, _, text),) = self._run(space, ["--version"], [[]])
        match = re.search(r"version (\d+)\.(\d+)", text)
        return (int(match[1]), int(match[2])) if match else None

    def build(self) -> str:
        """What tells this executable from another one, of which the version may say too little or nothing."""
        try:
            status = Path(self.executable).stat()
        except OSError as error:
            raise PromtoolError(f"{self.executable} could not be run: {error}") from error
        return f"{self.executable} {status.st_size} {status.st_mtime_ns} {self.version()}"

    def check_rules(self, files: Iterable[GeneratedFile]) -> tuple[RuleError, ...]:
        """What promtool has against these rule files; nothing when all are good."""
        with _workspace() as space:
            return self._check_rules(space, list(files))

    def verify(self, pairs: Iterable[tuple[GeneratedFile, GeneratedFile]]) -> tuple[VerifyFailure, ...]:
        """The finished fixtures that don't pass; each comes after the rule file that it tests."""
        with _workspace() as space:
            sizes: dict[str, int] = {}
            for rules, fixture in pairs:
                space.write(rules)
                space.write(fixture)
                sizes[fixture.path] = len(fixture.content)
            results = self._run(space, ["test", "rules"], _batches(sizes, self.processes))
            suspects = [path for paths, code, _ in results if code for path in paths]
            # promtool 3.x doesn't say which file an answer is about, so the suspects are run one by one.
            single = self._run(space, ["test", "rules"], [[path] for path in suspects])
        return tuple(VerifyFailure(paths[0], text.strip()) for paths, code, text in single if code)

    def answers(self, pairs: Sequence[tuple[GeneratedFile, GeneratedFile]]) -> str:
        """All that promtool prints for these rule files and fixtures, in one text."""
        with _workspace() as space:
            sizes: dict[str, int] = {}
            for rules, fixture in pairs:
                space.write(rules)
                space.write(fixture)
                sizes[fixture.path] = len(fixture.content)
            results = self._run(space, ["test", "rules"], _batches(sizes, self.processes)) if sizes else []
        return "\n".join(text for _, _, text in results)

    def answers_each(self, pairs: Sequence[tuple[GeneratedFile, GeneratedFile]]) -> list[str]:
        """What promtool prints for each pair of rule file and fixture by itself."""
        with _workspace() as space:
            for rules, fixture in pairs:
                space.write(rules)
                space.write(fixture)
            results = self._run(space, ["test", "rules"], [[fixture.path] for _, fixture in pairs])
        return [text for _, _, text in results]

    def record(self, fixtures: Iterable[Fixture], known: Mapping[str, Recording]) -> RecordResult:
        """Record the scenarios that aren't known, and judge them by what their authors assert."""
        tasks = [Verdicts(fixture, {s.key: s for s in fixture.scenarios if s.key not in known}) for fixture in fixtures]
        tasks = [task for task in tasks if task.wanted]
        recordings: dict[str, Recording] = {}
        problems: list[Problem] = []
        if not tasks:
            return RecordResult()
        with _workspace() as space:
            for task in tasks:
                space.write(task.fixture.rules)
            output = self._ask(space, {task: task.fixture.probe(frozenset(task.wanted)) for task in tasks})
            for task in tasks:
                for scenario in task.wanted.values():
                    if task.was_evaluated(scenario, output):
                        task.answers[scenario.key] = output
            lacking = [task for task in tasks if len(task.answers) < len(task.wanted)]
            if lacking:
                problems.extend(self._isolate(space, lacking))
            failing: dict[Verdicts, bytes] = {}
            for task in tasks:
                failed = task.judge(recordings, problems)
                if failed:
                    failing[task] = task.fixture.explain(failed)
            explained = self._ask(space, failing) if failing else Output()
        for task in failing:
            problems.extend(task.explain(explained))
        answers = {id(answer): answer for task in tasks for answer in task.answers.values()}
        return RecordResult(recordings, tuple(problems), tuple(answers.values()))

    def _isolate(self, space: _Workspace, tasks: Sequence[Verdicts]) -> Iterator[Problem]:
        """Find out why entries were not evaluated: the rule file, or a scenario that takes others with it."""
        errors = self._check_rules(space, [task.fixture.rules for task in tasks])
        refused = {error.path for error in errors}
        groups = {task.fixture.rules.path: task.fixture.groups for task in tasks}
        for error in errors:
            yield rule_problem(error, groups.get(error.path) or tasks[0].fixture.groups)
        alone: list[tuple[Verdicts, ProofScenario, str]] = []
        for task in tasks:
            if task.fixture.rules.path in refused:
                continue
            for key, scenario in task.wanted.items():
                if key in task.answers:
                    continue
                folder = f"isolated/{len(alone)}/"
                space.write(GeneratedFile(folder + task.fixture.rules.path, task.fixture.rules.content))
                probe = task.fixture.probe(frozenset({key}))
                space.write(GeneratedFile(folder + task.fixture.path, probe))
                alone.append((task, scenario, folder + task.fixture.path))
        results = self._run(space, ["test", "rules"], [[path] for _, _, path in alone])
        for (task, scenario, _), (_, _, text) in zip(alone, results, strict=True):
            output = read_output(text)
            if task.was_evaluated(scenario, output):
                task.answers[scenario.key] = output
            else:
                said = _reason(text)
                message = f"promtool can't evaluate the scenario {scenario.name!r} of {scenario.alert}: {said}"
                yield Problem("promtool", message, scenario.place)

    def _ask(self, space: _Workspace, probes: Mapping[Verdicts, bytes]) -> Output:
        sizes: dict[str, int] = {}
        for task, content in probes.items():
            space.write(GeneratedFile(task.fixture.path, content))
            sizes[task.fixture.path] = len(content)
        results = self._run(space, ["test", "rules"], _batches(sizes, self.processes))
        return read_output("\n".join(text for _, _, text in results))

    def _check_rules(self, space: _Workspace, files: Sequence[GeneratedFile]) -> tuple[RuleError, ...]:
        for file in files:
            space.write(file)
        sizes = {file.path: len(file.content) for file in files}
        errors: list[RuleError] = []
        command = ["check", "rules", "--lint=none"]
        for paths, code, text in self._run(space, command, _batches(sizes, self.processes)):
            found = list(_rule_errors(text, paths)) if code else []
            if code and not found:
                found = [RuleError(paths[0], None, None, text.strip())]
            errors.extend(found)
        return tuple(errors)

    def _run(
        self, space: _Workspace, command: Sequence[str], batches: Sequence[Sequence[str]]
    ) -> list[tuple[Sequence[str], int, str]]:
        """Run promtool on each batch of files: the batch, the exit code and both outputs in one text."""
        deadline = time.monotonic() + self.timeout_seconds
        results: dict[int, tuple[Sequence[str], int, str]] = {}
        running: dict[int, tuple[subprocess.Popen[bytes], Path]] = {}
        waiting = list(enumerate(batches))[::-1]
        try:
            while waiting or running:
                while waiting and len(running) < self.processes:
                    number, paths = waiting.pop()
                    log = space.folder / f"output.{number}"
                    # A process that nobody has noted yet could not be stopped.
                    with log.open("wb") as file, uninterrupted():
                        running[number] = (
                            subprocess.Popen(
                                [self.executable, *command, *paths],
                                cwd=space.folder,
                                stdin=subprocess.DEVNULL,
                                stdout=file,
                                stderr=subprocess.STDOUT,
                                env={"GOGC": _GARBAGE, **os.environ},
                            ),
                            log,
                        )
                number = next(iter(running))
                process, log = running[number]
                code = process.wait(max(0.0, deadline - time.monotonic()))
                del running[number]
                # A file, because a pipe that nobody reads would stop the process.
                results[number] = (batches[number], code, log.read_text("utf-8", "replace"))
        except subprocess.TimeoutExpired:
            raise PromtoolError(f"promtool took longer than {self.timeout_seconds:g} s") from None
        except OSError as error:
            raise PromtoolError(f"{self.executable} could not be run: {error}") from error
        finally:
            for process, _ in running.values():
                process.kill()
                process.wait()
        return [results[number] for number in range(len(batches))]


def _rule_errors(text: str, paths: Sequence[str]) -> Iterator[RuleError]:
    """The errors in the output of `promtool check rules`; a message may go over several lines."""
    blocks: list[tuple[str, list[str]]] = []
    inside = False
    for line in text.split("\n"):
        path = next((path for path in paths if line.startswith(path + ": ")), None)
        if path is not None:
            blocks.append((path, [line[len(path) + 2 :]]))
            inside = True
        elif not line.strip() or line.startswith(("Checking ", "  SUCCESS", "  FAILED")):
            inside = False
        elif inside:
            blocks[-1][1].append(line)
    for path, lines in blocks:
        match = _RULE_ERROR.fullmatch("\n".join(lines))
        assert match is not None
        group, rule, _, message = match.groups()
        yield RuleError(path, unquote(group) if group else None, int(rule) - 1 if rule else None, message.strip())


def _reason(text: str) -> str:
    """What promtool said beside its answers, on one line."""
    lines = [line.strip() for line in text.split("\n")]
    noise = ("Unit Testing:", "FAILED:", "SUCCESS", "name:", "alertname:", "exp:", "got:", "expr:")
    answers = re.compile(r"\d+:|Labels:.*|Annotations:.*|\]")
    said = [line for line in lines if line and not line.startswith(noise) and not answers.fullmatch(line)]
    return " ".join(said) or "it gave no reason"


def _batches(sizes: Mapping[str, int], processes: int) -> list[list[str]]:
    """The files in as many lists of about the same size in bytes as there are processes, or more."""
    count = max(min(processes, len(sizes)), -(-len(sizes) // _MOST_FILES))
    loads = [0] * count
    batches: defaultdict[int, list[str]] = defaultdict(list)
    for path in sorted(sizes, key=lambda path: (-sizes[path], path)):
        number = min((n for n in range(count) if len(batches[n]) < _MOST_FILES), key=loads.__getitem__)
        loads[number] += sizes[path]
        batches[number].append(path)
    return [batches[number] for number in range(count)]


@dataclass(frozen=True, slots=True)
class _Workspace:
    """A temporary folder with the layout of the repository."""

    folder: Path

    def write(self, file: GeneratedFile) -> None:
        """Write a file at its place. ValueError for a path that leaves the folder."""
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts or file.path.startswith("-"):
            raise ValueError(f"not a path within the tree: {file.path}")
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)


@contextmanager
def _workspace() -> Iterator[_Workspace]:
    with tempfile.TemporaryDirectory(prefix="rules-gen-") as folder:
        yield _Workspace(Path(folder))
