"""The report on a pull request: made by code that nobody trusts, posted by code that runs none of it."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from github_stub import LONGEST_BODY, TOKEN, GitHub, serving
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/review-comment.sh"
BOT = "github-actions[bot]"
MARK = "<!-- tocsin-review -->"
WORKFLOWS = ROOT / ".github/workflows"


@pytest.fixture
def github():
    with serving(GitHub()) as made:
        made.pull(7)
        yield made


@pytest.fixture
def post(github, tmp_path):
    """Posts a text; gives exit code, standard output, standard error."""
    if not shutil.which("jq") or not shutil.which("curl"):
        pytest.skip("jq and curl are on GitHub's runners, and not here")

    def call(text="hello", *, report=None, **environment):
        if report is None:
            report = tmp_path / "report.md"
            report.write_bytes(text if isinstance(text, bytes) else text.encode())
        given = {
            "PATH": os.environ["PATH"],
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_API_URL": github.url,
            "HEAD_OWNER": "me",
            "HEAD_BRANCH": "work",
            "HEAD_SHA": "abc",
            "RETRIES": "1",
            "RETRY_SECONDS": "1",
            **environment,
        }
        done = subprocess.run([SCRIPT, report], env=given, capture_output=True, text=True, check=False, timeout=60)
        assert TOKEN not in done.stdout + done.stderr
        return done.returncode, done.stdout, done.stderr

    return call


def bodies(github):
    return [comment["body"] for comment in github.comments.values()]


def test_the_first_report_is_a_new_comment(github, post):
    assert post("hello\n") == (0, "review-comment: commented on pull request 7\n", "")
    assert bodies(github) == [f"{MARK}\nhello\n"]


def test_the_next_report_takes_its_place(github, post):
    post("one")
    code, out, _ = post("two")
    assert (code, out) == (0, "review-comment: updated comment 1000 of pull request 7\n")
    assert bodies(github) == [f"{MARK}\ntwo"]


def test_the_comment_is_found_behind_many_others(github, post):
    for number in range(230):
        github.comment(f"comment {number}", "somebody")
    mine = github.comment(f"{MARK}\nold", BOT)
    assert post("new")[0] == 0
    assert github.comments[mine]["body"] == f"{MARK}\nnew"
    assert sum(MARK in body for body in bodies(github)) == 1
    assert len([call for call in github.calls if "/issues/7/comments" in call[1]]) == 3


@pytest.mark.parametrize("count", [100, 200])
def test_a_last_page_that_is_full_is_no_end(github, post, count):
    for number in range(count):
        github.comment(f"comment {number}", "somebody")
    assert post()[0] == 0
    assert post()[0] == 0
    assert sum(MARK in body for body in bodies(github)) == 1


def test_a_comment_of_somebody_else_is_never_touched(github, post):
    """Whatever it says: anybody can write the mark."""
    others = [
        github.comment(f"{MARK}\nplanted", "mallory"),
        github.comment(f"look: {MARK}", BOT),
        github.comment("another robot's report", BOT),
        github.comment(f"{MARK}\nof another pull request", BOT, issue=8),
    ]
    before = {number: dict(github.comments[number]) for number in others}
    assert post("mine")[0] == 0
    assert {number: github.comments[number] for number in others} == before
    assert bodies(github)[-1] == f"{MARK}\nmine"


def test_another_token_has_another_author(github, post):
    github.login = "our-robot"
    post("one", REVIEW_AUTHOR="our-robot")
    assert post("two", REVIEW_AUTHOR="our-robot")[1].startswith("review-comment: updated")
    assert len(github.comments) == 1


def test_a_report_is_cut_to_what_github_takes(github, post):
    assert post("line of text\n" * 20_000)[0] == 0
    (body,) = bodies(github)
    assert LONGEST_BODY - 1000 < len(body) <= LONGEST_BODY
    assert body.endswith("line of text\n\nThe rest is left out here for lack of room.\n")
    assert post("\U0001f514" * 70_000)[0] == 0


def test_nobody_is_mentioned_however_it_is_spelt(github, post):
    post("@team and cc @org/all &#64;team &#x40;team &commat;team, but x @ end() & more")
    rendered = MarkdownIt().render(bodies(github)[0])
    assert not re.search(r"@[A-Za-z0-9]", rendered)
    assert not re.search(r"@[A-Za-z0-9]", rendered.replace("&amp;", "&").replace("&#64;", "&").replace("&#x40;", "&"))
    assert "x @ end() &amp; more" in rendered


def test_bytes_that_are_no_text_are_no_trouble(github, post):
    assert post(b'\xff\xfe "quoted" \\ $(id) `id` \r\n\x01')[0] == 0
    assert "$(id) `id`" in bodies(github)[0]


def test_an_older_commit_than_the_head_is_not_reported(github, post):
    code, out, _ = post(HEAD_SHA="before")
    assert (code, bodies(github)) == (0, [])
    assert "no single open pull request" in out


def test_the_pull_request_is_the_one_of_that_branch_and_commit(github, post):
    github.pull(8, head="other:work")
    github.pull(9, sha="def")
    github.pull(10, state="closed")
    assert post()[1] == "review-comment: commented on pull request 7\n"
    github.pull(11)
    assert "no single" in post()[1]


@pytest.mark.parametrize("branch", ["a&state=closed", "x y/ü#1?", "$(touch stolen)", "--help", "'; rm -rf /"])
def test_a_branch_may_be_called_anything(github, post, branch, tmp_path):
    github.pull(12, head=f"me:{branch}")
    assert post(HEAD_BRANCH=branch)[1] == "review-comment: commented on pull request 12\n"
    assert not (Path.cwd() / "stolen").exists()


@pytest.mark.parametrize(("status", "tries"), [(500, 2), (404, 1), (403, 1)])
def test_an_error_is_told_and_only_a_passing_one_tried_again(github, post, status, tries):
    github.failures = [status] * 9
    code, out, err = post()
    assert (code, out) == (1, "")
    assert f"was answered with {status}: Something went wrong" in err
    assert len(github.calls) == tries


def test_a_passing_error_passes(github, post):
    github.failures = [502]
    assert post()[0] == 0
    assert len(github.comments) == 1


def test_a_comment_is_created_once_even_if_the_answer_is_an_error(github, post):
    real = github.answer

    def torn(method, path, query, body):
        answer = real(method, path, query, body)
        return (502, {"message": "Bad Gateway"}, {}) if method == "POST" else answer

    github.answer = torn
    assert post()[0] == 1
    assert len(github.comments) == 1
    github.answer = real
    assert post("again")[1].startswith("review-comment: updated")
    assert len(github.comments) == 1


def test_a_wrong_token_is_told(github, post):
    code, _, err = post(GITHUB_TOKEN="wrong")
    assert code == 1
    assert "401: Bad credentials" in err


def test_nobody_listens(post):
    code, _, err = post(GITHUB_API_URL="http://127.0.0.1:9")
    assert code == 1
    assert "got no answer" in err


def test_a_report_is_a_plain_file_of_reasonable_size(github, post, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link.md").symlink_to(tmp_path / "secret")
    assert "there is no report" in post(report=tmp_path / "link.md")[2]
    assert "there is no report" in post(report=tmp_path / "missing.md")[2]
    assert "larger than" in post("x" * 1_000_001)[2]
    assert not github.calls


# The report itself.


@pytest.fixture(scope="module")
def review_report():
    spec = importlib.util.spec_from_file_location("review_report", ROOT / "scripts/review_report.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def rules_gen(tmp_path):
    """A stand-in for rules-gen that answers with the files put beside it."""
    program = tmp_path / "rules-gen"
    program.write_text(
        f'#!/bin/sh\ncd {tmp_path}\necho "$*" >>calls\ncat $1.out 2>/dev/null\ncat $1.err >&2 2>/dev/null\n'
        "exit $(cat $1.code 2>/dev/null || echo 0)\n"
    )
    program.chmod(0o755)

    def answers(**texts):
        for name, (out, err, code) in texts.items():
            (tmp_path / f"{name}.out").write_text(out)
            (tmp_path / f"{name}.err").write_text(err)
            (tmp_path / f"{name}.code").write_text(str(code))
        return str(program)

    return answers


def test_the_report_is_written_also_when_coverage_and_mutants_fall_short(review_report, rules_gen, tmp_path):
    program = rules_gen(diff=("### Diff\n", "", 0), coverage=("### Coverage\n", "", 1), mutate=("### Mutants\n", "", 1))
    report = tmp_path / "made/report.md"
    code = review_report.main([str(report), "--base", "origin/main", "--links", "https://x/y", "--rules-gen", program])
    assert code == 1
    assert report.read_text() == "### Diff\n\n### Coverage\n\n### Mutants\n"
    assert (tmp_path / "calls").read_text().splitlines() == [
        "diff --format markdown --links https://x/y -- origin/main",
        "coverage --format markdown",
        "mutate --format markdown",
    ]


def test_a_command_that_has_no_report_shows_what_it_said(review_report, rules_gen, tmp_path):
    said = "rules-gen: no revision `x` ```\n@team <b>\n"
    program = rules_gen(diff=("", said, 2), coverage=("### Coverage\n", "", 0), mutate=("### Mutants\n", "", 0))
    assert review_report.main([str(tmp_path / "r.md"), "--base", "x", "--rules-gen", program]) == 1
    made = (tmp_path / "r.md").read_text()
    assert "### rules-gen diff\n\nThere is no report. It said:\n\n````text\n" in made
    assert [token.type for token in MarkdownIt().parse(made)].count("fence") == 1


def test_all_well_is_exit_code_0_and_no_command_is_a_message(review_report, rules_gen, tmp_path):
    program = rules_gen(diff=("d", "", 0), coverage=("c", "", 0), mutate=("m", "", 0))
    assert review_report.main([str(tmp_path / "r.md"), "--base", "x", "--rules-gen", program]) == 0
    assert review_report.main([str(tmp_path / "r.md"), "--base", "x", "--rules-gen", str(tmp_path / "none")]) == 1
    assert "It can't be run" in (tmp_path / "r.md").read_text()


def test_three_long_reports_fit_into_one_comment(review_report, rules_gen, tmp_path):
    from rules_gen.comparison.markdown import LIMIT

    long = "<details><summary>x</summary>\n\n```diff\n" + "- line\n" * 5_000 + "```\n\n</details>\n"
    program = rules_gen(diff=("d" * LIMIT, "", 0), coverage=(long, "", 0), mutate=(long, "", 0))
    review_report.main([str(tmp_path / "r.md"), "--base", "x", "--rules-gen", program])
    made = (tmp_path / "r.md").read_text()
    assert len(made) < LONGEST_BODY - 500
    assert made.count("<details>") == made.count("</details>") == 2
    assert made.count("```diff") == 2
    assert len(re.findall(r"^```$", made, re.MULTILINE)) == 2
    assert made.count("The rest is left out here for lack of room.") == 2


# The workflows.


def workflow(name):
    document = yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))
    # YAML 1.1 takes `on` for true.
    return {"on" if key is True else key: value for key, value in document.items()}


def steps(name):
    (job,) = workflow(name)["jobs"].values()
    return job["steps"]


def test_what_runs_a_pull_requests_code_can_write_nothing():
    made = workflow("review.yml")
    assert made["on"] == "pull_request"
    assert made["permissions"] == {"contents": "read"}
    (job,) = made["jobs"].values()
    assert "permissions" not in job
    assert job["container"] == "debian:12"
    text = (WORKFLOWS / "review.yml").read_text()
    assert "secrets." not in text
    assert "github.token" not in text
    (checkout,) = [step for step in steps("review.yml") if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}


def test_the_report_is_uploaded_even_when_something_falls_short():
    (upload,) = [step for step in steps("review.yml") if "upload-artifact" in step.get("uses", "")]
    assert upload["if"] == "always()"
    assert upload["with"]["path"] == "review/report.md"
    (report,) = [step for step in steps("review.yml") if "review_report.py" in step.get("run", "")]
    assert steps("review.yml").index(report) < steps("review.yml").index(upload)


def test_what_may_write_runs_nothing_of_the_pull_request():
    made = workflow("review-comment.yml")
    assert made["on"] == {"workflow_run": {"workflows": [workflow("review.yml")["name"]], "types": ["completed"]}}
    assert made["permissions"] == {}
    (job,) = made["jobs"].values()
    assert job["permissions"] == {"actions": "read", "contents": "read", "pull-requests": "write"}
    assert "github.event.workflow_run.event == 'pull_request'" in job["if"]
    checkout, download, _, post = job["steps"]
    assert "ref" not in checkout["with"], "the default branch"
    assert checkout["with"]["persist-credentials"] is False
    assert download["with"]["path"].startswith("${{ runner.temp }}"), "outside of what is run"
    assert post["run"] == 'scripts/review-comment.sh "$RUNNER_TEMP/review/report.md"'


def test_a_run_without_a_report_takes_the_place_of_an_older_commit_s(tmp_path):
    (download,) = [step for step in steps("review-comment.yml") if "download-artifact" in step.get("uses", "")]
    assert download["continue-on-error"] is True
    (instead,) = [step for step in steps("review-comment.yml") if "outcome" in step.get("if", "")]
    assert instead["if"] == f"steps.{download['id']}.outcome == 'failure'"
    environment = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path), "HEAD_SHA": "abc%s"}
    subprocess.run(["bash", "-e", "-c", instead["run"]], env=environment, check=True)
    assert (tmp_path / "review/report.md").read_text().startswith("### No report on abc%s\n\n")


@pytest.mark.parametrize("name", ["review.yml", "review-comment.yml"])
def test_nothing_that_others_chose_is_put_into_a_shell(name):
    for step in steps(name):
        assert "${{" not in step.get("run", ""), "values go through the environment"


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_a_workflow_says_what_it_may_and_how_long(path):
    made = workflow(path.name)
    assert "permissions" in made
    for job in made["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert all(("uses" in step) != ("run" in step) for step in job["steps"])


def test_what_the_workflows_run_is_there():
    for script in ("scripts/review_report.py", "scripts/review-comment.sh"):
        assert any(
            script in step.get("run", "") for name in ("review.yml", "review-comment.yml") for step in steps(name)
        )
        assert (ROOT / script).is_file()
    assert os.access(SCRIPT, os.X_OK)
