import dataclasses

import pytest
from decision_samples import NOW, delivery, incident
from hypothesis import given
from hypothesis import strategies as st
from router_world import routes, team

from router.model import (
    INTERNAL_CLUSTER,
    MINUTE,
    NOTHING,
    SECOND,
    DestinationStatus,
    Mode,
    Shown,
    Status,
    View,
)
from router.policies.fallback import Fold, decide, undelivered, untold

ROUTES = routes()
PAGERDUTY, SLACK = "pagerduty:PAYMENTS_KEY", "slack:SLACK_TOKEN/#payments"
FIRING = View(1, Shown.FIRING, 0)
PARKED = DestinationStatus(PAGERDUTY, "parked", "bad_credentials", "", NOW, 0)


def told(incident_id="i1", destination=PAGERDUTY, **changes):
    return delivery(incident_id, destination, **{"shown": FIRING, "status": Status.SETTLED, "since": 0, **changes})


def run(candidates, incidents=None, *, parked=False, folded=(), setting=ROUTES, now=NOW):
    return decide(
        candidates,
        incidents=incidents if incidents is not None else {known: incident(known) for known in candidates},
        destinations={PAGERDUTY: PARKED} if parked else {},
        folded=folded,
        routes=setting,
        now=now,
    )


def many(count, **changes):
    return {f"i{n}": [delivery(f"i{n}", **changes)] for n in range(count)}


@pytest.mark.parametrize(
    ("shown", "wanted", "expected"),
    [
        (NOTHING, FIRING, True),
        (FIRING, FIRING, False),
        (View(1, Shown.UNKNOWN, 0), FIRING, True),
        (View(1, Shown.FIRING, 7), FIRING, False),
        (View(1, Shown.FIRING, 0), View(2, Shown.FIRING, 0), True),
        (View(1, Shown.RESOLVED, 0), View(2, Shown.FIRING, 0), True),
        (NOTHING, View(1, Shown.RESOLVED, 0), False),
    ],
)
def test_whether_a_destination_knows(shown, wanted, expected):
    assert untold(delivery(shown=shown, wanted=wanted)) is expected


def test_where_pagerduty_is_to_be_told_nothing_else_counts():
    assert undelivered([delivery(), told(destination=SLACK)]) == (delivery(),)
    assert undelivered([told(), delivery(destination=SLACK)]) == ()


def test_without_pagerduty_one_destination_that_knows_is_enough():
    slack, mail = delivery(destination=SLACK), delivery(destination="email:payments@example.com")
    assert undelivered([slack, mail]) == (slack, mail)
    assert undelivered([slack, told(destination="email:payments@example.com")]) == ()


def test_what_is_not_of_the_route_does_not_count():
    assert undelivered([]) == ()
    assert undelivered([delivery(via="fallback")]) == ()
    assert undelivered([delivery(urgent=False)]) == ()
    assert undelivered([delivery(mode=Mode.DIGEST)]) == ()
    assert undelivered([delivery(status=Status.EXPIRED)]) == ()
    assert undelivered([delivery(wanted=View(1, Shown.RESOLVED, 0))]) == ()


def test_an_incident_goes_to_the_fallback_after_its_time():
    late = {"i1": [delivery(since=NOW - MINUTE)]}
    assert run(late).tell == ("i1",)
    assert run(late, now=NOW - SECOND).tell == ()


def test_a_parked_destination_and_a_dead_letter_are_not_waited_for():
    fresh = {"i1": [delivery(since=NOW)]}
    assert run(fresh).tell == ()
    assert run(fresh, parked=True).tell == ("i1",)
    assert run({"i1": [delivery(since=NOW, status=Status.DEAD)]}).tell == ("i1",)


def test_what_does_not_wait_has_no_age():
    assert run({"i1": [delivery(since=0, status=Status.SETTLED)]}).tell == ()


def test_it_is_told_once():
    assert run(many(1), {"i0": incident("i0", fallback=True)}) == ((), ())


def test_what_has_ended_or_is_unknown_is_left_alone():
    assert run(many(1), {"i0": incident("i0", open=False)}) == ((), ())
    assert run(many(1), {}) == ((), ())


def test_three_are_told_one_by_one_and_four_are_folded():
    assert run(many(3)) == (("i0", "i1", "i2"), ())
    assert run(many(4)) == ((), (Fold(PAGERDUTY, "platform", ("i0", "i1", "i2", "i3")),))


def test_each_destination_is_folded_by_itself():
    other = {"x": [delivery("x", "pagerduty:PLATFORM_KEY", team="platform")]}
    decision = run({**many(4), **other})
    assert decision.tell == ("x",)
    assert [fold.destination for fold in decision.folds] == [PAGERDUTY]


def test_what_is_folded_stays_folded_until_nothing_is_missed():
    assert run(many(1), folded={PAGERDUTY}) == ((), (Fold(PAGERDUTY, "platform", ("i0",)),))
    assert run({"i0": [told("i0")]}, folded={PAGERDUTY}) == ((), ())


def test_those_told_before_do_not_make_a_crowd():
    incidents = {f"i{n}": incident(f"i{n}", fallback=n < 3) for n in range(4)}
    assert run(many(4), incidents).tell == ("i3",)


def test_the_routers_own_incidents_are_never_folded():
    candidates = many(5)
    incidents = {known: incident(known, cluster=INTERNAL_CLUSTER) for known in candidates}
    assert run(candidates, incidents, folded={PAGERDUTY}) == (tuple(sorted(candidates)), ())


def test_without_a_fallback_the_default_team_is_told_of_the_fold():
    lonely = dataclasses.replace(ROUTES, teams={**ROUTES.teams, "payments": team("payments")})
    assert run(many(4), setting=lonely).folds[0].team == "platform"
    assert run(many(4, team="gone")).folds[0].team == "platform"


@given(
    st.dictionaries(
        st.integers(0, 12).map(lambda n: f"i{n}"),
        st.tuples(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 120)),
        max_size=8,
    ),
    st.booleans(),
)
def test_whoever_is_not_told_in_time_is_told_of_somewhere(world, folded):
    candidates, incidents, late = {}, {}, set()
    for known, (knows, open_, fallback, age) in world.items():
        candidates[known] = [told(known) if knows else delivery(known, since=NOW - age * SECOND)]
        incidents[known] = incident(known, open=open_, fallback=fallback)
        if open_ and not knows and not fallback and age >= 60:
            late.add(known)
    decision = run(candidates, incidents, folded={PAGERDUTY} if folded else ())
    in_folds = [known for fold in decision.folds for known in fold.incident_ids]
    assert sorted([*decision.tell, *in_folds]) == sorted(late)
    assert len(decision.tell) <= 3
