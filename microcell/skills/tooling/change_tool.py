"""Put the mounted tool back into its pocket and fetch another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.description.base import Name
from microcell.faults import FaultError
from microcell.skills.contract import Outcome, SkillContext, SkillResult
from microcell.skills.mounted import mounted_tool
from microcell.skills.tool_skill import TOOLING_FAULTS, Seating, ToolSkill


class ChangeToolParameters(Seating):
    """Which tool is wanted, and how to couple."""

    tool: Name
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")


class ChangeTool(ToolSkill):
    """Change the tool. Each pocket belongs to one tool.

    Before: what is on the flange is certain; the mounted tool holds nothing; its pocket is free; the wanted tool stands
    in its own. During: each micro-step is recorded before it is done, and confirmed by the sensors of coupling and crib
    afterwards; on the way into a pocket the force stays under its limit (TOOL_BLOCKED, and up again). After: the coupling
    reads the wanted tool's serial. A flange that an interrupted change left in a pocket leaves it straight up first. When
    the wanted tool is already mounted, nothing else moves. Carried over the rack, a tool hangs higher than those that stand
    there.
    """

    name = "change_tool"
    family = "tooling"
    summary = "Docks the mounted tool and fetches another."
    Parameters = ChangeToolParameters
    faults = TOOLING_FAULTS

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 12.0

    async def before(self, context: SkillContext) -> None:
        wanted = ChangeToolParameters.model_validate(dict(context.goal.parameters))
        await self.take_flange(context, wanted.speed_ratio)
        if self.flange.tool == wanted.tool:
            return
        if self.flange.tool:
            await self.check_dockable()
        await self.check_ready(wanted.tool)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = ChangeToolParameters.model_validate(dict(context.goal.parameters))
        await self.leave_pocket()
        if self.flange.tool != wanted.tool:
            if self.flange.tool:
                await self.dock(wanted)
            await self.mount(wanted.tool, wanted)
        serial = self.flange.serial
        return SkillResult(Outcome.SUCCEEDED, f"{wanted.tool} {serial} is mounted", tool_serial=serial)

    async def after(self, context: SkillContext, result: SkillResult) -> None:
        """TOOL_WRONG when the coupling does not read the wanted tool."""
        wanted = ChangeToolParameters.model_validate(dict(context.goal.parameters))
        found = await mounted_tool(context)
        if found != wanted.tool:
            raise FaultError("TOOL_WRONG", self.motion.name, f"mounted is '{found}', wanted was '{wanted.tool}'")


PLUGIN = ChangeTool
