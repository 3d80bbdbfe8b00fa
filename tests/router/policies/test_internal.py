from pathlib import Path

import pytest
from decision_samples import NOW, alert_state
from hypothesis import given
from hypothesis import strategies as st

from router.model import HOUR, INTERNAL_CLUSTER, MINUTE, SEVERITIES, AlertStatus
from router.policies import internal
from router.policies.watchdog import Silence

SILENCE = Silence("main", NOW - 10 * MINUTE, 5 * MINUTE)
TROUBLES = [
    internal.unreadable_webhook("main", "not JSON\nat all", 17),
    internal.truncated_webhook("main", 3),
    internal.unknown_cluster("staging"),
    internal.template_error("payments/slack", "'alert' is undefined"),
    internal.watchdog_silent(SILENCE),
    internal.destination_refused("slack:SLACK_TOKEN/#payments", "bad_credentials", "token_revoked"),
    internal.undelivered("pagerduty:PAYMENTS_KEY", "platform", 4),
]


def state(trouble, **changes):
    made = internal.firing(trouble, "platform", None, NOW)
    values = {
        "cluster": INTERNAL_CLUSTER,
        "fingerprint": made.fingerprint,
        "labels": made.labels,
        "annotations": made.annotations,
        "starts_at": made.starts_at,
        "seen_at": NOW,
    }
    return alert_state(**{**values, **changes})


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_each_says_what_a_person_needs(trouble):
    alert = internal.firing(trouble, "platform", None, NOW)
    assert alert.cluster == INTERNAL_CLUSTER
    assert alert.firing
    assert (alert.starts_at, alert.ends_at) == (NOW, 0)
    assert alert.labels["alertname"] == trouble.name
    assert alert.labels["severity"] in SEVERITIES[:2]
    assert alert.labels["team"] == "platform"
    assert alert.labels["service"] == "alert-router"
    assert set(alert.annotations) == {"summary", "description", "impact", "action"}
    for text in alert.annotations.values():
        assert text
        assert "\n" not in text
        assert "  " not in text
    assert len(alert.fingerprint) == 16


def test_none_has_the_name_of_an_alert_about_the_router():
    text = (Path(__file__).parents[3] / "alerts" / "platform" / "alert-router.yaml").read_text(encoding="utf-8")
    names = internal.EVENTS | internal.CONDITIONS
    assert names == {trouble.name for trouble in TROUBLES}
    assert "alert: AlertRouterDestinationParked\n" in text
    assert [name for name in names if f"alert: {name}\n" in text] == []


def test_the_words_and_the_team_are_not_the_identity():
    first = internal.undelivered("pagerduty:KEY", "platform", 4)
    assert internal.undelivered("pagerduty:KEY", "data", 40).fingerprint == first.fingerprint
    assert internal.undelivered("pagerduty:OTHER", "platform", 4).fingerprint != first.fingerprint
    assert len({trouble.fingerprint for trouble in TROUBLES}) == len(TROUBLES)


def test_a_team_of_its_own_is_told_instead_of_the_default_team():
    made = internal.firing(internal.undelivered("pagerduty:KEY", "data", 4), "platform", None, NOW)
    assert made.labels["team"] == "data"


def test_what_fires_already_keeps_its_start():
    known = state(TROUBLES[0], starts_at=NOW - HOUR)
    assert internal.firing(TROUBLES[0], "platform", known, NOW).starts_at == NOW - HOUR


def test_what_has_ended_starts_after_its_end_even_when_the_clock_was_set_back():
    known = state(TROUBLES[0], status=AlertStatus.RESOLVED, ends_at=NOW + MINUTE)
    assert internal.firing(TROUBLES[0], "platform", known, NOW).starts_at == NOW + MINUTE + 1


def test_an_end_is_told_in_the_words_of_the_beginning():
    known = state(TROUBLES[4])
    made = internal.resolved(known, NOW + MINUTE)
    assert (made.firing, made.starts_at, made.ends_at) == (False, known.starts_at, NOW + MINUTE)
    assert made.labels == known.labels
    assert internal.resolved(known, NOW - MINUTE).ends_at == NOW


def test_an_event_ends_an_hour_after_it_last_happened():
    known = [state(trouble, seen_at=NOW) for trouble in TROUBLES]
    assert internal.ended_events(known, NOW + HOUR - 1) == ()
    ended = internal.ended_events(known, NOW + HOUR)
    assert {alert.labels["alertname"] for alert in ended} == internal.EVENTS
    assert not any(alert.firing for alert in ended)


def test_other_peoples_alerts_are_never_ended():
    foreign = state(TROUBLES[0])._replace(cluster="main")
    resolved = state(TROUBLES[0], status=AlertStatus.RESOLVED, ends_at=NOW)
    assert internal.ended_events([foreign, resolved], NOW + 2 * HOUR) == ()


def changes(present, known, kinds=(internal.WATCHDOG_SILENT,)):
    return [
        (alert.labels.get("cluster") or alert.labels.get("destination"), alert.firing)
        for alert in internal.changed_conditions(kinds, present, known, "platform", NOW)
    ]


def test_a_condition_begins_and_ends():
    silent = internal.watchdog_silent(SILENCE)
    assert changes([silent], []) == [("main", True)]
    assert changes([silent], [state(silent)]) == []
    assert changes([], [state(silent)]) == [("main", False)]
    assert changes([], []) == []


def test_a_condition_that_was_resolved_begins_again():
    silent = internal.watchdog_silent(SILENCE)
    assert changes([silent], [state(silent, status=AlertStatus.RESOLVED, ends_at=NOW)]) == [("main", True)]


def test_one_kind_leaves_the_others_alone():
    refused = state(TROUBLES[5])
    assert changes([], [refused, state(TROUBLES[0])]) == []
    assert changes([TROUBLES[5]], []) == []
    assert changes([], [refused], internal.CONDITIONS) == [("slack:SLACK_TOKEN/#payments", False)]


@given(st.text(max_size=2_000))
def test_text_from_outside_stays_on_a_line_and_short(text):
    for trouble in (
        internal.unreadable_webhook("main", text, 1),
        internal.unknown_cluster(text),
        internal.template_error(text, text),
        internal.destination_refused("email:a@example.com", text, text),
    ):
        made = internal.firing(trouble, "platform", None, NOW)
        for value in (*made.annotations.values(), *made.labels.values()):
            assert len(value) < 1_500
            assert not {"\n", "\r", "\0", "\u2028"} & set(value)
