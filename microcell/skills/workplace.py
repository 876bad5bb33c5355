"""What skills ask of the line and of the stations that they work at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from microcell.description.cell import CameraSpec, FeederSpec, FixtureSpec
from microcell.description.line import Line
from microcell.description.product import Part, Site
from microcell.devices.camera.contract import Camera
from microcell.devices.feeder.contract import Feeder, Presented
from microcell.devices.fixture.contract import Fixture
from microcell.faults import FaultError
from microcell.geometry import Pose
from microcell.skills.contract import PartUse, SkillContext
from microcell.vision.requests import Locate

S = TypeVar("S")

LOOK_AGAIN_RATIOS = (0.6, 1.8)
"""Exposures to try, of the usual one, while an image is unusable."""

CAMERA_FAULTS = ("CAMERA_NO_IMAGE", "CAMERA_UNUSABLE_IMAGE", "CAMERA_NOT_CALIBRATED")
FEEDER_FAULTS = ("FEEDER_EMPTY", "FEEDER_JAMMED", "PART_NOT_FOUND", "PART_WRONG", *CAMERA_FAULTS)


def part_name_of(line: Line, variant: str, item: str) -> str:
    """The part that a variant ("" = the default one) uses for an item."""
    product = line.product_description
    return product.part_of(item, variant or product.default_variant)


def feeder_kinds(line: Line, part: str) -> tuple[str, ...]:
    """Kinds of device that taking a part from its feeder needs: a camera where some feeder of it has one."""
    feeders = (line.cell_description.devices[name] for name in line.feeders_of(part))
    watched = any(isinstance(feeder, FeederSpec) and feeder.camera for feeder in feeders)
    return ("feeder", "camera") if watched else ("feeder",)


def part_of(context: SkillContext, item: str) -> tuple[str, Part]:
    """Name and description of the part that the goal's variant uses for an item."""
    name = part_name_of(context.line, context.goal.variant, item)
    return name, context.line.product_description.parts[name]


def site_of(context: SkillContext, name: str) -> Site:
    """A site of the product; SKILL_REFUSED when there is none of that name."""
    sites = context.line.product_description.sites
    if name not in sites:
        detail = f"the product has no site '{name}', only {', '.join(sites)}"
        raise FaultError("SKILL_REFUSED", context.goal.skill, detail)
    return sites[name]


def seat_in_cell(context: SkillContext) -> Pose:
    """Pose of a unit in the leased fixture."""
    spec = spec_of(context, context.leased("fixture"), FixtureSpec)
    return spec.seat_in_cell.pose


def spec_of(context: SkillContext, device: str, kind: type[S]) -> S:
    """Description of a device of the cell, as its kind's; SKILL_REFUSED when it is of another kind."""
    spec = context.line.cell_description.devices[device]
    if not isinstance(spec, kind):
        detail = f"'{device}' is a {spec.kind}, which is no {kind.__name__}"
        raise FaultError("SKILL_REFUSED", context.goal.skill, detail)
    return spec


async def check_fixture(context: SkillContext, occupied: bool) -> None:
    """FIXTURE_EMPTY or FIXTURE_OCCUPIED when the leased fixture's part sensor does not see what it should."""
    name = context.leased("fixture")
    if await context.device(name, Fixture).part_present() != occupied:
        raise FaultError("FIXTURE_EMPTY" if occupied else "FIXTURE_OCCUPIED", name)


def camera_of(context: SkillContext, station: str) -> CameraSpec:
    """Description of the leased camera; SKILL_REFUSED when it doesn't see the station."""
    name = context.leased("camera")
    spec = spec_of(context, name, CameraSpec)
    if station not in spec.sees:
        raise FaultError("SKILL_REFUSED", name, f"it sees {', '.join(spec.sees)}, not {station}")
    return spec


async def present_part(context: SkillContext, part_name: str) -> tuple[Presented, Pose]:
    """Have the leased feeder present a part and tell where it is: by camera where the feeder has one."""
    name = context.leased("feeder")
    feeder, spec = context.device(name, Feeder), spec_of(context, name, FeederSpec)
    presented = await feeder.present()
    if presented.part != part_name:
        detail = f"it presents {presented.part}, the operation needs {part_name}"
        raise FaultError("PART_WRONG", name, detail)
    context.remember(presented=[presented.part, presented.lot], level=presented.level)
    if spec.camera is None:
        return presented, presented.part_in_cell
    context.say("look", 0.1, f"looking for {part_name} at {name}")
    return presented, await _locate(context, spec, presented)


def note_taken(context: SkillContext, presented: Presented) -> None:
    """Record a part that has left its feeder."""
    context.take_part(PartUse(presented.part, presented.lot))


def note_taken_unseen(context: SkillContext) -> None:
    """Of an interrupted attempt whose hand holds a part: note that one as taken which the feeder had presented."""
    if "presented" in context.noted and not context.taken:
        context.take_part(PartUse(*context.noted["presented"]))


async def has_left_feeder(context: SkillContext) -> bool:
    """Whether the leased feeder holds fewer pieces than when it presented one to this attempt."""
    name = context.goal.lease.resources.get("feeder")
    if name is None or "level" not in context.noted:
        return False
    return await context.device(name, Feeder).level() < context.noted["level"]


async def _locate(context: SkillContext, feeder: FeederSpec, presented: Presented) -> Pose:
    camera, spec = context.device(context.leased("camera"), Camera), camera_of(context, context.leased("feeder"))
    part = context.line.product_description.parts[presented.part]
    request = Locate(context.leased("feeder"), part, presented.part_in_cell, _search_radius_m(feeder))
    return await looked_again(context, LOOK_AGAIN_RATIOS, lambda r: camera.locate(request, spec.exposure_s * r))


async def looked_again(context: SkillContext, ratios: Iterable[float], look: Callable[[float], Awaitable[S]]) -> S:
    """What a look gives with the usual exposure, or else with one of others; CAMERA_UNUSABLE_IMAGE when none is any good."""
    unusable: FaultError | None = None
    for ratio in (1.0, *ratios):
        if unusable is not None:
            context.say("look again", 0.6, "the image was unusable: other exposure")
        try:
            return await look(ratio)
        except FaultError as error:
            if error.fault.code != "CAMERA_UNUSABLE_IMAGE":
                raise
            unusable = error
    raise unusable or FaultError("CAMERA_UNUSABLE_IMAGE", context.leased("camera"))


def _search_radius_m(feeder: FeederSpec) -> float:
    """Five standard deviations of the part's place, but not as far as the next part."""
    radius_m = max(5.0 * feeder.scatter_m, 0.002)
    return min(radius_m, feeder.pitch_m / 2) if feeder.pitch_m > 0.0 else radius_m
