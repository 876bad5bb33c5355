"""Motions that end at a force, and what the wrist's force sensor then tells of the contact."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from microcell.devices.force_sensor.contract import ForceSensor
from microcell.geometry import Pose, Vector, multiply, rotate
from microcell.skills.arm_motion import ArmMotion

OVERTRAVEL_M = 0.0015
"""How much deeper than its goal a motion aims that contact is to stop before."""
REACTION_S = 0.01
"""Within this time after contact an arm stands still."""
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

    def safe_speed_m_s(self, speed_m_s: float, reserve_n: float) -> float:
        """The speed, or less where stopping from it would press by more than a reserve."""
        return min(speed_m_s, max(reserve_n, 0.0) / (self.axial_n_m * REACTION_S) + 1e-4)


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


async def press_until_contact(
    motion: ArmMotion, sensor: ForceSensor, tcp_in_cell: Pose, speed_m_s: float, contact_n: float
) -> Touch | None:
    """Move straight towards a pose and stop as soon as the tool presses with `contact_n`.

    Returns where that was, or None when the pose was reached without contact. The sensor should have been
    tared. Cancelled, it leaves the arm still.
    """
    follow = asyncio.ensure_future(motion.follow(await motion.plan_straight(tcp_in_cell, speed_m_s)))
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
    force_n = (await sensor.read()).pressing_n
    if touched:
        force_n = max(force_n, contact.result().pressing_n)
    elif force_n < contact_n:  # a sensor in another process may tell of the contact only after the motion's end
        return None
    return Touch(await motion.tcp_in_cell(), force_n)


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
