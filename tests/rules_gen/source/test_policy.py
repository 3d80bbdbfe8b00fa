"""What a policy may say beyond its schema, through a whole build."""

import yaml


def said(repository, policy):
    repository.write("alerts/policy.yaml", policy)
    return [(d.check, d.message, d.suggestion) for d in repository.build().diagnostics]


def test_a_team_may_be_told_by_webhook_alone(repository):
    policy = repository.policy.replace('    slack: {channel: "#alerts"}', "    webhook: {url: PAYMENTS_WEBHOOK_URL}")

    assert said(repository, policy.replace("[slack]", "[webhook]")) == []
    routes = yaml.safe_load((repository.root / "rules/routes.yml").read_text(encoding="utf-8"))
    assert routes["teams"]["payments"]["webhook"] == {"url": "PAYMENTS_WEBHOOK_URL"}
    assert routes["severities"]["low"]["channels"] == ["webhook"]


def test_a_team_without_the_webhook_that_a_severity_names_would_hear_nothing(repository):
    problems = said(repository, repository.policy.replace("[slack]", "[webhook]"))

    assert [(check, suggestion) for check, _, suggestion in problems] == [("team-unreachable", "add webhook")] * 2


def test_no_cluster_may_have_the_router_s_own_name(repository):
    clusters = "router: {clusters: {alert-router: {peers: ['http://am:9093']}, main: {peers: ['http://am:9093']}}}\n"
    (problem,) = said(repository, repository.policy + clusters)

    assert problem == (
        "policy",
        "`alert-router` is the source of the router's own alerts",
        "give the cluster another name",
    )
