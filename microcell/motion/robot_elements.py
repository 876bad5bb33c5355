"""What elements of a robot file say: shapes, masses, places, colours, numbers. ValueError for what they cannot say."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from microcell.geometry import Pose, Quaternion, from_rpy


@dataclass(frozen=True, slots=True)
class Primitive:
    """A box (edges), cylinder along z (radius, length), sphere (radius) or mesh (scale) of a link, in m."""

    kind: str
    sizes: tuple[float, ...]
    pose: Pose
    rgba: tuple[float, float, float, float] | None = None
    mesh: str = ""


@dataclass(frozen=True, slots=True)
class Inertial:
    """Mass in kg, centre of mass with the inertia's axes, and (ixx, ixy, ixz, iyy, iyz, izz) in kg m2."""

    mass_kg: float
    pose: Pose
    inertia: tuple[float, ...]


def primitive_of(element: ET.Element, colours: dict[str, tuple[float, float, float, float]]) -> Primitive:
    """The shape of a <visual> or <collision>."""
    geometry = element.find("geometry")
    shape = geometry[0] if geometry is not None and len(geometry) else None
    pose, rgba = origin_of(element), colour_of(element.find("material"), colours)
    if shape is None:
        raise ValueError(f"a <{element.tag}> has no geometry")
    if shape.tag == "box":
        return Primitive("box", numbers(shape.attrib["size"], 3), pose, rgba)
    if shape.tag in ("cylinder", "capsule"):
        sizes = (*numbers(shape.attrib["radius"], 1), *numbers(shape.attrib["length"], 1))
        return Primitive(shape.tag, sizes, pose, rgba)
    if shape.tag == "sphere":
        return Primitive("sphere", numbers(shape.attrib["radius"], 1), pose, rgba)
    if shape.tag == "mesh":
        scale = numbers(shape.get("scale", "1 1 1"), 3)
        return Primitive("mesh", scale, pose, rgba, shape.attrib["filename"])
    raise ValueError(f"geometry <{shape.tag}> is none of box, cylinder, sphere, mesh")


def inertial_of(element: ET.Element | None) -> Inertial | None:
    """What an <inertial> says, None where it lacks mass or inertia."""
    if element is None:
        return None
    mass, inertia = element.find("mass"), element.find("inertia")
    if mass is None or inertia is None:
        return None
    entries = tuple(numbers(inertia.get(key, "0"), 1)[0] for key in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz"))
    return Inertial(numbers(mass.attrib["value"], 1)[0], origin_of(element), entries)


def origin_of(element: ET.Element) -> Pose:
    """Where an element's <origin> puts it."""
    origin = element.find("origin")
    if origin is None:
        return Pose()
    x, y, z = numbers(origin.get("xyz", "0 0 0"), 3)
    return Pose((x, y, z), _quaternion(origin))


def _quaternion(origin: ET.Element) -> Quaternion:
    roll, pitch, yaw = numbers(origin.get("rpy", "0 0 0"), 3)
    return from_rpy(roll, pitch, yaw)


def colour_of(
    element: ET.Element | None, colours: dict[str, tuple[float, float, float, float]]
) -> tuple[float, float, float, float] | None:
    """The colour of a <material>, its own or by name; None where it has none."""
    if element is None:
        return None
    colour = element.find("color")
    if colour is None:
        return colours.get(element.get("name", ""))
    red, green, blue, alpha = numbers(colour.attrib["rgba"], 4)
    return (red, green, blue, alpha)


def numbers(text: str, count: int) -> tuple[float, ...]:
    """So many finite numbers with blanks between them."""
    values = tuple(value for word in text.split() if (value := number(word)) is not None and math.isfinite(value))
    if len(values) != count or len(values) != len(text.split()):
        raise ValueError(f"{text!r} is not {count} number{'s' * (count > 1)}")
    return values


def number(word: str) -> float | None:
    """A number, None for what is none."""
    try:
        return float(word)
    except ValueError:
        return None
