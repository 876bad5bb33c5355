"""Insert: by force, with a search, within its limit."""

from __future__ import annotations

import asyncio

import pytest
from skill_bench import line_with, skill_bench

from microcell.clock import run_virtual

OFF_BY_A_MILLIMETRE = {"nest_2": {"scatter_m": 0.0006, "scatter_rad": 0.0}}
READY = ("pick_body", "place_body", "pick_cap")


def insert_cap(line, seed=1, **parameters):
    async def story():
        async with skill_bench(seed, line) as bench:
            await bench.operations(*READY)
            result = await bench.operation("insert_cap", **parameters)
            taps = [said.message for said in bench.said if said.phase == "search"]
            return result, taps, bench.plant.unit_at("fixture_1"), bench.held()

    return run_virtual(story())


@pytest.mark.parametrize("seed", range(8))
def test_a_cap_off_its_place_is_found_a_seat_by_feeling(seed):
    result, taps, unit, held = insert_cap(line_with(OFF_BY_A_MILLIMETRE), seed)
    assert result.fault is None, result.message
    assert unit.parts["cap_seat"] == "cap_white"
    assert unit.defects == ()
    assert held == ""
    force, depth = result.measurements
    assert (force.name, force.unit, force.upper) == ("insert_cap.force", "N", 30.0)
    assert 4.0 < force.value < 30.0
    assert depth.value == pytest.approx(0.002, abs=0.0006)
    assert ("after" in result.message) == bool(taps)


def test_some_of_them_need_many_taps():
    assert max(len(insert_cap(line_with(OFF_BY_A_MILLIMETRE), seed)[1]) for seed in range(8)) > 5


def test_a_hole_out_of_the_search_radius_is_a_jam_and_the_cap_stays_in_the_hand():
    result, taps, unit, held = insert_cap(line_with({"nest_2": {"scatter_m": 0.003}}), search_radius_m=0.0005)
    assert result.fault.code == "INSERT_JAMMED"
    assert "no hole within 0.5 mm, 19 taps" in result.message
    assert len(taps) == 18
    assert (unit.parts, held) == ({"body_seat": "body"}, "cap_white")


def test_a_fit_tighter_than_the_force_limit_is_not_forced():
    line = line_with({"nest_2": {"scatter_m": 0.0}}, fits={"cap_seat": {"friction_n": 40.0}})
    result, _, _, held = insert_cap(line, force_limit_n=20.0)
    assert result.fault.code == "INSERT_FORCE_EXCEEDED"
    assert "mm over the seat" in result.message
    assert held == "cap_white"


def test_after_a_jam_the_arm_has_gone_up_and_a_wider_search_succeeds():
    async def story():
        async with skill_bench(0, line_with(OFF_BY_A_MILLIMETRE)) as bench:
            await bench.operations(*READY)
            jammed = await bench.fault("insert_cap", search_radius_m=0.0)
            height_m = bench.tcp_height_m()
            return jammed, height_m, await bench.operation("insert_cap", search_radius_m=0.003)

    jammed, height_m, again = run_virtual(story())
    assert jammed.fault.code == "INSERT_JAMMED"
    assert height_m >= 0.14 - 1e-6
    assert again.fault is None, again.message


def test_with_nothing_in_the_hand_there_is_nothing_to_insert():
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_body", "place_body")
            return await bench.fault("insert_cap")

    assert run_virtual(story()).fault.code == "GRIP_PART_LOST"


def test_into_an_empty_fixture_nothing_is_inserted():
    async def story():
        async with skill_bench() as bench:
            await bench.operations("pick_cap")
            return await bench.fault("insert_cap"), bench.held()

    result, held = run_virtual(story())
    assert (result.fault.code, held) == ("FIXTURE_EMPTY", "cap_white")


def test_a_site_that_the_product_does_not_have_is_refused():
    async def story():
        async with skill_bench() as bench:
            await bench.operations(*READY)
            return await bench.fault("insert_cap", site="cap_set")

    result = run_virtual(story())
    assert result.fault.code == "SKILL_REFUSED"
    assert "the product has no site 'cap_set', only body_seat" in result.message


def test_afterwards_the_arm_is_out_of_the_cameras_view():
    async def story():
        async with skill_bench() as bench:
            await bench.operations(*READY, "insert_cap")
            return bench.plant.tcp("parallel_gripper"), bench.line.cell_description.devices["fixture_1"]

    tcp, fixture = run_virtual(story())
    x, y, _ = fixture.seat_in_cell.xyz_m
    assert ((tcp.position[0] - x) ** 2 + (tcp.position[1] - y) ** 2) ** 0.5 > 0.1


@pytest.mark.parametrize("after_s", [0.3, 1.2, 1.9])
def test_a_cap_that_is_lost_on_the_way_is_told_as_lost_whatever_the_tool_then_felt(after_s):
    async def story():
        async with skill_bench() as bench:
            await bench.operations(*READY)
            running = asyncio.ensure_future(bench.operation("insert_cap"))
            await bench.clock.sleep(after_s)
            cap = bench.plant.bench.held(bench.plant.tool("parallel_gripper"))
            bench.plant.bench.lose(cap, cap.pose, "slipped")
            return await running

    result = run_virtual(story())
    assert (result.fault.code, result.fault.where) == ("GRIP_PART_LOST", "parallel_gripper")
    assert result.fault.detail == "no cap is held"
