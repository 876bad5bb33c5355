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

ARMS_BIT, TOOLS_BIT, FIRST_KIND = 0x0001, 0x0002, 0x0010
KINDS = 12
"""Two collisions touch each other where their bit masks of 16 bits have one in common (gz-physics, BitmaskContactFilter).

Arms touch arms and stations; tools touch tools; pieces touch stations and pieces of their own kind, that is of the same item
of the bill of materials. Pieces of different kinds fit into each other, and tools press on pieces, by the plant's rules: a
rigid contact would stop an arm before the force that its skill waits for.
"""

STATIONS_MASK = ARMS_BIT | sum(FIRST_KIND << kind for kind in range(KINDS))


def kind_mask(kind: int) -> int:
    """Mask of the pieces of one kind. Of many, later ones share theirs; none has the first one's, which has them in it."""
    return FIRST_KIND << (kind if kind == 0 else 1 + (kind - 1) % (KINDS - 1))


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
    add(material, "specular", "0 0 0 1")


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


def add_contact_sensor(link: ET.Element, topic: str) -> None:
    """Append a sensor that tells on a topic what all collisions of the link touch."""
    sensor = add(link, "sensor", name=f"{link.attrib['name']}_contact", type="contact")
    contact = add(sensor, "contact")
    for collision in link.findall("collision"):
        add(contact, "collision", collision.attrib["name"])
    add(contact, "topic", topic)


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
    """A described sRGB colour, 8 bit, as Gazebo has colours: light, from 0 to 1, not yet encoded (IEC 61966-2-1)."""
    red, green, blue = (_light(channel / 255.0) for channel in rgb)
    return (red, green, blue, 1.0)


def _light(encoded: float) -> float:
    return encoded / 12.92 if encoded <= 0.04045 else ((encoded + 0.055) / 1.055) ** 2.4


def text_of(root: ET.Element) -> str:
    """The document, indented, with its declaration."""
    ET.indent(root)
    return '<?xml version="1.0"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
