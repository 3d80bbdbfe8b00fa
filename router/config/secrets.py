"""Secrets by name: from variables, from files that variables name, or from a folder of files.

A file is looked at each time and read again when it has changed, so that a secret can be rotated without a restart. No
value ever stands in a repr, a message or an exception.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from router.config.problems import Problem

LARGEST = 65_536
"""Bytes of a secret's file. A certificate chain has some 10 KB."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def read_bytes(path: str) -> bytes:
    """A file's content, cut just above LARGEST: what stands for a secret may be a device without an end. OSError."""
    with Path(path).open("rb") as file:
        return file.read(LARGEST + 1)


def signature(path: str) -> object:
    """What changes when a file is written or replaced; links are followed, as Kubernetes swaps those. OSError."""
    stat = os.stat(path)  # noqa: PTH116  (this runs for each message that is sent, and pathlib doubles its time)
    return (stat.st_mtime_ns, stat.st_ino, stat.st_size)


class Secrets:
    """All secrets. May be asked from several threads: the worst of a race is that a file is read twice."""

    def __init__(
        self,
        environ: Mapping[str, str],
        read_file: Callable[[str], bytes] = read_bytes,
        directory: str = "",
        signature_of: Callable[[str], object] = signature,
    ) -> None:
        """`directory`: a folder in which each file holds the secret of its name, as systemd and Kubernetes do it."""
        self._environ = environ
        self._read_file = read_file
        self._directory = directory
        self._signature_of = signature_of
        self._files: dict[str, tuple[object, str]] = {}
        self._known: set[str] = set()

    def __repr__(self) -> str:
        return f"<Secrets, {len(self._known)} known>"

    def __reduce__(self) -> str:
        raise TypeError("secrets aren't copied or written anywhere")

    def get(self, name: str) -> str | None:
        """The secret of that name as it is now; None when there is none, when it is empty, or when it is ambiguous."""
        value, _ = self._look_up(name)
        return value

    def has(self, name: str) -> bool:
        """Whether there is such a secret."""
        return self.get(name) is not None

    def problems(self, names: Iterable[str]) -> tuple[Problem, ...]:
        """What is wrong with these, besides not being there at all."""
        found = []
        for name in dict.fromkeys(names):
            _, problem = self._look_up(name)
            if problem is not None:
                found.append(problem)
        return tuple(found)

    def known_values(self) -> frozenset[str]:
        """All values that were ever asked for, those that have been replaced too: what a log must not show."""
        return frozenset(self._known)

    def _look_up(self, name: str) -> tuple[str | None, Problem | None]:
        if not _NAME.fullmatch(name):
            # It also keeps `../` out of the folder's path.
            return None, Problem(name[:20], "not a secret's name")
        value, path = self._environ.get(name, ""), self._environ.get(f"{name}_FILE", "")
        if value and path:
            return None, Problem(name, f"both {name} and {name}_FILE are set", "keep one of them")
        if value:
            return self._remember(value.rstrip("\r\n")), None
        if path:
            return self._from_file(path, f"{name}_FILE", needed=True)
        if self._directory:
            return self._from_file(os.path.join(self._directory, name), name, needed=False)  # noqa: PTH118  (see above)
        return None, None

    def _from_file(self, path: str, variable: str, *, needed: bool) -> tuple[str | None, Problem | None]:
        try:
            now = self._signature_of(path)
            before = self._files.get(path)
            if before is not None and before[0] == now:
                return before[1], None
            content = self._read_file(path)
        except FileNotFoundError:
            self._files.pop(path, None)
            return None, Problem(variable, f"there is no file {path}") if needed else None
        except OSError as error:
            # A file system that hiccups must not take a working secret away.
            before = self._files.get(path)
            reason = error.strerror or type(error).__name__
            return before[1] if before else None, Problem(variable, f"{path} can't be read: {reason}")
        if len(content) > LARGEST:
            return None, Problem(variable, f"{path} has more than {LARGEST} bytes", "is it the right file?")
        try:
            value = content.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            return None, Problem(variable, f"{path} isn't UTF-8")
        if not value.strip():
            self._files.pop(path, None)
            return None, Problem(variable, f"{path} is empty")
        self._files[path] = (now, value)
        return self._remember(value), None

    def _remember(self, value: str) -> str | None:
        if not value.strip():
            return None
        self._known.add(value)
        return value
