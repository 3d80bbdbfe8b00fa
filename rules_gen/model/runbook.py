"""What on-call reads."""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """One step of a runbook: what to do, the command or query to run, what to expect, what follows from it."""

    text: str
    run: str | None = None
    query: str | None = None
    expect: str | None = None
    then: str | None = None
    destructive: bool = False


class Escalation(NamedTuple):
    """Who is asked for help after which time (a duration, as typed)."""

    after: str
    to: str


class Runbook(NamedTuple):
    """A runbook page's content; every section that isn't optional has been checked to be there."""

    first: str
    impact: str
    causes: tuple[str, ...]
    investigate: tuple[Step, ...]
    resolve: tuple[Step, ...]
    verify: tuple[Step, ...]
    escalate: Escalation
    false_positives: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
