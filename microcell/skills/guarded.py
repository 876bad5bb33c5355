"""Motions that end at a force: press until contact, and put a part in by feeling for its place."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from microcell.devices.force_sensor.contract import ForceSensor
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.skills.arm_motion import ArmMotion

OVERTRAVEL_M = 0.0015
"""How much deeper than the seat the motion aims: contact stops it long before."""
HOP_M = 0.0008
"""How high a tap's hop goes over the last contact."""
HOP_SPEED_M_S = 0.04
IN_THE_HOLE_RATIO = 0.35
"""Contact at this share of the depth means the part is in its hole and only needs more force."""


@dataclass(frozen=True, slots=True)
class Touch:
    """Where the TCP stopped on contact, and the force then, N."""

    tcp_in_cell: Pose
    force_n: float


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


@dataclass(frozen=True, slots=True)
class Search:
    """How to put a part in.

    `seat` is the TCP's pose when the part is seated, `depth_m` the way from the rim to there (0: no hole).
    Contact counts from `contact_n`; more than `limit_n` is never pressed. Contact within `tolerance_m` of
    the seat is seated.
    """

    seat: Pose
    depth_m: float
    contact_n: float
    limit_n: float
    radius_m: float
    step_m: float
    speed_m_s: float
    tolerance_m: float = 0.0005


@dataclass(frozen=True, slots=True)
class Inserted:
    """Result of `search_insert`: force at the seat, N, depth under the rim, m, and how many taps it took."""

    force_n: float
    depth_m: float
    taps: int


async def search_insert(
    motion: ArmMotion, sensor: ForceSensor, search: Search, on_tap: Callable[[int], None]
) -> Inserted:
    """Press a held part into its place; where it stands on the rim, tap around on a spiral until it goes in.

    The TCP must be over the place and the sensor tared. Faults, after which the arm has gone up again:
    INSERT_NO_CONTACT, INSERT_FORCE_EXCEEDED (it is in the hole but does not go down within the limit),
    INSERT_JAMMED (the whole search found no hole).
    """
    try:
        for tap, (dx, dy) in enumerate(spiral(search.radius_m, search.step_m)):
            if tap:
                on_tap(tap)
                await _hop(motion, search.seat.shifted(dx, dy))
            inserted = await _tap(motion, sensor, search, search.seat.shifted(dx, dy), tap)
            if inserted is not None:
                return inserted
        radius_mm = search.radius_m * 1e3
        raise FaultError("INSERT_JAMMED", motion.name, f"no hole within {radius_mm:.1f} mm, {tap + 1} taps")
    except FaultError as error:
        if error.fault.code.startswith("INSERT_"):
            await motion.lift()
        raise


async def _tap(
    motion: ArmMotion, sensor: ForceSensor, search: Search, seat: Pose, tap: int
) -> Inserted | None:
    """Press once at one place; None when the part stands on the rim."""
    goal = seat.shifted(dz=-OVERTRAVEL_M)
    touch = await press_until_contact(motion, sensor, goal, search.speed_m_s, search.contact_n)
    if touch is not None and _in_the_hole(search, touch):
        touch = await press_until_contact(motion, sensor, goal, search.speed_m_s, search.limit_n)
        if touch is not None and _above_seat_m(search, touch) > search.tolerance_m:
            missing_mm = _above_seat_m(search, touch) * 1e3
            detail = f"{touch.force_n:.1f} N, still {missing_mm:.1f} mm over the seat"
            raise FaultError("INSERT_FORCE_EXCEEDED", motion.name, detail)
    if touch is None:
        raise FaultError("INSERT_NO_CONTACT", motion.name, f"{OVERTRAVEL_M * 1e3:.1f} mm below the seat")
    if touch.force_n > search.limit_n * 1.1 + 0.5:
        limit = f"{touch.force_n:.1f} N, the limit is {search.limit_n:.1f} N"
        raise FaultError("INSERT_FORCE_EXCEEDED", motion.name, limit)
    above_m = _above_seat_m(search, touch)
    if above_m > search.tolerance_m:
        return None
    return Inserted(touch.force_n, search.depth_m - above_m, tap + 1)


def _above_seat_m(search: Search, touch: Touch) -> float:
    return touch.tcp_in_cell.position[2] - search.seat.position[2]


def _in_the_hole(search: Search, touch: Touch) -> bool:
    above_m = _above_seat_m(search, touch)
    return search.tolerance_m < above_m < search.depth_m * (1.0 - IN_THE_HOLE_RATIO)


async def _hop(motion: ArmMotion, over: Pose) -> None:
    """Up from the last contact and across to the next place, in one line."""
    x, y, _ = over.position
    present = await motion.tcp_in_cell()
    await motion.move_straight(Pose((x, y, present.position[2] + HOP_M), over.orientation), HOP_SPEED_M_S)


def spiral(radius_m: float, step_m: float) -> Iterator[tuple[float, float]]:
    """Places on rings `step_m` apart, about as far from their neighbours, from the middle out to a radius."""
    yield (0.0, 0.0)
    for ring in range(1, int(radius_m / step_m + 1e-9) + 1):
        places = 6 * ring
        for k in range(places):
            angle = 2.0 * math.pi * k / places
            yield (ring * step_m * math.cos(angle), ring * step_m * math.sin(angle))
