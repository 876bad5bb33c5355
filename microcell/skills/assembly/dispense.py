"""Lay adhesive along a path of the unit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.line import Line
from microcell.description.tool import DispenserTool
from microcell.devices.dispenser.contract import Dispensed, Dispenser
from microcell.faults import FaultError
from microcell.geometry import Pose, distance
from microcell.measurement import Measurement
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult
from microcell.skills.workplace import check_fixture, part_name_of, part_of, seat_in_cell, site_of

FASTEST_M_S = 0.3
AT_ITS_END_M = 0.001
"""So near to the last corner the nozzle has gone the whole way."""


class DispenseParameters(Description):
    """What is dispensed where, and how much."""

    item: Name = Field(description="Item that is laid: its part has the path.")
    site: Name = Field(description="Site where it goes.")
    mass_kg: float = Field(gt=0, le=1, description="What is to lie on the whole path.")
    mass_window_ratio: float = Field(0.25, gt=0, lt=1, description="Permitted deviation.")
    speed_m_s: float = Field(0.08, gt=0, le=0.5, description="Speed of the last way down.")
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")


class Dispense(ArmSkill):
    """Dispense along the path of the item (`path_m`).

    Before: a dispenser is mounted and its cartridge has enough for the whole path; the fixture's sensor sees the unit.
    During: the nozzle goes along the whole path in one go, no faster than the pump can follow; the pump gives so much for
    each metre, whenever the arm starts and however fast it is. After: the meter confirms the mass.
    Measures `<operation>.mass`. A bead is laid once: one that was broken off ends in DISPENSE_BROKEN_OFF, unless the nozzle
    stands at the end of its path and the meter tells the whole mass.
    """

    name = "dispense"
    family = "assembly"
    summary = "Lays adhesive along a path of the unit."
    Parameters = DispenseParameters
    once_only = True
    faults = (
        *MOTION_FAULTS,
        "FIXTURE_EMPTY",
        "DISPENSER_EMPTY",
        "DISPENSE_OFF_LIMITS",
        "DISPENSE_BROKEN_OFF",
        "OUTCOME_UNKNOWN",
    )

    left_kg: float

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm with a dispenser, and the fixture."""
        part = part_name_of(line, variant, parameters["item"])
        return Needs.to_grasp(("arm", "fixture"), line.product_description.parts[part].grasp)

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 12.0

    async def before(self, context: SkillContext) -> None:
        wanted = DispenseParameters.model_validate(dict(context.goal.parameters))
        part = part_of(context, wanted.item)[1]
        if len(part.path_m) < 2:
            raise FaultError("SKILL_REFUSED", "dispense", f"the item '{wanted.item}' has no path")
        await self.take_arm(context, part.grasp.capability, wanted.speed_ratio)
        await check_fixture(context, occupied=True)
        self.left_kg = (await self._dispenser(context).dispensed()).left_kg
        if self.left_kg < wanted.mass_kg:
            detail = f"{self.left_kg * 1e3:.2f} g are left, {wanted.mass_kg * 1e3:.2f} g are needed"
            raise FaultError("DISPENSER_EMPTY", self.hand.name, detail)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = DispenseParameters.model_validate(dict(context.goal.parameters))
        part, way = part_of(context, wanted.item)[1], _way(context, wanted)
        await self.motion.approach(way[0])
        await self.motion.move_straight(way[0], wanted.speed_m_s)
        rate_kg_m = wanted.mass_kg / sum(math.dist(a, b) for a, b in pairwise(part.path_m))
        dispensed = await self._lay(context, way[1:], rate_kg_m)
        result = self._judged(context, wanted, dispensed)
        context.accomplish(result)
        await self.motion.leave()
        return result

    async def reconcile(self, context: SkillContext) -> SkillResult | None:
        """Not done while nothing has come out. Of a bead that was begun, nozzle and meter tell whether it is whole."""
        if context.accomplished:
            return context.accomplished[-1]
        if "left_kg" not in context.noted:
            return None
        try:
            await self.take_arm(context, None)
            return await self._begun(context)
        except FaultError as error:
            if error.fault.code in ("DISPENSE_BROKEN_OFF", "DISPENSE_OFF_LIMITS"):
                raise
            detail = f"a bead was begun, and cannot be looked at: {error}"
            raise FaultError("OUTCOME_UNKNOWN", context.goal.skill, detail) from error

    async def _begun(self, context: SkillContext) -> SkillResult | None:
        """The result of a bead that was begun; DISPENSE_BROKEN_OFF where it is not whole, None where nothing came out."""
        wanted = DispenseParameters.model_validate(dict(context.goal.parameters))
        had_kg, left_kg = context.noted["left_kg"], (await self._dispenser(context).dispensed()).left_kg
        if left_kg == had_kg:
            return None
        if distance(await self.motion.tcp_in_cell(), _way(context, wanted)[-1]) > AT_ITS_END_M:
            detail = f"broken off on {wanted.site}: of {had_kg * 1e3:.3f} g {left_kg * 1e3:.3f} g are left"
            raise FaultError("DISPENSE_BROKEN_OFF", self.hand.name, detail)
        return self._judged(context, wanted, Dispensed(had_kg - left_kg, left_kg))

    async def _lay(self, context: SkillContext, way: list[Pose], rate_kg_m: float) -> Dispensed:
        """Go along the way in one go with an open valve, which is closed whatever happens."""
        dispenser = self._dispenser(context)
        context.say("dispense", 0.3, f"{len(way) + 1} corners")
        context.remember(left_kg=self.left_kg)
        await dispenser.open(rate_kg_m)
        try:
            await self.motion.move_along(way, self._speed_m_s(rate_kg_m))
        finally:
            dispensed = await dispenser.close()
        return dispensed

    def _judged(self, context: SkillContext, wanted: DispenseParameters, dispensed: Dispensed) -> SkillResult:
        low, high = (wanted.mass_kg * (1.0 + sign * wanted.mass_window_ratio) for sign in (-1.0, 1.0))
        told = f"{dispensed.mass_kg * 1e3:.3f} g on {wanted.site}"
        if not low <= dispensed.mass_kg <= high:
            detail = f"{told}, permitted are {low * 1e3:.3f} to {high * 1e3:.3f} g"
            raise FaultError("DISPENSE_OFF_LIMITS", self.hand.name, detail)
        name = f"{context.goal.operation}.mass"
        measured = Measurement(name, dispensed.mass_kg, "kg", low, high, source=self.hand.name)
        return SkillResult(Outcome.SUCCEEDED, told, measurements=(measured,))

    def _speed_m_s(self, rate_kg_m: float) -> float:
        """Speed at which the tool's pump keeps up."""
        tool = self.motion.tool
        flow_kg_s = tool.flow_kg_s if isinstance(tool, DispenserTool) else 0.0
        return min(FASTEST_M_S, flow_kg_s / rate_kg_m)

    def _dispenser(self, context: SkillContext) -> Dispenser:
        return context.device(self.hand.name, Dispenser)


def _way(context: SkillContext, wanted: DispenseParameters) -> list[Pose]:
    """Poses of the TCP in the cell at the corners of the path."""
    part, site = part_of(context, wanted.item)[1], site_of(context, wanted.site)
    frame = seat_in_cell(context) @ site.part_in_unit.pose
    return [frame @ Pose((x, y, 0.0)) @ part.grasp.tcp_in_part.pose for x, y in part.path_m]


PLUGIN = Dispense
