"""What holds for a whole service, objectives among it."""

import pytest

SLO = """\
slos:
  - slo: Availability
    objective: 99.9%
    events:
      good: http_requests_total{job="checkout", code!~"5.."}
      total: http_requests_total{job="checkout"}
    runbook: https://wiki.example.com/a
    tests:
      - name: burns
        interval: 5m
        series:
          'http_requests_total{job="checkout", code="500"}': 0+100x900
        firing_at: [70h]
      - name: is well
        interval: 5m
        series:
          'http_requests_total{job="checkout", code="200"}': 0+100x900
        quiet_at: [70h]
"""


def objectives(between, *pairs):
    return between.services(between.head + SLO, between.head + between.replaced(SLO, *pairs))


@pytest.mark.parametrize(
    ("objective", "impact", "sentence"),
    [
        ("99.5%", "less-sensitive", "objective 99.9% -> 99.5%: a budget 5 times as large, less sensitive"),
        ("99.95%", "more-sensitive", "objective 99.9% -> 99.95%: a budget 2 times smaller, more sensitive"),
    ],
)
def test_an_objective_in_words(between, objective, impact, sentence):
    difference = objectives(between, ("99.9%", objective))
    (change,) = difference.alerts
    assert change.alert == "AvailabilityErrorBudgetBurn"
    assert between.said(change) == [("objective", impact, sentence)]


def test_an_objective_over_another_window(between):
    (change,) = objectives(between, ("objective: 99.9%", "objective: 99.9%\n    window: 7d")).alerts
    kinds = {(kind, impact) for kind, impact, _ in between.said(change)}
    assert kinds == {("objective-window", "more-sensitive")}


@pytest.mark.parametrize("objective", ["99.9%", "99.5%"])
def test_other_events_are_told_once_for_all_windows(between, objective):
    (change,) = objectives(between, ('code!~"5.."', 'code!~"50[0-3]"'), ("99.9%", objective)).alerts
    told = [one for one in between.said(change) if one[0] == "objective-events"]
    assert told == [("objective-events", "condition", "the events that the objective counts have changed")]
    others = [one for one in between.said(change) if one[0] != "objective-events"]
    promise = ("objective", "condition", "objective 99.9% -> 99.5%: a budget 5 times as large")
    assert others == ([] if objective == "99.9%" else [promise]), "of other events a threshold says nothing"


def test_the_group_is_evaluated_at_another_pace(between):
    def at(group):
        return f"{between.head}{group}alerts:\n{between.alert}"

    def told(old, new):
        (change,) = between.services(at(old), at(new)).general
        return between.said(change)

    one, two = "group: {interval: 1m}\n", "group: {interval: 2m}\n"
    assert told(one, two) == [("group", "slower", "group's interval 1m -> 2m: slower to fire")]
    assert told(two, one) == [("group", "faster", "group's interval 2m -> 1m: faster to fire")]
    assert told("", one) == [("group", "condition", "group's interval Prometheus's default -> 1m")]
    assert told("", "group: {limit: 5}\n")[0][1] == "condition"


def test_a_description_and_environments(between):
    said = f"{between.head}description: Takes money.\nalerts:\n{between.alert}"
    (change,) = between.services(f"{between.head}alerts:\n{between.alert}", said).general
    assert between.said(change) == [("description", "text", "description changed")]
    one, two = "environments: {production: {}}\n", "environments: {production: {}, staging: {}}\n"
    difference = between.alerts(between.alert, between.alert, before=one, after=two)
    assert between.said(difference.general[0]) == [("environment", "setting", "environment staging added")]
    assert between.said(difference.alerts[0]) == [("environment", "added", "now watches in staging")]


def test_a_service_that_one_side_cannot_read_is_neither_new_nor_gone(between):
    from rules_gen.comparison import Side, compare

    whole = between.side({between.path: f"{between.head}alerts:\n{between.alert}"})
    torn = Side((), whole.policy, frozenset({"payments/checkout"}))
    assert compare(torn, whole).is_empty
    assert compare(whole, torn).is_empty


TEMPLATE = """\
template: errors
parameters:
  job: {type: string, description: The job.}
  limit: {type: threshold, default: above 5, description: When.}
alerts:
"""


def test_a_template_shows_at_each_alert_that_it_makes_with_both_files(between):
    alert = between.replaced(
        between.alert, ("above 5", "${limit}"), ('"checkout"', '"${job}"'), ("CheckoutErrors", "Errors")
    )

    def files(template):
        made = {"alerts/_templates/errors.yaml": template}
        for name in ("checkout", "till", "stock"):
            head = f"service: {name}\nteam: payments\n"
            made[f"alerts/payments/{name}.yaml"] = f"{head}use:\n  - template: errors\n    with: {{job: {name}}}\n"
        return made

    difference = between.files(
        files(TEMPLATE + alert), files(between.replaced(TEMPLATE, ("above 5", "above 9")) + alert)
    )
    assert [change.service for change in difference.alerts] == ["checkout", "stock", "till"]
    assert difference.alerts[0].files == ("alerts/_templates/errors.yaml", "alerts/payments/checkout.yaml")
    assert {tuple(between.said(change)) for change in difference.alerts} == {
        (("threshold", "less-sensitive", "threshold above 5 -> above 9: less sensitive"),)
    }


def test_the_group_of_a_service_with_another_name_or_with_environments_is_the_same_group(between):
    group = "group: {interval: 2m}\n"
    text = f"{between.head}alerts:\n{between.alert}"
    renamed = f"service: till\nteam: payments\n{group}alerts:\n{between.alert}"
    parted = f"{between.head}{group}environments: {{production: {{}}, staging: {{}}}}\nalerts:\n{between.alert}"
    for path, new in (("alerts/payments/till.yaml", renamed), (between.path, parted)):
        (general,) = between.files({between.path: text}, {path: new}).general
        told = [sentence for kind, _, sentence in between.said(general) if kind == "group"]
        assert told == ["group's interval Prometheus's default -> 2m"]
