"""How skills move: by the mounted tool's TCP, high between stations, straight near them."""

from __future__ import annotations

import math

import pytest
from skill_bench import skill_bench

from microcell.clock import run_virtual
from microcell.description.loader import load_line
from microcell.geometry import Pose, angle_between, distance, from_rpy
from microcell.skills.arm_motion import WRIST_M, ArmMotion
from microcell.skills.contract import SkillContext

DOWN = from_rpy(math.pi, 0.0, 0.0)
TARGET = Pose((0.4, 0.2, 0.03), DOWN)


def moving(story):
    """Run a story with the arm's motion, with the gripper mounted; it also gets a log of trajectories."""

    async def run():
        async with skill_bench() as bench:
            await bench.mount("parallel_gripper")
            context = SkillContext(bench.goal("pick_body"), bench.line, bench.clock, bench.devices)
            motion = await ArmMotion.of(context)
            heights = []
            follow = bench.devices["arm"].follow

            async def watched(trajectory):
                reached = await follow(trajectory)
                heights.append(bench.tcp_height_m())
                return reached

            bench.devices["arm"].follow = watched
            return await story(motion, bench, heights)

    return run_virtual(run())


def test_an_approach_ends_straight_above_its_target():
    async def story(motion, bench, heights):
        await motion.approach(TARGET)
        return await motion.tcp_in_cell()

    tcp = moving(story)
    assert distance(tcp, TARGET.shifted(dz=0.03)) < 1e-6
    assert angle_between(tcp, TARGET) < 1e-6


def test_a_place_is_reached_only_where_the_planner_finds_a_way_down_to_it():
    async def story(motion, bench, heights):
        under_the_bench = TARGET.shifted(dz=-0.4)
        return [await motion.reaches(place) for place in (TARGET, TARGET.shifted(dx=3.0), under_the_bench)], heights

    reached, moved = moving(story)
    assert (reached, moved) == ([True, False, False], [])


def test_between_stations_the_tool_travels_high():
    async def story(motion, bench, heights):
        await motion.approach(TARGET)
        await motion.approach(TARGET.shifted(dy=-0.3))
        return heights

    assert moving(story)[-3:] == pytest.approx([0.14, 0.14, 0.06], abs=1e-6)


def test_leaving_steps_back_towards_the_arm_and_up():
    async def story(motion, bench, heights):
        await motion.approach(TARGET)
        await motion.move_straight(TARGET, 0.1)
        await motion.leave()
        return await motion.tcp_in_cell()

    x, y, z = moving(story).position
    assert z == pytest.approx(0.14, abs=1e-6)
    assert math.hypot(x, y) == pytest.approx(math.hypot(0.4, 0.2) - 0.12, abs=1e-6)
    assert math.atan2(y, x) == pytest.approx(math.atan2(0.2, 0.4), abs=1e-6)


def test_an_arm_that_leaves_a_large_unit_stands_over_none_of_it():
    async def story():
        line = load_line("footwear")
        async with skill_bench(line=line) as bench:
            await bench.mount("vacuum_cup")
            goal = bench.goal("label_unit", "SHO-1", "red_20")
            motion = await ArmMotion.of(SkillContext(goal, bench.line, bench.clock, bench.devices))
            seat = line.cell_description.devices["fixture_1"].seat_in_cell.pose
            label = seat.apply(line.product_description.sites["label_area"].part_in_unit.xyz_m)
            await motion.approach(Pose(label, DOWN))
            await motion.leave()
            return math.dist((await motion.tcp_in_cell()).position[:2], seat.position[:2])

    assert run_virtual(story()) == pytest.approx(0.075 + WRIST_M, abs=1e-4), "half a tray, and what is around the TCP"


def test_slower_by_ratio_takes_longer():
    async def story(motion, bench, heights):
        start_s = bench.clock.now()
        await motion.approach(TARGET)
        fast_s = bench.clock.now() - start_s
        await motion.move_freely(TARGET.shifted(dx=-0.1, dy=-0.3, dz=0.1))
        motion.speed_ratio = 0.3
        start_s = bench.clock.now()
        await motion.approach(TARGET)
        return fast_s, bench.clock.now() - start_s

    fast_s, slow_s = moving(story)
    assert slow_s > 1.3 * fast_s


def test_the_same_place_means_the_same_joints_wherever_the_arm_comes_from():
    async def story(motion, bench, heights):
        found = []
        for before in ((0.2, -0.4, 0.1), (-0.15, 0.4, 0.1), (0.55, 0.1, 0.1)):
            await motion.approach(Pose(before, DOWN))
            await motion.approach(TARGET)
            found.append((await bench.devices["arm"].joints()).positions)
        return found

    first, second, third = moving(story)
    assert first == pytest.approx(second)
    assert second == pytest.approx(third)


def test_what_takes_long_to_plan_is_handed_over_so_that_the_loop_goes_on():
    async def story():
        async with skill_bench() as bench:
            handed_over = []

            async def work(function):
                handed_over.append(function.func.__wrapped__.__name__)
                return function()

            bench.runner.work = work
            await bench.operations("pick_body")
            return set(handed_over)

    assert run_virtual(story()) == {"_solve", "_plan_joint_move", "_plan_straight_move"}
