"""Judge the unit in the fixture by camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from microcell.description.base import Description, Name
from microcell.description.checks import TAUGHT, Check
from microcell.description.line import Line
from microcell.description.product import Inspection
from microcell.devices.camera.contract import Camera
from microcell.faults import FaultError
from microcell.measurement import Measurement
from microcell.skills.contract import Needs, Outcome, Skill, SkillContext, SkillResult
from microcell.skills.judging import limits_of
from microcell.skills.workplace import (
    CAMERA_FAULTS,
    DEVICE_FAULTS,
    LOOK_AGAIN_RATIOS,
    camera_of,
    check_fixture,
    looked_again,
    part_of,
    seat_in_cell,
    site_of,
)
from microcell.vision.requests import CheckRequest, Reading

EXPOSURE_S = 20.0
"""How long an exposure may take more than the usual one."""


class InspectParameters(Description):
    """Which inspection of the product, and how to look again."""

    inspection: Name
    bracket_ratios: tuple[Annotated[float, Field(gt=0, le=10)], ...] = Field(
        LOOK_AGAIN_RATIOS,
        max_length=8,
        description="Exposures to try, of the usual one, while the image is unusable.",
    )


class Inspect(Skill):
    """Measure, compare with the product's limits, accept or reject.

    Before: the product has the inspection, the camera sees the fixture, the fixture's sensor sees the unit.
    A unit that fails is REJECTED with disposition `scrap` when a failing check says so, otherwise `rework`.
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
        return super().timeout_s(parameters) + EXPOSURE_S * len(wanted.bracket_ratios)

    @classmethod
    def changed(cls, parameters: Mapping[str, Any], attempt: int) -> dict[str, Any]:
        """Other exposures, further from the usual one."""
        wanted = InspectParameters.model_validate(dict(parameters)).bracket_ratios
        return {**parameters, "bracket_ratios": tuple(min(10.0, max(0.05, ratio ** (1 + attempt))) for ratio in wanted)}

    async def before(self, context: SkillContext) -> None:
        _inspection(context)
        camera_of(context, context.leased("fixture"))
        await check_fixture(context, occupied=True)

    async def run(self, context: SkillContext) -> SkillResult:
        checks = _inspection(context).checks
        requests = [_request(context, name, check) for name, check in checks.items()]
        readings, image_sha256 = await self._look(context, requests)
        measurements = tuple(
            _judged(reading, checks[reading.name], context.leased("camera")) for reading in readings
        )
        failed = tuple(
            reading.name
            for reading, measurement in zip(readings, measurements, strict=True)
            if not measurement.within_limits
        )
        return _result(checks, measurements, failed, image_sha256)

    async def _look(
        self, context: SkillContext, requests: Sequence[CheckRequest]
    ) -> tuple[Sequence[Reading], str]:
        """Measure; while the image is unusable, again with less and with more light."""
        wanted = InspectParameters.model_validate(dict(context.goal.parameters))
        camera = context.device(context.leased("camera"), Camera)
        usual_s = _inspection(context).exposure_s or camera_of(context, context.leased("fixture")).exposure_s
        context.say("look", 0.2, f"{len(requests)} checks on one image")
        return await looked_again(context, wanted.bracket_ratios, lambda r: camera.measure(requests, usual_s * r))


def _inspection(context: SkillContext) -> Inspection:
    wanted = InspectParameters.model_validate(dict(context.goal.parameters))
    inspections = context.line.product_description.inspections
    if wanted.inspection not in inspections:
        detail = f"'{wanted.inspection}'; there are: {', '.join(inspections) or 'none'}"
        raise FaultError("INSPECTION_NOT_CONFIGURED", "inspect", detail)
    return inspections[wanted.inspection]


def _request(context: SkillContext, name: str, check: Check) -> CheckRequest:
    """One check at the nominal pose of its site."""
    site = site_of(context, check.site)
    return CheckRequest(
        name=name,
        kind=check.kind,
        station=context.leased("fixture"),
        site=check.site,
        part=part_of(context, site.item)[1],
        part_in_cell=seat_in_cell(context) @ site.part_in_unit.pose,
        expected_text=_label(context) if check.kind == "code" else "",
        taught=check if isinstance(check, TAUGHT) else None,
    )


def _label(context: SkillContext) -> str:
    """What the unit's label should say."""
    return context.line.product_description.label_of(context.goal.unit, context.goal.variant)


def _judged(reading: Reading, check: Check, camera: str) -> Measurement:
    """A reading with the check's limits."""
    lower, upper = limits_of(check)
    return Measurement(
        f"{reading.name}.{reading.feature}", reading.value, reading.unit, lower, upper, reading.text,
        reading.uncertainty, camera,
    )  # fmt: skip


def _result(
    checks: Mapping[str, Check],
    measurements: tuple[Measurement, ...],
    failed: tuple[str, ...],
    image_sha256: str,
) -> SkillResult:
    if not failed:
        outcome, disposition, message = Outcome.SUCCEEDED, "accept", f"all {len(checks)} checks passed"
    else:
        scrap = any(checks[name].on_fail == "scrap" for name in failed)
        outcome, disposition = Outcome.REJECTED, "scrap" if scrap else "rework"
        message = f"failed: {', '.join(failed)}"
    return SkillResult(
        outcome,
        message,
        disposition=disposition,
        measurements=measurements,
        failed_checks=failed,
        image_sha256=image_sha256,
    )


PLUGIN = Inspect
