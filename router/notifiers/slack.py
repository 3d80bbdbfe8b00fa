"""Slack: one message for each episode of an incident, edited as it changes, with the transitions in its thread.

In routes.yml a team has `slack: {channel: "#name", token: SECRET_NAME}`. The bot token needs the scope chat:write. With
channels:history, groups:history, channels:read and groups:read the notifier can look whether a message whose answer was
lost has arrived; without them it posts again, and the ledger says so.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from router.channels.http_faults import bad_answer, judge_exception
from router.channels.redaction import redact
from router.channels.slack.outcomes import POSTING, After, answered, failed
from router.channels.slack.plan import Known, Plan, arguments, plan_incident, plan_note
from router.messages.message import Message, build_message, decode_note
from router.model import MINUTE, SECOND, Destination, Micros
from router.notifier import Context, Job, Outcome, Reason, Rejected, Retry, Traits

TRAITS = Traits(
    content="revision",
    tells_the_past=True,
    repeats=False,
    folds=True,
    concurrency=1,
    # chat.postMessage takes about one message a second and channel, chat.update about 50 a minute (docs.slack.dev).
    per_minute=50,
)

CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{8,}")

LOOKED_FOR = MINUTE
"""How long a finished look-up holds: no other call for its delivery is made meanwhile."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Slack's part of the settings. Times are seconds."""

    api_url: str = "https://slack.com/api/"
    """Where Slack's Web API is; http only on loopback."""
    timeout: float = 10.0
    """For a call as a whole; a shorter one of the dispatcher's holds."""
    proxy: str = ""
    """An http proxy. Those of the environment are not used."""
    links: Literal["buttons", "text"] = "buttons"
    """Slack puts a warning beside a button that was pressed when the app has no interactivity URL; `text` avoids it."""
    lookup_messages: int = 200
    """Messages read at once when one is looked for; Slack advises against more than 200."""
    lookup_pages: int = 5
    """How often at most before it counts as not there."""
    lookup_margin: float = 300.0
    """How far the clocks here and at Slack may be apart."""

    def __post_init__(self) -> None:
        """ValueError when a value can't work."""
        address = urlsplit(self.api_url)
        if not address.hostname or address.username or address.query or address.fragment:
            raise ValueError("api_url must be an address such as https://slack.com/api/")
        if address.scheme != "https" and not (address.scheme == "http" and _is_loopback(address.hostname)):
            raise ValueError("api_url must begin with https://, http:// is for loopback: the token would be seen")
        if self.proxy and (urlsplit(self.proxy).scheme != "http" or not urlsplit(self.proxy).hostname):
            raise ValueError("proxy must begin with http://")
        if not (0 < self.timeout <= 120 and 0 <= self.lookup_margin <= 86_400):
            raise ValueError("timeout is above 0 and at most 120 seconds, lookup_margin at most a day")
        if not (1 <= self.lookup_messages <= 999 and 1 <= self.lookup_pages <= 100):
            raise ValueError("lookup_messages is 1 to 999, lookup_pages 1 to 100")


def destinations(team: Mapping[str, object]) -> tuple[Destination, ...]:
    """`slack: {channel: "#name", token: NAME}`."""
    told = team.get("slack")
    if not isinstance(told, Mapping):
        return ()
    return (Destination("slack", str(told["token"]), str(told["channel"])),)


def build(context: Context) -> Notifier:
    """Slack for all channels and tokens."""
    return Notifier(context)


class Notifier:
    """Makes the one call that comes next; the delivery's parts remember what was done."""

    def __init__(self, context: Context) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._settings = context.settings
        self._channels: dict[str, str] = {}
        """Ids of channels by destination key, as Slack has answered them."""
        self._looked: dict[tuple[str, str], Micros] = {}
        """When a look-up for a delivery was finished. Only in memory, and forgotten before anything is posted, so that
        a post whose answer is lost, in whatever way, is always looked up."""
        self._elsewhere: set[tuple[str, str]] = set()
        """Deliveries whose message is in a channel that is gone."""

    async def send(self, job: Job) -> Outcome:
        token = (self._context.secret(job.destination.secret) or "").strip()
        if not token:
            return Rejected(Reason.MISCONFIGURED, "destination", f"the secret {job.destination.secret} isn't there")

        def hide(text: str | bytes) -> str:
            return redact(text, [token])

        try:
            plan = self._plan(job)
        except ValueError as error:
            # decode_note's only; whatever else goes wrong with a message is a bug, and the others go on.
            if job.snapshot is None:
                return Rejected(Reason.BAD_MESSAGE, "message", "the note's payload can't be read")
            return Retry(Reason.BUG, detail=hide(f"{type(error).__name__}: {error}"))
        except Exception as error:  # noqa: BLE001  (see above)
            return Retry(Reason.BUG, detail=hide(f"{type(error).__name__}: {error}"))
        try:
            after = await self._call(job, plan, token)
        except Exception as error:  # noqa: BLE001  (a notifier raises nothing)
            return judge_exception(error, hide=hide)
        self._learn(job, after)
        return after.outcome

    async def close(self) -> None:
        # The session is everybody's; there is nothing else to give back.
        self._looked.clear()
        self._elsewhere.clear()

    def _plan(self, job: Job) -> Plan:
        key, destination = _key(job), job.destination
        is_id = CHANNEL_ID.fullmatch(destination.address)
        known = Known(
            channel=destination.address if is_id else self._channels.get(destination.key, ""),
            looked=self._context.now() - self._looked.get(key, -LOOKED_FOR) < LOOKED_FOR,
            elsewhere=key in self._elsewhere,
            as_buttons=self._settings.links == "buttons",
        )
        self._elsewhere.discard(key)
        if job.snapshot is None:
            return plan_note(job, decode_note(job.delivery.payload), known)

        def render(name: str, message: Message, change: str) -> str:
            try:
                return self._context.templates.render(name, job.delivery.team, message, change=change).strip()
            except KeyError:
                return ""

        message = build_message(job.snapshot, job.step, job.delivery, self._context.look())
        return plan_incident(job, message, known, render)

    async def _call(self, job: Job, plan: Plan, token: str) -> After:
        from router.channels.slack.client import SlackClient, SlackFault

        def hide(text: str | bytes) -> str:
            return redact(text, [token])

        settings = self._settings
        client = SlackClient(
            token, settings.api_url, self._context.session(), proxy=settings.proxy, now=self._context.now, hide=hide
        )
        margin = round(settings.lookup_margin * SECOND)
        method, given = arguments(plan, job, page=settings.lookup_messages, margin=margin)
        if plan.action in POSTING:
            # From here on nothing is certain any more, however the call ends.
            self._looked.pop(_key(job), None)
        try:
            answer = await client.ask(method, given, min(job.timeout, settings.timeout))
        except SlackFault as fault:
            return failed(plan, fault.outcome, fault.code, uncertain=job.uncertain)
        after = answered(plan, answer, pages=settings.lookup_pages)
        return after or After(bad_answer(200, f"an answer without channel and ts, with {sorted(answer)}", hide))

    def _learn(self, job: Job, after: After) -> None:
        key, now = _key(job), self._context.now()
        if after.channel:
            self._channels[job.destination.key] = after.channel
        elif after.channel == "":
            self._channels.pop(job.destination.key, None)
        if after.looked:
            self._looked = {known: at for known, at in self._looked.items() if now - at < LOOKED_FOR} | {key: now}
        if after.elsewhere:
            self._elsewhere.add(key)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _key(job: Job) -> tuple[str, str]:
    return job.delivery.incident_id, job.delivery.destination
