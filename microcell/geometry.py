"""Poses in plain Python floats: fast for the single transforms that a cell works with.

Names say both frames: `part_in_fixture` is the pose of the part's frame seen from the fixture's, and
`fixture_in_cell @ part_in_fixture` is `part_in_cell`. Metres, radians; quaternions are (x, y, z, w) as in ROS (REP 103).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]

IDENTITY: Quaternion = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Pose:
    """Position in m and orientation as unit quaternion (x, y, z, w) of one frame in another."""

    position: Vector = (0.0, 0.0, 0.0)
    orientation: Quaternion = IDENTITY

    def __matmul__(self, other: Pose) -> Pose:
        """Chain: `b_in_a @ c_in_b` is `c_in_a`."""
        # `rotate` and `multiply` written out: the simulated cell chains over a thousand poses for each unit.
        x, y, z = self.position
        ax, ay, az, aw = self.orientation
        vx, vy, vz = other.position
        bx, by, bz, bw = other.orientation
        tx, ty, tz = 2.0 * (ay * vz - az * vy), 2.0 * (az * vx - ax * vz), 2.0 * (ax * vy - ay * vx)
        position = (
            x + (vx + aw * tx + ay * tz - az * ty),
            y + (vy + aw * ty + az * tx - ax * tz),
            z + (vz + aw * tz + ax * ty - ay * tx),
        )
        orientation = (
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        )
        return Pose(position, orientation)

    def inverse(self) -> Pose:
        """`a_in_b` of `b_in_a`."""
        qx, qy, qz, qw = self.orientation
        back = (-qx, -qy, -qz, qw)
        x, y, z = rotate(back, self.position)
        return Pose((-x, -y, -z), back)

    def apply(self, point: Vector) -> Vector:
        """A point given in this frame, seen from the outer one, m."""
        px, py, pz = rotate(self.orientation, point)
        x, y, z = self.position
        return (x + px, y + py, z + pz)

    def shifted(self, dx: float = 0.0, dy: float = 0.0, dz: float = 0.0) -> Pose:
        """Moved along the outer frame's axes, m."""
        x, y, z = self.position
        return Pose((x + dx, y + dy, z + dz), self.orientation)

    @property
    def yaw(self) -> float:
        """Rotation about the outer z axis, rad in (-pi, pi]."""
        x, y, z, w = self.orientation
        return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """Quaternion product a*b, (x, y, z, w)."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def rotate(q: Quaternion, v: Vector) -> Vector:
    """Rotate a vector by a unit quaternion."""
    x, y, z, w = q
    vx, vy, vz = v
    tx, ty, tz = 2.0 * (y * vz - z * vy), 2.0 * (z * vx - x * vz), 2.0 * (x * vy - y * vx)
    return (
        vx + w * tx + y * tz - z * ty,
        vy + w * ty + z * tx - x * tz,
        vz + w * tz + x * ty - y * tx,
    )


def from_rpy(roll: float, pitch: float, yaw: float) -> Quaternion:
    """Fixed-axis roll, pitch, yaw in rad (REP 103, URDF) to a quaternion."""
    cr, sr = math.cos(roll / 2), math.sin(roll / 2)
    cp, sp = math.cos(pitch / 2), math.sin(pitch / 2)
    cy, sy = math.cos(yaw / 2), math.sin(yaw / 2)
    return (
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    )


def distance(a: Pose, b: Pose) -> float:
    """Distance of the two origins, m."""
    return math.dist(a.position, b.position)


def angle_between(a: Pose, b: Pose) -> float:
    """Smallest rotation that takes one orientation to the other, rad in [0, pi]."""
    dot = abs(sum(p * q for p, q in zip(a.orientation, b.orientation, strict=True)))
    return 2.0 * math.acos(min(1.0, dot))


def wrap_angle(angle: float) -> float:
    """The same angle in (-pi, pi]."""
    return math.pi - (math.pi - angle) % (2.0 * math.pi)


def between(a: Pose, b: Pose, ratio: float) -> Pose:
    """The pose on the straight way from one to another, turning evenly; `ratio` 0 is `a`, 1 is `b`."""
    (ax, ay, az), (bx, by, bz) = a.position, b.position
    position = (ax + (bx - ax) * ratio, ay + (by - ay) * ratio, az + (bz - az) * ratio)
    return Pose(position, slerp(a.orientation, b.orientation, ratio))


def slerp(a: Quaternion, b: Quaternion, ratio: float) -> Quaternion:
    """The rotation on the shortest way from one to another, turning evenly (Shoemake 1985)."""
    dot = sum(p * q for p, q in zip(a, b, strict=True))
    angle = math.acos(min(1.0, abs(dot)))
    if angle < 1e-7:
        return b
    sine = math.sin(angle)
    u, v = math.sin((1.0 - ratio) * angle) / sine, math.copysign(math.sin(ratio * angle) / sine, dot)
    x, y, z, w = (u * p + v * q for p, q in zip(a, b, strict=True))
    return (x, y, z, w)
