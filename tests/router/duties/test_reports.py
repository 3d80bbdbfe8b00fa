"""Digests, storms and escalations, as duties on a store."""

from types import SimpleNamespace

import pytest
from memory_store import MemoryStore
from router_world import PAYMENTS_EMAIL, TRAITS, alert, routes

from router.applier import Applier, Incoming
from router.duties.reports import Reports
from router.messages.message import decode_note
from router.model import DAY, HOUR, SECOND, Mode

MONDAY = 1_792_972_800 * SECOND
"""2026-10-26T00:00:00Z."""


class World:
    """A store, an applier, and the duties of one process at a time that the test sets."""

    def __init__(self):
        self.now = MONDAY
        self.routes = routes()
        self.store = MemoryStore()
        self.store.open()
        self.applier = Applier(
            routes=lambda: self.routes, traits=TRAITS, owner="one", room=lambda _destination: 0, fold=self._fold
        )
        ground = SimpleNamespace(routes=lambda: self.routes, applier=self.applier, now=lambda: self.now)
        self.reports = Reports(ground)

    def _fold(self, tx, incident, at):
        return ""

    def post(self, *alerts):
        with self.store.begin() as tx:
            return self.applier.apply(tx, [Incoming("", self.now, alerts)], self.now)

    def do(self, duty):
        with self.store.begin() as tx:
            duty(tx)

    def notes(self):
        rows = [row for row in self.store.database.deliveries() if row.mode is Mode.NOTE]
        return [decode_note(row.payload) for row in rows if row.destination == PAYMENTS_EMAIL]


@pytest.fixture
def world():
    return World()


def told(notes):
    return [line for note in notes for _, lines in note.sections for line in lines]


def test_a_clock_that_ran_ahead_takes_no_later_digest_away(world):
    world.do(world.reports._digests)
    a_week_ahead, today = MONDAY + 7 * DAY + 10 * HOUR, MONDAY + 10 * HOUR
    for name, moment in (("Ahead", a_week_ahead), ("Today", today), ("Then", a_week_ahead + HOUR)):
        world.now = moment
        world.post(alert(name, severity="low", at=moment))
        world.do(world.reports._digests)
        assert any(line.startswith(f"{name} ") for line in told(world.notes())), name
