"""Solids of tools, parts and units: what hangs at a flange, stands in a rack or lies at a station."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from microcell.description.extents import half_extents, top_m
from microcell.description.files import shipped_file
from microcell.description.line import Line
from microcell.description.product import Box, Grasp, Part, Product, Screw
from microcell.description.tool import Tool
from microcell.geometry import Pose
from microcell.motion.link_solids import placed
from microcell.motion.robot_file import RobotFile, read_robot_file
from microcell.motion.scene import Solid, box, cylinder

UNIT = "unit"
"""Name of the finished unit among the parts that a tool may hold."""

SHAFT_RATIO = 0.6
"""Diameter of a screw's shaft by that of its head: descriptions don't say it; ISO 4762 has 0.56 to 0.6."""
_BARE_TOOL_RADIUS_M = 0.03


def tool_solids(tool: Tool) -> tuple[Solid, ...]:
    """A tool's solids in the flange's frame: its own `shape`, else those of its model, else a cylinder down to its TCP."""
    if tool.shape:
        return tuple(Solid(tool.name, shape) for shape in tool.shape)
    if tool.model and (solids := _model_solids(tool.name, shipped_file(tool.model, "tools"))):
        return solids
    length_m = max(tool.tcp_in_flange.xyz_m[2], 1e-3)
    return (cylinder(tool.name, _BARE_TOOL_RADIUS_M, length_m, Pose((0.0, 0.0, length_m / 2))),)


def _model_solids(name: str, path: Path) -> tuple[Solid, ...]:
    """The collision solids of a tool's model, open as far as it goes; its root link is the flange."""
    robot = read_robot_file(path)
    return tuple(
        Solid(name, shape, _open_in_root(robot, link.name) @ pose)
        for link in robot.links.values()
        for shape, pose in placed(path, link.collisions)
    )


def _open_in_root(robot: RobotFile, link: str) -> Pose:
    """A link in the root, with sliding joints, those of fingers, at their upper limits and the others at rest."""
    joint = robot.joint_of.get(link)
    if joint is None:
        return Pose()
    here = joint.locked()
    if joint.slides and joint.upper is not None:
        x, y, z = (value * joint.upper for value in joint.axis)
        here = joint.origin @ Pose((x, y, z))
    return _open_in_root(robot, joint.parent) @ here


def part_solids(name: str, part: Part) -> tuple[Solid, ...]:
    """A part's solids in its own frame. A bore counts as filled."""
    shape = part.shape
    if isinstance(shape, Box):
        size = (shape.length_m, shape.width_m, shape.height_m)
        return (box(name, size, Pose((0.0, 0.0, shape.height_m / 2))),)
    if isinstance(shape, Screw):
        head_m, radius_m = max(top_m(part), 1e-4), shape.head_diameter_m / 2
        head = cylinder(name, radius_m, head_m, Pose((0.0, 0.0, head_m / 2)))
        shaft = cylinder(name, SHAFT_RATIO * radius_m, shape.length_m, Pose((0.0, 0.0, -shape.length_m / 2)))
        return (head, shaft)
    return (cylinder(name, shape.diameter_m / 2, shape.height_m, Pose((0.0, 0.0, shape.height_m / 2))),)


def unit_parts(product: Product, variant: str = "") -> tuple[tuple[str, Pose], ...]:
    """Name of each part of a finished unit, and its pose in the unit; "" is the default variant."""
    variant = variant or product.default_variant
    first = next(iter(product.bill_of_materials))
    seats = [(site.item, site.part_in_unit.pose) for site in product.sites.values()]
    if all(item != first for item, _ in seats):
        seats.insert(0, (first, Pose()))
    return tuple((product.part_of(item, variant), pose) for item, pose in seats)


def unit_solids(product: Product, variant: str = "") -> tuple[Solid, ...]:
    """All parts of a finished unit, in the unit's frame; "" is the default variant."""
    return tuple(
        replace(solid, pose=pose @ solid.pose)
        for part, pose in unit_parts(product, variant)
        for solid in part_solids(part, product.parts[part])
    )


def carried_solids(line: Line, tool: str, part: str = "", part_in_tcp: Pose | None = None) -> tuple[Solid, ...]:
    """What hangs at a flange, in the flange's frame: a tool of the line, and a part of its product (or `UNIT`).

    Without `part_in_tcp` the part sits in the tool as its grasp says.
    """
    if not tool:
        return ()
    spec = line.tools[tool]
    solids = tool_solids(spec)
    if not part:
        return solids
    product = line.product_description
    held = unit_solids(product) if part == UNIT else part_solids(part, product.parts[part])
    grasp = product.unit_grasp if part == UNIT else product.parts[part].grasp
    frame = spec.tcp_in_flange.pose @ (part_in_tcp or part_in_tcp_of(grasp))
    return solids + tuple(solid.seen_from(frame) for solid in held)


def part_in_tcp_of(grasp: Grasp) -> Pose:
    """Pose of a part in the TCP's frame when it is held as its grasp says."""
    return grasp.tcp_in_part.pose.inverse()


def unit_height_m(product: Product) -> float:
    """Height of the highest unit over its frame, all variants, m."""
    heights = [top_m(product.parts[next(iter(product.bill_of_materials.values()))])]
    for site in product.sites.values():
        parts = {product.part_of(site.item, variant) for variant in product.variants}
        heights += [site.part_in_unit.xyz_m[2] + top_m(product.parts[part]) for part in parts]
    return max(heights)


def unit_half_m(product: Product) -> float:
    """Half of the size of the unit's first part seen from above, m."""
    return max(half_extents(product.parts[next(iter(product.bill_of_materials.values()))]))
