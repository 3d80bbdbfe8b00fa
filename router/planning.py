"""What each destination should show, and which call comes next. Pure.

A delivery has what it shows and what is wanted; a worker makes one call for the difference. The level is delivered, not
the edge, so a resolve can't overtake its trigger, and what changed during an outage collapses into the present state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from router import backoff
from router.faults import FAULTS
from router.model import (
    NOTHING,
    SEVERITY_RANK,
    Delivery,
    Destination,
    Incident,
    Micros,
    Mode,
    Shown,
    Status,
    Transition,
    View,
)
from router.notifier import Delivered, Outcome, Rejected, Retry, Traits
from router.routes import Routes
from router.routing import destinations, team_severities

ATTEMPTS = 5
"""Failed attempts that are spent on one difference before it becomes a dead letter."""

INCOMPLETE = -1
"""The content of a message of which a part is still to be sent."""


class Target(NamedTuple):
    """A destination that an open incident wants."""

    team: str
    severity: str
    via: str


def targets(incident: Incident, routes: Routes, traits: Mapping[str, Traits]) -> dict[str, Target]:
    """Where an open incident is to be shown, by destination key."""
    found: dict[str, Target] = {}
    # The summary of a storm goes to the team whose storm it is; a second team that is told would hear nothing.
    folded = {entry.team for entry in incident.counts} if incident.storm_id else set()
    for team, severity in team_severities(incident).items():
        for destination in destinations(routes, severity, team):
            if team in folded and _traits(destination.key, traits).folds:
                continue
            _add(found, destination.key, Target(team, severity, "route"))
        # As for a fold of many (fallback.py): without a fallback of its own it is the default team's business.
        fallback = (routes.teams[team].fallback if team in routes.teams else "") or routes.default_team
        if incident.fallback and fallback != team and SEVERITY_RANK[severity] <= SEVERITY_RANK["high"]:
            # As a high as well: when PagerDuty as a whole is down, another key of it helps nobody.
            for destination in (*destinations(routes, severity, fallback), *destinations(routes, "high", fallback)):
                _add(found, destination.key, Target(fallback, severity, "fallback"))
    return found


def _add(found: dict[str, Target], key: str, target: Target) -> None:
    known = found.get(key)
    if known is None or SEVERITY_RANK[target.severity] < SEVERITY_RANK[known.severity]:
        found[key] = target if known is None else target._replace(via=known.via)


_UNKNOWN_CHANNEL = Traits("revision", tells_the_past=True, repeats=False, folds=False, concurrency=1, per_minute=0)


def _traits(key: str, traits: Mapping[str, Traits]) -> Traits:
    return traits.get(key.partition(":")[0], _UNKNOWN_CHANNEL)


class Plan(NamedTuple):
    """What has to change."""

    deliveries: tuple[Delivery, ...]
    transitions: tuple[Transition, ...]
    missed: tuple[Delivery, ...]
    """Deliveries whose episode began and ended without a call: somebody gets a line about it."""


def plan(
    incident: Incident,
    rows: Sequence[Delivery],
    routes: Routes,
    traits: Mapping[str, Traits],
    at: Micros,
    *,
    received_at: Micros | None = None,
) -> Plan:
    """Bring an incident's deliveries into line with it. `received_at`: when the webhook behind the change arrived."""
    received = at if received_at is None else received_at
    wanted = targets(incident, routes, traits) if incident.open else {}
    changed: list[Delivery] = []
    transitions: list[Transition] = []
    missed: list[Delivery] = []
    known = {row.destination for row in rows}
    for row in rows:
        view = _wanted(row, incident, wanted.get(row.destination), _traits(row.destination, traits))
        after = _want(row, view, _traits(row.destination, traits), at, received)
        target = wanted.get(row.destination)
        if target is not None:
            after = after._replace(
                urgent=_urgent(target.severity), team=target.team, via=target.via, mode=_mode(row.destination, target)
            )
        if after == row:
            continue
        changed.append(after)
        untold = _untold(row, after.wanted)
        if untold:
            transitions.append(_superseded(row, row.wanted.episode, untold, at))
            if _is_missed(row.wanted, after, _traits(row.destination, traits)):
                missed.append(row)
    for key, target in wanted.items():
        if key not in known:
            row = _new(incident, key, target, (at, received), _traits(key, traits))
            changed.append(row)
    return Plan(tuple(changed), tuple(transitions), tuple(missed))


def _urgent(severity: str) -> bool:
    return SEVERITY_RANK[severity] <= SEVERITY_RANK["high"]


def _mode(key: str, target: Target) -> Mode:
    return Mode.DIGEST if target.severity == "low" and key.startswith("email:") else Mode.NOW


def _content(incident: Incident, severity: str, traits: Traits) -> int:
    return SEVERITY_RANK[severity] if traits.content == "severity" else incident.revision


def _new(incident: Incident, key: str, target: Target, times: tuple[Micros, Micros], traits: Traits) -> Delivery:
    at, received = times
    return Delivery(
        incident_id=incident.id,
        destination=key,
        mode=_mode(key, target),
        team=target.team,
        urgent=_urgent(target.severity),
        via=target.via,
        wanted=View(incident.episode, Shown.FIRING, _content(incident, target.severity, traits)),
        shown=NOTHING,
        claim=NOTHING,
        owner="",
        status=Status.WAITING,
        attempts=0,
        next_at=at,
        since=at,
        shown_at=0,
        repeat_at=0,
        plain=False,
        reason="",
        detail="",
        parts={},
        payload="",
        received_at=received,
    )


def _wanted(row: Delivery, incident: Incident, target: Target | None, traits: Traits) -> View:
    """What a destination that is known already should show."""
    if target is not None:
        return View(incident.episode, Shown.FIRING, _content(incident, target.severity, traits))
    if row.wanted.state is not Shown.FIRING:
        return row.wanted
    if not incident.open or row.wanted.episode < incident.episode or not traits.tells_the_past:
        # PagerDuty is resolved when the severity falls below it; an earlier episode is over in any case.
        return row.wanted._replace(state=Shown.RESOLVED)
    if _possibly_shown(row, incident.episode):
        # The thread goes on although the severity fell.
        return View(incident.episode, Shown.FIRING, _content(incident, incident.severity, traits))
    # The message of an earlier episode may still say that it fires.
    return row.shown._replace(state=Shown.RESOLVED) if _is_lit(row.shown) else row.shown


def _possibly_shown(row: Delivery, episode: int) -> bool:
    shown = row.shown.episode == episode and row.shown.state in (Shown.FIRING, Shown.UNKNOWN)
    return shown or row.claim.episode == episode


def _want(row: Delivery, view: View, traits: Traits, at: Micros, received: Micros) -> Delivery:
    if view == row.wanted:
        return row
    news = (view.episode, view.state) != (row.wanted.episode, row.wanted.state)
    after = row._replace(wanted=view)
    if row.status is Status.CLAIMED:
        return after._replace(since=row.since or at, received_at=received if news else row.received_at)
    if next_step(after, traits) is None:
        # Nothing has to be said any more. A dead letter whose incident is over is put aside, with a note.
        status = Status.EXPIRED if row.status is Status.DEAD else Status.SETTLED
        return after._replace(status=status, since=0, attempts=0, repeat_at=0, plain=False)
    if row.status is Status.DEAD and not news:
        return after
    if row.status in (Status.SETTLED, Status.DEAD, Status.EXPIRED):
        after = after._replace(status=Status.WAITING, next_at=at, since=at, attempts=0, plain=False)
        return after._replace(received_at=received)
    # It waits already, maybe for its back-off: a newer state doesn't jump that queue, but has its own attempts.
    return after._replace(attempts=0 if news else row.attempts, received_at=received if news else row.received_at)


def _is_lit(view: View) -> bool:
    return view.state in (Shown.FIRING, Shown.UNKNOWN)


BEGINNING_UNTOLD = "not told yet"
END_UNTOLD = "its end was not told yet"


def _untold(before: Delivery, wanted: View) -> str:
    """What was wanted, is certainly not told, and gives way to a newer state: BEGINNING_UNTOLD, END_UNTOLD or nothing.

    A call under way counts as made; when it certainly failed, `_given_up` has the last word. An end gives way when the
    same episode is wanted again, after a fall and a rise of the severity: then the page that is open serves for both.
    """
    old = before.wanted
    if before.mode is not Mode.NOW or (wanted.episode, wanted.state) == (old.episode, old.state):
        return ""
    at = before.claim if before.status is Status.CLAIMED else before.shown
    if old.state is Shown.FIRING:
        return "" if at.episode == old.episode and _is_lit(at) else BEGINNING_UNTOLD
    again = old.state is Shown.RESOLVED and (wanted.episode, wanted.state) == (old.episode, Shown.FIRING)
    return END_UNTOLD if again and (at.episode, at.state) == (old.episode, Shown.FIRING) else ""


def _given_up(row: Delivery, after: Delivery) -> str:
    """The same for a claim whose call certainly showed nothing, or was never made, while what is wanted moved on."""
    claim, shown, wanted = row.claim, after.shown, row.wanted
    if row.mode is not Mode.NOW:
        return ""
    lit = shown.episode == claim.episode and _is_lit(shown)
    same = wanted.episode == claim.episode
    if claim.state is Shown.FIRING:
        return "" if lit or (same and wanted.state is Shown.FIRING) else BEGINNING_UNTOLD
    again = same and wanted.state is Shown.FIRING and lit and shown.state is Shown.FIRING
    return END_UNTOLD if again else ""


def _is_missed(view: View, after: Delivery, traits: Traits) -> bool:
    """Whether an episode ended of which this destination will never tell."""
    over = view.state is Shown.FIRING and after.wanted == view._replace(
        state=Shown.RESOLVED, content=after.wanted.content
    )
    return over and (not traits.tells_the_past or after.status in (Status.SETTLED, Status.EXPIRED))


def _superseded(row: Delivery, episode: int, what: str, at: Micros) -> Transition:
    return Transition(at, row.incident_id, "", episode, "superseded", f"{row.destination}: {what}")


def next_step(row: Delivery, traits: Traits) -> View | None:
    """The view that the next call has to bring about; None when shown is what is wanted."""
    shown, wanted = row.shown, row.wanted
    if row.mode is Mode.NOTE:
        return None if shown.state is Shown.FIRING and shown.content != INCOMPLETE else wanted
    lit = shown.state in (Shown.FIRING, Shown.UNKNOWN)
    if lit and (wanted.state is not Shown.FIRING or shown.episode < wanted.episode):
        # An earlier episode is closed first: a page that is open already would swallow the new one.
        return View(shown.episode, Shown.RESOLVED, 0)
    if wanted.state is Shown.FIRING:
        return None if shown == wanted else wanted
    if wanted.state is Shown.NONE or shown.episode >= wanted.episode:
        return None
    return wanted if traits.tells_the_past else None


def claim(row: Delivery, owner: str, traits: Traits, now: Micros) -> Delivery:
    """Take a delivery for sending: CLAIMED with the view to show, or SETTLED when nothing has to be done."""
    step = next_step(row, traits)
    if step is None and 0 < row.repeat_at <= now and row.wanted.state in (Shown.FIRING, Shown.RESOLVED):
        # An episode that isn't told here any more leaves wanted behind what was shown since.
        step = row.wanted if row.wanted.episode >= row.shown.episode else row.shown
    if step is None:
        return _free(row)._replace(status=Status.SETTLED, since=0, repeat_at=0)
    return row._replace(
        status=Status.CLAIMED, owner=owner, claim=step, repeat_at=0 if row.repeat_at <= now else row.repeat_at
    )


def release(row: Delivery, now: Micros, traits: Traits) -> Settled:
    """Give back a claim for which no call was made. It keeps its place: else rows that are handed back together while a
    breaker is probed could go round in step, and the same few be probed for ever.
    """
    after = _free(row)._replace(status=Status.WAITING, next_at=min(row.next_at, now), since=row.since or now)
    untold = _given_up(row, after)
    transitions = (_superseded(row, row.claim.episode, untold, now),) if untold else ()
    return Settled(after, transitions, again=False, missed=bool(untold) and _is_missed(row.claim, after, traits))


def take_over(row: Delivery, now: Micros, traits: Traits, assert_after: Micros) -> Delivery:
    """A dead owner's delivery: its call may have been made, and may still arrive.

    So what it claimed counts as possibly shown, and the final state is asserted once more `assert_after` microseconds
    later, when no call of the dead can be under way.
    """
    return _free(row)._replace(
        shown=View(row.claim.episode, Shown.UNKNOWN, 0) if row.claim != NOTHING else row.shown,
        status=Status.WAITING,
        next_at=now,
        since=row.since or now,
        repeat_at=now + assert_after if traits.idempotent and row.mode is Mode.NOW else 0,
    )


def assert_again(row: Delivery, now: Micros, traits: Traits, assert_after: Micros) -> Delivery:
    """A delivery whose destination was called by somebody who no longer had it: what it should show is sent once more.

    At once when nothing else is to be sent; else when the calls that are under way have ended.
    """
    if not traits.idempotent or row.mode is not Mode.NOW or row.shown.state is Shown.NONE:
        return row
    if 0 < row.repeat_at <= now + assert_after:
        # It is due soon anyway, such as after the take-over.
        return row
    return row._replace(repeat_at=now if row.status is Status.SETTLED else now + assert_after)


def _free(row: Delivery) -> Delivery:
    return row._replace(owner="", claim=NOTHING)


class Settled(NamedTuple):
    """A delivery after a call."""

    delivery: Delivery
    transitions: tuple[Transition, ...]
    again: bool
    """It is still claimed, with a new claim: the next call follows at once."""
    missed: bool
    """Its episode ended without having been shown: somebody gets a line about it."""


def settle(
    row: Delivery,
    outcome: Outcome,
    *,
    now: Micros,
    traits: Traits,
    breaker_open: bool,
    jitter: float,
    repeat_interval: Micros,
    owner: str,
) -> Settled:
    """Take in a call's outcome. `row.claim` is what the call was to show; `row.wanted` may have moved on since."""
    if isinstance(outcome, Delivered):
        return _delivered(row, outcome, now, traits, repeat_interval=repeat_interval, owner=owner)
    failed = _free(row)._replace(reason=outcome.reason.value, detail=outcome.detail, status=Status.WAITING)
    if isinstance(outcome, Retry):
        failed = _retry(failed, row.claim, outcome, now, breaker_open=breaker_open, jitter=jitter)
    else:
        failed = _rejected(failed, outcome, now)
    transitions: tuple[Transition, ...] = ()
    missed = False
    if row.claim == row.shown and next_step(failed, traits) is None:
        # It was a repetition of what is shown: worth another try, and never a dead letter.
        repeat_at = now + repeat_interval if failed.status is Status.DEAD else max(failed.next_at, now + 1)
        failed = failed._replace(
            status=Status.SETTLED, since=0, attempts=failed.attempts % ATTEMPTS, repeat_at=repeat_at
        )
    else:
        untold = _given_up(row, failed)
        if next_step(failed, traits) is None:
            # While the call was under way what is wanted changed, and it is what is shown.
            failed = failed._replace(status=Status.SETTLED, since=0, attempts=0, plain=False, repeat_at=0)
        elif failed.status is Status.DEAD:
            detail = f"{row.destination}: {failed.reason} {failed.detail}".rstrip()
            transitions = (Transition(now, row.incident_id, "", row.claim.episode, "dead", detail),)
        if untold:
            transitions = (_superseded(row, row.claim.episode, untold, now), *transitions)
            missed = _is_missed(row.claim, failed, traits)
    return Settled(failed, transitions, again=False, missed=missed)


def _delivered(
    row: Delivery, outcome: Delivered, now: Micros, traits: Traits, *, repeat_interval: Micros, owner: str
) -> Settled:
    shown = row.claim if outcome.complete else View(row.claim.episode, Shown.FIRING, INCOMPLETE)
    after = row._replace(shown=shown, parts=outcome.parts, reason="", detail="", shown_at=now)
    if outcome.complete:
        # Only now: a step that never gets further than its look-up has to end as a dead letter.
        after = after._replace(plain=False, attempts=0)
    step = next_step(after, traits)
    if step is not None:
        return Settled(
            after._replace(claim=step, owner=owner, status=Status.CLAIMED, since=row.since or now), (), True, False
        )
    repeat_at = row.repeat_at if row.repeat_at > now else 0
    if not repeat_at and traits.repeats and shown.state is Shown.FIRING and row.mode is Mode.NOW:
        repeat_at = now + repeat_interval
    return Settled(_free(after)._replace(status=Status.SETTLED, since=0, repeat_at=repeat_at), (), False, False)


def _retry(
    failed: Delivery, tried: View, outcome: Retry, now: Micros, *, breaker_open: bool, jitter: float
) -> Delivery:
    if outcome.maybe_shown:
        failed = failed._replace(shown=View(tried.episode, Shown.UNKNOWN, 0))
    if outcome.parts is not None:
        failed = failed._replace(parts=outcome.parts)
    spent = FAULTS[outcome.reason].spends and not breaker_open
    attempts = failed.attempts + spent
    if attempts >= ATTEMPTS:
        return failed._replace(attempts=attempts, status=Status.DEAD)
    if breaker_open:
        # The breaker says when the next call is made.
        return failed._replace(attempts=attempts, next_at=now)
    wait = backoff.delay(max(attempts, 1), jitter)
    if outcome.after is not None:
        wait = max(int(outcome.after * 1_000_000), 0)
    return failed._replace(attempts=attempts, next_at=now + wait)


def _rejected(failed: Delivery, outcome: Rejected, now: Micros) -> Delivery:
    if outcome.scope == "destination":
        # It waits for its destination, which is parked and probed.
        return failed._replace(next_at=now)
    if not failed.plain:
        return failed._replace(plain=True, next_at=now)
    return failed._replace(status=Status.DEAD)


def requeue(row: Delivery, now: Micros, traits: Traits) -> Delivery:
    """A dead letter tried once more, with what is true now. One that has nothing to say any more is settled."""
    if row.status not in (Status.DEAD, Status.EXPIRED):
        return row
    if next_step(row, traits) is None:
        return row._replace(status=Status.SETTLED, since=0, attempts=0, plain=False)
    return row._replace(status=Status.WAITING, next_at=now, attempts=0, plain=False, since=row.since or now)


def expire(row: Delivery) -> Delivery:
    """A dead letter put aside. It stays in the store until it is pruned, and a newer state is delivered as usual."""
    return row._replace(status=Status.EXPIRED) if row.status is Status.DEAD else row


def note(
    note_id: str, destination: Destination, team: str, payload: str, at: Micros, *, urgent: bool, via: str
) -> Delivery:
    """A message that isn't one incident's: sent once, with what was true when it was made."""
    return Delivery(
        incident_id=note_id,
        destination=destination.key,
        mode=Mode.NOTE,
        team=team,
        urgent=urgent,
        via=via,
        wanted=View(1, Shown.FIRING, 0),
        shown=NOTHING,
        claim=NOTHING,
        owner="",
        status=Status.WAITING,
        attempts=0,
        next_at=at,
        since=at,
        shown_at=0,
        repeat_at=0,
        plain=False,
        reason="",
        detail="",
        parts={},
        payload=payload,
        received_at=at,
    )
