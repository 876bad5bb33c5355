"""Press the unit in its fixture together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.cell import PressSpec
from microcell.description.extents import top_m
from microcell.description.line import Line
from microcell.devices.press.contract import Press as PressDevice
from microcell.devices.press.contract import Pressed
from microcell.faults import FaultError
from microcell.measurement import Measurement
from microcell.skills.contract import DEVICE_FAULTS, Needs, Outcome, Skill, SkillContext, SkillResult
from microcell.skills.workplace import check_fixture, part_of, site_of, spec_of


class PressParameters(Description):
    """Which program of the press, on what."""

    program: Name = Field(description="Program of the press.")
    sites: tuple[Name, ...] = Field(min_length=1, description="Sites whose parts are pressed: the highest meets the ram.")
    height_window_m: float = Field(0.0005, gt=0, le=0.05, description="Permitted deviation of the ram's lowest height.")
    force_window_ratio: float = Field(0.05, gt=0, lt=1, description="Permitted deviation of the force.")


class Press(Skill):
    """Press once, and judge the stroke by force and height.

    Before: the fixture's sensor sees the unit. A ram that stops too high has left a part proud; one that comes too low has
    met nothing, because a part is missing. Measures `<operation>.force` and `<operation>.height`.
    """

    name = "press"
    family = "assembly"
    summary = "Presses the unit in its fixture together."
    Parameters = PressParameters
    repeatable = True
    faults = (*DEVICE_FAULTS, "DEVICE_REFUSED", "SKILL_REFUSED", "FIXTURE_EMPTY", "PRESS_OFF_LIMITS")

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The fixture and the press over it."""
        return Needs(("fixture", "press"))

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 8.0

    async def before(self, context: SkillContext) -> None:
        await check_fixture(context, occupied=True)

    async def run(self, context: SkillContext) -> SkillResult:
        wanted = PressParameters.model_validate(dict(context.goal.parameters))
        press = context.leased("press")
        context.say("press", 0.2, f"{wanted.program} on {', '.join(wanted.sites)}")
        pressed = await context.device(press, PressDevice).press(wanted.program)
        measurements = _measured(context, wanted, pressed)
        told = f"{pressed.force_n:.0f} N, the ram came down to {pressed.height_m * 1e3:.2f} mm"
        wrong = [m for m in measurements if not m.within_limits]
        if wrong:
            limits = f"{wrong[0].name}: {wrong[0].lower:.4g} to {wrong[0].upper:.4g} {wrong[0].unit} are permitted"
            raise FaultError("PRESS_OFF_LIMITS", press, f"{told}; {limits}")
        return SkillResult(Outcome.SUCCEEDED, told, measurements=measurements)


def _measured(context: SkillContext, wanted: PressParameters, pressed: Pressed) -> tuple[Measurement, ...]:
    name, press = context.goal.operation, context.leased("press")
    programs = spec_of(context, press, PressSpec).programs
    force_n = programs[wanted.program].force_n if wanted.program in programs else pressed.force_n
    height_m = max(_top_m(context, site) for site in wanted.sites)
    off_n, off_m = force_n * wanted.force_window_ratio, wanted.height_window_m
    return (
        Measurement(f"{name}.force", pressed.force_n, "N", force_n - off_n, force_n + off_n, source=press),
        Measurement(f"{name}.height", pressed.height_m, "m", height_m - off_m, height_m + off_m, source=press),
    )


def _top_m(context: SkillContext, name: str) -> float:
    """Height over the seat of the top of a part that sits in its site."""
    site = site_of(context, name)
    return site.part_in_unit.xyz_m[2] + top_m(part_of(context, site.item)[1])


PLUGIN = Press
