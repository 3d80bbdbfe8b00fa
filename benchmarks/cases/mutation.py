"""Mutation testing beside the plain tests of the same alerts, and a run in which nothing has changed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Case, interleave
from benchmarks.report import Figure
from benchmarks.setting import Setting, build, only, prove_rules

ALERTS = 400
"""Alerts of the target, in one file as the design's own measurement has them."""


def figures(setting: Setting) -> list[Figure]:
    """What judging mutants costs over what promtool takes for the finished fixtures."""
    alerts = 50 if setting.quick else ALERTS
    root = setting.repository(f"mutated-{alerts}", alerts, 1)
    interleave({"build": Case(build(*only("prometheus-rules", "promtool-tests"), "--quiet"), root)}, 1)
    count = _mutants(root)
    mutate = [str(Path(sys.executable).with_name("rules-gen")), "mutate", "--no-proposals", "--quiet"]
    project = Path(__file__).parents[2]
    found = interleave(
        {
            "plain": Case(prove_rules(root, "*.test.yml"), root),
            "nine": Case([sys.executable, "-m", "benchmarks.nine_mutants", str(root)], project),
            "all": Case([*mutate, "--no-cache"], root),
            "again": Case(mutate, root),
        },
        max(1, setting.sizes.rounds // 2),
    )
    plain, nine, everything, again = (found[name] for name in ("plain", "nine", "all", "again"))
    group = f"mutants of {alerts} alerts in one file, over `promtool test rules` on their fixture"
    return [
        Figure(group, "nine mutants an alert, CPU", nine.cpu / plain.cpu, "x", _basis(nine.cpu, plain.cpu, "CPU"), 3.0),
        Figure(
            group,
            "nine mutants an alert, wall",
            nine.wall / plain.wall,
            "x",
            _basis(nine.wall, plain.wall, "wall"),
            3.0,
        ),
        Figure(
            group,
            f"all {count:,} mutants ({count / alerts:.1f} an alert), CPU",
            everything.cpu / plain.cpu,
            "x",
            _basis(everything.cpu, plain.cpu, "CPU"),
        ),
        Figure(group, "again, nothing changed, CPU", again.cpu / plain.cpu, "x", _basis(again.cpu, plain.cpu, "CPU")),
    ]


def _basis(left: float, right: float, what: str) -> str:
    return f"{what}/{what}: {left:.2f} s / {right:.2f} s"


def _mutants(root: Path) -> int:
    """How many mutants there are; the run also leaves the verdicts that a second one recalls."""
    command = [str(Path(sys.executable).with_name("rules-gen")), "mutate", "--no-proposals", "--format", "json"]
    said = subprocess.run(command, cwd=root, capture_output=True, check=True)
    return len(json.loads(said.stdout)["mutants"])
