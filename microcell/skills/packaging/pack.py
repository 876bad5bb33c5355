"""Put the held unit into the next free place of the carton."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.description.base import Description
from microcell.description.cell import CartonStationSpec
from microcell.description.line import Line
from microcell.devices.carton_station.contract import Carton, CartonStation
from microcell.faults import FaultError
from microcell.motion.carried import UNIT
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult
from microcell.skills.workplace import spec_of

DROP_CLEARANCE_M = 0.0005


class PackParameters(Description):
    """How fast."""

    speed_m_s: float = Field(0.08, gt=0, le=0.5, description="Speed of the last way down.")
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")


class Pack(ArmSkill):
    """Pack the unit.

    Before: the hand holds it. A full carton is exchanged first. After: the hand is empty and the station
    counts one more; the result tells the carton.
    """

    name = "pack"
    family = "packaging"
    summary = "Puts the held unit into the carton."
    Parameters = PackParameters
    faults = (*MOTION_FAULTS, "GRIP_PART_LOST", "HAND_NOT_EMPTY", "CARTON_MISSING", "CARTON_FULL")

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm with the tool that holds the unit, and a carton station."""
        return Needs.to_grasp(("arm", "carton_station"), line.product_description.unit_grasp)

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 5.0

    async def before(self, context: SkillContext) -> None:
        wanted = PackParameters.model_validate(dict(context.goal.parameters))
        grasp = context.line.product_description.unit_grasp
        await self.take_arm(context, grasp.capability, wanted.speed_ratio)
        await self.hand.check_holding("unit")
        self.motion.carry(UNIT)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = PackParameters.model_validate(dict(context.goal.parameters))
        grasp, station = context.line.product_description.unit_grasp, context.leased("carton_station")
        carton = await self._open_carton(context)
        spec = spec_of(context, station, CartonStationSpec)
        place = spec.carton_in_cell.pose @ context.line.carton.places[carton.filled]
        self.filled = carton.filled + 1
        message = f"place {self.filled} of {carton.places} in {carton.carton}"
        context.say("pack", 0.4, message)
        context.remember(filled=self.filled)
        result = context.accomplish(SkillResult(Outcome.SUCCEEDED, message, carton=carton.carton))
        await self.put(context, grasp, place.shifted(dz=DROP_CLEARANCE_M), wanted.speed_m_s)
        return result

    async def after(self, context: SkillContext, result: SkillResult) -> None:
        """GRIP_PART_LOST when the station doesn't count the unit."""
        await self.hand.check_empty()
        station = context.leased("carton_station")
        counted = (await context.device(station, CartonStation).carton()).filled
        if counted != self.filled:
            detail = f"{self.filled} units should be in {result.carton}, the station counts {counted}"
            raise FaultError("GRIP_PART_LOST", station, detail)

    async def reconcile(self, context: SkillContext) -> SkillResult | None:
        self.filled = context.noted.get("filled", 0)
        return await super().reconcile(context)

    async def standing(self, context: SkillContext) -> SkillResult | None:
        """Not done while the hand holds the unit; one that is neither held nor counted is lost."""
        await self.hand.check_holding("unit")
        return None

    async def _open_carton(self, context: SkillContext) -> Carton:
        """A carton with a free place; CARTON_MISSING, CARTON_FULL."""
        station = context.device(context.leased("carton_station"), CartonStation)
        carton = await station.carton()
        if not carton.carton or carton.filled >= carton.places:
            context.say("exchange", 0.1, "bringing an empty carton")
            carton = await station.exchange()
        if carton.filled >= carton.places:
            detail = f"{carton.carton}: {carton.filled} of {carton.places}"
            raise FaultError("CARTON_FULL", context.leased("carton_station"), detail)
        return carton


PLUGIN = Pack
