from __future__ import annotations

from pathlib import Path

import pytest

from router.config.routes_file import by_channel, load_routes
from router.messages.message import Look
from router.messages.templating import Templates
from router.notifiers import channels
from router.preview import preview
from router.routes import Routes

TEXT = """
version: 1
default_team: platform
group_by: [team, service, alertname]
severities:
  critical: {response: at once, channels: [pagerduty]}
  high: {response: 15m, channels: [pagerduty, slack]}
  medium: {response: 1h, channels: [slack]}
  low: {response: next business day, channels: [email]}
aliases: {warning: medium, info: none}
teams:
  platform:
    name: Platform
    pagerduty: {routing_key: PLATFORM_PAGERDUTY_KEY}
    slack: {channel: "#platform", token: SLACK_TOKEN}
    email: {to: [a@example.com, b@example.com]}
    escalate_medium: false
  shop:
    name: Shop
    slack: {channel: "#shop", token: SLACK_TOKEN}
    fallback: platform
    escalate_medium: false
repeat_interval: 4h
fallback_after: 60s
digest: {at: "09:00", weekdays: [monday], time_zone: UTC}
storm: {enabled: true, incidents_per_minute: 30}
flap: {enabled: true, reopenings: 4, within: 1h}
clusters: {main: {peers: ["http://alertmanager:9093"], watchdog_deadline: 5m}}
maintenance: []
"""
ROUTES = load_routes(TEXT, "routes.yml", by_channel(channels()))
assert isinstance(ROUTES, Routes)
LOOK = Look(
    {"platform": "Platform"}, {"high": "15m"}, "https://alerts.example.com/{matchers}", "", "https://router.example.com"
)


def shown(templates=None, **wanted):
    return preview(ROUTES, LOOK, templates or Templates(), **wanted)


def test_each_destination_of_a_severity_is_shown_open_and_over():
    found = shown(severity="high")
    assert [(one.channel, one.destination) for one in found] == [
        ("pagerduty", "pagerduty:PLATFORM_PAGERDUTY_KEY"),
        ("slack", "slack:SLACK_TOKEN/#platform"),
    ]
    for one in found:
        assert "--- firing ---" in one.text
        assert "--- resolved ---" in one.text
        assert "ExampleAlert" in one.text


def test_pagerduty_and_slack_are_shown_as_text():
    pagerduty, slack = (one.text for one in shown(severity="high"))
    assert "  severity: error\n" in pagerduty
    assert "href: https://runbooks.example.com/example-service/ExampleAlert" in pagerduty
    assert "[Runbook] https://runbooks.example.com/example-service/ExampleAlert" in slack
    assert "fired 2026-03-01 02:10 UTC" in slack
    assert "lasted 15 min" in slack


def test_a_low_is_shown_as_the_digest_that_it_goes_into():
    found = shown(severity="low", annotations={"summary": "Disk <fills> & slowly"})
    assert [one.destination for one in found] == ["email:a@example.com", "email:b@example.com"]
    assert found[0].text.startswith("--- digest ---\nSubject: 1 opened")
    assert "Disk <fills> & slowly: open since" in found[0].text


def test_a_mail_is_shown_with_its_subject():
    (one, _) = shown(
        severity="critical", channel="email", annotations={"summary": "It burns"}, labels={"alertname": "Fire"}
    )
    assert "Subject: CRITICAL: Fire (example-service): It burns" in one.text
    assert "Subject: Resolved: Fire (example-service): It burns" in one.text


def test_markup_of_slack_is_shown_as_the_reader_sees_it():
    (one,) = shown(severity="medium", annotations={"summary": "a < b & <!channel>"})
    assert "a < b & <!channel>" in one.text
    assert "&lt;" not in one.text


def test_a_channel_alone_can_be_asked_for():
    assert [one.channel for one in shown(severity="high", channel="slack")] == ["slack"]
    assert [one.channel for one in shown(severity="critical", channel="slack")] == ["slack"]
    assert shown(severity="high", channel="pigeon") == []


def test_what_a_real_alert_would_mean_is_what_is_shown():
    assert [one.channel for one in shown(severity="WARNING")] == ["slack"]
    assert [one.channel for one in shown(severity="oops", team="nobody")] == ["pagerduty"]
    assert [one.destination for one in shown(severity="critical", team="shop")] == ["pagerduty:PLATFORM_PAGERDUTY_KEY"]
    assert shown(severity="info") == []


def test_a_teams_own_templates_are_shown(tmp_path: Path):
    (tmp_path / "slack_title.txt").write_text("Ahoy {{ message.name }}")
    (tmp_path / "pagerduty_summary.txt").write_text("Wake up: {{ message.name }}")
    (tmp_path / "email.txt").write_text("Dear team")
    templates = Templates(tmp_path)
    pagerduty, slack = (one.text for one in shown(templates, severity="high"))
    assert "summary: Wake up: ExampleAlert" in pagerduty
    assert "Ahoy ExampleAlert" in slack
    assert "Dear team" in shown(templates, severity="high", channel="email")[0].text


@pytest.mark.parametrize("severity", ["critical", "high", "medium", "low"])
@pytest.mark.parametrize("channel", sorted(channels()))
def test_every_channel_can_be_shown_for_every_severity(severity, channel):
    for one in shown(severity=severity, channel=channel, annotations={"summary": "\x00{{ 7 * 191 }}\r\nBcc: x"}):
        assert "1337" not in one.text
        assert "\x00" not in one.text
        assert "\r" not in one.text
