"""The model of a serial arm, from any vendor's robot file: where its links are for given joints, and their shapes."""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pinocchio as pin

from microcell.geometry import Pose
from microcell.motion import link_solids
from microcell.motion.closed_form import ZeroPosture
from microcell.motion.coal_shapes import coal_shape, se3
from microcell.motion.described_arm import check_limits, described_chain
from microcell.motion.limits import Joints, Limits
from microcell.motion.link_solids import Drawn, Placed
from microcell.motion.robot_file import TURN, Chain, FileJoint, FileLink, RobotFile, RobotFileError, read_robot_file

if TYPE_CHECKING:
    from microcell.description.cell import ArmSpec

TURNING_VELOCITY_RAD_S = math.pi
SLIDING_VELOCITY_M_S = 0.5
"""Velocities where a robot file has none."""

_POSTURES = 100
_ALWAYS = 0.95  # a pair of links that touches in so many of the postures is built that way


class RobotModel:
    """A serial arm of 4 to 7 turning or sliding joints, from `base_link` to `tip_link` of a robot file.

    All other joints (grippers, other arms, joints that mimic) are locked at zero, or at the limit next to it;
    what hangs on them stays as a solid. What the base hangs on is left out. Continuous joints get the limits
    [-2 pi, 2 pi]. Where `limits` are not handed in, positions and velocities are the file's, accelerations and
    jerks the defaults of `limits.py`.

    name             where faults are reported
    joint_names      base to tip
    limits, n        limits of the n joints
    links            names of all links, the base first
    pin_model        Pinocchio model of the n joints; each link is a frame of its name
    pin_geometry     the links' solids with the pairs that are to be checked against each other
    tip_frame        the tip's index among the frames of `pin_model`

    One object answers one caller at a time: Pinocchio works in memory of its own.
    """

    def __init__(self, robot: RobotFile, chain: Chain, limits: Limits | None = None, name: str = "arm") -> None:
        self.name = name
        self.base_link, self.tip_link = chain.base, chain.tip
        self.joint_names = tuple(joint.name for joint in chain.joints)
        if limits is not None:
            check_limits(robot, chain, limits)
        self.limits = limits or _file_limits(robot, chain)
        self.n = len(chain.joints)
        self._robot, self._chain = robot, chain
        self._carriers: dict[str, tuple[int, pin.SE3]] = {}
        self.pin_model = self._built()
        self.tip_frame = self.pin_model.getFrameId(self.tip_link)
        self._data = self.pin_model.createData()
        self._tip = self._data.oMf[self.tip_frame]

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        base_link: str = "",
        tip_link: str = "",
        limits: Limits | None = None,
        name: str = "arm",
        **arguments: str,
    ) -> RobotModel:
        """Load a URDF or a xacro with its arguments; see `RobotFile.chain` for the choice of links.

        Raises RobotFileError, which says what is wrong and what to do.
        """
        robot = read_robot_file(path, **arguments)
        return cls(robot, robot.chain(base_link, tip_link), limits, name)

    @classmethod
    def of(cls, spec: ArmSpec, name: str = "arm", folder: Path | None = None) -> RobotModel:
        """The arm of a cell's description, its file from `folder` or from `urdf/robots`."""
        return cls(*described_chain(spec, folder), Limits.of(spec.joints), name)

    @property
    def links(self) -> tuple[str, ...]:
        return tuple(self._carriers)

    def forward(self, joints: Joints) -> Pose:
        """Tip in the base, for joints in rad and m."""
        data = self._data
        pin.forwardKinematics(self.pin_model, data, np.array(joints))
        pin.updateFramePlacement(self.pin_model, data, self.tip_frame)
        x, y, z, qx, qy, qz, qw = pin.SE3ToXYZQUAT(self._tip).tolist()
        return Pose((x, y, z), (qx, qy, qz, qw))

    def jacobian(self, joints: Joints) -> np.ndarray:
        """Velocity of the tip for joint velocities, (6, n): linear above angular, along the base's axes."""
        axes = pin.ReferenceFrame.LOCAL_WORLD_ALIGNED
        return np.array(pin.computeFrameJacobian(self.pin_model, self._data, np.array(joints), self.tip_frame, axes))

    def least_stretch(self, joints: Joints) -> float:
        """Least singular value of the Jacobian, m/rad: towards 0 the arm is near a singularity."""
        return float(np.linalg.svd(self.jacobian(joints), compute_uv=False)[-1])

    def zero_posture(self) -> ZeroPosture:
        """The joints' axes in the base with all joints at zero."""
        pin.forwardKinematics(self.pin_model, self._data, np.zeros(self.n))
        placements = list(self._data.oMi)[1:]
        turned = [
            placed.rotation @ np.array(joint.axis) for placed, joint in zip(placements, self._chain.joints, strict=True)
        ]
        axes = tuple((x, y, z) for x, y, z in (axis.tolist() for axis in turned))
        points = tuple((x, y, z) for x, y, z in (placed.translation.tolist() for placed in placements))
        return ZeroPosture(axes, points, self.limits.sliding, self.forward((0.0,) * self.n))

    def link_poses(self, joints: Joints) -> dict[str, Pose]:
        """Each link in the base."""
        pin.forwardKinematics(self.pin_model, self._data, np.array(joints))
        placements = self._data.oMi
        return {name: _pose(placements[index] * placed) for name, (index, placed) in self._carriers.items()}

    def solids(self) -> dict[str, list[Placed]]:
        """Shapes of each link that has a body, each with its pose in the link."""
        return self._solids

    def meshes_not_read(self) -> tuple[str, ...]:
        """Meshes that the robot file names and that are no solids: they are not there, or cannot be read."""
        return link_solids.meshes_not_read(self._robot, self._chain)

    def drawn(self) -> dict[str, list[Drawn]]:
        """What a picture shows of each link: shapes, poses in the link, and colours."""
        return link_solids.seen(self._robot, self._chain)

    @cached_property
    def _solids(self) -> dict[str, list[Placed]]:
        return link_solids.felt(self._robot, self._chain)

    @cached_property
    def pin_geometry(self) -> pin.GeometryModel:
        """Solids as coal shapes, named `<link>/<number>`, with the pairs of links that can collide.

        Links that a joint connects are not checked against each other, nor those that are built to touch:
        they do in nearly all of a hundred postures.
        """
        geometry = pin.GeometryModel()
        for link, solids in self.solids().items():
            index, placed = self._carriers[link]
            frame = self.pin_model.getFrameId(link)
            for number, (shape, pose) in enumerate(solids):
                placement = placed * se3(pose)
                body = pin.GeometryObject(f"{link}/{number}", index, frame, placement, coal_shape(shape))
                geometry.addGeometryObject(body)
        for first, second in self._pairs(geometry):
            geometry.addCollisionPair(pin.CollisionPair(first, second))
        return geometry

    def _pairs(self, geometry: pin.GeometryModel) -> list[tuple[int, int]]:
        """The pairs of solids to check."""
        bodies = list(geometry.geometryObjects)
        apart = [
            (i, j) for j in range(len(bodies)) for i in range(j) if abs(bodies[i].parentJoint - bodies[j].parentJoint) > 1
        ]
        touching = self._touching(geometry, apart)
        carried = {pair: (bodies[pair[0]].parentJoint, bodies[pair[1]].parentJoint) for pair in apart}
        return [pair for pair in apart if carried[pair] not in touching]

    def _touching(self, geometry: pin.GeometryModel, pairs: list[tuple[int, int]]) -> set[tuple[int, int]]:
        """The pairs of joints whose bodies touch nearly always."""
        trial = geometry.copy()
        for first, second in pairs:
            trial.addCollisionPair(pin.CollisionPair(first, second))
        data, scratch = self.pin_model.createData(), trial.createData()
        lower, upper = np.array(self.limits.lower), np.array(self.limits.upper)
        random = np.random.default_rng(0)
        counts: dict[tuple[int, int], int] = {}
        for _ in range(_POSTURES):
            pin.computeCollisions(self.pin_model, data, trial, scratch, random.uniform(lower, upper), False)
            hit = {
                (trial.geometryObjects[i].parentJoint, trial.geometryObjects[j].parentJoint)
                for (i, j), result in zip(pairs, scratch.collisionResults, strict=True)
                if result.isCollision()
            }
            for carriers in hit:
                counts[carriers] = counts.get(carriers, 0) + 1
        return {carriers for carriers, count in counts.items() if count >= _ALWAYS * _POSTURES}

    def _built(self) -> pin.Model:
        """The Pinocchio model; notes for each link which joint carries it, and where."""
        model = pin.Model()
        model.name = self._robot.name
        self._place(model, self.base_link, 0, pin.SE3.Identity())
        moving = {joint.name for joint in self._chain.joints}
        for joint in self._robot.below(self.base_link):
            index, placed = self._carriers[joint.parent]
            if joint.name in moving:
                added = self._add_joint(model, index, placed * se3(joint.origin), joint)
                self._place(model, joint.child, added, pin.SE3.Identity())
            else:
                self._place(model, joint.child, index, placed * se3(joint.locked()))
        return model

    def _add_joint(self, model: pin.Model, carrier: int, placed: pin.SE3, joint: FileJoint) -> int:
        number = self.joint_names.index(joint.name)
        lower, upper = self.limits.lower[number], self.limits.upper[number]
        kind = pin.JointModelPrismaticUnaligned if joint.slides else pin.JointModelRevoluteUnaligned
        x, y, z = joint.axis
        unlimited = np.array([1e6])
        return int(
            model.addJoint(
                carrier, kind(x, y, z), placed, joint.name, unlimited, np.array([self.limits.velocity[number]]),
                np.array([lower]), np.array([upper]),
            )
        )  # fmt: skip

    def _place(self, model: pin.Model, link: str, carrier: int, placed: pin.SE3) -> None:
        self._carriers[link] = (carrier, placed)
        model.addFrame(pin.Frame(link, carrier, placed, pin.FrameType.BODY), False)
        inertia = _inertia(self._robot.links[link])
        if inertia is not None and carrier > 0:
            model.appendBodyToJoint(carrier, inertia, placed)


def _file_limits(robot: RobotFile, chain: Chain) -> Limits:
    lower, upper, velocity = zip(*(_range(robot, joint) for joint in chain.joints), strict=True)
    return Limits.moderate(lower, upper, velocity, tuple(joint.slides for joint in chain.joints))


def _range(robot: RobotFile, joint: FileJoint) -> tuple[float, float, float]:
    velocity = joint.velocity or (SLIDING_VELOCITY_M_S if joint.slides else TURNING_VELOCITY_RAD_S)
    if joint.kind == "continuous":
        return -TURN, TURN, velocity
    if joint.lower is None or joint.upper is None or not joint.lower < joint.upper:
        raise robot.error(f"joint {joint.name} has no range of positions", "Give its <limit>, or limits in the cell")
    return joint.lower, joint.upper, velocity


def _pose(placement: pin.SE3) -> Pose:
    x, y, z, qx, qy, qz, qw = pin.SE3ToXYZQUAT(placement).tolist()
    return Pose((x, y, z), (qx, qy, qz, qw))


def _inertia(link: FileLink) -> pin.Inertia | None:
    if link.inertial is None or link.inertial.mass_kg <= 0.0:
        return None
    xx, xy, xz, yy, yz, zz = link.inertial.inertia
    matrix = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    if np.linalg.eigvalsh(matrix)[0] < 0.0:  # no body's, as some exporters write
        matrix = np.zeros((3, 3))
    about = pin.Inertia(link.inertial.mass_kg, np.zeros(3), matrix)
    return about.se3Action(se3(link.inertial.pose))


__all__ = ["RobotFileError", "RobotModel"]
