"""Guarded motions: contact ends them, the search covers its square, and a part goes where the walls push it."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skill_bench import skill_bench

from microcell.clock import run_virtual
from microcell.faults import FaultError
from microcell.geometry import Pose, rotate
from microcell.plant.contact import Load
from microcell.skills.arm_motion import ArmMotion
from microcell.skills.contract import SkillContext
from microcell.skills.guarded import Felt, Guard, Stiffness, Touch, feel, press_until_contact, tilted
from microcell.skills.hole_search import SpiralSearch, square_spiral, strided
from microcell.skills.peg_in_hole import Insertion, correction, insert_peg


@given(
    radius_mm=st.floats(0.1, 3.0),
    pitch_ratio=st.floats(0.05, 0.5),
    share=st.floats(0.0, 1.0),
    angle=st.floats(0.0, 2.0 * math.pi),
)
def test_no_point_of_the_circle_is_far_from_the_spiral(radius_mm, pitch_ratio, share, angle):
    pitch = radius_mm * pitch_ratio
    point = (radius_mm * share * math.cos(angle), radius_mm * share * math.sin(angle))
    corners = list(square_spiral(radius_mm, pitch))
    assert min(_from_line(point, a, b) for a, b in pairwise(corners)) <= 0.6 * pitch


def _from_line(point, a, b):
    (px, py), (ax, ay), (bx, by) = point, a, b
    length2 = (bx - ax) ** 2 + (by - ay) ** 2
    share = max(0.0, min(1.0, ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / length2))
    return math.dist(point, (ax + share * (bx - ax), ay + share * (by - ay)))


@given(stride=st.floats(0.05, 2.0))
def test_a_stride_is_never_longer_than_allowed_and_no_corner_is_cut(stride):
    places = [(0.0, 0.0), *strided(square_spiral(1.0, 0.3), stride)]
    assert max(math.dist(a, b) for a, b in pairwise(places)) <= stride + 1e-9
    assert set(square_spiral(1.0, 0.3)) <= set(places)


def test_without_a_radius_there_is_nowhere_to_slide():
    assert list(strided(square_spiral(0.0, 0.0002), 0.1)) == []


def test_the_search_presses_well_below_the_limit_and_above_the_friction():
    search = search_with(limit_n=20.0, friction_n=2.0)
    assert (search.gone_n, search.sliding_n) == (3.0, 8.0)
    assert search_with(limit_n=20.0, friction_n=40.0).sliding_n == 14.0


def search_with(limit_n, friction_n):
    return SpiralSearch(0.001, 0.0001, 0.1, 0.0005, friction_n, Guard(limit_n, 20_000.0, 0.05), 0.01, 0.01, Stiffness())


@given(
    limit_n=st.floats(1.0, 200.0),
    stiff_n_m=st.floats(1e3, 1e6),
    reaction_s=st.floats(0.001, 1.0),
    share=st.floats(0.0, 0.99),
    wanted_m_s=st.floats(0.001, 0.1),
)
def test_what_an_arm_presses_on_until_it_stands_stays_within_the_limit(limit_n, stiff_n_m, reaction_s, share, wanted_m_s):
    guard = Guard(limit_n, stiff_n_m, reaction_s, noise_n=0.05)
    stop_n = share * guard.allowed_n
    speed_m_s = guard.speed_m_s(wanted_m_s, stop_n)
    assert 0.0 < speed_m_s <= wanted_m_s
    assert stop_n + speed_m_s * reaction_s * stiff_n_m <= limit_n - 4.0 * 0.05 + 1e-9


def test_a_reading_over_the_limit_is_a_fault_however_little():
    guard = Guard(20.0, 20_000.0, 0.05)
    guard.check(Touch(Pose(), 20.0), "arm")
    with pytest.raises(FaultError, match=r"INSERT_FORCE_EXCEEDED at arm.*20\.1 N, the limit is 20\.0 N"):
        guard.check(Touch(Pose(), 20.06), "arm")


def test_an_arm_that_presses_enough_already_does_not_move():
    async def story():
        async with skill_bench() as bench:
            motion, sensor, goal = await over(bench, 0.24, -0.42, 0.025)
            first = await press_until_contact(motion, sensor, goal.shifted(dz=-0.01), 0.01, 5.0)
            motions = list(bench.plant.bench.arm("arm").joints()[0])
            again = await press_until_contact(motion, sensor, goal.shifted(dz=-0.02), 0.01, 4.0)
            return first, again, motions, list(bench.plant.bench.arm("arm").joints()[0])

    first, again, before, after = run_virtual(story())
    assert before == after
    assert again.force_n == pytest.approx(first.force_n, abs=0.3)


def test_a_limit_within_the_sensors_noise_is_refused():
    async def story():
        async with skill_bench() as bench:
            motion, sensor, goal = await over(bench, 0.3, 0.1, 0.1)
            insertion = replace(INSERTION, seat=goal, limit_n=0.15, noise_n=0.05)
            with pytest.raises(FaultError, match=r"a limit of 0\.15 N is lost in the sensor's noise of 0\.05 N"):
                await insert_peg(motion, sensor, insertion, lambda stride: None)

    run_virtual(story())


INSERTION = Insertion(
    seat=Pose(), depth_m=0.015, clearance_m=0.0001, friction_n=2.0, reach_m=0.022, contact_n=4.0, limit_n=20.0,
    radius_m=0.001, pitch_m=0.00007, angle_rad=0.035, speed_m_s=0.01, search_speed_m_s=0.01,
)  # fmt: skip


def test_a_part_pushed_by_one_wall_is_shifted_and_not_straightened():
    shift, lean = correction(INSERTION, Felt(Pose(), 3.0, (2.0, 0.0), (-2.0 * 0.022, 0.0)), 0.005)
    assert shift == pytest.approx((0.0001, 0.0))
    assert lean == pytest.approx((-0.00044, 0.0))


def test_a_part_between_two_walls_is_straightened_about_what_is_in_the_hole():
    couple = Felt(Pose(), 3.0, (0.0, 0.0), (0.0, -0.2))
    shift, lean = correction(INSERTION, couple, 0.006)
    assert lean == pytest.approx((0.0, -0.002 - 0.8 * 0.0001 / 0.006))
    assert shift == pytest.approx((0.0, -0.8 * 0.0001 / 0.006 * (0.022 - 0.003)))


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


def test_contact_with_an_empty_nest_stops_the_arm_at_the_force():
    async def story():
        async with skill_bench() as bench:
            motion, sensor, goal = await over(bench, 0.24, -0.42, 0.025)
            touch = await press_until_contact(motion, sensor, goal.shifted(dz=-0.01), 0.01, 5.0)
            return touch, await motion.tcp_in_cell(), bench.plant.bench.arm("arm").moving

    touch, tcp, moving = run_virtual(story())
    assert touch.force_n == pytest.approx(5.0, abs=0.3)
    assert touch.tcp_in_cell == tcp
    assert tcp.position[2] == pytest.approx(0.02 - 5.0 / 20_000.0, abs=5e-5)
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
            insertion = replace(INSERTION, seat=goal, depth_m=0.002, speed_m_s=0.02)
            with pytest.raises(FaultError, match=r"INSERT_NO_CONTACT at arm.*1\.5 mm below the seat"):
                await insert_peg(motion, sensor, insertion, lambda stride: None)
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


def test_a_sensor_that_has_failed_is_not_asked_again():
    async def story():
        async with skill_bench() as bench:
            motion, sensor, goal = await over(bench, 0.3, 0.1, 0.05)
            read, asked = sensor.read, []

            async def counted():
                asked.append("read")
                return await read()

            async def broken(force_n):
                raise FaultError("DEVICE_SILENT", "wrist_force")

            sensor.read, sensor.wait_pressing = counted, broken
            with pytest.raises(FaultError, match="DEVICE_SILENT at wrist_force"):
                await press_until_contact(motion, sensor, goal, 0.01, 5.0)
            return asked

    assert run_virtual(story()) == ["read"], "before the motion; afterwards a silent one would be waited for"


def test_a_push_at_the_tool_centre_point_is_felt_there_in_the_cells_axes():
    async def story():
        async with skill_bench() as bench:
            motion, sensor, _ = await over(bench, 0.3, 0.1, 0.05)
            load = bench.plant.contact.load
            zero = load("arm")
            x, y, z = 3.0, 1.0, zero.force[2]  # in the flange frame, which points down: y and z are turned over
            pushed = Load((zero.force[0] + x, zero.force[1] + y, z), (-0.150 * y + 0.1, 0.150 * x, 0.0))
            bench.plant.contact.load = lambda arm, at_s=None: pushed
            felt = await feel(motion, sensor, readings=400)
            return felt, (await motion.tcp_in_cell()).orientation

    felt, turned = run_virtual(story())
    along_x, along_y, _ = rotate(turned, (3.0, 1.0, 0.0))
    about_x, about_y, _ = rotate(turned, (0.1, 0.0, 0.0))
    assert felt.lateral_n == pytest.approx((along_x, along_y), abs=0.02)
    assert felt.tilting_n_m == pytest.approx((about_y, -about_x), abs=0.005)


def test_a_tilt_moves_the_upper_end_of_an_upright_axis_the_way_it_says():
    x, y, _ = rotate(tilted(Pose(), (0.01, -0.02)).orientation, (0.0, 0.0, 1.0))
    assert (x, y) == pytest.approx((0.01, -0.02), rel=1e-3)


def test_without_a_hole_only_the_bent_wrist_is_followed():
    shift, lean = correction(INSERTION, Felt(Pose(), 3.0, (2.0, 0.0), (0.0, 0.0)), 0.0)
    assert shift[0] > 0.0 and shift[1] == 0.0
    assert lean == (0.0, 0.0)
