"""Draw the arm back to where it is in nobody's way."""

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


class ParkParameters(Description):
    """How fast."""

    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds.")


class Park(ArmSkill):
    """Park the arm.

    It goes up to travel height and straight back to its turning circle, with whatever it holds; one that is there already
    does not move. After: the TCP is within the turning radius, so that the arm is in no zone.
    """

    name = "park"
    family = "tooling"
    summary = "Draws the arm back to its turning circle, out of every zone."
    Parameters = ParkParameters
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
        wanted = ParkParameters.model_validate(dict(context.goal.parameters))
        self.motion = await ArmMotion.of(context, wanted.speed_ratio)
        context.say("withdraw", 0.2, f"{self.motion.name} leaves the zones")
        await self.motion.withdraw()
        return SkillResult(Outcome.SUCCEEDED, f"{self.motion.name} is parked")


PLUGIN = Park
