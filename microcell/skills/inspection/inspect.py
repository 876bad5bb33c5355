"""Judge the unit in the fixture by camera."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.cell import USUAL_LIGHT, CameraSpec
from microcell.description.line import Line
from microcell.description.wording import listed
from microcell.devices.camera.contract import Camera
from microcell.faults import FaultError
from microcell.skills.contract import DEVICE_FAULTS, Needs, Outcome, Skill, SkillContext, SkillResult
from microcell.skills.examining import Examination, failed_in, measurements_of, summary
from microcell.skills.judging import inspection_of, requests_of
from microcell.skills.workplace import (
    CAMERA_FAULTS,
    LOOK_AGAIN_RATIOS,
    camera_of,
    check_fixture,
    looked_again,
)
from microcell.vision.requests import Reading
from microcell.vision.results import InspectionReport

if TYPE_CHECKING:
    from microcell.devices.camera.contract import Frame

EXPOSURE_S = 20.0
"""How long an exposure may take more than the usual one."""

Ratios = tuple[Annotated[float, Field(gt=0, le=10)], ...]


class InspectParameters(Description):
    """Which inspection of the product, and how to look again."""

    inspection: Name = Field(description="Inspection of the product whose checks are made.")
    bracket_ratios: Ratios = Field(
        LOOK_AGAIN_RATIOS,
        max_length=8,
        description="Exposures to try, of the usual one, while the image is unusable.",
    )
    again_ratios: Ratios = Field(
        (0.8, 1.2),
        max_length=8,
        description="Further looks while a check is uncertain: their exposures, of the one that was usable.",
    )
    again_lights: tuple[Name, ...] = Field(
        (), max_length=8, description="Further looks after those, each with another one of the camera's `lights`."
    )


class Inspect(Skill):
    """Measure, compare with the product's limits, accept or reject.

    Before: the product has the inspection, the camera sees the fixture, the fixture's sensor sees the unit.
    A value nearer to its limit than its uncertainty is looked at again; uncertain to the end, it is not accepted. A unit
    that fails is REJECTED; its disposition is the worst that a failing check asks for: scrap, recycle, rework. The picture
    that it was judged by is kept, with what was found drawn into it.
    """

    name = "inspect"
    family = "inspection"
    summary = "Judges the unit in the fixture by camera."
    Parameters = InspectParameters
    repeatable = True
    faults = (
        *CAMERA_FAULTS, "INSPECTION_NOT_CONFIGURED", "FIXTURE_EMPTY", *DEVICE_FAULTS, "SKILL_REFUSED",
    )  # fmt: skip

    @classmethod
    def needs(cls, line: Line, variant: str, parameters: Mapping[str, Any]) -> Needs:
        """The fixture and a camera that sees it."""
        return Needs(("fixture", "camera"))

    @classmethod
    def expected_s(cls, parameters: Mapping[str, Any]) -> float:
        return 1.0

    @classmethod
    def timeout_s(cls, parameters: Mapping[str, Any]) -> float:
        """Long enough for every exposure."""
        wanted = InspectParameters.model_validate(dict(parameters))
        looks = len(wanted.bracket_ratios) + len(wanted.again_ratios) + len(wanted.again_lights)
        return super().timeout_s(parameters) + EXPOSURE_S * looks

    @classmethod
    def changed(cls, parameters: Mapping[str, Any], attempt: int) -> dict[str, Any]:
        """Other exposures, further from the usual one."""
        wanted = InspectParameters.model_validate(dict(parameters)).bracket_ratios
        return {**parameters, "bracket_ratios": tuple(min(10.0, max(0.05, ratio ** (1 + attempt))) for ratio in wanted)}

    async def before(self, context: SkillContext) -> None:
        inspection_of(context.line, _wanted(context).inspection)
        _check_lights(context, camera_of(context, context.leased("fixture")))
        await check_fixture(context, occupied=True)

    async def run(self, context: SkillContext) -> SkillResult:
        examination = _examination(context)
        usable_ratio = await self._first_look(context, examination)
        for ratio, light in _further_looks(_wanted(context)):
            if not examination.uncertain:
                break
            await self._look_again(context, examination, usable_ratio * ratio, light)
        report = await _with_evidence(context, examination)
        return _result(report)

    async def _first_look(self, context: SkillContext, examination: Examination) -> float:
        """Measure; while the image is unusable, again with less and with more light. The exposure that gave an image."""
        context.say("look", 0.2, f"{len(examination.requests)} checks on one image")

        async def look(ratio: float) -> tuple[Sequence[Reading], str, float]:
            return (*await self._measure(context, examination, ratio), ratio)

        readings, image_sha256, ratio = await looked_again(context, _wanted(context).bracket_ratios, look)
        examination.take(readings, ratio, image_sha256)
        return ratio

    async def _look_again(self, context: SkillContext, examination: Examination, ratio: float, light: str) -> None:
        """Measure with another exposure or light; an image that cannot be judged leaves all as uncertain as it was."""
        context.say("look again", 0.6, f"uncertain: {', '.join(examination.uncertain)}")
        try:
            readings, image_sha256 = await self._measure(context, examination, ratio, light)
        except FaultError as error:
            if error.fault.code != "CAMERA_UNUSABLE_IMAGE":
                raise
            examination.saw_nothing(ratio, light)
        else:
            examination.take(readings, ratio, image_sha256, light)

    async def _measure(
        self, context: SkillContext, examination: Examination, ratio: float, light: str = USUAL_LIGHT
    ) -> tuple[Sequence[Reading], str]:
        camera = context.device(context.leased("camera"), Camera)
        usual_s = examination.inspection.exposure_s or examination.spec.exposure_s
        return await camera.measure(examination.requests, usual_s * ratio, light)


def _wanted(context: SkillContext) -> InspectParameters:
    return InspectParameters.model_validate(dict(context.goal.parameters))


def _further_looks(wanted: InspectParameters) -> list[tuple[float, str]]:
    """Exposure, of the usable one, and light of each."""
    return [*((ratio, USUAL_LIGHT) for ratio in wanted.again_ratios), *((1.0, light) for light in wanted.again_lights)]


def _check_lights(context: SkillContext, camera: CameraSpec) -> None:
    """SKILL_REFUSED for a light that the camera does not have."""
    lacking = [light for light in _wanted(context).again_lights if light not in camera.lights]
    if lacking:
        detail = f"it has no light '{lacking[0]}'; its other lights: {listed(camera.lights)}"
        raise FaultError("SKILL_REFUSED", context.leased("camera"), detail)


def _examination(context: SkillContext) -> Examination:
    line, goal, station = context.line, context.goal, context.leased("fixture")
    name = _wanted(context).inspection
    label = line.product_description.label_of(goal.unit, goal.variant)
    requests = requests_of(line, goal.variant, name, station, label)
    return Examination(name, inspection_of(line, name), requests, context.leased("camera"), camera_of(context, station))


async def _with_evidence(context: SkillContext, examination: Examination) -> InspectionReport:
    """The report with its picture kept, as far as the line wants it and the camera makes images."""
    report, wanted = examination.report(), context.line.evidence
    frame: Frame | None = getattr(context.device(examination.camera, Camera), "last_frame", None)
    if frame is None:
        return replace(report, note="no picture: the camera makes none")
    if wanted.pictures == 0:
        return replace(report, note="no picture: the line keeps none")
    if wanted.of == "rejected" and report.verdict == "accept":
        return replace(report, note="no picture: the line keeps those of rejected units")
    title = f"{context.goal.unit} {context.goal.variant}".strip()
    png = await context.work(lambda: _picture(frame, examination, report, title))
    if context.keep is not None:
        context.keep(png)
    return replace(report, evidence_sha256=hashlib.sha256(png).hexdigest())


def _picture(frame: Frame, examination: Examination, report: InspectionReport, title: str) -> bytes:
    from microcell.vision.overlay import annotate, as_png

    return as_png(annotate(frame.rgb8, examination.spec, examination.requests, report, title))


def _result(report: InspectionReport) -> SkillResult:
    failed = failed_in(report)
    return SkillResult(
        Outcome.REJECTED if failed else Outcome.SUCCEEDED,
        summary(report),
        disposition=report.verdict,
        measurements=measurements_of(report),
        failed_checks=failed,
        image_sha256=next((look.image_sha256 for look in reversed(report.looks) if look.usable), ""),
        inspection=report,
    )


PLUGIN = Inspect
