"""`alert-router dead-letters`: what could not be delivered, and what a person decides about it.

What is written here the running router finds within its tick: nothing has to be told to it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from router import planning
from router.commands import words
from router.commands.console import CommandError, say, say_json, table
from router.commands.setup import opened_store, setup, traits_of
from router.messages.message import decode_note
from router.messages.text import humanize, one_line
from router.model import Delivery, Incident, Micros, Mode, Quarantined, Status, Transition

if TYPE_CHECKING:
    import argparse

    from router.store import Store, Transaction

_ALL = 1_000_000
_QUARANTINED = 10_000
_AT_ONCE = 200
"""Incidents that one transaction changes: the running router waits for its turn no longer than that takes."""


class Action(NamedTuple):
    """What is to be done with dead letters."""

    kind: str
    """The transition's."""
    change: Callable[[Delivery, Micros], Delivery]
    statuses: tuple[Status, ...]
    """Of the rows that it is for, when they are named; of those that aren't named it is for the dead ones only."""
    detail: str


class Changed(NamedTuple):
    """A delivery before and after."""

    before: Delivery
    after: Delivery


# list and show --------------------------------------------------------------------------------------------------------


def run_list(arguments: argparse.Namespace) -> int:
    """Prints a table."""
    with opened_store(setup(arguments)) as store, store.begin() as tx:
        if arguments.quarantine:
            return _list_quarantine(tx.quarantine(arguments.limit), arguments.format)
        rows = tx.dead_letters(["dead", "expired"] if arguments.expired else ["dead"], _ALL)
        rows = [row for row in rows if arguments.destination in (None, row.destination)][: arguments.limit]
        incidents = tx.incidents(sorted({row.incident_id for row in rows}))
    now = _now()
    if arguments.format == "json":
        say_json([_listed_data(row, incidents.get(row.incident_id), now) for row in rows])
    elif not rows:
        say("There are no dead letters.")
    else:
        headings = ["ID", "DESTINATION", "SINCE (UTC)", "AGE", "SEVERITY", "INCIDENT", "REASON", "DETAIL"]
        say(table(headings, [_listed(row, incidents.get(row.incident_id), now) for row in rows]))
    return 0


def _listed(row: Delivery, incident: Incident | None, now: Micros) -> list[str]:
    severity = incident.worst if incident is not None else ""
    return [
        row.incident_id,
        row.destination,
        words.time_of(row.since)[:16] if row.since else "",
        humanize(now - row.since) if row.since else "",
        f"{severity} (urgent)".lstrip() if row.urgent else severity,
        _state(row, incident) + (", put aside" if row.status is Status.EXPIRED else ""),
        row.reason,
        row.detail,
    ]


def _state(row: Delivery, incident: Incident | None) -> str:
    if row.mode is Mode.NOTE:
        return "a note"
    if incident is None:
        return "unknown"
    return "open" if incident.open else "over"


def _listed_data(row: Delivery, incident: Incident | None, now: Micros) -> dict[str, Any]:
    about = {"incident": words.incident_data(incident) if incident is not None else None}
    return words.delivery_data(row, now) | about | {"state": _state(row, incident)}


def _list_quarantine(rows: Sequence[Quarantined], form: str) -> int:
    if form == "json":
        say_json([words.quarantined_data(row) for row in rows])
    elif not rows:
        say("There is nothing in quarantine.")
    else:
        cells = [
            [
                r.id,
                r.cluster,
                words.time_of(r.received_at)[:16],
                f"{r.size:,}",
                r.reason,
                r.body.decode("utf-8", "replace"),
            ]
            for r in rows
        ]
        say(table(["ID", "CLUSTER", "RECEIVED (UTC)", "BYTES", "REASON", "BEGINS WITH"], cells))
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Prints all that is known of one. Exit code 1 when there is none, or when it isn't clear which is meant."""
    with opened_store(setup(arguments)) as store, store.begin() as tx:
        rows = tx.deliveries([arguments.id]).get(arguments.id, [])
        quarantined = [] if rows else [row for row in tx.quarantine(_QUARANTINED) if row.id == arguments.id]
        incident = tx.incidents([arguments.id]).get(arguments.id)
        transitions, attempts = tx.history(arguments.id, 1000)
    if quarantined:
        _show_quarantined(quarantined[0], arguments.format)
        return 0
    row = _meant(rows, arguments.id, arguments.destination)
    calls = [attempt for attempt in attempts if attempt.destination == row.destination]
    about = [line for line in transitions if line.detail.startswith(row.destination)]
    data = words.delivery_data(row, _now())
    data["note"] = decode_note(row.payload)._asdict() if row.mode is Mode.NOTE and row.payload else None
    data["incident"] = words.incident_data(incident) if incident is not None else None
    data["history"] = [words.transition_data(line) for line in about]
    data["attempts_made"] = [words.attempt_data(line) for line in calls]
    if arguments.format == "json":
        say_json(data)
        return 0
    import yaml

    # Escaped: none of a label's characters may steer a terminal.
    plain = json.loads(json.dumps(data))
    say(yaml.safe_dump(plain, sort_keys=False, allow_unicode=False, width=120).rstrip())
    return 0


def _meant(rows: Sequence[Delivery], known: str, destination: str | None) -> Delivery:
    found = [row for row in rows if destination in (None, row.destination)]
    if len(found) == 1:
        return found[0]
    there = "".join(f"\n  {row.destination}: {row.status.value}" for row in rows)
    if not rows:
        raise CommandError(f"there is no delivery, and nothing in quarantine, with the id {one_line(known, 80)}")
    which = (
        "which destination is meant?" if destination is None else f"it has no destination {one_line(destination, 120)}."
    )
    raise CommandError(f"{which} There are:{there}")


def _show_quarantined(row: Quarantined, form: str) -> None:
    if form == "json":
        say_json(words.quarantined_data(row))
        return
    say(f"From {row.cluster}, {words.time_of(row.received_at)} UTC, {row.size:,} bytes: {row.reason}\n")
    body = row.body.decode("utf-8", "replace")
    say("\n".join(one_line(line, len(line) + 1) for line in body.split("\n")))
    if row.size > len(row.body):
        say(f"\n(the first {len(row.body):,} bytes)")


# replay and expire ----------------------------------------------------------------------------------------------------


def run_replay(arguments: argparse.Namespace) -> int:
    """Tries dead letters again. Exit code 1 when the one that is named doesn't exist."""

    def again(row: Delivery, now: Micros) -> Delivery:
        return planning.requeue(row, now, traits_of(row.destination))

    return _run(arguments, Action("replayed", again, (Status.DEAD, Status.EXPIRED), "by hand"))


def run_expire(arguments: argparse.Namespace) -> int:
    """Puts dead letters aside. Exit code 1 when the one that is named doesn't exist."""
    reason = one_line(arguments.reason, 300)
    if not reason:
        raise CommandError("--reason says nothing", 2)
    return _run(arguments, Action("expired", lambda row, _now: planning.expire(row), (Status.DEAD,), reason))


def _run(arguments: argparse.Namespace, action: Action) -> int:
    if sum([arguments.id is not None, arguments.all, arguments.destination is not None]) != 1:
        raise CommandError("name one ID (and its DESTINATION), or --all, or --destination KEY", 2)
    with opened_store(setup(arguments)) as store:
        if arguments.id is not None:
            changed, left = _change_one(store, arguments.id, arguments.destination_of, action)
        else:
            changed, left = _change_many(store, arguments.destination, action), []
    _report(changed, left, action.kind, arguments.format)
    return 0


def _change_one(
    store: Store, known: str, destination: str | None, action: Action
) -> tuple[list[Changed], list[Delivery]]:
    """What was changed, and what was left since it is no dead letter."""
    with store.begin() as tx:
        tx.lock([known])
        rows = tx.deliveries([known]).get(known, [])
        wanted = [row for row in rows if destination in (None, row.destination)]
        if not wanted:
            _meant(rows, known, destination or "")
        changed = _change(tx, wanted, action)
    return changed, [row for row in wanted if row.status not in action.statuses]


def _change_many(store: Store, destination: str | None, action: Action) -> list[Changed]:
    # What a person has put aside comes back only by name.
    action = action._replace(statuses=(Status.DEAD,))
    with store.begin() as tx:
        dead = tx.dead_letters(["dead"], _ALL)
    ids = sorted({row.incident_id for row in dead if destination in (None, row.destination)})
    changed: list[Changed] = []
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        with store.begin() as tx:
            tx.lock(some)
            rows = [row for found in tx.deliveries(some).values() for row in found]
            made = _change(tx, [row for row in rows if destination in (None, row.destination)], action)
        changed += made
    return changed


def _change(tx: Transaction, rows: Sequence[Delivery], action: Action) -> list[Changed]:
    """Change those of the rows that it is for. They are locked."""
    now = _now()
    changed = [Changed(row, action.change(row, now)) for row in rows if row.status in action.statuses]
    if changed:
        tx.save_deliveries([entry.after for entry in changed])
        tx.add_transitions(
            [
                Transition(
                    now, row.incident_id, "", row.wanted.episode, action.kind, f"{row.destination}: {action.detail}"
                )
                for row, _ in changed
            ]
        )
    return changed


def _report(changed: Sequence[Changed], left: Sequence[Delivery], kind: str, form: str) -> None:
    now = _now()
    if form == "json":
        say_json(
            {
                "changed": [words.delivery_data(entry.after, now) for entry in changed],
                "left": [words.delivery_data(row, now) for row in left],
            }
        )
        return
    for before, after in changed:
        what = "put aside" if kind == "expired" else "goes out again, as soon as the router looks"
        if kind == "replayed" and after.status is Status.SETTLED:
            what = "has nothing to say any more, and is settled"
        say(f"{before.incident_id} {before.destination}: {what}")
    for row in left:
        say(f"{row.incident_id} {row.destination}: left alone, it is no dead letter ({row.status.value})")
    if not changed and not left:
        say("There are no such dead letters.")


def _now() -> Micros:
    return time.time_ns() // 1000
