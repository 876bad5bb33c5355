"""Draw the arm back to where it is in nobody's way."""

from __future__ import annotations

from microcell.skills.aside import AsideSkill
from microcell.skills.contract import Outcome, SkillContext, SkillResult


class Park(AsideSkill):
    """Park the arm.

    It goes up to travel height and straight back to its turning circle, with whatever it holds; one that is there already
    does not move. After: the TCP is within the turning radius, so that the arm is in no zone.
    """

    name = "park"
    summary = "Draws the arm back to its turning circle, out of every zone."

    async def run(self, context: SkillContext) -> SkillResult:
        await self.take_any(context)
        context.say("withdraw", 0.2, f"{self.motion.name} leaves the zones")
        await self.motion.withdraw()
        return SkillResult(Outcome.SUCCEEDED, f"{self.motion.name} is parked")


PLUGIN = Park
