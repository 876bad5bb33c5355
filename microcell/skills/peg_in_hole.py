"""Put a held part into its hole: press, search when it stands on the rim, give way sideways and in angle on its way in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from microcell.description.product import FIRMEST_RATIO
from microcell.devices.force_sensor.contract import ForceSensor
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.skills.arm_motion import ArmMotion
from microcell.skills.guarded import Felt, Guard, Lateral, Stiffness, Touch, feel, overtravel_m, press_until_contact, tilted
from microcell.skills.hole_search import SpiralSearch, spiral_search

ENTERED_M = 0.0005
"""A part so deep under the rim is in its hole; in a shallow hole, a quarter of its depth."""
STRAIGHTENED_RATIO = 0.8
"""How much of the lean that the walls leave is taken away at once, when they touch on two sides."""
TWO_WALLS_N, TWO_WALLS_N_M = 1.5, 0.02
"""Force of each wall, and torque of both, from which on two walls are told from one and from the sensor's noise."""
PROGRESS_M = 0.0001
STALLS_TO_PRESS_FIRMLY, STALLS_TO_GIVE_UP = 2, 5
MOST_STROKES = 60
GIVING_WAY_M_S = 0.01
HIGHEST_RATIO = 0.9
"""Of what is allowed: force at which even a motion that is to take the force away stops, and presses end."""
UNLOADED_RATIO = 0.8
"""How much of the pressing force is taken away while the part is shifted and tilted."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """How to put a part in.

    `seat` is the TCP's pose in the cell when the part is seated, `depth_m` the way from the rim to there (0: no hole),
    `clearance_m` what the hole is wider than the part, `reach_m` the distance from the part's foot to the TCP. Contact
    counts from `contact_n`; with more than `limit_n` is never pressed, though the arm stands only `reaction_s` after a force
    was reached. `noise_n` is the sensor's. Within `tolerance_m` of the seat is seated. The hole is searched up to `radius_m`
    in x and y, the angle corrected by up to `angle_rad`.
    """

    seat: Pose
    depth_m: float
    clearance_m: float
    friction_n: float
    reach_m: float
    contact_n: float
    limit_n: float
    radius_m: float
    pitch_m: float
    angle_rad: float
    speed_m_s: float
    search_speed_m_s: float
    tolerance_m: float = 0.0003
    stiffness: Stiffness = field(default_factory=Stiffness)
    reaction_s: float = 0.05
    noise_n: float = 0.05

    @property
    def guard(self) -> Guard:
        return Guard(self.limit_n, self.stiffness.axial_n_m, self.reaction_s, self.noise_n)

    @property
    def entered_m(self) -> float:
        return min(ENTERED_M, self.depth_m / 4.0)

    def above_seat_m(self, touch: Touch) -> float:
        """Height of the part over its seat, what the wrist gives at the touch's force included."""
        return touch.tcp_in_cell.position[2] - self.seat.position[2] + touch.force_n / self.stiffness.axial_n_m

    @property
    def search(self) -> SpiralSearch:
        """The search for the hole."""
        rim_m = self.seat.position[2] + self.depth_m
        return SpiralSearch(
            self.radius_m, self.pitch_m, rim_m, self.entered_m, self.friction_n, self.guard, self.search_speed_m_s,
            self.speed_m_s, self.stiffness,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inserted:
    """Result: force at the seat, N; depth under the rim, m; how many presses and strides of search; angle corrected, rad."""

    force_n: float
    depth_m: float
    presses: int
    strides: int
    corrected_rad: float


async def insert_peg(
    motion: ArmMotion, sensor: ForceSensor, insertion: Insertion, on_stride: Callable[[int], None]
) -> Inserted:
    """Press a held part into its hole.

    The TCP must be over the place and the sensor tared. Faults, after which the arm has gone up again:
    INSERT_NO_CONTACT, INSERT_FORCE_EXCEEDED (it is in the hole but does not go down within the limit, or was pressed
    with more), INSERT_JAMMED (the whole search found no hole). SKILL_REFUSED, with nothing moved, for a limit that is no
    more than the sensor's noise.
    """
    if insertion.guard.allowed_n <= 0.0:
        detail = f"a limit of {insertion.limit_n:g} N is lost in the sensor's noise of {insertion.noise_n:g} N"
        raise FaultError("SKILL_REFUSED", motion.name, detail)
    try:
        return await _Inserting(motion, sensor, insertion, on_stride).run()
    except FaultError as error:
        if error.fault.code.startswith("INSERT_"):
            await motion.lift()
        raise


class _Inserting:
    """One insertion: where the TCP aims by now, and how far its angle has been corrected."""

    def __init__(
        self, motion: ArmMotion, sensor: ForceSensor, insertion: Insertion, on_stride: Callable[[int], None]
    ) -> None:
        self._motion, self._sensor, self._insertion, self._on_stride = motion, sensor, insertion, on_stride
        self._aim = insertion.seat
        self._lean: Lateral = (0.0, 0.0)
        self._presses = self._strides = 0

    async def run(self) -> Inserted:
        touch = await self._press(self._insertion.contact_n)
        if not self._seated(touch) and self._depth_m(touch) < self._insertion.entered_m:
            self._strides = await spiral_search(self._motion, self._sensor, self._insertion.search, self._on_stride)
            self._aim_from(await self._motion.tcp_in_cell())
            touch = await self._press(self._insertion.contact_n)
        return await self._push_in(touch)

    async def _push_in(self, touch: Touch) -> Inserted:
        """Press again and again, giving way in between, until the part is seated; INSERT_FORCE_EXCEEDED when it stays."""
        stalls, deepest_m = 0, -math.inf
        for _ in range(MOST_STROKES):
            if self._seated(touch):
                depth_m = self._insertion.depth_m - self._insertion.above_seat_m(touch)
                return Inserted(touch.force_n, depth_m, self._presses, self._strides, math.hypot(*self._lean))
            depth_m = self._depth_m(touch)
            stalls = 0 if depth_m > deepest_m + PROGRESS_M else stalls + 1
            if stalls >= STALLS_TO_GIVE_UP:
                break
            deepest_m = max(deepest_m, depth_m)
            await self._give_way()
            firmly = stalls >= STALLS_TO_PRESS_FIRMLY
            touch = await self._press(self._firm_n if firmly else self._insertion.contact_n)
        missing_mm, angle = self._insertion.above_seat_m(touch) * 1e3, math.degrees(math.hypot(*self._lean))
        detail = f"{touch.force_n:.1f} N, still {missing_mm:.1f} mm over the seat, tilted by {angle:.1f} degrees"
        raise FaultError("INSERT_FORCE_EXCEEDED", self._motion.name, detail)

    async def _press(self, force_n: float) -> Touch:
        """Press towards the seat until a force."""
        insertion, guard = self._insertion, self._insertion.guard
        self._presses += 1
        force_n = min(force_n, self._firm_n)
        speed_m_s = guard.speed_m_s(insertion.speed_m_s, force_n, HIGHEST_RATIO * guard.allowed_n)
        deeper_m = overtravel_m(force_n, insertion.stiffness)
        goal = self._aim.shifted(dz=-deeper_m)
        touch = await press_until_contact(self._motion, self._sensor, goal, speed_m_s, force_n)
        if touch is None:
            raise FaultError("INSERT_NO_CONTACT", self._motion.name, f"{deeper_m * 1e3:.1f} mm below the seat")
        guard.check(touch, self._motion.name)
        return touch

    async def _give_way(self) -> None:
        """Take most of the force away, shift and tilt the part as the walls push it, and aim at the seat from there."""
        felt = await feel(self._motion, self._sensor)
        touch = Touch(felt.tcp_in_cell, felt.pressing_n)
        depth_m = max(self._depth_m(touch), self._insertion.entered_m)
        shift, lean = correction(self._insertion, felt, depth_m)
        lean = self._within_angle(lean)
        up_m = UNLOADED_RATIO * max(0.0, felt.pressing_n) / self._insertion.stiffness.axial_n_m
        there = tilted(felt.tcp_in_cell.shifted(*shift, up_m), lean)
        self._lean = (self._lean[0] + lean[0], self._lean[1] + lean[1])
        self._aim_from(there)
        guard = self._insertion.guard
        stop_n = HIGHEST_RATIO * guard.allowed_n
        speed_m_s = guard.speed_m_s(GIVING_WAY_M_S, stop_n)
        pressed = await press_until_contact(self._motion, self._sensor, there, speed_m_s, stop_n)
        if pressed is not None:
            guard.check(pressed, self._motion.name)

    def _aim_from(self, tcp_in_cell: Pose) -> None:
        """Aim at the seat straight down from a pose."""
        x, y, _ = tcp_in_cell.position
        self._aim = Pose((x, y, self._insertion.seat.position[2]), tcp_in_cell.orientation)

    def _within_angle(self, lean: Lateral) -> Lateral:
        """A change of angle, less where all changes together would be more than allowed."""
        all_x, all_y = self._lean[0] + lean[0], self._lean[1] + lean[1]
        ratio = min(1.0, self._insertion.angle_rad / max(math.hypot(all_x, all_y), 1e-12))
        return (all_x * ratio - self._lean[0], all_y * ratio - self._lean[1])

    def _depth_m(self, touch: Touch) -> float:
        return self._insertion.depth_m - self._insertion.above_seat_m(touch)

    def _seated(self, touch: Touch) -> bool:
        return self._insertion.above_seat_m(touch) <= self._insertion.tolerance_m

    @property
    def _firm_n(self) -> float:
        return FIRMEST_RATIO * self._insertion.guard.allowed_n


def correction(insertion: Insertion, felt: Felt, depth_m: float) -> tuple[Lateral, Lateral]:
    """How far to shift the TCP, m, and to tilt the part, rad, for a part that is `depth_m` in its hole to go on freely.

    Going where the wrist is bent to takes the walls' forces away. Where foot and rim are pushed to opposite sides (the
    two-point contact of Whitney 1982) the part leans as much as the hole allows, clearance / depth: it is straightened
    as well, about the middle of what is in the hole. The two walls' forces follow from force and torque.
    """
    stiffness, reach = insertion.stiffness, insertion.reach_m
    (fx, fy), (mx, my) = felt.lateral_n, felt.tilting_n_m
    shift = [fx / stiffness.lateral_n_m, fy / stiffness.lateral_n_m]
    lean = [mx / stiffness.angular_n_m_rad, my / stiffness.angular_n_m_rad]
    if depth_m <= 0.0:  # no hole, no walls to tell apart
        return (shift[0], shift[1]), (lean[0], lean[1])
    at_rim = ((mx + reach * fx) / depth_m, (my + reach * fy) / depth_m)
    at_foot = (fx - at_rim[0], fy - at_rim[1])
    rim_n = math.hypot(*at_rim)
    opposite = at_rim[0] * at_foot[0] + at_rim[1] * at_foot[1] < 0.0
    if opposite and min(rim_n, math.hypot(*at_foot)) > max(TWO_WALLS_N, TWO_WALLS_N_M / depth_m):
        by = min(STRAIGHTENED_RATIO * insertion.clearance_m / depth_m, insertion.angle_rad / 2.0) / rim_n
        for axis, wall in enumerate(at_rim):
            lean[axis] += wall * by
            shift[axis] += wall * by * (reach - depth_m / 2.0)
    return (shift[0], shift[1]), (lean[0], lean[1])
