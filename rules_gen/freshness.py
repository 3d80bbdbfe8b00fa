"""Tells whether anything has changed since the last build: the question that every `make rules` asks first.

It imports next to nothing, since its answer is mostly no. What was built is kept in `.rules-gen/state.json`: the content
hash of every definition, and of every output its hash and what the file system says of it. An output whose size, inode
or time differs is read and hashed, so that a checkout, which touches every file, makes this slower but never wrong;
definitions are always read and hashed.
"""

from __future__ import annotations

import os
import sys
from typing import Any

# The C module itself: hashlib would load OpenSSL first, which takes longer than all the hashing here.
from _blake2 import blake2b

FOLDER = ".rules-gen"
ROOTS = ("rules", "runbooks", "dashboards")
"""The folders that hold outputs and nothing else."""

Signature = list[int]
"""Size, inode and time (ns) of a file."""


def content_hash(content: bytes) -> str:
    """The hash of a file's content: 128 bits, in hex."""
    return str(blake2b(content, digest_size=16).hexdigest())


def tool_key() -> str:
    """What the outputs depend on besides the definitions: this package's files and the Python that runs them."""
    here = os.path.dirname(os.path.abspath(__file__))
    parts = [sys.version]
    for folder, folders, files in os.walk(here):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(files):
            status = os.stat(os.path.join(folder, name))
            parts.append(f"{folder}/{name} {status.st_size} {status.st_mtime_ns}")
    return content_hash("\n".join(parts).encode())


def suffix_of(only: frozenset[str] | None) -> str:
    """What sets the state of a build of some targets apart from that of all."""
    return "" if only is None else "." + "+".join(sorted(only))


def load_state(root: str, only: frozenset[str] | None = None) -> dict[str, Any]:
    """What the last build of these targets left; empty when there was none, or it can't be read, or another tool version wrote it."""
    import orjson

    try:
        with open(f"{root}/{FOLDER}/state{suffix_of(only)}.json", "rb") as handle:
            state = orjson.loads(handle.read())
    except (OSError, ValueError):
        return {}
    if not isinstance(state, dict) or state.get("tool") != tool_key():
        return {}
    return state


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
            path = f"{relative}/{entry.name}"
            if entry.is_symlink():
                return None
            if entry.is_dir():
                pending.append(path)
                continue
            try:
                with open(entry.path, "rb") as handle:
                    hashes[path] = content_hash(handle.read())
            except OSError:
                return None
    return hashes


def signatures(root: str) -> dict[str, Signature]:
    """Every file below the output folders, with its signature. Links are listed as such: [-1, 0, 0]."""
    found: dict[str, Signature] = {}
    pending = [folder for folder in ROOTS if os.path.isdir(os.path.join(root, folder))]
    while pending:
        relative = pending.pop()
        for entry in os.scandir(os.path.join(root, relative)):
            path = f"{relative}/{entry.name}"
            if entry.is_symlink():
                found[path] = [-1, 0, 0]
            elif entry.is_dir():
                pending.append(path)
            else:
                status = entry.stat()
                found[path] = [status.st_size, status.st_ino, status.st_mtime_ns]
    return found


def is_intact(root: str, path: str, output: list[Any], signature: Signature | None) -> bool:
    """Whether an output is as it was written. `output` is its hash and its signature in the state."""
    if signature is None or signature[0] < 0:
        return False
    if signature == output[1]:
        return True
    try:
        with open(os.path.join(root, path), "rb") as handle:
            return content_hash(handle.read()) == output[0]
    except OSError:
        return False


def is_fresh(root: str, today: str, only: frozenset[str] | None = None) -> bool:
    """Whether a build of everything would change nothing: no definition, no output, no tool has changed."""
    state = load_state(root, only)
    if not state or not state.get("complete") or today >= state["recheck"]:
        return False
    if hash_inputs(root) != state["inputs"]:
        return False
    found = signatures(root)
    outputs = state["outputs"]
    # A file beside the outputs that isn't one may be an orphan: the build looks at it.
    if found.keys() != outputs.keys() | set(state["foreign"]):
        return False
    return all(is_intact(root, path, output, found.get(path)) for path, output in outputs.items())
