"""Prometheus drops what a rule finds when two results differ only in a label that the rule overwrites."""

import pytest

CHECKOUT = "alerts/payments/checkout.yaml"
EXPR = 'expr: up{job="checkout"}'


@pytest.mark.parametrize("label", ["service", "team", "severity", "region"])
def test_a_label_that_the_rule_sets(repository, label):
    repository.replace(CHECKOUT, EXPR, f"expr: sum by (job, {label}) (up)")
    repository.replace(CHECKOUT, "{{ $labels.instance }}", "{{ $labels.job }}")
    repository.replace(CHECKOUT, "team: payments", "team: payments\nlabels: {region: eu}")
    (found,) = repository.build(only=frozenset({"prometheus-rules"})).diagnostics
    assert (found.check, found.span.line) == ("reserved-label", 7)
    assert f"the label `{label}`" in found.message


@pytest.mark.parametrize(
    "expression",
    [
        "sum by (job) (up)",
        # One value of it is all that there can be.
        'sum by (job, service) (up{service="checkout"})',
        # Nobody knows whether such a label is there at all.
        'up{job="checkout"}',
    ],
)
def test_labels_that_cannot_collide(repository, expression):
    repository.replace(CHECKOUT, EXPR, f"expr: {expression}")
    repository.replace(CHECKOUT, "{{ $labels.instance }}", "{{ $labels.job }}")
    assert not repository.build(only=frozenset({"prometheus-rules"})).failed


def test_a_label_that_is_made_of_the_one_it_overwrites(repository):
    repository.replace(CHECKOUT, EXPR, "expr: sum by (instance) (up)")
    repository.replace(CHECKOUT, "    for: 1m", '    for: 1m\n    labels: {instance: "i-{{ $labels.instance }}"}')
    assert not repository.build(only=frozenset({"prometheus-rules"})).failed
