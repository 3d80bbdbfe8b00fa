"""Tells whether anything has changed since the last build: the question that every `make rules` asks first.

Its answer is mostly no, so it imports next to nothing and compares two texts: the listing that the last build left, and
that of the world as it is. A listing has the content hash of every definition, since a checkout touches every file, and
what the file system says of every output (size, inode, time). When the texts differ the build looks closely: an output
that was only touched is read and hashed then, so that a checkout makes a build slower but never wrong.
"""

from __future__ import annotations

import os
import sys

# The C module itself: hashlib would load OpenSSL first, which takes longer than all the hashing here.
from _blake2 import blake2b

TYPE_CHECKING = False  # Importing typing for it would take a tenth of the time that an answer may take.
if TYPE_CHECKING:
    from typing import Any

FOLDER = ".rules-gen"
IGNORED_PREFIXES = (".", "#")
"""Editors' and version control's own files begin with these, and end with a tilde."""
ROOTS = ("rules", "runbooks", "dashboards")
"""The folders that hold outputs and nothing else."""

Signature = list[int]
"""Size, inode and time (ns) of a file."""


def content_hash(content: bytes) -> str:
    """The hash of a file's content: 128 bits, in hex."""
    return str(blake2b(content, digest_size=16).hexdigest())


def tool_key() -> str:
    """What the outputs depend on besides the definitions: this package's files, the Python that runs them, and the
    packages that are installed for it, told by the time at which one came or went.
    """
    here = os.path.dirname(os.path.abspath(__file__))
    parts = [sys.version]
    installed = [folder for folder in sys.path if folder.endswith("-packages") and os.path.isdir(folder)]
    parts += [f"{folder} {os.stat(folder).st_mtime_ns}" for folder in installed]
    for folder, folders, files in os.walk(here):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(files):
            status = os.stat(os.path.join(folder, name))
            parts.append(f"{folder}/{name} {status.st_size} {status.st_mtime_ns}")
    return content_hash("\n".join(parts).encode())


def suffix_of(only: frozenset[str] | None) -> str:
    """What sets the state of a build of some targets apart from that of all."""
    return "" if only is None else "." + "+".join(sorted(only))


def hash_inputs(root: str, folder: str = "alerts") -> dict[str, str] | None:
    """The hash of every file below `alerts/`; None where something is there that isn't a plain file."""
    hashes: dict[str, str] = {}
    pending = [folder]
    while pending:
        relative = pending.pop()
        try:
            entries = list(os.scandir(os.path.join(root, relative)))
        except OSError:
            return None
        for entry in entries:
            if entry.name.startswith(IGNORED_PREFIXES) or entry.name.endswith("~"):
                continue
            path = f"{relative}/{entry.name}"
            if entry.is_symlink():
                return None
            if entry.is_dir():
                pending.append(path)
                continue
            if not entry.is_file():
                return None  # Opening a pipe would wait for whoever writes into it.
            try:
                with open(entry.path, "rb") as handle:
                    hashes[path] = content_hash(handle.read())
            except OSError:
                return None
    return hashes


def signatures(root: str) -> dict[str, Signature]:
    """Every file below the output folders, with its signature. Links, and folders that nobody may look into, are listed
    as such: [-1, 0, 0].
    """
    found: dict[str, Signature] = {}
    pending = [folder for folder in ROOTS if os.path.isdir(os.path.join(root, folder))]
    while pending:
        relative = pending.pop()
        try:
            entries = list(os.scandir(os.path.join(root, relative)))
        except OSError:
            found[relative] = [-1, 0, 0]
            continue
        for entry in entries:
            # A name that isn't UTF-8 is no output's; it is kept in a form that can be printed.
            path = f"{relative}/{entry.name}".encode("utf-8", "backslashreplace").decode()
            if entry.is_symlink():
                found[path] = [-1, 0, 0]
            elif entry.is_dir():
                pending.append(path)
            else:
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue  # Another build's temporary file has found its place meanwhile.
                found[path] = [status.st_size, status.st_ino, status.st_mtime_ns]
    return found


def is_intact(root: str, path: str, output: list[Any], signature: Signature | None) -> bool:
    """Whether an output is as it was written. `output` is its hash and its signature in the state."""
    if signature is None or signature[0] < 0:
        return False
    if signature == output[1]:
        return True
    known: str = output[0]
    try:
        with open(os.path.join(root, path), "rb") as handle:
            return content_hash(handle.read()) == known
    except OSError:
        return False


def listing(tool: str, inputs: dict[str, str], found: dict[str, Signature]) -> str:
    """The world as text: the tool, the definitions' hashes, the outputs' signatures."""
    lines = [tool]
    lines += [f"{inputs[path]} {path}" for path in sorted(inputs)]
    lines += [f"{size} {inode} {changed} {path}" for path, (size, inode, changed) in sorted(found.items())]
    return "\n".join(lines)


def remember(
    root: str, only: frozenset[str] | None, world: tuple[str, dict[str, str], dict[str, Signature]], recheck: str
) -> None:
    """Leaves the listing of this tool, these definitions and outputs. It holds until the day `recheck`."""
    path = _path(root, only)
    with open(f"{path}.{os.getpid()}.tmp", "w", encoding="utf-8") as handle:
        handle.write(f"{recheck}\n{listing(*world)}")
    os.replace(f"{path}.{os.getpid()}.tmp", path)


def forget(root: str, only: frozenset[str] | None) -> None:
    """The next build has to look closely."""
    if os.path.exists(_path(root, only)):
        os.unlink(_path(root, only))


def is_fresh(root: str, today: str, only: frozenset[str] | None = None) -> bool:
    """Whether a build of these targets would change nothing: no definition, no output, no tool has changed."""
    try:
        with open(_path(root, only), encoding="utf-8") as handle:
            recheck, _, then = handle.read().partition("\n")
    except (OSError, ValueError):
        return False
    inputs = hash_inputs(root)
    return today < recheck and inputs is not None and then == listing(tool_key(), inputs, signatures(root))


def _path(root: str, only: frozenset[str] | None) -> str:
    return f"{root}/{FOLDER}/listing{suffix_of(only)}"
