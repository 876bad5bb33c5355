"""Print the unit's label and press it on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.line import Line
from microcell.description.product import Grasp
from microcell.devices.printer.contract import Printer
from microcell.faults import FaultError
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult, wider
from microcell.skills.guarded import overtravel_m, press_until_contact, tare
from microcell.skills.workplace import check_fixture, part_name_of, part_of, seat_in_cell, site_of

PRESS_FROM_M = 0.002


class LabelParameters(Description):
    """Which label goes where."""

    item: Name = Field(description="Item that is printed and pressed on.")
    site: Name = Field(description="Site where it goes.")
    press_n: float = Field(2.0, gt=0, le=100, description="Force that presses the label on.")
    press_speed_m_s: float = Field(0.01, gt=0, le=0.1, description="Speed of the motion that ends on contact.")
    speed_m_s: float = Field(0.08, gt=0, le=0.5, description="Speed of the last way to the printed label.")
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")


class Label(ArmSkill):
    """Label the unit with its serial, and with what its variant says of region, size or colour.

    Before: a cup is mounted and empty, the fixture's sensor sees the unit. During: the cup's pressure
    confirms that the label came off the plate and came along; contact is felt at the site. After: the cup
    is empty.
    """

    name = "label"
    family = "packaging"
    summary = "Prints a label with the unit's serial and presses it on."
    Parameters = LabelParameters
    faults = (
        *MOTION_FAULTS, "HAND_NOT_EMPTY", "FIXTURE_EMPTY", "LABEL_NOT_PRINTED", "VACUUM_NOT_SEALED",
        "GRIP_PART_LOST", "INSERT_NO_CONTACT",
    )  # fmt: skip

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm with the tool that the label's grasp names, the fixture and a printer."""
        part = part_name_of(line, variant, parameters["item"])
        grasp = line.product_description.parts[part].grasp
        return Needs.to_grasp(("arm", "fixture", "printer"), grasp)

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 8.0

    @classmethod
    def changed(cls, parameters: Mapping[str, Any], attempt: int) -> dict[str, Any]:
        """Slower, and pressed on harder."""
        return {**super().changed(parameters, attempt), **wider(LabelParameters, parameters, attempt, "press_n", 100.0, 1.2)}

    async def before(self, context: SkillContext) -> None:
        wanted = LabelParameters.model_validate(dict(context.goal.parameters))
        grasp = part_of(context, wanted.item)[1].grasp
        await self.take_arm(context, grasp.capability, wanted.speed_ratio)
        await self.hand.check_empty()
        await check_fixture(context, occupied=True)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = LabelParameters.model_validate(dict(context.goal.parameters))
        grasp = part_of(context, wanted.item)[1].grasp
        content = context.line.product_description.label_of(context.goal.unit, context.goal.variant)
        context.say("print", 0.1, f"printing {content}")
        printed = await context.device(context.leased("printer"), Printer).print_label(content)
        context.say("peel", 0.3, "taking the label off the plate")
        await self.fetch(part_of(context, wanted.item)[0], grasp, printed.label_in_cell, wanted.speed_m_s)
        await self.motion.lift()
        context.say("apply", 0.6, f"pressing it on {wanted.site}")
        await self._press_on(context, wanted, grasp)
        result = context.accomplish(SkillResult(Outcome.SUCCEEDED, f"labelled {printed.content}"))
        await self.hand.let_go(grasp)
        self.motion.carry("")
        await self.motion.leave()
        return result

    async def after(self, context: SkillContext, result: SkillResult) -> None:
        await self.hand.check_empty()

    async def standing(self, context: SkillContext) -> SkillResult | None:
        """Once it is noted that the label is on, it is let go; before, a new attempt prints another."""
        if not context.accomplished:
            return None
        await self.hand.let_go()
        return context.accomplished[-1]

    async def _press_on(self, context: SkillContext, wanted: LabelParameters, grasp: Grasp) -> None:
        site = site_of(context, wanted.site)
        on_site = seat_in_cell(context) @ site.part_in_unit.pose @ grasp.tcp_in_part.pose
        start = on_site.shifted(dz=PRESS_FROM_M)
        await self.motion.approach(start)
        await self.hand.check_holding(wanted.item)
        sensor = self.force_sensor(context)
        await tare(sensor)
        await self.motion.move_straight(start, wanted.speed_m_s)
        goal = on_site.shifted(dz=-overtravel_m(wanted.press_n))
        touch = await press_until_contact(self.motion, sensor, goal, wanted.press_speed_m_s, wanted.press_n)
        if touch is None:
            await self.motion.lift()
        await self.hand.check_holding(wanted.item)
        if touch is None:
            raise FaultError("INSERT_NO_CONTACT", self.motion.name, f"nothing at {wanted.site} to press the label on")


PLUGIN = Label
