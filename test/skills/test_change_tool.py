"""Change tool: each step is confirmed, and nothing moves when the crib is not as it should be."""

from __future__ import annotations

import re

import pytest
from skill_bench import line_with, skill_bench

from microcell.clock import run_virtual
from microcell.plant.injection import Injection


def serials(bench):
    return bench.plant.coupling.serials_in("crib"), bench.plant.coupling.serial_on("arm")


def test_from_a_bare_flange_the_tool_is_fetched():
    async def story():
        async with skill_bench() as bench:
            result = await bench.mount("vacuum_cup")
            return result, serials(bench)

    result, found = run_virtual(story())
    assert result.tool_serial == "VC-0012"
    assert found == (("PG-0007", "", "SD-0003"), "VC-0012")


def test_the_mounted_tool_goes_back_to_its_own_pocket():
    async def story():
        async with skill_bench() as bench:
            for tool in ("vacuum_cup", "screwdriver", "parallel_gripper"):
                await bench.mount(tool)
            phases = [said.phase for said in bench.said]
            return serials(bench), phases

    found, phases = run_virtual(story())
    assert found == (("", "VC-0012", "SD-0003"), "PG-0007")
    assert phases[-4:] == ["dock", "unlock", "fetch", "lock"]


def test_the_wanted_tool_already_mounted_moves_nothing():
    async def story():
        async with skill_bench() as bench:
            await bench.mount("screwdriver")
            return await bench.mount("screwdriver")

    result = run_virtual(story())
    assert (result.duration_s, result.tool_serial) == (0.0, "SD-0003")


def missing(plant):
    plant.tool("screwdriver").pocket = None


def swapped(plant):
    plant.tool("vacuum_cup").pocket, plant.tool("screwdriver").pocket = ("crib", 2), ("crib", 1)


def occupied(plant):
    plant.tool("vacuum_cup").pocket = ("crib", 0)


@pytest.mark.parametrize(
    ("disorder", "code", "detail"),
    [
        (missing, "TOOL_MISSING", "pocket 3 of screwdriver"),
        (swapped, "TOOL_WRONG", "pocket 3 holds VC-0012, expected is screwdriver SD-0003"),
        (occupied, "TOOL_POCKET_OCCUPIED", "pocket 1 of parallel_gripper holds VC-0012"),
    ],
)
def test_a_crib_in_disorder_is_noticed_before_anything_moves(disorder, code, detail):
    async def story():
        async with skill_bench() as bench:
            await bench.mount("parallel_gripper")
            disorder(bench.plant)
            return await bench.run(bench.goal_of("change_tool", {"tool": "screwdriver"}))

    result = run_virtual(story())
    assert (result.fault.code, result.duration_s) == (code, 0.0)
    assert detail in result.message


def test_a_full_hand_is_not_put_away():
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_body")
            result = await bench.run(bench.goal_of("change_tool", {"tool": "screwdriver"}))
            return result, bench.held()

    result, held = run_virtual(story())
    assert (result.fault.code, held) == ("HAND_NOT_EMPTY", "body")


@pytest.mark.parametrize("command", ["lock", "unlock"])
def test_a_lock_that_does_not_confirm_is_a_fault(command):
    async def story():
        async with skill_bench() as bench:
            await bench.mount("vacuum_cup")
            bench.plant.injections.add(Injection("changer", command, "TOOL_NOT_LOCKED"))
            return await bench.run(bench.goal_of("change_tool", {"tool": "screwdriver"}))

    assert run_virtual(story()).fault.code == "TOOL_NOT_LOCKED"


def test_a_lock_that_closes_on_nothing_is_a_fault():
    async def story():
        async with skill_bench() as bench:
            goal = bench.goal_of("change_tool", {"tool": "screwdriver"})
            bench.plant.coupling.lock = lambda arm: None
            return await bench.run(goal)

    result = run_virtual(story())
    assert result.fault.code == "TOOL_NOT_LOCKED"
    assert "on screwdriver" in result.message


def test_a_tool_that_no_pocket_belongs_to_is_missing():
    async def story():
        async with skill_bench() as bench:
            return await bench.run(bench.goal_of("change_tool", {"tool": "glue_gun"}))

    assert "no pocket belongs to glue_gun" in run_virtual(story()).message


@pytest.mark.parametrize(
    ("pocket", "met"),
    [
        (("crib", 1), r"the bare flange met \d\d N, \d\.\d mm over its place in pocket 2 of crib"),
        (("crib", 0), r"parallel_gripper PG-0007 met \d\d N, \d\.\d mm over its place in pocket 1 of crib"),
    ],
    ids=["on the way to the tool", "on the way home"],
)
def test_a_chip_on_the_coupling_stops_the_arm_within_the_force_limit_and_it_goes_up_again(pocket, met):
    async def story():
        async with skill_bench(line=with_a_slow_stop()) as bench:
            if pocket == ("crib", 0):
                await bench.mount("parallel_gripper")
            bench.plant.contact.chips_m[pocket] = 0.003
            forces, halt = [], bench.plant.halt

            def halted(arm):
                forces.append(bench.plant.contact.load(arm).pressing_n)
                halt(arm)

            bench.plant.halt = halted
            blocked = await bench.run(bench.goal_of("change_tool", {"tool": "vacuum_cup", "force_limit_n": 50.0}))
            height_m = bench.plant.bench.arm("arm").flange().position[2]
            bench.plant.contact.chips_m.clear()
            return blocked, max(forces), height_m, await bench.mount("vacuum_cup")

    blocked, force_n, height_m, again = run_virtual(story())
    assert (blocked.fault.code, blocked.fault.where) == ("TOOL_BLOCKED", "crib")
    assert re.search(met, blocked.message)
    assert 25.0 < force_n < 50.0
    assert height_m > 0.22 + 0.025
    assert again.tool_serial == "VC-0012"


def with_a_slow_stop():
    """The arm goes on for the 50 ms that the sensor's description allows it."""
    return line_with({"arm": {"parameters": {"stop_s": 0.05}}})


def test_out_of_a_pocket_the_first_centimetre_is_slow():
    async def story():
        async with skill_bench() as bench:
            started, start = [], bench.plant.start_motion

            def starting(arm, trajectory):
                before = bench.plant.bench.arm(arm).flange().position[2]
                started.append((before, trajectory.duration_s))
                start(arm, trajectory)

            bench.plant.start_motion = starting
            await bench.mount("vacuum_cup")
            return started

    out_of_pocket = [duration_s for height_m, duration_s in run_virtual(story()) if abs(height_m - 0.22) < 1e-6]
    assert len(out_of_pocket) == 1
    assert out_of_pocket[0] > 0.01 / 0.03
