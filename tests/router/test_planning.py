"""Where incidents are told: storms, second teams, fallbacks."""

import pytest
from memory_store import MemoryStore
from router_world import (
    PAYMENTS_EMAIL,
    PAYMENTS_PAGERDUTY,
    PAYMENTS_SLACK,
    PLATFORM_PAGERDUTY,
    PLATFORM_SLACK,
    TRAITS,
    alert,
    incident_of,
    routes,
    team,
)

from router import planning
from router.applier import Applier, Incoming
from router.model import SECOND
from router.routes import Storm

NOW = 1_000_000 * SECOND
STORM = Storm(enabled=True, incidents_per_minute=1)


def told(one, changed_routes, *, storm="", fallback=False):
    """The destinations of an incident of that alert."""
    store = MemoryStore()
    store.open()
    applier = Applier(
        routes=lambda: changed_routes, traits=TRAITS, owner="one", room=lambda _to: 0, fold=lambda _tx, _one, _at: storm
    )
    with store.begin() as tx:
        applier.apply(tx, [Incoming("", NOW, (one,))], NOW)
        incident = tx.incidents([incident_of(one)])[incident_of(one)]
    return set(planning.targets(incident._replace(fallback=fallback), changed_routes, TRAITS))


def test_a_storm_folds_what_is_told_to_its_team():
    assert told(alert(severity="high"), routes(storm=STORM), storm="s1") == {PAYMENTS_PAGERDUTY}
    assert told(alert(severity="medium"), routes(storm=STORM), storm="s1") == set()


@pytest.mark.parametrize(("severity", "more"), [("high", {PLATFORM_PAGERDUTY}), ("medium", set())])
def test_a_second_team_which_gets_no_summary_is_told_one_by_one(severity, more):
    one = alert(severity=severity, notify="platform")
    assert told(one, routes(storm=STORM), storm="s1") - {PAYMENTS_PAGERDUTY} == {PLATFORM_SLACK} | more


def test_without_a_fallback_of_its_own_a_teams_undelivered_page_goes_to_the_default_team():
    teams = {"payments": team("payments"), "platform": team("platform")}
    assert told(alert(), routes(teams=teams), fallback=True) == {PAYMENTS_PAGERDUTY, PLATFORM_PAGERDUTY, PLATFORM_SLACK}


def test_the_default_team_is_not_its_own_fallback():
    teams = {"payments": team("payments"), "platform": team("platform")}
    assert told(alert(team="platform"), routes(teams=teams), fallback=True) == {PLATFORM_PAGERDUTY}


def test_medium_and_low_have_no_fallback():
    assert told(alert(severity="medium"), routes(), fallback=True) == {PAYMENTS_SLACK}
    assert told(alert(severity="low"), routes(), fallback=True) == {PAYMENTS_EMAIL}
