"""Put the held part into its site of the unit, guided by force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.line import Line
from microcell.description.product import Fit, Site
from microcell.devices.force_sensor.contract import ForceSensor
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.measurement import Measurement
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult
from microcell.skills.guarded import Inserted, Search, search_insert
from microcell.skills.workplace import check_fixture, part_name_of, part_of, seat_in_cell, site_of

OVER_RIM_M = 0.002
"""How high over the rim the slow motion starts."""
STEP_OF_CLEARANCE = 0.7
"""A step of the search for each metre of clearance: then no hole can lie between two taps."""
TAP_S = 0.4
CONTACT_MARGIN_N = 1.0
CONTACT_OF_FRICTION = 1.5


class InsertParameters(Description):
    """What goes where, and how hard."""

    item: Name
    site: Name
    force_limit_n: float = Field(10.0, gt=0, le=1000, description="More than this is never pressed.")
    search_radius_m: float = Field(0.0015, ge=0, le=0.01, description="How far around the site to feel for it.")
    search_step_m: float | None = Field(
        None, gt=0, le=0.005, description="Distance of the taps; without it, by the fit's clearance."
    )
    speed_m_s: float = Field(0.01, gt=0, le=0.1, description="Speed of the motion that ends on contact.")
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")


class Insert(ArmSkill):
    """Insert the held part.

    Before: the hand holds the part, the fixture's sensor sees the unit. During: force stays under the
    limit; a part that stands on the rim is tapped around until its hole is found; it must be in the hand until
    it is let go. After: the hand is empty and out of the camera's view. Measures `<operation>.force` at the seat
    and `<operation>.depth` under the rim.
    """

    name = "insert"
    family = "assembly"
    summary = "Puts the held part into its site, guided by force."
    Parameters = InsertParameters
    faults = (
        *MOTION_FAULTS, "GRIP_PART_LOST", "HAND_NOT_EMPTY", "FIXTURE_EMPTY", "INSERT_NO_CONTACT",
        "INSERT_FORCE_EXCEEDED", "INSERT_JAMMED",
    )  # fmt: skip

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm with the tool that took the part, and the fixture."""
        part = part_name_of(line, variant, parameters["item"])
        return Needs(("arm", "fixture"), line.product_description.parts[part].grasp.capability)

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 5.0

    @classmethod
    def timeout_s(cls, parameters: Mapping[str, Any]) -> float:
        """Long enough for the whole search."""
        wanted = InsertParameters.model_validate(dict(parameters))
        rings = wanted.search_radius_m / (wanted.search_step_m or 0.0002)
        return super().timeout_s(parameters) + TAP_S * 3.0 * rings * (rings + 1.0)

    async def before(self, context: SkillContext) -> None:
        wanted = InsertParameters.model_validate(dict(context.goal.parameters))
        grasp = part_of(context, wanted.item)[1].grasp
        await self.take_arm(context, grasp.capability, wanted.speed_ratio)
        await self.hand.check_holding(wanted.item)
        await check_fixture(context, occupied=True)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = InsertParameters.model_validate(dict(context.goal.parameters))
        site, grasp = site_of(context, wanted.site), part_of(context, wanted.item)[1].grasp
        seat = seat_in_cell(context) @ site.part_in_unit.pose @ grasp.tcp_in_part.pose
        depth_m = site.fit.depth_m if site.fit else 0.0
        context.say("approach", 0.1, f"bringing the {wanted.item} over {wanted.site}")
        over_rim = seat.shifted(dz=depth_m + OVER_RIM_M)
        await self.motion.approach(over_rim)
        sensor = self.force_sensor(context)
        await sensor.tare()
        await self.motion.move_straight(over_rim, wanted.speed_m_s * 5.0)
        context.say("insert", 0.4, "pressing until contact")
        inserted = await self._press_in(context, sensor, wanted.item, _search(wanted, site, seat))
        context.say("release", 0.8, f"letting go of the {wanted.item}")
        result = context.accomplish(_result(context.goal.operation, wanted, site.fit, inserted))
        await self.hand.let_go(grasp)
        await self.motion.leave()
        return result

    async def after(self, context: SkillContext, result: SkillResult) -> None:
        await self.hand.check_empty()

    async def _press_in(self, context: SkillContext, sensor: ForceSensor, item: str, search: Search) -> Inserted:
        """Feel for the place; GRIP_PART_LOST, whatever was felt, when the part is not in the hand any more."""
        try:
            inserted = await search_insert(
                self.motion, sensor, search, lambda tap: context.say("search", 0.5, f"feeling for the hole: tap {tap}")
            )
        except FaultError as error:
            if error.fault.code.startswith("INSERT_"):
                await self.hand.check_holding(item)
            raise
        await self.hand.check_holding(item)
        return inserted


def _search(wanted: InsertParameters, site: Site, seat: Pose) -> Search:
    """Contact counts well above the fit's own friction, which a part that goes in well feels all the way."""
    fit = site.fit
    friction_n = fit.friction_n if fit else 0.0
    step_m = wanted.search_step_m or (STEP_OF_CLEARANCE * fit.clearance_m if fit else 0.001)
    contact_n = min(CONTACT_OF_FRICTION * friction_n + CONTACT_MARGIN_N, wanted.force_limit_n)
    depth_m = fit.depth_m if fit else 0.0
    return Search(seat, depth_m, contact_n, wanted.force_limit_n, wanted.search_radius_m, step_m, wanted.speed_m_s)


def _result(operation: str, wanted: InsertParameters, fit: Fit | None, inserted: Inserted) -> SkillResult:
    depth_m = fit.depth_m if fit else 0.0
    measurements = (
        Measurement(f"{operation}.force", inserted.force_n, "N", upper=wanted.force_limit_n, source="force_sensor"),
        Measurement(f"{operation}.depth", inserted.depth_m, "m", lower=depth_m - 0.0005, source="arm"),
    )
    taps = f" after {inserted.taps} taps" if inserted.taps > 1 else ""
    message = f"the {wanted.item} sits in {wanted.site}{taps}, {inserted.force_n:.1f} N"
    return SkillResult(Outcome.SUCCEEDED, message, measurements=measurements)


PLUGIN = Insert
