"""What is measured how often, and the repositories and commands that all cases share."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import definitions
from benchmarks.measure import Case

UNRECORDED = (
    "alertmanager",
    "grafana-dashboards",
    "prometheus-rules",
    "routes",
    "runbook-index",
)
"""Every target that a build without `--only` makes, but the fixtures and the pages with their pictures: promtool is
asked for those, at its own speed.
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. `proved` are the alerts, in as many files as a tenth of them, that are also recorded."""

    alerts: int
    files: int
    proved: int
    proved_files: int
    growth: tuple[int, int, int]
    rounds: int


FULL = Sizes(10_000, 100, 1_000, 10, (100, 200, 400), 7)
QUICK = Sizes(1_000, 10, 100, 2, (25, 50, 100), 3)


@dataclass(frozen=True, slots=True)
class Setting:
    """The sizes, and the folder that everything is generated into."""

    sizes: Sizes
    folder: Path

    @property
    def quick(self) -> bool:
        """Whether little is measured."""
        return self.sizes is QUICK

    def repository(self, name: str, alerts: int, files: int, *, distinct: bool = False) -> Path:
        """A repository of generated definitions, made the first time that it is asked for."""
        root = self.folder / name
        if not root.exists():
            definitions.write(root, alerts, files, distinct=distinct)
        return root

    def bare(self) -> Case:
        """An interpreter that starts and ends."""
        return Case([sys.executable, "-c", "pass"], self.folder)


def build(*arguments: str) -> list[str]:
    """The command `rules-gen build`, as it is installed beside this interpreter."""
    installed = Path(sys.executable).with_name("rules-gen")
    start = [str(installed)] if installed.exists() else [sys.executable, "-m", "rules_gen"]
    return [*start, "build", *arguments]


def only(*targets: str) -> list[str]:
    """The arguments that restrict a build to these targets."""
    return [word for target in targets for word in ("--only", target)]


def check_rules(root: Path) -> list[str]:
    """The command `promtool check rules` on all that has been compiled below `root`."""
    return ["promtool", "check", "rules", *sorted(str(path) for path in root.glob("rules/**/*.rules.yml"))]


def prove_rules(root: Path, pattern: str) -> list[str]:
    """The command `promtool test rules` on the fixtures below `root`."""
    return ["promtool", "test", "rules", *sorted(str(path) for path in root.glob(f"rules/**/{pattern}"))]


def without_pages(root: Path) -> Callable[[], None]:
    """Removes the pages and all that is remembered below `root`, and leaves the pictures."""

    def remove() -> None:
        shutil.rmtree(root / ".rules-gen", ignore_errors=True)
        for page in root.glob("runbooks/**/*.md"):
            page.unlink()

    return remove


def emptied(root: Path) -> Callable[[], None]:
    """Removes what a build has left below `root`."""

    def empty() -> None:
        for name in ("rules", "runbooks", "dashboards", ".rules-gen"):
            shutil.rmtree(root / name, ignore_errors=True)

    return empty
