"""SDFormat elements: what every model is put together from. Lengths in m, angles in rad, masses in kg."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from microcell.description.shape import BoxShape, CylinderShape, ShapeSpec
from microcell.geometry import Pose

SDF_VERSION = "1.10"
"""Read by Harmonic and by Ionic."""

Rgba = tuple[float, float, float, float]

ARMS_BIT, STATIONS_BIT, PARTS_BIT, TOOLS_BIT = 0x01, 0x02, 0x04, 0x08
"""Two collisions touch each other where their bit masks have a bit in common (`collides_with`)."""


def add(parent: ET.Element, tag: str, text: str | float | None = None, **attributes: str) -> ET.Element:
    """Append an element with its text and attributes."""
    element = ET.SubElement(parent, tag, attributes)
    if text is not None:
        element.text = text if isinstance(text, str) else number(text)
    return element


def number(value: float) -> str:
    """A number without noise in its last digits; never -0."""
    return f"{value + 0.0:.9g}" if abs(value) > 1e-12 else "0"


def numbers(values: Sequence[float]) -> str:
    """Numbers with blanks between them."""
    return " ".join(number(value) for value in values)


def valid_name(text: str) -> str:
    """A name that Gazebo takes as a part of its topics and scopes."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


def add_pose(parent: ET.Element, pose: Pose, relative_to: str = "") -> None:
    """Append `<pose>` as x y z and a quaternion x y z w, unless it is the identity in the usual frame."""
    attributes = {"relative_to": relative_to} if relative_to else {}
    attributes["rotation_format"] = "quat_xyzw"
    add(parent, "pose", numbers((*pose.position, *pose.orientation)), **attributes)


def add_geometry(parent: ET.Element, shape: ShapeSpec) -> None:
    """Append `<geometry>` for a primitive."""
    geometry = add(parent, "geometry")
    if isinstance(shape, BoxShape):
        add(add(geometry, "box"), "size", numbers(shape.box_m))
    elif isinstance(shape, CylinderShape):
        cylinder = add(geometry, "cylinder")
        add(cylinder, "radius", shape.radius_m)
        add(cylinder, "length", shape.length_m)
    else:
        add(add(geometry, "sphere"), "radius", shape.sphere_radius_m)


def add_visual(link: ET.Element, name: str, shape: ShapeSpec, pose: Pose, colour: Rgba) -> ET.Element:
    """Append a visible solid; `pose` is its middle in the link."""
    visual = add(link, "visual", name=name)
    add_pose(visual, pose)
    add_geometry(visual, shape)
    add_material(visual, colour)
    return visual


def add_material(visual: ET.Element, colour: Rgba) -> None:
    """Append a matt material, so that cameras see the described colour."""
    material = add(visual, "material")
    add(material, "ambient", numbers(colour))
    add(material, "diffuse", numbers(colour))
    add(material, "specular", "0.05 0.05 0.05 1")


def add_collision(
    link: ET.Element, name: str, shape: ShapeSpec, pose: Pose, collides_with: int, friction: float = 0.6
) -> None:
    """Append a solid that touches; `pose` is its middle in the link, `friction` Coulomb's coefficient."""
    collision = add(link, "collision", name=name)
    add_pose(collision, pose)
    add_geometry(collision, shape)
    surface = add(collision, "surface")
    add(add(surface, "contact"), "collide_bitmask", str(collides_with))
    ode = add(add(surface, "friction"), "ode")
    add(ode, "mu", friction)
    add(ode, "mu2", friction)


def add_inertial(link: ET.Element, mass_kg: float, pose: Pose, inertia: Sequence[float]) -> None:
    """Append `<inertial>`; `inertia` is (ixx, ixy, ixz, iyy, iyz, izz) about the centre of mass, in the pose's axes."""
    inertial = add(link, "inertial")
    add_pose(inertial, pose)
    add(inertial, "mass", mass_kg)
    element = add(inertial, "inertia")
    for key, value in zip(("ixx", "ixy", "ixz", "iyy", "iyz", "izz"), inertia, strict=True):
        add(element, key, value)


def add_plugin(parent: ET.Element, system: str, filename: str = "") -> ET.Element:
    """Append a system plugin of gz-sim, such as `ForceTorque`.

    Most files are named as the system in small letters with hyphens; `filename` names the others' part.
    """
    part = filename or re.sub(r"(?<!^)(?=[A-Z])", "-", system).lower()
    return add(parent, "plugin", filename=f"gz-sim-{part}-system", name=f"gz::sim::systems::{system}")


def add_pose_publisher(model: ET.Element, topic: str, rate_hz: float) -> None:
    """Append what tells where the model is, under its name; several models can tell it on one topic."""
    plugin = add_plugin(model, "PosePublisher")
    for key in ("publish_link_pose", "publish_visual_pose", "publish_collision_pose", "publish_sensor_pose"):
        add(plugin, key, "false")
    add(plugin, "publish_nested_model_pose", "false")
    add(plugin, "publish_model_pose", "true")
    add(plugin, "use_pose_vector_msg", "false")
    add(plugin, "topic", topic)
    add(plugin, "update_frequency", rate_hz)


def solid_inertia(shape: ShapeSpec, mass_kg: float) -> tuple[float, float, float, float, float, float]:
    """(ixx, ixy, ixz, iyy, iyz, izz) of a full primitive about its middle, kg m2."""
    if isinstance(shape, BoxShape):
        x, y, z = shape.box_m
        xx, yy, zz = (y * y + z * z) / 12.0, (x * x + z * z) / 12.0, (x * x + y * y) / 12.0
    elif isinstance(shape, CylinderShape):
        radius, length = shape.radius_m, shape.length_m
        xx = yy = (3.0 * radius * radius + length * length) / 12.0
        zz = radius * radius / 2.0
    else:
        xx = yy = zz = 0.4 * shape.sphere_radius_m**2
    return mass_kg * xx, 0.0, 0.0, mass_kg * yy, 0.0, mass_kg * zz


def volume_m3(shape: ShapeSpec) -> float:
    """Volume of a primitive."""
    if isinstance(shape, BoxShape):
        return math.prod(shape.box_m)
    if isinstance(shape, CylinderShape):
        return math.pi * shape.radius_m**2 * shape.length_m
    return 4.0 / 3.0 * math.pi * shape.sphere_radius_m**3


def rgba(rgb: Sequence[int]) -> Rgba:
    """A description's 8-bit colour as four numbers from 0 to 1."""
    red, green, blue = (channel / 255.0 for channel in rgb)
    return (red, green, blue, 1.0)


def text_of(root: ET.Element) -> str:
    """The document, indented, with its declaration."""
    ET.indent(root)
    return '<?xml version="1.0"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
