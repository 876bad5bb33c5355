"""Rules of inspections: that the cameras over the stations can do what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator

from microcell.description.cell import CameraSpec
from microcell.description.checks import Flatness, Height
from microcell.description.rules_context import Context, rule
from microcell.description.rules_line import occupied_kinds
from microcell.description.rules_plan import operations
from microcell.description.wording import choice
from microcell.errors import Issue


@rule("line", "cell.devices", "product.plan", "product.inspections")
def rule_depth_is_measured_where_it_is_needed(context: Context) -> Iterator[Issue]:
    """A check of a height or flatness is made by cameras with depth."""
    told: set[tuple[str, str]] = set()
    for operation, camera, spec in _looking(context):
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
    for operation, camera, spec in _looking(context):
        lights = context.product.plan[operation].parameters.get("again_lights", ())
        for number, light in enumerate(lights if isinstance(lights, list | tuple) else ()):
            if light not in spec.lights:
                where = ("plan", operation, "parameters", "again_lights", number)
                remedy = choice(str(light), spec.lights, "light") if spec.lights else "it has none. Describe it in 'lights'."
                yield context.issue("product", where, f"camera '{camera}' has no light '{light}'", remedy)


def _looking(context: Context) -> Iterator[tuple[str, str, CameraSpec]]:
    """Each operation of the plan that inspects, with each camera that may make it."""
    cameras: dict[str, CameraSpec] = context.cell.of_kind("camera")
    for section, name, operation in operations(context):
        if section != "plan" or "inspection" not in operation.parameters:
            continue
        stations = {station for kind in occupied_kinds(context, name) for station in context.cell.of_kind(kind)}
        for camera, spec in cameras.items():
            if stations.intersection(spec.sees):
                yield name, camera, spec
