"""Find out for certain what is on the flange after an interruption, and leave a pocket that the flange stands in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.description.base import Description
from microcell.devices.arm.contract import Arm
from microcell.faults import FaultError
from microcell.skills.contract import Outcome, SkillContext, SkillResult
from microcell.skills.mounted import arm_spec
from microcell.skills.tool_skill import TOOLING_FAULTS, ToolSkill


class SettleToolParameters(Description):
    """What may be on the flange by the journal, and how fast to leave."""

    expected: tuple[str, ...] = Field((), description='Serials that may be there, "" for none; empty: any will do.')
    last_step: str = Field("", description="The last step that the journal has, in words; it stands in the fault.")
    speed_ratio: float = Field(0.5, gt=0, le=1, description="Of the arm's joint speeds.")


class SettleTool(ToolSkill):
    """Make certain what is on the flange.

    Stops the arm, which may still follow what a killed program sent it. Then coupling, pockets and the flange's place
    must agree with each other and with the journal; otherwise it ends in a fault, and nothing has moved. A flange that
    stands in a pocket leaves it straight up: with the tool where the lock is closed, without where it is open.
    """

    name = "settle_tool"
    family = "tooling"
    summary = "Makes certain which tool is on the flange, and leaves a pocket straight up."
    Parameters = SettleToolParameters
    faults = TOOLING_FAULTS

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 2.0

    async def before(self, context: SkillContext) -> None:
        wanted = SettleToolParameters.model_validate(dict(context.goal.parameters))
        await context.device(context.leased("arm"), Arm).stop()
        await self.take_flange(context, wanted.speed_ratio)
        found = self.flange.serial
        if wanted.expected and found not in wanted.expected:
            allowed = " or ".join(serial or "no tool" for serial in wanted.expected)
            last = f" (last step: {wanted.last_step})" if wanted.last_step else ""
            detail = f"the coupling reads {found or 'no tool'}, by the journal it is {allowed}{last}"
            raise FaultError("TOOL_UNCERTAIN", arm_spec(context).tool_changer, detail)

    async def run(self, context: SkillContext) -> SkillResult:
        await self.leave_pocket()
        tool = f"{self.flange.tool} {self.flange.serial}" if self.flange.tool else "no tool"
        return SkillResult(Outcome.SUCCEEDED, f"{tool} is on the flange", tool_serial=self.flange.serial)


PLUGIN = SettleTool
