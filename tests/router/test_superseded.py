"""Whatever was acknowledged and is never told has a line that says so. The kill test counts pages by these lines."""

from __future__ import annotations

from memory_store import Database, MemoryStore
from router_world import PAYMENTS_PAGERDUTY, PAYMENTS_SLACK, TRAITS, alert, incident_of, routes

from router import planning
from router.applier import Applier, Incoming
from router.incident import apply_alert
from router.model import HOUR, MINUTE, SECOND, Alert, Delivery, Micros, Shown, Status, View
from router.notifier import Delivered, Outcome, Reason, Retry
from router.planning import Settled
from router.routing import Resolved, resolve
from router.worker import claims
from router.worker.claims import Rules

START = 1_000 * SECOND
ROUTES = routes()
INCIDENT = incident_of(alert())


class Desk:
    """An applier on a store in memory. Nothing is sent: tests say what came of each claim."""

    def __init__(self, *, room: int = 8) -> None:
        self.database = Database()
        self.store = MemoryStore(self.database)
        self.now = START
        self.room = room
        self.applier = Applier(routes=lambda: ROUTES, traits=TRAITS, owner="me", room=lambda _: self.room)

    def take(self, *webhooks: tuple[Alert, ...]) -> None:
        """Webhooks that are applied in one transaction."""
        self.now += SECOND
        incoming = [Incoming("", self.now + number, alerts) for number, alerts in enumerate(webhooks)]
        with self.store.begin() as tx:
            self.applier.apply(tx, incoming, self.now)

    def row(self, destination: str = PAYMENTS_PAGERDUTY) -> Delivery:
        return self.database.deliveries_of[INCIDENT][destination]

    def settle(self, outcome: Outcome) -> Settled:
        settled = planning.settle(
            self.row(),
            outcome,
            now=self.now,
            traits=TRAITS["pagerduty"],
            breaker_open=False,
            jitter=0.0,
            repeat_interval=HOUR,
            owner="me",
        )
        self.database.deliveries_of[INCIDENT][PAYMENTS_PAGERDUTY] = settled.delivery
        return settled

    def history(self, kind: str) -> list[tuple[int, str]]:
        with self.store.begin() as tx:
            return [(line.episode, line.detail) for line in tx.history(INCIDENT, 1_000)[0] if line.kind == kind]


def fire(at: Micros = START, **changes: str) -> Alert:
    return alert(at=at, **changes)  # type: ignore[arg-type]


def end(made: Alert, at: Micros) -> Alert:
    return made._replace(firing=False, ends_at=at)


REFUSED = Retry(Reason.UNREACHABLE)
UNTOLD = f"{PAYMENTS_PAGERDUTY}: not told yet"
END_UNTOLD = f"{PAYMENTS_PAGERDUTY}: its end was not told yet"


def test_an_episode_that_begins_and_ends_in_one_transaction_is_superseded_and_told_quietly():
    desk = Desk()
    desk.take((fire(),), (end(fire(), START + MINUTE),))
    assert desk.row().status is Status.SETTLED
    assert desk.history("superseded") == [(1, UNTOLD)]
    notes = [
        row for identity, rows in desk.database.deliveries_of.items() if identity != INCIDENT for row in rows.values()
    ]
    assert [(note.incident_id, note.destination) for note in notes] == [(f"missed-{INCIDENT}-1", PAYMENTS_SLACK)]


def test_slack_is_told_of_what_began_and_ended_in_one_transaction():
    desk = Desk()
    desk.take((fire(severity="medium"),), (end(fire(severity="medium"), START + MINUTE),))
    row = desk.row(PAYMENTS_SLACK)
    assert (row.status, row.claim.episode, row.claim.state) == (Status.CLAIMED, 1, Shown.RESOLVED)


def test_the_alerts_of_one_webhook_are_one_picture():
    desk = Desk()
    desk.take((fire(severity="medium", instance="b"), fire()))
    assert PAYMENTS_SLACK not in desk.database.deliveries_of[INCIDENT]
    assert desk.history("superseded") == []


def test_each_episode_that_passes_while_a_call_is_under_way_is_superseded():
    desk = Desk()
    desk.take((fire(),))
    desk.take((end(fire(), START + 1),))
    second = fire(START + 2)
    desk.take((second,))
    desk.take((end(second, START + 3),))
    desk.take((fire(START + 4),))
    assert desk.history("superseded") == [(2, UNTOLD)]
    settled = desk.settle(REFUSED)
    assert [(line.kind, line.episode, line.detail) for line in settled.transitions] == [("superseded", 1, UNTOLD)]
    assert not settled.missed
    assert settled.delivery.wanted.episode == 3


def test_a_claim_handed_back_after_its_episode_ended_is_superseded_and_missed():
    desk = Desk()
    desk.take((fire(),))
    desk.take((end(fire(), START + MINUTE),))
    released = planning.release(desk.row(), desk.now, TRAITS["pagerduty"])
    assert [(line.kind, line.episode, line.detail) for line in released.transitions] == [("superseded", 1, UNTOLD)]
    assert released.missed


def test_a_claim_handed_back_that_is_still_wanted_is_not_superseded():
    desk = Desk()
    desk.take((fire(),))
    released = planning.release(desk.row(), desk.now, TRAITS["pagerduty"])
    assert not released.transitions
    assert not released.missed
    assert released.delivery.status is Status.WAITING


def test_a_fall_and_a_rise_before_the_resolve_is_sent_is_one_page():
    desk = Desk()
    desk.take((fire(severity="medium", instance="b"), fire()))
    desk.settle(Delivered())
    desk.room = 0
    desk.take((end(fire(), START + 1),))
    desk.take((fire(START + 2),))
    assert desk.history("superseded") == [(1, END_UNTOLD), (1, f"{PAYMENTS_SLACK}: not told yet")]


def test_a_resolve_that_failed_and_is_not_wanted_any_more_is_superseded():
    desk = Desk()
    desk.take((fire(severity="medium", instance="b"), fire()))
    desk.settle(Delivered())
    desk.take((end(fire(), START + 1),))
    desk.take((fire(START + 2),))
    assert desk.row().claim.state is Shown.RESOLVED
    assert desk.history("superseded") == []
    settled = desk.settle(REFUSED)
    assert [line.detail for line in settled.transitions] == [END_UNTOLD]
    assert settled.delivery.status is Status.SETTLED


def test_what_may_have_been_told_is_not_superseded():
    desk = Desk()
    desk.take((fire(),))
    desk.take((end(fire(), START + 1),))
    settled = desk.settle(Retry(Reason.TIMEOUT, maybe_shown=True))
    assert not settled.transitions
    assert settled.delivery.shown.state is Shown.UNKNOWN


def test_the_message_of_an_earlier_episode_is_resolved_although_the_new_one_does_not_go_there():
    desk = Desk(room=0)
    medium = fire(severity="medium", instance="b")
    desk.take((medium,))
    row = desk.row(PAYMENTS_SLACK)
    shown = row._replace(shown=row.wanted, status=Status.SETTLED, since=0)
    desk.database.deliveries_of[INCIDENT][PAYMENTS_SLACK] = shown
    desk.take((end(medium, START + 1),))
    later = fire(START + 2, severity="medium", instance="b")
    desk.take((later,))
    desk.take((end(later, START + 4), fire(START + 3)))
    row = desk.row(PAYMENTS_SLACK)
    assert (row.wanted.episode, row.wanted.state) == (1, Shown.RESOLVED)
    assert row.status is Status.WAITING


def test_an_assertion_never_goes_back_to_an_earlier_episode():
    desk = Desk(room=0)
    medium = fire(severity="medium", instance="b")
    desk.take((medium,))
    row = desk.row(PAYMENTS_SLACK)
    asserted = row._replace(
        wanted=View(1, Shown.RESOLVED, 0), shown=View(2, Shown.RESOLVED, 0), status=Status.SETTLED, repeat_at=desk.now
    )
    assert planning.claim(asserted, "me", TRAITS["slack"], desk.now).claim == View(2, Shown.RESOLVED, 0)


def test_a_take_over_is_in_the_history():
    desk = Desk()
    desk.take((fire(),))
    rules = Rules(
        owner="other",
        traits=TRAITS,
        repeat_interval=lambda: HOUR,
        assert_after=SECOND,
        alive=lambda _tx, _now: ["other"],
    )
    with desk.store.begin() as tx:
        claims.take(tx, rules, desk.now, {}, default_room=8, known=())
    assert desk.history("taken_over") == [(1, f"{PAYMENTS_PAGERDUTY}: firing may have been told by me, which has died")]


# Alerts that come out of their order


def _resolved(made: Alert) -> Resolved:
    return resolve(made.labels, ROUTES)


def test_a_stale_firing_and_its_stale_resolve_do_not_end_the_episode_after():
    first, second = fire(START), fire(START + 100)
    state = apply_alert(None, first, _resolved(first), "i", START).state
    for webhook in (end(first, START + 50), second, first, end(first, START + 50)):
        change = apply_alert(state, webhook, _resolved(webhook), "i", START)
        state = change.state
    assert change.kind == "stale_resolve"
    assert (state.status.value, state.episode) == ("firing", 2)


def test_a_resolve_that_comes_after_the_next_firing_does_not_end_it():
    first, second = fire(START), fire(START + 100)
    state = apply_alert(None, first, _resolved(first), "i", START).state
    change = apply_alert(state, second, _resolved(second), "i", START)
    assert change.kind == "restarted"
    change = apply_alert(change.state, end(first, START + 50), _resolved(first), "i", START)
    assert change.kind == "stale_resolve"
    change = apply_alert(change.state, end(second, START + 150), _resolved(second), "i", START)
    assert change.kind == "resolved"
