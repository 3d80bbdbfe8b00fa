"""Fixtures: what it costs to record them, and what their layout saves promtool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Case, interleave
from benchmarks.report import Figure
from benchmarks.setting import Setting, build, check_rules, emptied, only, prove_rules

SAMPLED = 10
"""One in so many entries of the wasteful layout is run."""


def figures(setting: Setting) -> list[Figure]:
    """The merged layout over one entry for each scenario; how the merged one grows; and a build that records."""
    sizes = setting.sizes
    root = setting.repository("proved", sizes.proved, sizes.proved_files)
    full = interleave({"build": Case(build("--quiet"), root, emptied(root))}, 1)["build"]
    entries = _write_wasteful(root)
    found = interleave(
        {
            "check": Case(check_rules(root), root),
            "merged": Case(prove_rules(root, "*.test.yml"), root),
            "wasteful": Case(prove_rules(root, "service-1.wasteful.yml"), root),
        },
        max(1, sizes.rounds // 3),
    )
    merged = found["merged"]
    wasteful = found["wasteful"].cpu * SAMPLED * sizes.proved_files
    per_file = sizes.proved // sizes.proved_files
    group = f"fixtures of {sizes.proved:,} alerts in {sizes.proved_files} files"
    result = [
        Figure(
            group,
            "merged entries, over an entry per scenario",
            merged.cpu / wasteful,
            "x",
            f"CPU/CPU: {merged.cpu:.2f} s / {wasteful:.0f} s, the latter measured on {entries} of {entries * SAMPLED} "
            f"entries of one file of {per_file} alerts, times {SAMPLED}, times {sizes.proved_files}",
            0.15,
        ),
        Figure(
            group,
            "the whole build, recording and proof included",
            full.cpu / merged.cpu,
            "x",
            f"CPU/CPU: {full.cpu:.2f} s / {merged.cpu:.2f} s of `promtool test rules` on the finished fixtures",
        ),
        Figure(
            group,
            "the same, over `promtool check rules`",
            full.cpu / found["check"].cpu,
            "x",
            f"CPU/CPU: {full.cpu:.2f} s / {found['check'].cpu:.2f} s",
        ),
    ]
    return result + _growth(setting)


def _growth(setting: Setting) -> list[Figure]:
    cases = {}
    for alerts in setting.sizes.growth:
        root = setting.repository(f"growth-{alerts}", alerts, 1)
        interleave({"build": Case(build(*only("prometheus-rules", "promtool-tests"), "--quiet"), root)}, 1)
        cases[str(alerts)] = Case(prove_rules(root, "*.test.yml"), root)
    found = interleave(cases, max(1, setting.sizes.rounds // 3))
    smallest, *_ = setting.sizes.growth
    return [
        Figure(
            "how the merged fixture of one file grows with its alerts",
            f"{alerts} alerts",
            sample.cpu / found[str(smallest)].cpu / (int(alerts) / smallest),
            "x",
            f"CPU per alert, over that of {smallest}; {sample.cpu:.2f} s in all",
        )
        for alerts, sample in found.items()
    ]


def _write_wasteful(root: Path) -> int:
    """Lays out one file's scenarios with an entry for each, and writes one in ten of them; how many those are.

    An alert's two scenarios give the same series different values, so they can't share an entry in any layout.
    """
    from rules_gen.compiler import compile_unit, read_shared
    from rules_gen.source.files import read_sources
    from rules_gen.source.layout import lay_out
    from rules_gen.targets.promtool_tests import PromtoolFixture

    sources, _ = read_sources(root)
    contents = {source.path: source.content for source in sources}
    layout = lay_out(contents)
    unit = next(unit for unit in layout.units if unit.service == "service-1")
    compiled = compile_unit(
        unit, contents, read_shared(layout, contents).context, "2026-01-01", frozenset({"promtool-tests"})
    )
    [fixture] = compiled.fixtures
    assert isinstance(fixture, PromtoolFixture)
    recordings = fixture.recall((root / fixture.path).read_bytes())
    cases = tuple(replace(case, entry=number) for number, case in enumerate(fixture.cases))[::SAMPLED]
    path = root / fixture.path.replace(".test.yml", ".wasteful.yml")
    path.write_bytes(replace(fixture, cases=cases).render(recordings))
    return len(cases)
