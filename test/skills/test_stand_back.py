"""An arm that an interruption has left at a station goes out of the cameras' view."""

import math

import pytest
from skill_bench import SkillBench, skill_bench, valve_line

from microcell.clock import run_virtual
from microcell.description.loader import load_line
from microcell.geometry import Pose, from_rpy
from microcell.motion.carried import unit_half_m
from microcell.skills.arm_motion import WRIST_M, ArmMotion
from microcell.skills.contract import Lease, SkillContext, SkillGoal

DOWN = from_rpy(math.pi, 0.0, 0.0)
LINE = valve_line()
SEAT = LINE.cell_description.devices["fixture_1"].seat_in_cell.xyz_m
TRAY = LINE.cell_description.devices["tray_1"]


def stand_back(attempt: int = 1) -> SkillGoal:
    return SkillGoal(
        "stand_back",
        "VLV-1",
        "adult",
        "stand_back_arm",
        f"b{attempt}",
        {},
        Lease("x", {"arm": "arm", "fixture": "fixture_1"}),
    )


async def bring(bench: SkillBench, place: tuple[float, float, float]) -> None:
    motion = await ArmMotion.of(SkillContext(stand_back(0), LINE, bench.clock, bench.devices))
    await motion.approach(Pose(place, DOWN))


@pytest.mark.parametrize("dx", [-0.04, 0.0, 0.03])
def test_an_arm_over_a_unit_goes_up_and_back_and_once_is_enough(dx: float):
    async def story():
        async with skill_bench() as bench:
            await bench.mount("parallel_gripper")
            await bring(bench, (SEAT[0] + dx, SEAT[1], SEAT[2] + 0.05))
            await bench.succeed(stand_back())
            stands = bench.plant.tcp("parallel_gripper").position
            before_s = bench.clock.now()
            await bench.succeed(stand_back(2))
            return stands, bench.clock.now() - before_s

    (x, y, z), again_s = run_virtual(story())
    assert math.dist((x, y), SEAT[:2]) >= unit_half_m(LINE.product_description) + WRIST_M - 1e-3
    assert z == pytest.approx(LINE.cell_description.devices["arm"].travel_height_m, abs=1e-4)
    assert again_s == 0.0


def test_a_pick_looks_only_when_its_own_arm_is_out_of_the_cameras_view():
    async def story():
        async with skill_bench() as bench:
            await bench.mount("vacuum_cup")
            x, y, z = TRAY.part_in_cell.xyz_m
            await bring(bench, (x + TRAY.pitch_m, y + TRAY.pitch_m, z + 0.03))
            camera, seen = bench.devices["camera_trays"], []
            locate = camera.locate

            async def watched(*arguments):
                seen.append(bench.plant.tcp("vacuum_cup").position)
                return await locate(*arguments)

            camera.locate = watched
            await bench.operations("pick_membrane")
            return seen

    (seen,) = run_virtual(story())
    half = ((TRAY.columns - 1) * TRAY.pitch_m / 2, (TRAY.rows - 1) * TRAY.pitch_m / 2)
    middle = (TRAY.part_in_cell.pose @ Pose((*half, 0.0))).position
    assert math.dist(seen[:2], middle[:2]) >= math.hypot(*half) + WRIST_M - 1e-3


def test_a_tested_part_is_not_hidden_by_the_arm_that_laid_it_down():
    line = load_line("battery")
    tester = line.cell_description.devices["tester_1"]

    async def story():
        async with skill_bench(line=line) as bench:
            unit = {"unit": "BAT-1", "variant": "narrow"}
            await bench.operations("pick_shell", "place_shell", **unit)
            goal = bench.goal("measure_cell_1", **unit)
            motion = await ArmMotion.of(SkillContext(goal, line, bench.clock, bench.devices))
            x, y, z = tester.part_in_cell.xyz_m
            await motion.approach(Pose((x, y, z + 0.03), DOWN))
            await motion.stand_back()
            return await motion.tcp_in_cell()

    assert math.dist(run_virtual(story()).position[:2], tester.part_in_cell.xyz_m[:2]) > WRIST_M
