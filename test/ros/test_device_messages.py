"""What devices say, to and from messages."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy")

from trajectory_msgs.msg import JointTrajectoryPoint

from microcell.devices.carton_station.contract import Carton
from microcell.devices.force_sensor.contract import Wrench
from microcell.devices.tool_changer.contract import Coupling
from microcell.devices.vacuum.contract import Suction
from microcell.errors import UsageError
from microcell.faults import CATALOGUE, Fault
from microcell.geometry import Pose
from microcell.motion.trajectory import JointTrajectory
from microcell.ros import convert
from microcell.ros.convert_skills import stamp

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@pytest.mark.parametrize(
    "value",
    [True, False, 0, 12, Suction(60000.0, True), Coupling(False, "PG-0007"), Carton("CTN-1", 6, 2), Coupling(True, 'ü "')],
    ids=str,
)
def test_an_answer_arrives_as_it_was_given(value):
    assert convert.read_answer(type(value), convert.answer_text(value)) == value


@given(finite, st.booleans())
def test_an_answers_numbers_keep_every_bit(pressure_pa, sealed):
    suction = Suction(pressure_pa, sealed)
    assert convert.read_answer(Suction, convert.answer_text(suction)) == suction


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (bool, "1", "should be of type bool"),
        (int, "true", "should be of type int"),
        (Suction, "60000.0", "an object with pressure_pa, sealed is expected"),
        (Suction, '{"pressure_pa": 1.0}', "an object with pressure_pa, sealed is expected"),
        (Suction, '{"pressure_pa": "much", "sealed": true}', "pressure_pa should be of type float"),
        (Suction, "", "Expecting value"),
        (list, '["PG-0007", null]', "a list of texts is expected"),
    ],
)
def test_an_answer_of_another_form_is_refused(kind, text, problem):
    with pytest.raises(ValueError, match=problem):
        convert.read_answer(kind, text)


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_fault_passes_through_a_standard_services_text(code):
    detail = "2 pieces: no, 3"
    fault = convert.read_fault("nest_1", convert.fault_text(Fault(code, "nest_1", detail))).fault
    assert (fault.code, fault.where, fault.detail) == (code, "nest_1", detail)


@pytest.mark.parametrize("text", ["air pressure low", "", "ERROR: no", "grip_nothing_held: x"])
def test_a_foreign_failure_is_a_refusal_with_its_text(text):
    fault = convert.read_fault("changer", text).fault
    assert fault.code == "DEVICE_REFUSED"
    assert fault.detail == (text or "it failed and did not say why")


@given(st.tuples(finite, finite, finite), st.tuples(finite, finite, finite, finite))
def test_a_pose_survives_its_message(position, orientation):
    pose = Pose(position, orientation)
    assert convert.pose_of(convert.pose_message(pose)) == pose


@pytest.mark.parametrize("orientation", [(0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.0, math.nan)])
def test_a_pose_that_is_none_is_not_taken_from_hardware(orientation):
    with pytest.raises(UsageError, match=r"a pose at \(0.1, 0.2, 0.3\) with the quaternion"):
        convert.told_pose_of(convert.pose_message(Pose((0.1, 0.2, 0.3), orientation)))


def test_a_pose_of_hardware_that_rounds_is_made_a_turn():
    exact = Pose((0.1, 0.2, 0.3), (0.6, 0.0, 0.0, 0.8))
    assert convert.told_pose_of(convert.pose_message(exact)) == exact
    rounded = convert.told_pose_of(convert.pose_message(Pose(exact.position, (0.601, 0.0, 0.0, 0.799))))
    assert math.hypot(*rounded.orientation) == pytest.approx(1.0, abs=1e-12)
    with pytest.raises(UsageError, match="a pose at"):
        convert.told_pose_of(convert.pose_message(Pose((math.inf, 0.0, 0.0))))


def test_a_wrench_survives_its_message():
    wrench = Wrench((1.0, -2.0, 3.0), (0.1, 0.2, -0.3), 12.5)
    assert convert.wrench_of(convert.wrench_message("flange", wrench, 1000.0), 1000.0) == wrench


NAMES = ("arm_joint_1", "arm_joint_2")
PLAN = JointTrajectory((0.0, 0.5, 1.0), ((0.0, 1.0), (0.1, 1.1), (0.2, 1.2)), ((0.0, 0.0), (0.3, 0.2), (0.0, 0.0)))


def test_a_trajectory_survives_its_message_in_whatever_order_its_joints_are():
    message = convert.trajectory_message(NAMES, PLAN)
    assert convert.trajectory_of(NAMES, message) == PLAN
    turned = convert.trajectory_of(NAMES[::-1], message)
    assert turned.positions == tuple(row[::-1] for row in PLAN.positions)


def test_points_less_than_a_nanosecond_apart_are_one_point():
    plan = JointTrajectory((0.0, 1.0, 1.0 + 1e-12), PLAN.positions, PLAN.velocities)
    found = convert.trajectory_of(NAMES, convert.trajectory_message(NAMES, plan))
    assert found.times_s == (0.0, 1.0)
    assert found.positions == (PLAN.positions[0], PLAN.positions[2])


def spoiled(kind: str):
    message = convert.trajectory_message(NAMES, PLAN)
    if kind == "joints":
        message.joint_names = ["arm_joint_1", "elbow"]
    elif kind == "times":
        message.points[2].time_from_start = message.points[1].time_from_start
    elif kind == "points":
        message.points[1].positions = [0.0]
    elif kind == "empty":
        message.points = []
    elif kind == "velocities":
        message.points[1] = JointTrajectoryPoint(
            positions=[0.0, 0.0], velocities=[1.0], time_from_start=message.points[1].time_from_start
        )
    return message


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("joints", r"for the joints \['arm_joint_1', 'elbow'\]; this device has"),
        ("times", "must rise from 0"),
        ("points", "a point with 1 positions for 2 joints"),
        ("velocities", "a point with 1 velocities for 2 joints"),
        ("empty", "without points"),
    ],
)
def test_a_trajectory_that_does_not_fit_is_refused(kind, problem):
    with pytest.raises(UsageError, match=problem):
        convert.trajectory_of(NAMES, spoiled(kind))


def test_a_time_that_a_stamp_cannot_say_is_the_nearest_that_it_can():
    assert [stamp(unix_s).sec for unix_s in (-5.0, 17.0, 2208988800.0, 1e12)] == [0, 17, 2**31 - 1, 2**31 - 1]


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_trajectory_of_what_is_no_number_is_refused(number):
    message = convert.trajectory_message(NAMES, PLAN)
    message.points[1].positions = [0.0, number]
    with pytest.raises(UsageError, match="a point with positions that are no numbers"):
        convert.trajectory_of(NAMES, message)


def test_joint_states_are_found_by_name_among_others():
    message = convert.joint_state_message(("x", *NAMES), (9.0, 1.0, 2.0), (0.0, 0.1, 0.2), stamp(1002.5))
    state = convert.joint_state_of(NAMES[::-1], message, 1000.0)
    assert state.positions == (2.0, 1.0)
    assert state.velocities == (0.2, 0.1)
    assert math.isclose(state.time_s, 2.5)
    with pytest.raises(UsageError, match="joint states without wrist"):
        convert.joint_state_of(("wrist",), message, 1000.0)


def test_what_ros2_control_has_no_interface_for_is_no_number_and_counts_as_zero():
    message = convert.joint_state_message(NAMES, (1.0, 2.0), (math.nan, 0.1), stamp(1000.0), (math.nan, math.nan))
    assert convert.joint_rows(NAMES, message) == ((1.0, 2.0), (0.0, 0.1), (0.0, 0.0))


@pytest.mark.parametrize(
    ("positions", "velocities", "problem"),
    [
        ((1.0, math.nan), (), "joint states of arm_joint_2 that are no numbers: nan, velocity 0, effort 0"),
        ((1.0, 2.0), (0.0, math.inf), "of arm_joint_2 that are no numbers: 2, velocity inf"),
        ((1.0, 2.0), (0.0,), "joint states with 1 of velocity for 2 joints"),
        ((1.0,), (), "joint states without positions"),
    ],
)
def test_joint_states_that_cannot_be_read_say_why(positions, velocities, problem):
    message = convert.joint_state_message(NAMES, positions, velocities, stamp(1000.0))
    with pytest.raises(UsageError, match=problem):
        convert.joint_state_of(NAMES, message, 0.0)


numbers = st.lists(st.floats(), max_size=4)


@given(st.lists(st.sampled_from([*NAMES, "x"]), max_size=4), numbers, numbers, numbers)
def test_whatever_joint_states_hold_is_read_or_refused(joints, positions, velocities, efforts):
    message = convert.joint_state_message(joints, positions, velocities, stamp(0.0), efforts)
    try:
        rows = convert.joint_rows(NAMES, message)
    except UsageError:
        return
    assert all(len(row) == 2 and all(map(math.isfinite, row)) for row in rows)


def test_a_wrench_that_is_no_number_is_refused():
    message = convert.wrench_message("flange", Wrench((0.0, 0.0, math.nan), (0.0, 0.0, 0.0), 1.0), 0.0)
    with pytest.raises(UsageError, match=r"a wrench of force \(0.0, 0.0, nan\)"):
        convert.wrench_of(message, 0.0)
