"""What stands still in the world: the bench, stations and racks."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from microcell.description.cell import FeederSpec, ToolCribSpec
from microcell.description.driver_parameters import BENCH_RGB, camera_parameters
from microcell.description.line import Line
from microcell.gazebo import scheme
from microcell.gazebo.elements import (
    ARMS_BIT,
    STATIONS_MASK,
    Rgba,
    add,
    add_collision,
    add_inertial,
    add_plugin,
    add_visual,
    rgba,
)
from microcell.gazebo.links import add_fixed_joint
from microcell.gazebo.tool import tool_model
from microcell.geometry import Pose
from microcell.motion.cell_scene import cell_scene
from microcell.motion.scene import JAW, ROOM, Solid

RACK: Rgba = (0.25, 0.26, 0.28, 1.0)


def add_stations(world: ET.Element, line: Line, arm: str) -> None:
    """A static model for each body of the arm's collision scene that is neither an arm nor a tool.

    They collide as the planner sees them, but for racks, whose forks reach into the tools that they hold, and for feeders of
    screws, which have no hole for the shaft of the one that they present: they would press out what the bit has taken.
    """
    devices, scene = line.cell_description.devices, cell_scene(line, arm)
    holding = holding_stations(line)
    for name in scene:
        kind = devices[name].kind if name in devices else "bench"
        if kind in ("arm", "tool_crib", "camera") or name in line.tools:
            continue
        model = add(world, "model", name=name)
        link = _standing(model, name) if name in holding else _static(model)
        touches = ARMS_BIT if _presents_screws(line, name) else STATIONS_MASK
        add_solids(link, [solid for solid in scene[name] if solid.name != ROOM], rgba(_colour(line)), touches)


def holding_stations(line: Line) -> tuple[str, ...]:
    """Stations that can hold a piece by a joint: fixtures, and printers, whose labels are thin."""
    cell = line.cell_description
    return (*cell.of_kind("fixture"), *cell.of_kind("printer"))


def _presents_screws(line: Line, name: str) -> bool:
    spec = line.cell_description.devices.get(name)
    return isinstance(spec, FeederSpec) and spec.style == "screw"


def _static(model: ET.Element) -> ET.Element:
    add(model, "static", "true")
    return add(model, "link", name=scheme.STATION_LINK)


def _standing(model: ET.Element, name: str, link_name: str = scheme.STATION_LINK) -> ET.Element:
    """A body fixed to the ground by a joint: what is to hold others by joints may not be a static model."""
    link = add(model, "link", name=link_name)
    add_inertial(link, 5.0, Pose((0.0, 0.0, 0.1)), (0.1, 0.0, 0.0, 0.1, 0.0, 0.1))
    add_fixed_joint(model, f"{name}_foot", "world", link_name)
    return link


def _colour(line: Line) -> tuple[int, int, int]:
    cameras = line.cell_description.of_kind("camera").values()
    told = (camera_parameters(spec.parameters, "background_rgb").background_rgb for spec in cameras)
    return next((colour for colour in told if colour != BENCH_RGB), BENCH_RGB)


def add_solids(link: ET.Element, solids: list[Solid], colour: Rgba, touches: int) -> None:
    """Solids of a station, in the cell frame, each seen, and felt by what `touches` says, 0 for nothing; jaws are only seen,
    for they are drawn as they are closed.
    """
    for index, solid in enumerate(solids):
        add_visual(link, f"{solid.name}_visual_{index}", solid.shape, solid.middle, colour)
        if touches and solid.name != JAW:
            add_collision(link, f"{solid.name}_collision_{index}", solid.shape, solid.middle, touches)


def add_crib(world: ET.Element, line: Line, namespace: str, name: str, spec: ToolCribSpec, arm: str) -> None:
    """A rack, fixed to the bench, that holds each tool by a joint that can be let go of."""
    model = add(world, "model", name=name)
    link = _standing(model, name, scheme.RACK_LINK)
    add_solids(link, list(cell_scene(line, arm)[name]), RACK, touches=0)
    for pocket in spec.pockets:
        if pocket.tool is not None:
            add_hold(
                model, scheme.RACK_LINK, pocket.tool, tool_model(line.tools[pocket.tool]).root,
                scheme.topic(namespace, scheme.released(name, pocket.tool)), scheme.topic(namespace, scheme.HOLDS),
            )  # fmt: skip


def add_hold(model: ET.Element, link: str, child_model: str, child_link: str, release: str, told: str) -> None:
    """gz-sim's DetachableJoint: holds the other model from the first step on, until somebody says so on `release`."""
    plugin = add_plugin(model, "DetachableJoint")
    for key, value in hold_parameters(link, child_model, child_link, release, told).items():
        add(plugin, key, value)


def hold_parameters(link: str, child_model: str, child_link: str, release: str, told: str) -> dict[str, str]:
    """What a DetachableJoint is told: the topic on which it is let go of, and the one on which that is told."""
    return {
        "parent_link": link,
        "child_model": child_model,
        "child_link": child_link,
        "detach_topic": release,
        "attach_topic": f"{release}/again",
        "output_topic": told,
        "suppress_child_warning": "true",
    }
