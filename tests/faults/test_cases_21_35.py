"""The fault matrix, cases 21 to 35: what people would have seen, and what the ledger says."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from fault_world import World, end, fire, incident, play, replace_team
from http_stub import Fault, Kind
from notifier_jobs import HOSTILE, PROBE
from router_process import Providers, RouterProcess, eventually
from router_world import PAYMENTS_SLACK
from webhooks import alert, webhook

from router.model import HOUR, INTERNAL_CLUSTER, SECOND, Destination, Shown, Status
from router.policies.internal import REFUSED, TRUNCATED
from router.routes import SeverityRoute


def own(name: str) -> str:
    """The incident of one of the router's own alerts."""
    return incident(name, team="platform", service="alert-router", cluster=INTERNAL_CLUSTER)


def own_pages(world: World, name: str) -> list[str]:
    """What the platform team was paged for by one of the router's own alerts."""
    found = world.pagerduty.incidents.get((world.secrets["PLATFORM_KEY"], own(name)), [])
    return [one["status"] for one in found]


# 21: message deleted, channel archived, token revoked


def test_case_21_a_deleted_slack_message_is_posted_anew_with_the_present_state():
    async def scenario():
        async with World() as world:
            fired = fire(severity="medium")
            await world.router.post([fired])
            await world.sleep(2)
            ts = world.slack.messages("#payments")[0]["ts"]
            world.slack.control({"delete": {"channel": "#payments", "ts": ts}})
            await world.router.post([end(fired)])
            await world.sleep(5)
            assert len(world.messages()) == 1
            assert "Resolved: Down" in world.messages()[0]
            assert world.slack.messages("#payments")[0]["ts"] != ts
            world.assert_at_rest()

    play(scenario)


def test_case_21_an_archived_channel_parks_pages_the_platform_team_and_catches_up_when_it_is_back():
    async def scenario():
        async with World() as world:
            world.slack.control({"archive": "#payments"})
            await world.router.post([fire(severity="medium")])
            await world.sleep(5)
            assert world.messages() == []
            assert own_pages(world, REFUSED) == ["triggered"]
            row = world.router.delivery(incident(), PAYMENTS_SLACK)
            assert (row.status, row.attempts) == (Status.WAITING, 0)
            world.slack.control({"unarchive": "#payments"})
            await world.sleep(70)
            assert len(world.messages()) == 1
            assert own_pages(world, REFUSED) == ["resolved"]
            world.assert_at_rest()

    play(scenario)


def test_case_21_an_edit_in_an_archived_channel_waits_and_is_made_when_it_is_back():
    async def scenario():
        async with World() as world:
            fired = fire(severity="medium")
            await world.router.post([fired])
            await world.sleep(2)
            world.slack.control({"archive": "#payments"})
            await world.router.post([end(fired)])
            await world.sleep(30)
            assert "Resolved" not in world.messages()[0]
            world.slack.control({"unarchive": "#payments"})
            await world.sleep(70)
            assert len(world.messages()) == 1
            assert "Resolved: Down" in world.messages()[0]
            world.assert_at_rest()

    play(scenario)


def test_case_21_a_revoked_token_parks_slack_alone_and_a_new_one_lets_all_through():
    async def scenario():
        async with World() as world:
            world.slack.control({"revoke": world.secrets["SLACK_TOKEN"]})
            for number in range(5):
                await world.router.post([fire(f"Down{number}", severity="high")])
            await world.sleep(20)
            assert [world.pages(f"Down{number}") for number in range(5)] == [["triggered"]] * 5
            assert own_pages(world, REFUSED) == ["triggered"]
            # A parked destination is probed, and hammered no more.
            assert len(world.slack.calls) < 12
            world.secrets["SLACK_TOKEN"] = "xoxb-2-of-a-test"
            await world.sleep(70)
            assert len(world.messages()) == 5
            assert own_pages(world, REFUSED) == ["resolved"]
            world.assert_at_rest()

    play(scenario)


# 22: resolve arrives while the trigger retries


def test_case_22_a_resolve_while_the_trigger_retries_pages_nobody_and_leaves_one_quiet_line():
    async def scenario():
        async with World() as world:
            world.pagerduty.plan.always = Fault(Kind.STATUS, 503)
            fired = fire()
            await world.router.post([fired])
            await world.sleep(4)
            await world.router.post([end(fired)])
            world.pagerduty.plan.always = Fault()
            await world.sleep(60)
            assert world.pages() == []
            assert len(world.pagerduty.events) == 0
            assert len(world.messages()) == 1
            assert "Over before it could be paged" in world.messages()[0]
            assert "superseded" in world.router.history(incident())
            assert set(world.router.ledger(incident())) == {"firing unavailable"}
            world.assert_at_rest()

    play(scenario)


def test_case_22_a_resolve_while_a_trigger_of_unknown_fate_retries_is_sent():
    async def scenario():
        async with World() as world:
            world.pagerduty.plan.script.append(Fault(Kind.RESET_AFTER))
            fired = fire()
            await world.router.post([fired])
            await world.sleep(0.5)
            assert world.router.delivery(incident()).shown.state is Shown.UNKNOWN
            await world.router.post([end(fired)])
            await world.sleep(30)
            assert world.pages() == ["resolved"]
            assert world.router.ledger(incident()) == ["firing reset", "resolved delivered"]
            world.assert_at_rest()

    play(scenario)


def test_case_22_a_resolve_while_the_trigger_is_under_way_follows_it():
    async def scenario():
        async with World() as world:
            world.pagerduty_wire.open.clear()
            fired = fire()
            await world.router.post([fired])
            await world.sleep(1)
            await world.router.post([end(fired)])
            await world.sleep(1)
            world.pagerduty_wire.open.set()
            await world.sleep(2)
            assert [event["event_action"] for event in world.pagerduty.events] == ["trigger", "resolve"]
            assert world.pages() == ["resolved"]
            world.assert_at_rest()

    play(scenario)


# 23: resolve before firing


def test_case_23_a_resolve_that_nobody_knows_the_firing_of_tells_nobody():
    async def scenario():
        async with World() as world:
            fired = fire(severity="high")
            await world.sleep(60)
            await world.router.post([end(fired)])
            await world.sleep(10)
            assert world.paged() == {}
            assert world.messages() == []
            assert world.router.history(incident()) == ["unknown_resolve"]
            world.assert_at_rest()

    play(scenario)


def test_case_23_a_firing_that_comes_after_its_own_resolve_pages_nobody_when_alertmanager_says_that_it_is_over():
    async def scenario():
        async with World() as world:
            world.peer.reachable = True
            fired = fire(severity="high")
            await world.sleep(60)
            await world.router.post([end(fired)])
            await world.router.post([fired])
            await world.sleep(30)
            assert world.paged() == {}
            assert world.messages() == []
            assert world.router.history(incident()) == ["unknown_resolve", "held", "dropped"]
            world.assert_at_rest()

    play(scenario)


def test_case_23_a_firing_that_comes_after_its_own_resolve_pages_when_it_does_burn():
    async def scenario():
        async with World() as world:
            world.peer.reachable = True
            fired = fire()
            world.peer.hold(fired)
            await world.sleep(60)
            await world.router.post([end(fired)])
            await world.router.post([fired])
            await world.sleep(5)
            assert world.pages() == ["triggered"]
            assert world.router.history(incident()) == ["unknown_resolve", "held", "reopened", "opened"]
            world.assert_at_rest()

    play(scenario)


def test_case_23_a_firing_that_comes_after_its_own_resolve_pages_when_nobody_can_be_asked():
    async def scenario():
        async with World() as world:
            fired = fire()
            await world.sleep(60)
            await world.router.post([end(fired)])
            await world.router.post([fired])
            await world.sleep(15)
            assert world.pages() == ["triggered"]
            world.assert_at_rest()

    play(scenario)


def test_case_23_the_next_episode_pages_as_usual():
    async def scenario():
        async with World() as world:
            world.peer.reachable = True
            fired = fire()
            await world.sleep(60)
            await world.router.post([end(fired)])
            await world.router.post([fired])
            await world.sleep(30)
            await world.router.post([fire()])
            await world.sleep(2)
            assert world.pages() == ["triggered"]
            world.assert_at_rest()

    play(scenario)


# 24: stale firing after resolve from a second peer


def test_case_24_a_stale_firing_of_the_second_peer_pages_nobody_again():
    async def scenario():
        async with World() as world:
            world.peer.reachable = True
            fired = fire(severity="high")
            await world.router.post([fired])
            await world.sleep(60)
            await world.router.post([end(fired)])
            await world.sleep(3)
            # The other peer's retry, which was under way when the alert resolved.
            await world.router.post([fired])
            await world.sleep(60)
            assert world.pages() == ["resolved"]
            assert len(world.messages()) == 1
            assert world.replies() == ["Resolved after 1 min."]
            assert world.router.history(incident()) == ["fired", "opened", "resolved", "closed", "held", "dropped"]
            world.assert_at_rest()

    play(scenario)


def test_case_24_a_stale_firing_pages_when_no_alertmanager_can_be_asked():
    async def scenario():
        async with World() as world:
            fired = fire()
            await world.router.post([fired])
            await world.sleep(60)
            await world.router.post([end(fired)])
            await world.sleep(3)
            await world.router.post([fired])
            await world.sleep(8)
            assert world.pages() == ["resolved"]
            await world.sleep(6)
            assert world.pages() == ["resolved", "triggered"]
            assert world.router.history(incident())[-3:] == ["held", "reopened", "opened"]
            # And the second peer's resolve ends it.
            await world.router.post([end(fired)])
            await world.sleep(3)
            assert world.pages() == ["resolved", "resolved"]
            world.assert_at_rest()

    play(scenario)


# 25: one webhook twice at once to two replicas


def test_case_25_one_webhook_twice_at_once_to_two_replicas_pages_once(store_url: str):
    async def scenario():
        import asyncio

        async with World(store_url) as world:
            other = await world.add("router-2")
            fired = fire(severity="high")
            await asyncio.gather(world.router.post([fired]), other.post([fired]))
            await world.sleep(3)
            assert world.pages() == ["triggered"]
            assert len(world.pagerduty.events) == 1
            assert len(world.messages()) == 1
            await asyncio.gather(world.router.post([end(fired)]), other.post([end(fired)]))
            await world.sleep(5)
            assert world.pages() == ["resolved"]
            assert world.replies() == ["Resolved."] or len(world.replies()) == 1
            assert world.router.history(incident()) == ["fired", "opened", "resolved", "closed"]
            assert world.router.ledger(incident()) == ["firing delivered", "resolved delivered"]
            world.assert_at_rest()

    play(scenario)


@pytest.mark.full
def test_case_25_two_real_replicas_that_get_the_same_webhooks_at_once_page_once_each(postgres, tmp_path: Path):
    url = postgres.create_schema()
    with (
        Providers() as providers,
        RouterProcess(tmp_path, providers, store=url, name="one") as one,
        RouterProcess(tmp_path, providers, store=url, name="two") as two,
    ):
        names = [f"Down{number}" for number in range(12)]
        bodies = [webhook([alert(name, labels={"team": "payments", "severity": "high"})]) for name in names]
        statuses: list[int] = []

        def post(router: RouterProcess) -> None:
            statuses.extend(router.post(body) for body in bodies)

        threads = [threading.Thread(target=post, args=(router,)) for router in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 24
        # A burst of Slack's is 4 messages, then one each 1.2 s.
        one.settled(seconds=40)
        assert providers.pagerduty.state()["opened"] == 12
        assert set(providers.slack.state()["posts"].values()) == {1}
        assert len(providers.slack.state()["posts"]) == 12


# 26: fire, resolve, fire within one window


def test_case_26_fire_resolve_fire_before_the_first_call_pages_once_for_what_is_true_now():
    async def scenario():
        async with World() as world:
            world.pagerduty_wire.down = True
            first = fire()
            await world.router.post([first])
            await world.sleep(1)
            await world.router.post([end(first)])
            await world.sleep(1)
            await world.router.post([fire()])
            world.pagerduty_wire.down = False
            await world.sleep(60)
            assert world.pages() == ["triggered"]
            row = world.router.delivery(incident())
            assert (row.shown.episode, row.shown.state) == (2, Shown.FIRING)
            assert "superseded" in world.router.history(incident())
            world.assert_at_rest()

    play(scenario)


def test_case_26_fire_resolve_fire_while_the_first_trigger_is_under_way_pages_twice():
    async def scenario():
        async with World() as world:
            world.pagerduty_wire.open.clear()
            first = fire()
            await world.router.post([first])
            await world.sleep(1)
            await world.router.post([end(first)])
            await world.sleep(1)
            await world.router.post([fire()])
            await world.sleep(1)
            world.pagerduty_wire.open.set()
            await world.sleep(5)
            actions = [event["event_action"] for event in world.pagerduty.events]
            assert actions == ["trigger", "resolve", "trigger"]
            assert world.pages() == ["resolved", "triggered"]
            world.assert_at_rest()

    play(scenario)


# 27: groupKey changes mid-episode


def test_case_27_a_group_key_that_changes_mid_episode_stays_one_incident():
    async def scenario():
        async with World() as world:
            fired = fire(severity="high")
            await world.router.post([fired], groupKey='{}:{alertname="Down"}')
            await world.sleep(5)
            await world.router.post([fired], groupKey='{}/{team="payments"}:{alertname="Down", team="payments"}')
            await world.sleep(5)
            await world.router.post([end(fired)], groupKey="{}/{}:{}")
            await world.sleep(5)
            assert world.pages() == ["resolved"]
            assert len(world.messages()) == 1
            assert world.router.incident(incident()).episode == 1
            world.assert_at_rest()

    play(scenario)


# 28: startsAt moves earlier


def test_case_28_a_start_that_moves_earlier_is_the_same_episode_and_still_resolves():
    async def scenario():
        async with World() as world:
            await world.sleep(100)
            fired = fire()
            earlier = fire(at=payload_now(world) - 40 * SECOND)
            await world.router.post([fired])
            await world.sleep(2)
            await world.router.post([earlier])
            await world.sleep(2)
            # As the peer tells it whose alert began earlier: it ended before the start that was first told.
            await world.router.post([end(earlier, at=payload_now(world) - 20 * SECOND)])
            await world.sleep(2)
            assert world.pages() == ["resolved"]
            assert world.router.incident(incident()).episode == 1
            world.assert_at_rest()

    play(scenario)


def test_case_28_a_start_that_moves_earlier_never_reaches_into_the_episode_before():
    async def scenario():
        async with World() as world:
            first = fire()
            await world.router.post([first])
            await world.sleep(60)
            await world.router.post([end(first)])
            await world.sleep(60)
            await world.router.post([fire()])
            await world.sleep(2)
            # A start from the first episode while the second fires, and then that episode's resolve once more.
            await world.router.post([first])
            await world.router.post([end(first, at=payload_now(world) - 62 * SECOND - 1)])
            await world.sleep(2)
            assert world.pages() == ["resolved", "triggered"]
            assert world.router.incident(incident()).open
            world.assert_at_rest()

    play(scenario)


def payload_now(world: World) -> int:
    return world.router.ground.now()


# 29: severity changes, is missing, CRITICAL, unknown


def test_case_29_a_severity_that_changes_stays_one_incident_and_one_page():
    async def scenario():
        async with World() as world:
            medium, high = fire(severity="medium"), fire(severity="high")
            await world.router.post([medium])
            await world.sleep(3)
            assert world.pages() == []
            # Another label is another alert for Alertmanager: it tells of both in one webhook.
            await world.router.post([end(medium), high])
            await world.sleep(5)
            assert world.pages() == ["triggered"]
            assert len(world.messages()) == 1
            assert world.replies() == ["⬆️ Now high (was medium)."]
            await world.router.post([end(high), fire(severity="medium")])
            await world.sleep(5)
            assert world.pages() == ["resolved"]
            assert world.replies()[1:] == ["⬇️ Now medium (was high)."]
            assert world.router.incident(incident()).episode == 1
            world.assert_at_rest()

    play(scenario)


@pytest.mark.parametrize("severity", [None, "", "CRITICAL", " Critical ", "P1", "sev0", "критично", "page\nme"])
def test_case_29_a_severity_that_is_missing_shouted_or_unknown_pages(severity):
    async def scenario():
        async with World() as world:
            await world.router.post([fire(severity=severity)])
            await world.sleep(3)
            assert world.pages() == ["triggered"]
            assert world.pagerduty.events[0]["payload"]["severity"] == "critical"
            world.assert_at_rest()

    play(scenario)


def test_case_29_an_unknown_severity_is_told_in_the_history():
    async def scenario():
        async with World() as world:
            await world.router.post([fire(severity="sev0")])
            await world.sleep(1)
            history = world.router.ask(lambda tx: tx.history(incident(), 10))[0]
            assert "'sev0' is unknown and counts as critical" in history[0].detail

    play(scenario)


def test_case_29_a_severity_that_means_nobody_is_recorded_and_told_to_nobody():
    async def scenario():
        async with World() as world:
            await world.router.post([fire(severity="info")])
            await world.sleep(5)
            assert world.paged() == {}
            assert world.messages() == []
            assert world.router.history(incident()) == ["fired"]
            world.assert_at_rest()

    play(scenario)


# 30: truncatedAlerts > 0


def test_case_30_left_out_alerts_page_the_platform_team_and_those_that_came_are_delivered():
    async def scenario():
        async with World() as world:
            await world.router.post([fire()], truncatedAlerts=7)
            await world.sleep(3)
            assert world.pages() == ["triggered"]
            assert own_pages(world, TRUNCATED) == ["triggered"]
            event = next(event for event in world.pagerduty.events if event["dedup_key"] == own(TRUNCATED))
            assert "7 alerts" in json.dumps(event)
            # The same again is the same incident; an hour after the last one it is over.
            await world.sleep(60)
            await world.router.post([fire()], truncatedAlerts=7)
            await world.sleep(3_500)
            assert own_pages(world, TRUNCATED) == ["triggered"]
            await world.sleep(150)
            assert own_pages(world, TRUNCATED) == ["resolved"]
            world.assert_at_rest()

    play(scenario)


# 31: mixed-status group


def test_case_31_a_group_of_which_some_fire_and_some_are_over_stays_open_and_says_so():
    async def scenario():
        async with World() as world:
            one, two = fire(severity="high", instance="a"), fire(severity="high", instance="b")
            await world.router.post([one, two])
            await world.sleep(3)
            await world.sleep(60)
            await world.router.post([end(one), two])
            await world.sleep(5)
            assert world.pages() == ["triggered"]
            assert world.replies() == ["1 alert resolved, 1 still firing."]
            await world.router.post([end(one), end(two)])
            await world.sleep(5)
            assert world.pages() == ["resolved"]
            assert len(world.messages()) == 1
            world.assert_at_rest()

    play(scenario)


@pytest.mark.parametrize("resolved_first", [True, False])
def test_case_31_an_alert_that_ends_as_another_begins_does_not_close_their_incident(resolved_first):
    async def scenario():
        async with World() as world:
            one = fire(instance="a")
            await world.router.post([one])
            await world.sleep(30)
            mixed = [end(one), fire(instance="b")]
            await world.router.post(mixed if resolved_first else mixed[::-1])
            await world.sleep(5)
            assert world.pages() == ["triggered"]
            assert world.router.incident(incident()).episode == 1
            world.assert_at_rest()

    play(scenario)


# 32: 10,000-alert payload


def test_case_32_a_payload_of_ten_thousand_alerts_pages_once_for_each_incident():
    async def scenario():
        async with World() as world:
            alerts = [fire(f"Down{number % 40}", instance=f"web-{number}") for number in range(10_000)]
            assert await world.router.post(alerts) == "accepted"
            await world.sleep(40)
            assert [world.pages(f"Down{number}") for number in range(40)] == [["triggered"]] * 40
            assert len(world.pagerduty.events) == 40
            assert world.router.incident(incident("Down7")).firing == 250
            world.assert_at_rest()

    play(scenario)


@pytest.mark.full
def test_case_32_a_real_router_takes_ten_thousand_alerts_in_one_webhook(tmp_path: Path, store_url: str):
    with Providers() as providers, RouterProcess(tmp_path, providers, store=store_url) as router:
        names = {"team": "payments"}
        alerts = [alert(f"Down{n % 5}", labels={**names, "instance": f"web-{n}"}) for n in range(10_000)]
        router.deliver(alerts)
        # The inbox is no sign: who asks PostgreSQL is not shown a row that is being applied.
        eventually(lambda: providers.pagerduty.state()["opened"] == 5, seconds=40)
        router.settled()
        assert providers.pagerduty.state()["opened"] == 5
        assert router.ask(lambda tx: len(tx.firing_alerts("main"))) == 10_000
        assert router.ask(lambda tx: tx.dead_letters(["dead"], 10)) == []


# 33: UTF-8 at the truncation limit, over 512 KB, over 3000 characters


@pytest.mark.parametrize("character", ["é", "漢", "🔥", "👨‍👩‍👧", "<", "&"])
@pytest.mark.parametrize("length", [1020, 1024, 3000, 70_000])
def test_case_33_texts_around_the_limits_are_cut_at_characters_and_taken_at_once(character, length):
    async def scenario():
        async with World() as world:
            fired = fire(severity="high") | {
                "annotations": {"summary": character * length, "description": character * length}
            }
            await world.router.post([fired])
            await world.sleep(5)
            assert world.pages() == ["triggered"]
            assert len(world.messages()) == 1
            assert world.slack.flaws() == []
            for row in world.router.ask(lambda tx: tx.deliveries([incident()]))[incident()]:
                assert (row.plain, row.attempts, row.status) == (False, 0, Status.SETTLED)
            # At the limits of what an alert may have, it is cut there already; that it is cut is seen.
            assert character in world.pagerduty.events[0]["payload"]["summary"]
            world.assert_at_rest()

    play(scenario)


def test_case_33_an_incident_of_several_megabytes_fits_into_half_a_megabyte():
    async def scenario():
        async with World() as world:
            long = {f"note{number}": "漢🔥" * 9_000 for number in range(40)}
            fired = fire(severity="high", **{f"label{number}": "🔥" * 1_000 for number in range(20)})
            fired |= {"annotations": {"summary": "It burns", **long}}
            assert len(webhook([fired])) > 2_000_000
            await world.router.post([fired])
            await world.sleep(5)
            assert world.pages() == ["triggered"]
            assert len(world.pagerduty.calls[0].request.body) <= 512 * 1024
            assert len(world.messages()) == 1
            assert world.router.delivery(incident()).plain is False
            world.assert_at_rest()

    play(scenario)


# 34: <!channel>, HTML, CRLF, template text in labels


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_case_34_hostile_text_in_labels_and_annotations_is_inert_everywhere(kind):
    async def scenario():
        async with World(smtp=True, severities=mailed()) as world:
            text = HOSTILE[kind][:3_000]
            labels = {"instance": text, "evil": text, text[:60]: "x"}
            if kind == "surrogate":
                # No Alertmanager can hash it, and JSON can carry it all the same.
                labels = {"instance": PROBE}
            annotations = {"summary": text, "description": text, "runbook_url": f"javascript:{text}"}
            for severity in ("high", "medium"):
                one = fire(f"Down{severity}", severity=severity, **labels) | {"annotations": annotations}
                await world.router.post([one])
            await world.sleep(10)
            assert world.pages("Downhigh") == ["triggered"]
            assert len(world.messages()) == 1
            assert (world.slack.pings(), world.slack.flaws()) == ([], [])
            assert len(world.smtp.mails) == 1
            mail = world.smtp.mails[0]
            assert mail.recipients == ("payments@example.com",)
            names = [name.lower() for name in mail.message]
            assert len(names) == len(set(names))
            assert not {"bcc", "x-injected"} & set(names)
            assert "<script" not in mail.part("html")
            assert PROBE in mail.part("plain")
            told = json.dumps(list(world.pagerduty.events)) + "".join(world.messages()) + mail.part("plain")
            assert "1337" not in told
            assert "javascript:" not in json.dumps(world.pagerduty.events[0].get("links", []))
            world.assert_at_rest()

    play(scenario)


def mailed() -> dict[str, SeverityRoute]:
    """Severities of which medium goes by mail."""
    return {
        "critical": SeverityRoute("at once", 0, ("pagerduty",)),
        "high": SeverityRoute("15m", 900 * SECOND, ("pagerduty", "slack")),
        "medium": SeverityRoute("1h", HOUR, ("email",)),
        "low": SeverityRoute("next business day", -1, ("email",)),
    }


# 35: SMTP 421, 550 on one of two recipients, drop after DATA


def test_case_35_a_busy_mail_server_costs_no_attempt_and_gets_the_mail_later():
    async def scenario():
        async with World(smtp=True, severities=mailed()) as world:
            world.smtp.plan.script.extend([Fault(Kind.STATUS, 421, "greeting")] * 8)
            await world.router.post([fire(severity="medium")])
            await world.sleep(600)
            assert len(world.smtp.mails) == 1
            ledger = world.router.ledger(incident(), "email:payments@example.com")
            assert ledger == ["firing rate_limited"] * 8 + ["firing delivered"]
            world.assert_at_rest()

    play(scenario)


def test_case_35_a_refused_recipient_parks_alone_while_the_other_gets_the_mail():
    async def scenario():
        async with World(smtp=True, severities=mailed()) as world:
            both = tuple(Destination("email", "", address) for address in ("gone@example.com", "here@example.com"))
            world.routes = replace_team(world.routes, "payments", "email", both)
            world.smtp.plan.always = Fault(Kind.STATUS, 550, "rcpt:gone@example.com")
            await world.router.post([fire(severity="medium")])
            await world.sleep(10)
            assert [mail.recipients for mail in world.smtp.mails] == [("here@example.com",)]
            assert world.router.delivery(incident(), "email:here@example.com").status is Status.SETTLED
            assert world.router.delivery(incident(), "email:gone@example.com").reason == "no_such_destination"
            assert own_pages(world, REFUSED) == ["triggered"]
            # Somebody makes the mailbox: it gets what is true then, and nobody else gets anything again.
            world.smtp.plan.always = Fault()
            await world.sleep(70)
            assert [mail.recipients for mail in world.smtp.mails] == [("here@example.com",), ("gone@example.com",)]
            assert own_pages(world, REFUSED) == ["resolved"]
            world.assert_at_rest()

    play(scenario)


def test_case_35_a_connection_that_drops_after_the_message_sends_the_same_mail_again():
    async def scenario():
        async with World(smtp=True, severities=mailed()) as world:
            world.smtp.plan.script.append(Fault(Kind.RESET_AFTER))
            fired = fire(severity="medium")
            await world.router.post([fired])
            await world.sleep(20)
            # Nobody can know whether it arrived; mailboxes and people recognise the same Message-ID.
            assert len(world.smtp.mails) == 2
            ids = {str(mail.message["Message-ID"]) for mail in world.smtp.mails}
            assert len(ids) == 1
            await world.router.post([end(fired)])
            await world.sleep(5)
            assert str(world.smtp.mails[2].message["In-Reply-To"]) in ids
            assert world.router.ledger(incident(), "email:payments@example.com") == [
                "firing reset",
                "firing delivered",
                "resolved delivered",
            ]
            world.assert_at_rest()

    play(scenario)
