"""Base of the skills that only move an arm out of the way, with any tool or none and whatever it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.description.base import Description
from microcell.description.line import Line
from microcell.skills.arm_motion import ArmMotion
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, SkillContext
from microcell.skills.mounted import check_believed


class AsideParameters(Description):
    """How fast."""

    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds.")


class AsideSkill(ArmSkill):
    """Before: the tool on the flange is the one that the orchestrator believes in."""

    family = "tooling"
    Parameters = AsideParameters
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

    async def take_any(self, context: SkillContext) -> None:
        """Set `motion` for what is mounted."""
        wanted = AsideParameters.model_validate(dict(context.goal.parameters))
        self.motion = await ArmMotion.of(context, wanted.speed_ratio)
