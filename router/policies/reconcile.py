"""What follows from the difference between what the router holds and what Alertmanager's peers hold. Pure.

Resolves do get lost upstream: while silenced, inhibited or muted, and when Alertmanager is killed. Closing an alert
that still fires is worse than keeping one that doesn't, so it takes a whole chain of proof: every peer answers, has
settled and been up for long, no peer goes unasked, the cluster's Watchdog is there, and the alert is gone from all of
them in several polls. Whatever is missing, nothing is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from router.model import MINUTE, SECOND, Alert, AlertState, AlertStatus, Micros

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class PeerAlert(NamedTuple):
    """An alert as a peer has it. Times have milliseconds only: the API cuts what the webhook tells in nanoseconds."""

    fingerprint: str
    state: str
    """active, suppressed, unprocessed."""
    starts_at: Micros
    updated_at: Micros
    ends_at: Micros
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    muted_by: tuple[str, ...]
    """Time intervals that mute it; releases before 0.28 don't tell, and call such an alert active."""
    receivers: tuple[str, ...]
    watchdog: bool
    """Whether its alertname is Watchdog."""
    labels: Mapping[str, str]
    """Empty for an alert that the caller knows, as are the next two: a storm's alerts needn't be held twice."""
    annotations: Mapping[str, str]
    generator_url: str

    @property
    def suppressed(self) -> bool:
        """Whether Alertmanager tells nobody of it for now."""
        return self.state == "suppressed" or bool(self.muted_by)


class PeerState(NamedTuple):
    """What a peer answered."""

    peer: str
    asked_at: Micros
    """When the questions began."""
    ready: bool
    """It serves, and has settled with its cluster."""
    started_at: Micros
    members: int
    """How many peers its cluster has, itself included; 1 when it is alone."""
    alerts: Mapping[str, PeerAlert]
    """By fingerprint: all that it holds and that has not ended."""


class PeerUnreachable(NamedTuple):
    """A peer that gave no usable answer."""

    peer: str
    asked_at: Micros
    reason: str
    """A few words for people; never a part of the answer."""


PeerAnswer = PeerState | PeerUnreachable


class Limits(NamedTuple):
    """How sure the reconciler has to be. All are microseconds."""

    min_uptime: Micros = 15 * MINUTE
    """A peer that started later may not have heard of all alerts yet, and proves nothing by not having one."""
    known_for: Micros = 30 * SECOND
    """An alert told of later than this before the poll isn't looked for: its webhook may be newer than the answer."""
    absent_for: Micros = 2 * MINUTE
    """How long it must be gone, over at least two polls. Longer than the group_interval that the compiler writes (1 m),
    after which Alertmanager tells the end by itself."""
    missed_after: Micros = 5 * MINUTE
    """How long one must fire there and not here, before it is opened: Alertmanager's own default group_interval, and
    more than the 4 minutes after which an alert that Prometheus doesn't repeat ends."""
    held_horizon: Micros = 10 * SECOND
    """How long a held alert waits for an answer before it is reopened."""


class Memory(NamedTuple):
    """What has to be remembered from poll to poll of a cluster, by fingerprint."""

    absent: Mapping[str, Micros]
    """When the first of an unbroken row of polls that didn't find it began."""
    missed: Mapping[str, Micros]
    """When the first of an unbroken row of polls that found it, and we don't have it, began."""


NO_MEMORY = Memory({}, {})


class Verdict(NamedTuple):
    """What to do. Who does it reads each alert anew, and leaves alone what has been told of since (`seen_at`)."""

    close: tuple[AlertState, ...]
    suppression: Mapping[str, bool]
    """By fingerprint: alerts of ours that are now suppressed, or no longer are."""
    missed: tuple[PeerAlert, ...]
    """They fire at the peers, and no webhook has told of them."""
    asked_at: Micros
    """When the poll began: what an alert that is closed ended by, as far as anybody knows."""
    blocked: str
    """Why nothing may be closed, in a few words; empty when it may."""
    memory: Memory


class HeldVerdict(NamedTuple):
    """What to do with held alerts."""

    reopen: tuple[AlertState, ...]
    drop: tuple[AlertState, ...]
    wait: tuple[AlertState, ...]


def judge(
    ours: Sequence[AlertState],
    answers: Sequence[PeerAnswer],
    *,
    heartbeat_fresh: bool,
    memory: Memory,
    now: Micros,
    muted: Callable[[Mapping[str, str]], bool],
    limits: Limits = Limits(),  # noqa: B008  (a frozen value)
) -> Verdict:
    """Compare one cluster's firing alerts with one poll of all its peers.

    `heartbeat_fresh`: whether the Watchdog has come to us within its deadline. `muted`: whether a maintenance window
    mutes an alert with these labels now; an Alertmanager before 0.28 calls such an alert active, and sends nothing.
    """
    states = [answer for answer in answers if isinstance(answer, PeerState)]
    asked_at = min((answer.asked_at for answer in answers), default=now)
    blocked = _blocked(answers, heartbeat_fresh, now, limits)
    firing = [alert for alert in ours if alert.status is AlertStatus.FIRING]

    absent: dict[str, Micros] = {}
    close = []
    suppression: dict[str, bool] = {}
    for alert in firing:
        there = [state.alerts[alert.fingerprint] for state in states if alert.fingerprint in state.alerts]
        if there:
            suppressed = all(one.suppressed for one in there)
            if suppressed != alert.suppressed:
                suppression[alert.fingerprint] = suppressed
        elif not blocked and alert.seen_at <= asked_at - limits.known_for:
            since = min(memory.absent.get(alert.fingerprint, asked_at), asked_at)
            absent[alert.fingerprint] = since
            if since < asked_at and asked_at - since >= limits.absent_for:
                close.append(alert)

    missed, opened = _missed(ours, states, asked_at=asked_at, memory=memory, muted=muted, limits=limits)
    return Verdict(tuple(close), suppression, opened, asked_at, blocked, Memory(absent, missed))


def _blocked(answers: Sequence[PeerAnswer], heartbeat_fresh: bool, now: Micros, limits: Limits) -> str:  # noqa: FBT001
    """Why an alert's absence proves nothing, or nothing at all."""
    states = [answer for answer in answers if isinstance(answer, PeerState)]
    if not answers:
        return "no peer is configured"
    if len(states) < len(answers):
        return "a peer can't be reached"
    if not all(state.ready for state in states):
        return "a peer isn't ready"
    if not all(_long_up(state, now, limits) for state in states):
        return "a peer has only just started"
    if any(state.members > len(answers) for state in states):
        return "the cluster has peers that aren't configured"
    if not heartbeat_fresh:
        return "the Watchdog is silent"
    if not any(alert.watchdog and alert.state == "active" for state in states for alert in state.alerts.values()):
        return "the peers have no active Watchdog"
    return ""


def _long_up(state: PeerState, now: Micros, limits: Limits) -> bool:
    return now - state.started_at >= limits.min_uptime


def _missed(
    ours: Sequence[AlertState],
    states: Sequence[PeerState],
    *,
    asked_at: Micros,
    memory: Memory,
    muted: Callable[[Mapping[str, str]], bool],
    limits: Limits,
) -> tuple[dict[str, Micros], tuple[PeerAlert, ...]]:
    """Since when which alerts fire there and not here, and those of which it is time to tell."""
    known = {alert.fingerprint for alert in ours}
    receivers = _our_receivers(known, states)
    quiet = {print_ for state in states for print_, alert in state.alerts.items() if alert.suppressed}
    missed: dict[str, Micros] = {}
    opened = []
    for state in states:
        for print_, alert in state.alerts.items():
            # One whose labels were left out was known when the poll began and has ended since.
            if print_ in known or print_ in quiet or print_ in missed or alert.state != "active" or not alert.labels:
                continue
            if alert.watchdog or alert.labels.get("bypass_router") == "true" or muted(alert.labels):
                continue
            if receivers.isdisjoint(alert.receivers):
                continue
            since = min(memory.missed.get(print_, asked_at), asked_at)
            missed[print_] = since
            if asked_at - max(since, alert.starts_at) >= limits.missed_after:
                opened.append(alert)
    return missed, tuple(opened)


def _our_receivers(known: set[str], states: Sequence[PeerState]) -> set[str]:
    """The names under which Alertmanager knows this router.

    Not every alert there is meant for us. The Watchdog is, and an alert that we were told of and that has a single
    receiver names ours too.
    """
    return {
        receiver
        for state in states
        for print_, alert in state.alerts.items()
        if alert.watchdog or (print_ in known and len(alert.receivers) == 1)
        for receiver in alert.receivers
    }


def judge_held(
    held: Sequence[AlertState],
    answers: Sequence[PeerAnswer],
    now: Micros,
    limits: Limits = Limits(),  # noqa: B008  (a frozen value)
) -> HeldVerdict:
    """What becomes of alerts that have ended and of which a firing with an old start has come since.

    A peer that has it is believed at once; that none has it is believed when one says so that has been up for long
    enough to know. Without an answer until the horizon it is reopened: a page too many is better than one too few.
    Answers to questions that were asked before the alert was held say nothing.
    """
    reopen, drop, wait = [], [], []
    for alert in held:
        states = [state for state in answers if isinstance(state, PeerState) and state.asked_at >= alert.held_at]
        if any(alert.fingerprint in state.alerts for state in states):
            reopen.append(alert)
        elif any(state.ready and _long_up(state, now, limits) for state in states):
            drop.append(alert)
        elif now - alert.held_at >= limits.held_horizon:
            reopen.append(alert)
        else:
            wait.append(alert)
    return HeldVerdict(tuple(reopen), tuple(drop), tuple(wait))


def opening(cluster: str, alert: PeerAlert) -> Alert:
    """The beginning that no webhook has told."""
    return Alert(
        cluster=cluster,
        fingerprint=alert.fingerprint,
        firing=True,
        starts_at=alert.starts_at,
        ends_at=0,
        labels=alert.labels,
        annotations=alert.annotations,
        generator_url=alert.generator_url,
    )
