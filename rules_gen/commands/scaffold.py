"""`rules-gen init`: starts a monitoring repository with an example that compiles."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rules_gen import __version__

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

_TOOL = ".tools/bin/rules-gen"
_SCHEMA = ".schema/definitions.schema.json"
_HIDDEN = "dot-"
"""Begins the names of files that are hidden in the new repository. Under their own names, git and other tools would
take them for this project's."""

_NEXT = """\
Started a monitoring repository in {directory}: {count} files. Next:

  cd {quoted}
  make rules      compile the example in alerts/payments/checkout-api.yaml
  make test       run what was generated through promtool and amtool

Then put your teams and addresses into alerts/policy.yaml. README.md walks through changing an alert.
"""


def run(arguments: argparse.Namespace) -> int:
    """Writes the repository, all of it or nothing. Exit code 1 when something is in the way."""
    directory: Path = arguments.directory
    count = 0
    try:
        obstacle = _obstacle(directory)
        if obstacle is None:
            count = _install(directory, scaffold_files())
    except OSError as error:
        obstacle = f"{error.filename or directory}: {error.strerror or error}; nothing was written"
    if obstacle is not None:
        print(f"rules-gen: {obstacle}", file=sys.stderr)
        return 1
    sys.stdout.write(_NEXT.format(directory=directory, quoted=shlex.quote(str(directory)), count=count))
    return 0


def scaffold_files() -> dict[str, bytes]:
    """The new repository's files by path. All but the ignored `.tools/` are the same on every machine."""
    from importlib.resources import files

    from rules_gen.source.validate import schema_text

    contents = {
        path: content.replace(b"@VERSION@", __version__.encode())
        for path, content in _walk(files("rules_gen").joinpath("scaffold"), "")
    }
    contents[_SCHEMA] = schema_text().encode()
    contents[_TOOL] = _launcher().encode()
    return dict(sorted(contents.items()))


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        name = "." + entry.name.removeprefix(_HIDDEN) if entry.name.startswith(_HIDDEN) else entry.name
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{name}/")
        else:
            yield prefix + name, entry.read_bytes()


def _launcher() -> str:
    """A script that starts this very rules-gen, so that the new repository's first `make` needs no network.

    It lies in `.tools/`, which git ignores: paths of this machine are in no file that is committed.
    """
    python = shlex.quote(sys.executable)
    folder = str(Path(__file__).resolve().parents[2])
    program = f"import sys; sys.path.append({folder!r}); from rules_gen.cli import main; sys.exit(main())"
    return (
        "#!/bin/sh\n"
        "# The rules-gen that made this repository. When its Python has gone, `make` installs another.\n"
        f"if [ ! -x {python} ]; then\n"
        f'    rm -f "$0"\n'
        f"    echo 'rules-gen: the Python of {_TOOL} has gone; run make again' >&2\n"
        "    exit 1\n"
        "fi\n"
        f'exec {python} -P -c {shlex.quote(program)} "$@"\n'
    )


def _obstacle(directory: Path) -> str | None:
    """Why nothing can be put there, None when it can. A folder with nothing but `.git` is as good as an empty one."""
    if not os.path.lexists(directory):
        return None
    if not directory.is_dir():
        return f"{directory} is not a folder"
    there = sorted(entry.name for entry in directory.iterdir() if entry.name != ".git")
    if not there:
        return None
    listed = ", ".join(there[:10]) + (f" and {len(there) - 10} more" if len(there) > 10 else "")
    return f"{directory} is not empty, and nothing in it is ever overwritten: it holds {listed}"


def _install(directory: Path, contents: dict[str, bytes]) -> int:
    """Makes all files in a temporary folder inside `directory`, then moves them; an error undoes it all."""
    made = _make_folders(directory)
    moved: list[Path] = []
    try:
        with tempfile.TemporaryDirectory(prefix=".rules-gen-init-", dir=directory) as temporary:
            for path, content in contents.items():
                target = Path(temporary, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
                if path.endswith(".sh") or path == _TOOL:
                    target.chmod(0o755)
            for entry in sorted(Path(temporary).iterdir()):
                _move(entry, directory / entry.name, moved)
    except BaseException:
        for final in moved:
            if final.is_dir():
                shutil.rmtree(final, ignore_errors=True)
            else:
                final.unlink(missing_ok=True)
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    return len(contents)


def _move(entry: Path, final: Path, moved: list[Path]) -> None:
    if os.path.lexists(final):
        raise FileExistsError(17, "appeared meanwhile", str(final))
    # Listed first: an interruption between the two leaves nothing behind.
    moved.append(final)
    entry.rename(final)


def _make_folders(directory: Path) -> list[Path]:
    """Makes the folder and those above it; the list of those made."""
    made: list[Path] = []
    missing = [folder for folder in (directory, *directory.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir()
        made.append(folder)
    return made
