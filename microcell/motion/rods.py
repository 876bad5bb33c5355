"""Rods that stand in for links without a usable shape: from joint to joint, as thick as arms of their reach usually are.

They end at the face that tools are coupled to, the plane through the tip across its z axis: what stood out there would be in
every tool.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from microcell.description.shape import CylinderShape, ShapeSpec, SphereShape
from microcell.geometry import Pose, Vector, rotate
from microcell.motion.robot_file import Chain, FileJoint, FileLink, RobotFile

RADIUS_PER_REACH = 0.055
LEAST_M, MOST_M = 0.015, 0.08
"""Radius of a rod."""

GAP_M = 0.002
"""So far behind the tip's plane they stay: what touches that lies on it."""

THINNEST_M = 0.005
"""A rod across the tip's plane that has less room than this is so thin."""

_POINT_M = 1e-3  # a rod shorter than this is a ball
_ALONG = 1.0 - 1e-9  # cosine of what counts as the same direction
_STEEP = 0.3  # cosine of what leads to the plane rather than along it
_STRAIGHT = 1e-3  # sine of the same: a rod that leans less has flat ends
_ORIGIN: Vector = (0.0, 0.0, 0.0)
_Z: Vector = (0.0, 0.0, 1.0)

Rod = list[tuple[ShapeSpec, Pose]]


@dataclass(frozen=True, slots=True)
class _Face:
    """The tip's plane as one link sees it: its normal, if that is the same in every posture, and how far it is away, m."""

    normal: Vector | None = None
    from_origin_m: float = math.inf
    from_joints_m: dict[str, float] = field(default_factory=dict)


class Rods:
    """The rods of one arm."""

    def __init__(self, robot: RobotFile, chain: Chain) -> None:
        self._robot, self._chain = robot, chain
        reach = sum(math.hypot(*joint.origin.position) for joint in chain.joints[1:])
        self._radius_m = min(max(RADIUS_PER_REACH * reach, LEAST_M), MOST_M)
        self._faces = _faces(robot, chain)

    def of(self, link: FileLink) -> Rod:
        """A rod with round ends to the farthest next joint, in the link's frame; the arm's last is flush with the tip."""
        last = bool(self._chain.joints) and link.name == self._chain.joints[-1].child
        face = self._faces.get(link.name, _Face())
        below = self._robot.children.get(link.name, [])
        joint = max(below, key=lambda joint: math.hypot(*joint.origin.position), default=None)
        if joint is not None and math.hypot(*joint.origin.position) > _POINT_M:
            end_m = face.from_joints_m.get(joint.name, math.inf)
            end = joint.origin.position if last else _drawn_back(joint.origin.position, face, end_m)
            balls = self._balls((_ORIGIN, face.from_origin_m), *([] if last else [(end, end_m)]))
            return [between(_ORIGIN, end, self._thickness_m(face, end, end_m)), *balls]
        if last:
            back = self._chain.joints[-1].origin.inverse().position
            length = math.hypot(*back)
            if length > _POINT_M:
                x, y, z = (value * min(1.0, 2.0 * self._radius_m / length) for value in back)
                return [between(_ORIGIN, (x, y, z), self._thickness_m(face, (x, y, z), math.inf))]
        return self._lone_ball(face)

    def _lone_ball(self, face: _Face) -> Rod:
        """The ball of a link that leads nowhere, at its origin; drawn back to where the tip's plane leaves room for it."""
        size_m = min(self._radius_m, max(face.from_origin_m, THINNEST_M))
        back_m = size_m - face.from_origin_m
        if face.normal is None or back_m <= 0.0:
            return [(SphereShape(sphere_radius_m=size_m), Pose(_ORIGIN))]
        x, y, z = (-back_m * value for value in face.normal)
        return [(SphereShape(sphere_radius_m=size_m), Pose((x, y, z)))]

    def _balls(self, *ends: tuple[Vector, float]) -> Rod:
        """A ball at each end, as large as its distance from the tip's plane allows; none where there is no room for one."""
        sizes = ((at, min(self._radius_m, room_m)) for at, room_m in ends)
        return [(SphereShape(sphere_radius_m=size_m), Pose(at)) for at, size_m in sizes if size_m >= THINNEST_M]

    def _thickness_m(self, face: _Face, end: Vector, end_m: float) -> float:
        """Radius of a rod from the link's origin to its end: one that leans against the tip's plane stays behind it."""
        room_m = min(face.from_origin_m, end_m)
        if face.normal is not None:
            leaning = math.sqrt(max(0.0, 1.0 - _along(end, face.normal) ** 2))
            room_m = math.inf if leaning < _STRAIGHT else room_m / leaning
        return min(self._radius_m, max(room_m, THINNEST_M))


def _drawn_back(end: Vector, face: _Face, end_m: float) -> Vector:
    """The end of a rod that would go up to the tip's plane, or through it, on the same line behind it."""
    along = _along(end, face.normal) if face.normal is not None else 0.0
    if end_m >= 0.0 or along < _STEEP:
        return end
    x, y, z = (value * max(0.5, 1.0 + end_m / (along * math.hypot(*end))) for value in end)
    return (x, y, z)


def _along(way: Vector, normal: Vector) -> float:
    """Cosine of the angle between a way and a normal."""
    return _dot(way, normal) / math.hypot(*way)


def between(a: Vector, b: Vector, radius_m: float) -> tuple[ShapeSpec, Pose]:
    """A cylinder whose axis goes from one point to another."""
    x, y, z = (q - p for p, q in zip(a, b, strict=True))
    length = math.hypot(x, y, z)
    middle = (a[0] + x / 2, a[1] + y / 2, a[2] + z / 2)
    tilt, way = math.atan2(math.hypot(x, y), z), math.atan2(y, x)
    sine = math.sin(tilt / 2)
    turn = (-sine * math.sin(way), sine * math.cos(way), 0.0, math.cos(tilt / 2))
    return CylinderShape(radius_m=radius_m, length_m=length), Pose(middle, turn)


def _faces(robot: RobotFile, chain: Chain) -> dict[str, _Face]:
    """The tip's plane as seen from the links before it, up to the first that it turns against.

    A link's origin is on the axis of the joint that carries it, so that its distance from the plane is the same however that
    joint turns; so the link before it knows the distance of its end, too. A tip whose z axis leads nowhere out of the arm
    has no such plane.
    """
    found: dict[str, _Face] = {}
    moving = {joint.name for joint in chain.joints}
    known: dict[str, float] = {}
    link, point, normal = chain.tip, _ORIGIN, _Z
    while (room_m := _dot(point, normal) - GAP_M) >= -GAP_M:
        found[link] = _Face(normal, room_m, known)
        if link == chain.base:
            return found
        joint = robot.joint_of[link]
        moves = joint.name in moving
        nearest_m = room_m + _least_slide_m(joint, normal) if moves else room_m
        known = {joint.name: nearest_m}
        if moves and not joint.slides and abs(_dot(joint.axis, normal)) < _ALONG:
            if room_m < THINNEST_M:
                return {} if joint is chain.joints[-1] else found
            return {**found, joint.parent: _Face(from_joints_m=known)}
        placed = joint.origin if moves else joint.locked()
        x, y, z = (p + (nearest_m - room_m) * n for p, n in zip(point, normal, strict=True))
        link, point, normal = joint.parent, placed.apply((x, y, z)), rotate(placed.orientation, normal)
    return found


def _least_slide_m(joint: FileJoint, normal: Vector) -> float:
    """How far a sliding joint brings the plane at least, against its place at zero, m."""
    if not joint.slides:
        return 0.0
    along = _dot(joint.axis, normal)
    return min(along * (joint.lower or 0.0), along * (joint.upper or 0.0))


def _dot(a: Vector, b: Vector) -> float:
    return sum(p * q for p, q in zip(a, b, strict=True))
