"""Parking, and turning between the zones of a cell with two arms."""

import math

import pytest
from skill_bench import skill_bench

from microcell.clock import run_virtual
from microcell.description.loader import load_line
from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy
from microcell.motion.trajectory import JointTrajectory
from microcell.skills.arm_motion import ArmMotion
from microcell.skills.contract import Lease, Outcome, SkillContext, SkillGoal

TWIN = load_line("valve_twin")
DOWN = from_rpy(math.pi, 0.0, 0.0)
ARM = "left_arm"


def goal(attempt: int) -> SkillGoal:
    return SkillGoal("park", "", "", f"park_{ARM}", f"a{attempt}", {}, Lease("test", {"arm": ARM}))


def over(station: str) -> Pose:
    return Pose((*TWIN.ways.places[station][0], 0.06), DOWN)


def moving(story):
    """Run a story with the bare left arm; it also gets a log of the flange's places, seen from above."""

    async def run():
        async with skill_bench(line=TWIN) as bench:
            motion = await ArmMotion.of(SkillContext(goal(0), TWIN, bench.clock, bench.devices))
            follow, way = bench.devices[ARM].follow, []

            async def watched(trajectory):
                arm, start_s = bench.plant.bench.arms[ARM], bench.clock.now()
                reached = follow(trajectory)
                times = [trajectory.duration_s * n / 40 for n in range(41)]
                bench.plant.start_motion(ARM, trajectory)
                way.extend(arm.flange_at(start_s + time_s).position[:2] for time_s in times)
                return await reached

            bench.devices[ARM].follow = watched
            return await story(motion, bench, way)

    return run_virtual(run())


@pytest.mark.parametrize("station", ["fixture_1", "fixture_4", "tray_1", "nest_1"])
def test_a_parked_arm_is_on_its_turning_circle_in_no_zone(station: str):
    async def story(motion, bench, way):
        await motion.approach(over(station))
        was = await motion.tcp_in_cell()
        result = await bench.run(goal(1))
        return was, result, await motion.tcp_in_cell()

    was, result, now = moving(story)
    assert (result.outcome, result.message) == (Outcome.SUCCEEDED, "left_arm is parked")
    base, radius = TWIN.ways.base(ARM), TWIN.cell_description.devices[ARM].turning_radius_m
    assert math.dist(base, now.position[:2]) == pytest.approx(radius, abs=1e-4)
    assert TWIN.ways.touched(ARM, now.position[:2]) == frozenset()
    assert math.dist(now.position[:2], TWIN.ways.turning_place(ARM, was.position[:2])) < 1e-4


def test_an_arm_that_is_parked_already_does_not_move():
    async def story(motion, bench, way):
        await motion.approach(over("fixture_2"))
        await bench.run(goal(1))
        before_s = bench.clock.now()
        await bench.run(goal(2))
        return bench.clock.now() - before_s

    assert moving(story) == 0.0


def test_at_home_an_arm_is_parked():
    async def story(motion, bench, way):
        await bench.run(goal(1))
        return way

    assert moving(story) == []


@pytest.mark.parametrize(("start", "end"), [("nest_1", "fixture_4"), ("fixture_4", "left_bin"), ("cartons", "fixture_2")])
def test_from_place_to_place_the_arm_enters_no_zone_but_theirs(start: str, end: str):
    async def story(motion, bench, way):
        await motion.approach(over(start))
        way.clear()
        await motion.approach(over(end))
        return list(way)

    own = TWIN.ways.zones_at(ARM, start) | TWIN.ways.zones_at(ARM, end)
    touched = frozenset().union(*(TWIN.ways.touched(ARM, place) for place in moving(story)))
    assert touched <= own


def test_a_way_around_that_leads_through_another_zone_is_refused():
    async def story(motion, bench, way):
        await motion.approach(over("nest_1"))
        planned = motion._plan.joint_move

        def around(start, goal, speed_ratio, load):
            there, back = (planned(*ends, speed_ratio, load) for ends in ((start, across), (across, goal)))
            return JointTrajectory(
                (*there.times_s, *(there.duration_s + time_s for time_s in back.times_s[1:])),
                (*there.positions, *back.positions[1:]),
                (*there.velocities, *back.velocities[1:]),
            )

        across = motion._plan.inverse(motion._flange_in_base(over("tray_1").shifted(dz=0.2)), (0.0,) * 6, motion.load)
        motion._plan.joint_move = around
        try:
            with pytest.raises(FaultError, match=r"ARM_BLOCKED at left_arm: .*the way around leads through zone middle"):
                await motion.move_freely(over("nest_3").shifted(dz=0.1))
        finally:
            motion._plan.joint_move = planned

    moving(story)
