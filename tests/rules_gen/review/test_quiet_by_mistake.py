"""Nothing is kept quiet, or made harmless, that the author didn't mean."""

import pytest

CHECKOUT = "alerts/payments/checkout.yaml"


def two_alerts(repository, cause, effect, more=""):
    second = repository.service("checkout", alert="Effect").split("alerts:\n")[1]
    text = repository.service("checkout", alert="Cause") + second
    text = text.replace('up{job="checkout"}', cause, 1)
    text = text.replace("{{ $labels.instance }}", "Something")
    left, right = text.split("- alert: Effect")
    text = left + "- alert: Effect" + right.replace('expr: up{job="checkout"}', f"expr: {effect}")
    repository.write(CHECKOUT, text.replace("    for: 1m\n", f"    for: 1m\n    inhibits: [Effect]\n    {more}\n", 1))
    return repository.build(only=frozenset({"alertmanager"}))


@pytest.mark.parametrize(
    ("cause", "effect", "equal"),
    [
        ("sum by (job) (up)", "sum by (job, instance) (up)", ["environment", "job"]),
        ("sum(up)", "sum by (instance) (up)", ["environment"]),
        ("sum by (instance, job) (up)", "sum by (instance, job) (up)", ["environment", "instance", "job"]),
    ],
)
def test_a_cause_keeps_quiet_what_carries_its_labels(repository, cause, effect, equal):
    assert not two_alerts(repository, cause, effect).failed
    import yaml

    (rule,) = yaml.safe_load(repository.read("rules/alertmanager.yml"))["inhibit_rules"]
    assert sorted(rule["equal"]) == equal


@pytest.mark.parametrize(
    ("cause", "effect"),
    [("sum by (instance) (up)", "sum by (job) (up)"), ("sum by (instance, job) (up)", "sum by (job) (up)")],
)
def test_one_of_many_does_not_keep_all_others_quiet(repository, cause, effect):
    (found,) = two_alerts(repository, cause, effect).diagnostics
    assert found.check == "inhibit-equal"
    assert not two_alerts(repository, cause, effect, more="equal: []").failed


@pytest.mark.parametrize(
    ("aliases", "failed"), [("{P1: critical, p1: low}", True), ("{P1: critical, p1: critical}", False)]
)
def test_aliases_that_the_router_cannot_tell_apart(repository, aliases, failed):
    repository.write("alerts/policy.yaml", repository.policy + f"aliases: {aliases}\n")
    result = repository.build(only=frozenset({"routes"}))
    assert (result.failed, [d.check for d in result.diagnostics]) == (failed, ["policy"] if failed else [])
