"""`rules-gen diff` as people and CI call it, in real repositories."""

import json
import os
import re
import subprocess

import pytest

from rules_gen import cli

CHECKOUT = "alerts/payments/checkout.yaml"


@pytest.fixture
def committed(repository, monkeypatch):
    """The small repository, its definitions committed; `git` runs git in it."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "a")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.com")

    def git(*arguments, **options):
        return subprocess.run(
            ["git", "-C", repository.root, *arguments], check=True, capture_output=True, text=True, **options
        ).stdout.strip()

    repository.git = git
    git("init", "-q", "-b", "main")
    git("add", "alerts")
    git("commit", "-qm", "first")
    return repository


@pytest.fixture
def run(capsys, monkeypatch):
    def call(repository, *arguments):
        monkeypatch.chdir(repository.root)
        code = cli.main(["diff", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_nothing_has_changed(committed, run):
    code, out, err = run(committed, "--exit-code")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"Nothing has changed in meaning since HEAD \([0-9a-f]{10}\)\.\n", out)


def test_what_is_not_committed_yet_is_told(committed, run):
    committed.replace(CHECKOUT, "for: 1m", "for: 5m")
    code, out, err = run(committed)
    assert (code, err) == (0, "")
    assert "1 alert changed since HEAD" in out
    assert "Down  (payments/checkout, alerts/payments/checkout.yaml)\n  ! for 1m -> 5m: slower to fire\n" in out


def test_the_exit_code_says_whether_anything_differs(committed, run):
    committed.replace(CHECKOUT, "for: 1m", "for: 5m")
    assert run(committed, "--exit-code")[0] == 1
    committed.replace(CHECKOUT, "for: 5m", "for: 60s  # the same")
    assert run(committed, "--exit-code")[0] == 0


def test_what_can_not_be_compared_is_not_taken_for_the_same(committed, run):
    link = committed.root / "alerts/payments/link.yaml"
    link.symlink_to("/etc/passwd")
    committed.git("add", "-A")
    committed.git("commit", "-qm", "a link")
    link.unlink()
    assert run(committed, "--exit-code")[0] == 1


def test_a_branch_does_not_show_what_landed_meanwhile(committed, run):
    committed.git("checkout", "-qb", "work")
    committed.replace(CHECKOUT, "for: 1m", "for: 5m")
    committed.git("commit", "-qam", "mine")
    committed.git("checkout", "-q", "main")
    committed.replace("alerts/platform/hosts.yaml", "for: 1m", "for: 9m")
    committed.git("commit", "-qam", "theirs")
    committed.git("checkout", "-q", "work")
    _, out, _ = run(committed, "main")
    assert "for 1m -> 5m" in out
    assert "9m" not in out
    assert run(committed)[1].startswith("Nothing has changed"), "there is no branch upstream, so it is HEAD"


def test_root_may_be_another_folder(committed, run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["diff", "--root", str(committed.root)]) == 0
    assert "Nothing has changed" in capsys.readouterr().out


def test_json_is_complete(committed, run):
    committed.replace(CHECKOUT, "for: 1m", "for: 5m")
    _, out, _ = run(committed, "--format", "json")
    data = json.loads(out)
    assert data["against"]["commit"] == committed.git("rev-parse", "HEAD")
    assert data["summary"] == {"alerts": 1, "risky_alerts": 1, "general": 0, "risky_general": 0}
    assert data["alerts"][0]["findings"] == [
        {
            "kind": "for",
            "impact": "slower",
            "risky": True,
            "before": "1m",
            "after": "5m",
            "sentence": "for 1m -> 5m: slower to fire",
            "picture": None,
        }
    ]


def test_markdown_links_to_the_pages(committed, run):
    committed.replace(CHECKOUT, "for: 1m", "for: 5m")
    _, out, _ = run(committed, "--format", "markdown", "--links", "https://git.example.com/blob/abc/")
    assert "https://git.example.com/blob/abc/runbooks/payments/checkout/Down.md" in out
    assert "for `1m` \u2192 `5m`: slower to fire" in out


def test_a_changed_scenario_links_to_its_picture_which_is_there_after_a_build(committed, run):
    committed.replace(CHECKOUT, "[5m]", "[6m]")
    committed.build()
    [change] = json.loads(run(committed, "--format", "json")[1])["alerts"]
    picture = change["findings"][0]["picture"]
    assert picture == "runbooks/payments/checkout/Down.fires.svg"
    assert (committed.root / picture).is_file()


def test_a_working_tree_with_errors_shows_them(committed, run):
    committed.replace(CHECKOUT, "severity: medium", "severty: medium")
    code, out, err = run(committed)
    assert (code, out) == (1, "")
    assert "error[unknown-key]" in err


def test_a_revision_with_errors_is_compared_as_far_as_it_can_be_read(committed, run):
    committed.replace(CHECKOUT, "severity: medium", "severty: medium")
    committed.git("commit", "-qam", "broken")
    committed.replace(CHECKOUT, "severty: medium", "severity: medium")
    committed.replace("alerts/platform/hosts.yaml", "for: 1m", "for: 5m")
    code, out, err = run(committed)
    assert (code, err) == (0, "")
    assert "! not compared: alerts/payments/checkout.yaml at HEAD: it doesn't compile under this rules-gen: " in out
    assert "for 1m -> 5m" in out
    assert "new alert" not in out


def test_a_policy_that_cannot_be_read_any_more_gives_way_to_the_present_one(committed, run):
    text = committed.read("alerts/policy.yaml")
    committed.write("alerts/policy.yaml", "nonsense: true\n")
    committed.git("commit", "-qam", "broken")
    committed.write("alerts/policy.yaml", text)
    committed.replace(CHECKOUT, "for: 1m", "for: 5m")
    code, out, _ = run(committed)
    assert code == 0
    assert "! not compared: alerts/policy.yaml at HEAD: unreadable, the present one stands in" in out
    assert "for 1m -> 5m" in out


def test_a_link_at_the_revision_is_named(committed, run):
    (committed.root / "alerts/payments/link.yaml").symlink_to("/etc/passwd")
    committed.git("add", "alerts")
    committed.git("commit", "-qm", "link")
    (committed.root / "alerts/payments/link.yaml").unlink()
    assert "! not compared: alerts/payments/link.yaml at HEAD: it is a symbolic link" in run(committed)[1]


def test_an_exemption_that_has_run_out_since_is_no_error_of_that_time(committed, run):
    off = "    disable:\n      - {check: runbook-link, reason: later, until: 2020-06-01}\n    threshold"
    committed.replace(CHECKOUT, "    runbook:\n", "    runbook: http://insecure.example.com/x\n    unused:\n")
    text = committed.read(CHECKOUT)
    start, end = text.index("    unused:"), text.index("    tests:")
    fine = text[:start] + text[end:]
    committed.write(CHECKOUT, fine.replace("    threshold", off))
    before = {**os.environ, "GIT_COMMITTER_DATE": "2020-01-15T12:00:00Z"}
    committed.git("commit", "-qam", "old", env=before)
    committed.write(CHECKOUT, fine.replace("http://insecure", "https://secure"))
    _, out, _ = run(committed)
    assert "not compared" not in out
    assert "check runbook-link is on again" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "rules-gen: no revision `nonsense` here; try `git fetch`\n"),
        (["HEAD:alerts"], "rules-gen: no revision `HEAD:alerts` here; try `git fetch`\n"),
    ],
)
def test_a_revision_that_is_not_there(committed, run, arguments, said):
    assert run(committed, *arguments) == (2, "", said)


def test_outside_of_a_repository(repository, run, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.root.parent))
    code, out, err = run(repository)
    assert (code, out) == (2, "")
    assert err.startswith("rules-gen: ")
    assert "is in no git repository" in err


def test_without_git(committed, run, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    code, _, err = run(committed)
    assert code == 2
    assert "install git" in err


def test_no_definitions_at_the_revision(committed, run):
    committed.git("rm", "-rq", "--cached", "alerts")
    committed.git("commit", "-qm", "none")
    code, _, err = run(committed)
    assert code == 2
    assert "has no definitions in alerts/" in err


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit):
        cli.main(["diff", "--help"])
    assert "rules-gen diff origin/main" in capsys.readouterr().out


def test_other_commands_do_not_pay_for_it(repository):
    code = "import sys; from rules_gen.cli import main; main(['show', 'Down']); print('rules_gen.git' in sys.modules)"
    assert repository.command(code=code)[1].endswith("False\n")
