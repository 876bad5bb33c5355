"""URDF of a cell's arms: read back, it is the same arm at the same place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microcell.description.loader import load_line
from microcell.geometry import Pose, angle_between, distance, from_rpy
from microcell.motion.robot_file import read_robot_file
from microcell.motion.urdf import ROOT, arm_urdf, roll_pitch_yaw
from microcell.ros.names import arm_joints

ANGLES = st.floats(-3.0, 3.0)


@pytest.mark.parametrize("line", ["valve", "valve_twin"])
def test_the_arm_that_is_shown_stands_as_the_described_one(line: str, tmp_path: Path) -> None:
    for arm, spec in load_line(line).cell_description.of_kind("arm").items():
        path = tmp_path / f"{arm}.urdf"
        path.write_text(arm_urdf(arm, spec, arm_joints(arm, spec)), encoding="utf-8")
        shown = read_robot_file(path)
        chain = shown.chain(ROOT)
        assert tuple(joint.name for joint in chain.joints) == arm_joints(arm, spec)
        assert [(joint.lower, joint.upper, joint.velocity) for joint in chain.joints] == [
            pytest.approx(joint.values[:3]) for joint in spec.joints
        ]
        base = shown.joint_of[f"{arm}/{spec.base_link or 'base_link'}"]
        assert distance(base.origin, spec.base_in_cell.pose) < 1e-9
        assert angle_between(base.origin, spec.base_in_cell.pose) < 1e-6


def test_bodies_are_seen_as_in_the_robot_file(tmp_path: Path) -> None:
    spec = load_line("valve").cell_description.of_kind("arm")["arm"]
    path = tmp_path / "arm.urdf"
    path.write_text(arm_urdf("arm", spec, arm_joints("arm", spec)), encoding="utf-8")
    shown = read_robot_file(path)
    seen = [(body.kind, body.sizes, body.rgba) for link in shown.links.values() for body in link.visuals]
    assert len(seen) > 10 and all(rgba is not None for _, _, rgba in seen)


def test_further_frames_hang_on_the_flange_and_in_the_cell(tmp_path: Path) -> None:
    spec = load_line("valve").cell_description.of_kind("arm")["arm"]
    lens = Pose((0.1, 0.2, 0.9), from_rpy(3.0, 0.1, 0.2))
    path = tmp_path / "arm.urdf"
    path.write_text(arm_urdf("arm", spec, arm_joints("arm", spec), ["felt"], {"seen": lens}), encoding="utf-8")
    shown = read_robot_file(path)
    assert shown.joint_of["felt"].parent == "arm/flange" and shown.joint_of["felt"].origin == Pose()
    assert shown.joint_of["seen"].parent == ROOT
    assert distance(shown.joint_of["seen"].origin, lens) < 1e-9 and angle_between(shown.joint_of["seen"].origin, lens) < 1e-6


@given(ANGLES, st.floats(-1.57, 1.57), ANGLES)
def test_a_turn_comes_back_from_its_angles(roll: float, pitch: float, yaw: float) -> None:
    turn = from_rpy(roll, pitch, yaw)
    again = from_rpy(*roll_pitch_yaw(turn))
    assert angle_between(Pose((0.0, 0.0, 0.0), turn), Pose((0.0, 0.0, 0.0), again)) < 1e-5


@pytest.mark.parametrize("pitch", [1.5707963267948966, -1.5707963267948966])
def test_a_turn_straight_up_comes_back(pitch: float) -> None:
    turn = from_rpy(0.7, pitch, 0.4)
    again = from_rpy(*roll_pitch_yaw(turn))
    assert angle_between(Pose((0.0, 0.0, 0.0), turn), Pose((0.0, 0.0, 0.0), again)) < 1e-5
