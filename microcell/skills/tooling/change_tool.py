"""Put the mounted tool back into its pocket and fetch another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.cell import Pocket, ToolCribSpec
from microcell.description.line import Line
from microcell.devices.tool_changer.contract import ToolChanger
from microcell.devices.tool_crib.contract import ToolCrib
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.skills.arm_motion import ArmMotion
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult
from microcell.skills.hand import hand_of
from microcell.skills.mounted import mounted_tool, tool_changer
from microcell.skills.workplace import spec_of


class ChangeToolParameters(Description):
    """Which tool is wanted, and how fast to couple."""

    tool: Name
    speed_m_s: float = Field(0.05, gt=0, le=0.2, description="Speed of the last way into the coupling.")
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")


class ChangeTool(ArmSkill):
    """Change the tool. Each pocket belongs to one tool.

    Before: the mounted tool holds nothing; its pocket is free; the wanted tool stands in its own. During:
    the lock's sensors confirm each step. After: the coupling reads the wanted tool's serial. When the
    wanted tool is already mounted, nothing moves. Carried over the rack, a tool hangs higher than those
    that stand there.
    """

    name = "change_tool"
    family = "tooling"
    summary = "Docks the mounted tool and fetches another."
    Parameters = ChangeToolParameters
    faults = (
        *MOTION_FAULTS, "HAND_NOT_EMPTY", "TOOL_MISSING", "TOOL_POCKET_OCCUPIED", "TOOL_NOT_LOCKED",
    )  # fmt: skip

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm and its tool crib."""
        return Needs(("arm", "tool_crib"))

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 12.0

    async def before(self, context: SkillContext) -> None:
        wanted = ChangeToolParameters.model_validate(dict(context.goal.parameters))
        self.mounted = await mounted_tool(context)
        self.motion = ArmMotion(context, self.mounted, wanted.speed_ratio)
        if self.mounted == wanted.tool:
            return
        if self.mounted:
            await hand_of(context, self.mounted).check_empty()
            await self._check_free(context)
        await self._check_ready(context, wanted.tool)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = ChangeToolParameters.model_validate(dict(context.goal.parameters))
        changer = tool_changer(context)
        if self.mounted != wanted.tool:
            if self.mounted:
                await self._dock(context, changer, wanted)
            await self._fetch(context, changer, wanted)
        serial = (await changer.coupling()).tool_serial
        return SkillResult(Outcome.SUCCEEDED, f"{wanted.tool} {serial} is mounted", tool_serial=serial)

    async def after(self, context: SkillContext, result: SkillResult) -> None:
        """TOOL_WRONG when the coupling reads another serial than the pocket did."""
        wanted = ChangeToolParameters.model_validate(dict(context.goal.parameters))
        found = await mounted_tool(context)
        if found != wanted.tool:
            raise FaultError(
                "TOOL_WRONG", self.motion.name, f"mounted is '{found}', wanted was '{wanted.tool}'"
            )

    async def _check_free(self, context: SkillContext) -> None:
        """TOOL_POCKET_OCCUPIED when something stands in the mounted tool's pocket."""
        index, _ = _pocket_of(context, self.mounted)
        serial = await _read_pocket(context, index)
        if serial:
            crib = context.leased("tool_crib")
            raise FaultError(
                "TOOL_POCKET_OCCUPIED", crib, f"pocket {index + 1} of {self.mounted} holds {serial}"
            )

    async def _check_ready(self, context: SkillContext, tool: str) -> None:
        """TOOL_MISSING, TOOL_WRONG when the wanted tool's pocket does not hold it."""
        index, pocket = _pocket_of(context, tool)
        serial, crib = await _read_pocket(context, index), context.leased("tool_crib")
        if not serial:
            raise FaultError("TOOL_MISSING", crib, f"pocket {index + 1} of {tool}")
        if serial != pocket.serial:
            detail = f"pocket {index + 1} holds {serial}, expected is {tool} {pocket.serial}"
            raise FaultError("TOOL_WRONG", crib, detail)

    async def _dock(self, context: SkillContext, changer: ToolChanger, wanted: ChangeToolParameters) -> None:
        """Lower the mounted tool into its pocket, unlock, and rise without it."""
        _, pocket = _pocket_of(context, self.mounted)
        context.say("dock", 0.1, f"bringing {self.mounted} to its pocket")
        await self._approach(pocket, wanted)
        context.say("unlock", 0.4, f"unlocking {self.mounted}")
        if (await changer.unlock()).locked:
            raise FaultError("TOOL_NOT_LOCKED", self.motion.name, "the lock did not open")
        self.motion = ArmMotion(context, "", wanted.speed_ratio)
        await self.motion.lift(pocket.flange_in_cell.pose.position[2] + self.motion.spec.approach_m)
        left = (await changer.coupling()).tool_serial
        if left:
            raise FaultError("TOOL_NOT_LOCKED", self.motion.name, f"{left} came along though unlocked")

    async def _fetch(self, context: SkillContext, changer: ToolChanger, wanted: ChangeToolParameters) -> None:
        """Lower the bare flange onto the wanted tool, lock, and rise with it."""
        _, pocket = _pocket_of(context, wanted.tool)
        context.say("fetch", 0.5, f"moving to the pocket of {wanted.tool}")
        if (await changer.coupling()).locked:
            await changer.unlock()
        await self._approach(pocket, wanted)
        context.say("lock", 0.8, f"locking {wanted.tool}")
        coupling = await changer.lock()
        if not coupling.locked or not coupling.tool_serial:
            raise FaultError("TOOL_NOT_LOCKED", self.motion.name, f"on {wanted.tool}")
        self.motion = ArmMotion(context, wanted.tool, wanted.speed_ratio)
        await self.motion.lift(self._height_over(pocket))

    async def _approach(self, pocket: Pocket, wanted: ChangeToolParameters) -> None:
        """Over the pocket, high enough for what the flange carries, and down until the flange is in place."""
        goal = pocket.flange_in_cell.pose @ Pose((0.0, 0.0, self.motion.tcp_length_m))
        await self.motion.approach(goal, self._height_over(pocket))
        await self.motion.move_straight(goal, wanted.speed_m_s)

    def _height_over(self, pocket: Pocket) -> float:
        """Height of the TCP at which nothing that stands in the rack is touched, m."""
        flange_m = pocket.flange_in_cell.pose.position[2] + self.motion.spec.approach_m
        return max(flange_m, self.motion.spec.travel_height_m)


def _pocket_of(context: SkillContext, tool: str) -> tuple[int, Pocket]:
    """Number (from 0) and description of the pocket that belongs to a tool; TOOL_MISSING when none does."""
    crib = context.leased("tool_crib")
    for index, pocket in enumerate(spec_of(context, crib, ToolCribSpec).pockets):
        if pocket.tool == tool:
            return index, pocket
    raise FaultError("TOOL_MISSING", crib, f"no pocket belongs to {tool}")


async def _read_pocket(context: SkillContext, index: int) -> str:
    crib = context.device(context.leased("tool_crib"), ToolCrib)
    return (await crib.pockets())[index]


PLUGIN = ChangeTool
