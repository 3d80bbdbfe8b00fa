"""A build: reads what has changed, compiles it, has promtool prove it, and brings the disk into line."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rules_gen import cache, freshness
from rules_gen.compiler import Compiled, Shared, compile_catalog, compile_unit, read_shared
from rules_gen.diagnostics import Diagnostic, Level, Place, Problem
from rules_gen.freshness import content_hash
from rules_gen.model import ServiceDigest
from rules_gen.output_tree import Changes, OutputError, apply, compare
from rules_gen.parallel import spread
from rules_gen.proof.scenarios import Progress, Proof
from rules_gen.proof.timelines import Timelines
from rules_gen.source.files import read_sources
from rules_gen.source.layout import Layout, Unit, lay_out
from rules_gen.source.time_zones import unknown_time_zones

PARALLEL_FROM = 8
"""Fewer services than this are compiled in one process: a fork costs more."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to build. `only` names targets; `today` is an ISO date; with `write` off the disk stays as it is."""

    root: Path
    today: str
    write: bool = True
    only: frozenset[str] | None = None
    processes: int = field(default_factory=lambda: os.cpu_count() or 1)
    progress: Progress = lambda _stage, _done, _total: None


@dataclass(frozen=True, slots=True)
class Result:
    """What a build came to. With an error among the diagnostics, nothing was written."""

    diagnostics: tuple[Diagnostic, ...]
    changes: Changes
    services: int
    compiled: int
    outputs: int
    recorded: int
    verified: int

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(diagnostic.level is Level.ERROR for diagnostic in self.diagnostics)


@dataclass(slots=True)
class _Build:
    """A build under way."""

    options: Options
    contents: dict[str, bytes]
    inputs: dict[str, str]
    layout: Layout
    state: dict[str, Any]
    shared: Shared
    shared_key: str
    problems: list[Problem]
    found: dict[str, freshness.Signature]
    """The files in the output folders before anything else was looked at."""
    tool: str
    """The tool as it was at the start: one that is upgraded meanwhile hasn't made these outputs."""
    proof: Proof


def build(options: Options) -> Result:
    """Builds everything below `options.root`. OutputError when the outputs can't be written."""
    gc.disable()  # Nothing here makes cycles worth collecting, and looking for them takes a tenth of a cold build.
    try:
        return _build(options)
    finally:
        gc.freeze()  # Else the first look would go through all that was made meanwhile.
        gc.enable()


def _build(options: Options) -> Result:
    tool = freshness.tool_key()
    sources, problems = read_sources(options.root)
    contents = {source.path: source.content for source in sources}
    layout = lay_out(contents)
    problems += layout.problems
    inputs = {path: content_hash(content) for path, content in contents.items()}
    shared_paths = [p for p in (layout.policy, *layout.templates.values(), *layout.runbooks.values()) if p]
    run = _Build(
        options,
        contents,
        inputs,
        layout,
        cache.load_state(options.root, tool, options.only),
        read_shared(layout, contents) if sources else Shared(None),
        cache.input_key(shared_paths, inputs),
        problems,
        freshness.signatures(str(options.root)),
        tool,
        Proof(options.root, options.progress, problems),
    )
    run.problems += run.shared.problems
    if run.shared.context is not None:
        run.problems += unknown_time_zones(run.shared.context.policy)
    stale = _stale_units(run)
    compiled = _compile(run, stale)
    for result in compiled:
        run.problems += result.problems
    if not layout.units and sources and not run.problems:
        run.problems.append(
            Problem(
                "source-files",
                "no service has a definition, so nothing would be generated",
                Place("alerts"),
                "write alerts/<team>/<service>.yaml",
            )
        )
    wanted: dict[str, bytes | None] = {}
    digests: dict[str, ServiceDigest] | None = None
    if not _has_errors(run):
        wanted, digests = _outputs(run, stale, compiled)
    if _has_errors(run):
        return _result(run, Changes((), (), (), ()), compiled, 0)
    known = run.state.get("outputs", {})
    keep = frozenset(_kept(run)) if options.only is not None else frozenset()
    changes = compare(options.root, wanted, known, keep)
    if options.write:
        apply(options.root, wanted, changes)
        _remember(run, wanted, changes, compiled, digests)
    return _result(run, changes, compiled, len(wanted))


def _has_errors(run: _Build) -> bool:
    return any(problem.level is Level.ERROR for problem in run.problems)


def _key(unit: Unit) -> str:
    return f"{unit.team}/{unit.service}"


def _unit_key(run: _Build, unit: Unit) -> str:
    return f"{run.shared_key} {cache.input_key(unit.files, run.inputs)}"


def _stale_units(run: _Build) -> list[Unit]:
    """The services to compile: those that have changed, or whose outputs aren't as they were written."""
    known: dict[str, Any] = run.state.get("units", {})
    outputs = run.state.get("outputs", {})
    stale = []
    for unit in run.layout.units:
        entry = known.get(_key(unit))
        if (
            entry is None
            or entry["input"] != _unit_key(run, unit)
            or run.options.today >= entry["recheck"]
            or not all(
                freshness.is_intact(str(run.options.root), path, outputs[path], run.found.get(path))
                for path in entry["paths"]
            )
        ):
            stale.append(unit)
    return stale


def _compile(run: _Build, units: list[Unit]) -> list[Compiled]:
    options, context = run.options, run.shared.context
    total = len(units)
    done = 0

    def work(part: Any) -> list[Compiled]:  # noqa: ANN401 - a slice of units
        nonlocal done
        results = []
        for unit in part:
            # The service itself isn't needed any more, and would only be copied from process to process.
            results.append(
                replace(compile_unit(unit, run.contents, context, options.today, options.only), service=None)
            )
            done += 1
            options.progress("compiling", min(total, done * processes), total)
        return results

    processes = min(options.processes, total) if total >= PARALLEL_FROM else 1
    return spread(work, units, processes)


def _outputs(
    run: _Build, stale: list[Unit], compiled: list[Compiled]
) -> tuple[dict[str, bytes | None], dict[str, ServiceDigest] | None]:
    """All outputs by path, None for those known to be right; and all digests where they were needed."""
    wanted: dict[str, bytes | None] = {}
    known: dict[str, Any] = run.state.get("units", {})
    stale_keys = {_key(unit) for unit in stale}
    for unit in run.layout.units:
        if _key(unit) not in stale_keys:
            wanted.update(dict.fromkeys(known[_key(unit)]["paths"]))
    for result in compiled:
        wanted.update({file.path: file.content for file in result.files})
    digests = _digests(run, compiled)
    if digests is None:
        wanted.update(dict.fromkeys(run.state["catalog"]))
    elif run.shared.context is not None:
        files, problems = compile_catalog(run.shared.context, digests.values(), run.options.only)
        run.problems += problems
        wanted.update({file.path: file.content for file in files})
    if not _has_errors(run):
        fixtures = [fixture for result in compiled for fixture in result.fixtures]
        if fixtures:
            wanted.update(run.proof.prove(fixtures))
        if run.options.only is None or "promtool-tests" in run.options.only:
            proved = {fixture.rules.path for fixture in fixtures}
            run.proof.check_unproved([f for result in compiled for f in result.files if f.path not in proved])
    illustrated = [one for result in compiled for one in result.illustrated]
    if illustrated and not _has_errors(run):
        wanted.update(Timelines(run.options.root, run.options.progress, run.problems).files(illustrated))
    return wanted, digests


def _digests(run: _Build, compiled: list[Compiled]) -> dict[str, ServiceDigest] | None:
    """The digests of all services; None when nothing that the catalogue speaks of has changed."""
    known: dict[str, Any] = run.state.get("units", {})
    fresh = {_key(result.unit): result.digest for result in compiled if result.digest is not None}
    names = [_key(unit) for unit in run.layout.units]
    root = str(run.options.root)
    if (
        run.state.get("shared") == run.shared_key
        and set(known) == set(names)
        and all(known[name]["digest"] == content_hash(cache.digest_bytes(digest)) for name, digest in fresh.items())
        and all(
            freshness.is_intact(root, path, run.state["outputs"][path], run.found.get(path))
            for path in run.state["catalog"]
        )
    ):
        return None
    old: dict[str, ServiceDigest] = {}
    if len(fresh) < len(names):
        suffix = freshness.suffix_of(run.options.only)
        kept = cache.load_digests(run.options.root, f"{freshness.FOLDER}/digests{suffix}.json")
        # Two builds at a time can leave the state of one and the digests of the other.
        old = {
            name: digest
            for name, digest in kept.items()
            if name in known and known[name]["digest"] == content_hash(cache.digest_bytes(digest))
        }
    missing = [unit for unit in run.layout.units if _key(unit) not in fresh and _key(unit) not in old]
    for result in _compile(run, missing):
        if result.digest is not None:
            fresh[_key(result.unit)] = result.digest
    return {name: fresh.get(name) or old[name] for name in names}


def _kept(run: _Build) -> list[str]:
    """Outputs of targets that this build doesn't make."""
    return [path for path in freshness.signatures(str(run.options.root)) if path not in run.state.get("outputs", {})]


def _remember(
    run: _Build,
    wanted: Mapping[str, bytes | None],
    changes: Changes,
    compiled: list[Compiled],
    digests: Mapping[str, ServiceDigest] | None,
) -> None:
    # What wasn't written is remembered as it was at the start: what somebody did to it since must not pass for ours.
    now = freshness.signatures(str(run.options.root))
    gone = set(changes.removed)
    found = {path: signature for path, signature in run.found.items() if path not in gone}
    found |= {path: now[path] for path in (*changes.created, *changes.updated) if path in now}
    before = run.state.get("outputs", {})
    units: dict[str, Any] = {}
    known: dict[str, Any] = run.state.get("units", {})
    results = {_key(result.unit): result for result in compiled}
    for unit in run.layout.units:
        name = _key(unit)
        result = results.get(name)
        units[name] = known.get(name)
        if result is not None and result.digest is not None:
            units[name] = {
                # A service with a warning is compiled each time, so that the warning is seen each time.
                "input": "" if result.problems else _unit_key(run, unit),
                "paths": result.digest.paths,
                "recheck": result.recheck or cache.NEVER,
                "digest": content_hash(cache.digest_bytes(result.digest)),
            }
    outputs = {
        path: [before[path][0] if content is None else content_hash(content), found.get(path, [-1, 0, 0])]
        for path, content in wanted.items()
    }
    owned = {path for entry in units.values() for path in entry["paths"]}
    state = {
        "tool": run.tool,
        "recheck": min((entry["recheck"] for entry in units.values()), default=cache.NEVER),
        "shared": run.shared_key,
        "units": units,
        "catalog": [path for path in wanted if path not in owned],
        "outputs": outputs,
    }
    # The hashes are those of what was compiled, so a definition that changed meanwhile doesn't pass for built.
    world = None if run.problems else (run.tool, run.inputs, found)
    cache.save(run.options.root, state, digests, run.options.only, world)


def _result(run: _Build, changes: Changes, compiled: list[Compiled], outputs: int) -> Result:
    diagnostics: tuple[Diagnostic, ...] = ()
    if run.problems:
        from rules_gen.source.locate import diagnose

        texts = {path: content.decode("utf-8", "replace") for path, content in run.contents.items()}
        diagnostics = diagnose(list(dict.fromkeys(run.problems)), texts)
    return Result(
        diagnostics, changes, len(run.layout.units), len(compiled), outputs, run.proof.recorded, run.proof.verified
    )


__all__ = ["Options", "OutputError", "Progress", "Result", "build"]
