"""Whatever is saved is read back as it was, on both stores."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_factory import STORES

from router.model import (
    SEVERITIES,
    AlertState,
    AlertStatus,
    Delivery,
    DestinationStatus,
    InboxRow,
    Incident,
    IncidentCounts,
    Mode,
    Quarantined,
    Replica,
    Shown,
    Status,
    View,
)
from router.stores import open_store

# Of surrogates one half is enough to try: both, side by side, are one character to JSON.
TEXT = st.text(st.characters(max_codepoint=0xDBFF, exclude_categories=()) | st.characters(), max_size=8)
LABELS = st.dictionaries(TEXT, TEXT, max_size=3)
NUMBER = st.integers(0, 2**63 - 1)
VIEW = st.builds(View, NUMBER, st.sampled_from(Shown), st.integers(-(2**63), 2**63 - 1))
SEVERITY = st.sampled_from(SEVERITIES)

ALERT = st.builds(
    AlertState,
    cluster=TEXT,
    fingerprint=TEXT,
    incident_id=st.just("i1"),
    status=st.sampled_from(AlertStatus),
    episode=NUMBER,
    starts_at=NUMBER,
    ends_at=NUMBER,
    severity=SEVERITY | st.none(),
    team=TEXT,
    notify=TEXT,
    labels=LABELS,
    annotations=LABELS,
    generator_url=TEXT,
    seen_at=NUMBER,
    held_at=NUMBER,
    suppressed=st.booleans(),
)
INCIDENT = st.builds(
    Incident,
    id=st.just("i1"),
    cluster=TEXT,
    group=LABELS,
    episode=NUMBER,
    open=st.booleans(),
    severity=SEVERITY,
    worst=SEVERITY,
    counts=st.lists(st.builds(IncidentCounts, SEVERITY, TEXT, TEXT, st.integers(1, 9)), max_size=3).map(tuple),
    total=NUMBER,
    opened_at=NUMBER,
    closed_at=NUMBER,
    revision=NUMBER,
    summary=TEXT,
    reopened=st.lists(NUMBER, max_size=3).map(tuple),
    flapping=st.booleans(),
    escalated=st.booleans(),
    fallback=st.booleans(),
    storm_id=st.sampled_from(["", "s1"]),
    received_at=NUMBER,
)
DELIVERY = st.builds(
    Delivery,
    incident_id=st.just("i1"),
    destination=TEXT,
    mode=st.sampled_from(Mode),
    team=TEXT,
    urgent=st.booleans(),
    via=st.sampled_from(["route", "fallback"]),
    wanted=VIEW,
    shown=VIEW,
    claim=VIEW,
    owner=TEXT,
    status=st.sampled_from(Status),
    attempts=NUMBER,
    next_at=NUMBER,
    since=NUMBER,
    shown_at=NUMBER,
    repeat_at=NUMBER,
    plain=st.booleans(),
    reason=TEXT,
    detail=TEXT,
    parts=st.dictionaries(TEXT, TEXT | NUMBER | LABELS | st.none() | st.booleans(), max_size=2),
    payload=TEXT,
    received_at=NUMBER,
)


@pytest.fixture(scope="module", params=STORES)
def store(request, tmp_path_factory):
    url = ":memory:" if request.param == "sqlite" else request.getfixturevalue("postgres").create_schema()
    store = open_store(url)
    store.open()
    yield store
    store.close()


class Undo(Exception):  # noqa: N818
    """What ends an example, so that the next finds an empty store."""


def save_and_read(store, save, read) -> Any:
    found = None
    with suppress(Undo), store.begin() as tx:
        save(tx)
        found = read(tx)
        raise Undo
    return found


QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(alert=ALERT)
def test_alerts_come_back(store, alert):
    key = (alert.cluster, alert.fingerprint)
    assert save_and_read(store, lambda tx: tx.save_alerts([alert]), lambda tx: tx.alerts([key])) == {key: alert}


@QUICK
@given(incident=INCIDENT)
def test_incidents_come_back(store, incident):
    found = save_and_read(store, lambda tx: tx.save_incidents([incident]), lambda tx: tx.incidents(["i1"]))
    assert found == {"i1": incident}
    kinds = get_type_hints(Incident)
    assert all(type(getattr(found["i1"], name)) is bool for name, kind in kinds.items() if kind is bool)


@QUICK
@given(delivery=DELIVERY)
def test_deliveries_come_back(store, delivery):
    found = save_and_read(store, lambda tx: tx.save_deliveries([delivery]), lambda tx: tx.deliveries(["i1"]))
    assert found == {"i1": [delivery]}
    assert isinstance(found["i1"][0].wanted.state, Shown)


@QUICK
@given(
    row=st.builds(InboxRow, st.just("w1"), TEXT, NUMBER, TEXT, TEXT, st.binary()),
    bad=st.builds(Quarantined, st.just("q1"), TEXT, NUMBER, TEXT, NUMBER, st.binary()),
    replica=st.builds(Replica, TEXT, NUMBER, NUMBER, TEXT),
    status=st.builds(DestinationStatus, TEXT, TEXT, TEXT, TEXT, NUMBER, NUMBER),
)
def test_the_small_things_come_back(store, row, bad, replica, status):
    def save(tx):
        tx.add_inbox([row])
        tx.add_quarantine([bad])
        tx.beat(replica)
        tx.save_destination(status)

    def read(tx):
        return tx.take_inbox(row.owner, [], 5), tx.quarantine(5), tx.replicas(), tx.destinations()

    assert save_and_read(store, save, read) == ([row], [bad], [replica], [status])
