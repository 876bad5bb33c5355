"""All branches of common arms in closed form: as geometric subproblems on the joints' axes, whatever the file's frames.

Three families, which most arms are of:

    spherical wrist    six turning joints, the second and third parallel, the last three meet in a point
    parallel shoulder  six turning joints, the second to fourth parallel, the last two meet in a point
    SCARA              three turning joints and a slide, all parallel, the slide anywhere

The subproblems are those of Paden and Kahan (Murray, Li, Sastry: A Mathematical Introduction to Robotic
Manipulation, 1994, ch. 3.3); axes and points are those of the arm with all joints at zero, in its base.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from microcell.geometry import Pose, Quaternion, Vector, multiply, rotate
from microcell.motion.limits import Joints

Branches = Callable[[Pose, Joints], Iterator[Joints]]
"""(tip in base, joints near) -> joints of each branch, without regard to limits, to be refined by a Newton step."""

_PARALLEL = 1e-6  # sine of the angle, rad
_MEET_M = 1e-6
_FREE = 1e-7  # a vector so short, m or 1, has no direction
_BEYOND = 1e-6  # a cosine so little over 1 is a rounding: the arm is stretched, or two branches are one


@dataclass(frozen=True, slots=True)
class ZeroPosture:
    """Axes (unit) and a point on each, and the tip, with all joints at zero, in the base."""

    axes: tuple[Vector, ...]
    points: tuple[Vector, ...]
    sliding: tuple[bool, ...]
    tip: Pose


def closed_form(arm: ZeroPosture) -> Branches | None:
    """The branches of an arm of one of the three families, None for others."""
    if len(arm.axes) == 4 and sum(arm.sliding) == 1 and all(_parallel(arm.axes[0], axis) for axis in arm.axes[1:]):
        return _Scara(arm).branches
    if len(arm.axes) != 6 or any(arm.sliding) or not _parallel(arm.axes[1], arm.axes[2]):
        return None
    wrist = _meeting(arm, 4, 5)
    if wrist is None or _parallel(arm.axes[0], arm.axes[1]):
        return None
    if _parallel(arm.axes[1], arm.axes[3]):
        return _ParallelShoulder(arm, wrist).branches
    on_fourth = _off_axis(_minus(wrist, arm.points[3]), arm.axes[3]) < _MEET_M
    return _SphericalWrist(arm, wrist).branches if on_fourth else None


class _SphericalWrist:
    """Wrist centre by the first three joints, orientation by the last three; eight branches."""

    def __init__(self, arm: ZeroPosture, wrist: Vector) -> None:
        self._axes, o = arm.axes, arm.points
        self._first = o[0]
        self._to_second, self._to_third, self._to_wrist = _minus(o[1], o[0]), _minus(o[2], o[1]), _minus(wrist, o[2])
        self._aside = _dot(arm.axes[1], _minus(wrist, o[0]))
        self._wrist_in_tip = arm.tip.inverse().apply(wrist)
        self._back = arm.tip.inverse().orientation
        self._normal = _perpendicular(arm.axes[5])

    def branches(self, tip: Pose, near: Joints) -> Iterator[Joints]:
        h1, h2, h3 = self._axes[:3]
        centre = _minus(tip.apply(self._wrist_in_tip), self._first)
        turned = multiply(tip.orientation, self._back)
        for q1 in _level(h1, centre, h2, self._aside, near[0], -1.0):
            r1_back = _turn(h1, -q1)
            u = _minus(rotate(r1_back, centre), self._to_second)
            for q3 in _span(h3, self._to_wrist, self._to_third, u, near[2]):
                v = _plus(self._to_third, rotate(_turn(h3, q3), self._to_wrist))
                q2 = _onto(h2, v, u, near[1])
                rest = multiply(_back(multiply(_turn(h2, q2), _turn(h3, q3))), multiply(r1_back, turned))
                for wrist in self._wrist(rest, near):
                    yield (q1, q2, q3, *wrist)

    def _wrist(self, rest: Quaternion, near: Joints) -> Iterator[Joints]:
        """The last three joints for the rotation that they have to make."""
        h4, h5, h6 = self._axes[3:]
        pointed = rotate(rest, h6)
        fourth = rotate(_back(rest), h4)
        for q5 in _level(h5, h6, h4, _dot(h4, pointed), near[4], 1.0):
            r5 = _turn(h5, q5)
            q4 = _onto(h4, rotate(r5, h6), pointed, near[3])
            if _off_axis(pointed, h4) < _FREE:  # in line: only the sum of the two rolls counts
                last = multiply(_back(multiply(_turn(h4, q4), r5)), rest)
                yield q4, q5, _onto(h6, self._normal, rotate(last, self._normal), near[5])
            else:
                yield q4, q5, -_onto(h6, rotate(_back(r5), h4), fourth, -near[5])


class _ParallelShoulder:
    """The base by the wrist's offset, the wrist by its pointing, the three parallel joints in their plane."""

    def __init__(self, arm: ZeroPosture, wrist: Vector) -> None:
        self._axes, o = arm.axes, arm.points
        self._first = o[0]
        self._to_second, self._to_third, self._to_fourth = _minus(o[1], o[0]), _minus(o[2], o[1]), _minus(o[3], o[2])
        self._to_wrist = _minus(wrist, o[3])
        self._aside = _dot(arm.axes[1], _minus(wrist, o[0]))
        self._wrist_in_tip = arm.tip.inverse().apply(wrist)
        self._back = arm.tip.inverse().orientation
        self._normal = _perpendicular(arm.axes[1])
        self._signs = tuple(math.copysign(1.0, _dot(arm.axes[1], axis)) for axis in arm.axes[2:4])

    def branches(self, tip: Pose, near: Joints) -> Iterator[Joints]:
        h1, h2, _, _, h5, h6 = self._axes
        centre = _minus(tip.apply(self._wrist_in_tip), self._first)
        turned = multiply(tip.orientation, self._back)
        for q1 in _level(h1, centre, h2, self._aside, near[0], -1.0):
            r1_back = _turn(h1, -q1)
            rest = multiply(r1_back, turned)
            u = _minus(rotate(r1_back, centre), self._to_second)
            seen = rotate(_back(rest), h2)
            for q5 in _level(h5, h6, h2, _dot(h2, rotate(rest, h6)), near[4], 1.0):
                r5 = _turn(h5, q5)
                q6 = -_onto(h6, rotate(_back(r5), h2), seen, -near[5])
                middle = multiply(rest, _back(multiply(r5, _turn(h6, q6))))
                for q2, q3, q4 in self._plane(u, middle, near):
                    yield q1, q2, q3, q4, q5, q6

    def _plane(self, u: Vector, middle: Quaternion, near: Joints) -> Iterator[Joints]:
        """The three parallel joints, for the wrist seen from the second joint and the rotation of all three."""
        h2, h3 = self._axes[1:3]
        s3, s4 = self._signs
        whole = _onto(h2, self._normal, rotate(middle, self._normal), 0.0)
        fourth = _minus(u, rotate(middle, self._to_wrist))
        for q3 in _span(h3, self._to_fourth, self._to_third, fourth, near[2]):
            q2 = _onto(h2, _plus(self._to_third, rotate(_turn(h3, q3), self._to_fourth)), fourth, near[1])
            yield q2, q3, s4 * (whole - q2 - s3 * q3)


class _Scara:
    """The slide by the height, the three turns in the plane; two branches.

    A tip that is tilted against the turning axes is taken as if it were not.
    """

    def __init__(self, arm: ZeroPosture) -> None:
        self._slide = arm.sliding.index(True)
        self._turns = [index for index in range(4) if index != self._slide]
        first, second, third = (arm.points[index] for index in self._turns)
        self._axis = arm.axes[self._turns[0]]
        self._signs = [math.copysign(1.0, _dot(self._axis, axis)) for axis in arm.axes]
        self._first, self._tip = first, arm.tip
        self._to_second, self._to_third = _minus(second, first), _minus(third, second)
        self._to_tip = _minus(arm.tip.position, third)
        self._back = arm.tip.inverse().orientation

    def branches(self, tip: Pose, near: Joints) -> Iterator[Joints]:
        axis, (a, b, c) = self._axis, self._turns
        x, y, z, w = multiply(tip.orientation, self._back)
        whole = 2.0 * math.atan2(_dot(axis, (x, y, z)), w)
        lift = _dot(axis, _minus(tip.position, self._tip.position))
        third = _minus(tip.position, rotate(_turn(axis, whole), self._to_tip))
        u = _flat(_minus(third, self._first), axis)
        arm_1, arm_2 = _flat(self._to_second, axis), _flat(self._to_third, axis)
        for bend in _span(axis, arm_2, arm_1, u, self._signs[b] * near[b]):
            lead = _onto(axis, _plus(arm_1, rotate(_turn(axis, bend), arm_2)), u, self._signs[a] * near[a])
            joints = [0.0] * 4
            joints[self._slide] = self._signs[self._slide] * lift
            joints[a], joints[b] = self._signs[a] * lead, self._signs[b] * bend
            joints[c] = self._signs[c] * (whole - lead - bend)
            yield tuple(joints)


# The subproblems


def _onto(axis: Vector, p: Vector, q: Vector, free: float) -> float:
    """The angle about `axis` that turns p towards q; `free` where they are on the axis."""
    sine = _dot(axis, _cross(p, q))
    cosine = _dot(p, q) - _dot(axis, p) * _dot(axis, q)
    return math.atan2(sine, cosine) if math.hypot(sine, cosine) > _FREE * _FREE else free


def _level(axis: Vector, p: Vector, h: Vector, d: float, free: float, sense: float) -> tuple[float, ...]:
    """The angles, times `sense`, about `axis` that bring p to h.p = d; none where it cannot be."""
    along = _dot(h, axis) * _dot(axis, p)
    cosine, sine = _dot(h, p) - along, _dot(h, _cross(axis, p))
    length = math.hypot(cosine, sine)
    if length < _FREE:
        return (free,)
    ratio = (d - along) / length
    if abs(ratio) > 1.0 + _BEYOND:
        return ()
    middle = math.atan2(sine, cosine)
    spread = math.acos(max(-1.0, min(1.0, ratio)))
    return (sense * (middle + spread), sense * (middle - spread))


def _span(axis: Vector, p: Vector, a: Vector, u: Vector, free: float) -> tuple[float, ...]:
    """The angles about `axis` at which a + p is as long as u."""
    return _level(axis, p, a, (_dot(u, u) - _dot(p, p) - _dot(a, a)) / 2.0, free, 1.0)


def _turn(axis: Vector, angle: float) -> Quaternion:
    sine = math.sin(angle / 2)
    return (axis[0] * sine, axis[1] * sine, axis[2] * sine, math.cos(angle / 2))


def _back(q: Quaternion) -> Quaternion:
    return (-q[0], -q[1], -q[2], q[3])


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _plus(a: Vector, b: Vector) -> Vector:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def _minus(a: Vector, b: Vector) -> Vector:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def _flat(a: Vector, axis: Vector) -> Vector:
    along = _dot(a, axis)
    return (a[0] - along * axis[0], a[1] - along * axis[1], a[2] - along * axis[2])


def _off_axis(a: Vector, axis: Vector) -> float:
    return math.hypot(*_flat(a, axis))


def _parallel(a: Vector, b: Vector) -> bool:
    return math.hypot(*_cross(a, b)) < _PARALLEL


def _perpendicular(axis: Vector) -> Vector:
    least = min(range(3), key=lambda index: abs(axis[index]))
    flat = _flat((float(least == 0), float(least == 1), float(least == 2)), axis)
    length = math.hypot(*flat)
    return (flat[0] / length, flat[1] / length, flat[2] / length)


def _meeting(arm: ZeroPosture, i: int, j: int) -> Vector | None:
    """Where two axes meet, None where they do not."""
    a, b = arm.axes[i], arm.axes[j]
    normal = _cross(a, b)
    size = _dot(normal, normal)
    if size < _PARALLEL:
        return None
    between = _minus(arm.points[j], arm.points[i])
    if abs(_dot(between, normal)) / math.sqrt(size) > _MEET_M:
        return None
    along = _dot(_cross(between, b), normal) / size
    x, y, z = arm.points[i]
    return (x + along * a[0], y + along * a[1], z + along * a[2])
