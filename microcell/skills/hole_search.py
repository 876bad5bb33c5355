"""Find a hole by sliding a part over its rim on a spiral, under a force that stays well below the limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from microcell.devices.force_sensor.contract import ForceSensor
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.skills.arm_motion import ArmMotion
from microcell.skills.guarded import Guard, Lateral, Stiffness, feel, press_until_contact

SLIDING_RATIO, FIRMEST_RATIO, HIGHEST_RATIO = 0.4, 0.7, 0.8
"""Of what is allowed: force while sliding, the same against much friction, and the force at which a slide stops."""
CATCH_RATIO = 0.5
"""Sideways force, of that while sliding, that only a hole's wall gives."""
OF_FRICTION = 1.25
MARGIN_N = 0.5
STRIDE_OF_LIMIT = 0.5
"""A stride is so short that a part caught at its begin is pushed sideways with this share of that at its end."""
FALL_M = 0.002
"""How far down a part is followed when the force has gone."""


@dataclass(frozen=True, slots=True)
class SpiralSearch:
    """Where to search, and how hard to press.

    The spiral's lines are `pitch_m` apart and cover a square of +-`radius_m` around where it begins. The part's own
    friction in the hole is `friction_n`; a part that goes `entered_m` under `rim_m`, the TCP's height in the cell when
    the part stands on the rim, has found the hole.
    """

    radius_m: float
    pitch_m: float
    rim_m: float
    entered_m: float
    friction_n: float
    guard: Guard
    speed_m_s: float
    press_speed_m_s: float
    stiffness: Stiffness

    @property
    def sliding_n(self) -> float:
        """Force while sliding, N: more than friction in the hole."""
        firm = OF_FRICTION * self.friction_n + 2.0 * MARGIN_N
        return min(max(SLIDING_RATIO * self.guard.allowed_n, firm), FIRMEST_RATIO * self.guard.allowed_n)

    @property
    def gone_n(self) -> float:
        """Less force than this means that the part has fallen in, N."""
        return min(max(0.15 * self.guard.allowed_n, OF_FRICTION * self.friction_n + MARGIN_N), 0.6 * self.sliding_n)

    @property
    def stride_m(self) -> float:
        return STRIDE_OF_LIMIT * self.guard.allowed_n / self.stiffness.lateral_n_m

    def depth_m(self, tcp_m: float, force_n: float) -> float:
        """How deep the part is under the rim when the TCP is at a height, less what the wrist gives at that force."""
        return self.rim_m - tcp_m - force_n / self.stiffness.axial_n_m


async def spiral_search(
    motion: ArmMotion, sensor: ForceSensor, search: SpiralSearch, on_stride: Callable[[int], None]
) -> int:
    """Slide a part that stands on the rim until it falls into its hole or is caught by it; how many strides it took.

    The arm stays where it was then. INSERT_JAMMED when the whole square has no hole.
    """
    start = await motion.tcp_in_cell()
    x, y, _ = start.position
    height = await _lean_on(motion, sensor, search, start)
    strides = 0
    for strides, (dx, dy) in enumerate(strided(square_spiral(search.radius_m, search.pitch_m), search.stride_m), 1):
        on_stride(strides)
        goal = Pose((x + dx, y + dy, height), start.orientation)
        found, height = await _stride(motion, sensor, search, goal)
        if found:
            return strides
    raise FaultError("INSERT_JAMMED", motion.name, f"no hole within {search.radius_m * 1e3:.1f} mm, {strides} strides")


async def _stride(motion: ArmMotion, sensor: ForceSensor, search: SpiralSearch, goal: Pose) -> tuple[bool, float]:
    """Slide to a place; whether the part is in the hole then, and the height to go on at."""
    stop_n = HIGHEST_RATIO * search.guard.allowed_n
    pressed = await press_until_contact(motion, sensor, goal, search.speed_m_s, stop_n)
    if pressed is not None:  # the rim rises under a part that leans
        search.guard.check(pressed, motion.name)
        higher_m = (pressed.force_n - search.sliding_n) / search.stiffness.axial_n_m
        goal = goal.shifted(dz=higher_m)
        await motion.move_straight(pressed.tcp_in_cell.shifted(dz=higher_m), search.press_speed_m_s)
        await press_until_contact(motion, sensor, goal, search.speed_m_s, stop_n)
    felt = await feel(motion, sensor, readings=1)
    if _length(felt.lateral_n) > CATCH_RATIO * search.sliding_n + MARGIN_N:
        return True, goal.position[2]
    if felt.pressing_n >= search.gone_n:
        return False, goal.position[2]
    height = await _lean_on(motion, sensor, search, felt.tcp_in_cell)
    return search.depth_m(height, search.sliding_n) > search.entered_m, height


async def _lean_on(motion: ArmMotion, sensor: ForceSensor, search: SpiralSearch, here: Pose) -> float:
    """Press with the force for sliding, not far down, and take back what a late stop was too much; the TCP's height then."""
    most_n = HIGHEST_RATIO * search.guard.allowed_n
    speed_m_s = search.guard.speed_m_s(search.press_speed_m_s, search.sliding_n, most_n)
    pressed = await press_until_contact(motion, sensor, here.shifted(dz=-FALL_M), speed_m_s, search.sliding_n)
    if pressed is not None:
        search.guard.check(pressed, motion.name)
        if (excess_n := pressed.force_n - search.sliding_n) > MARGIN_N:
            back = pressed.tcp_in_cell.shifted(dz=excess_n / search.stiffness.axial_n_m)
            await motion.move_straight(back, search.press_speed_m_s)
    return (await motion.tcp_in_cell()).position[2]


def square_spiral(radius_m: float, pitch_m: float) -> Iterator[Lateral]:
    """Corners of a spiral of straight lines, from the middle outwards, that covers +-`radius_m` in x and y.

    The lines are `pitch_m` apart: within the radius, no place is further from one than half of that, at corners 0.6 of it.
    """
    rings, side = math.ceil(radius_m / pitch_m - 0.5), 0.0
    yield (0.0, 0.0)
    for ring in range(1, rings + 1):
        side = ring * pitch_m
        yield from ((side, pitch_m - side), (side, side), (-side, side), (-side, -side))
    if rings > 0:
        yield from ((side, -side), (side, pitch_m - side))


def strided(corners: Iterator[Lateral], stride_m: float) -> Iterator[Lateral]:
    """Places at most `stride_m` apart on the lines between corners, these included, without the first."""
    x, y = next(corners)
    for to_x, to_y in corners:
        count = max(1, -int(-_length((to_x - x, to_y - y)) // stride_m))
        for k in range(1, count):
            yield (x + (to_x - x) * k / count, y + (to_y - y) * k / count)
        x, y = to_x, to_y
        yield (x, y)


def _length(v: Lateral) -> float:
    return float((v[0] ** 2 + v[1] ** 2) ** 0.5)
