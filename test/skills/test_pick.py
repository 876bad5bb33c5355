"""Pick: takes what is there, says what is not, and leaves an empty hand after a fault."""

from __future__ import annotations

import asyncio
import math

import pytest
from skill_bench import line_with, skill_bench

from microcell.clock import run_virtual
from microcell.description.fault_schedule import ScheduledFault
from microcell.devices.gripper.contract import Grip
from microcell.faults import FaultError
from microcell.geometry import Pose, wrap_angle
from microcell.skills.arm_motion import ArmMotion
from microcell.skills.contract import Outcome, PartUse

TRAVEL_M = 0.14


def test_a_picked_body_is_held_over_the_feeder_and_its_lot_is_noted():
    async def story():
        async with skill_bench() as bench:
            (result,) = await bench.operations("pick_body")
            return result, bench.held(), bench.tcp_height_m()

    result, held, height_m = run_virtual(story())
    assert held == "body"
    assert height_m == pytest.approx(TRAVEL_M, abs=1e-6)
    assert result.parts == (PartUse("body", "nest_1-L0001"),)
    assert result.message == "the parallel_gripper holds the body"


@pytest.mark.parametrize(("number", "turn_rad"), [(1, math.pi / 2), (2, math.pi), (4, math.pi / 2)])
def test_another_grasp_of_a_round_part_is_turned_and_the_part_goes_in_all_the_same(number, turn_rad):
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_body", "place_body", "pick_membrane")
            usual = bench.plant.tcp(bench.tool).yaw
            await bench.succeed(bench.goal_of("place", {"item": "membrane", "target": "bin"}))
            result = await bench.operation("pick_membrane", other_grasp=number)
            other = bench.plant.tcp(bench.tool).yaw
            await bench.operations("insert_membrane")
            return result.message, wrap_angle(other - usual)

    message, turned_rad = run_virtual(story())
    assert message == f"the vacuum_cup holds the membrane_firm, taken turned by {turn_rad:.2f} rad"
    assert abs(turned_rad) == pytest.approx(turn_rad, abs=1e-6)


def test_a_part_that_looks_otherwise_when_it_is_turned_is_taken_as_before():
    async def story():
        async with skill_bench() as bench:
            return (await bench.operation("pick_cap", other_grasp=1)).message

    assert run_virtual(story()) == "the parallel_gripper holds the cap_white"


def test_where_the_arm_does_not_reach_the_other_grasp_the_next_one_is_taken(monkeypatch):
    reaches = ArmMotion.reaches

    async def not_after_a_quarter_turn(self, tcp_in_cell):
        return await reaches(self, tcp_in_cell) and abs(math.sin(tcp_in_cell.yaw)) < 0.5

    monkeypatch.setattr(ArmMotion, "reaches", not_after_a_quarter_turn)

    async def story():
        async with skill_bench() as bench:
            return (await bench.operation("pick_membrane", other_grasp=1)).message

    assert run_virtual(story()) == "the vacuum_cup holds the membrane_firm, taken turned by 3.14 rad"


@pytest.mark.parametrize(
    ("operation", "line", "code"),
    [
        ("pick_body", line_with({"nest_1": {"scatter_m": 0.03}}), "GRIP_NOTHING_HELD"),
        ("pick_membrane", line_with({"tray_1": {"scatter_m": 0.02, "camera": None}}), "VACUUM_NOT_SEALED"),
        ("pick_membrane", line_with({"tray_1": {"scatter_m": 0.05, "pitch_m": 0.01}}), "PART_NOT_FOUND"),
        ("pick_body", line_with(feeders={"nest_1": {"level": 0}}), "FEEDER_EMPTY"),
    ],
)
def test_a_part_that_is_not_where_it_should_be_is_a_fault_with_an_empty_hand(operation, line, code):
    async def story():
        async with skill_bench(line=line) as bench:
            result = await bench.fault(operation)
            return result, bench.held(), bench.tcp_height_m()

    result, held, height_m = run_virtual(story())
    assert (result.fault.code, held, result.parts) == (code, "", ())
    assert (result.fault.unit, result.fault.operation) == ("VLV-1", operation)
    assert height_m >= TRAVEL_M - 1e-6


def test_a_part_that_is_held_after_a_fault_of_the_grasp_is_told_as_taken():
    async def story():
        async with skill_bench() as bench:
            bench.plant.injections.schedule(ScheduledFault(fault="gripper.wrong_width", where="parallel_gripper"))
            return await bench.fault("pick_body"), bench.held()

    result, held = run_virtual(story())
    assert (result.fault.code, held, result.parts) == ("GRIP_WRONG_WIDTH", "body", (PartUse("body", "nest_1-L0001"),))


def test_a_part_on_which_the_fingers_have_just_closed_when_they_are_stopped_is_told_as_taken(monkeypatch):
    async def story():
        async with skill_bench() as bench:
            await bench.mount("parallel_gripper")
            gripper, closed = bench.devices["parallel_gripper"], asyncio.Event()
            close = gripper.close

            async def close_and_answer_late(force_n: float) -> Grip:
                grip = await close(force_n)
                closed.set()
                await bench.clock.sleep(10.0)
                return grip

            monkeypatch.setattr(gripper, "close", close_and_answer_late)
            goal = bench.goal("pick_body")
            picking = asyncio.ensure_future(bench.run(goal))
            await closed.wait()
            picking.cancel()
            await asyncio.wait({picking})
            return await bench.run(goal), bench.held()

    result, held = run_virtual(story())
    assert (result.outcome, held, result.parts) == (Outcome.CANCELLED, "body", (PartUse("body", "nest_1-L0001"),))


def test_the_camera_makes_up_for_a_tray_with_scattered_parts():
    async def story():
        async with skill_bench(line=line_with({"tray_1": {"scatter_m": 0.003}})) as bench:
            for _ in range(15):
                await bench.operations("pick_membrane")
                await bench.succeed(bench.goal_of("place", {"item": "membrane", "target": "bin"}))
            return await bench.devices["reject_bin"].count()

    assert run_virtual(story()) == 15


def test_a_full_hand_takes_no_second_part():
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_body")
            return await bench.fault("pick_body"), bench.held()

    result, held = run_virtual(story())
    assert (result.fault.code, held) == ("HAND_NOT_EMPTY", "body")


def test_the_wrong_tool_is_refused_before_anything_moves():
    async def story():
        async with skill_bench() as bench:
            await bench.mount("vacuum_cup")
            start_s = bench.clock.now()
            return await bench.run(bench.goal("pick_body")), bench.clock.now() - start_s

    result, took_s = run_virtual(story())
    assert result.fault.code == "TOOL_UNSUITABLE"
    assert "the vacuum_cup can suction; needed is grip" in result.message
    assert took_s == 0.0


def test_without_any_tool_nothing_moves():
    async def story():
        async with skill_bench() as bench:
            return await bench.run(bench.goal("pick_body"))

    assert "no tool is mounted; needed is grip" in run_virtual(story()).message


def test_a_part_that_slips_away_is_noticed_by_pick_or_place():
    async def story():
        async with skill_bench(line=line_with(lost_grip_ratio=1.0)) as bench:
            result = await bench.operation("pick_body")
            if result.fault is None:
                await bench.clock.sleep(3.0)
                result = await bench.operation("place_body")
            return result

    assert run_virtual(story()).fault.code == "GRIP_PART_LOST"


def test_a_unit_is_unclamped_before_it_is_lifted():
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_body", "place_body", "pick_unit")
            return bench.held(), bench.plant.unit_at("fixture_1")

    assert run_virtual(story()) == ("body", None)


def test_an_empty_fixture_has_no_unit_to_pick():
    async def story():
        async with skill_bench() as bench:
            return await bench.fault("pick_unit")

    assert run_virtual(story()).fault.code == "FIXTURE_EMPTY"


def test_a_pick_from_a_feeder_without_an_item_is_refused():
    async def story():
        async with skill_bench() as bench:
            goal = bench.goal("pick_unit")
            wrong = {"source": "feeder"}
            return await bench.run(type(goal)("pick", "", "adult", "x", "a", wrong, goal.lease))

    assert "a pick from a feeder needs an item" in run_virtual(story()).message


def test_a_camera_that_does_not_see_the_feeder_is_refused():
    async def story():
        async with skill_bench() as bench:
            await bench.mount("vacuum_cup")
            goal = bench.goal("pick_membrane")
            goal.lease.resources["camera"] = "camera_1"
            return await bench.run(goal)

    result = run_virtual(story())
    assert result.fault.code == "SKILL_REFUSED"
    assert "it sees fixture_1, not tray_1" in result.message


def test_a_fault_of_the_arm_ends_the_pick():
    async def story():
        async with skill_bench() as bench:
            goal = bench.goal("pick_body")
            await bench.mount("parallel_gripper")
            arm = bench.devices["arm"]

            async def broken(trajectory):
                raise FaultError("ARM_PROTECTIVE_STOP", "arm", "hit something")

            arm.follow = broken
            return await bench.run(goal)

    assert run_virtual(story()).fault.code == "ARM_PROTECTIVE_STOP"


def test_a_part_is_taken_where_the_camera_sees_it_not_where_it_should_be():
    async def story():
        async with skill_bench(line=line_with({"tray_1": {"scatter_m": 0.004, "scatter_rad": 0.0}})) as bench:
            nominal = bench.line.cell_description.devices["tray_1"].part_in_cell.pose
            await bench.operations("pick_membrane")
            held = bench.plant.holding.held(bench.plant.tool("vacuum_cup"))
            return nominal, bench.plant.tcp("vacuum_cup"), held.pose

    nominal, tcp, part_in_tcp = run_virtual(story())
    assert isinstance(nominal, Pose)
    assert abs(tcp.position[0] - nominal.position[0]) + abs(tcp.position[1] - nominal.position[1]) > 0.0005
    assert abs(part_in_tcp.position[0]) < 0.0003
    assert abs(part_in_tcp.position[1]) < 0.0003
