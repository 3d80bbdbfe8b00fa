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
newer page came before a call told of the end (PagerDuty then has one incident for both). `in doubt` is what is left:
the claim for it was committed and no answer came (it was lost, or the kill came before the call), and then it ended.
The router sends the resolve all the same, because the page may have been told. So what is in doubt must never be below
0 (somebody was paged twice), nor above what the ledger explains for each episode (a page was lost): one page for each
doubtful call, and one for each page that began after a doubtful call and before the next certain answer. Doubtful calls
are `taken_over` lines, and attempts whose answer was lost.

Duplicates at Slack are messages beyond the first for one (incident, episode), told by their metadata. Each must be
explained by a doubtful call of that row and episode; the newest of them must be right.
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
"""Reasons after which a message may have arrived (router.channels.http_faults)."""


LATE = frozenset({"held", "stale_resolve", "later_end", "unknown_resolve", "restarted"})
"""The history's words for what came out of its order."""


class Evidence(NamedTuple):
    """What was found when all had come to rest."""

    replicas: int
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
        pages, problem = _page_problems(evidence, identity, worst(alerts), doubts)
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


Doubts = Counter[tuple[str, str, int]]
"""By incident, destination and episode."""


def _doubts(evidence: Evidence) -> Doubts:
    """How many calls may have been made, or may have arrived, without anybody knowing."""
    found: Doubts = Counter()
    for attempt in evidence.attempts:
        if _is_doubtful(attempt):
            found[attempt.incident_id, attempt.destination, attempt.episode] += 1
    for line in _lines(evidence):
        if line.kind == "taken_over":
            found[line.incident_id, _destination(line), line.episode] += 1
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
    """Each transition of an alert was taken in once: no more of them, and no fewer, apart from those that came out of
    their order. That happens where a dead replica's webhooks are applied after newer ones of another replica: a firing
    that comes after its resolve is held and dropped, one that comes before the resolve of the last is a restart.
    """
    lines = evidence.transitions.get(identity, ())
    begun = Counter(line.fingerprint for line in lines if line.kind in ("fired", "reopened"))
    ended = Counter(line.fingerprint for line in lines if line.kind == "resolved")
    late = Counter(line.fingerprint for line in lines if line.kind in LATE) if evidence.replicas > 1 else Counter[str]()
    for alert in alerts:
        if not 0 <= alert.fires - begun[alert.fingerprint] <= late[alert.fingerprint]:
            yield f"{identity}: {alert.fingerprint} began {alert.fires} times, here {begun[alert.fingerprint]}"
        if not 0 <= alert.ends - ended[alert.fingerprint] <= late[alert.fingerprint]:
            yield f"{identity}: {alert.fingerprint} ended {alert.ends} times, here {ended[alert.fingerprint]}"


class Level(NamedTuple):
    """An incident after a webhook."""

    at: int
    episode: int
    severity: str
    """Empty when closed."""


def levels(lines: Sequence[Transition]) -> list[Level]:
    """An incident's life, webhook by webhook."""
    found: list[Level] = []
    for line in lines:
        if line.kind in ("opened", "severity", "closed"):
            if found and found[-1].at == line.at:
                found.pop()
            found.append(Level(line.at, line.episode, "" if line.kind == "closed" else line.detail))
    return found


def pages_of(life: Sequence[Level]) -> list[Level]:
    """Where each stretch of it that was worth a page began. An episode's end also ends its page."""
    found: list[Level] = []
    before = Level(0, 0, "")
    for level in life:
        if level.severity in PAGED and (before.severity not in PAGED or before.episode != level.episode):
            found.append(level)
        before = level
    return found


def _in_the_dark(evidence: Evidence, identity: str, destination: str, pages: Sequence[Level]) -> Counter[int]:
    """How many pages of each episode began when the last call had been doubtful and nothing certain was known since."""
    calls = [
        (attempt.at + attempt.took, _is_doubtful(attempt))
        for attempt in evidence.attempts
        if (attempt.incident_id, attempt.destination) == (identity, destination)
        and (attempt.outcome == "delivered" or _is_doubtful(attempt))
    ]
    calls += [
        (line.at, True)
        for line in evidence.transitions.get(identity, ())
        if line.kind == "taken_over" and _destination(line) == destination
    ]
    calls.sort()
    found: Counter[int] = Counter()
    for page in pages:
        earlier = [doubtful for at, doubtful in calls if at <= page.at]
        found[page.episode] += bool(earlier) and earlier[-1]
    return found


def _is_doubtful(attempt: Attempt) -> bool:
    return attempt.outcome == "retry" and attempt.reason in DOUBTFUL


def _page_problems(
    evidence: Evidence, identity: str, severity: str, doubts: Doubts
) -> tuple[dict[str, int], list[str]]:
    problems: list[str] = []
    key = evidence.pagerduty_key[identity]
    opened = [page for page in evidence.pages if page["dedup_key"] == identity]
    lines = evidence.transitions.get(identity, ())
    begun = pages_of(levels(lines))
    pages = Counter(page.episode for page in begun)
    superseded = Counter(line.episode for line in lines if line.kind == "superseded" and _destination(line) == key)
    in_doubt = pages.total() - superseded.total() - len(opened)
    dark = _in_the_dark(evidence, identity, key, begun)
    allowed = sum(
        min(number - superseded[episode], doubts[identity, key, episode] + dark[episode])
        for episode, number in pages.items()
    )
    told = f"{pages.total()} pages, {superseded.total()} superseded, {len(opened)} opened, {allowed} in doubt at most"
    if any(number > pages[episode] for episode, number in superseded.items()):
        problems.append(f"{identity}: superseded {dict(superseded)} of the pages {dict(pages)}")
    if in_doubt < 0:
        problems.append(f"{identity}: paged {-in_doubt} times too often: {told}")
    if in_doubt > allowed:
        problems.append(f"{identity}: {in_doubt - allowed} pages lost: {told}")
    row = next((row for row in evidence.deliveries.get(identity, ()) if row.destination == key), None)
    if row is None or row.status is not Status.DEAD:
        burning = [page for page in opened if page["status"] != "resolved"]
        if len(burning) != (severity in PAGED):
            problems.append(f"{identity}: {len(burning)} pages burn, the severity is {severity or 'none'}")
    uncertain = sum(number for (name, place, _), number in doubts.items() if (name, place) == (identity, key))
    # The resolve itself, and its assertion after a take-over.
    if evidence.dropped.get(identity, 0) > 2 * uncertain:
        dropped = evidence.dropped[identity]
        problems.append(f"{identity}: {dropped} resolves before their trigger, {uncertain} doubtful calls")
    counts = {"pages": pages.total(), "pages_superseded": superseded.total(), "pages_in_doubt": max(in_doubt, 0)}
    return counts, problems


def _slack(evidence: Evidence) -> Iterator[dict[str, Any]]:
    """What the messages' metadata says: the message's present state."""
    for message in evidence.messages:
        payload = message.get("metadata", {}).get("event_payload", {})
        if payload.get("part") == "message":
            yield payload


def _slack_problems(evidence: Evidence, slack: Iterable[Mapping[str, Any]], doubts: Doubts) -> Iterator[str]:
    shown: dict[str, dict[int, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for payload in slack:
        shown[payload["incident"]][payload["episode"]].append(payload)
    for identity, alerts in evidence.truth.items():
        key = evidence.slack_key[identity]
        row = next((row for row in evidence.deliveries.get(identity, ()) if row.destination == key), None)
        if row is not None and row.status is Status.DEAD:
            continue
        episodes = shown[identity]
        for episode, messages in episodes.items():
            if len(messages) - 1 > doubts[identity, key, episode]:
                yield f"{identity}: {len(messages) - 1} duplicates at Slack of episode {episode}, and nothing says why"
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


def _story(attempt: Attempt) -> str:
    why = f"{attempt.reason} {attempt.detail}".strip()
    return f"{attempt.action} {attempt.outcome} in {attempt.took / 1e6:.2f} s ({why:.60})"


def explained(evidence: Evidence) -> Iterator[str]:
    """For each duplicate at Slack what the ledger and the history know about its incident there."""
    posts = Counter((one["incident"], one["episode"]) for one in _slack(evidence))
    for (identity, episode), number in posts.items():
        if number > 1:
            story = told(evidence, identity, evidence.slack_key[identity], episode)
            yield f"{identity} episode {episode}, {number} messages: {story}"


def told(evidence: Evidence, identity: str, destination: str, episode: int = 0) -> str:
    """What happened to an incident and one of its destinations, and when; about one episode, or 0: all."""
    found = [
        (attempt.at, attempt.episode, _story(attempt))
        for attempt in evidence.attempts
        if (attempt.incident_id, attempt.destination) == (identity, destination)
    ]
    found += [
        (line.at, line.episode, f"{line.kind} {line.detail}".strip())
        for line in evidence.transitions.get(identity, ())
        if ":" not in line.detail or _destination(line) == destination
    ]
    found.sort()
    places = [place for place, (_, about, _) in enumerate(found) if about == episode or not episode]
    start = found[places[0]][0]
    return "".join(
        f"\n    {(at - start) / 1e6:8.3f} s  episode {about}: {what}"
        for at, about, what in found[places[0] : places[-1] + 1]
    )


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
