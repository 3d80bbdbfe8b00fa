"""A webhook that can't be applied: it is put where a person sees it, and nothing else waits for it."""

import asyncio

import pytest
import virtual_loop
from router_world import PAYMENTS_PAGERDUTY, PLATFORM_PAGERDUTY, alert
from scripted_world import World

from router.model import Shown
from router.store import CommitUnknown, StoreError, StoreUnavailable


def poisoned(replica, error, *, name="Poison", times=1_000_000):
    """Let whatever contains that alert fail with that error, so many times."""
    apply = replica.ingest._applier.apply
    left = [times]

    def failing(tx, incoming, now):
        if left[0] and any(one.labels.get("alertname") == name for item in incoming for one in item.alerts):
            left[0] -= 1
            raise error
        return apply(tx, incoming, now)

    replica.ingest._applier.apply = failing


def told(world, destination):
    return sorted(name for name, _, state in world.channel("pagerduty").whats() if state == "firing")


@pytest.mark.parametrize("error", [ValueError("a bug"), StoreError("the store can't keep this value")])
def test_it_is_put_into_quarantine_and_the_others_are_told(error):
    async def scenario():
        world = World()
        async with world.replica("a") as router:
            poisoned(router, error)
            names = ["One", "Poison", "Two"]
            await asyncio.gather(*(router.webhook(alert(name)) for name in names))
            await router.settled(10)
            assert [row.reason for row in world.database.quarantined.values()] == [
                f"it can't be applied: {type(error).__name__}"
            ]
            assert not world.database.inbox
            assert world.showing(PAYMENTS_PAGERDUTY) == world.showing(PLATFORM_PAGERDUTY) == {Shown.FIRING}
            assert told(world, PAYMENTS_PAGERDUTY) == ["AlertRouterUnreadableWebhook", "One", "Two"]

    virtual_loop.run(scenario())


def test_a_store_that_fails_just_then_puts_it_aside_later():
    async def scenario():
        world = World()
        async with world.replica("a") as router:
            poisoned(router, ValueError("a bug"))
            router.store.fail("add_quarantine", times=3)
            await router.webhook(alert("Poison"))
            await asyncio.sleep(1)
            assert len(world.database.inbox) == 1
            await router.webhook(alert("Other"))
            await asyncio.sleep(1)
            assert "Other" in told(world, PAYMENTS_PAGERDUTY)
            await asyncio.sleep(60)
            assert len(world.database.quarantined) == 1
            assert not world.database.inbox
            assert router.ingest.pending == 0
            assert "AlertRouterUnreadableWebhook" in told(world, PLATFORM_PAGERDUTY)

    virtual_loop.run(scenario())


@pytest.mark.parametrize("error", [StoreUnavailable("it is away"), CommitUnknown("the connection was lost")])
def test_what_the_stores_own_trouble_stops_is_applied_in_its_order_after_it(error):
    async def scenario():
        world = World()
        async with world.replica("a") as router:
            # First it is one of the alerts that fails, which makes each be tried alone; then it is the store.
            poisoned(router, error, name="First", times=9)
            poisoned(router, ValueError("a bug"), times=1)
            seen = []
            apply = router.ingest._applier.apply

            def watched(tx, incoming, now):
                applied = apply(tx, incoming, now)
                seen.extend(one.labels["alertname"] for item in incoming for one in item.alerts)
                return applied

            router.ingest._applier.apply = watched
            names = ["First", "Poison", "Last"]
            await asyncio.gather(*(router.webhook(alert(name)) for name in names))
            await router.settled(30)
            assert seen == names
            assert not world.database.quarantined

    virtual_loop.run(scenario())
