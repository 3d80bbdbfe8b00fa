"""Reads the definition files from the disk: the only part of `source` that touches it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from rules_gen.diagnostics import Level, Place, Problem
from rules_gen.freshness import IGNORED_PREFIXES

MAX_BYTES = 4 * 1024 * 1024
"""The largest definition file that is read. One hundred alerts with full runbooks take about 0.2 MB."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A definition file: its path from the repository's root, with slashes, and its bytes."""

    path: str
    content: bytes


def read_sources(root: Path, folder: str = "alerts") -> tuple[list[SourceFile], list[Problem]]:
    """All definition files below `root/folder`, sorted by path, and what is wrong with the folder itself.

    Symbolic links, special files, files over `MAX_BYTES` and names that aren't UTF-8 are problems, never followed.
    """
    base = root / folder
    files: list[SourceFile] = []
    problems: list[Problem] = []
    if not base.is_dir() or base.is_symlink():
        why = "is a symbolic link" if base.is_symlink() else "isn't there"
        return [], [
            Problem(
                "source-files",
                f"the folder {folder}/ {why}",
                Place(folder),
                suggestion="start with `rules-gen init DIR`, or name the repository with --root",
            )
        ]
    _walk(str(base), folder, files, problems)
    files.sort(key=lambda file: file.path)
    if not files and not problems:
        problems.append(
            Problem(
                "source-files",
                f"the folder {folder}/ holds no definitions",
                Place(folder),
                suggestion=f"write {folder}/policy.yaml, or start with `rules-gen init DIR`",
            )
        )
    return files, problems


def _walk(directory: str, relative: str, files: list[SourceFile], problems: list[Problem]) -> None:
    with os.scandir(directory) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(IGNORED_PREFIXES) or name.endswith("~"):
                continue
            path = f"{relative}/{name}"
            if not name.isprintable() or any("\udc80" <= letter <= "\udcff" for letter in name):
                shown = path.encode("utf-8", "backslashreplace").decode()
                problems.append(
                    Problem("source-files", "a file name that isn't printable UTF-8", Place(shown), "rename it")
                )
            elif entry.is_symlink():
                problems.append(
                    Problem(
                        "source-files",
                        "a symbolic link; it could lead out of the repository, so it isn't followed",
                        Place(path),
                        suggestion="put the file itself here",
                    )
                )
            elif entry.is_dir(follow_symlinks=False):
                _walk(entry.path, path, files, problems)
            elif name.endswith(".yaml"):
                _read(entry.path, path, files, problems)
            elif name.endswith(".yml"):
                problems.append(
                    Problem(
                        "source-files", "definition files end with .yaml", Place(path), f"rename it to {path[:-4]}.yaml"
                    )
                )
            else:
                problems.append(
                    Problem("source-files", "not a definition file; it is ignored", Place(path), level=Level.WARNING)
                )


def _read(location: str, path: str, files: list[SourceFile], problems: list[Problem]) -> None:
    # O_NOFOLLOW and fstat on the open file: what was looked at is what is read, also when somebody swaps it meanwhile.
    try:
        descriptor = os.open(location, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        problems.append(Problem("source-files", f"can't be read: {error.strerror}", Place(path)))
        return
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            problems.append(Problem("source-files", "not a regular file", Place(path), "put a plain file here"))
        elif status.st_size > MAX_BYTES:
            problems.append(
                Problem(
                    "source-files",
                    f"{status.st_size / 1e6:.0f} MB; a definition file may have {MAX_BYTES / 1e6:.0f} MB",
                    Place(path),
                    suggestion="split the service into a folder with service.yaml and one file per alert",
                )
            )
        else:
            with os.fdopen(descriptor, "rb", closefd=False) as handle:
                files.append(SourceFile(path, handle.read(MAX_BYTES + 1)))
    finally:
        os.close(descriptor)
