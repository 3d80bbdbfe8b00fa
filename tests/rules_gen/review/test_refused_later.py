"""What Prometheus or Alertmanager would refuse with the whole file is an error here, also where no fixture shows it."""

import zoneinfo

import pytest

from rules_gen.promql import parse_duration
from rules_gen.source.validate import validate

CHECKOUT = "alerts/payments/checkout.yaml"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("for: 1m", "for: 300y"),
        ("for: 1m", "for: 99999999999999999999d"),
        ("for: 1m", "for: 1m\n    keep_firing_for: 300y"),
        ("alerts:\n", "group: {interval: 300y}\nalerts:\n"),
        ("alerts:\n", "group: {limit: 99999999999999999999}\nalerts:\n"),
        ("alerts:\n", "alerts:\n  - {record: 'a:b', expr: up, labels: {__name__: c}}\n"),
    ],
)
def test_a_definition(repository, old, new):
    repository.replace(CHECKOUT, old, new)
    (found,) = repository.build().diagnostics
    assert found.check in {"wrong-value", "reserved-label"}, found


@pytest.mark.parametrize(
    "more",
    [
        "alertmanager: {group_wait: 300y}",
        "alertmanager: {group_interval: 0s}",
        "alertmanager: {repeat_interval: 0m}",
        'maintenance: [{name: w, matchers: {a: b}, times: {from: "00:00", to: "24:00"}, time_zone: Europe/Berln}]',
        "router: {digest: {time_zone: Mars/Phobos}}",
    ],
)
def test_a_policy(repository, more):
    if not zoneinfo.available_timezones():
        more = "alertmanager: {group_wait: 300y}"
    repository.write("alerts/policy.yaml", repository.policy + more + "\n")
    (found,) = repository.build().diagnostics
    assert (found.check in {"wrong-value", "policy"}, found.span.line) == (True, repository.policy.count("\n") + 1)


def test_a_policy_may_name_any_time_zone_that_there_is(repository):
    repository.write("alerts/policy.yaml", repository.policy + "router: {digest: {time_zone: Europe/Berlin}}\n")
    assert not repository.build().failed


def test_the_longest_duration_that_the_schema_takes_is_one_that_prometheus_takes():
    longest = "99y999w9999d99999h9999999m999999999s999999999999ms"
    from rules_gen.diagnostics import Place

    assert not validate("duration", longest, Place("x"))
    assert parse_duration(longest) is not None
    assert validate("duration", "100y", Place("x"))
