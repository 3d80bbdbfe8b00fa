from __future__ import annotations

import json

import pytest
from command_world import CommandWorld

PAYMENTS_KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"


@pytest.fixture
def secrets(monkeypatch):
    """All secrets that the routes need."""
    for name in ("PAYMENTS_KEY", "PLATFORM_KEY", "SLACK_TOKEN"):
        monkeypatch.setenv(name, PAYMENTS_KEY)


def checked(run, *arguments):
    code, out, err = run("check-config", "--format", "json", *arguments)
    assert err == ""
    return code, json.loads(out)


def test_without_any_secret_it_is_a_dry_run_and_no_problem(world, run):
    code, report = checked(run)
    assert (code, report["ok"], report["dry_run"], report["problems"]) == (0, True, True, [])
    lacks = {row["destination"]: row["lacks"] for row in report["destinations"]}
    assert lacks["pagerduty:PAYMENTS_KEY"] == "the secret PAYMENTS_KEY"
    assert lacks["email:payments@example.com"] == "channels.email.host"
    assert report["settings"]["retention"] == "30d"


def test_with_everything_there_messages_are_sent(world, run, secrets):
    code, report = checked(run, "--set", "channels.email.host=mail.example.com")
    assert (code, report["dry_run"], report["problems"]) == (0, False, [])
    assert {row["lacks"] for row in report["destinations"]} == {""}


def test_a_secret_that_alone_is_missing_is_a_problem_told_once(world, run, secrets, monkeypatch):
    monkeypatch.delenv("SLACK_TOKEN")
    code, report = checked(run, "--set", "channels.email.host=mail.example.com")
    assert (code, report["dry_run"]) == (1, False)
    (problem,) = report["problems"]
    assert problem["place"] == "SLACK_TOKEN"
    assert "slack:SLACK_TOKEN/#payments, slack:SLACK_TOKEN/#platform" in problem["message"]


def test_mail_without_a_server_is_a_problem_once_messages_are_sent(world, run, secrets):
    code, report = checked(run)
    assert code == 1
    assert [problem["place"] for problem in report["problems"]] == ["channels.email.host"]


def test_a_secret_of_a_channel_s_settings_is_needed_too(world, run, secrets):
    code, report = checked(
        run, "--set", "channels.email.host=mail.example.com", "--set", "channels.email.password=SMTP_PASSWORD"
    )
    assert code == 1
    assert [problem["place"] for problem in report["problems"]] == ["SMTP_PASSWORD"]
    row = next(row for row in report["secrets"] if row["name"] == "SMTP_PASSWORD")
    assert row == {"name": "SMTP_PASSWORD", "purpose": "channels.email", "needed": True, "present": False}


def test_a_dry_run_that_is_asked_for_needs_no_secret(world, run, secrets, monkeypatch):
    monkeypatch.delenv("SLACK_TOKEN")
    code, report = checked(run, "--dry-run")
    assert (code, report["dry_run"], report["problems"]) == (0, True, [])


def test_no_value_of_a_secret_is_shown(world, run, secrets, monkeypatch):
    monkeypatch.setenv(
        "ALERT_ROUTER_STORE_URL", "postgresql://router:hunter2-of-the-store@db/router?password=other-one"
    )
    monkeypatch.setenv("ALERT_ROUTER_TOKEN", "webhook-token-of-a-test")
    for form in ("text", "json"):
        code, out, err = run("check-config", "--format", form)
        assert code == 1  # Mail has no server.
        for value in (PAYMENTS_KEY, "hunter2-of-the-store", "other-one", "webhook-token-of-a-test"):
            assert value not in out + err


def test_the_text_has_each_section(world, run, secrets):
    code, out, _ = run("check-config", "--set", "channels.email.host=mail.example.com")
    assert code == 0
    assert "  listen: 127.0.0.1:9095\n" in out
    assert "  retention: 30d\n" in out
    assert "PAYMENTS_KEY" in out
    assert "  pagerduty:PAYMENTS_KEY       ready\n" in out
    assert out.endswith("Messages are sent.\n\nNo problems.\n")


def test_problems_of_routes_and_templates_are_told_together(world, run):
    (world.folder / "rules" / "routes.yml").write_text("version: 1\n")
    (world.folder / "own").mkdir()
    (world.folder / "own" / "email.txt").write_text("{{ message.summary")
    code, report = checked(run, "--set", "templates=own")
    assert code == 1
    assert report["dry_run"] is None
    places = [problem["place"] for problem in report["problems"]]
    assert any(place.startswith("rules/routes.yml") for place in places)
    assert "own/email.txt" in places


def test_a_folder_of_templates_that_is_not_there_is_a_problem(world, run):
    code, report = checked(run, "--set", "templates=nowhere")
    assert code == 1
    assert report["problems"][0]["message"] == "there is no folder nowhere"


def test_mistakes_of_the_settings_are_problems_with_exit_code_1(folder, run):
    code, report = checked(run, "--set", "log.level=loud")
    assert (code, report["settings"], report["dry_run"]) == (1, None, None)
    assert report["problems"][0]["place"] == "--set log.level"


def test_preview_shows_each_destination_of_the_severity(world, run):
    code, out, err = run("preview", "--severity", "P1", "--team", "payments", "--annotation", "summary=Nobody can pay")
    assert (code, err) == (0, "")
    assert out.startswith("==== pagerduty:PAYMENTS_KEY ====\n")
    assert "Nobody can pay" in out
    code, out, _ = run(
        "preview", "--severity", "high", "--channel", "email", "--label", "region=eu", "--format", "json"
    )
    assert code == 0
    (shown,) = json.loads(out)
    assert shown["destination"] == "email:platform@example.com"
    assert "eu" in shown["text"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--team", "paymnets"], "there is no team 'paymnets'; did you mean `payments`?"),
        (["--channel", "pager"], "there is no channel 'pager'; did you mean `pagerduty`?"),
        (["--severity", "info"], "severity 'info' is recorded only: nobody is told of it"),
        (["--label", "region"], "--label takes NAME=VALUE, and not 'region'"),
    ],
)
def test_preview_refuses_what_does_not_exist(world, run, arguments, told):
    code, out, err = run("preview", *arguments)
    assert (code, out) == (2, "")
    assert told in err


def test_preview_tells_that_a_template_fails(folder, run):
    (folder / "own").mkdir()
    (folder / "own" / "slack_title.txt").write_text("{{ message.nothing }}")
    with CommandWorld(folder):
        code, out, err = run("preview", "--severity", "medium", "--set", "templates=own")
    assert code == 1
    assert "slack:SLACK_TOKEN/#platform" in out
    assert err.startswith("alert-router: the template slack_title.txt: ")
    assert err.count("\n") == 1
