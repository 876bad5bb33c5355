"""Waiting for a device's answer, but not for ever."""

from __future__ import annotations

import asyncio

import pytest

from microcell.clock import LoopClock, run_virtual
from microcell.devices.patience import TooLateError, within


class Device:
    """Answers after some time, and notes how its command ended."""

    def __init__(self, clock: LoopClock) -> None:
        self.clock = clock
        self.endings: list[str] = []

    async def answer(self, after_s: float, *, fails: bool = False) -> float:
        try:
            await self.clock.sleep(after_s)
            await self.clock.sleep(after_s)
        except asyncio.CancelledError:
            self.endings.append("cancelled")
            raise
        if fails:
            raise ValueError("it burns")
        self.endings.append("answered")
        return self.clock.now()

    async def at_once(self) -> str:
        return "here"


def with_device(scenario):
    async def run():
        clock = LoopClock(0.0)
        return await scenario(Device(clock), clock)

    return run_virtual(run())


def test_an_answer_in_time_is_the_answer():
    async def scenario(device, clock):
        assert await within(clock, 5.0, device.answer(2.0)) == 4.0
        assert device.endings == ["answered"]

    with_device(scenario)


def test_an_answer_at_once_needs_no_task():
    async def scenario(device, clock):
        before = len(asyncio.all_tasks())
        command = device.at_once()
        assert await within(clock, 5.0, command) == "here"
        assert len(asyncio.all_tasks()) == before

    with_device(scenario)


def test_what_comes_too_late_is_cancelled_and_told():
    async def scenario(device, clock):
        with pytest.raises(TooLateError):
            await within(clock, 3.0, device.answer(2.0))
        assert (clock.now(), device.endings) == (3.0, ["cancelled"])

    with_device(scenario)


def test_an_error_of_the_command_comes_through():
    async def scenario(device, clock):
        with pytest.raises(ValueError, match="it burns"):
            await within(clock, 5.0, device.answer(1.0, fails=True))

    with_device(scenario)


def test_who_is_cancelled_waits_until_the_command_is_still():
    async def scenario(device, clock):
        waiting = asyncio.ensure_future(within(clock, 100.0, device.answer(2.0)))
        await clock.sleep(1.0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (clock.now(), device.endings) == (1.0, ["cancelled"])

    with_device(scenario)
