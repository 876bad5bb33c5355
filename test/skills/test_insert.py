"""Insert: by force, with a search, within its limit."""

from __future__ import annotations

import asyncio
import math
import re
from functools import cache

import pytest
from skill_bench import line_with, skill_bench

from microcell.clock import run_virtual
from microcell.description.loader import load_line
from microcell.description.product import Box, Cylinder, Fit
from microcell.geometry import Pose, from_rpy
from microcell.plugins import skill

OFF_BY_A_MILLIMETRE = {"nest_2": {"scatter_m": 0.0006, "scatter_rad": 0.0}}
READY = ("pick_body", "place_body", "pick_cap")


def insert_cap(line, seed=1, **parameters):
    async def story():
        async with skill_bench(seed, line) as bench:
            await bench.operations(*READY)
            result = await bench.operation("insert_cap", **parameters)
            strides = [said.message for said in bench.said if said.phase == "search"]
            return result, strides, bench.plant.unit_at("fixture_1"), bench.held()

    return run_virtual(story())


@pytest.mark.parametrize("seed", range(8))
def test_a_cap_off_its_place_is_found_a_seat_by_feeling(seed):
    result, strides, unit, held = insert_cap(line_with(OFF_BY_A_MILLIMETRE), seed)
    assert result.fault is None, result.message
    assert unit.parts["cap_seat"] == "cap_white"
    assert unit.defects == ()
    assert held == ""
    force, depth = result.measurements
    assert (force.name, force.unit, force.upper) == ("insert_cap.force", "N", 30.0)
    assert 4.0 < force.value < 30.0
    assert depth.value == pytest.approx(0.002, abs=0.0006)
    assert ("after" in result.message) == bool(strides)


def test_some_of_them_need_many_strides():
    assert max(len(insert_cap(line_with(OFF_BY_A_MILLIMETRE), seed)[1]) for seed in range(8)) > 5


def test_a_hole_out_of_the_search_radius_is_a_jam_and_the_cap_stays_in_the_hand():
    result, strides, unit, held = insert_cap(line_with({"nest_2": {"scatter_m": 0.003}}), search_radius_m=0.0005)
    assert result.fault.code == "INSERT_JAMMED"
    assert "no hole within 0.5 mm, 13 strides" in result.message
    assert len(strides) == 13
    assert (unit.parts, held) == ({"body_seat": "body"}, "cap_white")


def test_a_fit_tighter_than_the_force_limit_is_not_forced():
    line = line_with({"nest_2": {"scatter_m": 0.0}}, fits={"cap_seat": {"friction_n": 40.0}})
    result, _, _, held = insert_cap(line, force_limit_n=20.0)
    assert result.fault.code == "INSERT_FORCE_EXCEEDED"
    assert "mm over the seat" in result.message
    assert held == "cap_white"


@pytest.mark.parametrize(("friction_n", "limit_n"), [(6.0, 30.0), (12.0, 30.0), (45.0, 90.0)])
def test_a_stiff_fit_goes_in_where_the_limit_allows_it_and_its_depth_is_told_rightly(friction_n, limit_n):
    line = line_with({"nest_2": {"scatter_m": 0.0}}, fits={"cap_seat": {"friction_n": friction_n}})
    result, _, unit, _ = insert_cap(line, force_limit_n=limit_n)
    assert result.fault is None, result.message
    assert unit.parts["cap_seat"] == "cap_white"
    force, depth = result.measurements
    assert friction_n < force.value < limit_n
    assert depth.value == pytest.approx(0.002, abs=0.0001)


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


PEG = Cylinder(kind="cylinder", diameter_m=0.0245, height_m=0.030)
PEG_FIT = Fit(clearance_m=0.0001, depth_m=0.015, friction_n=2.0)


@cache
def peg_line():
    """The valve line with a peg for a cap, in a hole 0.1 mm wider and 15 mm deep."""
    line = line_with({"nest_2": {"scatter_m": 0.0}})
    product = line.product_description
    part, site = product.parts["cap_white"], product.sites["cap_seat"]
    at = part.grasp.tcp_in_part
    grasp = part.grasp.model_copy(
        update={"width_m": 0.0245, "tcp_in_part": at.model_copy(update={"xyz_m": (0.0, 0.0, 0.022)})}
    )
    peg = part.model_copy(update={"shape": PEG, "marks": (), "grasp": grasp})
    hole = site.model_copy(
        update={"fit": PEG_FIT, "part_in_unit": at.model_copy(update={"xyz_m": (0.0, 0.0, 0.005), "rpy_rad": (0.0,) * 3})}
    )
    changed = {"parts": {**product.parts, "cap_white": peg}, "sites": {**product.sites, "cap_seat": hole}}
    return line.model_copy(update={"product_description": product.model_copy(update=changed)})


def insert_peg_with(off_m, lean_rad, about_rad, line=None, **parameters):
    """Insert a peg whose foot is off the hole, and which leans in the gripper; also the largest true force at a stop."""

    async def story():
        async with skill_bench(1, line or peg_line()) as bench:
            await bench.operations(*READY)
            unit, tool = bench.plant.bench.unit_in("fixture_1"), bench.plant.tool("parallel_gripper")
            bench.plant.inventory.move(unit, unit.place, unit.pose.shifted(*off_m))
            peg = bench.plant.bench.held(tool)
            about_z = from_rpy(0.0, 0.0, about_rad)
            lean = Pose((0.0, 0.0, 0.0), about_z) @ Pose((0.0, 0.0, 0.0), from_rpy(lean_rad, 0.0, 0.0))
            bench.plant.inventory.move(peg, peg.place, peg.pose @ lean)
            forces, halt = [], bench.plant.halt

            def halted(arm):
                pushes = bench.plant.contact.touch(arm, bench.clock.now())
                forces.append(math.hypot(*(sum(push.force[axis] for push in pushes) for axis in range(3))))
                halt(arm)

            bench.plant.halt = halted
            result = await bench.operation("insert_cap", **{"force_limit_n": 20.0, **parameters})
            return result, bench.plant.unit_at("fixture_1"), max(forces)

    return run_virtual(story())


def with_late_arm(line, reaction_s, told_s):
    """An arm that goes on for `reaction_s` after it was told to stop, with a sensor's description that says `told_s`."""
    devices = dict(line.cell_description.devices)
    devices["arm"] = devices["arm"].model_copy(update={"parameters": {"stop_s": reaction_s}})
    devices["wrist_force"] = devices["wrist_force"].model_copy(update={"reaction_s": told_s})
    cell = line.cell_description.model_copy(update={"devices": devices})
    return line.model_copy(update={"cell_description": cell})


@pytest.mark.parametrize("reaction_s", [0.05, 0.2])
def test_an_arm_that_stops_late_stays_within_the_limit_that_it_is_described_for(reaction_s):
    line = with_late_arm(peg_line(), reaction_s, told_s=reaction_s)
    result, unit, force_n = insert_peg_with((0.0004, -0.0003), math.radians(1.0), 2.0, line)
    assert result.fault is None, result.message
    assert unit.parts["cap_seat"] == "cap_white"
    assert 10.0 < force_n < 20.0


def test_an_arm_that_stops_later_than_described_is_found_out_by_the_first_press():
    line = with_late_arm(peg_line(), 0.2, told_s=0.01)
    result, _, force_n = insert_peg_with((0.0004, -0.0003), 0.0, 0.0, line)
    assert result.fault.code == "INSERT_FORCE_EXCEEDED"
    assert re.search(r"\d\d\.\d N, the limit is 20\.0 N", result.message)
    assert force_n > 20.0


@pytest.mark.parametrize("off_m", [(0.0, 0.0), (0.0009, -0.0007)])
@pytest.mark.parametrize("about_rad", [0.0, 2.0])
def test_a_peg_off_by_a_millimetre_and_leaning_by_a_degree_goes_into_a_tenth_of_clearance(off_m, about_rad):
    result, unit, force_n = insert_peg_with(off_m, math.radians(1.0), about_rad)
    assert result.fault is None, result.message
    assert (unit.parts["cap_seat"], unit.defects) == ("cap_white", ())
    assert "tilted by" in result.message
    assert force_n < 20.0


def test_a_wrist_that_is_not_as_stiff_as_believed_still_puts_the_peg_in():
    result, unit, force_n = insert_peg_with(
        (0.0003, 0.0002), 0.017, 1.0, wrist_axial_n_m=15_000.0, wrist_lateral_n_m=28_000.0, wrist_angular_n_m_rad=140.0
    )
    assert result.fault is None, result.message
    assert unit.defects == ()
    assert force_n < 20.0


def test_a_peg_whose_angle_may_not_be_corrected_is_not_forced():
    result, unit, force_n = insert_peg_with((0.0, 0.0), math.radians(1.0), 0.5, search_angle_rad=0.0)
    assert result.fault.code == "INSERT_FORCE_EXCEEDED"
    assert re.search(r"1[56]\.\d N, still \d+\.\d mm over the seat, tilted by 0\.0 degrees", result.message)
    assert "cap_seat" not in unit.parts
    assert force_n < 20.0


@cache
def square_line():
    """The valve line with a square block for a cap, in a hole 1.2 mm wider."""
    line = line_with({"nest_2": {"scatter_m": 0.0}}, fits={"cap_seat": {"clearance_m": 0.0012}})
    product = line.product_description
    cap = product.parts["cap_white"]
    block = Box(kind="box", length_m=0.0245, width_m=0.0245, height_m=cap.shape.height_m)
    parts = {**product.parts, "cap_white": cap.model_copy(update={"shape": block, "marks": ()})}
    return line.model_copy(update={"product_description": product.model_copy(update={"parts": parts})})


@pytest.mark.parametrize(("off_m", "turn_rad"), [((-0.00030, -0.00132), 0.028), ((-0.00036, -0.00036), 0.020)])
def test_a_part_that_is_turned_and_missed_by_the_search_is_found_by_a_repetitions_closer_lines(off_m, turn_rad):
    async def story(attempt):
        async with skill_bench(1, square_line()) as bench:
            await bench.operations(*READY)
            unit, tool = bench.plant.bench.unit_in("fixture_1"), bench.plant.tool("parallel_gripper")
            bench.plant.inventory.move(unit, unit.place, unit.pose.shifted(*off_m))
            block = bench.plant.bench.held(tool)
            turn = Pose((0.0, 0.0, 0.0), from_rpy(0.0, 0.0, turn_rad))
            bench.plant.inventory.move(block, block.place, block.pose @ turn)
            usual = bench.line.product_description.parameters_of("insert_cap", "adult")
            return await bench.operation("insert_cap", **(skill("insert").changed(usual, attempt) if attempt else {}))

    assert run_virtual(story(0)).fault.code == "INSERT_JAMMED"
    again = run_virtual(story(1))
    assert again.fault is None, again.message


def test_what_stands_in_the_place_already_is_felt_before_the_part_is_pressed_onto_it():
    """A leg of the other wood, for example, that an inspection told as missing."""

    async def story():
        async with skill_bench(line=load_line("stool")) as bench:
            unit = {"unit": "STL-1", "variant": "birch"}
            await bench.operations("pick_box", "place_box", "pick_leg_1", "lay_leg_1", "pick_leg_1", **unit)
            return await bench.operation("lay_leg_1", **unit), bench.held()

    result, held = run_virtual(story())
    assert result.fault.code == "INSERT_JAMMED"
    assert result.fault.detail.startswith("15 N on the way down: something stands ")
    assert held == "leg_birch"
