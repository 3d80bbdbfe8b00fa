"""A change of the policy is told once, with how many alerts it reaches."""

import pytest

CASES = [
    (
        "high: {response: 15m, channels: [pagerduty, slack]}",
        "high: {response: 15m, channels: [slack]}",
        "channels",
        "pages-fewer",
        "high: no longer told by PagerDuty (1 alert)",
    ),
    (
        "medium: {response: 1h, channels: [slack]}",
        "medium: {response: 1h, channels: [slack, pagerduty]}",
        "channels",
        "pages-more",
        "medium: now told by PagerDuty (0 alerts)",
    ),
    (
        "high: {response: 15m, channels: [pagerduty, slack]}",
        "high: {response: 15m, channels: [pagerduty]}",
        "channels",
        "route",
        "high: no longer told by Slack (1 alert)",
    ),
    ("response: 15m", "response: 2h", "response", "setting", "high: response 15m -> 2h (1 alert)"),
    (
        "PAYMENTS_KEY",
        "OTHER_KEY",
        "destination",
        "route",
        "team payments: PagerDuty PAYMENTS_KEY -> OTHER_KEY (1 alert)",
    ),
    ('"#payments"', '"#pay"', "destination", "route", "team payments: Slack #payments -> #pay (1 alert)"),
    (
        "payments@example.com",
        "pay@example.com",
        "destination",
        "route",
        "team payments: email payments@example.com -> pay@example.com (1 alert)",
    ),
    (
        "    name: Payments\n",
        "    name: Payments\n    lead: kim\n",
        "setting",
        "setting",
        "team payments: lead none -> kim",
    ),
    (
        "    name: Payments\n",
        "    name: Payments\n    fallback: platform\n",
        "setting",
        "setting",
        "team payments: fallback none -> platform",
    ),
    ("default_team: platform", "default_team: payments", "setting", "setting", "default team platform -> payments"),
    ("mutation_score: 50%", "mutation_score: 20%", "proof", "proof-weakened", "mutation score demanded: 50% -> 20%"),
    (
        "mutation_score: 50%",
        "mutation_score: 80%",
        "proof",
        "proof-strengthened",
        "mutation score demanded: 50% -> 80%",
    ),
    (
        "mutation_score: 50%",
        "mutation_score: 50%, recording_rules: false",
        "proof",
        "proof-weakened",
        "recording rules must be covered: yes -> no",
    ),
    (
        "mutation_score: 50%",
        "mutation_score: 50%, coverage: {high: [fires]}",
        "proof",
        "proof-weakened",
        "scenarios of high alerts need no longer show: quiet",
    ),
    (
        "mutation_score: 50%",
        "mutation_score: 50%, coverage: {low: [fires, pending]}",
        "proof",
        "proof-strengthened",
        "scenarios of low alerts must now show: pending",
    ),
    (
        'from: "02:00"',
        'from: "01:00"',
        "maintenance",
        "condition",
        "maintenance window sunday changed: other alerts or times are muted",
    ),
    (
        "default_team: platform",
        "default_team: platform\ngroup_by: [team]",
        "setting",
        "setting",
        "alerts are grouped by team, service, alertname -> team",
    ),
    (
        "default_team: platform",
        "default_team: platform\nexternal_labels: [cluster]",
        "setting",
        "setting",
        "external labels none -> cluster",
    ),
    (
        "default_team: platform",
        "default_team: platform\naliases: {P1: critical}",
        "setting",
        "setting",
        "severity's alias P1: none -> critical",
    ),
    (
        "default_team: platform",
        "default_team: platform\nlabels: {region: eu}",
        "label",
        "labels",
        "label region of all alerts: none -> eu",
    ),
    ('prometheus: "2.42"', 'prometheus: "3.5"', "setting", "setting", "Prometheus 2.42 -> 3.5"),
    (
        "https://grafana.example.com",
        "https://g.example.com",
        "setting",
        "setting",
        "urls.dashboard https://grafana.example.com/d/{uid} -> https://g.example.com/d/{uid}",
    ),
    (
        "default_team: platform",
        "default_team: platform\nalertmanager: {group_wait: 5m}",
        "setting",
        "slower",
        "alertmanager.group_wait 10s -> 5m",
    ),
    (
        "default_team: platform",
        "default_team: platform\nalertmanager: {group_wait: 1s}",
        "setting",
        "faster",
        "alertmanager.group_wait 10s -> 1s",
    ),
    (
        "default_team: platform",
        "default_team: platform\nrouter: {repeat_interval: 9h}",
        "setting",
        "setting",
        "router.repeat_interval 4h -> 9h",
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "expected"), [(case[0], case[1], case[2:]) for case in CASES], ids=[case[4] for case in CASES]
)
def test_a_setting_is_told_once_and_not_at_the_alerts(between, old, new, expected):
    policies = (between.policy, between.replaced(between.policy, (old, new)))
    difference = between.alerts(between.alert, between.alert, policies=policies)
    (change,) = difference.general
    assert (change.team, change.service, change.alert) == ("", None, None)
    assert between.said(change) == [expected]
    assert not difference.alerts


def test_a_maintenance_window_that_comes_or_goes(between):
    start = between.policy.index("maintenance:")
    policies = (between.policy[:start], between.policy)
    assert between.said(between.alerts(between.alert, between.alert, policies=policies).general[0]) == [
        ("maintenance", "mutes-more", "maintenance window sunday added: alerts are muted in it")
    ]
    assert between.said(between.alerts(between.alert, between.alert, policies=policies[::-1]).general[0]) == [
        ("maintenance", "mutes-less", "maintenance window sunday removed")
    ]


def test_a_team_that_comes_or_goes(between):
    more = between.replaced(
        between.policy,
        (
            "default_team",
            "  shop: {slack: {channel: '#s'}, email: {to: [s@example.com]}, pagerduty: {routing_key: K}}\ndefault_team",
        ),
    )
    for policies, sentence in (
        ((between.policy, more), "team shop added"),
        ((more, between.policy), "team shop removed"),
    ):
        (change,) = between.alerts(between.alert, between.alert, policies=policies).general
        assert [one[2] for one in between.said(change)] == [sentence]


def test_a_team_without_pagerduty_pages_nobody(between):
    key = "    pagerduty: {routing_key: PAYMENTS_KEY}\n"
    policy = between.replaced(
        between.policy,
        (
            "critical: {response: at once, channels: [pagerduty]}",
            "critical: {response: at once, channels: [pagerduty, slack]}",
        ),
    )
    without = between.replaced(policy, (key, ""))
    (change,) = between.alerts(between.alert, between.alert, policies=(policy, without)).general
    assert between.said(change) == [
        ("destination", "pages-fewer", "team payments: PagerDuty PAYMENTS_KEY -> none (1 alert)")
    ]
    (change,) = between.alerts(between.alert, between.alert, policies=(without, policy)).general
    assert between.said(change)[0][1] == "pages-more"


def test_a_label_that_the_policy_takes_over_is_no_change_of_the_alert(between):
    labelled = between.replaced(between.alert, ("for: 5m", "for: 5m\n    labels: {region: eu}"))
    policies = (between.policy, between.policy + "labels: {region: eu}\n")
    assert not between.alerts(labelled, between.alert, policies=policies).alerts
    assert not between.alerts(between.alert, between.alert, policies=policies).alerts


def test_where_the_policy_is_written_is_no_change(between):
    policies = (between.policy, "# a comment\n" + between.policy)
    assert between.alerts(between.alert, between.alert, policies=policies).is_empty
