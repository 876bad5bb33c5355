"""Draw the arm back from where it has worked, so that cameras see the work and not the arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.description.base import Description
from microcell.description.line import Line
from microcell.skills.arm_motion import ArmMotion
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult
from microcell.skills.mounted import check_believed


class StandBackParameters(Description):
    """How fast."""

    speed_ratio: float = Field(0.5, gt=0, le=1, description="Of the arm's joint speeds.")


class StandBack(ArmSkill):
    """End the work of an operation that was interrupted when all but the way back was done.

    The stations of that operation are leased. After: the arm is as high as it travels, and over none of them; one that is
    there already does not move.
    """

    name = "stand_back"
    family = "tooling"
    summary = "Draws the arm back from the station where an interrupted operation has left it."
    Parameters = StandBackParameters
    repeatable = True
    faults = MOTION_FAULTS

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm, with any tool or none."""
        return Needs(("arm",))

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 2.0

    async def before(self, context: SkillContext) -> None:
        await check_believed(context)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = StandBackParameters.model_validate(dict(context.goal.parameters))
        self.motion = await ArmMotion.of(context, wanted.speed_ratio)
        context.say("stand back", 0.2, f"{self.motion.name} leaves the cameras' view")
        await self.motion.stand_back()
        return SkillResult(Outcome.SUCCEEDED, f"{self.motion.name} stands back")


PLUGIN = StandBack
