"""Take a part from its feeder, or a unit from the fixture, into the hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NoReturn

from pydantic import Field, model_validator

from microcell.description.base import Description, Name
from microcell.description.line import Line
from microcell.description.product import Box, Grasp, Part
from microcell.devices.feeder.contract import Presented
from microcell.devices.fixture.contract import Fixture
from microcell.faults import FaultError
from microcell.geometry import Pose, from_rpy
from microcell.motion.carried import UNIT
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult
from microcell.skills.workplace import (
    FEEDER_FAULTS,
    check_fixture,
    feeder_kinds,
    note_taken,
    note_taken_unseen,
    part_name_of,
    part_of,
    present_part,
    seat_in_cell,
)

OTHER_SIDE_M = 0.003
"""Sides of a part that differ so much are told apart by fingers."""


class PickParameters(Description):
    """What to take, and how fast."""

    item: Name | None = Field(None, description="Item of the bill of materials; needed from a feeder.")
    source: Literal["feeder", "fixture"] = Field("feeder", description="A part from its feeder, or the unit.")
    speed_m_s: float = Field(0.1, gt=0, le=0.5, description="Speed of the last way to the part.")
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")
    other_grasp: int = Field(
        0, ge=0, le=100, description="Which of the part's turns (`same_turned_rad`) it is taken in; 0: as described."
    )

    @model_validator(mode="after")
    def _names_the_item(self) -> PickParameters:
        if self.source == "feeder" and self.item is None:
            raise ValueError("a pick from a feeder needs an item")
        return self


class Pick(ArmSkill):
    """Take a part or unit.

    Before: the mounted tool can grasp it and holds nothing; for a unit, the fixture's sensor sees one.
    During: the tool's sensor confirms the hold. After: it is still held, above the station. Where no camera sees how parts
    lie, a repetition whose fingers close on nothing tries once across: a part that lay turned by a quarter is thrown away.
    """

    name = "pick"
    family = "assembly"
    summary = "Takes a part from its feeder, or a unit from the fixture."
    Parameters = PickParameters
    faults = (
        *MOTION_FAULTS, *FEEDER_FAULTS, "HAND_NOT_EMPTY", "GRIP_NOTHING_HELD", "GRIP_WRONG_WIDTH",
        "GRIP_PART_LOST", "VACUUM_NOT_SEALED", "FASTEN_NO_SCREW", "FIXTURE_EMPTY",
    )  # fmt: skip

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm with a tool that can grasp it; the fixture, or a feeder with its camera."""
        wanted = PickParameters.model_validate(dict(parameters))
        product = line.product_description
        if wanted.source == "fixture" or wanted.item is None:
            return Needs.to_grasp(("arm", "fixture"), product.unit_grasp)
        part = part_name_of(line, variant, wanted.item)
        return Needs.to_grasp(("arm", *feeder_kinds(line, part)), product.parts[part].grasp, part)

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 4.0

    @classmethod
    def changed(cls, parameters: Mapping[str, Any], attempt: int) -> dict[str, Any]:
        """Slower, and turned where the part is the same so."""
        other = {} if parameters.get("source") == "fixture" else {"other_grasp": attempt}
        return {**super().changed(parameters, attempt), **other}

    async def before(self, context: SkillContext) -> None:
        wanted = PickParameters.model_validate(dict(context.goal.parameters))
        await self.take_arm(context, _grasp(context, wanted).capability, wanted.speed_ratio)
        await self.hand.check_empty()
        if wanted.source == "fixture":
            await check_fixture(context, occupied=True)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = PickParameters.model_validate(dict(context.goal.parameters))
        from_fixture = wanted.source == "fixture"
        what = await (self._from_fixture if from_fixture else self._from_feeder)(context, wanted)
        result = context.accomplish(SkillResult(Outcome.SUCCEEDED, f"the {self.hand.name} holds the {what}"))
        context.say("retract", 0.8, f"lifting the {what}")
        await self.motion.lift()
        return result

    async def after(self, context: SkillContext, result: SkillResult) -> None:
        """GRIP_PART_LOST when it slipped away on the way up."""
        await self.hand.check_holding("part after lifting")

    async def standing(self, context: SkillContext) -> SkillResult | None:
        """Done when the hand holds it, for it was empty before; a unit that is neither held nor in the fixture is lost."""
        wanted = PickParameters.model_validate(dict(context.goal.parameters))
        from_fixture = wanted.source == "fixture"
        if not await self.hand.holds():
            if from_fixture and not await context.device(context.leased("fixture"), Fixture).part_present():
                raise FaultError("GRIP_PART_LOST", self.hand.name, "the unit is neither in the hand nor in the fixture")
            return None
        if not from_fixture:
            note_taken_unseen(context)
        if context.noted.get("across"):
            self._refuse(context)
        await self.hand.take(_grasp(context, wanted))  # it holds already: this confirms that it is the right thing
        if from_fixture:
            await context.device(context.leased("fixture"), Fixture).release()
        what = "unit" if from_fixture else part_of(context, str(wanted.item))[0]
        return SkillResult(Outcome.SUCCEEDED, f"the {self.hand.name} holds the {what}")

    async def _from_feeder(self, context: SkillContext, wanted: PickParameters) -> str:
        name, part = part_of(context, str(wanted.item))
        if "camera" in context.goal.lease.resources:
            await self.motion.stand_back()  # an attempt before this one may have ended over the feeder
        presented, part_in_cell = await present_part(context, name)
        context.say("grasp", 0.3, f"fetching a {name} from {context.leased('feeder')}")
        turn_rad = await self._turn_rad(part, part_in_cell, wanted.other_grasp)
        try:
            await self.fetch(name, part.grasp, turned(part_in_cell, turn_rad), wanted.speed_m_s)
        except FaultError as error:
            blind = "camera" not in context.goal.lease.resources
            if blind and wanted.other_grasp and error.fault.code == "GRIP_NOTHING_HELD" and _can_lie_across(part):
                await self._take_across(context, presented, part_in_cell, wanted)
            raise
        note_taken(context, presented)
        return f"{name}, taken turned by {turn_rad:.2f} rad" if turn_rad else name

    async def _take_across(
        self, context: SkillContext, presented: Presented, part_in_cell: Pose, wanted: PickParameters
    ) -> None:
        """Take a part that lies turned by a quarter, as fingers that closed on nothing may have left it: GRIP_WRONG_WIDTH
        with it in the hand, to be thrown away. Nothing where there is none either.
        """
        name, part = part_of(context, str(wanted.item))
        grasp = part.grasp
        across = turned(part_in_cell, math.pi / 2)
        if not await self.motion.reaches(across @ grasp.tcp_in_part.pose):
            return
        context.say("grasp", 0.5, f"looking with the fingers for a {name} that lies across")
        context.remember(across=True)
        try:
            await self.fetch(name, grasp, across, wanted.speed_m_s)
        except FaultError as error:
            if error.fault.code == "GRIP_NOTHING_HELD":
                return
            raise
        note_taken(context, presented)
        await self.motion.lift()
        self._refuse(context)

    def _refuse(self, context: SkillContext) -> NoReturn:
        detail = f"it lay turned by a quarter in {context.leased('feeder')}, and is held across"
        raise FaultError("GRIP_WRONG_WIDTH", self.hand.name, detail)

    async def _turn_rad(self, part: Part, part_in_cell: Pose, number: int) -> float:
        """The turn of that number, or the next one that the arm reaches; 0 for none."""
        turns = part.same_turned_rad if number else ()
        for k in range(len(turns)):
            turn_rad = turns[(number - 1 + k) % len(turns)]
            if await self.motion.reaches(turned(part_in_cell, turn_rad) @ part.grasp.tcp_in_part.pose):
                return turn_rad
        return 0.0

    async def _from_fixture(self, context: SkillContext, wanted: PickParameters) -> str:
        fixture = context.leased("fixture")
        context.say("grasp", 0.3, f"fetching the unit from {fixture}")
        await self.fetch(UNIT, _grasp(context, wanted), seat_in_cell(context), wanted.speed_m_s)
        await context.device(fixture, Fixture).release()
        return "unit"


def _can_lie_across(part: Part) -> bool:
    """Whether fingers that are to take a part would close on nothing where it lies turned by a quarter."""
    shape = part.shape
    return part.grasp.width_m > 0.0 and isinstance(shape, Box) and abs(shape.length_m - shape.width_m) > OTHER_SIDE_M


def turned(pose: Pose, turn_rad: float) -> Pose:
    """A pose turned about its own z axis."""
    return pose @ Pose((0.0, 0.0, 0.0), from_rpy(0.0, 0.0, turn_rad))


def _grasp(context: SkillContext, wanted: PickParameters) -> Grasp:
    if wanted.source == "fixture" or wanted.item is None:
        return context.line.product_description.unit_grasp
    return part_of(context, wanted.item)[1].grasp


PLUGIN = Pick
