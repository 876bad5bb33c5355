"""Weld one spot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.cell import ForceSensorSpec, TurnerSpec
from microcell.description.line import Line
from microcell.description.tool import WelderTool
from microcell.devices.turner.contract import Turner
from microcell.devices.welder.contract import Welded, Welder
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.measurement import Measurement
from microcell.skills.arm_skill import MOTION_FAULTS, ArmSkill
from microcell.skills.contract import Needs, Outcome, SkillContext, SkillResult, wider
from microcell.skills.guarded import Guard, Stiffness, overtravel_m, press_until_contact, tare
from microcell.skills.workplace import check_fixture, part_name_of, part_of, seat_in_cell, site_of, spec_of

PRESS_FROM_M = 0.002


class WeldParameters(Description):
    """Where the spot goes, and what makes it a good one."""

    item: Name = Field(description="Item that the weld makes: a spot.")
    site: Name = Field(description="Site of the spot.")
    up: Literal["top", "bottom"] = Field("top", description="Side of the unit that is up, on which the spot is.")
    press_n: float = Field(10.0, gt=0, le=200, description="Force of the electrodes.")
    press_speed_m_s: float = Field(0.01, gt=0, le=0.1, description="Speed of the motion that ends on contact.")
    resistance_max_ohm: float = Field(0.001, gt=0, le=10, description="Greatest resistance of a good spot.")
    energy_window_ratio: float = Field(0.15, gt=0, lt=1, description="Permitted deviation of the energy.")
    speed_m_s: float = Field(0.08, gt=0, le=0.5, description="Speed of the last way down.")
    speed_ratio: float = Field(1.0, gt=0, le=1, description="Of the arm's joint speeds, on the way there.")


class Weld(ArmSkill):
    """Weld a spot.

    Before: a welding head is mounted, the fixture's sensor sees the unit, and the right side of it is up. During: the
    electrodes are pressed on until a force. After: energy and resistance tell whether it holds.
    Measures `<operation>.energy` and `<operation>.resistance`. Welding a spot again does no harm.
    """

    name = "weld"
    family = "assembly"
    summary = "Welds one spot of the unit."
    Parameters = WeldParameters
    repeatable = True
    faults = (*MOTION_FAULTS, "FIXTURE_EMPTY", "WELD_NO_CONTACT", "WELD_OFF_LIMITS", "TURNER_STUCK")

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The arm with a welding head and the fixture, with its turner for the bottom."""
        part = part_name_of(line, variant, parameters["item"])
        turner = ("turner",) if parameters.get("up") == "bottom" else ()
        return Needs.to_grasp(("arm", "fixture", *turner), line.product_description.parts[part].grasp)

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 5.0

    @classmethod
    def changed(cls, parameters: Mapping[str, Any], attempt: int) -> dict[str, Any]:
        """Slower, and pressed on harder."""
        return {**super().changed(parameters, attempt), **wider(WeldParameters, parameters, attempt, "press_n", 200.0, 1.2)}

    async def before(self, context: SkillContext) -> None:
        wanted = WeldParameters.model_validate(dict(context.goal.parameters))
        await self.take_arm(context, part_of(context, wanted.item)[1].grasp.capability, wanted.speed_ratio)
        await check_fixture(context, occupied=True)
        if wanted.up == "bottom" and not await context.device(context.leased("turner"), Turner).is_upside_down():
            raise FaultError("TURNER_STUCK", context.leased("turner"), "the top is up, the spot is on the bottom")

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = WeldParameters.model_validate(dict(context.goal.parameters))
        site, grasp = site_of(context, wanted.site), part_of(context, wanted.item)[1].grasp
        on_spot = _unit_in_cell(context, wanted) @ site.part_in_unit.pose @ grasp.tcp_in_part.pose
        await self._press_on(context, wanted, on_spot)
        context.say("weld", 0.6, f"welding {wanted.site}")
        welded = await context.device(self.hand.name, Welder).weld()
        await self.motion.leave()
        return self._judged(context, wanted, welded)

    async def _press_on(self, context: SkillContext, wanted: WeldParameters, on_spot: Pose) -> None:
        start, sensor = on_spot.shifted(dz=PRESS_FROM_M), self.force_sensor(context)
        await self.motion.approach(start)
        await tare(sensor)
        await self.motion.move_straight(start, wanted.speed_m_s)
        goal = on_spot.shifted(dz=-overtravel_m(wanted.press_n))
        touch = await press_until_contact(self.motion, sensor, goal, self._speed_m_s(context, wanted), wanted.press_n)
        if touch is None:
            await self.motion.lift()
            raise FaultError("WELD_NO_CONTACT", self.motion.name, f"nothing at {wanted.site} to press the electrodes on")

    def _speed_m_s(self, context: SkillContext, wanted: WeldParameters) -> float:
        """So slow that the arm stands before it presses twice as hard as it is to."""
        feels = spec_of(context, self.motion.spec.force_sensor, ForceSensorSpec)
        guard = Guard(2.0 * wanted.press_n, Stiffness().axial_n_m, feels.reaction_s)
        return guard.speed_m_s(wanted.press_speed_m_s, wanted.press_n)

    def _judged(self, context: SkillContext, wanted: WeldParameters, welded: Welded) -> SkillResult:
        name, tool = context.goal.operation, self.motion.tool
        energy_j = tool.energy_j if isinstance(tool, WelderTool) else welded.energy_j
        low, high = (energy_j * (1.0 + sign * wanted.energy_window_ratio) for sign in (-1.0, 1.0))
        measurements = (
            Measurement(f"{name}.energy", welded.energy_j, "J", low, high, source=self.hand.name),
            Measurement(
                f"{name}.resistance", welded.resistance_ohm, "ohm", None, wanted.resistance_max_ohm, source=self.hand.name
            ),
        )
        told = f"{wanted.site}: {welded.energy_j:.1f} J, {welded.resistance_ohm * 1e3:.2f} milliohm"
        if not all(m.within_limits for m in measurements):
            limits = f"permitted are {low:.1f} to {high:.1f} J, up to {wanted.resistance_max_ohm * 1e3:.2f} milliohm"
            raise FaultError("WELD_OFF_LIMITS", self.hand.name, f"{told}; {limits}")
        return SkillResult(Outcome.SUCCEEDED, told, measurements=measurements)


def _unit_in_cell(context: SkillContext, wanted: WeldParameters) -> Pose:
    """Pose of the unit, which may be upside down."""
    seat = seat_in_cell(context)
    if wanted.up == "top":
        return seat
    return seat @ spec_of(context, context.leased("turner"), TurnerSpec).half_turn


PLUGIN = Weld
