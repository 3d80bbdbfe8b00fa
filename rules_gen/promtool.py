"""The adapter to promtool: it checks rule files, records and judges scenarios, and verifies finished fixtures.

promtool has the last word on rules. Everything runs in a temporary folder with the layout of the repository, in as many
processes as there are processors; nothing outlives an interruption.
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

from rules_gen.diagnostics import Place, Problem
from rules_gen.fixtures.judge import failed_severities, severities_asserted, states, values_text
from rules_gen.fixtures.layout import (
    entry_name,
    entry_proof,
    series_question,
    signal_question,
    state_question,
)
from rules_gen.fixtures.output import Output, read_output
from rules_gen.fixtures.quoting import QUOTED, unquote
from rules_gen.model import AlertRule, RuleGroup
from rules_gen.promql.durations import parse_duration
from rules_gen.target import Fixture, GeneratedFile, ProofAssertion, ProofScenario, RecordedAlert, Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

MINIMUM_VERSION = (2, 42)
"""Debian 12's promtool, the oldest that rules and fixtures are made for."""

# Linux takes 128 KiB in one argument and 2 MiB in all; paths of this many files stay far below.
_MOST_FILES = 500
_TEMPLATE_ERROR = "<error expanding template"
_MOST_SERIES = 6

_RULE_ERROR = re.compile(rf"(?:\d+:\d+: )?(?:group ({QUOTED}), rule (\d+), ({QUOTED}): )?(.*)", re.DOTALL)
_NAMED_TEMPLATE = re.compile(rf"(annotation|label) ({QUOTED})")


class PromtoolError(Exception):
    """promtool is missing or too old, could not be run, or took too long."""


@dataclass(frozen=True, slots=True)
class RuleError:
    """What promtool says about a rule file. `rule` counts from 0 within the group; None for the file as a whole."""

    path: str
    group: str | None
    rule: int | None
    message: str


@dataclass(frozen=True, slots=True)
class VerifyFailure:
    """A finished fixture that promtool doesn't pass, and all that it said."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class RecordResult:
    """The recordings made, by scenario key, and what is wrong with the scenarios that have none."""

    recordings: Mapping[str, Recording] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


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
                "promtool is not on PATH. It comes with Prometheus: `apt-get install prometheus` on Debian and Ubuntu, "
                "`brew install prometheus` on macOS, or put it into .tools/bin"
            )
        found = cls(executable)
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

    def record(self, fixtures: Iterable[Fixture], known: Mapping[str, Recording]) -> RecordResult:
        """Record the scenarios that aren't known, and judge them by what their authors assert."""
        tasks = [
            _Task(fixture, {s.key: s for s in fixture.scenarios if s.key not in known})
            for fixture in fixtures
        ]
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
            failing: dict[_Task, bytes] = {}
            for task in tasks:
                failed = task.judge(recordings, problems)
                if failed:
                    failing[task] = task.fixture.explain(failed)
            explained = self._ask(space, failing) if failing else Output()
        for task in failing:
            problems.extend(task.explain(explained))
        return RecordResult(recordings, tuple(problems))

    def _isolate(self, space: _Workspace, tasks: Sequence[_Task]) -> Iterator[Problem]:
        """Find out why entries were not evaluated: the rule file, or one scenario that takes others with it."""
        errors = self._check_rules(space, [task.fixture.rules for task in tasks])
        refused = {error.path for error in errors}
        groups = {task.fixture.rules.path: task.fixture.groups for task in tasks}
        for error in errors:
            yield rule_problem(error, groups.get(error.path) or tasks[0].fixture.groups)
        alone: list[tuple[_Task, ProofScenario, str]] = []
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
                message = (
                    f"promtool can't evaluate the scenario {scenario.name!r} of {scenario.alert}: {said}"
                )
                yield Problem("promtool", message, scenario.place)

    def _ask(self, space: _Workspace, probes: Mapping[_Task, bytes]) -> Output:
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
                    with log.open("wb") as file:
                        running[number] = (
                            subprocess.Popen(
                                [self.executable, *command, *paths],
                                cwd=space.folder,
                                stdin=subprocess.DEVNULL,
                                stdout=file,
                                stderr=subprocess.STDOUT,
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


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """A fixture, its scenarios that are wanted, and for each that was evaluated where its answers are."""

    fixture: Fixture
    wanted: Mapping[str, ProofScenario]
    answers: dict[str, Output] = field(default_factory=dict)
    failed: dict[str, list[tuple[ProofAssertion, tuple[str, ...]]]] = field(default_factory=dict)

    def was_evaluated(self, scenario: ProofScenario, output: Output) -> bool:
        """Whether promtool got to the end of the scenario's entry."""
        return entry_proof(self.fixture.path, scenario.entry) in output.samples

    def judge(self, recordings: dict[str, Recording], problems: list[Problem]) -> frozenset[str]:
        """Keep the recordings of scenarios that do what they must; the keys of the others."""
        for key, output in self.answers.items():
            scenario = self.wanted[key]
            recording = self._recording(scenario, output)
            failed = [
                (assertion, severities)
                for assertion in scenario.assertions
                if (severities := self._failed(scenario, assertion, recording, output))
            ]
            broken = list(self._template_problems(scenario, recording))
            problems.extend(broken)
            if failed:
                self.failed[key] = failed
            elif not broken:
                recordings[key] = recording
        return frozenset(self.failed)

    def _recording(self, scenario: ProofScenario, output: Output) -> Recording:
        name = entry_name(self.fixture.path, scenario.entry)
        recording: dict[str, tuple[RecordedAlert, ...]] = {}
        for assertion in scenario.assertions:
            printed = output.alerts.get((name, scenario.alert, parse_duration(assertion.at) or 0), ())
            recording[assertion.at] = tuple(RecordedAlert(*alert) for alert in printed)
        return recording

    def _failed(
        self, scenario: ProofScenario, assertion: ProofAssertion, recording: Recording, output: Output
    ) -> tuple[str, ...]:
        asserted = severities_asserted(assertion.severity, [severity for severity, _ in scenario.signals])
        question = state_question(scenario.key, scenario.alert, assertion.at)
        firing = [(alert.labels, alert.annotations) for alert in recording[assertion.at]]
        return failed_severities(assertion.state, asserted, firing, states(output.samples.get(question, ())))

    def _template_problems(self, scenario: ProofScenario, recording: Recording) -> Iterator[Problem]:
        seen: set[tuple[str, str]] = set()
        for alerts in recording.values():
            for alert in alerts:
                for kind, pairs in (("annotations", alert.annotations), ("labels", alert.labels)):
                    for name, text in pairs:
                        if _TEMPLATE_ERROR not in text or (kind, name) in seen:
                            continue
                        seen.add((kind, name))
                        reason = text[text.index(_TEMPLATE_ERROR) + len(_TEMPLATE_ERROR) + 1 :].strip(" >")
                        rule = self._rule(scenario.alert)
                        yield Problem(
                            "template-error",
                            f"the template of {name!r} fails when {scenario.alert} fires: {reason}",
                            scenario.place if rule is None else _template_place(rule, kind, name),
                        )

    def explain(self, output: Output) -> Iterator[Problem]:
        """A problem for each assertion that doesn't hold, with the values that say why."""
        for key, failed in self.failed.items():
            for assertion, severities in failed:
                yield self._explained(self.wanted[key], assertion, severities, output)

    def _explained(
        self,
        scenario: ProofScenario,
        assertion: ProofAssertion,
        severities: tuple[str, ...],
        output: Output,
    ) -> Problem:
        at, alert = assertion.at, scenario.alert
        seen = states(output.samples.get(state_question(scenario.key, alert, at), ()))
        actual = sorted({state for state, severity in seen if severity in severities})
        ladder = len({severity for severity, _ in scenario.signals}) > 1
        who = f"{alert} ({', '.join(severities)})" if ladder else alert
        now = " and ".join(actual) or "neither pending nor firing"
        check, claim = {
            "firing": ("scenario-does-not-fire", f"{who} doesn't fire at {at}, it is {now}"),
            "pending": ("scenario-not-pending", f"{who} isn't pending at {at}, it is {now}"),
            "quiet": ("scenario-not-quiet", f"{who} isn't quiet at {at}, it is {now}"),
        }[assertion.state]
        parts = [claim]
        for number, (severity, expression) in enumerate(scenario.signals):
            if severity not in severities:
                continue
            question = signal_question(scenario.key, at, number, expression)
            error = output.errors.get(question)
            value = f"an error: {error}" if error else values_text(output.samples.get(question, ()))
            parts.append(f"its expression is {value} at that time{self._wants(alert, severity)}")
        series: list[str] = []
        for number, (name, _) in enumerate(scenario.series[:_MOST_SERIES]):
            samples = output.samples.get(series_question(scenario.key, at, number, name), ())
            series.append(f"{name} is {values_text(samples, named=True)}")
        if len(scenario.series) > _MOST_SERIES:
            series.append(f"{len(scenario.series) - _MOST_SERIES} series more")
        parts.append(f"in its series, {', '.join(series)}" if series else "it has no series")
        suggestion = None
        if assertion.state == "firing" and actual == ["pending"]:
            suggestion = "the condition holds, but not for long enough yet: assert a later time, or let the series go on"
        return Problem(check, "; ".join(parts), assertion.place, suggestion)

    def _wants(self, alert: str, severity: str) -> str:
        """What the rule compares with and how long it waits, for the end of a sentence."""
        rule = self._rule(alert, severity)
        if rule is None:
            return ""
        threshold = f", the threshold is {rule.threshold.text!r}" if rule.threshold else ""
        return f"{threshold}, `for` is {rule.hold}"

    def _rule(self, alert: str, severity: str | None = None) -> AlertRule | None:
        """The first rule of that alert, and severity if given."""
        for group in self.fixture.groups:
            for rule in group.rules:
                if not isinstance(rule, AlertRule) or rule.alert != alert:
                    continue
                if severity is None or rule.severity == severity:
                    return rule
        return None


def rule_problem(error: RuleError, groups: Sequence[RuleGroup]) -> Problem:
    """Promtool's words at the place of the rule that they are about, else at the file of the first rule."""
    rules = [rule for group in groups for rule in group.rules]
    place = Place(rules[0].place.file) if rules else Place(error.path)
    for group in groups:
        if group.name == error.group and error.rule is not None and error.rule < len(group.rules):
            rule = group.rules[error.rule]
            template = _NAMED_TEMPLATE.match(error.message)
            if isinstance(rule, AlertRule) and template is not None:
                place = _template_place(rule, template[1] + "s", unquote(template[2]))
            elif "expression" in error.message:
                place = rule.expr_place if isinstance(rule, AlertRule) else rule.place.at("expr")
            else:
                place = rule.place
    return Problem("promtool", f"promtool refuses the rule: {error.message}", place)


def _template_place(rule: AlertRule, kind: str, name: str) -> Place:
    """Where an annotation or label of an alert is written: its summary stands among the keys of the alert itself."""
    summary = rule.summary_place
    if (kind, name) == ("annotations", "summary"):
        return summary
    alert = Place(summary.file, summary.keys[:-1])
    return alert.at(name) if (kind, name) == ("annotations", "description") else alert.at(kind, name)


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
        yield RuleError(
            path, unquote(group) if group else None, int(rule) - 1 if rule else None, message.strip()
        )


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
