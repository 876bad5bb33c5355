"""Motions that end at a force, and what the wrist's force sensor then tells of the contact."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from microcell.devices.force_sensor.contract import ForceSensor
from microcell.faults import FaultError
from microcell.geometry import Pose, Vector, multiply, rotate
from microcell.skills.arm_motion import ArmMotion

OVERTRAVEL_M = 0.0015
"""How much deeper than its goal a motion aims at least that contact is to stop before."""
OVERTRAVEL_RATIO = 1.25
"""As much deeper it aims as what it presses with bends the wrist, and this much more."""
NOISE_SIGMAS = 4.0
"""So many standard deviations of the sensor's noise a reading stays clear of a limit."""
ZERO_N = 2.0
"""A tared sensor that reads more than this of an arm at rest was not tared."""
READINGS = 8
"""So many readings of the sensor are averaged."""

Lateral = tuple[float, float]
"""Components along x and y of the cell."""


@dataclass(frozen=True, slots=True)
class Touch:
    """Where the TCP stopped on contact, and the force then, N."""

    tcp_in_cell: Pose
    force_n: float


@dataclass(frozen=True, slots=True)
class Stiffness:
    """How stiffly arm, wrist and hand hold a part: along and across the tool's axis, N/m; tilting about the TCP, N.m/rad."""

    axial_n_m: float = 20_000.0
    lateral_n_m: float = 20_000.0
    angular_n_m_rad: float = 100.0


def overtravel_m(force_n: float, stiffness: Stiffness | None = None) -> float:
    """How much deeper than its goal a motion aims that is to stop when it presses with a force, m."""
    return max(OVERTRAVEL_M, OVERTRAVEL_RATIO * force_n / (stiffness or Stiffness()).axial_n_m)


@dataclass(frozen=True, slots=True)
class Guard:
    """How hard may be pressed, `limit_n`, by an arm that stands still only `reaction_s` after a force was reached.

    Until then it goes on at its speed, and the force grows by speed x stiffness x reaction. Guarded motions begin to
    stop at a share of `allowed_n`, the limit less the sensor's noise, and are so slow that the rest is not used up.
    """

    limit_n: float
    axial_n_m: float
    reaction_s: float
    noise_n: float = 0.0

    @property
    def allowed_n(self) -> float:
        """The largest true force that a reading never shows as over the limit, N."""
        return self.limit_n - NOISE_SIGMAS * self.noise_n

    def speed_m_s(self, wanted_m_s: float, stop_n: float, most_n: float | None = None) -> float:
        """The speed wanted, or less: a stop begun at `stop_n` ends with no more than `most_n` (else all that is allowed)."""
        reserve_n = (self.allowed_n if most_n is None else most_n) - stop_n
        return min(wanted_m_s, reserve_n / (self.axial_n_m * self.reaction_s))

    def check(self, touch: Touch, where: str) -> None:
        """INSERT_FORCE_EXCEEDED for a touch that was firmer than the limit."""
        if touch.force_n > self.limit_n:
            detail = f"{touch.force_n:.1f} N, the limit is {self.limit_n:.1f} N"
            raise FaultError("INSERT_FORCE_EXCEEDED", where, detail)


@dataclass(frozen=True, slots=True)
class Felt:
    """A contact as the wrist feels it, in the cell frame, for a tool that points down.

    `lateral_n` is the force on the tool along x and y, `tilting_n_m` the torque about the TCP that tilts it: its first
    number would make the tool's upper end go along x, its second along y. `pressing_n` is the force against the tool's axis.
    """

    tcp_in_cell: Pose
    pressing_n: float
    lateral_n: Lateral
    tilting_n_m: Lateral


async def tare(sensor: ForceSensor) -> None:
    """Take the present load as zero, and see that it is: SENSOR_IMPLAUSIBLE. The arm should rest."""
    await sensor.tare()
    wrench = await sensor.read()
    off_n = max(map(abs, wrench.force))
    if off_n > ZERO_N:
        raise FaultError("SENSOR_IMPLAUSIBLE", sensor.name, f"it reads {off_n:.1f} N right after it was tared")


async def press_until_contact(
    motion: ArmMotion, sensor: ForceSensor, tcp_in_cell: Pose, speed_m_s: float, contact_n: float
) -> Touch | None:
    """Move straight towards a pose and stop as soon as the tool presses with `contact_n`.

    Returns where that was, or None when the pose was reached without contact. The sensor should have been
    tared. Cancelled, it leaves the arm still. An arm that presses that much already does not move.
    """
    pressing_n = (await sensor.read()).pressing_n
    if pressing_n >= contact_n:
        return Touch(await motion.tcp_in_cell(), pressing_n)
    trajectory = await motion.plan_straight(tcp_in_cell, speed_m_s, guarded=True)
    follow = asyncio.ensure_future(motion.follow(trajectory))
    contact = asyncio.ensure_future(sensor.wait_pressing(contact_n))
    try:
        await asyncio.wait((follow, contact), return_when=asyncio.FIRST_COMPLETED)
    finally:
        touched = contact.done()
        follow.cancel()
        contact.cancel()
        ended, _ = await asyncio.gather(follow, contact, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended
    felt_n = contact.result().pressing_n if touched else 0.0  # first: a sensor that has failed is not asked again
    force_n = max((await sensor.read()).pressing_n, felt_n)
    # A sensor in another process may tell of the contact only after the motion's end.
    return Touch(await motion.tcp_in_cell(), force_n) if touched or force_n >= contact_n else None


async def feel(motion: ArmMotion, sensor: ForceSensor, readings: int = READINGS) -> Felt:
    """What the wrist feels now, the mean of some readings. The arm should rest, the sensor should have been tared."""
    wrenches = [await sensor.read() for _ in range(readings)]
    force, torque = _mean([w.force for w in wrenches]), _mean([w.torque for w in wrenches])
    tcp = await motion.tcp_in_cell()
    tcp_in_flange = motion.tool.tcp_in_flange.pose if motion.tool else Pose()
    flange = (tcp @ tcp_in_flange.inverse()).orientation
    x, y, z = tcp_in_flange.position
    about_tcp = (
        torque[0] - (y * force[2] - z * force[1]),
        torque[1] - (z * force[0] - x * force[2]),
        torque[2] - (x * force[1] - y * force[0]),
    )
    fx, fy, _ = rotate(flange, force)
    mx, my, _ = rotate(flange, about_tcp)
    return Felt(tcp, -force[2], (fx, fy), (my, -mx))


def tilted(pose: Pose, lean: Lateral) -> Pose:
    """A pose turned about its own origin so that the upper end of an upright axis there goes along x and y, rad."""
    half = math.hypot(*lean) / 2.0
    if half == 0.0:
        return pose
    by = math.sin(half) / (2.0 * half)
    return Pose(pose.position, multiply((-lean[1] * by, lean[0] * by, 0.0, math.cos(half)), pose.orientation))


def _mean(vectors: list[Vector]) -> Vector:
    x, y, z = (sum(axis) / len(vectors) for axis in zip(*vectors, strict=True))
    return (x, y, z)
