"""Guarded motions: contact ends them; the search covers its circle."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skill_bench import skill_bench

from microcell.clock import run_virtual
from microcell.faults import FaultError
from microcell.skills.arm_motion import ArmMotion
from microcell.skills.contract import SkillContext
from microcell.skills.guarded import Search, press_until_contact, search_insert, spiral


@given(
    radius_mm=st.floats(0.1, 3.0),
    step_ratio=st.floats(0.05, 0.5),
    angle=st.floats(0.0, 2.0 * math.pi),
    share=st.floats(0.0, 1.0),
)
def test_no_point_of_the_circle_is_far_from_a_tap(radius_mm, step_ratio, angle, share):
    step = radius_mm * step_ratio
    covered = int(radius_mm / step + 1e-9) * step * share
    point = (covered * math.cos(angle), covered * math.sin(angle))
    assert min(math.dist(point, tap) for tap in spiral(radius_mm, step)) < 0.75 * step


def test_the_search_begins_in_the_middle_and_goes_outwards():
    taps = list(spiral(0.001, 0.0002))
    assert taps[0] == (0.0, 0.0)
    distances = [math.hypot(*tap) for tap in taps]
    assert distances == sorted(distances, key=lambda d: round(d, 9))
    assert max(distances) == pytest.approx(0.001)


def test_without_a_radius_there_is_one_tap():
    assert list(spiral(0.0, 0.0002)) == [(0.0, 0.0)]


async def over(bench, x, y, z):
    """The arm with a gripper over a place of the bench."""
    await bench.mount("parallel_gripper")
    context = SkillContext(bench.goal("pick_body"), bench.line, bench.clock, bench.devices)
    motion = await ArmMotion.of(context)
    place = bench.line.cell_description.devices["fixture_1"].seat_in_cell.pose
    down = place @ bench.line.product_description.unit_grasp.tcp_in_part.pose
    goal = type(down)((x, y, z), down.orientation)
    await motion.approach(goal)
    sensor = bench.devices["wrist_force"]
    await sensor.tare()
    return motion, sensor, goal


def test_contact_with_the_bench_stops_the_arm_at_the_force():
    async def story():
        async with skill_bench() as bench:
            motion, sensor, goal = await over(bench, 0.3, 0.1, 0.005)
            touch = await press_until_contact(motion, sensor, goal.shifted(dz=-0.01), 0.01, 5.0)
            return touch, await motion.tcp_in_cell(), bench.plant.bench.arm("arm").moving

    touch, tcp, moving = run_virtual(story())
    assert touch.force_n == pytest.approx(5.0, abs=0.3)
    assert touch.tcp_in_cell == tcp
    assert tcp.position[2] == pytest.approx(-5.0 / 20_000.0, abs=5e-5)
    assert not moving


def test_without_contact_the_motion_ends_at_its_goal():
    async def story():
        async with skill_bench() as bench:
            motion, sensor, goal = await over(bench, 0.3, 0.1, 0.05)
            touch = await press_until_contact(motion, sensor, goal, 0.05, 5.0)
            return touch, (await motion.tcp_in_cell()).position, goal.position

    touch, reached, goal = run_virtual(story())
    assert touch is None
    assert reached == pytest.approx(goal, abs=1e-6)


def test_an_insertion_into_the_air_is_no_contact():
    async def story():
        async with skill_bench() as bench:
            motion, sensor, goal = await over(bench, 0.3, 0.1, 0.1)
            search = Search(goal, 0.002, 5.0, 20.0, 0.001, 0.0002, 0.02)
            with pytest.raises(FaultError, match=r"INSERT_NO_CONTACT at arm.*1\.5 mm below the seat"):
                await search_insert(motion, sensor, search, lambda tap: None)
            return (await motion.tcp_in_cell()).position[2]

    assert run_virtual(story()) == pytest.approx(0.14, abs=1e-6)


def test_a_fault_of_the_sensor_ends_the_motion():
    async def story():
        async with skill_bench() as bench:
            motion, sensor, goal = await over(bench, 0.3, 0.1, 0.05)

            async def broken(force_n):
                raise FaultError("DEVICE_SILENT", "wrist_force")

            sensor.wait_pressing = broken
            with pytest.raises(FaultError, match="DEVICE_SILENT at wrist_force"):
                await press_until_contact(motion, sensor, goal, 0.01, 5.0)
            return bench.plant.bench.arm("arm").moving

    assert run_virtual(story()) is False
