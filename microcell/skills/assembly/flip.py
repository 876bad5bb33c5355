"""Turn the unit over with its fixture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from microcell.description.base import Description
from microcell.description.line import Line
from microcell.devices.turner.contract import Turner
from microcell.faults import FaultError
from microcell.skills.contract import DEVICE_FAULTS, Needs, Outcome, Skill, SkillContext, SkillResult


class FlipParameters(Description):
    """Which side is to be up."""

    up: Literal["top", "bottom"] = Field(description="Side of the unit that is up afterwards.")


class Flip(Skill):
    """Turn the fixture with the unit that is clamped in it. Where that side is up already, nothing moves."""

    name = "flip"
    family = "assembly"
    summary = "Turns the unit over with its fixture."
    Parameters = FlipParameters
    repeatable = True
    faults = (*DEVICE_FAULTS, "SKILL_REFUSED", "TURNER_STUCK")

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The fixture and what turns it."""
        return Needs(("fixture", "turner"))

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 3.0

    async def run(self, context: SkillContext) -> SkillResult:
        up = FlipParameters.model_validate(dict(context.goal.parameters)).up
        name = context.leased("turner")
        context.say("turn", 0.2, f"bringing the {up} up")
        turned = await context.device(name, Turner).turn(up == "bottom")
        if turned != (up == "bottom"):
            raise FaultError("TURNER_STUCK", name, f"the {'bottom' if turned else 'top'} is still up")
        return SkillResult(Outcome.SUCCEEDED, f"the {up} is up")


PLUGIN = Flip
