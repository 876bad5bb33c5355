"""An arm as a model of the world: its robot file's links, a force sensor at the flange, a controller for its joints."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pinocchio as pin

from microcell.description.cell import ArmSpec, ForceSensorSpec
from microcell.description.shape import CylinderShape
from microcell.gazebo import scheme
from microcell.gazebo.elements import (
    ARMS_BIT,
    Rgba,
    add,
    add_contact_sensor,
    add_plugin,
    add_pose,
)
from microcell.gazebo.inertia import FRAME, Body, body_of
from microcell.gazebo.links import OF_FILE, Limit, add_fixed_joint, add_joint, add_link, file_body, other_names
from microcell.gazebo.tuning import Gains, gains_of, usual_inertias
from microcell.geometry import Pose
from microcell.motion import link_solids
from microcell.motion.limits import Limits
from microcell.motion.robot_file import Chain, FileJoint, RobotFile, read_robot_file
from microcell.paths import share_directory
from microcell.ros import names

MOTOR_RATIO = 0.5
MOTOR_KG_M2 = 0.1
"""A motor's inertia through its gear: that share of what the joint usually moves, and no less than this. Geared robots have
as much or more; wrists, which move little, most of all."""

COUPLING_KG = 0.15
_COUPLING = CylinderShape(radius_m=0.02, length_m=0.004)
_COUPLING_AT = Pose((0.0, 0.0, -0.003))
"""Inside of the flange: it needs a body, but shall touch nothing."""

_STEEL: Rgba = (0.7, 0.72, 0.75, 1.0)


def robot_of(spec: ArmSpec) -> tuple[RobotFile, Chain]:
    """An arm's robot file and the chain in it, with names for its links that the world has not otherwise."""
    robot = read_robot_file(share_directory() / "urdf" / "robots" / Path(spec.robot))
    other = other_names(robot, _own_names(spec))
    base, tip = (other.get(link, link) for link in (spec.base_link, spec.tip_link))
    robot = robot.renamed(other)
    return robot, robot.chain(base, tip)


def _own_names(spec: ArmSpec) -> tuple[str, ...]:
    """Names of what is built on an arm here."""
    return (scheme.COUPLING_LINK, spec.force_sensor)


def add_arm(
    world: ET.Element, namespace: str, name: str, spec: ArmSpec, sensor: ForceSensorSpec, carried_kg: float = 0.0
) -> ET.Element:
    """The model of an arm, standing at its base, with its joints at zero; `carried_kg` is the heaviest that it carries.

    Its links are weightless, as for an arm whose controller holds its own weight; they have their masses.
    """
    robot, chain = robot_of(spec)
    model = add(world, "model", name=name)
    add_pose(model, spec.base_in_cell.pose)
    limits = _limits(chain, spec)
    own, joints = _own_names(spec), names.arm_joints(name, spec)
    called = {joint.name: f"{joint.name}{OF_FILE}" for joint in robot.joint_of.values() if joint.name in own}
    called.update(zip((joint.name for joint in chain.joints), joints, strict=True))
    bodies = arm_bodies(spec)
    add_fixed_joint(model, f"{name}_foot", "world", chain.base)
    _add_links(model, robot, chain, bodies, called, scheme.topic(namespace, scheme.contacts_felt(name)))
    for joint in robot.below(chain.base):
        if joint.child in bodies:
            add_joint(model, joint, limits, lambda file_name: called.get(file_name, file_name))
    _add_coupling(model, namespace, spec, sensor, chain.tip)
    _add_controller(model, namespace, name, joints, joint_gains(spec, carried_kg))
    return model


def arm_bodies(spec: ArmSpec) -> dict[str, Body]:
    """Mass and inertia by link: those of the file, and the inertia that each joint's motor adds by its gear."""
    robot, chain = robot_of(spec)
    bodies = link_bodies(robot, chain)
    usual = usual_inertias(*_pin_model(robot, chain, bodies, spec))
    for joint, inertia in zip(chain.joints, usual, strict=True):
        body, turning = bodies[joint.child], 0.0 if joint.slides else inertia
        bodies[joint.child] = replace(body, inertia=body.inertia + max(MOTOR_RATIO * turning, MOTOR_KG_M2) * np.eye(3))
    return bodies


def link_bodies(robot: RobotFile, chain: Chain) -> dict[str, Body]:
    """Mass and inertia of the base and of each link below it; a frame without a body gets next to none."""
    felt = link_solids.felt(robot, chain)
    found = {}
    for link in (chain.base, *(joint.child for joint in robot.below(chain.base))):
        found[link] = file_body(robot.links[link], felt.get(link, ())) or FRAME
    return found


def joint_gains(spec: ArmSpec, carried_kg: float = 0.0) -> tuple[Gains, ...]:
    """Gains of the arm's controller, base to tip; `carried_kg` is the heaviest that it carries besides its tool."""
    model, tip = dynamic_model(spec)
    accelerations = np.array([joint.values[3] for joint in spec.joints])
    return gains_of(model, accelerations, spec.payload_kg / 2, tip, carried_kg)


def dynamic_model(spec: ArmSpec) -> tuple[pin.Model, int]:
    """A Pinocchio model of the arm with the masses that the world has, and the tip's frame in it."""
    return _pin_model(*robot_of(spec), arm_bodies(spec), spec)


def _pin_model(robot: RobotFile, chain: Chain, bodies: Mapping[str, Body], spec: ArmSpec) -> tuple[pin.Model, int]:
    model = pin.Model()
    parents: dict[str, tuple[int, pin.SE3]] = {chain.base: (0, pin.SE3.Identity())}
    moving = {joint.name for joint in chain.joints}
    for joint in robot.below(chain.base):
        parent, placement = parents[joint.parent]
        at = placement * _se3(joint.origin if joint.name in moving else joint.locked())
        if joint.name in moving:
            parent, at = model.addJoint(parent, _pin_joint(joint), at, joint.name), pin.SE3.Identity()
        parents[joint.child] = (parent, at)
        body = bodies[joint.child]
        model.appendBodyToJoint(parent, pin.Inertia(body.mass_kg, np.array(body.centre_m), body.inertia), at)
    limits = [joint.values for joint in spec.joints]
    model.lowerPositionLimit = np.array([limit[0] for limit in limits])
    model.upperPositionLimit = np.array([limit[1] for limit in limits])
    carrier, at = parents[chain.tip]
    return model, model.addFrame(pin.Frame(chain.tip, carrier, at, pin.FrameType.OP_FRAME))


def _pin_joint(joint: FileJoint) -> pin.JointModel:
    axis = np.array(joint.axis)
    return pin.JointModelPrismaticUnaligned(axis) if joint.slides else pin.JointModelRevoluteUnaligned(axis)


def _se3(pose: Pose) -> pin.SE3:
    return pin.XYZQUATToSE3(np.array((*pose.position, *pose.orientation)))


def _limits(chain: Chain, spec: ArmSpec) -> dict[str, Limit]:
    rows = Limits.of(spec.joints)
    return {joint.name: Limit(rows.lower[k], rows.upper[k], rows.velocity[k]) for k, joint in enumerate(chain.joints)}


def _add_links(
    model: ET.Element,
    robot: RobotFile,
    chain: Chain,
    bodies: dict[str, Body],
    called: Mapping[str, str],
    contacts: str,
) -> None:
    """The links; each that moves feels what it touches. The base stands on the bench."""
    felt, seen = link_solids.felt(robot, chain), link_solids.seen(robot, chain)
    for name, body in bodies.items():
        joint = robot.joint_of.get(name) if name != chain.base else None
        link = add_link(
            model, name, body, seen.get(name, ()), felt.get(name, ()), ARMS_BIT,
            at=called.get(joint.name, joint.name) if joint else "", gravity=False,
        )  # fmt: skip
        if joint is not None and felt.get(name):
            add_contact_sensor(link, contacts)


def _add_coupling(model: ET.Element, namespace: str, spec: ArmSpec, sensor: ForceSensorSpec, tip: str) -> None:
    """The side of the tool changer that stays on the arm, behind the force sensor.

    Its wrench is what the joint carries, of the child on the parent: what presses on the tool, as everywhere here.
    """
    body = body_of([(_COUPLING, _COUPLING_AT)], COUPLING_KG)
    seen = [(_COUPLING, _COUPLING_AT, _STEEL)]
    add_link(model, scheme.COUPLING_LINK, body, seen, (), 0, at=spec.force_sensor, gravity=False)
    joint = add_fixed_joint(model, spec.force_sensor, tip, scheme.COUPLING_LINK, Pose())
    element = add(joint, "sensor", name=spec.force_sensor, type="force_torque")
    add(element, "always_on", "true")
    add(element, "update_rate", "200")
    add(element, "topic", scheme.topic(namespace, scheme.wrench_felt(spec.force_sensor)))
    told = add(element, "force_torque")
    add(told, "frame", "child")
    add(told, "measure_direction", "child_to_parent")
    force = add(told, "force")
    for axis in ("x", "y", "z"):
        noise = add(add(force, axis), "noise", type="gaussian")
        add(noise, "mean", "0")
        add(noise, "stddev", sensor.noise_n)


def _add_controller(model: ET.Element, namespace: str, name: str, joints: tuple[str, ...], gains: tuple[Gains, ...]) -> None:
    """Gazebo's trajectory controller: gains in the order of the joints; and what tells the joints' states."""
    add_trajectory_controller(model, scheme.topic(namespace, names.joint_trajectory(name)), joints, gains)
    plugin = add_plugin(model, "JointStatePublisher")
    add(plugin, "topic", scheme.topic(namespace, scheme.states_heard(name)))
    for joint in joints:
        add(plugin, "joint_name", joint)


def add_trajectory_controller(model: ET.Element, topic: str, joints: tuple[str, ...], gains: tuple[Gains, ...]) -> None:
    """gz-sim's JointTrajectoryController; without gains it would move nothing.

    Until it is told a trajectory it holds the joints at `initial_position`, 0 where that is not told. A new trajectory
    replaces one that is being followed; after its last point it holds that one (gz-sim 9, JointTrajectoryController.cc).
    """
    plugin = add_plugin(model, "JointTrajectoryController")
    add(plugin, "topic", topic)
    for joint, gain in zip(joints, gains, strict=True):
        add(plugin, "joint_name", joint)
        add(plugin, "position_p_gain", gain.proportional)
        add(plugin, "position_cmd_min", -gain.most)
        add(plugin, "position_cmd_max", gain.most)
        add(plugin, "velocity_p_gain", gain.damping)
        add(plugin, "velocity_cmd_min", -gain.most)
        add(plugin, "velocity_cmd_max", gain.most)
