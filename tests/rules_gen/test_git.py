"""Definitions of a revision, read from real repositories without a checkout."""

import os
import subprocess

import pytest

from rules_gen.git import Git, GitError
from rules_gen.source.files import MAX_BYTES

NOBODY = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


class Clone:
    """A git repository on the disk."""

    def __init__(self, root):
        self.root = root

    def git(self, *arguments):
        done = subprocess.run(
            ["git", "-C", self.root, *arguments],
            env={**os.environ, **NOBODY},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, path, content="x: 1\n"):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            target.write_text(content)

    def commit(self, message="change"):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def adapter(self):
        return Git.find(self.root)

    def clone(self, place, *options):
        subprocess.run(
            ["git", "clone", "-q", *options, f"file://{self.root}", place], env={**os.environ, **NOBODY}, check=True
        )
        return Clone(place)


@pytest.fixture(autouse=True)
def plain_git(monkeypatch):
    for name, value in NOBODY.items():
        monkeypatch.setenv(name, value)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def here(tmp_path):
    root = tmp_path / "here"
    root.mkdir()
    made = Clone(root)
    made.git("init", "-q", "-b", "main")
    made.write("alerts/policy.yaml", "first: 1\n")
    made.write("README.md", "not a definition\n")
    made.commit("first")
    return made


def contents(clone, name=None):
    git = clone.adapter()
    return git.definitions(git.resolve(name)).contents


def test_the_definitions_are_those_of_the_revision_and_not_of_the_working_tree(here):
    here.write("alerts/policy.yaml", "second: 1\n")
    here.write("alerts/team/new.yaml")
    assert contents(here) == {"alerts/policy.yaml": b"first: 1\n"}


def test_bytes_come_as_they_are(here):
    odd = b"\xff\n\x00 no newline at the end"
    here.write("alerts/a/empty.yaml", b"")
    here.write("alerts/a/odd.yaml", odd)
    here.write("alerts/a/caf\u00e9 1.yaml", b"y")
    here.commit()
    found = contents(here, "HEAD")
    assert found["alerts/a/odd.yaml"] == odd
    assert found["alerts/a/empty.yaml"] == b""
    assert found["alerts/a/caf\u00e9 1.yaml"] == b"y"


def test_a_branch_is_compared_with_where_it_left(here):
    base = here.git("rev-parse", "HEAD")
    here.git("checkout", "-q", "-b", "work")
    here.write("alerts/team/mine.yaml")
    here.commit()
    here.git("checkout", "-q", "main")
    here.write("alerts/team/theirs.yaml")
    landed = here.commit()
    here.git("checkout", "-q", "work")
    revision = here.adapter().resolve("main")
    assert (revision.commit, revision.is_base, revision.name) == (base, True, "main")
    assert revision.described == f"main (where this branch left it, {base[:10]})"
    assert contents(here, "main") == {"alerts/policy.yaml": b"first: 1\n"}
    assert landed != base


def test_a_revision_behind_is_compared_with_itself(here):
    here.write("alerts/team/mine.yaml")
    second = here.commit()
    revision = here.adapter().resolve("HEAD")
    assert (revision.commit, revision.is_base) == (second, False)
    assert here.adapter().resolve("HEAD~1").commit == here.git("rev-parse", "HEAD~1")
    assert here.adapter().resolve(second[:12]).commit == second


def test_a_tag_means_its_commit(here):
    here.git("tag", "-a", "v1", "-m", "one")
    assert here.adapter().resolve("v1").commit == here.git("rev-parse", "HEAD")


def test_without_a_name_it_is_the_branch_upstream(here, tmp_path):
    work = here.clone(tmp_path / "work")
    base = work.git("rev-parse", "HEAD")
    work.git("checkout", "-q", "-b", "feature")
    work.write("alerts/team/mine.yaml")
    work.commit()
    revision = work.adapter().resolve(None)
    assert (revision.name, revision.commit) == ("origin/HEAD", base)
    fork = work.clone(tmp_path / "fork")
    fork.git("remote", "add", "upstream", f"file://{here.root}")
    fork.git("fetch", "-q", "upstream")
    assert fork.adapter().resolve(None).name == "upstream/main"


def test_without_a_remote_it_is_head(here):
    assert here.adapter().resolve(None).name == "HEAD"


def test_a_folder_within_a_repository_is_a_root(here):
    here.write("monitoring/alerts/policy.yaml", "inner: 1\n")
    here.commit()
    git = Git.find(here.root / "monitoring")
    assert git.definitions(git.resolve(None)).contents == {"alerts/policy.yaml": b"inner: 1\n"}


def test_links_submodules_and_odd_names_are_named_and_not_followed(here, tmp_path):
    (here.root / "alerts/team").mkdir()
    (here.root / "alerts/team/link.yaml").symlink_to("/etc/passwd")
    (here.root / "alerts/team/folder").symlink_to("/etc")
    (here.root / os.fsdecode(b"alerts/team/caf\xe9.yaml")).write_text("x")
    here.write("alerts/team/notes.md")
    here.write("alerts/team/.#lock.yaml")
    here.write("alerts/team/old.yaml~")
    here.write("alerts/team/big.yaml", b"#" * (MAX_BYTES + 1))
    here.commit()
    git = here.adapter()
    tree = git.definitions(git.resolve("HEAD"))
    assert list(tree.contents) == ["alerts/policy.yaml"]
    assert dict(tree.left_out) == {
        "alerts/team/link.yaml": "it is a symbolic link, which isn't followed",
        "alerts/team/folder": "it is a symbolic link, which isn't followed",
        "alerts/team/caf\\udce9.yaml": "its name isn't printable UTF-8",
        "alerts/team/big.yaml": "it has 4 MB",
    }


def refused(git, name=None):
    with pytest.raises(GitError) as caught:
        git.definitions(git.resolve(name))
    return str(caught.value)


def test_a_signature_is_no_part_of_the_day(here, tmp_path):
    """log.showSignature puts what gpg says before the date, on the same stream."""
    gpg = tmp_path / "gpg"
    gpg.write_text("#!/bin/sh\necho 'gpg: good' >&2\n")
    gpg.chmod(0o755)
    here.git("config", "gpg.program", str(gpg))
    here.git("config", "log.showSignature", "true")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n aaaa\n -----END PGP SIGNATURE-----\n"
    plain = here.git("cat-file", "commit", "HEAD") + "\n"
    head, _, rest = plain.partition("\n\n")
    (tmp_path / "signed").write_text(f"{head}\n{signature}\n{rest}")
    signed = here.git("hash-object", "-t", "commit", "-w", str(tmp_path / "signed"))
    assert here.adapter().resolve(signed).day == here.adapter().resolve("HEAD").day


def test_an_unknown_revision_says_what_to_try(here):
    assert refused(here.adapter(), "nonsense") == "no revision `nonsense` here; try `git fetch`"
    here.git("update-ref", "refs/remotes/origin/topic", "HEAD")
    assert "try `origin/topic`" in refused(here.adapter(), "topic")


@pytest.mark.parametrize("name", ["--output=stolen", "-x", "HEAD:README.md", "a..b", "", "x\ny", "\0"])
def test_a_name_is_never_an_option_or_a_file(here, name):
    refused(here.adapter(), name)
    assert not (here.root / "stolen").exists()


def test_no_repository_no_commit_and_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(GitError, match="is in no git repository; name the repository with --root"):
        Git.find(tmp_path)
    with pytest.raises(GitError, match="no folder"):
        Git.find(tmp_path / "missing")
    empty = Clone(tmp_path / "empty")
    empty.root.mkdir()
    empty.git("init", "-q")
    assert "no commit yet" in refused(empty.adapter())


def test_no_git(here, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(GitError, match="install git"):
        here.adapter()


def test_no_definitions_at_that_revision(here):
    here.git("rm", "-rq", "alerts")
    here.commit()
    assert "has no definitions in alerts/" in refused(here.adapter())
    (here.root / "alerts").symlink_to("/etc")
    here.commit()
    assert "has no definitions in alerts/" in refused(here.adapter())


def test_a_shallow_clone_says_how_to_deepen_it(here, tmp_path):
    here.git("checkout", "-q", "-b", "work")
    here.write("alerts/team/mine.yaml")
    here.commit()
    here.git("checkout", "-q", "main")
    here.write("alerts/team/theirs.yaml")
    here.commit()
    shallow = here.clone(tmp_path / "shallow", "--depth=1", "--branch=work")
    assert "fetch-depth: 0" in refused(shallow.adapter(), "origin/main")
    both = here.clone(tmp_path / "both", "--depth=1", "--branch=work", "--no-single-branch")
    assert "doesn't reach back to where `origin/main` and HEAD part" in refused(both.adapter(), "origin/main")


def test_unrelated_histories_are_compared_as_they_are(here):
    here.git("checkout", "-q", "--orphan", "other")
    here.write("alerts/team/mine.yaml")
    other = here.commit()
    here.git("checkout", "-q", "main")
    assert here.adapter().resolve("other").commit == other


def test_a_missing_object_is_a_message(here):
    digest = here.git("rev-parse", "HEAD:alerts/policy.yaml")
    path = here.root / ".git/objects" / digest[:2] / digest[2:]
    path.chmod(0o600)
    path.unlink()
    assert refused(here.adapter()) == f"git has no object {digest}; the repository is incomplete: try `git fsck`"


def test_a_git_that_hangs_is_given_up(here, tmp_path):
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nsleep 5\n")
    slow.chmod(0o755)
    assert "took more than" in refused(Git(here.root, str(slow), timeout_seconds=0.2))
