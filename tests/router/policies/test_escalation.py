import dataclasses

from decision_samples import NOW, alert_state, incident
from router_world import routes

from router.model import HOUR, AlertStatus
from router.policies.escalation import escalating
from router.routes import SeverityRoute

ROUTES = routes()  # payments escalates, platform does not; medium has an hour


def ids(incidents, alerts=None, *, setting=ROUTES, now=NOW):
    if alerts is None:
        alerts = {one.id: [alert_state(incident_id=one.id)] for one in incidents}
    return escalating(incidents, alerts, setting, now)


def test_a_medium_escalates_after_its_response_time():
    young = incident(opened_at=NOW - HOUR + 1)
    assert ids([young]) == ()
    assert ids([young], now=NOW + 1) == ("i1",)


def test_a_response_at_once_does_not_wait():
    severities = {**ROUTES.severities, "medium": SeverityRoute("at once", 0, ("slack",))}
    at_once = dataclasses.replace(ROUTES, severities=severities)
    assert ids([incident(opened_at=NOW)], setting=at_once) == ("i1",)


def test_several_keep_their_order():
    assert ids([incident("b"), incident("a")]) == ("b", "a")


def test_it_escalates_once():
    assert ids([incident(escalated=True)]) == ()


def test_a_closed_incident_does_not_escalate():
    assert ids([incident(open=False, closed_at=NOW)]) == ()


def test_only_a_medium_that_was_never_worse_escalates():
    assert ids([incident(severity="high", worst="high")]) == ()
    assert ids([incident(severity="low", worst="low")]) == ()
    assert ids([incident(severity="medium", worst="critical")]) == ()


def test_a_team_that_has_not_asked_for_it_is_left_in_peace():
    assert ids([incident()], {"i1": [alert_state(team="platform")]}) == ()
    assert ids([incident()], {"i1": [alert_state(team="platform", notify="payments")]}) == ()
    assert ids([incident()], {"i1": [alert_state(team="unknown")]}) == ()
    assert ids([incident()], {"i1": [alert_state(team="platform"), alert_state("f2")]}) == ("i1",)


def test_suppressed_alerts_never_escalate():
    assert ids([incident()], {"i1": [alert_state(suppressed=True)]}) == ()
    assert ids([incident()], {"i1": [alert_state(suppressed=True), alert_state("f2")]}) == ("i1",)


def test_what_does_not_fire_or_is_not_medium_does_not_count():
    assert ids([incident()], {}) == ()
    assert ids([incident()], {"i1": [alert_state(status=AlertStatus.RESOLVED)]}) == ()
    assert ids([incident()], {"i1": [alert_state(status=AlertStatus.HELD)]}) == ()
    assert ids([incident()], {"i1": [alert_state(severity="low")]}) == ()
    assert ids([incident()], {"i1": [alert_state(severity=None)]}) == ()


def test_next_business_day_never_runs_out():
    severities = {**ROUTES.severities, "medium": SeverityRoute("next business day", -1, ("slack",))}
    assert ids([incident()], setting=dataclasses.replace(ROUTES, severities=severities)) == ()
