"""The seam to the channels: what a notifier is given, and what it answers.

A channel is one file in `notifiers/` with `TRAITS`, a `Settings` type, `destinations(team)` and `build(context)`. One
call of `send` is one attempt: a notifier never retries by itself, since the retry table is `faults.py`'s.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from router.messages.message import PLAIN_LOOK, Look

if TYPE_CHECKING:
    import aiohttp

    from router.messages.templating import Templates
    from router.model import Delivery, Destination, Snapshot, View


class Reason(enum.StrEnum):
    """Why a call failed; a closed set, since it is a metric's label."""

    RATE_LIMITED = "rate_limited"
    """429, Slack's ratelimited, SMTP 421 and 450."""
    UNREACHABLE = "unreachable"
    """Refused, no route, no DNS answer, a TLS error: nothing was sent."""
    UNAVAILABLE = "unavailable"
    """502, 503, 504, 500, Slack's service_unavailable: the provider is in trouble."""
    TIMEOUT = "timeout"
    """No answer in time: the message may have arrived."""
    RESET = "reset"
    """The connection broke after something had been sent: the message may have arrived."""
    BAD_ANSWER = "bad_answer"
    """An answer that isn't the provider's, such as a proxy's HTML with status 200."""
    BAD_MESSAGE = "bad_message"
    """400, invalid_blocks, SMTP 552 and 554: this message is at fault."""
    BAD_CREDENTIALS = "bad_credentials"
    """401, 403, invalid_auth, token_revoked, missing_scope."""
    NO_SUCH_DESTINATION = "no_such_destination"
    """404, channel_not_found, is_archived, not_in_channel, SMTP 550."""
    MISCONFIGURED = "misconfigured"
    """A secret that isn't there, or a destination that the configuration doesn't have any more."""
    BUG = "bug"
    """The notifier raised what it shouldn't have; the log has the traceback."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The provider has accepted it. `parts` replaces the delivery's. Not complete: another call has to follow."""

    parts: Mapping[str, object] = field(default_factory=dict)
    provider_id: str = ""
    complete: bool = True
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """It may work later. `after`: the provider's own wish in seconds. `maybe_shown`: the message may have arrived."""

    reason: Reason
    after: float | None = None
    maybe_shown: bool = False
    detail: str = ""
    parts: Mapping[str, object] | None = None
    """What to remember although it failed; None leaves the parts as they are."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will not work as it is: this message is at fault, or the destination."""

    reason: Reason
    scope: Literal["message", "destination"]
    detail: str = ""


Outcome = Delivered | Retry | Rejected


class Traits(NamedTuple):
    """How a channel behaves, as far as planning has to know."""

    content: Literal["severity", "revision"]
    """What makes a message of the same state outdated: only the severity, or each visible change."""
    tells_the_past: bool
    """Whether an incident that is over is still worth a message when its firing was never told. PagerDuty: no."""
    repeats: bool
    """Whether an open incident is sent again each repeat_interval."""
    folds: bool
    """Whether storms are folded here."""
    concurrency: int
    """How many calls to one destination may be under way."""
    per_minute: int
    """The provider's rate limit for one destination; 0: none known."""
    idempotent: bool = True
    """Whether the same state can be sent twice without anybody being told twice: by a dedup key, an edit, a key."""


class Job(NamedTuple):
    """One call to make."""

    destination: Destination
    delivery: Delivery
    step: View
    """What to show: the claim. `step.state` is FIRING or RESOLVED; `step.episode` may be an earlier one than wanted."""
    snapshot: Snapshot | None
    """None for a note."""
    uncertain: bool
    """The answer of an earlier call for this episode was lost: look before you post again."""
    timeout: float
    """Seconds after which the call must have ended, one way or another."""


class Notifier(Protocol):
    """One channel, for all its destinations."""

    async def send(self, job: Job) -> Outcome:
        """Make one attempt. Raises nothing but CancelledError; whatever the provider does is an Outcome."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a channel is built with."""

    settings: object
    """An instance of the channel's own Settings."""
    secret: Callable[[str], str | None]
    """The secret of that name, read anew each time so that it can be rotated; None when there is none."""
    templates: Templates
    session: Callable[[], aiohttp.ClientSession]
    """The shared HTTP session: no redirects are followed, no environment proxies are used unless told."""
    external_url: str
    """Where people reach the router, for `client_url`; empty when not configured."""
    now: Callable[[], int]
    """The time in microseconds."""
    look: Callable[[], Look] = lambda: PLAIN_LOOK
    """What messages take from the configuration, asked anew each time since routes.yml can be reloaded."""
