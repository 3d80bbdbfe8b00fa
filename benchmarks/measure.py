"""Runs commands and measures them: processor time, wall time and memory, the children's included.

Runs of what is compared are interleaved (A B A B ...), so that a machine that slows down slows both down, and medians
are taken, so that one disturbed run counts for nothing.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """One run, or the medians of several: seconds of processor time (user and system), seconds of wall, peak bytes."""

    cpu: float
    wall: float
    peak: float

    def __sub__(self, other: Sample) -> Sample:
        return Sample(self.cpu - other.cpu, self.wall - other.wall, self.peak)


@dataclass(frozen=True, slots=True)
class Case:
    """A command that is measured. `prepare` runs before each time, unmeasured."""

    command: Sequence[str]
    folder: Path
    prepare: Callable[[], None] = field(default=lambda: None)


def run(command: Sequence[str], folder: Path) -> Sample:
    """One run. RuntimeError, with what it printed, when it fails.

    What wait4 says of a process counts the children that it has waited for; the peak is that of the largest of them.
    """
    with (folder / ".output").open("w+b") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            said = output.read().decode("utf-8", "replace")[-2000:]
            raise RuntimeError(f"{' '.join(command[:6])} failed with {process.returncode}:\n{said}")
    kibibytes = usage.ru_maxrss if os.uname().sysname == "Linux" else usage.ru_maxrss / 1024
    return Sample(usage.ru_utime + usage.ru_stime, wall, kibibytes * 1024)


def _environment() -> dict[str, str]:
    """Ours, but that Python keeps what it has compiled, as it does on every machine that doesn't forbid it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def interleave(cases: Mapping[str, Case], rounds: int) -> dict[str, Sample]:
    """The medians of each case over `rounds` rounds, in each of which every case runs once."""
    samples: dict[str, list[Sample]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            case.prepare()
            samples[name].append(run(case.command, case.folder))
    return {
        name: Sample(median(s.cpu for s in found), median(s.wall for s in found), median(s.peak for s in found))
        for name, found in samples.items()
    }
