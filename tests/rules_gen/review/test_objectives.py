"""Objectives whose rules would fail, or match nothing, once Prometheus runs them."""

from decimal import Decimal

import pytest

from rules_gen.compiler import compile_unit, read_shared
from rules_gen.promql import analyse
from rules_gen.source.layout import lay_out
from rules_gen.source.slo_events import _spelt

SERVICE = """\
service: shop
team: payments
{head}
slos:
  - slo: Shop
    objective: 99.9%
    {events}
    {more}
    runbook: https://wiki.example.com/shop
    tests:
      - name: fires
        series: {{'{series}': 0+30x200}}
        firing_at: [60m]
      - name: is quiet
        series: {{'{series}': 0x200}}
        quiet_at: [60m]
"""
EVENTS = """events: {bad: 'e_total{code="500"}', total: e_total}"""


def compiled(repository, events=EVENTS, more="", head="", series='e_total{code="500"}'):
    path = "alerts/payments/shop.yaml"
    text = SERVICE.format(events=events, more=more, head=head, series=series)
    contents = {"alerts/policy.yaml": repository.policy.encode(), path: text.encode()}
    layout = lay_out(contents)
    return compile_unit(layout.units[0], contents, read_shared(layout, contents).context, repository.today)


def messages(result):
    return [(problem.check, problem.message) for problem in result.problems]


@pytest.mark.parametrize("label", ["slo", "service", "team", "environment", "severity", "window", "env", "tier"])
def test_budgets_cannot_be_kept_by_a_label_that_the_rules_set(repository, label):
    more = f"labels: {{tier: a}}\n    by: [job, {label}]"
    (problem,) = compiled(repository, more=more, head="labels: {env: live}").problems
    assert (problem.check, problem.place.keys[-2:]) == ("slo", ("by", 1))
    assert "would collide" in problem.message


def test_budgets_can_be_kept_by_any_other_label(repository):
    assert not messages(compiled(repository, more="by: [job]"))


@pytest.mark.parametrize("operator", ["or", "/", "and", "+"])
def test_two_selectors_are_no_counter(repository, operator):
    events = f"""events: {{bad: 'e_total{{code="500"}} {operator} f_total{{code="500"}}', total: e_total}}"""
    (problem,) = compiled(repository, events).problems
    assert problem.check == "slo"
    assert "selector of a counter" in problem.message


@pytest.mark.parametrize("comment", ["# all", "# all,", '# "all"'])
def test_a_comment_in_a_histogram_selector_does_not_hide_the_bound(repository, comment):
    events = f"latency:\n      at_most: 200ms\n      histogram: |\n        d_bucket{{a='1' {comment}\n        }}"
    result = compiled(repository, events, series='d_count{a="1"}')
    assert not messages(result)
    for rule in result.service.groups[0][1][0].rules[:2]:
        analysis = analyse(rule.expr, (2, 42))
        assert not isinstance(analysis, tuple), rule.expr
        for selector in analysis.selectors:
            assert ("le" in {matcher.name for matcher in selector.matchers}) == (selector.name == "d_bucket")


@pytest.mark.parametrize(
    ("bound", "matcher"),
    [
        ("1", 'le=~"1|1[.]0"'),
        ("300", 'le=~"300|300[.]0"'),
        ("0.2", 'le="0.2"'),
        ("2.5", 'le="2.5"'),
        ("0.0001", 'le="0.0001"'),
        ("0.00005", 'le=~"5e-05|0[.]00005"'),
        ("0.000025", 'le=~"2[.]5e-05|0[.]000025"'),
        ("5e-9", 'le=~"5e-09|0[.]000000005"'),
        ("1e-10", 'le=~"1e-10|0[.]0000000001"'),
    ],
)
def test_a_bucket_is_found_however_its_bound_is_spelt(bound, matcher):
    assert _spelt(Decimal(bound)) == matcher


def test_labels_and_description_name_the_environment(repository):
    more = """labels: {tier: "t-${environment}"}\n    description: Shop in ${environment} works."""
    result = compiled(repository, more=more, head="environments: {live: {}}")
    rule = result.service.alerts[0].rules[0]
    assert dict(rule.labels)["tier"] == "t-live"
    assert dict(rule.annotations)["description"] == "Shop in live works."


def test_without_environments_an_objective_cannot_name_one(repository):
    events = """events: {bad: 'e_total{env="${environment}"}', total: e_total}"""
    assert ("environment", "`${environment}` stands for nothing: the service has no environments") in messages(
        compiled(repository, events)
    )
