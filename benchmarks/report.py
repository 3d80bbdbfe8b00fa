"""The figures, and how they are printed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure. `target` is the most that it may be, `least` the least; None where it is only reported.

    `basis` says what is divided.
    """

    group: str
    name: str
    value: float
    unit: str
    basis: str
    target: float | None = None
    least: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.target is None and self.least is None:
            return ""
        too_much = self.target is not None and self.value > self.target
        too_little = self.least is not None and self.value < self.least
        return "missed" if too_much or too_little else "met"

    @property
    def bound(self) -> str:
        """The target as text."""
        if self.least is not None:
            return f">= {self.least:g} {self.unit}"
        return "" if self.target is None else f"<= {self.target:g} {self.unit}"


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    version = subprocess.run(["promtool", "--version"], capture_output=True, text=True, check=False)
    words = (version.stdout or version.stderr).split()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cores": str(cores),
        "load": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "promtool": words[2] if len(words) > 2 else "unknown",
        "system": f"{platform.system()} {platform.machine()}",
    }


def as_json(figures: Sequence[Figure], about: dict[str, str]) -> str:
    """All figures, for machines."""
    return json.dumps(
        {"machine": about, "figures": [{**asdict(figure), "verdict": figure.verdict} for figure in figures]}, indent=2
    )


def as_text(figures: Sequence[Figure], about: dict[str, str]) -> str:
    """All figures as a table, as wide as the terminal needs it."""
    width = max(len(figure.name) for figure in figures)
    lines = [", ".join(f"{key} {value}" for key, value in about.items())]
    group = ""
    for figure in figures:
        if figure.group != group:
            group = figure.group
            lines += ["", group]
        value = f"{figure.value:.3f}" if abs(figure.value) < 10 else f"{figure.value:.0f}"
        cells = (
            f"{figure.name:{width}}",
            f"{value:>7} {figure.unit:<2}",
            f"{figure.bound:<10}",
            f"{figure.verdict:<6}",
        )
        lines.append("  ".join(("", *cells, figure.basis)))
    return "\n".join(lines) + "\n"
