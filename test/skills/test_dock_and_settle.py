"""Dock and settle: the tool goes home, and a flange that stands in a pocket leaves it straight up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from skill_bench import skill_bench

from microcell.clock import run_virtual
from microcell.faults import FaultError
from microcell.skills.contract import Lease, Outcome


def serials(bench):
    return bench.plant.coupling.serials_in("crib"), bench.plant.coupling.serial_on("arm")


def flange_m(bench):
    return bench.plant.bench.arm("arm").flange().position


async def stopped_at(bench, tool: str, step: str) -> None:
    """A change of tools that ended at a step, with nothing done of it or after it."""

    async def record(attempt_id, wanted):
        if wanted.name == step:
            raise FaultError("DEVICE_SILENT", "orchestrator", f"no word of the journal: {step} is not taken")

    bench.runner.record_step = record
    result = await bench.run(bench.goal_of("change_tool", {"tool": tool}))
    assert (result.outcome, result.fault.code) == (Outcome.FAULT, "DEVICE_SILENT")
    bench.runner.record_step = None


def test_the_mounted_tool_is_docked_and_the_flange_is_bare():
    async def story():
        async with skill_bench() as bench:
            await bench.mount("screwdriver")
            result = await bench.succeed(bench.goal_of("dock_tool", {}))
            again = await bench.succeed(bench.goal_of("dock_tool", {}))
            return serials(bench), result.message, (again.message, again.duration_s)

    found, message, again = run_virtual(story())
    assert found == (("PG-0007", "VC-0012", "SD-0003"), "")
    assert message == "screwdriver SD-0003 is in its pocket"
    assert again == ("the flange was bare already", 0.0)


@pytest.mark.parametrize(
    ("step", "held", "left"),
    [
        ("dock.unlock", "PG-0007", True),
        ("dock.confirm", "", True),
        ("fetch.lock", "", True),
        ("fetch.confirm", "VC-0012", True),
        ("fetch.retract", "VC-0012", True),
        ("dock.align", "PG-0007", True),
        ("fetch.align", "", False),
        ("dock.approach", "PG-0007", False),
    ],
)
def test_a_step_that_cannot_be_recorded_is_not_taken_and_the_flange_leaves_its_pocket_straight_up(step, held, left):
    async def story():
        async with skill_bench() as bench:
            await bench.mount("parallel_gripper")
            await stopped_at(bench, "vacuum_cup", step)
            x, y, z = flange_m(bench)
            result = await bench.succeed(bench.goal_of("settle_tool", {}))
            now = flange_m(bench)
            return result.tool_serial, now[2] - z, max(abs(now[0] - x), abs(now[1] - y)), bench.plant.coupling.locked("arm")

    serial, risen_m, aside_m, locked = run_virtual(story())
    assert serial == held
    assert locked == bool(held)
    assert aside_m < 1e-4
    assert (risen_m > 0.005) == left


@pytest.mark.parametrize(
    ("expected", "says"),
    [(["VC-0012", ""], "the coupling reads PG-0007, by the journal it is VC-0012 or no tool (last step: fetch.lock)")],
)
def test_what_the_journal_does_not_expect_is_asked_about(expected, says):
    async def story():
        async with skill_bench() as bench:
            await bench.mount("parallel_gripper")
            goal = bench.goal_of("settle_tool", {"expected": expected, "last_step": "fetch.lock"})
            return await bench.run(goal)

    result = run_virtual(story())
    assert (result.fault.code, result.fault.where, result.fault.detail) == ("TOOL_UNCERTAIN", "changer", says)


def test_no_skill_moves_with_another_tool_than_the_one_believed_in():
    async def story():
        async with skill_bench() as bench:
            await bench.mount("parallel_gripper")
            goal = bench.goal("pick_body")
            lease = Lease(goal.lease.holder, goal.lease.resources, mounted="PG-0009")
            return await bench.run(replace(goal, lease=lease))

    result = run_virtual(story())
    assert (result.fault.code, result.duration_s) == ("TOOL_UNCERTAIN", 0.0)
    assert result.fault.detail == "the coupling reads PG-0007, the cell's record says PG-0009"


def test_a_tool_that_goes_missing_in_the_midst_of_a_skill_stops_the_next_motion():
    async def story():
        async with skill_bench() as bench:
            await bench.mount("parallel_gripper")

            def lose(feedback):
                bench.plant.coupling._locked["arm"] = False

            return await bench.runner.execute(bench.goal("pick_body"), lose)

    result = run_virtual(story())
    assert result.fault.code == "TOOL_UNCERTAIN"
    assert "the coupling reads no tool, the motion is planned for parallel_gripper" in result.fault.detail
