"""Judges what a kill run has left behind: is anything lost, paged twice, or told in the wrong order? Pure.

How PagerDuty's incidents are counted
-------------------------------------
A *page* is a stretch of an incident's life in which its severity is critical or high. The history tells where pages
begin and end: `opened`, `severity` and `closed`, in the order in which they were written; lines of one moment are one
webhook and count as one. An episode has no page (never above medium), one, or several: each fall below high ends a page
and each rise begins another, since a fall resolves PagerDuty and a rise pages again.

Every page is one of these, and `opened` is what PagerDuty itself says:

    pages = opened + superseded + in doubt

`superseded` are the history's lines of that kind for that destination: the page ended before a call told of it, or a
newer page came before a call told of the end (PagerDuty then has one incident for both). `in doubt` is what is left: the
claim for it was committed and the answer never came (a lost answer, or a kill before the call), and meanwhile it ended. The
router then sends the resolve, as if the page had been told, because it may have been. So what is in doubt must never be
below 0 (somebody was paged twice) nor above the number of doubtful calls that the ledger has for that row (a page was
lost): `taken_over` lines, and attempts whose answer was lost.

Duplicates at Slack are messages beyond the first for one (incident, episode), told by their metadata. Each must be
explained by a doubtful call of its row; the newest of them must be right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kill_script import AlertTruth, worst

from router.model import AlertState, Attempt, Delivery, Incident, Mode, Shown, Status, Transition

PAGED = ("critical", "high")
CHATTED = ("high", "medium")
DOUBTFUL = frozenset({"timeout", "reset", "bad_answer", "unavailable"})
"""Reasons after which a message may have arrived (router.http_faults)."""


class Evidence(NamedTuple):
    """What was found when all had come to rest."""

    truth: Mapping[str, tuple[AlertTruth, ...]]
    """By incident."""
    pagerduty_key: Mapping[str, str]
    """The destination's key at PagerDuty, by incident."""
    slack_key: Mapping[str, str]
    alerts: Sequence[AlertState]
    """Those that fire, as the router believes."""
    incidents: Mapping[str, Incident]
    deliveries: Mapping[str, Sequence[Delivery]]
    notes: Sequence[Delivery]
    transitions: Mapping[str, Sequence[Transition]]
    """By incident, in the order in which they were written."""
    attempts: Sequence[Attempt]
    inbox: int
    quarantine: int
    pages: Sequence[Mapping[str, Any]]
    """PagerDuty's incidents, as its stub tells them."""
    dropped: Mapping[str, int]
    """Resolves that PagerDuty had no open incident for, by dedup key."""
    messages: Sequence[Mapping[str, Any]]
    """Slack's messages, the oldest first."""


class Verdict(NamedTuple):
    """What the evidence says."""

    problems: tuple[str, ...]
    counts: Mapping[str, int]


def judge(evidence: Evidence) -> Verdict:
    """All that is wrong, and the figures."""
    slack = list(_slack(evidence))
    doubts = _doubts(evidence)
    counts = Counter(
        delivered=sum(attempt.outcome == "delivered" for attempt in evidence.attempts),
        failed=sum(attempt.outcome != "delivered" for attempt in evidence.attempts),
        superseded=sum(line.kind == "superseded" for line in _lines(evidence)),
        dead=sum(row.status is Status.DEAD for row in _rows(evidence)),
        expired=sum(row.status is Status.EXPIRED for row in _rows(evidence)),
        taken_over=sum(line.kind == "taken_over" for line in _lines(evidence)),
        stale=sum(line.kind in ("held", "stale_resolve") for line in _lines(evidence)),
        notes=len(evidence.notes),
        opened=len(evidence.pages),
        messages=len({(one["incident"], one["episode"]) for one in slack}),
        duplicates=len(slack) - len({(one["incident"], one["episode"]) for one in slack}),
        dropped_resolves=sum(evidence.dropped.values()),
    )
    problems: list[str] = []
    for identity, alerts in evidence.truth.items():
        problems += _state_problems(evidence, identity, alerts)
        problems += _history_problems(evidence, identity, alerts)
        pages, problem = _page_problems(
            evidence, identity, worst(alerts), doubts[identity, evidence.pagerduty_key[identity]]
        )
        problems += problem
        counts.update(pages)
    problems += _slack_problems(evidence, slack, doubts)
    problems += _leftovers(evidence)
    return Verdict(tuple(problems), dict(counts))


def _lines(evidence: Evidence) -> Iterator[Transition]:
    for lines in evidence.transitions.values():
        yield from lines


def _rows(evidence: Evidence) -> Iterator[Delivery]:
    for rows in evidence.deliveries.values():
        yield from rows
    yield from evidence.notes


def _doubts(evidence: Evidence) -> Counter[tuple[str, str]]:
    """How many calls of each row may have been made, or may have arrived, without anybody knowing."""
    found: Counter[tuple[str, str]] = Counter()
    for attempt in evidence.attempts:
        if attempt.outcome == "retry" and attempt.reason in DOUBTFUL:
            found[attempt.incident_id, attempt.destination] += 1
    for line in _lines(evidence):
        if line.kind == "taken_over":
            found[line.incident_id, _destination(line)] += 1
    return found


def _destination(line: Transition) -> str:
    """`slack:TOKEN/#channel: not told yet`"""
    return line.detail.partition(": ")[0]


def _state_problems(evidence: Evidence, identity: str, alerts: Iterable[AlertTruth]) -> Iterator[str]:
    """Nothing acknowledged was lost on its way into the store."""
    ours = {state.fingerprint for state in evidence.alerts if state.incident_id == identity}
    theirs = {alert.fingerprint for alert in alerts if alert.firing}
    if ours != theirs:
        yield f"{identity}: fire here {sorted(ours)}, in truth {sorted(theirs)}"
    incident = evidence.incidents.get(identity)
    severity = worst(tuple(alerts))
    believed = incident.severity if incident is not None and incident.open else ""
    if believed != severity:
        yield f"{identity}: is {believed or 'closed'} here, in truth {severity or 'closed'}"


def _history_problems(evidence: Evidence, identity: str, alerts: Iterable[AlertTruth]) -> Iterator[str]:
    """Each transition of an alert was taken in once: no more of them, no fewer."""
    lines = evidence.transitions.get(identity, ())
    begun = Counter(line.fingerprint for line in lines if line.kind in ("fired", "reopened"))
    ended = Counter(line.fingerprint for line in lines if line.kind == "resolved")
    for alert in alerts:
        if begun[alert.fingerprint] != alert.fires:
            yield f"{identity}: {alert.fingerprint} began {alert.fires} times, here {begun[alert.fingerprint]}"
        if ended[alert.fingerprint] != alert.ends:
            yield f"{identity}: {alert.fingerprint} ended {alert.ends} times, here {ended[alert.fingerprint]}"


class Level(NamedTuple):
    """An incident after a webhook."""

    episode: int
    severity: str
    """Empty when closed."""


def levels(lines: Sequence[Transition]) -> list[Level]:
    """An incident's life, webhook by webhook."""
    found: list[tuple[int, Level]] = []
    for line in lines:
        if line.kind in ("opened", "severity", "closed"):
            level = Level(line.episode, "" if line.kind == "closed" else line.detail)
            if found and found[-1][0] == line.at:
                found.pop()
            found.append((line.at, level))
    return [level for _, level in found]


def pages_of(life: Sequence[Level]) -> int:
    """How many stretches of it were worth a page. An episode's end also ends its page."""
    number = 0
    before = Level(0, "")
    for level in life:
        if level.severity in PAGED and (before.severity not in PAGED or before.episode != level.episode):
            number += 1
        before = level
    return number


def _page_problems(evidence: Evidence, identity: str, severity: str, doubts: int) -> tuple[dict[str, int], list[str]]:
    problems: list[str] = []
    key = evidence.pagerduty_key[identity]
    opened = [page for page in evidence.pages if page["dedup_key"] == identity]
    lines = evidence.transitions.get(identity, ())
    pages = pages_of(levels(lines))
    superseded = sum(line.kind == "superseded" and _destination(line) == key for line in lines)
    in_doubt = pages - superseded - len(opened)
    if in_doubt < 0:
        problems.append(
            f"{identity}: paged {-in_doubt} times too often: {pages} pages, {superseded} superseded, {len(opened)} opened"
        )
    if in_doubt > doubts:
        problems.append(
            f"{identity}: {in_doubt - doubts} pages lost: {pages} pages, {superseded} superseded, {len(opened)} opened, {doubts} doubtful calls"
        )
    row = next((row for row in evidence.deliveries.get(identity, ()) if row.destination == key), None)
    if row is None or row.status is not Status.DEAD:
        burning = [page for page in opened if page["status"] != "resolved"]
        if len(burning) != (severity in PAGED):
            problems.append(f"{identity}: {len(burning)} pages burn, the severity is {severity or 'none'}")
    if evidence.dropped.get(identity, 0) > doubts:
        problems.append(
            f"{identity}: {evidence.dropped[identity]} resolves before their trigger, {doubts} doubtful calls"
        )
    return {"pages": pages, "pages_superseded": superseded, "pages_in_doubt": max(in_doubt, 0)}, problems


def _slack(evidence: Evidence) -> Iterator[dict[str, Any]]:
    """What the messages' metadata says: the message's present state."""
    for message in evidence.messages:
        payload = message.get("metadata", {}).get("event_payload", {})
        if payload.get("part") == "message":
            yield payload


def _slack_problems(
    evidence: Evidence, slack: Iterable[Mapping[str, Any]], doubts: Mapping[tuple[str, str], int]
) -> Iterator[str]:
    shown: dict[str, dict[int, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for payload in slack:
        shown[payload["incident"]][payload["episode"]].append(payload)
    for identity, alerts in evidence.truth.items():
        key = evidence.slack_key[identity]
        row = next((row for row in evidence.deliveries.get(identity, ()) if row.destination == key), None)
        if row is not None and row.status is Status.DEAD:
            continue
        episodes = shown[identity]
        copies = sum(len(messages) - 1 for messages in episodes.values())
        if copies > doubts.get((identity, key), 0):
            yield f"{identity}: {copies} duplicates at Slack, {doubts.get((identity, key), 0)} doubtful calls"
        lines = evidence.transitions.get(identity, ())
        gone = {line.episode for line in lines if line.kind == "superseded" and _destination(line) == key}
        life = levels(lines)
        for episode in sorted({level.episode for level in life if level.severity in CHATTED} - gone - episodes.keys()):
            yield f"{identity}: episode {episode} isn't at Slack, and nothing says why"
        now = evidence.incidents[identity].episode if worst(alerts) else 0
        for episode, messages in episodes.items():
            yield from _message_problems(identity, messages[-1], alerts if episode == now else ())
        if worst(alerts) in CHATTED and now not in episodes:
            yield f"{identity}: is {worst(alerts)}, and Slack doesn't show it"


def _message_problems(identity: str, payload: Mapping[str, Any], alerts: tuple[AlertTruth, ...]) -> Iterator[str]:
    """`alerts`: of an incident that is open in the message's episode, else none."""
    firing = sum(alert.firing for alert in alerts)
    told = (payload["state"], payload["severity"], payload["firing"])
    if firing and told != ("firing", worst(alerts), firing):
        yield f"{identity}: Slack shows {told} of episode {payload['episode']}, {worst(alerts)} with {firing} is true"
    if not firing and payload["state"] != "resolved":
        yield f"{identity}: Slack shows {told} of episode {payload['episode']}, which is over"


def _leftovers(evidence: Evidence) -> Iterator[str]:
    if evidence.inbox:
        yield f"{evidence.inbox} webhooks are acknowledged and not applied"
    if evidence.quarantine:
        yield f"{evidence.quarantine} webhooks are in quarantine"
    for row in _rows(evidence):
        if row.status not in (Status.SETTLED, Status.DEAD, Status.EXPIRED):
            yield f"{row.incident_id} {row.destination}: {row.status.value}"
        elif row.mode is Mode.NOW and row.status is Status.SETTLED and row.shown.state is Shown.UNKNOWN:
            yield f"{row.incident_id} {row.destination}: settled without knowing what it shows"
    for identity in {page["dedup_key"] for page in evidence.pages} - evidence.truth.keys():
        yield f"PagerDuty has an incident of its own: {identity}"
