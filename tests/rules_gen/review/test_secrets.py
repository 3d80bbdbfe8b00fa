"""A secret that somebody typed into the policy is neither written to an output nor printed into a log."""

import pytest

from rules_gen.report import render

PASSWORDS = [
    ("router: {url: 'https://me:hunter2@router.example.com'}", "hunter2"),
    ("router: {url: 'https://hunter2@router.example.com/x'}", None),
    ("router: {clusters: {main: {peers: ['http://me:hunter2@am:9093']}}}", "hunter2"),
]
KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(("more", "secret"), PASSWORDS)
def test_an_address_with_a_password_is_refused(repository, more, secret):
    repository.write("alerts/policy.yaml", f"{repository.policy}{more}\n")
    result = repository.build()
    assert [d.check for d in result.diagnostics] == ["secret-value"]
    assert not repository.outputs()
    assert "hunter2" not in render(result.diagnostics, "text")


@pytest.mark.parametrize(
    "slip",
    [
        f"pagerduty: {{routing_kye: {KEY}}}",
        f"pagerduty: {{routing_key: PAYMENTS_KEY, routing_key: {KEY}}}",
        f"pagerduty: {{routing_key: {KEY}",
        "slack: {channel: '#a', webhook: 'https://hooks.slack.com/services/T0/B0/hunter2'}",
        "slack: {channel: 'https://hooks.slack.com/services/T0/B0/hunter2'}",
        "slack: {channel: '#a', tokn: xoxb-1-hunter2}",
        "pagerduty: {routing_key: R0ABCDEFGHIJKLMNOPQRSTUVWXYZ0123}",
        "webhook: {url: 'https://hooks.slack.com/services/T0/B0/hunter2'}",
        "webhook: {url: 'https://me:hunter2@hooks.example.com/x'}",
        "webhook: {url: 'https://hooks.example.com/x?key=hunter2'}",
        "webhook: {url: R0ABCDEFGHIJKLMNOPQRSTUVWXYZ0123}",
    ],
)
@pytest.mark.parametrize("form", ["text", "json", "github", "sarif", "junit"])
def test_a_secret_under_a_wrong_key_is_not_printed(repository, slip, form):
    team = "    pagerduty: {routing_key: PAYMENTS_KEY}\n"
    repository.write("alerts/policy.yaml", repository.policy.replace(team, f"    {slip}\n"))
    result = repository.build()
    assert result.failed
    shown = render(result.diagnostics, form)
    assert not any(secret in shown for secret in (KEY, "hunter2", "R0ABCDEFGHIJ"))


def test_an_ordinary_long_name_is_printed(repository):
    repository.write("alerts/policy.yaml", repository.policy + "a_rather_long_key_that_nobody_knows_of: 1\n")
    assert "a_rather_long_key_that_nobody_knows_of" in render(repository.build().diagnostics, "text")
