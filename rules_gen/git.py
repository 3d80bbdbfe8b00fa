"""The adapter to git: which revision is meant, and its definitions, read without a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rules_gen.freshness import IGNORED_PREFIXES
from rules_gen.source.files import MAX_BYTES

_FOLDER = "alerts"
_REGULAR = frozenset({b"100644", b"100755"})
_UPSTREAM = tuple(f"{remote}/{branch}" for remote in ("upstream", "origin") for branch in ("HEAD", "main", "master"))
"""Where a pull request goes: the repository that was forked comes before one's own copy."""


class GitError(Exception):
    """The revision can't be read; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit. `name` is what was asked for, `day` the ISO date of the commit, `is_base` that it is the merge base."""

    name: str
    commit: str
    day: str
    is_base: bool

    @property
    def described(self) -> str:
        """`origin/main` and the commit, as people read it."""
        how = "where this branch left it, " if self.is_base else ""
        return f"{self.name} ({how}{self.commit[:10]})"


@dataclass(frozen=True, slots=True)
class Tree:
    """The definitions of a revision by path, and the paths that weren't read, with the reason."""

    contents: Mapping[str, bytes]
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Git:
    """git in the repository around `root`. `timeout_seconds` holds for each call."""

    root: Path
    executable: str
    timeout_seconds: float = 120.0
    _environment: Mapping[str, str] = field(
        default_factory=lambda: {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    )

    @classmethod
    def find(cls, root: Path) -> Git:
        """The git on PATH. Raises GitError when there is none, or `root` is in no repository."""
        executable = shutil.which("git")
        if executable is None:
            raise GitError("git is not on PATH, and the revision to compare with is read with it; install git")
        git = cls(root, executable)
        if not root.is_dir():
            raise GitError(f"no folder {root}; name the repository with --root")
        code, _, said = git._try("rev-parse", "--git-dir")
        if code:
            if "not a git repository" in said:
                raise GitError(f"{root.resolve()} is in no git repository; name the repository with --root")
            raise GitError(f"git can't be used here: {said}")
        return git

    def resolve(self, name: str | None) -> Revision:
        """The commit to compare with: the merge base of HEAD and `name`, or of HEAD and the branch upstream.

        Without a name and without a branch upstream it is HEAD itself.
        """
        if name is None:
            name = next((branch for branch in _UPSTREAM if self._commit(branch)), "HEAD")
        commit = self._commit(name)
        if commit is None:
            raise GitError(self._unknown(name))
        head = self._commit("HEAD")
        code, out, _ = self._try("merge-base", commit, head or commit)
        base = out.decode().split("\n")[0] if not code else commit
        if code and self._is_shallow():
            raise GitError(
                f"this shallow clone doesn't reach back to where `{name}` and HEAD part; fetch the history with "
                "`git fetch --unshallow` (in GitHub Actions: `fetch-depth: 0` for actions/checkout)"
            )
        day = self._run("show", "--no-show-signature", "-s", "--format=%cs", base).decode().strip()
        return Revision(name, base, day, is_base=base != commit)

    def definitions(self, revision: Revision) -> Tree:
        """What is in alerts/ at that revision. Links and odd names aren't followed; they are named instead."""
        listing = self._run("ls-tree", "-r", "-l", "-z", revision.commit, "--", _FOLDER)
        wanted: dict[str, bytes] = {}
        left_out: list[tuple[str, str]] = []
        for entry in filter(None, listing.split(b"\0")):
            facts, _, raw = entry.partition(b"\t")
            mode, _, digest, size = facts.split()
            path = os.fsdecode(raw)
            names = path.split("/")[1:]
            if any(name.startswith(IGNORED_PREFIXES) or name.endswith("~") for name in names):
                continue
            shown = path.encode("utf-8", "backslashreplace").decode()
            if not path.isprintable():
                left_out.append((shown, "its name isn't printable UTF-8"))
            elif mode not in _REGULAR:
                kind = {b"120000": "a symbolic link", b"160000": "a submodule"}.get(mode, "no regular file")
                left_out.append((shown, f"it is {kind}, which isn't followed"))
            elif not path.endswith(".yaml"):
                continue
            elif size.isdigit() and int(size) > MAX_BYTES:
                left_out.append((shown, f"it has {int(size) / 1e6:.0f} MB"))
            else:
                wanted[path] = digest
        if not wanted:
            raise GitError(
                f"{revision.described} has no definitions in {_FOLDER}/, so there is nothing to compare with; name a "
                "later revision, such as `rules-gen diff HEAD`"
            )
        return Tree(dict(zip(wanted, self._blobs(list(wanted.values())), strict=True)), tuple(left_out))

    def _blobs(self, digests: Sequence[bytes]) -> list[bytes]:
        """The contents of objects, in one call."""
        out = self._run("cat-file", "--batch", given=b"".join(digest + b"\n" for digest in digests))
        contents: list[bytes] = []
        start = 0
        for digest in digests:
            end = out.find(b"\n", start)
            facts = out[start:end].split()
            if len(facts) != 3:
                raise GitError(f"git has no object {digest.decode()}; the repository is incomplete: try `git fsck`")
            size = int(facts[2])
            contents.append(out[end + 1 : end + 1 + size])
            start = end + size + 2
        return contents

    def _commit(self, name: str) -> str | None:
        """The commit that a name means, None for no name of one."""
        code, out, _ = self._try("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return None if code else out.decode().strip()

    def _unknown(self, name: str) -> str:
        if name == "HEAD":
            return "this repository has no commit yet, so there is nothing to compare with"
        if self._is_shallow():
            return (
                f"no revision `{name}` in this shallow clone; fetch the history with `git fetch --unshallow` "
                "(in GitHub Actions: `fetch-depth: 0` for actions/checkout)"
            )
        hint = f"try `origin/{name}`, or `git fetch`" if self._commit(f"origin/{name}") else "try `git fetch`"
        return f"no revision `{name}` here; {hint}"

    def _is_shallow(self) -> bool:
        _, out, _ = self._try("rev-parse", "--is-shallow-repository")
        return out.strip() == b"true"

    def _run(self, *arguments: str, given: bytes = b"") -> bytes:
        code, out, said = self._try(*arguments, given=given)
        if code:
            raise GitError(f"git {arguments[0]} failed: {said}")
        return out

    def _try(self, *arguments: str, given: bytes = b"") -> tuple[int, bytes, str]:
        """Exit code, standard output, and what it said on standard error, on one line."""
        try:
            done = subprocess.run(
                [self.executable, "-C", str(self.root), *arguments],
                input=given,
                capture_output=True,
                env=dict(self._environment),
                timeout=self.timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise GitError(f"git {arguments[0]} took more than {self.timeout_seconds:.0f} s") from None
        except (OSError, ValueError) as error:
            # A name with a NUL in it is a ValueError.
            raise GitError(f"git can't be run: {error}") from None
        said = " ".join(done.stderr.decode("utf-8", "replace").split()).removeprefix("fatal: ")
        return done.returncode, done.stdout, said
