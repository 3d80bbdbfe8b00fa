"""What the router itself has to say, as alerts of the cluster INTERNAL_CLUSTER. Pure.

They go through the same state machine as everybody's alerts. An event (something was lost) ends an hour after it last
happened; a condition (something is wrong) ends when it does. None has the name of an alert that Prometheus raises about
the router: those go past the router, these go through it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from router.messages.text import date_and_time, humanize, one_line
from router.model import HOUR, INTERNAL_CLUSTER, Alert, AlertState, AlertStatus, Micros

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from router.policies.watchdog import Silence

SERVICE = "alert-router"
UNREADABLE = "AlertRouterUnreadableWebhook"
TRUNCATED = "AlertRouterTruncatedWebhook"
UNKNOWN_CLUSTER = "AlertRouterUnknownCluster"
TEMPLATE_ERROR = "AlertRouterTemplateError"
WATCHDOG_SILENT = "AlertRouterWatchdogSilent"
REFUSED = "AlertRouterDestinationRefused"
"""A parked destination. AlertRouterDestinationParked is the name of what Prometheus says about them all."""
UNDELIVERED = "AlertRouterUndelivered"

EVENTS = frozenset({UNREADABLE, TRUNCATED, UNKNOWN_CLUSTER, TEMPLATE_ERROR})
CONDITIONS = frozenset({WATCHDOG_SILENT, REFUSED, UNDELIVERED})

EVENT_LASTS = HOUR
"""How long an event counts as firing after it last happened: long enough that a fault which comes back each
group_interval or repeat_interval of some minutes stays one incident."""

TEXT_LIMIT = 300
"""Characters kept of a text that comes from outside."""


class Trouble(NamedTuple):
    """Something to tell, and all that is told about it."""

    name: str
    severity: str
    about: tuple[tuple[str, str], ...]
    """Labels that tell it from others of its name; with the name they are its identity."""
    summary: str
    description: str
    impact: str
    action: str
    team: str = ""
    """Who is told; empty: the default team."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits, like Alertmanager's. Made of the identity alone: another default team or severity
        doesn't make it another alert.
        """
        text = "\0".join([self.name, *(f"{name}\1{value}" for name, value in sorted(self.about))])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def firing(trouble: Trouble, default_team: str, known: AlertState | None, now: Micros) -> Alert:
    """The alert that tells of it. One that fires already keeps its start, one that has ended starts after that end."""
    starts_at = now
    if known is not None:
        starts_at = known.starts_at if known.status is AlertStatus.FIRING else max(now, known.ends_at + 1)
    return Alert(
        cluster=INTERNAL_CLUSTER,
        fingerprint=trouble.fingerprint,
        firing=True,
        starts_at=starts_at,
        ends_at=0,
        labels={
            "alertname": trouble.name,
            "severity": trouble.severity,
            "team": trouble.team or default_team,
            "service": SERVICE,
            **dict(trouble.about),
        },
        annotations={
            "summary": trouble.summary,
            "description": trouble.description,
            "impact": trouble.impact,
            "action": trouble.action,
        },
        generator_url="",
    )


def resolved(known: AlertState, now: Micros) -> Alert:
    """The end of an alert that fires, in the words that it had."""
    return Alert(
        cluster=known.cluster,
        fingerprint=known.fingerprint,
        firing=False,
        starts_at=known.starts_at,
        ends_at=max(now, known.starts_at),
        labels=known.labels,
        annotations=known.annotations,
        generator_url=known.generator_url,
    )


def ended_events(known: Iterable[AlertState], now: Micros) -> tuple[Alert, ...]:
    """The ends of the events that have not happened for EVENT_LASTS, among the internal alerts that are known."""
    return tuple(
        resolved(state, now)
        for state in known
        if state.cluster == INTERNAL_CLUSTER
        and state.status is AlertStatus.FIRING
        and state.labels.get("alertname") in EVENTS
        and now - state.seen_at >= EVENT_LASTS
    )


def changed_conditions(
    kinds: Collection[str],
    present: Iterable[Trouble],
    known: Iterable[AlertState],
    default_team: str,
    now: Micros,
) -> tuple[Alert, ...]:
    """What has begun and what has ended, among conditions of these kinds, given those that are present now.

    One that fires already isn't told again, so that a count that grows doesn't edit a message each second.
    """
    states = {state.fingerprint: state for state in known if state.cluster == INTERNAL_CLUSTER}
    wanted = {trouble.fingerprint: trouble for trouble in present if trouble.name in kinds}
    fires = {fingerprint for fingerprint, state in states.items() if state.status is AlertStatus.FIRING}
    begun = [
        firing(trouble, default_team, states.get(fingerprint), now)
        for fingerprint, trouble in sorted(wanted.items())
        if fingerprint not in fires
    ]
    ended = [
        resolved(states[fingerprint], now)
        for fingerprint in sorted(fires - wanted.keys())
        if states[fingerprint].labels.get("alertname") in kinds
    ]
    return tuple(begun + ended)


def unreadable_webhook(cluster: str, reason: str, size: int) -> Trouble:
    """A body that was quarantined: what it would have told is unknown."""
    return Trouble(
        UNREADABLE,
        "critical",
        (("cluster", cluster),),
        f"Alerts of cluster {cluster} came in a form that the router can't read",
        f"A webhook of {size} bytes could not be read: {one_line(reason, TEXT_LIMIT)}. It was acknowledged and kept in "
        "quarantine.",
        "What it told is unknown. Somebody may not have been told of an outage.",
        f"Look at what fires in the Alertmanager of {cluster} and tell the people concerned. Then read the body: "
        "alert-router dead-letters list --quarantine.",
    )


def truncated_webhook(cluster: str, missing: int) -> Trouble:
    """Alertmanager left alerts out of a webhook (max_alerts)."""
    return Trouble(
        TRUNCATED,
        "critical",
        (("cluster", cluster),),
        f"Alertmanager of cluster {cluster} left out alerts when it told the router",
        f"A webhook says that it leaves out {missing} alerts. That happens when max_alerts of the receiver isn't 0.",
        "The alerts that were left out reach nobody.",
        f"Look at what fires in the Alertmanager of {cluster} and tell the people concerned. Then set max_alerts: 0 in "
        "the receiver of the router and reload Alertmanager.",
    )


def unknown_cluster(name: str) -> Trouble:
    """An authenticated webhook for a cluster that routes.yml doesn't have."""
    shown = one_line(name, 64)
    return Trouble(
        UNKNOWN_CLUSTER,
        "high",
        (("cluster", shown),),
        f"An Alertmanager sends as cluster {shown}, which the router doesn't know",
        "The sender has a valid credential, but the cluster in its address is not in routes.yml.",
        "Nobody watches whether this cluster falls silent, and resolves that it loses are not made good.",
        "Correct the address in the Alertmanager's webhook, or add the cluster to alerts/policy.yaml and deploy.",
    )


def template_error(template: str, error: str) -> Trouble:
    """A template of a team fails; its messages leave with the built-in text."""
    return Trouble(
        TEMPLATE_ERROR,
        "high",
        (("template", one_line(template, 128)),),
        f"The message template {one_line(template, 128)} fails",
        f"It fails with: {one_line(error, TEXT_LIMIT)}. Messages leave with the built-in text instead.",
        "Everybody is told, but not in the words that the team has chosen.",
        "Correct the template. alert-router preview shows what it makes of an alert.",
    )


def watchdog_silent(silence: Silence) -> Trouble:
    """A cluster's heartbeat is overdue."""
    cluster = silence.cluster
    last = f"It last came on {date_and_time(silence.seen_at)}." if silence.seen_at else "It has never come."
    return Trouble(
        WATCHDOG_SILENT,
        "critical",
        (("cluster", cluster),),
        f"Cluster {cluster} has fallen silent: its Watchdog doesn't arrive",
        f"{last} It should come every minute or so, and has been missing for more than {humanize(silence.deadline)}.",
        f"No alert of cluster {cluster} may reach anybody. No news from it isn't good news.",
        f"Check Prometheus and Alertmanager of {cluster}, from the left: does Prometheus run, does it reach "
        "Alertmanager, does Alertmanager reach the router? Watch its dashboards until the Watchdog is back.",
    )


def destination_refused(destination: str, reason: str, detail: str) -> Trouble:
    """A destination is parked. `detail` is the provider's answer, already redacted."""
    answer = f" ({one_line(detail, TEXT_LIMIT)})" if detail else ""
    return Trouble(
        REFUSED,
        "high",
        (("destination", destination),),
        f"{destination} refuses the router's messages",
        f"It is parked for the reason {one_line(reason, TEXT_LIMIT)}{answer}. A retry doesn't mend that; the router "
        "probes it.",
        "Messages for it wait. Critical and high ones go to the fallback, medium and low ones to nobody.",
        "Tell the team behind it. Then renew the secret, or correct the destination in alerts/policy.yaml and deploy.",
    )


def undelivered(destination: str, team: str, count: int) -> Trouble:
    """Many urgent incidents that one destination wasn't told of, in one message to the fallback team.

    It is high and not critical, since by the usual policy a high goes to PagerDuty and Slack, a critical to PagerDuty
    alone: and that is what most likely doesn't work.
    """
    return Trouble(
        UNDELIVERED,
        "high",
        (("destination", destination),),
        f"{count} urgent incidents or more are open and can't be delivered to {destination}",
        f"{destination} has not taken them in time. The router goes on trying, and delivers what is still true.",
        "Whoever is on call there doesn't know of them.",
        "Run alert-router dead-letters list, read the log, and call the people on call "
        "of the teams concerned, the critical ones first.",
        team,
    )
