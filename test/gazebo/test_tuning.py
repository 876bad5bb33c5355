"""The gains of the simulated arms: how Gazebo's controller, stepped here as it steps, follows trajectories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pinocchio as pin
import pytest

from microcell.description.cell import ArmSpec
from microcell.description.loader import load_line
from microcell.devices.factory import GAZEBO_POINTS_S
from microcell.gazebo.arm import dynamic_model, joint_gains
from microcell.gazebo.tuning import GRAVITY_M_S2, STEP_S
from microcell.gazebo.world import heaviest_kg
from microcell.motion.limits import Limits
from microcell.motion.timing import time_joint_move
from microcell.motion.trajectory import JointTrajectory, resample
from microcell.paths import share_directory

LINES = sorted(path.stem for path in (share_directory() / "config" / "lines").glob("*.yaml"))
TOOL_KG = 0.75
PERIOD_S = GAZEBO_POINTS_S
HOLD_S = 1.0


@pytest.fixture(scope="module")
def spec() -> ArmSpec:
    return load_line("valve").cell_description.of_kind("arm")["arm"]


def followed(spec: ArmSpec, trajectory: JointTrajectory, carried_kg: float = 0.0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Wanted and true positions in each step; the set point is the first that is not over, as in Gazebo. The tool is
    weightless there, what it carries is not.
    """
    model, tip = dynamic_model(spec)
    model.gravity.linear[:] = 0.0
    tool = pin.Inertia(TOOL_KG + carried_kg, np.array((0, 0, 0.07)), 1e-3 * np.eye(3))
    model.appendBodyToJoint(model.frames[tip].parentJoint, tool, model.frames[tip].placement)
    data, gains = model.createData(), joint_gains(spec, carried_kg)
    points = resample(trajectory, PERIOD_S)
    times, rows, speeds = np.array(points.times_s), np.array(points.positions), np.array(points.velocities)
    p, d, most = (np.array([getattr(gain, key) for gain in gains]) for key in ("proportional", "damping", "most"))
    q, v = rows[0].copy(), np.zeros(len(p))
    for step in range(round((times[-1] + HOLD_S) / STEP_S)):
        index = min(int(np.searchsorted(times, step * STEP_S)), len(times) - 1)
        torque = np.clip(p * (rows[index] - q), -most, most) + np.clip(d * (speeds[index] - v), -most, most)
        if carried_kg:
            lever = pin.computeFrameJacobian(model, data, q, tip, pin.ReferenceFrame.LOCAL_WORLD_ALIGNED)[2]
            torque = torque - carried_kg * GRAVITY_M_S2 * lever
        v = v + STEP_S * pin.aba(model, data, q, v, torque)
        q = q + STEP_S * v
        yield rows[index], q


def test_the_arm_follows_a_fast_move_closely_and_settles_within_the_driver_s_tolerance(spec: ArmSpec) -> None:
    move = time_joint_move(Limits.of(spec.joints), tuple(spec.home_rad), (1.0, 0.6, 0.9, -1.0, 1.2, 2.0))
    off = [np.abs(wanted - true).max() for wanted, true in followed(spec, move)]
    assert max(off) < 0.1, "as far behind as the ROS driver lets an arm be"
    assert max(off[-200:]) < 0.0005, "as near as the ROS driver asks for"


def sag(spec: ArmSpec, carried_kg: float, planned_kg: float) -> float:
    """How far what an arm carries bends a joint at worst, rad or m, with gains that were made for so much."""
    model, tip = dynamic_model(spec)
    data, stiffness = model.createData(), np.array([gain.proportional for gain in joint_gains(spec, planned_kg)])
    rng, found = np.random.default_rng(1), 0.0
    for _ in range(50):
        q = rng.uniform(model.lowerPositionLimit, model.upperPositionLimit)
        lever = pin.computeFrameJacobian(model, data, q, tip, pin.ReferenceFrame.LOCAL_WORLD_ALIGNED)[2]
        found = max(found, float(np.abs(lever * carried_kg * GRAVITY_M_S2 / stiffness).max()))
    return found


@pytest.mark.parametrize("line", LINES)
def test_what_the_arm_carries_bends_it_by_less_than_the_driver_s_tolerance(line: str) -> None:
    loaded = load_line(line)
    for spec in loaded.cell_description.of_kind("arm").values():
        assert sag(spec, heaviest_kg(loaded), heaviest_kg(loaded)) < 0.0003


@pytest.mark.parametrize("arm", ["valve", "battery"])
def test_a_heavy_part_makes_the_arm_stiffer_and_a_light_one_does_not(arm: str) -> None:
    (spec, *_) = load_line(arm).cell_description.of_kind("arm").values()
    assert sag(spec, spec.payload_kg, 0.0) > 0.0005
    assert sag(spec, spec.payload_kg, spec.payload_kg) < 0.0004
    assert all(a.proportional == b.proportional for a, b in zip(joint_gains(spec, 0.05), joint_gains(spec), strict=True))


def test_with_a_heavy_part_it_settles_as_well(spec: ArmSpec) -> None:
    move = time_joint_move(Limits.of(spec.joints), tuple(spec.home_rad), (1.0, 0.6, 0.9, -1.0, 1.2, 2.0), 0.5)
    off = [np.abs(wanted - true).max() for wanted, true in followed(spec, move, carried_kg=0.8 * spec.payload_kg)]
    assert max(off) < 0.1
    assert max(off[-200:]) < 0.0005


def test_the_arm_goes_steadily_between_the_points_that_are_sent(spec: ArmSpec) -> None:
    limits = Limits.of(spec.joints)
    move = time_joint_move(limits, tuple(spec.home_rad), (1.0, 0.6, 0.9, -1.0, 1.2, 2.0))
    places = np.array([true for _, true in followed(spec, move)])
    speeds = np.diff(places, axis=0) / STEP_S
    assert (np.abs(speeds).max(axis=0) < 1.1 * np.array(limits.velocity)).all()


def test_the_arm_comes_home_from_the_posture_that_it_is_put_into_the_world_in(spec: ArmSpec) -> None:
    move = time_joint_move(Limits.of(spec.joints), (0.0,) * 6, tuple(spec.home_rad), 0.3)
    off = [np.abs(wanted - true).max() for wanted, true in followed(spec, move)]
    assert max(off[-200:]) < 0.0005
