"""Secrets come from variables and files, are rotated without a restart, and show nowhere."""

import copy
import pickle

import pytest

from router.config.secrets import LARGEST, Secrets


def put(path, text):
    path.write_text(text)
    return str(path)


def problems_of(secrets, *names):
    return [str(problem) for problem in secrets.problems(names)]


def test_a_variable_holds_a_secret():
    secrets = Secrets({"TOKEN": "hunter2", "EMPTY": "", "BLANK": " \n"})

    assert secrets.get("TOKEN") == "hunter2"
    assert [secrets.get(name) for name in ("EMPTY", "BLANK", "MISSING")] == [None, None, None]
    assert problems_of(secrets, "EMPTY", "MISSING") == []


def test_a_file_holds_a_secret_without_its_last_line_break(tmp_path):
    secrets = Secrets({"TOKEN_FILE": put(tmp_path / "t", " hunter2 \r\n")})

    assert secrets.get("TOKEN") == " hunter2 "


def test_a_folder_holds_secrets_and_a_variable_goes_before_it(tmp_path):
    put(tmp_path / "TOKEN", "from the folder\n")
    put(tmp_path / "OTHER", "other\n")
    secrets = Secrets({"TOKEN": "from the variable"}, directory=str(tmp_path))

    assert secrets.get("TOKEN") == "from the variable"
    assert secrets.get("OTHER") == "other"
    assert secrets.get("MISSING") is None
    assert problems_of(secrets, "MISSING") == []


@pytest.mark.parametrize("replace", [True, False])
def test_a_file_that_changes_is_read_again(tmp_path, replace):
    path = tmp_path / "t"
    secrets = Secrets({"TOKEN_FILE": put(path, "old-value")})
    assert secrets.get("TOKEN") == "old-value"

    if replace:
        put(tmp_path / "new", "new-value")
        (tmp_path / "new").replace(path)
    else:
        path.write_text("new-value, longer")

    assert secrets.get("TOKEN").startswith("new-value")
    assert {"old-value"} < secrets.known_values()


def test_a_file_that_is_the_same_is_not_read_again():
    reads = []

    def read(path):
        reads.append(path)
        return b"hunter2"

    secrets = Secrets({"TOKEN_FILE": "t"}, read, signature_of=lambda path: 1)

    assert [secrets.get("TOKEN") for _ in range(3)] == ["hunter2"] * 3
    assert reads == ["t"]


def test_a_disk_that_hiccups_takes_no_secret_away_but_a_removed_file_does():
    failing = []

    def stat(path):
        if failing:
            raise failing[0]
        return object()

    secrets = Secrets({"TOKEN_FILE": "t"}, lambda path: b"hunter2", signature_of=stat)
    assert secrets.get("TOKEN") == "hunter2"

    failing.append(OSError(5, "Input/output error"))
    assert secrets.get("TOKEN") == "hunter2"
    assert problems_of(secrets, "TOKEN") == ["TOKEN_FILE: t can't be read: Input/output error"]
    failing[0] = FileNotFoundError(2, "gone")
    assert secrets.get("TOKEN") is None
    failing[0] = OSError(5, "Input/output error")
    assert secrets.get("TOKEN") is None


def test_both_forms_at_once_are_an_error_and_no_secret(tmp_path):
    secrets = Secrets({"TOKEN": "a-value", "TOKEN_FILE": put(tmp_path / "t", "b-value")})

    assert secrets.get("TOKEN") is None
    assert problems_of(secrets, "TOKEN") == ["TOKEN: both TOKEN and TOKEN_FILE are set (keep one of them)"]


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "is empty"), (b"\n \n", "is empty"), (b"\xff\xfe", "isn't UTF-8"), (b"x" * (LARGEST + 1), "has more than")],
)
def test_a_file_that_holds_no_secret_is_told_of(tmp_path, content, told):
    (tmp_path / "t").write_bytes(content)
    secrets = Secrets({"TOKEN_FILE": str(tmp_path / "t"), "GONE_FILE": str(tmp_path / "gone")})

    assert secrets.get("TOKEN") is None
    assert told in problems_of(secrets, "TOKEN")[0]
    assert "there is no file" in problems_of(secrets, "GONE")[0]


@pytest.mark.parametrize("name", ["../TOKEN", "token", "", "A/B", "A\n"])
def test_what_is_no_name_leads_nowhere(tmp_path, name):
    (tmp_path / "folder").mkdir()
    put(tmp_path / "TOKEN", "hunter2")

    assert Secrets({name: "x"}, directory=str(tmp_path / "folder")).get(name) is None


def test_no_value_is_ever_shown(tmp_path):
    secrets = Secrets({"TOKEN": "hunter2"})
    secrets.get("TOKEN")

    assert "hunter2" not in f"{secrets!r} {secrets}"
    assert secrets.known_values() == {"hunter2"}
    for copying in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copying(secrets)
