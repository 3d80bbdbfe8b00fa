import re

from hypothesis import given
from hypothesis import strategies as st

from rules_gen.dashboards.uid import dashboard_uid

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


def test_short_names_are_readable():
    assert dashboard_uid("payments", "checkout-api") == "payments_checkout-api"


def test_long_names_are_cut_and_told_apart_by_a_digest():
    first = dashboard_uid("payments-and-subscriptions", "checkout-api-gateway-europe")
    second = dashboard_uid("payments-and-subscriptions", "checkout-api-gateway-america")
    assert first == "payments-and-subscriptions__a7262f738bea"
    assert second != first


def test_forty_characters_are_kept_and_one_more_is_cut():
    assert dashboard_uid("a" * 20, "b" * 19) == "a" * 20 + "_" + "b" * 19
    assert "__" in dashboard_uid("a" * 20, "b" * 20)


@given(NAMES, NAMES)
def test_any_uid_is_one_that_grafana_takes(team, service):
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", dashboard_uid(team, service))


@given(st.tuples(NAMES, NAMES), st.tuples(NAMES, NAMES))
def test_different_services_have_different_uids(one, other):
    assert (dashboard_uid(*one) == dashboard_uid(*other)) == (one == other)


def test_a_dash_in_a_name_does_not_mix_up_team_and_service():
    assert dashboard_uid("a-b", "c") != dashboard_uid("a", "b-c")
