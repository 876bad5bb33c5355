"""Forward and inverse kinematics of a six-axis arm with a spherical wrist, in closed form.

Zero pose: with all joints at 0 the arm stands straight up. The base's z axis, the upper arm, the forearm and
the flange's z axis are one vertical line, and the flange's axes are parallel to the base's. From there

    joint 1  base yaw        turns about z
    joint 2  shoulder pitch  turns about y: positive leans the arm towards +x
    joint 3  elbow pitch     turns about y: positive bends the forearm towards +x
    joint 4  forearm roll    turns about the forearm's axis
    joint 5  wrist pitch     turns about y: positive bends the flange towards +x
    joint 6  flange roll     turns about the flange's z axis

so that the flange's rotation is Rz(q1) Ry(q2 + q3) Rz(q4) Ry(q5) Rz(q6). An arm that reaches forward with
the forearm level and the tool straight down stands at (0, 0, pi/2, 0, pi/2, 0).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from microcell.description.cell import ArmSpec, JointLimit
from microcell.faults import FaultError
from microcell.geometry import Pose, Quaternion, multiply, rotate

Joints = tuple[float, ...]

TURN = 2.0 * math.pi
_IN_LINE = 1e-7  # below this sine forearm and flange are taken as in line
_ON_AXIS_M = 1e-9  # nearer than this to the base's axis its yaw is taken as free
_ROUNDING = 1e-9  # of the elbow's cosine
_SURELY_NEAREST = 0.1  # rad^2: the other branches differ by half a turn in some joint, or in the elbow's sign
_LIMIT_SLACK_RAD = 1e-9

Matrix = tuple[float, float, float, float, float, float, float, float, float]
"""A rotation, row by row."""


class ArmModel:
    """Where the flange of an arm is for given joints, and the joints that bring it somewhere.

    Joints are in rad, base to tip; poses are those of the flange in the arm's base frame. `name` is where
    faults are reported.
    """

    def __init__(self, spec: ArmSpec, name: str = "arm") -> None:
        geometry = spec.geometry
        self.name = name
        self.limits: tuple[JointLimit, ...] = spec.joints  # type: ignore[assignment]  # this arm has no sliding joint
        self._bounds = tuple(
            (joint.lower_rad - _LIMIT_SLACK_RAD, joint.upper_rad + _LIMIT_SLACK_RAD) for joint in self.limits
        )
        self._height = geometry.shoulder_height_m
        self._upper = geometry.upper_arm_m
        self._fore = geometry.forearm_m
        self._hand = geometry.wrist_to_flange_m

    def forward(self, joints: Joints) -> Pose:
        """Flange in the arm's base."""
        q1, q2, q3, q4, q5, q6 = joints
        pitch = q2 + q3
        reach = self._upper * math.sin(q2) + self._fore * math.sin(pitch)
        rise = self._height + self._upper * math.cos(q2) + self._fore * math.cos(pitch)
        roll: Quaternion = (0.0, 0.0, math.sin(q6 / 2), math.cos(q6 / 2))
        orientation = multiply(multiply(_zy(q1, pitch), _zy(q4, q5)), roll)
        hx, hy, hz = rotate(orientation, (0.0, 0.0, self._hand))
        return Pose((reach * math.cos(q1) + hx, reach * math.sin(q1) + hy, rise + hz), orientation)

    def inverse(self, flange_in_base: Pose, near: Joints) -> Joints:
        """Return the joints within limits that bring the flange there, nearest to `near` (sum of squares).

        All eight branches (base turned, elbow bent either way, wrist flipped) and whole turns of each joint
        are considered. Where two axes are in line, the first of them stays as in `near`. Raises
        ARM_UNREACHABLE with the missing length, or with the joint limit that is in the way.
        """
        rotation = _matrix(flange_in_base.orientation)
        best: Joints | None = None
        best_cost = math.inf
        for q1, q2, q3 in self._arm_branches(flange_in_base, rotation, near):
            arm = self._within_limits((q1, q2, q3), near, 0)
            if arm is None or (cost := _cost(arm, near, 0)) >= best_cost:
                continue
            for wrist_branch in _wrist_branches(q1, q2 + q3, rotation, near):
                wrist = self._within_limits(wrist_branch, near, 3)
                if wrist is not None and (total := cost + _cost(wrist, near, 3)) < best_cost:
                    best, best_cost = arm + wrist, total
            if best_cost < _SURELY_NEAREST:
                break
        if best is None:
            detail = self._nearest_limit(flange_in_base, rotation, near)
            raise FaultError("ARM_UNREACHABLE", self.name, detail)
        return best

    def _arm_branches(self, flange: Pose, rotation: Matrix, near: Joints) -> Iterator[Joints]:
        """Base, shoulder and elbow for the wrist centre: base towards it or away, elbow bent either way."""
        x = flange.position[0] - self._hand * rotation[2]
        y = flange.position[1] - self._hand * rotation[5]
        z = flange.position[2] - self._hand * rotation[8] - self._height
        reach = math.hypot(x, y)
        yaw = math.atan2(y, x) if reach > _ON_AXIS_M else near[0]
        elbow = self._elbow(math.hypot(reach, z))
        for q3 in (elbow, -elbow) if math.sin(near[2]) >= 0.0 else (-elbow, elbow):
            inner = math.atan2(self._fore * math.sin(q3), self._upper + self._fore * math.cos(q3))
            yield yaw, math.atan2(reach, z) - inner, q3
            yield yaw + math.pi, math.atan2(-reach, z) - inner, q3

    def _elbow(self, span: float) -> float:
        """Elbow angle, rad in [0, pi], for a distance from shoulder to wrist centre in m."""
        cosine = (span * span - self._upper**2 - self._fore**2) / (2.0 * self._upper * self._fore)
        if cosine > 1.0 + _ROUNDING:
            longest = self._upper + self._fore
            raise self._out_of_reach(span, f"{span - longest:.3f} m more than the arm's {longest:.3f} m")
        if cosine < -1.0 - _ROUNDING:
            shortest = abs(self._upper - self._fore)
            raise self._out_of_reach(span, f"{shortest - span:.3f} m nearer than the arm can fold")
        return math.acos(max(-1.0, min(1.0, cosine)))

    def _out_of_reach(self, span: float, excess: str) -> FaultError:
        detail = f"the wrist would have to be {span:.3f} m from the shoulder, {excess}"
        return FaultError("ARM_UNREACHABLE", self.name, detail)

    def _within_limits(self, angles: Joints, near: Joints, first: int) -> Joints | None:
        """The same angles with the whole turns nearest to `near` that the limits allow, or None."""
        placed = []
        for index, angle in enumerate(angles, first):
            lower, upper = self._bounds[index]
            turned = angle + TURN * round((near[index] - angle) / TURN)
            if turned > upper:
                turned -= TURN * math.ceil((turned - upper) / TURN)
            elif turned < lower:
                turned += TURN * math.ceil((lower - turned) / TURN)
            if not lower <= turned <= upper:
                return None
            placed.append(turned)
        return tuple(placed)

    def _nearest_limit(self, flange: Pose, rotation: Matrix, near: Joints) -> str:
        """Which limit the branch that fits best would break, and by how much."""
        found: list[tuple[float, str]] = []
        for q1, q2, q3 in self._arm_branches(flange, rotation, near):
            for wrist in _wrist_branches(q1, q2 + q3, rotation, near):
                joints = (q1, q2, q3, *wrist)
                found.append(max(self._excess(index, angle) for index, angle in enumerate(joints)))
        return min(found)[1]

    def _excess(self, index: int, angle: float) -> tuple[float, str]:
        """How far an angle is out of a joint's limits, rad (0 when within), with a sentence about it."""
        lower, upper = self._bounds[index]
        middle = (lower + upper) / 2.0
        turned = angle + TURN * round((middle - angle) / TURN)
        excess = max(0.0, turned - upper, lower - turned)
        limit = upper if turned > middle else lower
        over = f"{excess:.3f} rad over its limit of {limit:.3f} rad"
        return excess, f"joint {index + 1} would have to be at {turned:.3f} rad, {over}"


def _zy(yaw: float, pitch: float) -> Quaternion:
    """Rz(yaw) Ry(pitch) as quaternion."""
    sz, cz = math.sin(yaw / 2), math.cos(yaw / 2)
    sy, cy = math.sin(pitch / 2), math.cos(pitch / 2)
    return (-sz * sy, cz * sy, sz * cy, cz * cy)


def _matrix(q: Quaternion) -> Matrix:
    x, y, z, w = q
    return (
        1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w),
        2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w),
        2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y),
    )  # fmt: skip


def _wrist_branches(yaw: float, pitch: float, rotation: Matrix, near: Joints) -> tuple[Joints, ...]:
    """Forearm roll, wrist pitch and flange roll, either way the wrist may be bent.

    They are the ZYZ Euler angles of M = Ry(-pitch) Rz(-yaw) R.
    """
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = rotation
    cz, sz, cy, sy = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    m02 = cy * (cz * r02 + sz * r12) - sy * r22
    m12 = cz * r12 - sz * r02
    m22 = sy * (cz * r02 + sz * r12) + cy * r22
    sine = math.hypot(m02, m12)
    if sine < _IN_LINE:  # forearm and flange in line: only the sum (or difference) of the two rolls counts
        m10, m11 = cz * r10 - sz * r00, cz * r11 - sz * r01
        roll = math.atan2(m10, m11)
        return ((near[3], 0.0, roll - near[3]) if m22 > 0.0 else (near[3], math.pi, near[3] + roll),)
    m20 = sy * (cz * r00 + sz * r10) + cy * r20
    m21 = sy * (cz * r01 + sz * r11) + cy * r21
    q4, q5, q6 = math.atan2(m12, m02), math.atan2(sine, m22), math.atan2(m21, -m20)
    return (q4, q5, q6), (q4 + math.pi, -q5, q6 + math.pi)


def _cost(angles: Joints, near: Joints, first: int) -> float:
    return sum((angle - near[first + index]) ** 2 for index, angle in enumerate(angles))
