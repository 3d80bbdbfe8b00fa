from decision_samples import NOW, alert_state
from hypothesis import given, settings
from hypothesis import strategies as st

from router.model import HOUR, MINUTE, SECOND, AlertStatus
from router.policies.reconcile import (
    NO_MEMORY,
    Limits,
    PeerAlert,
    PeerState,
    PeerUnreachable,
    judge,
    judge_held,
    opening,
)

LIMITS = Limits()
POLL = 30 * SECOND


def peer_alert(fingerprint="f1", **changes):
    values = {
        "fingerprint": fingerprint,
        "state": "active",
        "starts_at": NOW - HOUR,
        "updated_at": NOW - MINUTE,
        "ends_at": NOW + 4 * MINUTE,
        "silenced_by": (),
        "inhibited_by": (),
        "muted_by": (),
        "receivers": ("router",),
        "watchdog": False,
        "labels": {"alertname": "Down"},
        "annotations": {"summary": "gone"},
        "generator_url": "http://prometheus.example.com/graph",
    }
    return PeerAlert(**{**values, **changes})


WATCHDOG = peer_alert("w", watchdog=True, labels={"alertname": "Watchdog"})


def peer(*alerts, asked_at=NOW, watchdog=WATCHDOG, **changes):
    held = {alert.fingerprint: alert for alert in (*alerts, *([watchdog] if watchdog else []))}
    values = {"peer": "a", "asked_at": asked_at, "ready": True, "started_at": NOW - HOUR, "members": 1, "alerts": held}
    return PeerState(**{**values, **changes})


def gone(asked_at=NOW, peer_name="b"):
    return PeerUnreachable(peer_name, asked_at, "no connection")


def polls(answers, ours, count, *, fresh=True, muted=lambda _labels: False, limits=LIMITS):
    """What follows from the same answers in `count` polls in a row; the last verdict."""
    memory = NO_MEMORY
    verdict = None
    for n in range(count):
        at = NOW + n * POLL
        now = [answer._replace(asked_at=at) for answer in answers]
        verdict = judge(ours, now, heartbeat_fresh=fresh, memory=memory, now=at + SECOND, muted=muted, limits=limits)
        memory = verdict.memory
    return verdict


def closed(answers, ours=None, count=10, **options):
    verdict = polls(answers, [alert_state()] if ours is None else ours, count, **options)
    return [alert.fingerprint for alert in verdict.close]


def missed(answers, ours=(), count=20, **options):
    return [alert.fingerprint for alert in polls(answers, ours, count, **options).missed]


# Closing


def test_an_alert_that_no_peer_has_is_closed():
    assert closed([peer(), peer(peer="b")]) == ["f1"]


def test_it_is_closed_only_after_it_was_gone_for_long_enough():
    assert [closed([peer()], count=n) for n in (1, 2, 3, 4, 5)] == [[], [], [], [], ["f1"]]


def test_two_polls_are_needed_however_far_apart_or_soon():
    limits = Limits(absent_for=0)
    assert closed([peer()], count=1, limits=limits) == []
    assert closed([peer()], count=2, limits=limits) == ["f1"]


def test_a_row_of_polls_that_is_broken_begins_anew():
    ours = [alert_state()]
    memory = NO_MEMORY
    seen = []
    for n in range(12):
        at = NOW + n * POLL
        answer = peer(peer_alert(), asked_at=at) if n == 3 else peer(asked_at=at)
        verdict = judge(ours, [answer], heartbeat_fresh=True, memory=memory, now=at, muted=lambda _: False)
        memory = verdict.memory
        seen.append(bool(verdict.close))
    assert seen.index(True) == 8


def test_one_peer_that_has_it_is_enough_to_keep_it():
    assert closed([peer(), peer(peer_alert(), peer="b")]) == []
    assert closed([peer(), peer(peer_alert(state="suppressed"), peer="b")]) == []
    assert closed([peer(), peer(peer_alert(state="unprocessed"), peer="b")]) == []


def test_nothing_is_closed_without_the_whole_proof():
    cases = {
        "a peer can't be reached": ([peer(), gone()], True),
        "a peer isn't ready": ([peer(), peer(ready=False)], True),
        "a peer has only just started": ([peer(), peer(started_at=NOW - 10 * MINUTE)], True),
        "the cluster has peers that aren't configured": ([peer(members=2)], True),
        "the Watchdog is silent": ([peer()], False),
        "the peers have no active Watchdog": ([peer(watchdog=None)], True),
        "no peer is configured": ([], True),
    }
    for reason, (answers, fresh) in cases.items():
        verdict = polls(answers, [alert_state()], 10, fresh=fresh)
        assert (verdict.close, verdict.blocked) == ((), reason)
        assert verdict.memory.absent == {}


def test_a_silenced_watchdog_proves_nothing():
    assert closed([peer(watchdog=WATCHDOG._replace(state="suppressed"))]) == []


def test_a_clock_ahead_of_ours_does_not_make_a_peer_old():
    assert closed([peer(started_at=NOW + HOUR)]) == []


def test_an_alert_that_was_told_of_just_now_is_not_looked_for():
    state = alert_state(seen_at=NOW + 10 * MINUTE)
    assert closed([peer()], [state]) == []
    assert polls([peer()], [state], 3).memory.absent == {}


def test_the_limits_themselves_suffice():
    limits = Limits(absent_for=0, min_uptime=HOUR, known_for=HOUR)
    exact = [peer(started_at=NOW + SECOND - HOUR)]
    assert closed(exact, [alert_state(seen_at=NOW - HOUR)], count=2, limits=limits) == ["f1"]
    assert closed(exact, [alert_state(seen_at=NOW - HOUR + 1)], count=2, limits=limits) == []
    first = polls([peer(started_at=NOW + SECOND - HOUR + 1)], [alert_state()], 1, limits=limits)
    assert first.blocked == "a peer has only just started"


def test_a_held_alert_is_not_closed():
    assert closed([peer()], [alert_state(status=AlertStatus.HELD, held_at=NOW)]) == []


def test_a_clock_that_is_set_back_delays_and_does_not_hasten():
    ours = [alert_state(seen_at=NOW - 10 * HOUR)]
    first = judge(ours, [peer()], heartbeat_fresh=True, memory=NO_MEMORY, now=NOW, muted=lambda _: False)
    earlier = NOW - 5 * HOUR
    answer = peer(asked_at=earlier, started_at=NOW - 9 * HOUR)
    second = judge(ours, [answer], heartbeat_fresh=True, memory=first.memory, now=earlier, muted=lambda _: False)
    assert second.close == ()
    assert second.memory.absent == {"f1": earlier}


@settings(max_examples=60)
@given(data=st.data())
def test_what_is_closed_was_proved_gone(data):
    """Against a reference: the alert was absent, with all conditions met, in every poll of the last `absent_for`."""
    ours = [alert_state("f1"), alert_state("f2", seen_at=NOW + 3 * MINUTE)]
    memory = NO_MEMORY
    absent_since = {}
    for n in range(data.draw(st.integers(1, 12))):
        at = NOW + n * POLL
        answers, good = [], True
        found = set()
        for name in ("a", "b"):
            if data.draw(st.booleans() | st.just(True)):
                held = data.draw(st.sets(st.sampled_from(["f1", "f2"])) | st.just(set()))
                ready = data.draw(st.integers(0, 9)) > 0
                answers.append(peer(*map(peer_alert, held), asked_at=at, peer=name, ready=ready))
                found |= held
                good = good and ready
            else:
                answers.append(gone(at, name))
                good = False
        fresh = data.draw(st.integers(0, 9)) > 0
        good = good and fresh
        verdict = judge(ours, answers, heartbeat_fresh=fresh, memory=memory, now=at, muted=lambda _: False)
        memory = verdict.memory
        expected = []
        for state in ours:
            if good and state.fingerprint not in found and state.seen_at <= at - LIMITS.known_for:
                since = absent_since.setdefault(state.fingerprint, at)
                if at - since >= LIMITS.absent_for:
                    expected.append(state.fingerprint)
            else:
                absent_since.pop(state.fingerprint, None)
        assert [state.fingerprint for state in verdict.close] == expected
        assert verdict.asked_at == at
        assert bool(verdict.blocked) is not good


# Suppression


def test_suppression_is_told_when_it_changes():
    suppressed = peer(peer_alert(state="suppressed"))
    assert polls([suppressed], [alert_state()], 1).suppression == {"f1": True}
    assert polls([suppressed], [alert_state(suppressed=True)], 1).suppression == {}
    assert polls([peer(peer_alert())], [alert_state(suppressed=True)], 1).suppression == {"f1": False}


def test_it_is_suppressed_only_where_every_peer_that_has_it_says_so():
    answers = [peer(peer_alert(state="suppressed")), peer(peer_alert(), peer="b")]
    assert polls(answers, [alert_state()], 1).suppression == {}
    assert polls(answers, [alert_state(suppressed=True)], 1).suppression == {"f1": False}


def test_suppression_needs_no_proof_of_absence():
    answers = [peer(peer_alert(muted_by=("night",))), gone()]
    assert polls(answers, [alert_state()], 1, fresh=False).suppression == {"f1": True}


def test_an_absent_alert_keeps_its_suppression():
    assert polls([peer()], [alert_state(suppressed=True)], 1).suppression == {}


# What no webhook has told


def test_an_alert_that_fires_there_and_not_here_is_told_after_a_while():
    assert missed([peer(peer_alert())]) == ["f1"]
    assert missed([peer(peer_alert())], count=10) == []
    assert missed([peer(peer_alert())], count=11) == ["f1"]


def test_the_same_alert_of_two_peers_is_told_once():
    assert missed([peer(peer_alert()), peer(peer_alert(), peer="b")]) == ["f1"]


def test_one_that_has_just_begun_is_left_to_alertmanager():
    assert missed([peer(peer_alert(starts_at=NOW + 8 * MINUTE))]) == []


def test_what_we_hold_is_not_missed():
    assert missed([peer(peer_alert())], [alert_state()]) == []
    assert missed([peer(peer_alert())], [alert_state(status=AlertStatus.HELD)]) == []


def test_what_is_not_for_us_is_not_missed():
    cases = [
        peer_alert(state="suppressed"),
        peer_alert(state="unprocessed"),
        peer_alert(muted_by=("night",)),
        peer_alert(labels={"alertname": "AlertRouterDown", "bypass_router": "true"}),
        peer_alert(receivers=("pagerduty",)),
        peer_alert(receivers=()),
        peer_alert(labels={}),
        WATCHDOG._replace(fingerprint="f1"),
    ]
    for case in cases:
        assert missed([peer(case)]) == [], case


def test_what_one_peer_suppresses_is_not_missed():
    assert missed([peer(peer_alert()), peer(peer_alert(state="suppressed"), peer="b")]) == []
    assert missed([peer(peer_alert(state="suppressed")), peer(peer_alert(), peer="b")]) == []


def test_what_a_maintenance_window_mutes_is_not_missed():
    assert missed([peer(peer_alert())], muted=lambda labels: labels["alertname"] == "Down") == []


def test_our_receiver_is_known_from_alerts_that_came_to_us():
    told = peer_alert("f2", receivers=("hook",), labels={})
    ambiguous = peer_alert("f2", receivers=("hook", "pagerduty"), labels={})
    lost = peer_alert(receivers=("hook",))
    assert missed([peer(told, lost)], [alert_state("f2")]) == ["f1"]
    assert missed([peer(ambiguous, lost)], [alert_state("f2")]) == []


def test_a_reachable_peer_is_enough_to_miss_something():
    assert missed([peer(peer_alert()), gone()]) == ["f1"]


def test_a_missed_alert_becomes_a_webhooks_alert():
    made = opening("main", peer_alert())
    assert (made.cluster, made.fingerprint, made.firing, made.ends_at) == ("main", "f1", True, 0)
    assert made.starts_at == NOW - HOUR
    assert made.labels == {"alertname": "Down"}


# Held alerts


def held(**changes):
    return alert_state(status=AlertStatus.HELD, held_at=NOW, **changes)


def fate(answers, after=SECOND, state=None):
    verdict = judge_held([state or held()], answers, NOW + after)
    (name,) = [name for name in verdict._fields if getattr(verdict, name)]
    return name


def test_a_held_alert_that_a_peer_has_is_reopened_at_once():
    assert fate([peer(peer_alert(), asked_at=NOW)]) == "reopen"
    assert fate([peer(asked_at=NOW), peer(peer_alert(), asked_at=NOW)]) == "reopen"
    assert fate([gone(), peer(peer_alert(), asked_at=NOW, started_at=NOW, ready=False)]) == "reopen"


def test_a_held_alert_that_no_reachable_peer_has_is_dropped():
    assert fate([peer(asked_at=NOW)]) == "drop"
    assert fate([peer(asked_at=NOW), gone()]) == "drop"


def test_a_peer_that_has_just_started_can_not_say_that_it_is_gone():
    young = peer(asked_at=NOW, started_at=NOW - MINUTE)
    assert fate([young]) == "wait"
    assert fate([young], after=10 * SECOND) == "reopen"
    assert fate([young, peer(asked_at=NOW)]) == "drop"


def test_an_answer_from_before_says_nothing():
    assert fate([peer(asked_at=NOW - 1)]) == "wait"
    assert fate([peer(peer_alert(), asked_at=NOW - 1)]) == "wait"


def test_without_an_answer_it_is_reopened_at_the_horizon():
    assert fate([], after=10 * SECOND - 1) == "wait"
    assert fate([gone()], after=10 * SECOND - 1) == "wait"
    assert fate([gone()], after=10 * SECOND) == "reopen"
    assert fate([], after=10 * SECOND) == "reopen"


@given(
    asked=st.lists(st.tuples(st.integers(-60, 60), st.booleans(), st.booleans(), st.booleans()), max_size=3),
    after=st.integers(0, 60),
)
def test_a_held_alert_always_has_one_fate_and_never_waits_for_ever(asked, after):
    answers = [
        peer(
            *([peer_alert()] if has else []),
            asked_at=NOW + offset * SECOND,
            started_at=NOW - (HOUR if old else MINUTE),
            ready=ready,
        )
        for offset, has, old, ready in asked
    ]
    verdict = judge_held([held()], answers, NOW + after * SECOND)
    assert len(verdict.reopen) + len(verdict.drop) + len(verdict.wait) == 1
    current = [answer for answer in answers if answer.asked_at >= NOW]
    if any(answer.alerts.get("f1") for answer in current):
        assert verdict.reopen
    if verdict.wait:
        assert after < 10
    if verdict.drop:
        assert any(answer.ready for answer in current)
