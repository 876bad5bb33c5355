"""Place: into an empty fixture, or into the bin."""

from __future__ import annotations

import asyncio

import pytest
from skill_bench import skill_bench

from microcell.clock import run_virtual
from microcell.plant.injection import Injection
from microcell.skills.contract import Outcome


def test_a_placed_body_is_seated_and_clamped():
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_body", "place_body")
            return bench.plant.unit_at("fixture_1"), bench.plant.bench.clamped["fixture_1"], bench.held()

    unit, clamped, held = run_virtual(story())
    assert unit.parts == {"body_seat": "body"}
    assert (clamped, held) == (True, "")


def test_an_occupied_fixture_takes_no_second_body():
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_body", "place_body", "pick_body")
            return await bench.fault("place_body"), bench.held()

    result, held = run_virtual(story())
    assert (result.fault.code, result.fault.where, held) == ("FIXTURE_OCCUPIED", "fixture_1", "body")


def test_an_empty_hand_has_nothing_to_place():
    async def story():
        async with skill_bench() as bench:
            await bench.mount("parallel_gripper")
            return await bench.fault("place_body")

    result = run_virtual(story())
    assert result.fault.code == "GRIP_PART_LOST"
    assert "no body is held" in result.message


def test_a_clamp_that_does_not_close_is_the_fixtures_fault():
    async def story():
        async with skill_bench() as bench:
            bench.plant.injections.add(Injection("fixture_1", "clamp", "FIXTURE_NOT_CLAMPED"))
            await bench.operations("pick_body")
            return await bench.fault("place_body")

    assert run_virtual(story()).fault.code == "FIXTURE_NOT_CLAMPED"


def test_a_rejected_part_of_any_tool_goes_into_the_bin():
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_cap")
            await bench.succeed(bench.goal_of("place", {"item": "cap", "target": "bin"}))
            await bench.operations("pick_membrane")
            result = await bench.run(bench.goal_of("place", {"item": "membrane", "target": "bin"}))
            return result, await bench.devices["reject_bin"].count()

    result, count = run_virtual(story())
    assert result.outcome is Outcome.SUCCEEDED
    assert result.message == "the membrane is in reject_bin"
    assert count == 2


@pytest.mark.parametrize("pick", ["pick_body", "pick_membrane"])
def test_any_tool_drops_what_it_holds_without_being_told_what_it_is(pick):
    async def story():
        async with skill_bench() as bench:
            await bench.operations(pick)
            result = await bench.run(bench.goal_of("place", {"target": "bin"}))
            return result, await bench.devices["reject_bin"].count(), bench.plant.inventory.losses

    result, count, losses = run_virtual(story())
    assert result.message == "the part is in reject_bin"
    assert (count, losses) == (1, [])


def test_a_body_that_is_lost_on_the_way_is_not_sought_in_the_fixture():
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_body")
            running = asyncio.ensure_future(bench.operation("place_body"))
            await bench.clock.sleep(0.5)
            body = bench.plant.bench.held(bench.plant.tool("parallel_gripper"))
            bench.plant.bench.lose(body, body.pose, "slipped")
            return await running

    result = run_virtual(story())
    assert (result.fault.code, result.fault.where) == ("GRIP_PART_LOST", "parallel_gripper")
    assert result.fault.detail == "the body was lost on the way"


@pytest.mark.parametrize("step", range(24))
def test_an_attempt_that_was_cancelled_at_any_time_is_taken_up_by_the_next(step):
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_body")
            running = asyncio.ensure_future(bench.operation("place_body"))
            await bench.clock.sleep(0.95 + 0.03 * step)
            running.cancel()
            await asyncio.wait([running])
            await bench.operations("place_body")
            return bench.plant.unit_at("fixture_1").parts, bench.plant.bench.clamped["fixture_1"], bench.held()

    assert run_virtual(story()) == ({"body_seat": "body"}, True, "")


@pytest.mark.parametrize("step", range(16))
def test_a_part_is_told_as_thrown_away_if_it_is_in_the_bin_whenever_the_attempt_was_cancelled(step):
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_body")
            goal = bench.goal_of("place", {"target": "bin"})
            running = asyncio.ensure_future(bench.run(goal))
            await bench.clock.sleep(1.4 + 0.05 * step)
            running.cancel()
            await asyncio.wait([running])
            result = await bench.runner.settle(goal)
            return result.thrown_away, await bench.devices["reject_bin"].count()

    thrown_away, count = run_virtual(story())
    assert thrown_away is (count == 1)
