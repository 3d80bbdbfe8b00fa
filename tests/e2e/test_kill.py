"""Kills the router again and again under load, and asks for every transition afterwards. kill_check is the judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from kill_check import CHATTED, Evidence, Level, judge, levels, pages_of
from kill_run import Outcome, Wishes, on_postgresql, run_kills
from kill_script import worst

from router.model import Status, Transition

SHORT = Wishes(kills=16, transitions=2_500, incidents=120)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return run_kills(tmp_path_factory.mktemp("kill"), SHORT)


def summary(outcome: Outcome) -> str:
    return "\n".join([outcome.table(), *outcome.verdict.problems])


@pytest.mark.full
def test_nothing_is_lost_when_the_router_is_killed_again_and_again(outcome: Outcome) -> None:
    assert not outcome.verdict.problems, summary(outcome)
    counts = outcome.verdict.counts
    assert outcome.figures["kills"] >= SHORT.kills
    assert outcome.figures["transitions"] >= SHORT.transitions
    assert counts["opened"] > 50, summary(outcome)
    assert counts["failed"] > 5, "the providers did misbehave\n" + summary(outcome)
    assert counts["dead"] == 0, summary(outcome)


@pytest.mark.full
def test_nothing_is_lost_with_two_replicas_on_postgresql(tmp_path: Path) -> None:
    outcome = on_postgresql(tmp_path, SHORT._replace(kills=8, transitions=1_500))
    assert not outcome.verdict.problems, summary(outcome)
    assert outcome.verdict.counts["opened"] > 50, summary(outcome)


# The judge itself can say no


def _a_resolve_is_lost(evidence: Evidence) -> Evidence:
    pages = [dict(page) for page in evidence.pages]
    over = next(page for page in reversed(pages) if page["status"] == "resolved")
    over["status"] = "triggered"
    return evidence._replace(pages=pages)


def _a_page_is_lost(evidence: Evidence) -> Evidence:
    burning = next(page for page in evidence.pages if page["status"] != "resolved")
    return evidence._replace(pages=[page for page in evidence.pages if page is not burning])


def _somebody_is_paged_twice(evidence: Evidence) -> Evidence:
    sure = _without_doubt(evidence, _resolved(evidence)["dedup_key"])
    return sure._replace(pages=[*sure.pages, _resolved(evidence)])


def _a_finished_page_never_opened(evidence: Evidence) -> Evidence:
    gone = _resolved(evidence)
    sure = _without_doubt(evidence, gone["dedup_key"])
    return sure._replace(pages=[page for page in sure.pages if page["dedup_key"] != gone["dedup_key"]])


def _a_resolve_came_before_its_trigger(evidence: Evidence) -> Evidence:
    identity = _resolved(evidence)["dedup_key"]
    return _without_doubt(evidence, identity)._replace(dropped={identity: 1})


def _slack_is_told_twice(evidence: Evidence) -> Evidence:
    message = _told(evidence)[-1]
    sure = _without_doubt(evidence, _payload(message)["incident"])
    return sure._replace(messages=[*sure.messages, message])


def _slack_shows_what_is_over(evidence: Evidence) -> Evidence:
    over = next(message for message in reversed(_told(evidence)) if _payload(message)["state"] == "resolved")
    stale = {**_payload(over), "state": "firing"}
    return evidence._replace(messages=[{**over, "metadata": {"event_payload": stale}}])


def _a_message_never_came(evidence: Evidence) -> Evidence:
    open_now = {name for name, alerts in evidence.truth.items() if worst(alerts) in CHATTED}
    identity = next(name for name in (_payload(line)["incident"] for line in _told(evidence)) if name in open_now)
    kept = [message for message in _told(evidence) if _payload(message)["incident"] != identity]
    return evidence._replace(messages=kept)


def _a_webhook_is_forgotten(evidence: Evidence) -> Evidence:
    identity = next(name for name, lines in evidence.transitions.items() if any(line.kind == "fired" for line in lines))
    lines = list(evidence.transitions[identity])
    lines.remove(next(line for line in lines if line.kind == "fired"))
    return evidence._replace(transitions={**evidence.transitions, identity: lines})


def _an_alert_is_believed_to_fire(evidence: Evidence) -> Evidence:
    return evidence._replace(alerts=evidence.alerts[1:])


def _a_row_still_waits(evidence: Evidence) -> Evidence:
    identity, rows = next((name, rows) for name, rows in evidence.deliveries.items() if rows)
    waiting = [rows[0]._replace(status=Status.WAITING), *rows[1:]]
    return evidence._replace(deliveries={**evidence.deliveries, identity: waiting})


def _a_webhook_stays_in_the_inbox(evidence: Evidence) -> Evidence:
    return evidence._replace(inbox=1)


def _payload(message: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = message.get("metadata", {}).get("event_payload", {})
    return found


def _told(evidence: Evidence) -> list[Mapping[str, Any]]:
    return [message for message in evidence.messages if _payload(message).get("part") == "message"]


def _resolved(evidence: Evidence) -> Mapping[str, Any]:
    """A page that is over, of an incident without any page in doubt."""
    over = [page for page in evidence.pages if page["status"] == "resolved"]
    return next(page for page in over if not judge(_without_doubt(evidence, page["dedup_key"])).problems)


def _without_doubt(evidence: Evidence, identity: str) -> Evidence:
    """As if each call for that incident had been answered, and each page opened or superseded."""
    lines = [line for line in evidence.transitions[identity] if line.kind != "taken_over"]
    return evidence._replace(
        attempts=[attempt for attempt in evidence.attempts if attempt.incident_id != identity],
        transitions={**evidence.transitions, identity: lines},
        dropped={name: number for name, number in evidence.dropped.items() if name != identity},
    )


DOCTORED: dict[Callable[[Evidence], Evidence], str] = {
    _a_resolve_is_lost: "pages burn",
    _a_page_is_lost: "pages burn",
    _somebody_is_paged_twice: "too often",
    _a_finished_page_never_opened: "pages lost",
    _a_resolve_came_before_its_trigger: "before their trigger",
    _slack_is_told_twice: "duplicates at Slack",
    _slack_shows_what_is_over: "which is over",
    _a_message_never_came: "Slack",
    _a_webhook_is_forgotten: "began",
    _an_alert_is_believed_to_fire: "fire here",
    _a_row_still_waits: "waiting",
    _a_webhook_stays_in_the_inbox: "not applied",
}


@pytest.mark.full
@pytest.mark.parametrize("doctor", DOCTORED, ids=lambda doctor: doctor.__name__.strip("_"))
def test_the_judge_notices_that(outcome: Outcome, doctor: Callable[[Evidence], Evidence]) -> None:
    problems = judge(doctor(outcome.evidence)).problems
    assert any(DOCTORED[doctor] in problem for problem in problems), problems


def test_pages_are_counted_by_rises_and_episodes() -> None:
    def pages(*severities: str) -> list[int]:
        """The episodes of its pages; "-" is closed."""
        life, episode = [], 1
        for at, severity in enumerate(severities):
            life.append(Level(at, episode, "" if severity == "-" else severity))
            episode += severity == "-"
        return [page.episode for page in pages_of(life)]

    assert pages("medium", "-") == []
    assert pages("critical", "high", "critical", "-") == [1]
    assert pages("critical", "medium", "high", "-") == [1, 1]
    assert pages("critical", "-", "critical") == [1, 2]
    assert pages("medium", "critical", "-", "high", "-") == [1, 2]


def test_lines_of_one_webhook_are_one_level() -> None:
    lines = [
        Transition(1, "i", "", 1, "opened", "medium"),
        Transition(1, "i", "", 1, "severity", "critical"),
        Transition(2, "i", "", 1, "closed", "critical"),
    ]
    assert levels(lines) == [Level(1, 1, "critical"), Level(2, 1, "")]
