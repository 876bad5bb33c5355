"""The planner remembers motions; what it answers is what the model and the planning functions answer."""

from __future__ import annotations

import pytest

from microcell.description.loader import load_line
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.motion.kinematics import ArmModel
from microcell.motion.planner import MotionPlanner
from microcell.motion.trajectory import plan_joint_move, plan_straight_move

SPEC = load_line("valve").cell_description.devices["arm"]
HOME = SPEC.home_rad


def lifted(model: ArmModel) -> Pose:
    return model.forward(HOME).shifted(dz=0.03)


def test_it_plans_what_the_functions_plan():
    model, planner = ArmModel(SPEC, "arm"), MotionPlanner(SPEC, "arm")
    up = lifted(model)
    joints = model.inverse(up, HOME)
    assert planner.forward(HOME) == model.forward(HOME)
    assert planner.inverse(up, HOME) == joints
    assert planner.straight_move(HOME, up, 0.1) == plan_straight_move(model, HOME, up, 0.1)
    assert planner.joint_move(HOME, joints, 0.5) == plan_joint_move(SPEC.joints, HOME, joints, 0.5)


def test_the_same_motion_is_planned_once_and_another_speed_is_another_motion():
    planner = MotionPlanner(SPEC, "arm")
    up = lifted(ArmModel(SPEC))
    first = planner.straight_move(HOME, up, 0.1)
    assert planner.straight_move(HOME, up, 0.1) is first
    assert planner.straight_move(HOME, up, 0.05).duration_s > first.duration_s


def test_a_motion_that_cannot_be_is_refused_each_time():
    planner = MotionPlanner(SPEC, "left_arm")
    for _ in range(2):
        with pytest.raises(FaultError, match="left_arm") as refused:
            planner.inverse(Pose((5.0, 0.0, 0.3)), HOME)
        assert refused.value.fault.code == "ARM_UNREACHABLE"
