"""Cameras of the world: those of the description, and one that overlooks the cell."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np

from microcell.description.cell import CameraSpec
from microcell.description.line import Line
from microcell.gazebo import scheme
from microcell.gazebo.elements import add, add_pose
from microcell.geometry import Pose, Quaternion, from_rpy
from microcell.motion.cell_scene import cell_scene
from microcell.motion.scene import ROOM
from microcell.ros import names

NEAR_M, FAR_M = 0.05, 5.0
CORNER_PX = 0.5
"""Gazebo counts pixels from the image's corner, descriptions from the middle of the first pixel."""

LEAST_VIEW_RAD = 0.1
"""Harmonic refuses a narrower field of view; what is seen is told by the lens' intrinsics, in every release."""

SCENE_HZ, SCENE_PX, SCENE_VIEW_RAD = 2.0, (960, 600), 0.75
_FROM: tuple[float, float, float] = (0.75, -0.75, 0.6)
"""Direction in which the camera that overlooks the cell stands from its middle."""

_AHEAD_IS_DOWN: Quaternion = (-0.5, 0.5, 0.5, 0.5)
"""Gazebo's cameras look along x with z up: turned so that they look along -z with y up in the image."""


def add_camera(world: ET.Element, namespace: str, name: str, spec: CameraSpec) -> None:
    """A fixed camera whose optics are the description's: the same focal length, centre and size.

    It exposes when it is told to on its trigger topic: a software renderer would spend most of its time on images that
    nobody looks at. The lens' distortion is left out: ogre2 has no pass that would render it (gz-rendering 8 and 9 have it
    for ogre alone), and what the world does not show must not be in the camera's info.
    """
    model = _standing(world, name, spec.lens_in_cell.pose @ Pose((0.0, 0.0, 0.0), _AHEAD_IS_DOWN))
    sensor, camera = _add_sensor(model, name, "rgbd_camera" if spec.depth else "camera")
    add(sensor, "topic", scheme.topic(namespace, name if spec.depth else names.image(name)))
    add(camera, "optical_frame_id", names.optical_frame(name))
    add(camera, "camera_info_topic", scheme.topic(namespace, names.camera_info(name)))
    add(camera, "triggered", "true")
    add(camera, "trigger_topic", scheme.topic(namespace, scheme.trigger(name)))
    view_rad = 2.0 * math.atan(spec.width_px / (2.0 * spec.focal_px))
    _add_picture(camera, max(view_rad, LEAST_VIEW_RAD), (spec.width_px, spec.height_px))
    noise = add(camera, "noise")
    add(noise, "type", "gaussian")
    add(noise, "mean", "0")
    # Of an RGB-D camera it is the distance's, in metres (ogre2's gaussian_noise_depth_fs.glsl): its colour is without.
    add(noise, "stddev", spec.depth_noise_m if spec.depth else spec.noise_ratio)
    _add_lens(camera, spec)


def add_scene_camera(world: ET.Element, line: Line, namespace: str, arm: str) -> None:
    """A camera beside the bench that sees all stations; rendered only while its image has a listener."""
    scene = cell_scene(line, arm)
    middles = [solid.middle.position for name in scene for solid in scene[name] if solid.name != ROOM and name != "bench"]
    low, high = np.min(middles, axis=0), np.max(middles, axis=0)
    middle, size_m = (low + high) / 2.0, float(np.linalg.norm(high - low)) or 1.0
    away = np.array(_FROM) / np.linalg.norm(_FROM)
    eye = middle + away * max(1.0, size_m) * 0.6 / math.tan(SCENE_VIEW_RAD / 2.0)
    turn = from_rpy(0.0, math.asin(away[2]), math.atan2(-away[1], -away[0]))
    x, y, z = (float(value) for value in eye)
    model = _standing(world, scheme.SCENE_CAMERA.replace("/", "_"), Pose((x, y, z), turn))
    sensor, camera = _add_sensor(model, "scene", "camera")
    add(sensor, "update_rate", SCENE_HZ)
    add(sensor, "topic", scheme.topic(namespace, names.image(scheme.SCENE_CAMERA)))
    _add_picture(camera, SCENE_VIEW_RAD, SCENE_PX)


def _standing(world: ET.Element, name: str, pose: Pose) -> ET.Element:
    model = add(world, "model", name=name)
    add(model, "static", "true")
    add_pose(model, pose)
    return model


def _add_sensor(model: ET.Element, name: str, kind: str) -> tuple[ET.Element, ET.Element]:
    """The sensor, and the camera in it."""
    sensor = add(add(model, "link", name=scheme.CAMERA_LINK), "sensor", name=name, type=kind)
    add(sensor, "always_on", "true")
    return sensor, add(sensor, "camera", name=name)


def _add_picture(camera: ET.Element, view_rad: float, size_px: tuple[int, int]) -> None:
    add(camera, "horizontal_fov", view_rad)
    image = add(camera, "image")
    add(image, "width", str(size_px[0]))
    add(image, "height", str(size_px[1]))
    add(image, "format", "R8G8B8")
    clip = add(camera, "clip")
    add(clip, "near", NEAR_M)
    add(clip, "far", FAR_M)


def _add_lens(camera: ET.Element, spec: CameraSpec) -> None:
    """Intrinsics as the description has them; Gazebo renders by them, not by the field of view."""
    lens = add(camera, "lens")
    add(lens, "type", "gnomonical")
    add(lens, "scale_to_hfov", "false")
    intrinsics = add(lens, "intrinsics")
    x, y = (value + CORNER_PX for value in spec.axis_px)
    for key, value in (("fx", spec.focal_px), ("fy", spec.focal_px), ("cx", x), ("cy", y), ("s", 0.0)):
        add(intrinsics, key, value)
