"""Rules of inspections: that the cameras over the stations can do what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from microcell.description.calibration import with_optics
from microcell.description.cell import CameraSpec, DeviceSpec, FeederSpec, FixtureSpec, TesterSpec
from microcell.description.checks import (
    TAUGHT,
    Check,
    Code,
    Diameter,
    Dimension,
    Flatness,
    Gap,
    Height,
    MeasuredBase,
    MeasuredCheck,
    Patch,
)
from microcell.description.picture import Point, across_px, looked_at, outline, outside_px, seen_at
from microcell.description.product import Part
from microcell.description.rules_context import Context, rule
from microcell.description.rules_line import occupied_kinds
from microcell.description.rules_plan import names_a_wrong_site, operations
from microcell.description.rules_product import item_part
from microcell.description.seats import filled_before
from microcell.description.wording import choice
from microcell.errors import Issue
from microcell.geometry import Pose

Worst: TypeAlias = "dict[tuple[str, str], tuple[float, str, Point | None]]"
"""For a camera and a station: by how many pixels something looks beyond the picture, what, and where."""

LEAST_PX = 6
"""An item that is seen narrower cannot be judged."""

LEAST_CODE_PX = 24
"""Nor can a code be read: two pixels for each of the twelve modules of the smallest DataMatrix with its margin."""

MAY_SEE_NOTHING = (*TAUGHT, Dimension, Gap, Diameter, Patch, Height, Flatness)
"""Checks that may be meant for what is there before the site's item comes: a hole, a seat, an empty place."""

_SCATTER_SDS = 3.0
"""So many standard deviations of its place beside it, a feeder's part must be in the picture."""


@rule("line", "cell.devices", "product.plan", "product.inspections")
def rule_depth_is_measured_where_it_is_needed(context: Context) -> Iterator[Issue]:
    """A check of a height or flatness is made by cameras with depth."""
    told: set[tuple[str, str]] = set()
    for operation, camera, spec in looking(context):
        name = str(context.product.plan[operation].parameters["inspection"])
        inspection = context.product.inspections.get(name)
        for check, what in (inspection.checks if inspection else {}).items():
            if isinstance(what, Height | Flatness) and not spec.depth and (name, check) not in told:
                told.add((name, check))
                where = ("inspections", name, "checks", check, "kind")
                remedy = "a camera with 'depth: true' is needed. Use one, or measure something else."
                yield context.issue("product", where, f"camera '{camera}' measures no depth for a {what.kind}", remedy)


@rule("line", "cell.devices", "product.plan")
def rule_inspections_look_in_lights_that_there_are(context: Context) -> Iterator[Issue]:
    """Each light in which an inspection looks again is one of every camera that may make it."""
    for operation, camera, spec in looking(context):
        lights = context.product.plan[operation].parameters.get("again_lights", ())
        for number, light in enumerate(lights if isinstance(lights, list | tuple) else ()):
            if light not in spec.lights:
                where = ("plan", operation, "parameters", "again_lights", number)
                remedy = choice(str(light), spec.lights, "light") if spec.lights else "it has none. Describe it in 'lights'."
                yield context.issue("product", where, f"camera '{camera}' has no light '{light}'", remedy)


@rule("line", "cell.devices", "product")
def rule_what_is_inspected_is_in_the_picture(context: Context) -> Iterator[Issue]:
    """Every camera that may make an inspection has all in its picture that the checks look at."""
    worst: Worst = {}
    cameras = _cameras(context)
    for operation, spec in context.product.plan.items():
        if "inspection" not in spec.parameters:
            continue
        for station, check, part, part_in_cell, points in _judged(context, operation):
            for name, camera in cameras.items():
                if station in camera.sees:
                    _note(worst, (name, station), f"check '{check}'", camera, seen_at(camera, part, part_in_cell, points))
    yield from _beyond_pictures(context, worst)


@rule("line", "cell.devices", "product")
def rule_what_is_inspected_is_large_enough(context: Context) -> Iterator[Issue]:
    """Every camera that may make an inspection shows what the checks look at so large that it can be judged."""
    smallest: dict[tuple[str, str], tuple[float, str, float, int]] = {}
    cameras = _cameras(context)
    for operation, spec in context.product.plan.items():
        for station, name, part, part_in_cell, _ in _judged(context, operation) if "inspection" in spec.parameters else ():
            check = context.product.inspections[str(spec.parameters["inspection"])].checks[name]
            least = LEAST_CODE_PX if isinstance(check, Code) else LEAST_PX
            for camera in [] if isinstance(check, TAUGHT) else [n for n, c in cameras.items() if station in c.sees]:
                size = across_px(cameras[camera], part, part_in_cell)
                if size is not None and size / least < smallest.get((camera, station), (1.0,))[0]:
                    smallest[camera, station] = size / least, name, size, least
    for (camera, station), (_, name, size, least) in smallest.items():
        what = f"check '{name}' at '{station}' sees its item {size:.1f} px wide"
        remedy = f"at least {least} px are needed. Lower the camera, or take a longer focal length."
        yield context.issue("cell", ("devices", camera, "focal_px"), what, remedy)


@rule("line", "cell.devices", "product.parts")
def rule_what_is_fed_is_in_the_picture(context: Context) -> Iterator[Issue]:
    """A feeder's camera has all of its places in its picture, with as much as parts lie beside them."""
    worst: Worst = {}
    cameras = _cameras(context)
    feeders: dict[str, FeederSpec] = context.cell.of_kind("feeder")
    for name, feeder in feeders.items():
        setup, camera = context.line.feeders.get(name), cameras.get(feeder.camera or "")
        part = context.product.parts.get(setup.part) if setup else None
        if part is None or camera is None:
            continue
        points = outline(part, _SCATTER_SDS * feeder.scatter_m)
        for place in _corner_places(feeder):
            _note(worst, (feeder.camera or "", name), "the search", camera, seen_at(camera, part, place, points))
    yield from _beyond_pictures(context, worst)


@rule("product.plan", "product.sites")
def rule_what_is_inspected_is_there(context: Context) -> Iterator[Issue]:
    """What a check looks at in a unit has been brought before it looks; what is taught or measured may be the ground."""
    product = context.product
    for operation, spec in product.plan.items() if not names_a_wrong_site(context) else ():
        inspection = product.inspections.get(str(spec.parameters.get("inspection")))
        if inspection is None or spec.item is not None:
            continue
        filled = filled_before(product, operation)
        for name, check in inspection.checks.items():
            if check.site in product.sites and check.site not in filled and not isinstance(check, MAY_SEE_NOTHING):
                what = f"nothing is at '{check.site}' yet when '{operation}' looks there"
                remedy = "the check would always fail. Make it in a later inspection, or correct the order of the plan."
                where = ("inspections", str(spec.parameters["inspection"]), "checks", name, "site")
                yield context.issue("product", where, what, remedy)


def _note(worst: Worst, key: tuple[str, str], who: str, camera: CameraSpec, seen: list[Point | None]) -> None:
    """Keep for a camera and a station what looks farthest beyond the picture."""
    for point in seen:
        off = outside_px(camera, point)
        if off > worst.get(key, (0.0,))[0]:
            worst[key] = off, who, point


def _beyond_pictures(context: Context, worst: Worst) -> Iterator[Issue]:
    """An issue for each camera and station, with what looks farthest beyond the picture, and where."""
    cameras = context.cell.of_kind("camera")
    for (camera, station), (off, who, seen) in worst.items():
        spec = cameras[camera]
        what = f"{who} at '{station}' looks where the lens shows nothing"
        remedy = "Correct the lens's place and turn: it looks down its -z."
        if seen is not None:
            what = f"{who} at '{station}' looks {off:.0f} px beyond the picture"
            pixel = f"({seen[0]:.0f}, {seen[1]:.0f}) is not in {spec.width_px} x {spec.height_px} px"
            remedy = f"{pixel}. Move or raise the camera, or take a shorter focal length."
        yield context.issue("cell", ("devices", camera, "lens_in_cell"), what, remedy)


def _judged(context: Context, operation: str) -> Iterator[tuple[str, str, Part, Pose, tuple[Point, ...]]]:
    """Each place that an operation's checks look at: station, check, part, its pose in the cell, and points on its top.

    What is brought in the hand is looked at in a tester's nest, the unit in its fixture.
    """
    product, spec = context.product, context.product.plan[operation]
    inspection = product.inspections.get(str(spec.parameters["inspection"]))
    for name, check in (inspection.checks if inspection else {}).items():
        site = product.sites.get(check.site)
        item = spec.item or (site.item if site else "")
        parts = {part for variant in product.variants if (part := item_part(context, item, variant)) is not None}
        for part in parts:
            points = ((0.0, 0.0),) if isinstance(check, TAUGHT) else looked_at(part, _own_options(check))
            for station, device in _in_use(context):
                if spec.item and isinstance(device, TesterSpec):
                    yield station, name, part, device.part_in_cell.pose, points
                elif site and not spec.item and isinstance(device, FixtureSpec):
                    yield station, name, part, device.seat_in_cell.pose @ site.part_in_unit.pose, points


def _in_use(context: Context) -> Iterator[tuple[str, DeviceSpec]]:
    """The cell's devices, without those that the line leaves to others."""
    for name, device in context.cell.devices.items():
        if all(kind != device.kind or name in names for kind, names in context.line.uses.items()):
            yield name, device


def _own_options(check: Check) -> MeasuredCheck | None:
    return check if isinstance(check, MeasuredBase) else None


def _corner_places(feeder: FeederSpec) -> Iterator[Pose]:
    """The outermost of a feeder's places, in the cell."""
    for column in {0, feeder.columns - 1}:
        for row in {0, feeder.rows - 1}:
            yield feeder.part_in_cell.pose @ Pose((column * feeder.pitch_m, row * feeder.pitch_m, 0.0))


def _cameras(context: Context) -> dict[str, CameraSpec]:
    """The cameras by name, with the optics of their calibrations; without those whose calibration is not sound."""
    found, cameras = context.calibrations, context.cell.of_kind("camera")
    return {
        name: with_optics(spec, found.get(name))
        for name, spec in cameras.items()
        if spec.calibration is None or name in found
    }


def looking(context: Context) -> Iterator[tuple[str, str, CameraSpec]]:
    """Each operation of the plan that inspects, with each camera that may make it."""
    cameras: dict[str, CameraSpec] = context.cell.of_kind("camera")
    for section, name, operation in operations(context):
        if section != "plan" or "inspection" not in operation.parameters:
            continue
        stations = {station for kind in occupied_kinds(context, name) for station in context.cell.of_kind(kind)}
        for camera, spec in cameras.items():
            if stations.intersection(spec.sees):
                yield name, camera, spec
