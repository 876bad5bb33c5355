"""Base of the skills that put the held part into its site of the unit, guided by force."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.cell import ForceSensorSpec
from microcell.description.line import Line
from microcell.description.product import Fit, Site
from microcell.devices.force_sensor.contract import ForceSensor
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.measurement import Measurement
from microcell.skills.arm_skill import MOTION_FAULTS, OBSTACLE_N, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult, wider
from microcell.skills.guarded import Stiffness, press_until_contact, tare
from microcell.skills.hole_search import STRIDE_OF_LIMIT
from microcell.skills.peg_in_hole import Inserted, Insertion, insert_peg
from microcell.skills.workplace import check_fixture, part_name_of, part_of, seat_in_cell, site_of, spec_of

OVER_RIM_M = 0.002
"""How high over the rim the slow motion starts."""
LEAST_CLEARANCE_M = 0.0001
FINER_RATIO = 0.5
"""How much closer the lines of a repeated search are: a part that is turned in the hand has less clearance than its fit, and
its hole may lie between two lines."""
STRIDE_S = 0.3
CONTACT_MARGIN_N = 1.0
CONTACT_OF_FRICTION = 1.5
CONTACT_OF_LIMIT = 0.8


class InsertParameters(Description):
    """What goes where, and how hard."""

    item: Name = Field(description="Item that is held.")
    site: Name = Field(description="Site where it goes.")
    force_limit_n: float = Field(10.0, gt=0, le=1000, description="More than this is never pressed.")
    search_radius_m: float = Field(0.0015, ge=0, le=0.01, description="How far around the site, in x and y, to feel for it.")
    search_pitch_m: float | None = Field(
        None, gt=0, le=0.005, description="Distance of the search's lines; without it, by the fit's clearance."
    )
    search_pitch_ratio: float = Field(
        0.7,
        gt=0,
        le=1,
        description="Distance of the search's lines, of the fit's clearance: no hole is between two of them.",
    )
    search_angle_rad: float = Field(0.035, ge=0, le=0.2, description="How far the part's angle may be corrected.")
    search_speed_m_s: float = Field(0.01, gt=0, le=0.1, description="Speed of the part that slides over the rim.")
    speed_m_s: float = Field(0.01, gt=0, le=0.1, description="Speed of the motion that ends on contact.")
    wrist_axial_n_m: float = Field(
        20_000.0, gt=100, le=1e7, description="How stiffly arm and tool hold the part along the tool's axis, in N/m."
    )
    wrist_lateral_n_m: float = Field(20_000.0, gt=100, le=1e7, description="The same across the tool's axis, in N/m.")
    wrist_angular_n_m_rad: float = Field(
        100.0, gt=0.1, le=1e5, description="The same in tilting about the tool centre point, in N.m/rad."
    )
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")


class Inserting(ArmSkill):
    """A skill that inserts the held part. `prove` is called while the part is still in the hand.

    Before: the hand holds the part, the fixture's sensor sees the unit. During: what stands in the place is felt on the
    way there; force stays under the limit; a part that stands on the rim is slid around until its hole is found; one that
    the hole's walls push is shifted and tilted as they push; it must be in the hand until it is let go. After: the hand is
    empty and out of the camera's view. Measures `<operation>.force` at the seat and `<operation>.depth` under the rim.
    """

    family = "assembly"
    Parameters: ClassVar[type[InsertParameters]] = InsertParameters
    faults: ClassVar[tuple[str, ...]] = (
        *MOTION_FAULTS, "GRIP_PART_LOST", "HAND_NOT_EMPTY", "FIXTURE_EMPTY", "INSERT_NO_CONTACT",
        "INSERT_FORCE_EXCEEDED", "INSERT_JAMMED",
    )  # fmt: skip

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm with the tool that took the part, and the fixture."""
        part = part_name_of(line, variant, parameters["item"])
        return Needs.to_grasp(("arm", "fixture"), line.product_description.parts[part].grasp)

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 5.0

    @classmethod
    def timeout_s(cls, parameters: Mapping[str, Any]) -> float:
        """Long enough for the whole search."""
        wanted = cls.Parameters.model_validate(dict(parameters))
        pitch_m = wanted.search_pitch_m or wanted.search_pitch_ratio * LEAST_CLEARANCE_M
        lines = 2.0 * wanted.search_radius_m / pitch_m + 2.0
        way_m = lines * (2.0 * wanted.search_radius_m + pitch_m)
        stride_m = STRIDE_OF_LIMIT * wanted.force_limit_n / wanted.wrist_lateral_n_m
        strides = 2.0 * lines + way_m / stride_m
        return super().timeout_s(parameters) + way_m / wanted.search_speed_m_s + STRIDE_S * strides

    @classmethod
    def changed(cls, parameters: Mapping[str, Any], attempt: int) -> dict[str, Any]:
        """Slower, and the part is felt for over a wider field, in closer lines and at larger angles."""
        given = cls.Parameters.model_validate(dict(parameters))
        closer_m, closer = FINER_RATIO * (given.search_pitch_m or 0.0), FINER_RATIO * given.search_pitch_ratio
        finer = {"search_pitch_m": closer_m} if closer_m else {"search_pitch_ratio": closer}
        return {
            **super().changed(parameters, attempt),
            **finer,
            **wider(cls.Parameters, parameters, attempt, "search_radius_m", 0.01),
            **wider(cls.Parameters, parameters, attempt, "search_angle_rad", 0.2),
        }

    async def before(self, context: SkillContext) -> None:
        wanted = self.Parameters.model_validate(dict(context.goal.parameters))
        name, part = part_of(context, wanted.item)
        await self.take_arm(context, part.grasp.capability, wanted.speed_ratio)
        await self.hand.check_holding(wanted.item)
        self.motion.carry(name)
        await check_fixture(context, occupied=True)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = self.Parameters.model_validate(dict(context.goal.parameters))
        site, grasp = site_of(context, wanted.site), part_of(context, wanted.item)[1].grasp
        proud_m = site.joint.proud_m if site.joint else 0.0
        seat = seat_in_cell(context).shifted(dz=proud_m) @ site.part_in_unit.pose @ grasp.tcp_in_part.pose
        depth_m = site.fit.depth_m if site.fit else 0.0
        context.say("approach", 0.1, f"bringing the {wanted.item} over {wanted.site}")
        over_rim = seat.shifted(dz=depth_m + OVER_RIM_M)
        await self.motion.approach(over_rim)
        sensor = self.force_sensor(context)
        await tare(sensor)
        await self._come_down(context, sensor, over_rim, wanted)
        context.say("insert", 0.4, "pressing until contact")
        feels = spec_of(context, self.motion.spec.force_sensor, ForceSensorSpec)
        insertion = _insertion(wanted, site, seat, grasp.tcp_in_part.xyz_m[2], feels)
        inserted = await self._press_in(context, sensor, wanted.item, insertion)
        proof = await self.prove(context, sensor, insertion)
        context.say("release", 0.8, f"letting go of the {wanted.item}")
        result = _result(context.goal.operation, wanted, site.fit, inserted)
        result = context.accomplish(replace(result, measurements=(*result.measurements, *proof)))
        await self.hand.let_go(grasp)
        self.motion.carry("")
        await self.motion.leave()
        return result

    async def prove(self, context: SkillContext, sensor: ForceSensor, insertion: Insertion) -> tuple[Measurement, ...]:
        """Prove with the part still in the hand that it sits as it should; what was measured. Here nothing more."""
        return ()

    async def after(self, context: SkillContext, result: SkillResult) -> None:
        await self.hand.check_empty()

    async def standing(self, context: SkillContext) -> SkillResult | None:
        """Once it is noted that the part sits, it is let go; before, it is in the hand, or lost, as a new attempt finds."""
        if not context.accomplished:
            return None
        wanted = self.Parameters.model_validate(dict(context.goal.parameters))
        await self.hand.let_go(part_of(context, wanted.item)[1].grasp)
        return context.accomplished[-1]

    async def _come_down(self, context: SkillContext, sensor: ForceSensor, over_rim: Pose, wanted: InsertParameters) -> None:
        """Bring the part close over its place; INSERT_JAMMED, and it is lifted, where something stands there."""
        touch = await press_until_contact(self.motion, sensor, over_rim, wanted.speed_m_s * 5.0, OBSTACLE_N)
        if touch is None:
            return
        await self.motion.lift()
        await self.hand.check_holding(wanted.item)
        above_mm = (touch.tcp_in_cell.position[2] - over_rim.position[2]) * 1e3
        detail = f"{touch.force_n:.0f} N on the way down: something stands {above_mm:.1f} mm high over {wanted.site}"
        raise FaultError("INSERT_JAMMED", self.motion.name, detail)

    async def _press_in(self, context: SkillContext, sensor: ForceSensor, item: str, insertion: Insertion) -> Inserted:
        """Feel for the place; GRIP_PART_LOST, whatever was felt, when the part is not in the hand any more."""
        try:
            inserted = await insert_peg(
                self.motion, sensor, insertion, lambda n: context.say("search", 0.5, f"feeling for the hole: stride {n}")
            )
        except FaultError as error:
            if error.fault.code.startswith("INSERT_"):
                await self.hand.check_holding(item)
            raise
        await self.hand.check_holding(item)
        return inserted


def _insertion(wanted: InsertParameters, site: Site, seat: Pose, reach_m: float, sensor: ForceSensorSpec) -> Insertion:
    """Contact counts well above the fit's own friction, which a part that goes in well feels all the way."""
    fit, limit_n = site.fit, wanted.force_limit_n
    friction_n = fit.friction_n if fit else 0.0
    return Insertion(
        seat=seat,
        depth_m=fit.depth_m if fit else 0.0,
        clearance_m=fit.clearance_m if fit else 0.0,
        friction_n=friction_n,
        reach_m=reach_m,
        contact_n=min(CONTACT_OF_FRICTION * friction_n + CONTACT_MARGIN_N, CONTACT_OF_LIMIT * limit_n),
        limit_n=limit_n,
        radius_m=wanted.search_radius_m,
        pitch_m=wanted.search_pitch_m or (wanted.search_pitch_ratio * fit.clearance_m if fit else 0.001),
        angle_rad=wanted.search_angle_rad,
        speed_m_s=wanted.speed_m_s,
        search_speed_m_s=wanted.search_speed_m_s,
        stiffness=Stiffness(wanted.wrist_axial_n_m, wanted.wrist_lateral_n_m, wanted.wrist_angular_n_m_rad),
        reaction_s=sensor.reaction_s,
        noise_n=sensor.noise_n,
    )


def _result(operation: str, wanted: InsertParameters, fit: Fit | None, inserted: Inserted) -> SkillResult:
    depth_m = fit.depth_m if fit else 0.0
    measurements = (
        Measurement(f"{operation}.force", inserted.force_n, "N", upper=wanted.force_limit_n, source="force_sensor"),
        Measurement(f"{operation}.depth", inserted.depth_m, "m", lower=depth_m - 0.0005, source="arm"),
    )
    after = f" after {inserted.strides} strides" if inserted.strides else ""
    tilt = f", tilted by {math.degrees(inserted.corrected_rad):.1f} degrees" if inserted.corrected_rad else ""
    message = f"the {wanted.item} sits in {wanted.site}{after}{tilt}, {inserted.force_n:.1f} N"
    return SkillResult(Outcome.SUCCEEDED, message, measurements=measurements)
