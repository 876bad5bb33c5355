"""The orchestrator's heartbeat: who hears it no more stops what moves."""

from __future__ import annotations

import asyncio

from in_ros import in_ros
from served_skills import ignore, mount, served

from microcell.ros.heartbeat import Heart, Watchdog
from microcell.skills.contract import Outcome


@in_ros
async def test_a_heartbeat_that_stops_is_noticed_and_one_that_never_was_is_not_missed(runtime):
    lost, unheard = asyncio.Event(), asyncio.Event()
    watchdog = Watchdog(runtime, runtime.create_node("watching"), 2.0, lost.set)
    off = Watchdog(runtime, runtime.create_node("not_watching"), 0.0, unheard.set)
    heart = Heart(runtime.create_node("beating"), "me")
    while watchdog._timer is None:
        await asyncio.sleep(0.05)
    await heart.close()
    await lost.wait()
    assert not unheard.is_set()
    watchdog.close()
    off.close()


@in_ros
async def test_a_skill_server_without_an_orchestrator_leaves_its_skill_safe(runtime):
    async with served(runtime) as cell:
        running = asyncio.ensure_future(cell.port.execute(mount(), ignore))
        while not cell.steps:
            await asyncio.sleep(0.02)
        cell.server._orchestrator_lost()
        result = await running
        assert (result.outcome, result.fault.code) == (Outcome.CANCELLED, "SKILL_CANCELLED")
        assert not cell.devices["arm"]._following
