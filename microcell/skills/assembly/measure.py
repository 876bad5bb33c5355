"""Test the held part in a nest: its voltage, and how it looks. What is out of limits goes to the bin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.cell import BinSpec, TesterSpec
from microcell.description.checks import Check
from microcell.description.line import Line
from microcell.devices.camera.contract import Camera
from microcell.devices.tester.contract import Tester
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.measurement import Measurement
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult
from microcell.skills.judging import limits_of
from microcell.skills.workplace import (
    CAMERA_FAULTS,
    LOOK_AGAIN_RATIOS,
    camera_of,
    looked_again,
    part_name_of,
    part_of,
    spec_of,
)
from microcell.vision.requests import CheckRequest, Reading

DROP_CLEARANCE_M = 0.0003


class MeasureParameters(Description):
    """What the part must be like, by itself and together with those that were measured before it."""

    item: Name = Field(description="Item that is held.")
    lower_v: float = Field(ge=0, le=1000, description="Least voltage.")
    upper_v: float = Field(gt=0, le=1000, description="Greatest voltage.")
    inspection: Name | None = Field(None, description="Inspection whose checks are made of the part in the nest.")
    before_v: tuple[float, ...] = Field((), max_length=100, description="Voltages of the kit's parts so far.")
    kit: int = Field(1, ge=1, le=100, description="Parts in the kit.")
    kit_lower_v: float | None = Field(None, ge=0, le=100_000, description="Least sum of their voltages.")
    kit_upper_v: float | None = Field(None, gt=0, le=100_000, description="Greatest sum of their voltages.")
    speed_m_s: float = Field(0.08, gt=0, le=0.5, description="Speed of the last ways down.")
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")

    def limits_v(self) -> tuple[float, float]:
        """Limits of this part, so narrow that the rest of the kit can still make the sum."""
        rest, sum_v = self.kit - len(self.before_v) - 1, sum(self.before_v)
        lower_v, upper_v = self.lower_v, self.upper_v
        if self.kit_lower_v is not None:
            lower_v = max(lower_v, self.kit_lower_v - sum_v - rest * self.upper_v)
        if self.kit_upper_v is not None:
            upper_v = min(upper_v, self.kit_upper_v - sum_v - rest * self.lower_v)
        return lower_v, upper_v


class Measure(ArmSkill):
    """Test a part, and keep it in the hand when it is good.

    Before: the hand holds the part, or an interrupted attempt has left it in the nest. During: the arm goes out of the
    camera's view; contacts and camera judge the part. A bad one is thrown into the bin: PART_OFF_LIMITS. After: the hand
    holds the part. Measures `<operation>.voltage`, and what the inspection measures.
    """

    name = "measure"
    family = "assembly"
    summary = "Tests the held part in a nest by contact and camera, and throws a bad one away."
    Parameters = MeasureParameters
    faults = (
        *MOTION_FAULTS, *CAMERA_FAULTS, "GRIP_NOTHING_HELD", "GRIP_WRONG_WIDTH", "GRIP_PART_LOST", "VACUUM_NOT_SEALED",
        "HAND_NOT_EMPTY", "INSPECTION_NOT_CONFIGURED", "TEST_NO_CONTACT", "PART_OFF_LIMITS",
    )  # fmt: skip

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm with the tool that took the part, a tester, a bin, and a camera that sees the nest for an inspection."""
        part = part_name_of(line, variant, parameters["item"])
        camera = ("camera",) if parameters.get("inspection") else ()
        return Needs.to_grasp(("arm", "tester", "bin", *camera), line.product_description.parts[part].grasp)

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 8.0

    async def before(self, context: SkillContext) -> None:
        wanted = MeasureParameters.model_validate(dict(context.goal.parameters))
        name, part = part_of(context, wanted.item)
        await self.take_arm(context, part.grasp.capability, wanted.speed_ratio)
        self.in_nest = not await self.hand.holds() and (await self._tester(context).measure()).touching
        if not self.in_nest:
            await self.hand.check_holding(wanted.item)
            self.motion.carry(name)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = MeasureParameters.model_validate(dict(context.goal.parameters))
        (name, part), tester = part_of(context, wanted.item), context.leased("tester")
        nest = spec_of(context, tester, TesterSpec).part_in_cell.pose
        if not self.in_nest:
            context.say("place", 0.1, f"laying the {wanted.item} into {tester}")
            if not await self.put(context, part.grasp, nest.shifted(dz=DROP_CLEARANCE_M), wanted.speed_m_s):
                raise FaultError("GRIP_PART_LOST", self.hand.name, f"the {wanted.item} was lost on the way to {tester}")
            await self.motion.leave()
        else:
            await self.motion.stand_back()
        measurements = await self._judge(context, wanted, nest)
        bad = [m for m in measurements if not m.within_limits]
        if bad:
            await self._throw_away(context, wanted, nest)
            detail = f"{_told(bad[0])}; the {wanted.item} is in {context.leased('bin')}"
            raise FaultError("PART_OFF_LIMITS", tester, detail)
        context.say("fetch", 0.6, f"taking the {wanted.item} again")
        await self.fetch(name, part.grasp, nest, wanted.speed_m_s)
        told = f"{measurements[0].value:.3f} V"
        result = context.accomplish(SkillResult(Outcome.SUCCEEDED, told, measurements=measurements))
        await self.motion.lift()
        return result

    async def after(self, context: SkillContext, result: SkillResult) -> None:
        await self.hand.check_holding("part after its test")

    async def standing(self, context: SkillContext) -> SkillResult | None:
        """Not done: a new attempt finds the part in the hand or in the nest, or that it is gone."""
        return None

    async def _judge(self, context: SkillContext, wanted: MeasureParameters, nest: Pose) -> tuple[Measurement, ...]:
        """What contacts and camera say; TEST_NO_CONTACT when the contacts touch nothing."""
        context.say("test", 0.4, "measuring")
        tester, name = context.leased("tester"), context.goal.operation
        tested = await self._tester(context).measure()
        if not tested.touching:
            await self._throw_away(context, wanted, nest)
            raise FaultError("TEST_NO_CONTACT", tester, f"the {wanted.item} was not felt, and is in {context.leased('bin')}")
        voltage = Measurement(f"{name}.voltage", tested.voltage_v, "V", *wanted.limits_v(), source=tester)
        return (voltage, *(await self._look(context, wanted, nest) if wanted.inspection else ()))

    async def _look(self, context: SkillContext, wanted: MeasureParameters, nest: Pose) -> tuple[Measurement, ...]:
        inspections, station = context.line.product_description.inspections, context.leased("tester")
        if wanted.inspection not in inspections:
            raise FaultError("INSPECTION_NOT_CONFIGURED", "measure", f"there is no '{wanted.inspection}'")
        checks, part = inspections[wanted.inspection].checks, part_of(context, wanted.item)[1]
        camera, spec = context.leased("camera"), camera_of(context, station)
        requests = [CheckRequest(name, check.kind, station, "", part, nest) for name, check in checks.items()]
        device = context.device(camera, Camera)
        readings, _ = await looked_again(context, LOOK_AGAIN_RATIOS, lambda r: device.measure(requests, spec.exposure_s * r))
        return tuple(_measured(reading, checks[reading.name], camera) for reading in readings)

    async def _throw_away(self, context: SkillContext, wanted: MeasureParameters, nest: Pose) -> None:
        """Take the part out of the nest and drop it into the bin."""
        name, part = part_of(context, wanted.item)
        where = context.leased("bin")
        context.say("reject", 0.8, f"throwing the {wanted.item} into {where}")
        await self.fetch(name, part.grasp, nest, wanted.speed_m_s)
        await self.drop(context, spec_of(context, where, BinSpec).drop_in_cell.pose)

    def _tester(self, context: SkillContext) -> Tester:
        return context.device(context.leased("tester"), Tester)


def _measured(reading: Reading, check: Check, camera: str) -> Measurement:
    """A reading with its check's limits."""
    name = f"{reading.name}.{reading.feature}"
    return Measurement(name, reading.value, reading.unit, *limits_of(check), reading.text, reading.uncertainty, camera)


def _told(bad: Measurement) -> str:
    """What is wrong, in words."""
    limits = " to ".join(f"{limit:.4g}" for limit in (bad.lower, bad.upper) if limit is not None)
    return f"{bad.name} is {bad.value:.4g} {bad.unit}, permitted is {limits}"


PLUGIN = Measure
