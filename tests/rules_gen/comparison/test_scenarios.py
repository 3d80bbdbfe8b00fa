"""What became of scenarios."""

import pytest

FIRES = "      - name: fires at ten\n"
QUIET = """\
      - name: stays quiet at one
        series:
          'errors_total{job="checkout"}': 0+60x30
        quiet_at: [20m]
"""
MORE = """\
      - name: fires at a hundred
        series:
          'errors_total{job="checkout"}': 0+6000x30
        firing_at: [20m]
"""


def test_a_scenario_that_is_new_says_what_it_shows(between):
    assert between.change((QUIET, QUIET + MORE)) == [
        ("scenario", "scenario-added", 'scenario added: "fires at a hundred" (firing)')
    ]


def test_a_scenario_that_is_gone(between):
    more = between.replaced(between.alert, (QUIET, QUIET + MORE))
    assert between.change_of(more, between.alert) == [
        ("scenario", "scenario-removed", 'scenario removed: "fires at a hundred" (firing)')
    ]


def test_a_scenario_of_another_name_is_renamed_rather_than_removed_and_added(between):
    assert between.change(("fires at ten", "fires at 10")) == [
        ("scenario", "scenario-renamed", 'scenario renamed: "fires at ten" -> "fires at 10"')
    ]


@pytest.mark.parametrize(
    ("old", "new", "impact", "sentence"),
    [
        ("[12m, 20m]", "[12m]", "scenario-weakened", 'scenario weakened: "fires at ten", no longer firing at 20m'),
        (
            "        pending_at: [6m]\n",
            "",
            "scenario-weakened",
            'scenario weakened: "fires at ten", no longer pending at 6m',
        ),
        (
            "[12m, 20m]",
            "[12m, 16m, 20m]",
            "scenario-strengthened",
            'scenario strengthened: "fires at ten", now firing at 16m',
        ),
        (
            "[12m, 20m]",
            "[12m, 21m]",
            "scenario-changed",
            'scenario changed: "fires at ten", no longer firing at 20m; now firing at 21m',
        ),
        (
            "        firing_at: [12m, 20m]\n",
            "        quiet_at: [1s]\n        firing_at: [12m]\n",
            "scenario-weakened",
            'scenario weakened: "fires at ten", no longer firing at 20m; now quiet at 1s',
        ),
    ],
)
def test_what_a_scenario_asserts(between, old, new, impact, sentence):
    assert between.change((old, new)) == [("scenario", impact, sentence)]


def test_other_series_are_shown_and_not_judged(between):
    (change,) = between.alerts(between.alert, between.replaced(between.alert, ("0+600x30", "0+900x30"))).alerts
    (finding,) = change.findings
    assert (finding.impact, finding.sentence) == ("scenario-changed", 'scenario "fires at ten": its series changed')
    assert finding.before.endswith("0+600x30")
    assert finding.after.endswith("0+900x30")


def test_another_interval_is_other_series(between):
    found = between.change((FIRES, FIRES + "        interval: 2m\n"))
    assert [impact for _, impact, _ in found] == ["scenario-changed"]


def test_a_scenario_of_several_environments_is_one(between):
    two = "environments:\n  production: {}\n  staging: {}\n"
    new = between.replaced(between.alert, (QUIET, QUIET + MORE))
    difference = between.alerts(between.alert, new, before=two, after=two)
    assert [finding.impact for finding in difference.alerts[0].findings] == ["scenario-added"]


def test_pictures_are_linked_where_there_are_some(between):
    def picture(service, alert, scenario):
        return f"runbooks/{service.team}/{service.name}/{alert.name}.{scenario.name.replace(' ', '-')}.svg"

    new = between.replaced(between.alert, (QUIET, QUIET + MORE), ("0+600x30", "0+900x30"))
    (change,) = between.alerts(between.alert, new, picture=picture).alerts
    assert {finding.link for finding in change.findings} == {
        "runbooks/payments/checkout/CheckoutErrors.fires-at-a-hundred.svg",
        "runbooks/payments/checkout/CheckoutErrors.fires-at-ten.svg",
    }
    (change,) = between.alerts(between.alert, new).alerts
    assert {finding.link for finding in change.findings} == {None}
