"""Moves the tool centre point (TCP) of an arm's tool. Every plan starts at the arm's present joints."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from microcell.description.cell import FeederSpec, FixtureSpec, TesterSpec
from microcell.description.extents import half_extents
from microcell.description.tool import Tool
from microcell.devices.arm.contract import Arm
from microcell.faults import FaultError
from microcell.geometry import Pose, distance
from microcell.motion.carried import unit_half_m
from microcell.motion.limits import Joints
from microcell.motion.planner import Load, MotionPlanner
from microcell.motion.trajectory import JointTrajectory, resample
from microcell.skills.contract import SkillContext
from microcell.skills.mounted import arm_spec, check_mounted, mounted_tool
from microcell.skills.workplace import part_of

LINE_SPEED_M_S = 0.4
"""Speed of straight lines in free air."""
STAND_BACK_M = 0.12
"""So far at least an arm stands back from where it has worked."""
WRIST_M = 0.05
"""Tool and wrist reach so far around the TCP, seen from above."""
ZONE_CHECK_S = 0.05
"""Period at which a way around something is looked at."""
_ALREADY_THERE_M = 1e-5
_ON_THE_EDGE_M = 1e-3

Point = tuple[float, float]


class ArmMotion:
    """Motions of one arm with the tool that it carries.

    Poses are those of the TCP in the cell frame. Joint motions end with elbow and wrist bent as in the arm's
    home pose, so the same place always means the same joints. `speed_ratio` in (0, 1] slows joint motions and
    lines in free air. Joint motions go around what stands in the way (ARM_BLOCKED where there is no way); straight
    ones may touch the leased stations and nothing else.
    """

    def __init__(self, context: SkillContext, tool_name: str, speed_ratio: float = 1.0) -> None:
        name = context.leased("arm")
        self.name = name
        self.spec = arm_spec(context)
        self.tool_name = tool_name
        self.tool: Tool | None = context.line.tools[tool_name] if tool_name else None
        self.load = Load(tool_name)
        self.speed_ratio = speed_ratio
        self._product = context.goal.product
        self._ways = context.line.ways
        self._arm = context.device(name, Arm)
        self._traffic = context.traffic
        self._clock, self._motions_s, self._work = context.clock, context.motions_s, context.work
        self._check_mounted = partial(check_mounted, context, tool_name)
        if name not in context.planners:
            context.planners[name] = MotionPlanner(context.line, name)
        self._plan = context.planners[name]
        self._working_at = frozenset(context.goal.lease.resources.values())
        self._looked_at = _looked_at(context)
        self._base_in_cell = self.spec.base_in_cell.pose
        self._cell_in_base = self._base_in_cell.inverse()
        self._tcp_in_flange = self.tool.tcp_in_flange.pose if self.tool else Pose()
        self._flange_in_tcp = self._tcp_in_flange.inverse()

    @classmethod
    async def of(cls, context: SkillContext, speed_ratio: float = 1.0) -> ArmMotion:
        """Motions of the leased arm with the tool that its coupling reports."""
        return cls(context, await mounted_tool(context), speed_ratio)

    @property
    def tcp_length_m(self) -> float:
        """How far the TCP stands out from the flange, m; 0 without a tool."""
        return self._tcp_in_flange.position[2]

    def check_can_carry(self, part: str) -> None:
        """ARM_OVERLOADED when the arm cannot carry the tool with a part of the product, or its "unit"."""
        self._plan.check_payload(Load(self.tool_name, part))

    def carry(self, part: str) -> None:
        """From now on the tool holds a part of the product, or its "unit"; "" for nothing."""
        self.load = Load(self.tool_name, part, self._product)
        if self._traffic is not None:
            self._traffic.carries(self.name, self.load)

    async def tcp_in_cell(self) -> Pose:
        """Present pose of the TCP."""
        state = await self._arm.joints()
        return self._base_in_cell @ self._plan.forward(state.positions) @ self._tcp_in_flange

    async def plan_straight(self, tcp_in_cell: Pose, speed_m_s: float, guarded: bool = False) -> JointTrajectory:
        """A straight line from here, for whoever follows it himself (`guarded`: until the force sensor stops it)."""
        state = await self._arm.joints()
        goal = self._flange_in_base(tcp_in_cell)
        question = (state.positions, goal, speed_m_s, self.load, self._working_at, guarded)
        return await self._planned(self._plan.straight_move, *question)

    async def follow(self, trajectory: JointTrajectory) -> None:
        """Follow a trajectory that starts here, once no other arm comes into its way.

        Faults of `Arm.follow`, TOOL_UNCERTAIN for another tool than planned, ARM_BLOCKED for an arm that does not give way.
        """
        if trajectory.duration_s > 0.0:
            await self._check_mounted()
            async with self._way_of(trajectory):
                start_s = self._clock.now()
                try:
                    await self._arm.follow(trajectory)
                finally:
                    self._motions_s.append(self._clock.now() - start_s)

    def _way_of(self, trajectory: JointTrajectory) -> AbstractAsyncContextManager[None]:
        if self._traffic is None:
            return nullcontext()
        return self._traffic.motion(self.name, self.load, trajectory, self._work)

    async def move_straight(self, tcp_in_cell: Pose, speed_m_s: float) -> None:
        """Move on a straight line at up to a speed in m/s."""
        await self.follow(await self.plan_straight(tcp_in_cell, speed_m_s))

    async def move_along(self, way_in_cell: Sequence[Pose], speed_m_s: float) -> None:
        """Move through the corners of a way in one go, as evenly as they allow, at up to a speed in m/s."""
        state = await self._arm.joints()
        flanges = tuple(self._flange_in_base(pose) for pose in way_in_cell)
        question = (state.positions, flanges, speed_m_s, self.load, self._working_at)
        await self.follow(await self._planned(self._plan.path_move, *question))

    async def move_freely(self, tcp_in_cell: Pose) -> None:
        """Move all joints together, on no particular line: only where nothing stands.

        In a cell with zones the arm turns on its turning circle where the straight way leads through other zones.
        """
        legs = self._ways.legs(self.name, await self.tcp_in_cell(), tcp_in_cell) if self._ways.zones else (tcp_in_cell,)
        for leg in legs:
            await self._move_joints(leg)

    async def lift(self, height_m: float | None = None) -> None:
        """Move straight up until the TCP is at a height over the bench, m; without one, travel height."""
        height_m = self.spec.travel_height_m if height_m is None else height_m
        present = await self.tcp_in_cell()
        missing_m = height_m - present.position[2]
        if missing_m > _ALREADY_THERE_M:
            await self.move_straight(present.shifted(dz=missing_m), LINE_SPEED_M_S * self.speed_ratio)

    async def reaches(self, tcp_in_cell: Pose) -> bool:
        """Whether the planner finds joints over a place, and a straight way down to it."""
        over = tcp_in_cell.shifted(dz=max(0.0, self.spec.travel_height_m - tcp_in_cell.position[2]))
        try:
            joints = await self._planned(self._plan.inverse, self._flange_in_base(over), self.spec.home_rad, self.load)
            question = (joints, self._flange_in_base(tcp_in_cell), LINE_SPEED_M_S, self.load, self._working_at)
            await self._planned(self._plan.straight_move, *question)
        except FaultError:
            return False
        return True

    async def approach(self, tcp_in_cell: Pose, travel_m: float | None = None) -> None:
        """Move over a target: up to travel height (or `travel_m`), across, and down to `approach_m` above."""
        above = tcp_in_cell.shifted(dz=self.spec.approach_m)
        travel_m = max(self.spec.travel_height_m if travel_m is None else travel_m, above.position[2])
        await self.lift(travel_m)
        await self.move_freely(tcp_in_cell.shifted(dz=travel_m - tcp_in_cell.position[2]))
        await self.move_straight(above, LINE_SPEED_M_S * self.speed_ratio)

    async def leave(self) -> None:
        """Move straight up by `approach_m`, then to travel height and back towards the arm's base.

        So a camera over the station sees the unit and not the arm.
        """
        present = await self.tcp_in_cell()
        await self.lift(present.position[2] + self.spec.approach_m)
        rise_m = max(self.spec.travel_height_m - present.position[2], self.spec.approach_m)
        await self.move_freely(present.shifted(*self._back_m(present), rise_m))

    async def stand_back(self) -> None:
        """As `leave`, of an arm that may stand anywhere: one that is high, and over none of the leased stations, stays.

        Where there is no room towards the base, it goes to its home posture.
        """
        await self.lift()
        present = await self.tcp_in_cell()
        from_m = [(place, math.dist(present.position[:2], place.middle)) for place in self._looked_at]
        over = [STAND_BACK_M - far_m for place, far_m in from_m if far_m < place.radius_m - _ON_THE_EDGE_M]
        if not over:
            return
        try:
            await self.move_freely(present.shifted(*self._back_m(present, max(over))))
        except FaultError as error:
            if self._ways.zones or error.fault.code not in ("ARM_BLOCKED", "ARM_UNREACHABLE", "ARM_SINGULAR"):
                raise
            await self._move_to(self.spec.home_rad)

    def _back_m(self, present: Pose, least_m: float = STAND_BACK_M) -> Point:
        """The way from here towards the base, m, after which neither tool nor wrist is over what was worked at."""
        bx, by, _ = self._base_in_cell.position
        x, y, _ = present.position
        reach_m = math.hypot(x - bx, y - by)
        toward = ((bx - x) / reach_m, (by - y) / reach_m) if reach_m > 0.0 else (0.0, 0.0)
        off_m = (place.off_m((x, y), toward) for place in self._looked_at)
        back_m = min(max(least_m, *off_m, 0.0), reach_m / 2)
        return toward[0] * back_m, toward[1] * back_m

    async def withdraw(self) -> None:
        """Lift, and move straight back to the turning circle; an arm that is there already does not move."""
        present = await self.tcp_in_cell()
        if distance(present, self._ways.withdrawn(self.name, present)) > _ALREADY_THERE_M:
            await self.lift()
            await self._move_joints(self._ways.withdrawn(self.name, await self.tcp_in_cell()))

    async def _move_joints(self, tcp_in_cell: Pose) -> None:
        flange = self._flange_in_base(tcp_in_cell)
        await self._move_to(await self._planned(self._plan.inverse, flange, self.spec.home_rad, self.load))

    async def _move_to(self, goal: Joints) -> None:
        state = await self._arm.joints()
        trajectory = await self._planned(self._plan.joint_move, state.positions, goal, self.speed_ratio, self.load)
        if self._ways.zones and not trajectory.is_straight:
            self._check_zones(trajectory)
        await self.follow(trajectory)

    def _check_zones(self, trajectory: JointTrajectory) -> None:
        """ARM_BLOCKED when a way around something leads through other zones than those of its ends."""
        rows = resample(trajectory, ZONE_CHECK_S).positions
        poses = (self._base_in_cell @ self._plan.forward(row) @ self._tcp_in_flange for row in rows)
        touched = [self._ways.touched(self.name, pose.position[:2]) for pose in poses]
        others = sorted(frozenset().union(*touched) - touched[0] - touched[-1])
        if others:
            raise FaultError("ARM_BLOCKED", self.name, f"the way around leads through zone {', '.join(others)}")

    async def _planned(self, plan: Callable[..., Any], *question: Any) -> Any:
        """The planner's answer; the planner itself answers one at a time."""
        return await self._work(partial(plan, *question))

    def _flange_in_base(self, tcp_in_cell: Pose) -> Pose:
        return self._cell_in_base @ tcp_in_cell @ self._flange_in_tcp


@dataclass(frozen=True)
class _LookedAt:
    """What a camera looks at, seen from above in the cell frame, m: tool and wrist are to be out of this circle."""

    middle: Point
    radius_m: float

    def off_m(self, here: Point, toward: Point) -> float:
        """How far to go in a direction until the circle is left, m; 0 where it is not on the way."""
        dx, dy = here[0] - self.middle[0], here[1] - self.middle[1]
        along = dx * toward[0] + dy * toward[1]
        within = along * along - dx * dx - dy * dy + self.radius_m * self.radius_m
        return max(0.0, math.sqrt(within) - along) if within > 0.0 else 0.0


def _item_half_m(context: SkillContext) -> float:
    """Half of the largest size, seen from above, of the part that the goal is about, m; 0 where it names none."""
    item = context.goal.parameters.get("item")
    return max(half_extents(part_of(context, item)[1])) if item else 0.0


def _looked_at(context: SkillContext) -> tuple[_LookedAt, ...]:
    """What cameras may look at: the unit in the leased fixture, the part in the leased tester, the places of the feeder."""
    devices = context.line.cell_description.devices
    found = []
    for name in context.goal.lease.resources.values():
        spec = devices.get(name)
        if isinstance(spec, FixtureSpec):
            x, y, _ = spec.seat_in_cell.xyz_m
            product = context.line.making(context.goal.product).product_description
            found.append(_LookedAt((x, y), unit_half_m(product) + WRIST_M))
        elif isinstance(spec, FeederSpec) and spec.camera is not None:
            half_m = ((spec.columns - 1) * spec.pitch_m / 2, (spec.rows - 1) * spec.pitch_m / 2)
            x, y, _ = (spec.part_in_cell.pose @ Pose((*half_m, 0.0))).position
            found.append(_LookedAt((x, y), math.hypot(*half_m) + WRIST_M))
        elif isinstance(spec, TesterSpec):
            x, y, _ = spec.part_in_cell.xyz_m
            found.append(_LookedAt((x, y), _item_half_m(context) + WRIST_M))
    return tuple(found)
