"""What the joints of an arm may do: positions, velocities, accelerations and jerks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from microcell.description.cell import JointLimit, LinearJointLimit

Joints = tuple[float, ...]
"""Joint positions, base to tip: rad, those of sliding joints m."""

ACCELERATION_PER_VELOCITY = 4.0
"""Acceleration where a robot file has none (URDF cannot have any): full speed after a quarter of a second."""

JERK_PER_ACCELERATION = 10.0
"""Jerk where none is given: full acceleration after a tenth of a second."""

SLACK = 1e-9
"""A position so little outside its limits, rad or m, is a rounding and counts as within."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of n joints, base to tip; in rad, those of `sliding` joints in m, and s."""

    lower: Joints
    upper: Joints
    velocity: Joints
    acceleration: Joints
    jerk: Joints
    sliding: tuple[bool, ...]

    @classmethod
    def of(cls, joints: Sequence[JointLimit | LinearJointLimit]) -> Limits:
        """The limits that a cell's description gives an arm."""
        lower, upper, velocity, acceleration, jerk = zip(*(joint.values for joint in joints), strict=True)
        sliding = tuple(isinstance(joint, LinearJointLimit) for joint in joints)
        return cls(lower, upper, velocity, acceleration, jerk, sliding)

    @classmethod
    def moderate(cls, lower: Joints, upper: Joints, velocity: Joints, sliding: tuple[bool, ...]) -> Limits:
        """Limits with the default acceleration and jerk, from what a URDF gives."""
        acceleration = tuple(ACCELERATION_PER_VELOCITY * value for value in velocity)
        jerk = tuple(JERK_PER_ACCELERATION * value for value in acceleration)
        return cls(lower, upper, velocity, acceleration, jerk, sliding)

    @property
    def n(self) -> int:
        """How many joints."""
        return len(self.lower)

    def scaled(self, speed_ratio: float) -> Limits:
        """The same with velocities times a ratio in (0, 1]."""
        return replace(self, velocity=tuple(speed_ratio * value for value in self.velocity))

    def contain(self, joints: Joints, slack: float = SLACK) -> bool:
        """Whether all positions are within their limits."""
        return all(
            low - slack <= value <= high + slack for low, value, high in zip(self.lower, joints, self.upper, strict=True)
        )

    def clamped(self, joints: Joints) -> Joints:
        """The nearest positions within the limits."""
        return tuple(min(max(value, low), high) for low, value, high in zip(self.lower, joints, self.upper, strict=True))
