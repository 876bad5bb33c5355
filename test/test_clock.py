"""Virtual time: it jumps to what happens next, and tells a deadlock."""

from __future__ import annotations

import asyncio

import pytest

from microcell.clock import DeadlockError, LoopClock, run_virtual


def test_a_wait_ends_as_soon_as_its_future_is_done():
    async def main():
        clock = LoopClock(0.0)
        door = asyncio.get_running_loop().create_future()
        opening = asyncio.ensure_future(after(clock, 2.0, lambda: door.set_result(None)))
        opened = await clock.wait(door, 10.0)
        await opening
        return opened, clock.now()

    assert run_virtual(main()) == (True, 2.0)


def test_a_wait_lasts_no_longer_than_it_may_and_leaves_the_future_as_it_is():
    async def main():
        clock = LoopClock(0.0)
        door = asyncio.get_running_loop().create_future()
        opened = await clock.wait(door, 10.0)
        return opened, clock.now(), door.cancelled()

    assert run_virtual(main()) == (False, 10.0, False)


def test_a_cancelled_wait_leaves_no_timer_behind():
    async def main():
        clock = LoopClock(0.0)
        door = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(clock.wait(door, 10.0))
        await clock.sleep(1.0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await door

    with pytest.raises(DeadlockError, match="every task waits for another"):
        run_virtual(main())


def test_who_waits_for_rest_is_told_when_nothing_can_happen_any_more():
    async def main():
        loop = asyncio.get_running_loop()
        resting, never = loop.at_rest(), loop.create_future()
        later = asyncio.ensure_future(LoopClock(0.0).sleep(10.0))
        await asyncio.wait((resting, never), return_when=asyncio.FIRST_COMPLETED)
        return later.done(), resting.done(), never.done(), loop.time()

    assert run_virtual(main()) == (True, True, False, 10.0)


def test_tasks_of_the_same_instant_go_on_in_their_order():
    order = []

    async def main():
        clock = LoopClock(0.0)
        await asyncio.gather(*(after(clock, 1.0, lambda name=name: order.append(name)) for name in "abc"))

    run_virtual(main())
    assert order == ["a", "b", "c"]


async def after(clock, duration_s, act):
    await clock.sleep(duration_s)
    act()
