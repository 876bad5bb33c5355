"""Base of the skills that take tools from a crib and put them back, each micro-step recorded before it is done."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.description.base import Description
from microcell.description.cell import ForceSensorSpec, Pocket, ToolCribSpec
from microcell.description.line import Line
from microcell.devices.tool_changer.contract import Coupling
from microcell.devices.tool_crib.contract import ToolCrib
from microcell.faults import FaultError
from microcell.geometry import Pose, angle_between, distance
from microcell.skills.arm_motion import ArmMotion
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, SkillContext, Step
from microcell.skills.flange import Evidence, Flange, Place, judge, place_text, tools_by_serial
from microcell.skills.guarded import Guard, press_until_contact, tare
from microcell.skills.hand import hand_of
from microcell.skills.mounted import arm_spec, tool_changer
from microcell.skills.workplace import spec_of

TOOLING_FAULTS = (
    *(code for code in MOTION_FAULTS if code != "TOOL_UNSUITABLE"),  # any tool can be changed
    "HAND_NOT_EMPTY", "TOOL_MISSING", "TOOL_POCKET_OCCUPIED", "TOOL_BLOCKED", "TOOL_NOT_LOCKED", "JOURNAL_UNWRITABLE",
)  # fmt: skip
"""What any of these skills can end in."""

SEATED_M, SEATED_RAD = 0.002, 0.03
"""So near to a pocket's pose the flange is coupled there, or could be."""
OVER_POCKET_M = 0.06
"""So far to the side of a pocket's axis the flange is in its column, where it moves straight up and down only."""
GENTLY_M, GENTLY_M_S = 0.01, 0.03
"""The first way out of a pocket, and its speed."""
STOP_RATIO = 1 / 3
"""Of the force limit: force at which the way into a pocket ends; the rest is for what comes until the arm stands."""
_HIGH_ENOUGH_M = 1e-4


class Seating(Description):
    """How the last way into a pocket is gone."""

    speed_m_s: float = Field(0.05, gt=0, le=0.2, description="Greatest speed of the last way into the pocket.")
    force_limit_n: float = Field(60.0, gt=0, le=500, description="More than this is never pressed on that way.")
    stiffness_n_m: float = Field(
        20_000.0, gt=100, le=1e7, description="How stiffly arm, coupling and rack meet, in N/m: with it, force grows."
    )


class ToolSkill(ArmSkill):
    """A skill that works at a tool crib. `take_flange` comes first: it finds out what is certain, or ends in a fault.

    A new attempt finds out again what is on the flange, and takes up what an interrupted one left.

    `flange` is what is on the flange. It, and `motion` with TCP and load, change together in the step that changes the
    tool (`_carry`).
    """

    flange: Flange
    repeatable = True

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm and its tool crib."""
        return Needs(("arm", "tool_crib"))

    async def take_flange(self, context: SkillContext, speed_ratio: float = 1.0) -> None:
        """Find out for certain what is on the flange; faults of `judge`."""
        self._context, self._speed_ratio = context, speed_ratio
        self._changer = tool_changer(context)
        self._changer_name = arm_spec(context).tool_changer
        bare = ArmMotion(context, "", speed_ratio)
        flange_in_cell = await bare.tcp_in_cell()
        evidence = Evidence(
            self._changer_name,
            await self._changer.coupling(),
            await read_pockets(context),
            _seated_in(context, flange_in_cell),
            context.goal.lease.mounted,
        )
        self._carry(judge(context.line, evidence))

    async def leave_pocket(self) -> None:
        """Where the flange stands in a pocket, or low over one: straight up, before anything else."""
        place = await self._column()
        if place is None:
            return
        await self._record("leave", place)
        self._say("leave", 0.05, f"leaving {place_text(place)} straight up")
        await self._rise(place)

    async def check_dockable(self) -> None:
        """HAND_NOT_EMPTY, TOOL_POCKET_OCCUPIED when the mounted tool cannot be put away."""
        await hand_of(self._context, self.flange.tool).check_empty()
        await self._check_pocket(self._own_pocket(), "")

    async def check_ready(self, tool: str) -> None:
        """TOOL_MISSING, TOOL_WRONG when the tool's pocket does not hold it; ARM_OVERLOADED when the arm cannot carry it."""
        ArmMotion(self._context, tool if tool in self._context.line.tools else "").check_can_carry("")
        await self._check_pocket(_pocket_of(self._context, tool), _pocket(self._context, tool).serial)

    async def dock(self, seating: Seating) -> None:
        """Lower the mounted tool into its pocket, unlock, and rise without it."""
        place, tool = self._own_pocket(), self.flange.tool
        self._say("dock", 0.1, f"bringing {tool} to its pocket")
        await self._record("dock.approach", place)
        await self._over(place)
        await self._record("dock.verify", place)
        await self._check_coupling(True)
        await self._check_pocket(place, "")
        await self._record("dock.align", place)
        await self._down(place, seating)
        self._say("unlock", 0.4, f"unlocking {tool}")
        await self._record("dock.unlock", place)
        coupling = await self._changer.unlock()
        await self._record("dock.confirm", place)
        await self._check_let_go(place, coupling)
        await self._record("dock.retract", place)
        self._carry(Flange("", "", place))
        await self._rise(place)
        if left := (await self._changer.coupling()).tool_serial:
            raise FaultError("TOOL_NOT_LOCKED", self._changer_name, f"{left} came along though unlocked")

    async def mount(self, tool: str, seating: Seating) -> None:
        """Lower the bare flange onto a tool, lock, and rise with it."""
        place, pocket = _pocket_of(self._context, tool), _pocket(self._context, tool)
        wanted = Flange(tool, pocket.serial, place)
        self._say("fetch", 0.5, f"moving to the pocket of {tool}")
        await self._record("fetch.approach", place, wanted)
        if (await self._changer.coupling()).locked:  # on nothing, as `judge` made sure
            await self._changer.unlock()
        await self._over(place)
        await self._record("fetch.verify", place, wanted)
        await self._check_coupling(False)
        await self._check_pocket(place, pocket.serial)
        await self._record("fetch.align", place, wanted)
        await self._down(place, seating)
        self._say("lock", 0.8, f"locking {tool}")
        await self._record("fetch.lock", place, wanted)
        coupling = await self._changer.lock()
        await self._record("fetch.confirm", place, wanted)
        self._check_coupled(wanted, coupling)
        await self._record("fetch.retract", place, wanted)
        self._carry(wanted)
        await self._rise(place)
        if serial := (await read_pockets(self._context))[place]:
            detail = f"{pocket.serial} is on the flange, yet {place_text(place)} reads {serial}"
            raise FaultError("TOOL_UNCERTAIN", self._changer_name, detail)

    # inside

    def _carry(self, flange: Flange) -> None:
        """From now on this is on the flange: TCP, load and motions change with it."""
        self.flange = flange
        self.motion = ArmMotion(self._context, flange.tool, self._speed_ratio)

    async def _record(self, step: str, place: Place, wanted: Flange | None = None) -> None:
        flange = wanted or self.flange
        await self._context.checkpoint(Step(step, flange.tool, flange.serial, place[0], place[1] + 1))

    def _own_pocket(self) -> Place:
        return tools_by_serial(self._context.line)[self.flange.serial][1]

    async def _check_pocket(self, place: Place, serial: str) -> None:
        """The pocket holds exactly this serial ("" = nothing): TOOL_POCKET_OCCUPIED, TOOL_MISSING, TOOL_WRONG."""
        found, tool = (await read_pockets(self._context))[place], _spec(self._context, place).tool
        if found == serial or (self.flange.serial and found == self.flange.serial and self.flange.seated == place):
            return
        crib, number = place
        if not serial:
            raise FaultError("TOOL_POCKET_OCCUPIED", crib, f"pocket {number + 1} of {tool} holds {found}")
        if not found:
            raise FaultError("TOOL_MISSING", crib, f"pocket {number + 1} of {tool}")
        raise FaultError("TOOL_WRONG", crib, f"pocket {number + 1} holds {found}, expected is {tool} {serial}")

    async def _check_coupling(self, locked: bool) -> None:
        """TOOL_UNCERTAIN when the coupling does not say what is believed of it."""
        coupling = await self._changer.coupling()
        if (coupling.locked, coupling.tool_serial) != (locked, self.flange.serial):
            lock = "closed" if coupling.locked else "open"
            detail = (
                f"the lock is {lock} and reads {coupling.tool_serial or 'no tool'}, "
                f"on the flange should be {self.flange.serial or 'no tool'}"
            )
            raise FaultError("TOOL_UNCERTAIN", self._changer_name, detail)

    async def _check_let_go(self, place: Place, coupling: Coupling) -> None:
        if coupling.locked:
            raise FaultError("TOOL_NOT_LOCKED", self._changer_name, "the lock did not open")
        found = (await read_pockets(self._context))[place]
        if found != self.flange.serial:
            detail = f"{self.flange.serial} was let go, yet {place_text(place)} reads {found or 'no tool'}"
            raise FaultError("TOOL_UNCERTAIN", self._changer_name, detail)

    def _check_coupled(self, wanted: Flange, coupling: Coupling) -> None:
        if not coupling.locked or not coupling.tool_serial:
            raise FaultError("TOOL_NOT_LOCKED", self._changer_name, f"on {wanted.tool}")
        if coupling.tool_serial != wanted.serial:
            detail = f"the coupling reads {coupling.tool_serial}, the pocket read {wanted.serial}"
            raise FaultError("TOOL_WRONG", self._changer_name, detail)

    async def _over(self, place: Place) -> None:
        """Over a pocket, high enough for what the flange carries, and down to just above it."""
        await self.motion.approach(self._coupled_in(place), self._height_over(place))

    async def _down(self, place: Place, seating: Seating) -> None:
        """Straight down until the flange is in place; TOOL_BLOCKED, and up again, when it meets something."""
        sensor = self.force_sensor(self._context)
        await tare(sensor)
        feels = spec_of(self._context, self.motion.spec.force_sensor, ForceSensorSpec)
        guard = Guard(seating.force_limit_n, seating.stiffness_n_m, feels.reaction_s, feels.noise_n)
        stop_n = STOP_RATIO * guard.allowed_n
        speed_m_s = guard.speed_m_s(seating.speed_m_s, stop_n)
        touch = await press_until_contact(self.motion, sensor, self._coupled_in(place), speed_m_s, stop_n)
        if touch is not None:
            above_mm = (touch.tcp_in_cell.position[2] - self._coupled_in(place).position[2]) * 1e3
            await self._rise(place, gently=True)
            what = f"{self.flange.tool} {self.flange.serial}" if self.flange.tool else "the bare flange"
            detail = f"{what} met {touch.force_n:.0f} N, {above_mm:.1f} mm over its place in {place_text(place)}"
            raise FaultError("TOOL_BLOCKED", place[0], detail)

    async def _rise(self, place: Place, gently: bool = False) -> None:
        """Straight up out of a pocket, slowly as long as coupling, tool and fork may still catch on each other."""
        if gently or self.flange.seated is not None:
            present = await self.motion.tcp_in_cell()
            await self.motion.move_straight(present.shifted(dz=GENTLY_M), GENTLY_M_S)
        await self.motion.lift(self._height_over(place))
        self.flange = Flange(self.flange.tool, self.flange.serial, None)

    def _coupled_in(self, place: Place) -> Pose:
        """Pose of the TCP when the flange is coupled in a pocket."""
        return _spec(self._context, place).flange_in_cell.pose @ Pose((0.0, 0.0, self.motion.tcp_length_m))

    def _height_over(self, place: Place) -> float:
        """Height of the TCP at which nothing that stands in the rack is touched, m."""
        flange_m = _spec(self._context, place).flange_in_cell.pose.position[2] + self.motion.spec.approach_m
        return max(flange_m, self.motion.spec.travel_height_m)

    async def _column(self) -> Place | None:
        """The pocket over which the flange is, too low to move sideways."""
        if self.flange.seated is not None:
            return self.flange.seated
        x, y, z = (await self.motion.tcp_in_cell()).position
        for place, pocket in _pockets(self._context).items():
            px, py, _ = pocket.flange_in_cell.pose.position
            if math.hypot(x - px, y - py) <= OVER_POCKET_M and z < self._height_over(place) - _HIGH_ENOUGH_M:
                return place
        return None

    def _say(self, phase: str, progress: float, message: str) -> None:
        self._context.say(phase, progress, message)


async def read_pockets(context: SkillContext) -> dict[Place, str]:
    """Serial that stands in each pocket of the cell, "" for none."""
    found = {}
    for crib in context.line.cell_description.of_kind("tool_crib"):
        for number, serial in enumerate(await context.device(crib, ToolCrib).pockets()):
            found[crib, number] = serial
    return found


def _pockets(context: SkillContext) -> dict[Place, Pocket]:
    cribs = context.line.cell_description.of_kind("tool_crib")
    return {(crib, number): pocket for crib, spec in cribs.items() for number, pocket in enumerate(spec.pockets)}


def _spec(context: SkillContext, place: Place) -> Pocket:
    return spec_of(context, place[0], ToolCribSpec).pockets[place[1]]


def _pocket_of(context: SkillContext, tool: str) -> Place:
    """The pocket that belongs to a tool; TOOL_MISSING when none does."""
    for place, pocket in _pockets(context).items():
        if pocket.tool == tool:
            return place
    raise FaultError("TOOL_MISSING", context.leased("tool_crib"), f"no pocket belongs to {tool}")


def _pocket(context: SkillContext, tool: str) -> Pocket:
    return _pockets(context)[_pocket_of(context, tool)]


def _seated_in(context: SkillContext, flange_in_cell: Pose) -> Place | None:
    for place, pocket in _pockets(context).items():
        pose = pocket.flange_in_cell.pose
        if distance(flange_in_cell, pose) <= SEATED_M and angle_between(flange_in_cell, pose) <= SEATED_RAD:
            return place
    return None
