"""Who is told of an alert: the channels of its severity, at the team that owns it and a second one that it names."""

from __future__ import annotations

from typing import NamedTuple

from rules_gen.model.policy import Policy, Team
from rules_gen.model.service import Alert

_NAMES = {"pagerduty": "PagerDuty", "slack": "Slack", "email": "email", "webhook": "webhook"}


class Destination(NamedTuple):
    """A team's channel and its address there: a name of a secret, a Slack channel, mail addresses.

    `team` is the team's name, empty where Alertmanager itself calls PagerDuty.
    """

    team: str
    channel: str
    address: str

    @property
    def pages(self) -> bool:
        """Whether somebody is woken."""
        return self.channel == "pagerduty"

    @property
    def way(self) -> str:
        """The channel and the address as people say them."""
        name = _NAMES[self.channel]
        if self.channel == "email":
            return f"{name} to {self.address}"
        return f"{name} {self.address}" if self.channel == "slack" else f"{name} ({self.address})"

    def __str__(self) -> str:
        return f"{self.team}: {self.way}" if self.team else "PagerDuty, by Alertmanager itself"


BY_ALERTMANAGER = Destination("", "pagerduty", "")
"""Where an alert goes that bypasses the router."""


def destinations(alert: Alert, severity: str, team: str, policy: Policy) -> tuple[Destination, ...]:
    """All who are told when the alert of this team fires in this severity."""
    if alert.bypass_router:
        return (BY_ALERTMANAGER,)
    found = []
    for key in dict.fromkeys(filter(None, (team, alert.notify))):
        known = policy.team(key)
        if known is not None:
            addresses = team_addresses(known)
            found += [
                Destination(known.name, channel, addresses[channel])
                for channel in policy.severity(severity).channels
                if addresses[channel]
            ]
    return tuple(found)


def team_addresses(team: Team) -> dict[str, str]:
    """The team's address in each channel, empty where it has none."""
    return {
        "pagerduty": team.pagerduty_routing_key or "",
        "slack": team.slack_channel or "",
        "email": ", ".join(team.email_to),
        "webhook": team.webhook_url or "",
    }
