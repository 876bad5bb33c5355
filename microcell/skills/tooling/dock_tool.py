"""Put the mounted tool back into its pocket and leave the flange bare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.faults import FaultError
from microcell.skills.contract import Outcome, SkillContext, SkillResult
from microcell.skills.mounted import mounted_tool
from microcell.skills.tool_skill import TOOLING_FAULTS, Seating, ToolSkill


class DockToolParameters(Seating):
    """How to go into the pocket."""

    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")


class DockTool(ToolSkill):
    """Dock the mounted tool, in the micro-steps of change_tool.

    Before: what is on the flange is certain; the tool holds nothing; its pocket is free. After: no tool is coupled. With
    a bare flange nothing moves, unless it stands in a pocket.
    """

    name = "dock_tool"
    family = "tooling"
    summary = "Puts the mounted tool back into its pocket."
    Parameters = DockToolParameters
    faults = TOOLING_FAULTS

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 6.0

    async def before(self, context: SkillContext) -> None:
        wanted = DockToolParameters.model_validate(dict(context.goal.parameters))
        await self.take_flange(context, wanted.speed_ratio)
        if self.flange.tool:
            await self.check_dockable()

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = DockToolParameters.model_validate(dict(context.goal.parameters))
        await self.leave_pocket()
        docked = self.flange
        if docked.tool:
            await self.dock(wanted)
        told = f"{docked.tool} {docked.serial} is in its pocket" if docked.tool else "the flange was bare already"
        return SkillResult(Outcome.SUCCEEDED, told)

    async def after(self, context: SkillContext, result: SkillResult) -> None:
        """TOOL_NOT_LOCKED when the coupling still holds a tool."""
        if found := await mounted_tool(context):
            raise FaultError("TOOL_NOT_LOCKED", self.motion.name, f"'{found}' is still on the flange")


PLUGIN = DockTool
