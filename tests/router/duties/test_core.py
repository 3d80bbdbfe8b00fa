"""The loop that runs duties."""

import asyncio
from contextlib import suppress

import virtual_loop

from router.duties.core import Duty, run_duty
from router.store import StoreUnavailable


def times(duty_seconds, took, *, rest=0.0, wake=None, until=100.0):
    """When a duty was begun."""
    began = []

    async def scenario():
        loop = asyncio.get_running_loop()

        async def work():
            began.append(loop.time() - start)
            await asyncio.sleep(took)
            raise StoreUnavailable("a bad hour ends no duty")

        start = loop.time()
        task = asyncio.create_task(run_duty(Duty("it", duty_seconds, work, wake() if wake else None, rest=rest)))
        await asyncio.sleep(until)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    virtual_loop.run(scenario())
    return [round(moment, 3) for moment in began]


def test_a_duty_comes_every_so_many_seconds():
    assert times(10.0, 0.0, rest=9.0, until=35) == [0, 10, 20, 30]


def test_one_that_takes_long_rests_the_longer():
    assert times(1.0, 2.0, rest=9.0, until=45) == [0, 20, 40]


def test_one_that_has_to_be_in_time_comes_whatever_it_takes():
    assert times(1.0, 2.0, until=7) == [0, 3, 6]


def test_one_that_is_woken_doesnt_rest():
    def woken():
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(5.0, event.set)
        return event

    assert times(30.0, 1.0, rest=9.0, wake=woken, until=20) == [0, 5]
