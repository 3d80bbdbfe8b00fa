from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import message_samples
import msgspec
import pytest
from http_stub import Answer, Fault, Kind, Request
from hypothesis import given, settings
from hypothesis import strategies as st
from message_samples import OPENED
from notifier_jobs import NOTE, NOW, context, hostile_snapshot, make_job
from slack_stub import SlackStub

from router.messages.message import encode_note
from router.messages.templating import Templates
from router.model import MINUTE, NOTHING, SECOND, Destination, IncidentCounts, Mode, Shown, Snapshot, Status, View
from router.notifier import Delivered, Outcome, Reason, Rejected, Retry
from router.notifiers import slack
from router.planning import claim, settle, take_over

TOKEN = "xoxb-1234567890-abcDEF0123456789ghij"
CHANNEL = "#payments-alerts"
SLACK = Destination("slack", "SLACK_TOKEN", CHANNEL)


class World:
    """A delivery as the dispatcher moves it, with the real planning, against the stub."""

    def __init__(
        self, stub: SlackStub, session: aiohttp.ClientSession, destination: Destination, **chosen: Any
    ) -> None:
        self.stub = stub
        self.now = NOW
        self.patience = 5.0
        self.templates = Templates()
        stub.clock = lambda: self.now / SECOND
        stub.channel(CHANNEL)
        self.secrets = {"SLACK_TOKEN": TOKEN}
        self.session = session
        self.settings = slack.Settings(api_url=f"{stub.url}/api/", **chosen)
        self.destination = destination
        self.start_process()
        self.snapshot = message_samples.snapshot()
        self.row = message_samples.DELIVERY._replace(
            destination=destination.key, claim=NOTHING, owner="", status=Status.WAITING, wanted=NOTHING, since=NOW
        )
        self.outcomes: list[Outcome] = []

    def start_process(self) -> None:
        """Begin with an empty memory."""
        given = context(self.settings, self.secrets, self.session, templates=self.templates, now=lambda: self.now)
        self.notifier = slack.build(given)

    def want(self, snapshot: Snapshot | None = None, *, firing: bool | None = None) -> None:
        self.snapshot = snapshot or self.snapshot
        incident = self.snapshot.incident
        state = Shown.FIRING if (incident.open if firing is None else firing) else Shown.RESOLVED
        self.row = self.row._replace(
            wanted=View(incident.episode, state, incident.revision),
            since=self.row.since or self.now,
            status=Status.WAITING,
        )

    def change(self, **changes: Any) -> None:
        """The incident changes; `firing` is a number of alerts."""
        incident = self.snapshot.incident
        if "firing" in changes:
            severity = changes.get("severity", incident.severity)
            changes["counts"] = (IncidentCounts(severity, "payments", "", changes.pop("firing")),)
        incident = incident._replace(**changes)._replace(revision=incident.revision + 1)
        self.want(Snapshot(incident, self.snapshot.alerts))

    def resolve(self, after: int = 15 * MINUTE) -> None:
        self.change(open=False, counts=(), closed_at=self.snapshot.incident.opened_at + after)

    async def call(self) -> Outcome | None:
        """One claim and one call; None when there is nothing to do."""
        if self.row.status is not Status.CLAIMED:
            self.row = claim(self.row, "me", slack.TRAITS, self.now)
        if self.row.status is not Status.CLAIMED:
            return None
        job = make_job(self.destination, step=self.row.claim, snapshot=self.snapshot, timeout=self.patience)
        note = self.row.mode is Mode.NOTE
        uncertain = self.row.shown.state is Shown.UNKNOWN
        job = job._replace(delivery=self.row, uncertain=uncertain, snapshot=None if note else self.snapshot)
        before = self.stub.attempts
        outcome = await self.notifier.send(job)
        assert self.stub.attempts - before <= 1, "a call is one request"
        json.dumps(outcome.parts if isinstance(outcome, Delivered | Retry) else {})
        self.row = settle(
            self.row,
            outcome,
            now=self.now,
            traits=slack.TRAITS,
            breaker_open=False,
            jitter=0.5,
            repeat_interval=0,
            owner="me",
        ).delivery
        self.now += SECOND
        self.outcomes.append(outcome)
        return outcome

    async def settle(self) -> list[Outcome]:
        """Call until nothing is left to do."""
        outcomes: list[Outcome] = []
        for _ in range(25):
            outcome = await self.call()
            if outcome is None:
                return outcomes
            outcomes.append(outcome)
        raise AssertionError(f"never at rest: {outcomes[-4:]}")

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.stub.messages(CHANNEL)

    @property
    def message(self) -> dict[str, Any]:
        [message] = self.messages
        return message

    @property
    def thread(self) -> list[str]:
        return [reply["text"] for reply in self.stub.thread(CHANNEL, self.message["ts"])]


@asynccontextmanager
async def world(destination: Destination = SLACK, **chosen: Any) -> AsyncIterator[World]:
    async with SlackStub() as stub, aiohttp.ClientSession() as session:
        made = World(stub, session, destination, **chosen)
        yield made
        await made.notifier.close()
        assert stub.pings() == []
        assert stub.flaws() == []


def play(scenario: Callable[[World], Awaitable[None]], **chosen: Any) -> None:
    async def run() -> None:
        async with world(**chosen) as made:
            await scenario(made)

    asyncio.run(run())


def header(message: dict[str, Any]) -> str:
    return message["blocks"][0]["text"]["text"]


def colour(message: dict[str, Any]) -> str:
    return message["attachments"][0]["color"]


async def drive(world: World, **job: Any) -> None:
    """Send until the message is complete, for a worker to whom the delivery is uncertain all the time."""
    parts: dict[str, object] = {}
    for _ in range(8):
        outcome = await world.notifier.send(make_job(SLACK, uncertain=True, parts=parts, **job))
        assert isinstance(outcome, Delivered)
        if outcome.complete:
            return
        parts = dict(outcome.parts)
    raise AssertionError("never complete")


# The message and its thread


def test_an_incident_is_one_message_that_is_edited_with_its_transitions_in_the_thread():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        assert header(world.message) == "🟠 High: CheckoutErrorRate · checkout-api"
        assert colour(world.message) == "#f57c00"
        assert world.thread == []

        world.change(severity="critical", worst="critical", firing=4, total=4)
        await world.settle()
        assert header(world.message) == "🔴 Critical: CheckoutErrorRate · checkout-api"
        assert world.thread == ["⬆️ Now critical (was high). 3 more alerts fire (4)."]

        world.change(severity="high", firing=1)
        await world.settle()
        assert world.thread[1:] == ["⬇️ Now high (was critical). 3 alerts resolved, 1 still firing."]

        world.resolve()
        await world.settle()
        assert header(world.message) == "✅ Resolved: CheckoutErrorRate · checkout-api"
        assert colour(world.message) == "#2e7d32"
        assert world.thread[2:] == ["Resolved after 15 min."]
        assert world.row.status is Status.SETTLED
        methods = ["chat.postMessage", *["chat.update", "chat.postMessage"] * 3]
        assert world.stub.methods() == methods

    play(scenario)


def test_a_change_that_a_thread_need_not_know_is_only_an_edit():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.change(escalated=True)
        assert [outcome.detail for outcome in await world.settle()] == ["edited"]
        assert world.thread == []

    play(scenario)


def test_each_episode_has_its_own_message():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.resolve()
        await world.settle()
        world.change(episode=3, open=True, opened_at=OPENED + 20 * MINUTE, firing=1)
        await world.settle()
        first, second = world.messages
        assert header(first).startswith("✅ Resolved")
        assert header(second).startswith("🟠 High")
        assert second["metadata"]["event_payload"]["episode"] == 3
        assert len(world.stub.thread(CHANNEL, first["ts"])) == 1

    play(scenario)


def test_an_earlier_episode_is_closed_with_its_own_times_before_the_new_one_is_shown():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        # Resolved and fired again before a call could be made.
        world.change(episode=3, opened_at=OPENED + 20 * MINUTE, closed_at=OPENED + 5 * MINUTE, firing=7)
        await world.settle()
        first, second = world.messages
        assert header(first).startswith("✅ Resolved")
        assert [reply["text"] for reply in world.stub.thread(CHANNEL, first["ts"])] == ["Resolved after 5 min."]
        assert "lasted 5 min" in json.dumps(first["attachments"])
        assert header(second).startswith("🟠 High")

    play(scenario)


def test_while_it_flaps_one_message_goes_on_without_replies():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        for episode in (3, 4, 5):
            world.change(open=False, counts=(), closed_at=OPENED + episode * MINUTE, flapping=True)
            await world.settle()
            reopened = tuple(range(episode))
            world.change(episode=episode, open=True, firing=1, flapping=True, reopened=reopened)
            await world.settle()
        assert world.thread == []
        assert "flapping: reopened 5 times lately" in json.dumps(world.message["attachments"])
        assert world.message["metadata"]["event_payload"]["episode"] == 5
        # It calms down: this episode's end is told as usual, and the next has its own message.
        world.resolve()
        world.change(flapping=False, reopened=())
        await world.settle()
        assert world.thread == ["Resolved after 15 min."]
        world.change(episode=6, open=True, firing=1)
        await world.settle()
        assert len(world.messages) == 2

    play(scenario)


def test_what_is_over_before_it_was_shown_is_one_message_that_says_so():
    async def scenario(world: World) -> None:
        world.resolve()
        outcomes = await world.settle()
        assert len(outcomes) == 1
        assert header(world.message).startswith("✅ Resolved")
        assert "lasted 15 min" in json.dumps(world.message["attachments"])
        assert world.thread == []

    play(scenario)


def test_a_thread_is_told_although_the_incident_changes_with_every_call():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        for firing in range(2, 12):
            world.change(firing=firing)
            world.row = world.row._replace(status=Status.WAITING)
            await world.call()
        assert len(world.thread) >= 3
        await world.settle()
        assert world.thread[-1].endswith("(11).")

    play(scenario)


def test_an_assertion_of_what_is_shown_is_an_edit():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.row = world.row._replace(repeat_at=1)
        await world.settle()
        assert world.stub.methods() == ["chat.postMessage", "chat.update"]
        assert world.thread == []

    play(scenario)


def test_links_can_be_text_for_an_app_that_takes_no_clicks():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        blocks = world.message["attachments"][0]["blocks"]
        assert "actions" not in [block["type"] for block in blocks]
        assert "|Runbook>" in json.dumps(blocks)

    play(scenario, links="text")


def test_a_team_has_its_own_words_and_a_broken_template_is_replaced_by_ours(tmp_path):
    (tmp_path / "payments").mkdir()
    (tmp_path / "payments" / "slack_title.txt").write_text("{{ message.name }} & <!here>")
    (tmp_path / "slack_thread.txt").write_text("Ahoy: {{ change }}")
    (tmp_path / "slack_body.txt").write_text("{{ message.no_such_thing.at_all }}")
    told: list[str] = []

    async def scenario(world: World) -> None:
        world.templates = Templates(tmp_path, lambda path, detail: told.append(path))
        world.start_process()
        world.want()
        await world.settle()
        world.resolve()
        await world.settle()
        assert header(world.message) == "CheckoutErrorRate &amp; &lt;!here&gt;"
        assert world.thread == ["Ahoy: Resolved after 15 min."]
        assert "Checkout answers 7.3%" in json.dumps(world.message["attachments"])
        assert set(told) == {"slack_body.txt"}

    play(scenario)


# Lost answers


LOST = [
    pytest.param(Fault(Kind.RESET_AFTER), id="arrived, reset"),
    pytest.param(Fault(Kind.HANG, acts=True), id="arrived, no answer"),
    pytest.param(Fault(Kind.HTML, acts=True), id="arrived, a proxy answers"),
    pytest.param(Fault(Kind.STATUS, 502, acts=True), id="arrived, bad gateway"),
    pytest.param(Fault(Kind.RESET_BEFORE), id="never arrived, reset"),
    pytest.param(Fault(Kind.HANG), id="never arrived, no answer"),
]


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_post_is_looked_up_and_never_doubled(fault: Fault):
    async def scenario(world: World) -> None:
        world.patience = 0.4 if fault.kind is Kind.HANG else 5.0
        world.stub.plan.script.append(fault)
        world.want()
        await world.settle()
        assert header(world.message).startswith("🟠 High")
        assert "conversations.history" in world.stub.methods()
        world.resolve()
        await world.settle()
        assert header(world.message).startswith("✅ Resolved")

    play(scenario)


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_reply_is_looked_up_and_never_doubled(fault: Fault):
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.change(severity="critical", firing=3)
        await world.call()
        world.patience = 0.4 if fault.kind is Kind.HANG else 5.0
        world.stub.plan.script.append(fault)
        await world.settle()
        assert world.thread == ["⬆️ Now critical (was high). 2 more alerts fire (3)."]
        assert world.stub.methods().count("conversations.replies") == 1

    play(scenario)


def test_a_lost_reply_is_taken_into_account_by_the_next_one():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.change(severity="critical")
        await world.call()
        world.stub.plan.script.append(Fault(Kind.RESET_AFTER))
        await world.call()
        world.change(severity="critical", firing=4)
        await world.settle()
        assert world.thread == ["⬆️ Now critical (was high).", "3 more alerts fire (4)."]

    play(scenario)


def test_a_lost_edit_is_made_again():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.stub.plan.script.append(Fault(Kind.RESET_AFTER))
        world.resolve()
        await world.settle()
        assert header(world.message).startswith("✅ Resolved")
        assert world.thread == ["Resolved after 15 min."]
        assert "conversations.history" not in world.stub.methods()

    play(scenario)


def test_after_a_kill_the_next_owner_looks_first():
    async def scenario(world: World) -> None:
        world.want()
        world.row = claim(world.row, "me", slack.TRAITS, world.now)
        claimed = world.row
        await world.call()
        # The call was made, and its owner died before it could record anything.
        world.row = take_over(claimed, world.now, slack.TRAITS, MINUTE)
        world.start_process()
        await world.settle()
        assert len(world.messages) == 1
        assert world.stub.methods()[1:] == ["users.conversations", "conversations.history"]

    play(scenario)


def test_a_message_that_is_found_is_brought_up_to_date():
    async def scenario(world: World) -> None:
        world.stub.plan.script.append(Fault(Kind.RESET_AFTER))
        world.want()
        await world.call()
        world.change(severity="critical")
        await world.settle()
        assert header(world.message).startswith("🔴 Critical")
        assert world.thread == ["⬆️ Now critical (was high)."]

    play(scenario)


def test_a_look_up_reads_pages_until_it_finds():
    async def scenario(world: World) -> None:
        for number in range(6):
            world.stub.channel(f"#other-{number}")
        world.stub.plan.script.append(Fault(Kind.RESET_AFTER))
        world.want()
        await world.call()
        others = [{"ts": f"{(world.now + n) // SECOND}.9{n:05d}", "text": "chat", "versions": []} for n in range(5)]
        world.stub.channel(CHANNEL).messages.extend(others)
        await world.settle()
        assert len([message for message in world.messages if "blocks" in message]) == 1
        assert world.stub.methods().count("conversations.history") == 3

    play(scenario, lookup_messages=2)


def test_a_look_up_that_takes_too_many_pages_is_given_up_and_says_so():
    async def scenario(world: World) -> None:
        world.stub.plan.script.append(Fault(Kind.RESET_AFTER))
        world.want()
        await world.call()
        others = [{"ts": f"{(world.now + n) // SECOND}.9{n:05d}", "text": "chat", "versions": []} for n in range(9)]
        world.stub.channel(CHANNEL).messages.extend(others)
        outcomes = await world.settle()
        assert len([message for message in world.messages if "blocks" in message]) == 2
        assert any("may be there twice" in outcome.detail for outcome in outcomes)

    play(scenario, lookup_messages=2, lookup_pages=2)


@pytest.mark.parametrize("scopes", [{"chat:write"}, {"chat:write", "channels:read"}])
def test_without_the_scopes_to_look_it_posts_again_and_says_so(scopes: set[str]):
    async def scenario(world: World) -> None:
        world.stub.scopes = scopes
        world.stub.plan.script.append(Fault(Kind.RESET_AFTER))
        world.want()
        outcomes = await world.settle()
        assert len(world.messages) == 2
        assert any("missing_scope" in outcome.detail and "twice" in outcome.detail for outcome in outcomes)
        assert world.row.status is Status.SETTLED

    play(scenario)


def test_a_message_of_another_incident_or_episode_is_not_taken_for_ours():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.row = world.row._replace(parts={}, shown=NOTHING)
        world.change(episode=3)
        world.stub.plan.script.append(Fault(Kind.RESET_BEFORE))
        await world.settle()
        assert [message["metadata"]["event_payload"]["episode"] for message in world.messages] == [2, 3]

    play(scenario)


def test_a_look_up_that_fails_leaves_the_doubt():
    async def scenario(world: World) -> None:
        world.stub.plan.script.extend([Fault(Kind.RESET_AFTER), Fault(Kind.STATUS, 503), Fault(Kind.STATUS, 429, "3")])
        world.want()
        outcomes = await world.settle()
        assert [outcome.reason for outcome in outcomes[1:3] if isinstance(outcome, Retry)] == [
            Reason.UNAVAILABLE,
            Reason.RATE_LIMITED,
        ]
        assert len(world.messages) == 1

    play(scenario)


def test_a_worker_that_stays_uncertain_does_not_look_for_ever():
    async def scenario(world: World) -> None:
        await drive(world)
        methods = world.stub.methods()
        assert methods == ["users.conversations", "conversations.history", "chat.postMessage"]

    play(scenario)


def test_a_look_up_vouches_for_one_post_only():
    async def scenario(world: World) -> None:
        script = [Fault(Kind.RESET_BEFORE), Fault(), Fault(), Fault(Kind.RESET_AFTER)]
        world.stub.plan.script.extend(script)
        world.want()
        await world.settle()
        assert len(world.messages) == 1
        assert world.stub.methods().count("conversations.history") == 2

    play(scenario)


# What is gone


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_a_message_that_cannot_be_edited_is_posted_anew(code: str):
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.stub.fail(code, method="chat.update")
        world.change(severity="critical")
        outcomes = await world.settle()
        assert code in outcomes[0].detail
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert [header(message)[:4] for message in world.messages] == ["🟠 Hi", "🔴 Cr"]
        world.resolve()
        await world.settle()
        assert header(world.messages[1]).startswith("✅")

    play(scenario)


def test_a_deleted_message_is_posted_anew_with_the_state_of_now():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.stub.control({"delete": {"channel": CHANNEL, "ts": world.message["ts"]}})
        world.resolve()
        await world.settle()
        assert header(world.message).startswith("✅ Resolved")

    play(scenario)


def test_a_thread_whose_message_was_deleted_begins_anew():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.change(severity="critical")
        await world.call()
        world.stub.control({"delete": {"channel": CHANNEL, "ts": world.message["ts"]}})
        await world.settle()
        assert header(world.message).startswith("🔴 Critical")
        assert world.thread == []

    play(scenario)


def test_a_channel_without_threads_has_the_message_alone():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.change(severity="critical")
        await world.call()
        world.stub.fail("restricted_action_non_threadable_channel")
        outcomes = await world.settle()
        assert "no thread is possible" in outcomes[-1].detail
        assert world.row.status is Status.SETTLED

    play(scenario)


def test_an_archived_channel_is_a_fault_of_the_destination_and_its_message_is_kept():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.stub.control({"archive": CHANNEL})
        world.resolve()
        outcome = await world.call()
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.scope) == (Reason.NO_SUCH_DESTINATION, "destination")
        world.stub.control({"unarchive": CHANNEL})
        await world.settle()
        assert header(world.message).startswith("✅ Resolved")

    play(scenario)


def test_a_channel_made_anew_under_its_name_gets_the_message():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.stub.control({"remove": CHANNEL})
        world.resolve()
        first, second = await world.call(), await world.call()
        assert isinstance(first, Delivered)
        assert isinstance(second, Rejected)
        assert second.reason is Reason.NO_SUCH_DESTINATION
        world.stub.gone.clear()
        await world.settle()
        assert header(world.message).startswith("✅ Resolved")

    play(scenario)


def test_a_token_is_read_anew_for_each_call():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.stub.control({"revoke": TOKEN})
        world.resolve()
        outcome = await world.call()
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.scope) == (Reason.BAD_CREDENTIALS, "destination")
        world.secrets["SLACK_TOKEN"] = "xoxb-another-0123456789"
        await world.settle()
        assert header(world.message).startswith("✅ Resolved")

    play(scenario)


# Slack's codes


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ratelimited", Reason.RATE_LIMITED),
        ("rate_limited", Reason.RATE_LIMITED),
        ("service_unavailable", Reason.UNAVAILABLE),
        ("request_timeout", Reason.UNAVAILABLE),
        ("fatal_error", Reason.UNAVAILABLE),
        ("internal_error", Reason.UNAVAILABLE),
        ("channel_not_found", Reason.NO_SUCH_DESTINATION),
        ("not_in_channel", Reason.NO_SUCH_DESTINATION),
        ("is_archived", Reason.NO_SUCH_DESTINATION),
        ("invalid_auth", Reason.BAD_CREDENTIALS),
        ("token_revoked", Reason.BAD_CREDENTIALS),
        ("token_expired", Reason.BAD_CREDENTIALS),
        ("account_inactive", Reason.BAD_CREDENTIALS),
        ("not_authed", Reason.BAD_CREDENTIALS),
        ("missing_scope", Reason.BAD_CREDENTIALS),
        ("no_permission", Reason.BAD_CREDENTIALS),
        ("invalid_blocks", Reason.BAD_MESSAGE),
        ("msg_too_long", Reason.BAD_MESSAGE),
        ("msg_blocks_too_long", Reason.BAD_MESSAGE),
        ("no_text", Reason.BAD_MESSAGE),
        ("invalid_attachments", Reason.BAD_MESSAGE),
        ("too_many_attachments", Reason.BAD_MESSAGE),
        ("never_heard_of_it", Reason.BAD_ANSWER),
    ],
)
def test_a_code_has_its_reason(code: str, reason: Reason):
    async def scenario(world: World) -> None:
        world.stub.fail(code)
        world.want()
        outcome = await world.call()
        assert not isinstance(outcome, Delivered)
        assert outcome
        assert outcome.reason is reason
        assert code in outcome.detail
        if isinstance(outcome, Rejected):
            assert (outcome.scope == "message") is (reason is Reason.BAD_MESSAGE)
        else:
            handled = code in {"fatal_error", "internal_error", "never_heard_of_it"}
            assert outcome.maybe_shown is handled

    play(scenario)


@pytest.mark.parametrize("code", ["fatal_error", "internal_error"])
def test_what_slack_calls_a_failure_may_have_happened(code: str):
    async def scenario(world: World) -> None:
        world.stub.fail(code, acts=True)
        world.want()
        await world.settle()
        assert len(world.messages) == 1

    play(scenario)


def test_a_limit_is_waited_for_as_long_as_slack_asks():
    async def scenario(world: World) -> None:
        world.stub.per_minute = 1
        world.want()
        await world.settle()
        world.resolve()
        await world.call()
        outcome = await world.call()
        assert outcome == Retry(Reason.RATE_LIMITED, 1.0, detail=outcome.detail if outcome else "")
        assert world.row.attempts == 0

    play(scenario)


def test_a_rejected_message_is_told_in_plain_text():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.stub.fail("invalid_blocks", response_metadata={"messages": ["[ERROR] a block is wrong"]})
        world.resolve()
        outcomes = await world.settle()
        assert "a block is wrong" in outcomes[0].detail
        assert world.message["blocks"] == []
        assert world.message["attachments"] == []
        assert world.message["text"].startswith("✅ Resolved: CheckoutErrorRate")
        assert world.thread == ["Resolved after 15 min."]

    play(scenario)


def test_rejected_metadata_are_left_out_of_the_plain_text():
    async def scenario(world: World) -> None:
        world.stub.fail("metadata_must_be_sent_from_app")
        world.want()
        await world.settle()
        assert "metadata" not in world.message
        assert world.row.status is Status.SETTLED

    play(scenario)


def test_an_answer_without_a_message_id_is_not_believed():
    async def scenario(world: World) -> None:
        world.stub.answer = lambda _: Answer(200, b'{"ok": true}')  # type: ignore[method-assign]
        world.want()
        outcome = await world.call()
        assert isinstance(outcome, Retry)
        assert (outcome.reason, outcome.maybe_shown) == (Reason.BAD_ANSWER, True)

    play(scenario)


# Notes


def note_world(world: World) -> None:
    view = View(1, Shown.FIRING, 0)
    world.row = world.row._replace(incident_id="note-7", mode=Mode.NOTE, payload=encode_note(NOTE), wanted=view)


def test_a_note_is_posted_once():
    async def scenario(world: World) -> None:
        note_world(world)
        await world.settle()
        assert header(world.message) == NOTE.title
        assert "CartQueueLong, since 02:11" in json.dumps(world.message["attachments"])
        assert world.stub.methods() == ["chat.postMessage"]

    play(scenario)


@pytest.mark.parametrize("fault", [Fault(Kind.RESET_AFTER), Fault(Kind.RESET_BEFORE)])
def test_a_lost_note_is_looked_up(fault: Fault):
    async def scenario(world: World) -> None:
        world.stub.plan.script.append(fault)
        lost = await world.notifier.send(make_job(SLACK, note=NOTE))
        assert isinstance(lost, Retry)
        assert lost.maybe_shown
        await drive(world, note=NOTE)
        assert header(world.message) == NOTE.title
        assert "conversations.history" in world.stub.methods()

    play(scenario)


# Hostile text and configuration


def test_nothing_that_stands_in_a_label_pings_anybody_in_any_version_of_the_message():
    async def scenario(world: World) -> None:
        world.want(hostile_snapshot())
        await world.settle()
        world.change(severity="critical", firing=30)
        await world.settle()
        world.row = world.row._replace(plain=True)
        world.resolve()
        world.row = world.row._replace(plain=True)
        await world.settle()
        assert len(world.message["versions"]) == 2
        assert world.thread
        # `world` asserts that the stub has seen no ping and no broken escape.

    play(scenario)


def test_metadata_that_somebody_else_wrote_cannot_put_words_into_the_thread():
    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        world.message["metadata"]["event_payload"] |= {"severity": "<!channel>", "firing": "<!here>", "state": ["x"]}
        world.row = world.row._replace(parts={}, shown=View(2, Shown.UNKNOWN, 0), status=Status.WAITING)
        world.change(severity="critical")
        await world.settle()
        assert len(world.messages) == 1
        assert all("<!" not in text for text in world.thread)

    play(scenario)


def test_a_channel_may_be_given_by_its_id():
    async def scenario(world: World) -> None:
        assert world.stub.channel(CHANNEL).id == "C00000001"
        world.stub.plan.script.append(Fault(Kind.RESET_AFTER))
        world.want()
        await world.settle()
        assert world.stub.methods() == ["chat.postMessage", "conversations.history"]

    play(scenario, destination=Destination("slack", "SLACK_TOKEN", "C00000001"))


def test_a_team_has_one_channel():
    team = {"slack": {"channel": "#payments-alerts", "token": "SLACK_TOKEN"}}
    assert slack.destinations(team) == (SLACK,)
    assert Destination.parse(SLACK.key) == SLACK
    assert slack.destinations({"pagerduty": {}}) == ()


@pytest.mark.parametrize(
    "document",
    [
        {"api_url": "ftp://slack.com"},
        {"api_url": "https://"},
        {"api_url": "http://slack.com/api/"},
        {"api_url": "https://me@slack.com/api/"},
        {"proxy": "socks5://127.0.0.1"},
        {"timeout": 0},
        {"lookup_messages": 1_000},
        {"lookup_pages": 0},
        {"links": "none"},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(document: dict[str, object]):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, slack.Settings)


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def scenario(world: World) -> None:
        world.want()
        await world.settle()
        assert world.messages

    play(scenario)


# Whatever happens


FAULTS = [
    Fault(),
    Fault(Kind.RESET_AFTER),
    Fault(Kind.RESET_BEFORE),
    Fault(Kind.STATUS, 503),
    Fault(Kind.STATUS, 429, "1"),
    Fault(Kind.STATUS, 502, acts=True),
    Fault(Kind.HTML, acts=True),
]
CHANGES: dict[str, dict[str, Any]] = {
    "worse": {"severity": "critical", "worst": "critical"},
    "better": {"severity": "high"},
    "more": {"firing": 5},
    "fewer": {"firing": 1},
}


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.sampled_from([*CHANGES, "resolve", "reopen", "kill", "call", "settle"]), max_size=12),
    faults=st.lists(st.sampled_from(FAULTS), max_size=12),
)
def test_whatever_happens_each_episode_has_one_message_that_ends_up_true(steps: list[str], faults: list[Fault]):
    async def scenario(world: World) -> None:
        world.stub.plan.script.extend(faults)
        world.want()
        for step in steps:
            incident = world.snapshot.incident
            if step in CHANGES and incident.open:
                world.change(**CHANGES[step])
            elif step == "resolve" and incident.open:
                world.resolve()
            elif step == "reopen" and not incident.open:
                world.change(episode=incident.episode + 1, open=True, firing=1, opened_at=world.now)
            elif step == "kill":
                await kill(world)
            elif step == "call":
                await world.call()
            elif step == "settle":
                await attempt_all(world)
        world.stub.plan.script.clear()
        await attempt_all(world)
        assert world.row.status is Status.SETTLED
        shown = {}
        for message in world.messages:
            payload = message["metadata"]["event_payload"]
            assert payload["episode"] not in shown, "an episode was told twice"
            shown[payload["episode"]] = message
            replies = [reply["metadata"]["event_payload"] for reply in world.stub.thread(CHANNEL, message["ts"])]
            for before, after in itertools.pairwise(replies):
                told = [(reply["state"], reply["severity"], reply["firing"]) for reply in (before, after)]
                assert told[0] != told[1], "a thread was told the same twice"
        last = shown[world.snapshot.incident.episode]
        assert header(last).startswith("✅") is not world.snapshot.incident.open
        assert all(header(message).startswith("✅") for message in world.messages if message is not last)
        assert last["metadata"]["event_payload"]["severity"] == world.snapshot.incident.severity

    play(scenario)


async def attempt_all(world: World) -> None:
    """Call until all is settled, however many attempts it takes."""
    for _ in range(80):
        if world.row.status is Status.DEAD:
            world.row = world.row._replace(status=Status.WAITING, attempts=0)
        if await world.call() is None:
            return
    raise AssertionError("never at rest")


async def kill(world: World) -> None:
    """A replica dies after its call, before it recorded anything; another takes over."""
    if world.row.status is not Status.CLAIMED:
        world.row = claim(world.row, "me", slack.TRAITS, world.now)
    claimed = world.row
    if claimed.status is not Status.CLAIMED:
        return
    await world.call()
    world.row = take_over(claimed._replace(wanted=world.row.wanted), world.now, slack.TRAITS, MINUTE)
    world.start_process()


def test_a_send_that_is_cancelled_leaves_a_doubt_that_the_next_one_resolves():
    async def scenario(world: World) -> None:
        world.stub.plan.script.append(Fault(Kind.HANG, acts=True))
        received, answer = asyncio.Event(), world.stub.answer

        def answer_and_tell(request: Request) -> Answer:
            received.set()
            return answer(request)

        world.stub.answer = answer_and_tell  # type: ignore[method-assign]
        sending = asyncio.create_task(world.notifier.send(make_job(SLACK)))
        await received.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await drive(world)
        assert len(world.messages) == 1

    play(scenario)


# The stub as a process


@pytest.mark.full
def test_the_stub_is_a_process_that_can_be_steered():
    stub = Path(__file__).parents[2] / "support" / "slack_stub.py"
    with subprocess.Popen([sys.executable, str(stub)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = json.loads(process.stdout.readline())["url"]

        def ask(path: str, document: object = None) -> Any:
            body = None if document is None else json.dumps(document).encode()
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
            with urllib.request.urlopen(urllib.request.Request(url + path, body, headers), timeout=5) as answer:
                return json.load(answer)

        try:
            posted = ask("/api/chat.postMessage", {"channel": "#x", "text": "hello <!here>"})
            assert posted["ok"]
            ask("/_control", {"codes": [{"code": "fatal_error"}], "archive": "#x"})
            assert ask("/api/auth.test", {})["error"] == "fatal_error"
            assert ask("/api/chat.postMessage", {"channel": "#x", "text": "hello"})["error"] == "is_archived"
            assert ask("/_state")["pings"] == ["<!here>"]
        finally:
            process.terminate()
            process.wait(10)
