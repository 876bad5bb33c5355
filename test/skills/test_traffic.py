"""Traffic: an arm whose way crosses another's motion waits for it, and tells who does not give way."""

from __future__ import annotations

import asyncio
import math

import pytest

from microcell.clock import LoopClock, run_virtual
from microcell.description.loader import load_line
from microcell.devices.factory import DeviceHost, make_devices
from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy
from microcell.motion.planner import Load, MotionPlanner
from microcell.plant.plant import Plant
from microcell.skills.traffic import WAIT_S, Traffic

TWIN = load_line("valve_twin")
ARMS = ("left_arm", "right_arm")
PLANNERS = {arm: MotionPlanner(TWIN, arm) for arm in ARMS}
HOME = {arm: tuple(PLANNERS[arm].spec.home_rad) for arm in ARMS}
DOWN = from_rpy(math.pi, 0.0, 0.0)


def to(arm, start, x, y, z=0.30, speed_ratio=1.0):
    """A joint motion of a bare arm, and the joints at its end."""
    spec = PLANNERS[arm].spec
    flange = spec.base_in_cell.pose.inverse() @ Pose((x, y, z), DOWN)
    goal = PLANNERS[arm].inverse(flange, HOME[arm], Load())
    return PLANNERS[arm].joint_move(start, goal, speed_ratio, Load())


class Road:
    """Both arms in a plant, and what they did when."""

    def __init__(self):
        self.clock = LoopClock(epoch_s=0.0)
        self.devices = make_devices(DeviceHost(TWIN, self.clock, Plant(TWIN, 1, self.clock)), "virtual", camera="modelled")
        self.traffic = Traffic(TWIN, self.clock, self.devices)
        self.started = {}

    async def go(self, arm, trajectory):
        async with self.traffic.motion(arm, Load(), trajectory):
            self.started.setdefault(arm, []).append(self.clock.now())
            await self.devices[arm].follow(trajectory)
        return trajectory.positions[-1]


def on_the_road(story):
    async def run():
        road = Road()
        for arm in ARMS:
            await road.devices[arm].connect()
        return await story(road)

    return run_virtual(run())


def test_arms_that_keep_apart_start_at_once():
    async def story(road):
        left, right = to("left_arm", HOME["left_arm"], -0.10, 0.34), to("right_arm", HOME["right_arm"], 0.10, -0.34)
        await asyncio.gather(road.go("left_arm", left), road.go("right_arm", right))
        return road.started

    assert on_the_road(story) == {"left_arm": [0.0], "right_arm": [0.0]}


def test_an_arm_waits_until_the_other_has_left_the_place_that_it_goes_to():
    async def story(road):
        there = to("left_arm", HOME["left_arm"], 0.0, -0.34)
        await road.go("left_arm", there)
        back = PLANNERS["left_arm"].joint_move(there.positions[-1], HOME["left_arm"], 0.3, Load())
        leaving = asyncio.ensure_future(road.go("left_arm", back))
        await asyncio.sleep(0.0)
        began_s = road.clock.now()
        await road.go("right_arm", to("right_arm", HOME["right_arm"], 0.0, -0.34))
        await leaving
        return began_s, road.started["right_arm"][0], began_s + back.duration_s

    began_s, started_s, left_s = on_the_road(story)
    assert began_s < started_s <= left_s + 1e-6


def test_an_arm_that_stands_in_the_way_for_good_blocks_the_other_and_is_named():
    async def story(road):
        await road.go("left_arm", to("left_arm", HOME["left_arm"], 0.0, -0.34))
        began_s = road.clock.now()
        with pytest.raises(FaultError, match=r"ARM_BLOCKED at right_arm.*left_arm did not give way within 30 s: "):
            await road.go("right_arm", to("right_arm", HOME["right_arm"], 0.0, -0.34))
        return road.clock.now() - began_s, road.started

    waited_s, started = on_the_road(story)
    assert waited_s == pytest.approx(WAIT_S)
    assert "right_arm" not in started


def test_two_arms_that_want_the_same_place_at_once_get_it_one_after_the_other():
    async def there_and_back(road, arm):
        there = await road.go(arm, to(arm, HOME[arm], 0.0, -0.34))
        await road.go(arm, PLANNERS[arm].joint_move(there, HOME[arm], 1.0, Load()))

    async def story(road):
        await asyncio.gather(*(there_and_back(road, arm) for arm in ARMS))
        return road.started

    started = on_the_road(story)
    assert started["left_arm"][0] == 0.0
    assert started["right_arm"][0] >= started["left_arm"][1]


def test_a_motion_that_is_broken_off_makes_way():
    async def story(road):
        slow = to("left_arm", HOME["left_arm"], 0.0, -0.34, speed_ratio=0.02)
        coming = asyncio.ensure_future(road.go("left_arm", slow))
        going = asyncio.ensure_future(road.go("right_arm", to("right_arm", HOME["right_arm"], 0.0, -0.34)))
        await road.clock.sleep(1.0)
        assert not going.done() and "right_arm" not in road.started
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await going
        return road.started["right_arm"]

    assert on_the_road(story) == [1.0]
