"""What an alert's own fields mean when they change: each finding has a change that makes it."""

import pytest

from rules_gen.comparison.telling import told_findings
from rules_gen.model.destinations import Destination

LADDER = (
    "    severity: high\n",
    "    severities:\n      high: {threshold: above 5, for: 5m}\n      medium: {threshold: above 2, for: 10m}\n",
)
NO_OWN = ("    threshold: above 5\n    for: 5m\n", "")


def test_nothing_changed_is_nothing_found(between):
    assert between.change() == []


def test_comments_blanks_and_brackets_are_no_change(between):
    assert (
        between.change(
            (
                'expr: sum by (job) (rate(errors_total{job="checkout"}[5m]))',
                'expr: (sum by(job)(rate(errors_total{job="checkout",}[300s])))  # why',
            )
        )
        == []
    )
    assert between.change(("above 5\n", "above 5.0\n"), ("for: 5m", "for: 300s")) == []


def test_a_threshold_is_told_in_its_authors_words(between):
    found = between.change(("above 5", "above 10"))
    assert found == [("threshold", "less-sensitive", "threshold above 5 -> above 10: less sensitive")]
    found = between.change(("above 5", "at least 5"))
    assert found == [("threshold", "more-sensitive", "threshold above 5 -> at least 5: more sensitive")]


def test_a_threshold_that_moves_into_the_expression_is_no_change(between):
    assert between.change(("    threshold: above 5\n", ""), ("[5m]))", "[5m])) > 5")) == []


@pytest.mark.parametrize(
    ("after", "impact", "sentence"),
    [("15m", "slower", "for 5m -> 15m: slower to fire"), ("0m", "faster", "for 5m -> 0m: faster to fire")],
)
def test_the_duration(between, after, impact, sentence):
    assert between.change(("for: 5m", f"for: {after}")) == [("for", impact, sentence)]


def test_how_long_it_keeps_firing(between):
    found = between.change(("for: 5m", "for: 5m\n    keep_firing_for: 10m"))
    assert found == [("keep-firing-for", "holds-longer", "keep_firing_for none -> 10m: fires longer after it is over")]
    with_it = between.replaced(between.alert, ("for: 5m", "for: 5m\n    keep_firing_for: 10m"))
    assert between.change_of(with_it, between.alert) == [
        ("keep-firing-for", "holds-shorter", "keep_firing_for 10m -> none: resolves sooner")
    ]


def test_a_lower_severity_is_less_urgent_and_pages_fewer(between):
    assert between.change(("severity: high", "severity: medium")) == [
        ("told", "pages-fewer", "no longer pages Payments by PagerDuty (PAYMENTS_KEY)"),
        ("severity", "less-urgent", "severity high -> medium: less urgent, response 15m -> 1h"),
    ]


def test_a_higher_severity_is_more_urgent_and_who_is_told_instead_is_said(between):
    low = between.replaced(between.alert, ("severity: high", "severity: low"))
    assert between.change_of(low, between.alert) == [
        (
            "told",
            "pages-more",
            (
                "no longer tells Payments by email to payments@example.com; "
                "now pages Payments by PagerDuty (PAYMENTS_KEY); now tells Payments by Slack #payments"
            ),
        ),
        ("severity", "more-urgent", "severity low -> high: more urgent, response next business day -> 15m"),
    ]


def test_a_second_team_is_told(between):
    found = between.change(("for: 5m", "for: 5m\n    notify: platform"))
    assert found == [
        ("told", "pages-more", "now pages Platform by PagerDuty (PLATFORM_KEY); now tells Platform by Slack #platform")
    ]


def test_an_alert_that_bypasses_the_router_is_routed_otherwise(between):
    key = "alertmanager: {native_pagerduty_key_file: /etc/key}\n"
    policy = between.policy + key
    found = between.change(("for: 5m", "for: 5m\n    bypass_router: true"), policies=(policy, policy))
    assert found == [
        (
            "told",
            "route",
            (
                "no longer pages Payments by PagerDuty (PAYMENTS_KEY); no longer tells Payments by Slack #payments; "
                "now pages by Alertmanager itself"
            ),
        )
    ]


def test_nobody_told_any_more():
    paged = Destination("Payments", "pagerduty", "PAYMENTS_KEY")
    (finding,) = told_findings([paged], [])
    assert finding.impact == "nobody-told"
    assert finding.sentence == "no longer pages Payments by PagerDuty (PAYMENTS_KEY); nobody is told any more"
    assert list(told_findings([paged], [paged])) == []


def test_a_ladder_that_grows_keeps_its_rung_and_adds_one(between):
    found = between.change_of(between.alert, ladder(between))
    assert ("rung", "added", "rung medium added: above 2 for 10m") in found
    assert not any(impact in ("removed", "less-sensitive", "slower", "mutes-more") for _, impact, _ in found)


def ladder(between):
    return between.replaced(between.alert, LADDER, NO_OWN)


def test_a_rung_that_is_gone_takes_its_pages_with_it(between):
    only_medium = between.replaced(ladder(between), ("      high: {threshold: above 5, for: 5m}\n", ""))
    found = between.change_of(ladder(between), only_medium)
    assert ("rung", "removed", "rung high removed: above 5 for 5m") in found
    assert ("told", "pages-fewer", "no longer pages Payments by PagerDuty (PAYMENTS_KEY)") in found


def test_a_finding_on_one_rung_names_it_and_on_all_does_not(between):
    old = ladder(between)
    one = between.change_of(old, between.replaced(old, ("above 2, for: 10m", "above 3, for: 10m")))
    assert one == [("threshold", "less-sensitive", "medium: threshold above 2 -> above 3: less sensitive")]
    both = between.change_of(old, between.replaced(old, ('job="checkout"}[5m]', 'job="checkout", code!="500"}[5m]')))
    assert both == [("matcher", "fewer-series", 'errors_total: fewer series, now only code!="500"')]


def test_a_rung_may_change_its_severity(between):
    old = ladder(between)
    new = between.replaced(old, ("      high: {", "      critical: {"))
    found = between.change_of(old, new)
    assert (
        "severity",
        "more-urgent",
        "critical: severity high -> critical: more urgent, response 15m -> at once",
    ) in found
    assert not [kind for kind, _, _ in found if kind == "rung"]


def test_labels_and_annotations(between):
    more = ("for: 5m", "for: 5m\n    labels: {tier: one}\n    annotations: {chart: abc}")
    assert between.change(more) == [
        ("label", "labels", "label tier added: one"),
        ("annotation", "text", "annotation chart added: abc"),
    ]
    old = between.replaced(between.alert, more)
    assert between.change_of(old, between.replaced(old, ("tier: one", "tier: two"), ("chart: abc", "chart: xyz"))) == [
        ("label", "labels", "label tier one -> two"),
        ("annotation", "text", "annotation chart abc -> xyz"),
    ]
    assert between.change_of(old, between.alert)[0] == ("label", "labels", "label tier removed; it was one")


def test_summary_and_description(between):
    found = between.change(('fails"', 'is failing"\n    description: It fails.'))
    assert found == [("annotation", "text", "summary changed"), ("annotation", "text", "description added")]


def test_inhibition(between):
    other = between.replaced(between.alert, ("CheckoutErrors", "CheckoutSlow"))
    quiet = between.replaced(between.alert, ("for: 5m", "for: 5m\n    inhibits: [CheckoutSlow]"))
    (change,) = between.alerts(between.alert + other, quiet + other).alerts
    assert between.said(change) == [
        ("inhibits", "mutes-more", "keeps CheckoutSlow quiet while it fires where job agrees")
    ]
    (change,) = between.alerts(quiet + other, between.alert + other).alerts
    assert between.said(change) == [("inhibits", "mutes-less", "no longer keeps CheckoutSlow quiet")]
    everywhere = between.replaced(quiet, ("inhibits: [CheckoutSlow]", "inhibits: [CheckoutSlow]\n    equal: []"))
    (change,) = between.alerts(quiet + other, everywhere + other).alerts
    assert between.said(change) == [("equal", "mutes-more", "keeps CheckoutSlow quiet; it was where job agrees")]
    (change,) = between.alerts(everywhere + other, quiet + other).alerts
    assert between.said(change)[0][:2] == ("equal", "mutes-less")


OFF = "    disable:\n      - {check: duration-order, reason: it is meant so, until: 2026-06-30}\n"


def test_a_check_that_is_switched_off(between):
    off = between.alert + OFF
    on = "check duration-order is on again"
    assert between.change_of(between.alert, off) == [
        ("disable", "check-disabled", "check duration-order is off until 2026-06-30: it is meant so")
    ]
    assert between.change_of(off, between.alert) == [("disable", "check-enabled", on)]
    longer = between.replaced(off, ("2026-06-30", "2026-09-30"))
    assert between.change_of(off, longer) == [
        ("disable", "check-disabled", "check duration-order is off until 2026-09-30, it was 2026-06-30")
    ]
    assert between.change_of(longer, off)[0][1] == "check-enabled"


def test_a_mutant_that_is_waved_through(between):
    accepted = between.alert + "    equivalent_mutants:\n      - {mutant: hold, reason: it makes no difference}\n"
    assert between.change_of(between.alert, accepted) == [
        ("equivalent-mutant", "mutant-accepted", "mutant hold is accepted without a scenario: it makes no difference")
    ]
    assert between.change_of(accepted, between.alert) == [
        ("equivalent-mutant", "mutant-withdrawn", "mutant hold must be told by a scenario again")
    ]


ENVIRONMENTS = "environments:\n  production: {}\n  staging: {}\n"


def test_what_holds_in_one_environment_names_it(between):
    overlay = "environments:\n  production: {}\n  staging: {alerts: {CheckoutErrors: {threshold: above 9}}}\n"
    difference = between.alerts(between.alert, between.alert, before=ENVIRONMENTS, after=overlay)
    assert between.said(difference.alerts[0]) == [
        ("threshold", "less-sensitive", "staging: threshold above 5 -> above 9: less sensitive")
    ]
    everywhere = between.replaced(between.alert, ("above 5", "above 7"))
    difference = between.alerts(between.alert, everywhere, before=ENVIRONMENTS, after=ENVIRONMENTS)
    assert between.said(difference.alerts[0]) == [
        ("threshold", "less-sensitive", "threshold above 5 -> above 7: less sensitive")
    ]


def test_an_environment_that_changes_the_severity_is_named_rather_than_the_severity(between):
    overlay = "environments:\n  production: {}\n  staging: {alerts: {CheckoutErrors: {severity: low}}}\n"
    difference = between.alerts(between.alert, between.alert, before=ENVIRONMENTS, after=overlay)
    assert [sentence.partition(":")[0] for _, _, sentence in between.said(difference.alerts[0])] == ["staging"] * 2


def test_a_comparison_within_the_signal_is_not_taken_for_the_threshold(between):
    inside = between.replaced(between.alert, ("[5m]))", "[5m]) > 1)"))
    new = between.replaced(inside, ("> 1)", "> 2)"), ("above 5", "above 6"))
    assert between.change_of(inside, new) == [
        ("threshold", "condition", "threshold > 1 -> > 2, inside an expression"),
        ("threshold", "condition", "threshold above 5 -> above 6, and what is compared has changed too"),
    ]


def test_an_environment_that_is_no_longer_watched(between):
    without = "environments:\n  production: {}\n  staging: {alerts: {CheckoutErrors: {disabled: true}}}\n"
    difference = between.alerts(between.alert, between.alert, before=ENVIRONMENTS, after=without)
    assert between.said(difference.alerts[0]) == [("environment", "removed", "no longer watches in staging")]
    difference = between.alerts(between.alert, between.alert, before=without, after=ENVIRONMENTS)
    assert between.said(difference.alerts[0]) == [("environment", "added", "now watches in staging")]


ENVIRONMENTS = "environments:\n  production: {}\n  staging: {}\n"


def test_what_changes_is_told_when_a_service_gets_environments(between):
    stricter = between.replaced(between.alert, ("above 5", "above 9"))
    difference = between.alerts(between.alert, stricter, after=ENVIRONMENTS)
    assert between.said(difference.alerts[0]) == [
        ("threshold", "less-sensitive", "threshold above 5 -> above 9: less sensitive"),
        ("environment", "condition", "watched without an environment before, now in production and staging"),
    ]


def test_what_changes_is_told_when_a_service_gives_up_its_environments(between):
    lower = ENVIRONMENTS.replace("staging: {}", "staging: {alerts: {CheckoutErrors: {threshold: above 9}}}")
    difference = between.alerts(between.alert, between.alert, before=lower)
    assert between.said(difference.alerts[0]) == [
        ("environment", "condition", "watched in production and staging before, now without an environment"),
        ("threshold", "more-sensitive", "staging: threshold above 9 -> above 5: more sensitive"),
    ]


def test_an_environment_with_another_name_is_shown_with_its_rules(between):
    stricter = between.replaced(between.alert, ("above 5", "above 9"))
    renamed = "environments:\n  prod: {}\n"
    difference = between.alerts(between.alert, stricter, before="environments:\n  production: {}\n", after=renamed)
    assert between.said(difference.alerts[0]) == [
        ("environment", "removed", "no longer watches in production"),
        ("environment", "condition", "now watches in prod by these rules, in place of those"),
    ]
    shown = difference.alerts[0].findings[1]
    assert (shown.before[-10:], shown.after[-10:]) == ("> 5\nfor 5m", "> 9\nfor 5m")
