"""Draw the arm back from where it has worked, so that cameras see the work and not the arm."""

from __future__ import annotations

from microcell.skills.aside import AsideSkill
from microcell.skills.contract import Outcome, SkillContext, SkillResult


class StandBack(AsideSkill):
    """End the work of an operation that was interrupted when all but the way back was done.

    The stations of that operation are leased. After: the arm is as high as it travels, and over none of them; one that is
    there already does not move.
    """

    name = "stand_back"
    summary = "Draws the arm back from the station where an interrupted operation has left it."

    async def run(self, context: SkillContext) -> SkillResult:
        await self.take_any(context)
        context.say("stand back", 0.2, f"{self.motion.name} leaves the cameras' view")
        await self.motion.stand_back()
        return SkillResult(Outcome.SUCCEEDED, f"{self.motion.name} stands back")


PLUGIN = StandBack
