"""What stands still in the world: the bench, stations, racks and cameras."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

from microcell.description.cell import CameraSpec, ToolCribSpec
from microcell.description.line import Line
from microcell.gazebo import scheme
from microcell.gazebo.elements import (
    PARTS_BIT,
    STATIONS_BIT,
    TOOLS_BIT,
    Rgba,
    add,
    add_collision,
    add_inertial,
    add_plugin,
    add_pose,
    add_visual,
    numbers,
    rgba,
)
from microcell.gazebo.links import add_fixed_joint
from microcell.gazebo.tool import tool_model
from microcell.geometry import Pose, Quaternion
from microcell.motion.cell_scene import cell_scene
from microcell.motion.scene import ROOM, Solid
from microcell.ros import names

BENCH_RGB = (90, 90, 90)
"""As the simulated plant's bench: matt and neutral, the cameras' reference of brightness and white."""

RACK: Rgba = (0.25, 0.26, 0.28, 1.0)
CAMERA_HZ = 5.0
NEAR_M, FAR_M = 0.05, 5.0
CORNER_PX = 0.5
"""Gazebo counts pixels from the image's corner, descriptions from the middle of the first pixel."""

LEAST_VIEW_RAD = 0.1
"""Harmonic refuses a narrower field of view; what is seen is told by the lens' intrinsics, in every release."""

_AHEAD_IS_DOWN: Quaternion = (-0.5, 0.5, 0.5, 0.5)
"""Gazebo's cameras look along x with z up: turned so that they look along -z with y up in the image."""


def add_stations(world: ET.Element, line: Line, arm: str) -> None:
    """A static model for each body of the arm's collision scene that is neither an arm nor a tool.

    They collide as the planner sees them, but for racks: their forks reach into the tools that they hold.
    """
    devices, scene = line.cell_description.devices, cell_scene(line, arm)
    for name in scene:
        kind = devices[name].kind if name in devices else "bench"
        if kind in ("arm", "tool_crib", "camera") or name in line.tools:
            continue
        model = add(world, "model", name=name)
        link = _standing(model, name) if kind == "fixture" else _static(model)
        add_solids(link, [solid for solid in scene[name] if solid.name != ROOM], rgba(_colour(line)), felt=True)


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
    for spec in line.cell_description.of_kind("camera").values():
        told = spec.parameters.get("background_rgb")
        if told:
            red, green, blue = told
            return (int(red), int(green), int(blue))
    return BENCH_RGB


def add_solids(link: ET.Element, solids: list[Solid], colour: Rgba, felt: bool) -> None:
    """Solids of a station, in the cell frame, each seen and felt."""
    for index, solid in enumerate(solids):
        add_visual(link, f"{solid.name}_visual_{index}", solid.shape, solid.middle, colour)
        if felt:
            add_collision(
                link, f"{solid.name}_collision_{index}", solid.shape, solid.middle, STATIONS_BIT | PARTS_BIT | TOOLS_BIT
            )


def add_crib(world: ET.Element, line: Line, namespace: str, name: str, spec: ToolCribSpec, arm: str) -> None:
    """A rack, fixed to the bench, that holds each tool by a joint that can be let go of."""
    model = add(world, "model", name=name)
    link = _standing(model, name, scheme.RACK_LINK)
    add_solids(link, list(cell_scene(line, arm)[name]), RACK, felt=False)
    for pocket in spec.pockets:
        if pocket.tool is not None:
            add_hold(
                model, scheme.RACK_LINK, pocket.tool, tool_model(line.tools[pocket.tool]).root,
                scheme.topic(namespace, scheme.released(f"{name}/{pocket.tool}")),
            )  # fmt: skip


def add_hold(model: ET.Element, link: str, child_model: str, child_link: str, release: str) -> None:
    """gz-sim's DetachableJoint: holds the other model from the first step on, until somebody says so on `release`."""
    plugin = add_plugin(model, "DetachableJoint")
    for key, value in hold_parameters(link, child_model, child_link, release).items():
        add(plugin, key, value)


def hold_parameters(link: str, child_model: str, child_link: str, release: str) -> dict[str, str]:
    """What a DetachableJoint is told."""
    return {
        "parent_link": link,
        "child_model": child_model,
        "child_link": child_link,
        "detach_topic": release,
        "attach_topic": f"{release}/again",
        "output_topic": f"{release}/state",
        "suppress_child_warning": "true",
    }


def add_camera(world: ET.Element, namespace: str, name: str, spec: CameraSpec) -> None:
    """A fixed camera whose optics are the description's: the same focal length, centre and size."""
    model = add(world, "model", name=name)
    add(model, "static", "true")
    add_pose(model, spec.lens_in_cell.pose @ Pose((0.0, 0.0, 0.0), _AHEAD_IS_DOWN))
    link = add(model, "link", name=scheme.CAMERA_LINK)
    sensor = add(link, "sensor", name=name, type="camera")
    add(sensor, "always_on", "true")
    add(sensor, "update_rate", CAMERA_HZ)
    add(sensor, "topic", scheme.topic(namespace, names.image(name)))
    add(sensor, "gz_frame_id", names.optical_frame(name))
    camera = add(sensor, "camera", name=name)
    add(camera, "camera_info_topic", scheme.topic(namespace, names.camera_info(name)))
    add(camera, "horizontal_fov", max(2.0 * math.atan(spec.width_px / (2.0 * spec.focal_px)), LEAST_VIEW_RAD))
    image = add(camera, "image")
    add(image, "width", str(spec.width_px))
    add(image, "height", str(spec.height_px))
    add(image, "format", "R8G8B8")
    clip = add(camera, "clip")
    add(clip, "near", NEAR_M)
    add(clip, "far", FAR_M)
    noise = add(camera, "noise")
    add(noise, "type", "gaussian")
    add(noise, "mean", "0")
    add(noise, "stddev", spec.noise_ratio)
    _add_lens(camera, spec)
    add(camera, "optical_frame_id", names.optical_frame(name))


def _add_lens(camera: ET.Element, spec: CameraSpec) -> None:
    """Distortion and intrinsics, as the description has them."""
    if any(spec.distortion_ratios):
        distortion = add(camera, "distortion")
        for key, value in zip(("k1", "k2", "p1", "p2", "k3"), spec.distortion_ratios, strict=True):
            add(distortion, key, value)
        add(distortion, "center", numbers((spec.axis_px[0] / spec.width_px, spec.axis_px[1] / spec.height_px)))
    lens = add(camera, "lens")
    add(lens, "type", "gnomonical")
    add(lens, "scale_to_hfov", "false")
    intrinsics = add(lens, "intrinsics")
    x, y = (value + CORNER_PX for value in spec.axis_px)
    for key, value in (("fx", spec.focal_px), ("fy", spec.focal_px), ("cx", x), ("cy", y), ("s", 0.0)):
        add(intrinsics, key, value)
